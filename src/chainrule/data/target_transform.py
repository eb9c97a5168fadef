"""What is done to a regression's target before it is standardized, and undone to every prediction."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.data.standardize import mean_and_scale


def _same(values: Any) -> Any:
    return values


@dataclass(frozen=True)
class Transform:
    """A transform of numbers by its name.

    ``forward`` is what is done to values, ``backward`` undoes it. Values must be above ``above``, and at least ``least``. The learned
    numbers are (forward(value) − mean) / scale, with ``fit`` giving mean and scale.
    """

    name: str
    forward: Callable[[Any], Any]
    backward: Callable[[Any], Any]
    fit: Callable[[NDArray[np.float64], NDArray[np.float64] | None], tuple[float, float]]
    above: float = -math.inf
    least: float = -math.inf

    def first_outside(self, values: NDArray[np.float64]) -> int | None:
        """Return the place of the first value that the transform does not take, if there is one."""
        outside = np.flatnonzero(~((values > self.above) & (values >= self.least)))
        return int(outside[0]) if outside.size else None

    @property
    def domain(self) -> str:
        """Say which values the transform takes."""
        return f"above {self.above:g}" if self.above > -math.inf else f"at least {self.least:g}"


def _rate(values: NDArray[np.float64], weights: NDArray[np.float64] | None) -> tuple[float, float]:
    return 0.0, float(np.average(values, weights=weights)) or 1.0


STANDARDIZE, AS_IT_IS, COUNTS = "standardize", "none", "counts"

TRANSFORMS: dict[str, Transform] = {
    transform.name: transform
    for transform in (
        Transform(STANDARDIZE, _same, _same, mean_and_scale),
        Transform("log", np.log, np.exp, mean_and_scale, above=0.0),
        Transform("log1p", np.log1p, np.expm1, mean_and_scale, above=-1.0),
        Transform(AS_IT_IS, _same, _same, lambda values, weights: (0.0, 1.0)),
        Transform(COUNTS, _same, _same, _rate, least=0.0),
    )
}
"""By name; ``counts``, a multiple of the mean, belongs to the loss of counts and is no option."""

OPTIONS = tuple(name for name in TRANSFORMS if name != COUNTS)
