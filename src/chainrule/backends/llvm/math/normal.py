"""The normal distribution: an exponential, and in the integral of its tail a factor that changes slowly, a polynomial in 1 / (t + k)."""

from __future__ import annotations

import math

from chainrule.backends.llvm.math.exponential import gaussian
from chainrule.backends.llvm.math.lanes import Real, fma, polynomial, two_product, where

# (t + k) · e^(t²/2) · Φ(−t) in 1/(t + k) − c, for t from 0 to where Φ(−t) is 0; relative errors 2^-25.8 and 2^-57.3 (tools/minimax.py).
# c is where the constant term is a number of the format to 7 bits more than it has.
_TAIL = {
    "float32": (0.6560875177383423, 2.0071890354156494, 3.347020387649536, -0.14478279650211334, -10.47784423828125,
                -1.2758381366729736, 46.1902961730957, -23.51783561706543, -189.6991729736328, 310.7226257324219),
    "float64": (0.9171159161080324, 5.296170471299665, 20.227158682158777, 44.18808142126678, 14.43889204332881, -175.4135794358996,
                -189.64772085925807, 950.105557835641, 904.5251620329179, -6794.709710865693, 322.6094750052961, 49293.466330014686,
                -78133.52192031575, -253875.03184200253, 1150595.4553704998, -369772.16361342836, -9031097.844993576,
                27361109.253126975, -1695880.914678362, -342416876.9487913, 1254820644.4858778, 3423173255.4811225, -16482413353.284796,
                -41560369003.71064),
}  # fmt: skip
_K = {"float32": 2.5, "float64": 3.5}
_C = {"float32": 0.17578125, "float64": 0.180419921875}
# An error in v = 1/(t + k) is 1 + s·v times as large in the polynomial's product with v, nearly.
_SENSITIVITY = {"float32": 2.9, "float64": 6.7}
# Beyond this, Φ is 0 and 1, and its derivative 0.
_END = {"float32": 14.5, "float64": 39.0}
_DENSITY = 1 / math.sqrt(2 * math.pi)


def _size(x: Real) -> Real:
    return abs(x).at_most(_END[x.format.dtype])


def normal_pdf(x: Real) -> Real:
    """φ(x) = e^(−x²/2) / √(2π). Its power of 2 is too large by half of the exponents' range at first, as it may be denormal."""
    half = x.format.bias // 2
    power, p, rest = gaussian(_size(x), x.format.bias + half)
    density = fma(p, _DENSITY, _DENSITY)
    return fma(density, rest, density) * power * 2.0**-half


def _tail(x: Real) -> tuple[Real, Real, Real, float]:
    """Return q, a small s, a power of 2 and a scale: Φ(−t) = e^(−t²/2) · v · P(v) = (q + s) · power · scale for t = |x|, v = 1/(t + k).

    The product of all but the scale is a normal number, as Φ(−t) may not be.

    What each rounding but the last leaves is added to the small part of the sum, so that hardly more than the last one is lost.
    """
    kind, half = x.format.dtype, x.format.bias // 2
    t, k = _size(x), _K[kind]
    power, p, rest = gaussian(t, x.format.bias + half)
    total = t + k
    v = 1.0 / total
    left = fma(t - (total - k), -v, fma(total, -v, 1.0))  # 1 − (t + k) · v; total − k is exact, k being of few digits
    first, *others = _TAIL[kind]
    y = v - _C[kind]
    slope = polynomial(y, others)
    factor = fma(y, slope, first)
    product, low = two_product(v, factor)
    low = fma(v, fma(y, slope, first - factor), low)
    low = fma(product, fma(left, fma(v, _SENSITIVITY[kind], 1.0), rest), low)
    return product, fma(p, product, fma(p, low, low)), power, 2.0**-half


def normal_cdf(x: Real) -> Real:
    """Φ(x), the integral of φ from −∞ to x; of x > 0 it is 1 − Φ(−x)."""
    product, small, power, scale = _tail(x)
    tail = (small + product) * power
    return where(x > 0.0, fma(tail, -scale, 1.0), tail * scale)


def gelu(x: Real) -> Real:
    """x · Φ(x) = max(x, 0) − |x| · Φ(−|x|), as exact where Φ(x) itself is denormal; NaN at −∞, as the product is."""
    size = _size(x)
    product, small, power, scale = _tail(x)
    large, lost = two_product(size, product)
    return fma((fma(size, small, lost) + large) * power, -scale, where(x < 0.0, x * 0.0, x))
