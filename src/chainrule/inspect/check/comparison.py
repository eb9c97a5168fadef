"""Gradients beside their witnesses, parameter by parameter."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from chainrule.inspect.check.witnesses import CentralDifferences, ComplexStep, Difference

SMALL = 1_000
"""A network with at most so many parameters is small: each of its weights is moved alone."""
SAMPLE, DIRECTIONS = 32, 4
"""Of a large network, so many weights of each parameter are moved alone, and so often all of them at once, each up or down at random."""

TOLERANCE = 1e-9
"""The largest error of a float64 gradient against the complex step, relative to the largest gradient of the parameter."""
DIFFERENCE_TOLERANCE = 1e-5
"""The same against central differences, which are that much coarser."""

_EPS = float(np.finfo(np.float64).eps)
_FINER = _EPS / float(np.finfo(np.float32).eps)
_MARGIN = 200.0
_SURE = 1e-3

Index = tuple[int, ...]


@dataclass(frozen=True)
class Comparison:
    """One derivative of the loss: by backpropagation, and by the witness. ``index`` is the weight's, ``None`` for all weights at once."""

    index: Index | None
    gradient: float
    expected: float
    error: float

    def to_json(self) -> dict[str, Any]:
        """Return the comparison as JSON-ready data."""
        index = None if self.index is None else list(self.index)
        return {"index": index, "gradient": self.gradient, "expected": self.expected, "relative_error": self.error}


@dataclass
class LayerCheck:
    """What was found of the gradient of one parameter. Errors are relative to its largest gradient.

    Attributes:
        path: the parameter. ``weights``: how many numbers it has. ``largest``: its largest gradient, without the sign.
        singles, directions: the derivatives compared with the complex step: of single weights, and of all weights at once.
        error: the largest error against the complex step, ``worst`` where it is.
        differences: how many were compared with central differences too; ``difference_error`` is the largest error there,
            ``difference_worst`` where it is, and ``difference_excess`` the largest beyond what a difference is itself unsure of.
        kinks: how many were not, because the loss has a kink within the step; ``unsure``: because they drown in rounding.
        float32_error: how far the gradient in float32 is from float64; ``None`` for a model in float64.
        incomplete: how many derivatives the complex step cannot say, its numbers being too large.
    """

    path: str
    weights: int
    largest: float
    singles: int = 0
    directions: int = 0
    error: float = 0.0
    worst: Comparison | None = None
    differences: int = 0
    difference_error: float = 0.0
    difference_excess: float = 0.0
    difference_worst: Comparison | None = None
    kinks: int = 0
    unsure: int = 0
    float32_error: float | None = None
    incomplete: int = 0

    @property
    def ok(self) -> bool:
        """Whether the gradient agrees with both witnesses (an error that is no number does not)."""
        return self.error <= TOLERANCE and self.difference_excess <= DIFFERENCE_TOLERANCE

    @property
    def telling(self) -> Comparison | None:
        """The comparison that tells most: the worst against the complex step, or against the differences if those alone fail."""
        return self.worst if self.error > TOLERANCE or self.ok else self.difference_worst

    @property
    def compared(self) -> int:
        """How many derivatives were compared with the complex step."""
        return self.singles + self.directions

    def to_json(self) -> dict[str, Any]:
        """Return the layer as JSON-ready data."""
        return {
            "ok": self.ok,
            "weights": self.weights,
            "compared": self.compared,
            "singles": self.singles,
            "directions": self.directions,
            "largest_gradient": self.largest,
            "relative_error": self.error,
            "differences": {
                "compared": self.differences,
                "kinks": self.kinks,
                "unsure": self.unsure,
                "relative_error": self.difference_error,
            },
            "float32_relative_error": self.float32_error,
            "worst": None if self.telling is None else self.telling.to_json(),
        }


