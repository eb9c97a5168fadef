"""The mean and the scale by which numbers are standardized: (value − mean) / scale."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray


def mean_and_scale(values: NDArray[np.float64]) -> tuple[float, float]:
    """Return the mean and the population standard deviation, √(Σ(value − mean)² / rows), of finite values (rows,).

    A scale that would be 0 is 1, and no values have the mean 0: there is nothing to measure by. Values of any size are handled: they are
    brought near 1 by a power of two first, which is exact, so that no square overflows or vanishes.
    """
    if not len(values):
        return 0.0, 1.0
    low, high = float(values.min()), float(values.max())
    if low == high:  # the rounded mean of equal values may differ from them, and then so would the scale from 0
        return low, 1.0
    exponent = math.frexp(max(abs(low), abs(high)))[1]
    near_one = np.ldexp(values, -exponent)
    mean = float(near_one.mean())
    return math.ldexp(mean, exponent), math.ldexp(float(near_one.std()), exponent) or 1.0
