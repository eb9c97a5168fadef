"""The rows that a model sees as most alike."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def distances(hidden: NDArray[np.float64], own: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how far rows are from one row, by the Euclidean distance of their hidden outputs [rows, units] and its own [units]."""
    far: NDArray[np.float64] = np.sqrt(((hidden - own) ** 2).sum(1))
    return far


def nearest(far: NDArray[np.float64], row: int, count: int) -> list[tuple[int, float]]:
    """Return the nearest rows by their distances [rows], nearest first, without the row itself; each with its distance."""
    others = [int(place) for place in np.argsort(far, kind="stable")[: count + 1] if place != row]
    return [(place, float(far[place])) for place in others[:count]]
