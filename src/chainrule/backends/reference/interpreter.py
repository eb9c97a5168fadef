"""The interpreter: one equation after the other, each by its primitive's meaning."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import numpy as np

from chainrule.ir import Equation, Program, Value, bind_axes
from chainrule.ops.tracing import untraced

Watch = Callable[[Equation, tuple[np.ndarray, ...]], None]


class Reference:
    """A program that can be run on NumPy arrays, any number of times and for any batch size.

    The dtypes are those of the program; ``transforms.retype`` makes the float64 or complex128 program of a float32 one.
    """

    def __init__(self, program: Program) -> None:
        self.program = program

    @cached_property
    def _last_use(self) -> list[tuple[Value, ...]]:
        """For each equation the values that nothing after it needs, so that their memory can go."""
        program = self.program
        alive = {port.value for port in program.outputs}
        dying: list[tuple[Value, ...]] = []
        for equation in reversed(program.equations):
            used = dict.fromkeys((*equation.outputs, *equation.inputs))
            dying.append(tuple(value for value in used if value not in alive))
            alive.update(used)
        return dying[::-1]

    def __call__(self, inputs: Mapping[str, np.ndarray], watch: Watch | None = None, threads: int | None = None) -> dict[str, np.ndarray]:
        """Run the program.

        Args:
            inputs: an array for each input, by name.
            watch: called after each equation with the arrays that it gave.
            threads: as for every backend; here there is one.

        Returns:
            An array for each output, by name.

        Raises:
            TypeRuleError: an input is missing or has another type.
            DataError: an index is out of its range.
        """
        rows = self.program.bind(inputs)
        env: dict[Value, np.ndarray] = {port.value: inputs[port.name] for port in self.program.inputs}
        with untraced():
            for equation, dying in zip(self.program.equations, self._last_use, strict=True):
                attributes = {name: bind_axes(value, rows) for name, value in equation.attributes.items()}
                result = equation.op.meaning(*(env[value] for value in equation.inputs), **attributes)
                results: tuple[Any, ...] = (result,) if len(equation.outputs) == 1 else result
                env.update(zip(equation.outputs, results, strict=True))
                if watch is not None:
                    watch(equation, results)
                for value in dying:
                    del env[value]
        return {port.name: np.array(env[port.value]) for port in self.program.outputs}  # copies: an output may be a view of an input


def evaluate(program: Program, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Run a program once; see :class:`Reference`."""
    return Reference(program)(inputs)
