"""Composite functions written out in primitives."""

from __future__ import annotations

from dataclasses import replace

from chainrule.ir import Program, Value
from chainrule.ops.primitive import Primitive
from chainrule.ops.tracing import trace
from chainrule.transforms.simplify import simplify


def expand(program: Program) -> Program:
    """Return the program with each composite equation (softmax, cross-entropy …) replaced by its definition, down to primitives."""

    equations = []
    stands_for: dict[Value, Value] = {}
    for equation in program.equations:
        op = equation.op
        equation = replace(equation, inputs=tuple(stands_for.get(value, value) for value in equation.inputs))
        if not isinstance(op, Primitive) or op.definition is None:
            equations.append(equation)
            continue
        inner = expand(trace(lambda *xs, f=op.definition, a=equation.attributes: f(*xs, **a), *(v.type for v in equation.inputs)))
        swap = dict(zip((port.value for port in inner.inputs), equation.inputs, strict=True))
        for part in inner.equations:
            equations.append(replace(part, inputs=tuple(swap.get(v, v) for v in part.inputs), origins=equation.origins))
        for old, port in zip(equation.outputs, inner.outputs, strict=True):
            stands_for[old] = new = swap.get(port.value, port.value)
            new.name = new.name or old.name
    place = lambda value: stands_for.get(value, value)  # noqa: E731 - in three places
    equations = [replace(e, origins=tuple(origin.moved(place) for origin in e.origins)) for e in equations]
    outputs = tuple(replace(port, value=stands_for.get(port.value, port.value)) for port in program.outputs)
    return simplify(Program(program.inputs, tuple(equations), outputs))
