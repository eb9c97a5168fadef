"""Two witnesses of a gradient that know nothing of the chain rule: the complex step and central differences.

Both only run the forward and the loss phase with moved weights, and say how the loss changes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from chainrule.backends.reference import Reference
from chainrule.inspect.reading.recording import Recording
from chainrule.ir import Batch, Equation, Port, Program, Value
from chainrule.ops.elementwise import real
from chainrule.transforms import retype

H = 1e-30
"""The complex step: so small that h² vanishes beside 1, and nothing is subtracted that could cancel."""

_STEPS = tuple(np.finfo(np.float64).eps ** (1 / 3) / shrink for shrink in (1, 16, 256))
"""Of central differences: ∛ε, where the errors of rounding and of curvature are in balance; less where a kink is in between."""

_ONE_SIDED = frozenset({"relu", "leaky_relu", "elu", "selu", "softsign", "abs", "sign"})
_COMPARING = frozenset({"maximum", "minimum", "less", "less_equal", "equal", "not_equal"})
_AMBIGUOUS = frozenset({"abs"})  # where the complex step takes the slope of one side, and the rule the middle


def typed(program: Program, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the arrays that a program takes, each in the dtype of its input."""
    return {port.name: np.asarray(arrays[port.name]).astype(port.type.dtype, copy=False) for port in program.inputs}


def downstream(program: Program, source: str, output: str = "loss") -> tuple[Program, dict[str, Value]]:
    """Return the part of a program that depends on one input.

    Returns:
        The program of that part, and its further inputs: what it reads of the rest, by the names that they have in it.
    """
    active = {program.input(source).value}
    equations: list[Equation] = []
    for equation in program.equations:
        if any(value in active for value in equation.inputs):
            active.update(equation.outputs)
            equations.append(equation)
    result = program.output(output)
    batch = [port.value for port in program.inputs if any(isinstance(axis, Batch) for axis in port.type.shape)]  # they bind B
    read = [value for equation in equations for value in equation.inputs]
    outer = {f"v{n}": value for n, value in enumerate(dict.fromkeys(v for v in (*batch, *read, result.value) if v not in active))}
    inputs = (program.input(source), *(Port(name, "value", value) for name, value in outer.items()))
    return Program(inputs, tuple(equations), (result,)), outer


class ComplexStep:
    """Derivatives of a loss as Im loss(w + ih·d)/h: exact to rounding error (Squire and Trapp 1998).

    Args:
        program: a loss Program, in any float type.
        arrays: its inputs.
    """

    def __init__(self, program: Program, arrays: Mapping[str, np.ndarray]) -> None:
        self._program = retype(program, "complex128")
        self._base = Recording(self._program, typed(self._program, arrays))

    def along(self, path: str) -> Callable[[np.ndarray], float]:
        """Return the function from a direction in a parameter to the derivative of the loss along it.

        It is NaN where numbers on the way are too large, or where a number stands on a kink and does not stay there: of the real parts
        the terms in h² are left, and they would choose the side.
        """
        part, outer = downstream(self._program, path)
        run, weight = _Sides(part), self._base.inputs[path]
        fixed = {name: self._base.values[value] for name, value in outer.items()}
        _, base = run({**fixed, path: weight})
        certain = all(side.all() for side in base)

        def derivative(direction: np.ndarray) -> float:
            loss, sides = run({**fixed, path: weight + 1j * H * direction})
            return float(loss.imag) / H if certain or _same(base, sides) else float("nan")

        return derivative


@dataclass(frozen=True)
class Difference:
    """A derivative by central differences, and how far from the truth it may be by its own account."""

    value: float
    uncertainty: float


