"""The slip FLUB: forward, loss, update, backward. A training Program in which the backward pass reads weights that are updated already."""

from __future__ import annotations

from dataclasses import replace

from chainrule.ir import Equation, Program, Value
from chainrule.ir.verify import verify


def update_before_backward(program: Program) -> Program:
    """Return a training Program that updates each layer before the layers below it have read its weights for their gradients.

    The last layer's update is still right; all others follow δ that came through weights which no forward pass has used.
    """
    updated = {port.name: port.value for port in program.outputs if port.role == "parameter"}
    new = {port.value: updated[port.name] for port in program.by_role("parameter") if port.name in updated}
    changed = [
        replace(equation, inputs=tuple(new.get(value, value) for value in equation.inputs)) if equation.phase == "backward" else equation
        for equation in program.equations
    ]
    return verify(replace(program, equations=tuple(_executable(changed))))


def _executable(equations: list[Equation]) -> list[Equation]:
    """Return equations in an order in which each value is defined before it is read."""
    definitions = {value: equation for equation in equations for value in equation.outputs}
    ordered: dict[Equation, None] = {}

    def place(value: Value) -> None:
        equation = definitions.get(value)
        if equation is not None and equation not in ordered:
            for operand in equation.inputs:
                place(operand)
            ordered[equation] = None

    for equation in equations:
        place(equation.outputs[0])
    return list(ordered)
