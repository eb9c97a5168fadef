"""Where a number first became NaN or infinite."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from chainrule.backends.reference import Reference
from chainrule.errors import NonFiniteError
from chainrule.ir import B, Equation, Type
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
    names = value_names(compiled.program)
    found: list[str] = []

    def place(array: np.ndarray, type: Type) -> str:
        at = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
        if type.shape and type.shape[0] == B:
            row = at[0] if rows is None else int(rows[at[0]])
            return f" at row {row}" + (f", column {', '.join(map(str, at[1:]))}" if at[1:] else "")
        return f" at {list(at)}" if at else ""

    def watch(equation: Equation, results: tuple[np.ndarray, ...]) -> None:
        for value, array in zip(equation.outputs, results, strict=True):
            if not found and value.type.is_float and not np.isfinite(array).all():
                formula = show_formula(equation, (names[operand] for operand in equation.inputs))
                number = array[~np.isfinite(array)].flat[0]
                found.append(f"in the {equation.phase} phase {names[value]} = {formula} gave {number}{place(array, value.type)}")

    for port in compiled.program.inputs:
        array = inputs[port.name]
        if not found and port.type.is_float and not np.isfinite(array).all():
            found.append(f"{port.role} '{port.name}' holds {array[~np.isfinite(array)].flat[0]}{place(array, port.type)}")
    compiled(inputs, watch)
    error = NonFiniteError(
        f"epoch {state.epoch + 1}, step {state.step + 1}: {found[0] if found else 'the loss is not finite'}; "
        "the update was not applied. Try a smaller learning rate, or clipping."
    )
    error.state = state
    return error
