"""The rules that every program keeps; run after every transform and on every program from a file."""

from __future__ import annotations

from chainrule.errors import ProgramError, TypeRuleError
from chainrule.ir.program import PHASES, Equation, Port, Program, Value
from chainrule.ir.types import Type


def verify(program: Program) -> Program:
    """Return the program if each value is defined once and before its use and each equation keeps its operation's type rule.

    Raises:
        ProgramError: naming the offending equation.
    """
    defined: set[Value] = set()
    for port in program.inputs:
        if port.value in defined:
            raise ProgramError(f"input '{port.name}' is the same value as an earlier input.")
        defined.add(port.value)
    for number, equation in enumerate(program.equations):
        _check_equation(equation, defined, f"equation {number}, {_show(equation)}")
        defined.update(equation.outputs)
    for port in program.outputs:
        if port.value not in defined:
            raise ProgramError(f"output '{port.name}' is never defined.")
    for ports, what in ((program.inputs, "input"), (program.outputs, "output")):
        _check_names(ports, what)
    return program


def _check_equation(equation: Equation, defined: set[Value], where: str) -> None:
    for value in equation.inputs:
        if value not in defined:
            raise ProgramError(f"{where}: operand {value!r} is used before it is defined.")
    for value in equation.outputs:
        if value in defined:
            raise ProgramError(f"{where}: {value!r} is defined twice.")
    if not equation.origins or any(origin.phase not in PHASES for origin in equation.origins):
        raise ProgramError(f"{where}: its phase is not one of {', '.join(PHASES)}.")
    try:
        result = equation.op.type_rule(*(value.type for value in equation.inputs), **equation.attributes)
    except (TypeRuleError, TypeError) as error:  # TypeError: a wrong number of operands or unknown attributes
        raise ProgramError(f"{where}: {error}") from error
    expected = (result,) if isinstance(result, Type) else result
    actual = tuple(value.type for value in equation.outputs)
    if expected != actual:
        raise ProgramError(f"{where}: the type rule gives {_types(expected)}, the equation says {_types(actual)}.")


def _check_names(ports: tuple[Port, ...], what: str) -> None:
    seen: set[str] = set()
    for port in ports:
        if port.name in seen:
            raise ProgramError(f"two {what}s are named '{port.name}'.")
        seen.add(port.name)


def _show(equation: Equation) -> str:
    layer = f" in {equation.layer}" if equation.layer else ""
    return f"{equation.op.name}({_types(tuple(value.type for value in equation.inputs))}){layer}"


def _types(types: tuple[Type, ...]) -> str:
    return ", ".join(map(str, types))
