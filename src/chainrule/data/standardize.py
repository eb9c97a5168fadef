"""The mean and the scale by which numbers are standardized: (value − mean) / scale."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray


def mean_and_scale(values: NDArray[np.float64], weights: NDArray[np.float64] | None = None) -> tuple[float, float]:
    """Return the mean and the population standard deviation, √(Σ(value − mean)² / rows), of finite values (rows,).

    With ``weights`` (rows,) they are those of values that stand there so often: Σw·value / Σw and √(Σw·(value − mean)² / Σw). A scale that
    would be 0 is 1, and no values have the mean 0: there is nothing to measure by. Values of any size are handled: they are brought near 1
    by a power of two first, which is exact, so that no square overflows or vanishes.
    """
    if weights is not None:
        values, weights = values[weights > 0], weights[weights > 0]
    if not len(values):
        return 0.0, 1.0
    low, high = float(values.min()), float(values.max())
    if low == high:  # the rounded mean of equal values may differ from them, and then so would the scale from 0
        return low, 1.0
    exponent = math.frexp(max(abs(low), abs(high)))[1]
    near_one = np.ldexp(values, -exponent)
    if weights is None:
        mean, scale = float(near_one.mean()), float(near_one.std())
    else:
        mean = float(np.average(near_one, weights=weights))
        scale = math.sqrt(float(np.average(np.square(near_one - mean), weights=weights)))
    return math.ldexp(mean, exponent), math.ldexp(scale, exponent) or 1.0
