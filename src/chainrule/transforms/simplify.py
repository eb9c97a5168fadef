"""Dead code and common subexpressions."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from chainrule.ir import Equation, Port, Program, Value
from chainrule.ir.verify import verify


def simplify(program: Program) -> Program:
    """Return the program without equations that nothing needs, and with equal equations merged into the first of them.

    A merged equation keeps the origins of all. Meanings are pure, so no result changes, not by a bit.
    """
    return verify(_without_dead(_merged(program)))


def _merged(program: Program) -> Program:
    kept: dict[Hashable, Equation] = {}
    stands_for: dict[Value, Value] = {}
    hints: dict[Value, str] = {}
    for equation in program.equations:
        inputs = tuple(stands_for.get(value, value) for value in equation.inputs)
        key = (equation.op.name, inputs, _hashable(equation.attributes))
        first = kept.get(key)
        if first is None:
            kept[key] = equation
            continue
        stands_for.update(zip(equation.outputs, first.outputs, strict=True))
        for ours, theirs in zip(first.outputs, equation.outputs, strict=True):
            hints[ours] = hints.get(ours, ours.name) or theirs.name
        kept[key] = replace(first, origins=tuple(dict.fromkeys((*first.origins, *equation.origins))))
    named = {value: Value(value.type, name) for value, name in hints.items() if name != value.name}

    def place(value: Value) -> Value:
        value = stands_for.get(value, value)
        return named.get(value, value)

    def placed(values: Iterable[Value]) -> tuple[Value, ...]:
        return tuple(map(place, values))

    equations = tuple(
        Equation(e.op, placed(e.inputs), placed(e.outputs), e.attributes, tuple(o.moved(place) for o in e.origins)) for e in kept.values()
    )
    return Program(program.inputs, equations, tuple(Port(port.name, port.role, place(port.value)) for port in program.outputs))


def _hashable(attribute: Any) -> Hashable:
    if isinstance(attribute, dict):
        return tuple((name, _hashable(value)) for name, value in sorted(attribute.items()))
    if isinstance(attribute, np.ndarray):
        return (attribute.dtype.name, attribute.shape, attribute.tobytes())
    if isinstance(attribute, tuple):
        return tuple(map(_hashable, attribute))
    # 0.0 and -0.0 are equal, 1 and 1.0 and True as well, and none of them may be merged
    return (type(attribute).__name__, repr(attribute)) if isinstance(attribute, (int, float, complex)) else attribute


def _without_dead(program: Program) -> Program:
    live = {port.value for port in program.outputs}
    kept: list[Equation] = []
    for equation in reversed(program.equations):
        if any(value in live for value in equation.outputs):
            kept.append(equation)
            live.update(equation.inputs)
    defined = {port.value for port in program.inputs} | {value for equation in kept for value in equation.outputs}
    gone = lambda value: value if value in defined else None  # noqa: E731
    equations = (Equation(e.op, e.inputs, e.outputs, e.attributes, tuple(o.moved(gone) for o in e.origins)) for e in reversed(kept))
    return Program(program.inputs, tuple(equations), program.outputs)