class CentralDifferences:
    """Derivatives of a loss as (loss(w + h·d) − loss(w − h·d)) / 2h in float64.

    Args:
        program: a loss Program, in any float type.
        arrays: its inputs.
    """

    def __init__(self, program: Program, arrays: Mapping[str, np.ndarray]) -> None:
        self._program = retype(program, "float64")
        self._base = Recording(self._program, typed(self._program, arrays))

    def along(self, path: str) -> Callable[[np.ndarray, float], Difference | None]:
        """Return the function from a direction in a parameter, and the derivative that is claimed, to the difference.

        Where it does not bear the claim out, it is taken again with a smaller step, which shows how sure it is of itself. It is ``None``
        where a kink of the loss lies within the smallest step.
        """
        part, outer = downstream(self._program, path)
        fixed = {name: self._base.values[value] for name, value in outer.items()}
        sides, weight = _Sides(part), self._base.inputs[path]
        base = sides({**fixed, path: weight})[1]
        rounding = 8 * float(np.finfo(np.float64).eps) * self.magnitude

        def difference(direction: np.ndarray, claimed: float) -> Difference | None:
            size = float(np.linalg.norm(direction))
            scale = max(1.0, float(np.abs(weight[direction != 0]).max(initial=0.0))) / size
            earlier: float | None = None
            found: Difference | None = None
            for step in (float(scale * step) for step in _STEPS):
                above, side_above = sides({**fixed, path: weight + step * direction})
                below, side_below = sides({**fixed, path: weight - step * direction})
                if not _same(base, side_above) or not _same(base, side_below):
                    continue
                value = float(above - below) / (2 * step)
                found = Difference(value, rounding / step + (0.0 if earlier is None else abs(value - earlier)))
                if abs(value - claimed) <= found.uncertainty + 1e-6 * abs(claimed) or earlier is not None:
                    return found
                earlier = value
            return found

        return difference

    @property
    def loss(self) -> float:
        """The loss itself."""
        return float(self._base.outputs["loss"])

    @cached_property
    def magnitude(self) -> float:
        """The largest number on the way to the loss, 1 at least: rounding is so many times the machine's ε."""
        finite = (array[np.isfinite(array)] for array in self._base.values.values() if array.dtype.kind == "f")
        return max((float(np.abs(array).max(initial=0.0)) for array in finite), default=0.0) + 1.0

    def on_kinks(self) -> int:
        """Return how many numbers stand exactly where two pieces of a function meet, such as 0 before relu."""
        return sum(int((side == 0).sum()) for _, side in self._kinks() if side.dtype.kind == "f")

    def ambiguous_rows(self) -> np.ndarray:
        """Return the rows of the batch with a number whose derivative is another from each side and taken from neither."""
        rows: set[int] = set()
        for equation, side in self._kinks():
            if equation.op.name in _AMBIGUOUS and side.ndim and isinstance(equation.inputs[0].type.shape[0], Batch):
                rows |= set(np.argwhere(side == 0)[:, 0].tolist())
        return np.array(sorted(rows), np.int64)

    def _kinks(self) -> list[tuple[Equation, np.ndarray]]:
        return [(equation, _side(equation, self._base.values)) for equation in self._program.equations if _has_kink(equation)]


def _has_kink(equation: Equation) -> bool:
    return equation.inputs[:1] != () and equation.inputs[0].type.is_float and equation.op.name in _ONE_SIDED | _COMPARING | {"floor"}


def _side(equation: Equation, values: Mapping[Value, np.ndarray]) -> np.ndarray:
    """Return for each element on which piece of its function it is; 0 between two."""
    operands = [values[value] for value in equation.inputs]
    if equation.op.name == "floor":
        return np.asarray(np.floor(real(operands[0])))
    return np.asarray(np.sign(real(operands[0] - operands[1] if equation.op.name in _COMPARING else operands[0])))


def _same(one: list[np.ndarray], other: list[np.ndarray]) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


class _Sides:
    """Runs a loss Program, and tells the loss and on which piece each number of a function with kinks is."""

    def __init__(self, program: Program) -> None:
        self._run = Reference(program)
        self._equations = [equation for equation in program.equations if _has_kink(equation)]
        self._needed = {value for equation in self._equations for value in equation.inputs}

    def __call__(self, inputs: Mapping[str, np.ndarray]) -> tuple[np.ndarray, list[np.ndarray]]:
        values = {port.value: inputs[port.name] for port in self._run.program.inputs}

        def keep(equation: Equation, results: tuple[np.ndarray, ...]) -> None:
            values.update((value, result) for value, result in zip(equation.outputs, results, strict=True) if value in self._needed)

        loss = self._run(inputs, keep)["loss"]
        return loss, [_side(equation, values) for equation in self._equations]
