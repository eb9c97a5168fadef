"""exp, expm1, sigmoid and tanh: the argument less a multiple of log 2, a polynomial, and the power of 2 put into the exponent bits."""

from __future__ import annotations

from chainrule.backends.llvm.math.lanes import Bits, Real, fma, polynomial, two_product, two_sum, where

# (e^r − 1 − r) / r² on |r| ≤ log(2)/2, minimax for e^r − 1 relative to r: error 2^-26.1 and 2^-61.7 (tools/minimax.py)
EXP = {
    "float32": (0.5, 0.1666654348373413, 0.041666429489851, 0.008366561494767666, 0.0013938251649960876),
    "float64": (0.5, 0.16666666666666677, 0.04166666666666668, 0.008333333333321414, 0.0013888888888877091, 0.00019841269886683636,
                2.4801587341849437e-05, 2.7557243637211182e-06, 2.755725782606067e-07, 2.51092407294221e-08, 2.092000093958402e-09),
}  # fmt: skip
_LOG2_E = 1.4426950408889634

# Beyond these, e^x is infinite and 0, and e^x − 1 is −1.
_LARGEST = {"float32": 89.0, "float64": 710.0}
_SMALLEST = {"float32": -104.5, "float64": -746.0}
_MINUS_ONE = {"float32": -18.0, "float64": -38.0}
# Beyond this, tanh is ±1.
_TANH_ONE = {"float32": 10.0, "float64": 20.0}


def reduce(x: Real, offset: int) -> tuple[Bits, Real]:
    """Return n + offset in the low bits of an integer, n the whole number nearest to x / log 2, and r = x − n · log 2.

    The first product is subtracted without error: it and x are multiples of one number not 2^-fraction times smaller than r.
    """
    magic = x.format.magic + offset
    shifted = fma(x, _LOG2_E, magic)
    n = shifted - magic
    high, low = x.format.ln2
    return shifted.bits, fma(n, -low, fma(n, -high, x))


def scaled(p: Real, bits: Bits) -> Real:
    """p · 2^n, n + 2·bias being in the low bits, in two steps: neither is out of range where the result is denormal or infinite."""
    half = bits >> 1
    fraction = p.format.fraction
    return p * (half << fraction).real * ((bits - half) << fraction).real


def exp(x: Real) -> Real:
    """e^x."""
    kind = x.format.dtype
    bits, r = reduce(x.at_least(_SMALLEST[kind]).at_most(_LARGEST[kind]), 2 * x.format.bias)
    return scaled(polynomial(r, (1.0, 1.0, *EXP[kind])), bits)


def reduced_expm1(x: Real, offset: int) -> tuple[Real, Real]:
    """Return 2^n, with the bias replaced by the offset, and e^r − 1 for x = n · log 2 + r."""
    bits, r = reduce(x, offset)
    return (bits << x.format.fraction).real, _reduced(r)


def gaussian(x: Real, offset: int) -> tuple[Real, Real, Real]:
    """Return 2^n, with the bias replaced by the offset, p and a small c: e^(−x²/2) = 2^n · (1 + p) · (1 + c).

    c is what the roundings of −x²/2 and of the multiple of log 2 have left: for large x both would cost digits.
    """
    form = x.format
    exponent, rest = two_product(x * -0.5, x)
    shifted = fma(exponent, _LOG2_E, form.magic + offset)
    n = shifted - (form.magic + offset)
    high, low = form.ln2
    return (shifted.bits << form.fraction).real, _reduced(fma(n, -high, exponent)), fma(n, -low, rest)


def _reduced(r: Real) -> Real:
    """e^r − 1 for |r| ≤ log(2)/2."""
    return fma(r * r, polynomial(r, EXP[r.format.dtype]), r)


def expm1(x: Real) -> Real:
    """e^x − 1 = 2^n · (e^r − 1) + (2^n − 1), relatively accurate near 0; half of it is computed, as 2^n itself may be out of range."""
    kind = x.format.dtype
    half, p = reduced_expm1(x.at_least(_MINUS_ONE[kind]).at_most(_LARGEST[kind]), x.format.bias - 1)
    result = fma(p, half, half - 0.5) * 2.0
    return where(abs(x) < 2.0 ** -(x.format.fraction + 3), x, result)  # the sign of 0, and denormals that half would lose a bit of


def sigmoid(x: Real) -> Real:
    """1 / (1 + e^-x) = 1 / (1 + 2^n + 2^n · p), its parts scaled so that the denominator stays finite where the result is denormal."""
    kind = x.format.dtype
    y = (-x).at_least(_MINUS_ONE[kind]).at_most(-_SMALLEST[kind])
    shift = x.format.width
    power, p = reduced_expm1(y, x.format.bias - shift)
    one = 2.0**-shift
    if kind == "float32":
        return one / (fma(p, power, one) + power)
    total, rest = two_sum(power, one)
    return _quotient((one, 0.0), _sum(total, p, power, rest))


def tanh(x: Real) -> Real:
    """(1 − e) / (1 + e) with e = e^(−2|x|) = 2^n · (1 + p): the numerator is 1 − 2^n − 2^n · p, which near 0 is −p."""
    twice = abs(x).at_most(_TANH_ONE[x.format.dtype]) * -2.0
    power, p = reduced_expm1(twice, x.format.bias)
    if x.format.dtype == "float32":
        return (fma(p, -power, 1.0 - power) / fma(p, power, power + 1.0)).with_sign_of(x)
    (above, high), (below, low) = two_sum(-power, 1.0), two_sum(power, 1.0)
    return _quotient(_sum(above, p, -power, high), _sum(below, p, power, low)).with_sign_of(x)


def _sum(x: Real, p: Real, q: Real, rest: Real | float = 0.0) -> tuple[Real, Real]:
    """x + rest + p · q, and what the rounding of it leaves; |x| ≥ |p · q|, or x is 0."""
    total = fma(p, q, x)
    return total, fma(p, q, x - total) + rest


def _quotient(x: tuple[Real | float, Real | float], y: tuple[Real, Real]) -> Real:
    """x / y of numbers in two parts each: a first quotient, and what it leaves divided once more."""
    inverse = 1.0 / y[0]
    first = inverse * x[0]
    left = fma(-first, y[0], x[0]) + (x[1] - first * y[1])
    return fma(left, inverse, first)