@dataclass
class Comparer:
    """Compares gradients with their witnesses.

    Args:
        complex_step, differences: the witnesses of one loss.
        gradients: float64 gradients by path; of several sources, each of them is compared.
        rounded: the same gradients computed in float32, which shows how much rounding is magnified on the way.
        everything: whether each weight is moved alone.
        float32: whether the model is in float32.
        seed: of the sample.
    """

    complex_step: ComplexStep
    differences: CentralDifferences
    gradients: list[dict[str, np.ndarray]]
    rounded: dict[str, np.ndarray]
    everything: bool
    float32: bool
    seed: int = 0
    _largest: float = field(init=False)

    def __post_init__(self) -> None:
        self._largest = max((float(np.abs(g).max(initial=0.0)) for g in self.gradients[0].values()), default=0.0)

    def layer(self, path: str) -> LayerCheck:
        """Compare the gradient of one parameter."""
        gradient = self.gradients[0][path]
        largest = float(np.abs(gradient).max(initial=0.0))
        away = float(np.abs(self.rounded[path] - gradient).max(initial=0.0))
        noise = max(
            _MARGIN * _FINER * (away if math.isfinite(away) else largest), 8 * _EPS * max(self._largest, self.differences.magnitude)
        )
        float32_error = away / largest if self.float32 and largest else 0.0 if self.float32 else None
        found = LayerCheck(path, gradient.size, largest, float32_error=float32_error)
        tally = _Tally(found, noise)
        by_step, by_difference = self.complex_step.along(path), self.differences.along(path)
        for index, direction in self._directions(gradient):
            scale = largest if index is not None else float(np.linalg.norm(gradient))
            claims = [float(np.vdot(direction, source[path])) for source in self.gradients if path in source]
            expected = by_step(direction)
            claim = max(claims, key=lambda claim: abs(claim - expected) if math.isfinite(claim) else math.inf)
            tally.step(index, claim, expected, scale)
            tally.difference(index, claim, by_difference(direction, claim), scale)
        return found

    def _directions(self, gradient: np.ndarray) -> Iterator[tuple[Index | None, np.ndarray]]:
        """Yield the directions in which a parameter is moved: single weights (with their index), or all weights up or down."""
        everything = self.everything or gradient.size <= SAMPLE
        chosen = np.arange(gradient.size)
        random = np.random.Generator(np.random.Philox(self.seed))
        if not everything:  # the weight that matters most is among them
            largest = int(np.abs(gradient).argmax())
            chosen = np.sort([largest, *random.choice(np.delete(chosen, largest), SAMPLE - 1, replace=False)])
        for place in chosen:
            direction = np.zeros(gradient.shape)
            direction.flat[place] = 1.0
            yield tuple(int(i) for i in np.unravel_index(place, gradient.shape)), direction
        for _ in range(0 if everything else DIRECTIONS):
            yield None, random.choice([-1.0, 1.0], gradient.shape)


@dataclass
class _Tally:
    """Counts the comparisons of one parameter into what was found of it; the ``noise`` is that of its gradients."""

    found: LayerCheck
    noise: float

    def step(self, index: Index | None, gradient: float, expected: float, scale: float) -> None:
        """Count a comparison with the complex step."""
        found = self.found
        if math.isfinite(gradient) and not math.isfinite(expected):
            found.incomplete += 1
            return
        found.singles += index is not None
        found.directions += index is None
        error = _relative(abs(gradient - expected), max(scale, abs(expected), self.noise / TOLERANCE))
        found.error = max(found.error, error)
        found.worst = _worse(found.worst, Comparison(index, gradient, expected, error), TOLERANCE)

    def difference(self, index: Index | None, gradient: float, difference: Difference | None, scale: float) -> None:
        """Count a comparison with a central difference and its uncertainty."""
        found = self.found
        if difference is None:
            found.kinks += 1
            return
        value, uncertainty = difference.value, difference.uncertainty
        scale = max(scale, abs(value), self.noise / TOLERANCE)
        if uncertainty > _SURE * scale:
            found.unsure += 1
            return
        found.differences += 1
        distance = abs(gradient - value) if math.isfinite(gradient) else math.inf
        error = _relative(distance, scale)
        found.difference_excess = max(found.difference_excess, _relative(max(distance - uncertainty, 0.0), scale))
        found.difference_error = max(found.difference_error, error)
        found.difference_worst = _worse(found.difference_worst, Comparison(index, gradient, value, error), DIFFERENCE_TOLERANCE)


def _worse(one: Comparison | None, other: Comparison, tolerance: float) -> Comparison:
    """Return the worse of two comparisons; one of a single weight, if it is wrong, says more than one of all weights at once."""
    if one is None or (one.index is None and other.index is not None and other.error > tolerance):
        return other
    if one.index is not None and other.index is None and one.error > tolerance:
        return one
    return other if other.error > one.error else one


def _relative(distance: float, scale: float) -> float:
    return distance / scale if math.isfinite(distance) else math.inf
