"""The coarsest answer: each quantity of a step as a whole, with its statistics."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Tensor:
    """An array in a few numbers: its shape and type, the range, mean and standard deviation of its elements, its Euclidean norm, how many
    are 0, and how many are NaN or infinite (they count for nothing else)."""

    shape: tuple[int, ...]
    dtype: str
    smallest: float
    largest: float
    mean: float
    std: float
    norm: float
    zeros: int
    nonfinite: int = 0

    @classmethod
    def of(cls, array: np.ndarray) -> Tensor:
        """Measure an array; sums are made in float64."""
        numbers = array.astype(np.float64, copy=False).reshape(-1)
        finite = numbers[np.isfinite(numbers)]
        known = finite if finite.size else np.zeros(1)
        mean, square = float(known.mean()), float(np.dot(known, known))
        variance = max(square / known.size - mean * mean, 0.0)
        return cls(
            array.shape,
            array.dtype.name,
            float(known.min()),
            float(known.max()),
            mean,
            variance**0.5,
            square**0.5,
            int(finite.size - np.count_nonzero(finite)),
            int(numbers.size - finite.size),
        )

    def to_json(self) -> dict[str, Any]:
        """Return the numbers as JSON-ready data."""
        return {**asdict(self), "shape": list(self.shape)}
