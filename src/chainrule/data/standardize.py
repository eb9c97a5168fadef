"""The mean and the scale by which numbers are standardized: (value − mean) / scale."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

_TOGETHER = 16  # rows
_FAR = 1e150  # beyond it, and below its inverse, squares are no numbers


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


def of_columns(function: np.ufunc, block: NDArray[Any]) -> NDArray[Any]:
    """Return what a function such as ``np.minimum`` makes of each column (columns,) of some rows, in whatever order it takes them."""
    rows, columns = block.shape
    if block.flags.c_contiguous and rows and rows % _TOGETHER == 0:  # as fewer, longer rows, which NumPy goes through faster
        block = function.reduce(block.reshape(-1, _TOGETHER * columns), axis=0).reshape(_TOGETHER, columns)
    reduced: NDArray[Any] = function.reduce(block, axis=0)
    return reduced


def means_and_scales(blocks: Iterable[NDArray[np.floating]]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return :func:`mean_and_scale` of each column of an array that comes as blocks of its rows (rows, columns), which are read once.

    A column has the mean NaN where it has values that are missing, or whose squares are no numbers: that one takes
    :func:`mean_and_scale`. Source: Chan, Golub and LeVeque (1983), Algorithms for computing the sample variance.
    """
    count, mean, squares, low, high = 0, np.zeros(()), np.zeros(()), np.array(np.inf), np.array(-np.inf)
    for block in blocks:
        low, high = np.minimum(low, of_columns(np.minimum, block)), np.maximum(high, of_columns(np.maximum, block))
        values = block.astype(np.float64, order="C")  # the order of summation is that of no layout
        with np.errstate(over="ignore", invalid="ignore"):
            own = values.mean(axis=0)
            values -= own
            step, together = own - mean, count + len(values)
            squares = squares + np.einsum("ij,ij->j", values, values) + step * step * (count * len(values) / together)
            mean = mean + step * (len(values) / together)
        count = together
    largest = np.maximum(np.abs(low), np.abs(high)).astype(np.float64)
    equal = low == high
    usable = (largest < _FAR) & ((largest > 1 / _FAR) | equal)
    scale = np.sqrt(squares / max(count, 1))
    return np.where(usable, np.where(equal, low, mean), np.nan), np.where(equal | (scale == 0), 1.0, scale)
