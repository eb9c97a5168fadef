"""The same Program in another float type."""

from __future__ import annotations

from typing import Any

from chainrule.errors import TypeRuleError
from chainrule.ir import Equation, Port, Program, Type, Value
from chainrule.ir.types import FLOATS
from chainrule.ir.verify import verify


def retype(program: Program, dtype: str) -> Program:
    """Return the program with every float type replaced by ``dtype``: float32, float64, or complex128 for the complex step.

    Integers, and the masks that are made by comparing them, stay what they are, so a dropout mask is the same in each.
    """
    if dtype not in FLOATS:
        raise TypeRuleError(f"a program is retyped to one of {', '.join(sorted(FLOATS))}, not to {dtype}.")
    env: dict[Value, Value] = {}

    def moved(value: Value) -> Value:
        if value not in env:
            type = Type(dtype, value.type.shape) if value.type.is_float else value.type
            env[value] = Value(type, value.name)
        return env[value]

    def attribute(name: str, value: Any) -> Any:
        return dtype if name == "dtype" and value in FLOATS else value

    inputs = tuple(Port(port.name, port.role, moved(port.value)) for port in program.inputs)
    equations = tuple(
        Equation(
            e.op,
            tuple(map(moved, e.inputs)),
            tuple(map(moved, e.outputs)),
            {name: attribute(name, value) for name, value in e.attributes.items()},
            tuple(origin.moved(moved) for origin in e.origins),
        )
        for e in program.equations
    )
    return verify(Program(inputs, equations, tuple(Port(port.name, port.role, moved(port.value)) for port in program.outputs)))
