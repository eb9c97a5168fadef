"""x^y as e^(y · log x), the logarithm in more digits than the result has."""

from __future__ import annotations

import math

from chainrule.backends.llvm.math.exponential import EXP, reduce, scaled
from chainrule.backends.llvm.math.lanes import Real, fma, polynomial, quick_two_sum, two_product, two_sum, where
from chainrule.backends.llvm.math.logarithm import exponent, split, split_positive

# (e^r − 1 − r) / r² as for exp, to the precision of float32: error 2^-26.2 (tools/minimax.py)
_EXP_SHORT = (0.5000000062159373, 0.1666654242203432, 0.04166628189292881, 0.008366660559657034, 0.0013946446830880668)
# (log((1+s)/(1−s)) − 2s) / s³ in s², error 2^-37.6; and what follows its 2/3, divided by s², 2^-66.3 (tools/minimax.py)
_LOG_SHORT = (0.6666666564734999, 0.400003348368529, 0.2853732725416304, 0.2358185669141057)
_LOG_REST = (0.4000000000000226, 0.2857142857009713, 0.22222222520333826, 0.1818178433282718, 0.15386758853715546, 0.1325678330987532,
             0.13196641062878361)  # fmt: skip
_TWO_THIRDS = (0.6666666666666666, 3.700743415417188e-17)
_LN2 = (float.fromhex("0x1.62e42fefa3800p-1"), float.fromhex("0x1.ef35793c76730p-45"))  # the first has 11 bits free for the exponent


def _log_short(x: Real) -> Real:
    """The logarithm of positive normal float64 numbers to 37 bits."""
    biased, m = split(x)
    f = m - 1.0
    s = f / (f + 2.0)
    z = s * s
    e = exponent(biased, 2.0**x.format.fraction + x.format.bias)
    return fma(e, x.format.ln2[0], fma(s * z, polynomial(z, _LOG_SHORT), s * 2.0))


def _log_long(x: Real) -> tuple[Real, Real]:
    """The logarithm of positive finite float64 numbers in two parts, to 65 bits: 2s + s³ · (2/3 + s² · R(s²)), s = (m − 1) / (m + 1)."""
    e, m = split_positive(x)
    f = m - 1.0
    below, below_low = two_sum(m, 1.0)
    reciprocal = 1.0 / below
    s = f * reciprocal
    s_low = (fma(-s, below, f) - s * below_low) * reciprocal
    z, z_low = two_product(s, s)
    z_low = fma(s * 2.0, s_low, z_low)
    sum_, sum_low = quick_two_sum(_TWO_THIRDS[0], z * polynomial(z, _LOG_REST))
    sum_low = sum_low + _TWO_THIRDS[1]
    w, w_low = two_product(z, sum_)
    w_low = fma(z, sum_low, fma(z_low, sum_, w_low))
    v, v_low = two_product(s, w)
    v_low = fma(s, w_low, fma(s_low, w, v_low))
    total, lost = quick_two_sum(e * _LN2[0], s * 2.0)
    total, lost_next = quick_two_sum(total, v)
    low = fma(e, _LN2[1], fma(s_low, 2.0, v_low)) + lost_next + lost
    return quick_two_sum(total, low)


def _magnitude(size: Real, y: Real, single: bool) -> Real:
    """size^y for size ≥ 0, in float64; with 8 bits more than float32 has if `single`."""

    def at_ends(log: Real) -> Real:
        return where(size.equals(0.0), -math.inf, where(size < math.inf, log, size))

    if single:
        product = where(size.equals(1.0), 0.0, y * at_ends(_log_short(size)))
        bits, r = reduce(product.at_least(-110.0).at_most(100.0), size.format.bias)
        return polynomial(r, (1.0, 1.0, *_EXP_SHORT)) * (bits << size.format.fraction).real
    log, log_low = _log_long(size)
    product, low = two_product(y, at_ends(log))
    low = where(abs(product) < 1000.0, fma(y, log_low, low), 0.0)  # infinite products have none
    product = where(size.equals(1.0), 0.0, product)
    bits, r = reduce(product.at_least(-746.0).at_most(710.0), 2 * size.format.bias)
    return scaled(polynomial(r + low, (1.0, 1.0, *EXP["float64"])), bits)


def power(x: Real, y: Real) -> Real:
    """x^y, with the special cases of IEEE 754.

    It is 1 where y = 0 or x = 1, NaN where x is negative and y not whole, and has the sign of x where y is odd, be x 0 or infinite.
    float32 is computed in float64, which costs less than a logarithm in two parts.
    """
    if x.format.width == 32:
        return _power(x.widened(), y.widened(), True).narrowed()
    return _power(x, y, False)


def _power(x: Real, y: Real, single: bool) -> Real:
    magnitude = _magnitude(abs(x), y, single)
    half = y * 0.5
    whole = y.equals(y.intrinsic("trunc"))
    odd = whole & ~half.equals(half.intrinsic("trunc"))
    result = where(odd, magnitude.with_sign_of(x), magnitude)
    result = where((x < 0.0) & (x > -math.inf) & ~whole, math.nan, result)
    result = where(x.unordered(y), x + y, result)
    return where(x.equals(1.0) | y.equals(0.0), 1.0, result)
