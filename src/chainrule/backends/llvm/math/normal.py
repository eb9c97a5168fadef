"""The normal distribution: an exponential, and for the integral of its tail a factor that changes slowly, a polynomial in (t − k)/(t + k)."""

from __future__ import annotations

import math

from chainrule.backends.llvm.math.exponential import gaussian
from chainrule.backends.llvm.math.lanes import Real, fma, polynomial, two_product, two_sum, where

# (t + k)/2 · e^(t²/2) · (1 − Φ(t)) in u = (t − k)/(t + k), t to where Φ(−t) is 0; relative errors 2^-27.9 and 2^- (tools/minimax.py).
# k is where the constant term is a float32 or float64 to 7 bits more.
_MILLS = {
    "float32": (0.6560875177383423, 2.0071890354156494, 3.347020387649536, -0.14478279650211334, -10.47784423828125, -1.2758381366729736, 46.1902961730957, -23.51783561706543, -189.6991729736328, 310.7226257324219),
    "float64": (0.6779561091341452, 4.085260740207085, 20.242644045580967, 79.17303417690663, 222.49053486625272, 320.06461014251175, -491.7664628541015, -3402.418562636381, -2374.4256565664195, 26540.391445693265, 51573.30424986002, -235422.68729512388, -666071.567926922, 2662830.30358837, 7706296.033889618, -37465054.085394725, -74752020.51566982, 573162706.4215506, 254888892.22754967, -7266639654.805557, 9605130888.653217, 36952008271.93629, -88715432933.70068),
}  # fmt: skip
_CENTER = {"float32": 0.17578125, "float64": 0.107666015625}
_K = {"float32": 2.5, "float64": 4.0}
# Beyond this, Φ is 0 and 1, and its derivative 0.
_END = {"float32": 14.5, "float64": 39.0}
_DENSITY = 1 / math.sqrt(2 * math.pi)


def _size(x: Real) -> Real:
    return abs(x).at_most(_END[x.format.dtype])


def normal_pdf(x: Real) -> Real:
    """φ(x) = e^(−x²/2) / √2π."""
    half = x.format.bias // 2
    power, p, rest = gaussian(_size(x), x.format.bias + half)
    density = fma(p, _DENSITY, _DENSITY)
    return fma(density, rest, density) * power * 2.0**-half


def normal_cdf(x: Real) -> Real:
    """Φ(x) = ∫ φ from −∞ to x, of positive x as 1 − Φ(−x).

    With v = 2/(t + k), t = |x|, and u = tv − 1 the tail is e^(−t²/2) · v · P(u). What rounding left of v's reciprocal corrects v.
    Powers of 2 are too large by half of the exponents' range at first, so that none is denormal.
    """
    kind, half = x.format.dtype, x.format.bias // 2
    t, k = _size(x), _K[kind]
    power, p, rest = gaussian(t, x.format.bias + half)
    total = t + k
    v = 1.0 / total
    left = fma(t - (total - k), -v, fma(total, -v, 1.0))
    first, *others = _MILLS[kind]
    y = v - _CENTER[kind]
    factor, factor_low = _sum_(y, polynomial(y, others), first)
    base, low = two_product(v, factor)
    low = fma(base, fma(left, fma(v, 1.15 * k, 1.0), rest), fma(v, factor_low, low))
    tail = (fma(p, base, fma(p, low, low)) + base) * power
    return where(x > 0.0, fma(tail, -(2.0**-half), 1.0), tail * 2.0**-half)


def _sum_(u, rest, first):
    total = fma(u, rest, first)
    return total, fma(u, rest, first - total)
