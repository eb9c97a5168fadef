"""The rules that every program keeps; run after every transform and on every program from a file."""

from __future__ import annotations

from chainrule.errors import ProgramError
from chainrule.ir.program import PHASES, Equation, Port, Program, Value
from chainrule.ir.types import Type, depends_on_batch


def verify(program: Program) -> Program:
    """Return the program if each value is defined once and before its use, each equation keeps its operation's type rule, and
    some input binds B if anything is as long as B.

    Raises:
        ProgramError: naming the offending equation.
    """
    defined: set[Value] = set()
    for port in program.inputs:
        if port.value in defined:
            raise ProgramError(f"input '{port.name}' is the same value as an earlier input.")
        defined.add(port.value)
    bound = any(depends_on_batch(port.type.shape) for port in program.inputs)
    for number, equation in enumerate(program.equations):
        if (wrong := _wrong(equation, defined, bound)) is not None:
            raise ProgramError(f"equation {number}, {_show(equation)}: {wrong}")
    for n, equation in enumerate(program.equations):  # a merged equation can stand before what it is the derivative of
        for origin in equation.origins:
            if origin.source is not None and origin.source not in defined:
                raise ProgramError(f"equation {n}, {_show(equation)}: it is the derivative of {origin.source!r}, which is not defined.")
    for port in program.outputs:
        if port.value not in defined:
            raise ProgramError(f"output '{port.name}' is never defined.")
    for ports, what in ((program.inputs, "input"), (program.outputs, "output")):
        _check_names(ports, what)
    return program


def _wrong(equation: Equation, defined: set[Value], bound: bool) -> str | None:
    """Return what is wrong with an equation, and add what it defines."""
    for value in equation.inputs:
        if value not in defined:
            return f"operand {value!r} is used before it is defined."
    for value in equation.outputs:
        if value in defined:
            return f"{value!r} is defined twice."
        defined.add(value)
    if not equation.origins or any(origin.phase not in PHASES for origin in equation.origins):
        return f"its phase is not one of {', '.join(PHASES)}."
    try:
        result = equation.op.type_rule(*(value.type for value in equation.inputs), **equation.attributes)
    except Exception as error:  # whatever a rule trips over when a file gives it operands or attributes of a wrong kind
        return str(error)
    expected = (result,) if isinstance(result, Type) else result
    actual = tuple(value.type for value in equation.outputs)
    if expected != actual:
        return f"the type rule gives {_types(expected)}, the equation says {_types(actual)}."
    unbound = not bound and any(map(depends_on_batch, (*equation.attributes.values(), *(type.shape for type in actual))))
    return "it depends on B, which no input of the program binds." if unbound else None


def _check_names(ports: tuple[Port, ...], what: str) -> None:
    seen: set[str] = set()
    for port in ports:
        if port.name in seen:
            raise ProgramError(f"two {what}s are named '{port.name}'.")
        seen.add(port.name)


def _show(equation: Equation) -> str:
    layer = next((f" in {origin.layer}" for origin in equation.origins[:1] if origin.layer), "")
    return f"{equation.op.name}({_types(tuple(value.type for value in equation.inputs))}){layer}"


def _types(types: tuple[Type, ...]) -> str:
    return ", ".join(map(str, types))
