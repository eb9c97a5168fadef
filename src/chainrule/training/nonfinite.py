"""Where a number first became NaN or infinite."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from chainrule.backends.reference import Reference
from chainrule.errors import NonFiniteError
from chainrule.ir import B, Equation, Program, Type, Value
from chainrule.ir.listing import show_formula, value_names
from chainrule.training.state import State


def explain_nonfinite(
    compiled: Reference, inputs: Mapping[str, np.ndarray], state: State, rows: np.ndarray | None = None
) -> NonFiniteError:
    """Run the step once more, equation by equation, and return the error that names the first NaN or infinity.

    Args:
        compiled: the step's Program.
        inputs: all of its inputs.
        state: the state before the step; the error carries it as ``state``.
        rows: the numbers of the batch's rows in the data.
    """
    program = compiled.program
    names = value_names(program)
    found: dict[Value, tuple[str, int | None]] = {}  # of each value that is not finite, in their order: what to say, and the row

    def look(value: Value, array: np.ndarray, says: str) -> None:
        if value.type.is_float and not np.isfinite(array).all():
            at = [int(i) for i in np.argwhere(~np.isfinite(array))[0]]
            number = array[tuple(at)]
            row, place = _place(at, value.type, rows)
            found[value] = f"{says} {number}{place}", row

    def watch(equation: Equation, results: tuple[np.ndarray, ...]) -> None:
        formula = show_formula(equation, (names[operand] for operand in equation.inputs))
        for value, array in zip(equation.outputs, results, strict=True):
            look(value, array, f"in the {equation.phase} phase {names[value]} = {formula} gave")

    for port in program.inputs:
        look(port.value, inputs[port.name], f"{port.role} '{port.name}' holds")
    compiled(inputs, watch)
    first = _first(program, found)
    given = any(port.value is first for port in program.inputs if port.role in ("x", "y", "w"))
    advice = "Mend or leave out that row." if given else "Try a smaller learning rate, or clipping."
    what, row = found[first]
    error = NonFiniteError(f"epoch {state.epoch + 1}, step {state.step + 1}: {what}; the update was not applied. {advice}")
    error.state, error.row = state, row
    return error


def _first(program: Program, found: Mapping[Value, object]) -> Value:
    """Return the first value that is not finite and led to the loss or a parameter that is not; one that ``where`` left aside did not."""
    reached = {port.value for port in program.outputs if port.role in ("loss", "parameter")} & found.keys()
    for equation in reversed(program.equations):
        if not reached.isdisjoint(equation.outputs):
            reached.update(value for value in equation.inputs if value in found)
    return next(value for value in found if value in reached)


def _place(at: list[int], type: Type, rows: np.ndarray | None) -> tuple[int | None, str]:
    """Return the row of the data, if the value has rows, and the place in words."""
    if B not in type.shape:
        return None, f" at {at}" if at else ""
    number = at.pop(type.shape.index(B))
    row = number if rows is None else int(rows[number])
    return row, f" at row {row}" + (f", column {', '.join(map(str, at))}" if at else "")
