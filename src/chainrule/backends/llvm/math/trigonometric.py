"""sin and cos: the argument less a multiple of π/2, a polynomial for each of the two, and the multiple's last two bits to choose by."""

from __future__ import annotations

from chainrule.backends.llvm.math.lanes import Real, fma, polynomial, where
from chainrule.backends.llvm.math.quarters import quarters

# (sin r − r) / r³ and (cos r − 1 + r²/2) / r⁴ in r², |r| ≤ π/4; errors 2^-27.9, 2^-57.9, 2^-33.0, 2^-63.9 (tools/minimax.py)
_SIN = {
    "float32": (-0.16666655242443085, 0.008332187309861183, -0.00019517897453624755),
    "float64": (-0.1666666666666663, 0.00833333333332188, -0.00019841269829411334, 2.7557313561682002e-06, -2.5050738689301357e-08,
                1.5895711782377146e-10),
}  # fmt: skip
_COS = {
    "float32": (0.04166664555668831, -0.0013887309469282627, 2.4432329155388288e-05),
    "float64": (0.041666666666666595, -0.001388888888887331, 2.4801587288967097e-05, -2.7557314203658726e-07, 2.0875703216703447e-09,
                -1.1358620736980018e-11),
}  # fmt: skip


def _sine(x: Real, more: int) -> Real:
    """sin(x + more · π/2)."""
    form = x.format
    n, r = quarters(x)
    z = r * r
    sine = fma(r * z, polynomial(z, _SIN[form.dtype]), r)
    cosine = fma(z * z, polynomial(z, _COS[form.dtype]), fma(z, -0.5, 1.0))
    bits = n + more if more else n
    chosen = where((bits & 1).is_zero(), sine, cosine)
    return (chosen.bits ^ ((bits & 2) << (form.width - 2))).real


def sin(x: Real) -> Real:
    """The sine, of radians."""
    return where(x.equals(0.0), x, _sine(x, 0))  # the sign of 0


def cos(x: Real) -> Real:
    """The cosine, of radians."""
    return _sine(x, 1)
