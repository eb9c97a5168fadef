"""The order in which the engine adds the terms of a sum, with the partial sums that it comes to, each rounded as there.

A product of matrices adds its terms k ascending, each by a fused multiply-add: one rounding for ``partial + a · b``. A sum whose last axis
is kept adds in the order of the rows; along a last axis that is summed there are 16 lanes, which a fixed tree joins: 8 with 8, 4 with 4 …
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

LANES = 16
"""Of a sum along the last axis, on every machine."""


@dataclass(frozen=True)
class Summation:
    """How a sum was added up.

    Attributes:
        partials: after each term the partial sum of its lane, in the order of the terms.
        lanes: how many lanes there are: 1, or 16 that are joined at the end.
        result: the sum.
    """

    partials: tuple[float, ...]
    lanes: int
    result: float


def of_products(left: np.ndarray, right: np.ndarray) -> Summation:
    """Return how Σ left·right is added up, k ascending, by fused multiply-adds.

    Args:
        left, right: the factors [k], of one float dtype.
    """
    fused = fused_float32 if left.dtype == np.float32 else fused_float64
    total, partials = 0.0, []
    for a, b in zip(left.tolist(), right.tolist(), strict=True):
        total = fused(a, b, total)
        partials.append(total)
    return Summation(tuple(partials), 1, total)


def of_terms(terms: np.ndarray, axes: Sequence[int], result: float) -> Summation:
    """Return how the terms of a sum are added up.

    Args:
        terms: what is summed, with all axes of the operand; those that are kept have the length 1.
        axes: the axes that are summed.
        result: what the engine came to. A sum over all axes is read as one long row where the memory allows it, and row by row where not:
            the result says which it was.
    """
    if terms.ndim - 1 not in axes:
        partials = np.add.accumulate(terms.reshape(-1), dtype=terms.dtype) if terms.size else np.zeros(0, terms.dtype)
        return Summation(tuple(partials.tolist()), 1, float(partials[-1]) if terms.size else 0.0)
    long = _in_lanes(terms.reshape(1, -1))
    if long.result == result or len(axes) < terms.ndim or terms.ndim == 1:
        return _in_lanes(terms.reshape(-1, terms.shape[-1])) if len(axes) < terms.ndim else long
    return _in_lanes(terms.reshape(-1, terms.shape[-1]))


def _in_lanes(rows: np.ndarray) -> Summation:
    lanes = np.zeros(LANES, rows.dtype)
    partials: list[float] = []
    for row in rows:
        for start in range(0, len(row), LANES):
            part = row[start : start + LANES]
            lanes[: len(part)] += part
            partials += lanes[: len(part)].tolist()
    width = LANES
    while width > 1:
        width //= 2
        lanes = lanes[:width] + lanes[width : 2 * width]
    return Summation(tuple(partials), LANES if rows.size > 1 else 1, float(lanes[0]))


def fused_float64(a: float, b: float, c: float) -> float:
    """Return a · b + c with one rounding, to float64."""
    if not (math.isfinite(a) and math.isfinite(b) and math.isfinite(c)):
        return a * b + c
    numerator, denominator = _exactly(a, b, c)
    try:
        return numerator / denominator  # Python rounds a quotient of whole numbers once
    except OverflowError:
        return math.inf if numerator > 0 else -math.inf


def fused_float32(a: float, b: float, c: float) -> float:
    """Return a · b + c with one rounding, to float32, of numbers that are float32.

    The product is exact in float64. The sum is rounded to odd there, so that rounding it once more is as good as once (Boldo and
    Melquiond 2008, theorem 3).
    """
    product = a * b
    total = product + c
    if not math.isfinite(total):
        return total
    virtual = total - product
    error = (product - (total - virtual)) + (c - virtual)  # exactly what the sum lost (Knuth 1969, section 4.2.2)
    if error and not int(np.float64(total).view(np.int64)) & 1:
        total = math.nextafter(total, math.inf if error > 0 else -math.inf)
    with np.errstate(over="ignore"):
        return float(np.float32(total))


def _exactly(a: float, b: float, c: float) -> tuple[int, int]:
    """Return a · b + c as a quotient of whole numbers."""
    (an, ad), (bn, bd), (cn, cd) = (number.as_integer_ratio() for number in (a, b, c))
    return an * bn * cd + cn * ad * bd, ad * bd * cd
