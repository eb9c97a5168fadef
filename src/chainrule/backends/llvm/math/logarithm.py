"""log and log1p: x = 2^e · (1 + f) with 1 + f in [√½, √2), and a polynomial in f."""

from __future__ import annotations

import math

from chainrule.backends.llvm.math.lanes import Bits, Real, fma, polynomial, two_sum, where

# float32: (log(1+f) − f + f²/2) / f³, error 2^-27.3. float64: (log((1+s)/(1−s)) − 2s) / s³ in s², 2^-59.5 (tools/minimax.py)
_LOG = {
    "float32": (0.3333333134651184, -0.250008225440979, 0.2000124603509903, -0.1662331372499466, 0.14201435446739197, -0.13160377740859985,
                0.12763415277004242, -0.07635817676782608),
    "float64": (0.6666666666666734, 0.39999999999416913, 0.2857142874194495, 0.2222219861431548, 0.18183562373670742, 0.1531409640124304,
                0.14795527500682917),
}  # fmt: skip
_ROOT_HALF = math.sqrt(0.5)


def split(x: Real) -> tuple[Bits, Real]:
    """Return e + bias, above the fraction's bits, and m in [√½, √2), of normal x = 2^e · m.

    The bits of x are moved by those of 1/√½, so that the exponent changes where the fraction passes √2 (musl, logf.c).
    """
    form = x.format
    start = form.bits(_ROOT_HALF)
    moved = x.bits + (form.bits(1.0) - start)
    return moved >> form.fraction, ((moved & ((1 << form.fraction) - 1)) + start).real


def exponent(biased: Bits, bias: Real | float) -> Real:
    """Return a small integer less the bias, as a float: its bits are the fraction of a number from 2^fraction on."""
    return (biased | biased.format.bits(2.0**biased.format.fraction)).real - bias


def split_positive(x: Real) -> tuple[Real, Real]:
    """Return e and m of x = 2^e · m, m in [√½, √2), for positive finite x; denormals are made normal first."""
    form = x.format
    shift = form.fraction + 1
    small = x < form.least_normal
    biased, m = split(where(small, x * 2.0**shift, x))
    bias = 2.0**form.fraction + form.bias
    return exponent(biased, where(small, bias + shift, bias)), m


def _log(e: Real, f: Real) -> Real:
    """e · log 2 + log(1 + f), where f − f²/2 + … is added last and first, large parts after small ones.

    In float64 by s = f / (2 + f): log(1+f) = f − f²/2 + s · (f²/2 + s² · R(s²)), as in fdlibm (e_log.c), which has half the terms.
    """
    square = f * f
    if f.format.width == 32:
        rest = fma(square, -0.5, f * square * polynomial(f, _LOG["float32"]))
    else:
        s = f / (f + 2.0)
        z = s * s
        half = square * 0.5
        rest = fma(s, fma(z, polynomial(z, _LOG["float64"]), half), -half)
    high, low = f.format.ln2
    return fma(e, high, f + fma(e, low, rest))


def log(x: Real) -> Real:
    """The natural logarithm: −inf at ±0, NaN below."""
    e, m = split_positive(x)
    result = where(x < math.inf, _log(e, m - 1.0), x)
    return where(x < 0.0, math.nan, where(x.equals(0.0), -math.inf, result))


def log1p(x: Real) -> Real:
    """log(1 + x), relatively accurate near 0: what 1 + x loses by rounding is added to f again, and f is x itself where e = 0."""
    form = x.format
    total, lost = two_sum(x, 1.0)
    biased, m = split(total)
    scale = ((2 * form.bias + 1 - biased) << form.fraction).real  # 2^(1-e), which is a number or 0 for each e
    result = _log(exponent(biased, 2.0**form.fraction + form.bias), fma(lost * scale, 0.5, m - 1.0))
    result = where(x < math.inf, result, x)
    result = where(x.equals(-1.0), -math.inf, where(x < -1.0, math.nan, result))
    return where(x.equals(0.0), x, result)  # the sign of 0
