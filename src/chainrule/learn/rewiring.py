"""A Program with a wire put elsewhere: some of its equations read another value than they should. So the engine itself makes a slip."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from chainrule.ir import Equation, Port, Program, Value
from chainrule.ir.verify import verify


def rewire(program: Program, wires: Mapping[Value, Value], readers: Callable[[Equation], bool]) -> Program:
    """Return a Program in which the chosen equations read other values, in an order that can be executed.

    Args:
        program: any Program.
        wires: for a value the one that is read in its place; one that the Program does not know becomes an input ``wire_1``, ``wire_2`` …
        readers: which equations are rewired.

    Raises:
        ProgramError: an equation would depend on its own result.
    """
    known = {port.value for port in program.inputs} | set(program.definitions())
    fresh = [value for value in dict.fromkeys(wires.values()) if value not in known]
    inputs = program.inputs + tuple(Port(f"wire_{number}", "wire", value) for number, value in enumerate(fresh, 1))
    equations = [
        replace(equation, inputs=tuple(wires.get(value, value) for value in equation.inputs)) if readers(equation) else equation
        for equation in program.equations
    ]
    return verify(Program(inputs, tuple(_executable(equations)), program.outputs))


def _executable(equations: list[Equation]) -> list[Equation]:
    """Return equations in an order in which each value is defined before it is read."""
    definitions = {value: equation for equation in equations for value in equation.outputs}
    ordered: dict[Equation, None] = {}
    begun: set[Equation] = set()

    def place(equation: Equation) -> None:
        if equation in begun:  # placed, or in a circle, which verify reports
            return
        begun.add(equation)
        for value in equation.inputs:
            if value in definitions:
                place(definitions[value])
        ordered[equation] = None

    for equation in equations:
        place(equation)
    return list(ordered)
