"""Composite functions written out in primitives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from chainrule.ir import Equation, Program, Value
from chainrule.ops.primitive import Primitive
from chainrule.ops.tracing import trace
from chainrule.transforms.simplify import simplify


def expand(program: Program, forms: Mapping[str, Callable[..., object]] | None = None, *, whole: bool = True) -> Program:
    """Return the program with each composite equation (softmax, cross-entropy …) replaced by its definition, down to primitives.

    Args:
        program: any program.
        forms: for composites by name, what they are replaced by in place of their definitions.
        whole: whether what a composite is written in is replaced in its turn.
    """
    equations, stands_for = list[Equation](), dict[Value, Value]()
    for equation in program.equations:
        op, equation = equation.op, replace(equation, inputs=tuple(stands_for.get(value, value) for value in equation.inputs))
        if not isinstance(op, Primitive) or op.definition is None:
            equations.append(equation)
            continue
        form = (forms or {}).get(op.name, op.definition)
        inner = trace(lambda *xs, f=form, a=equation.attributes: f(*xs, **a), *(v.type for v in equation.inputs))
        inner = expand(inner, forms) if whole else inner
        swap = dict(zip((port.value for port in inner.inputs), equation.inputs, strict=True))
        for part in inner.equations:
            equations.append(replace(part, inputs=tuple(swap.get(v, v) for v in part.inputs), origins=equation.origins))
        for old, port in zip(equation.outputs, inner.outputs, strict=True):
            stands_for[old] = new = swap.get(port.value, port.value)
            new.name = new.name or old.name
    place: Callable[[Value], Value] = lambda value: stands_for.get(value, value)  # noqa: E731 - in three places
    equations = [replace(e, origins=tuple(origin.moved(place) for origin in e.origins)) for e in equations]
    return simplify(Program(program.inputs, tuple(equations), tuple(replace(port, value=place(port.value)) for port in program.outputs)))
