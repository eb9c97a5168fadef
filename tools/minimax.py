"""Derives the polynomials of `chainrule.backends.llvm.math`: minimax fits in multiple precision, one coefficient rounded after another.

Run `python tools/minimax.py [NAME]` to print them. Each is the p of least degree that meets the error wanted in

    max over the interval of | weight(x) · (f(x) − p(x)) |

where the coefficients are rounded to float32 or float64 one by one, from the constant term on, and the others fitted again after each.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass

import mpmath
import numpy as np
from mpmath import mp, mpf

Function = Callable[[mpf], mpf]
mp.dps = 60
POINTS, ROUNDS = 160, 12


@dataclass(frozen=True)
class Fit:
    """What to approximate: f on an interval, with a weight on the error, by a polynomial of a degree."""

    f: Function
    low: float | mpf
    high: float | mpf
    degree: int
    weight: Function
    dtype: type = np.float32

    def solve(self) -> tuple[list[float], float]:
        """Return the coefficients, constant term first, and the weighted error that is left after rounding them."""
        low, high = mpf(self.low), mpf(self.high)
        xs = [(low + high) / 2 - (high - low) / 2 * mpmath.cos(mpmath.pi * i / (POINTS - 1)) for i in range(POINTS)]
        weights = [self.weight(x) for x in xs]
        rest = [self.f(x) for x in xs]
        done: list[float] = []
        while len(done) <= self.degree:
            k = len(done)
            c = float(self.dtype(float(_lawson(xs, rest, weights, k, self.degree)[0])))
            rest = [r - mpf(c) * x**k for r, x in zip(rest, xs, strict=True)]
            done.append(c)
        return done, float(max(abs(r * w) for r, w in zip(rest, weights, strict=True)))


def _lawson(xs: list[mpf], f: list[mpf], w: list[mpf], first: int, last: int) -> list[mpf]:
    """Return the coefficients of x^first … x^last of nearly the best approximation on the points (Lawson 1961).

    Least squares, again and again, each with every point's weight multiplied by its error. Unlike an exchange it needs no Haar system,
    which powers that start above 0 are not.
    """
    columns = [[v * x**k for v, x in zip(w, xs, strict=True)] for k in range(first, last + 1)]
    right = [v * y for v, y in zip(w, f, strict=True)]
    shares = [1 / mpf(len(xs))] * len(xs)
    best, least = [], mpf("inf")
    for _ in range(ROUNDS):
        weighted = [[s * c for s, c in zip(shares, column, strict=True)] for column in columns]
        system = mpmath.matrix([[mpmath.fdot(u, c) for c in columns] for u in weighted])
        solution = list(mpmath.lu_solve(system, mpmath.matrix([mpmath.fdot(u, right) for u in weighted])))
        errors = [abs(y - mpmath.fdot(solution, row)) for y, row in zip(right, zip(*columns, strict=True), strict=True)]
        if max(errors) < least:
            best, least = solution, max(errors)
        shares = [s * e for s, e in zip(shares, errors, strict=True)]
        total = sum(shares)
        shares = [s / total for s in shares]
    return best


def _log_series(z: mpf) -> mpf:
    """Return (log((1+s)/(1−s)) − 2s)/s³ for z = s²."""
    s = mpmath.sqrt(z)
    return (2 * mpmath.atanh(s) - 2 * s) / (s * z)


def _root(f: Function) -> Function:
    return lambda z: f(mpmath.sqrt(z))


f64 = np.float64
NEAR_0 = mpf(10) ** -12
HALF_LN2 = mpmath.log(2) / 2 * mpf("1.001")
LOG_LOW, LOG_HIGH = mpmath.sqrt(0.5) - 1, mpmath.sqrt(2) - 1
S2 = (3 - 2 * mpmath.sqrt(2)) ** 2 * mpf("1.0001")  # the largest s² for s = f/(2 + f)
QUARTER_PI2 = (mpmath.pi / 4 * mpf("1.001")) ** 2


def _exp_rest(r: mpf) -> mpf:
    return (mpmath.expm1(r) - r) / r**2


def _log_rest(f: mpf) -> mpf:
    return (mpmath.log1p(f) - f + f**2 / 2) / f**3


def _erf_near(z: mpf) -> mpf:
    x = mpmath.sqrt(z)
    return mpmath.erf(x) / x - 1


def _erf_far(t: mpf) -> mpf:
    return -mpmath.log(mpmath.erfc(t)) / t - 1


def _erf_far_weight(t: mpf) -> mpf:
    return t * mpmath.erfc(t) / mpmath.erf(t)


def _normal_tail(k: float, c: float) -> Function:
    """Return (t + k) · e^(t²/2) · Φ(−t) as a function of 1/(t + k) − c."""

    def tail(y: mpf) -> mpf:
        t = 1 / (y + c) - k
        return (t + k) * mpmath.exp(t * t / 2) * mpmath.erfc(t / mpmath.sqrt(2)) / 2

    return tail


def _normal(k: float, c: float, end: float, degree: int, dtype: type) -> Fit:
    tail = _normal_tail(k, c)
    return Fit(tail, 1 / (mpf(end) + k) - c, 1 / mpf(k) - c, degree, lambda y: 1 / tail(y), dtype)


_sin_rest = _root(lambda r: (mpmath.sin(r) - r) / r**3)
_sin_weight = _root(lambda r: r**3 / mpmath.sin(r))
_cos_rest = _root(lambda r: (mpmath.cos(r) - 1 + r**2 / 2) / r**4)
_cos_weight = _root(lambda r: r**4 / mpmath.cos(r))
_log_weight = _root(lambda s: s**3 / (2 * mpmath.atanh(s)))
_pow_rest: Function = lambda z: (_log_series(z) - mpf(2) / 3) / z  # noqa: E731 - beside its like
_pow_weight: Function = lambda z: z * z / 2  # noqa: E731

FITS = {
    "EXP float32": Fit(_exp_rest, -HALF_LN2, HALF_LN2, 4, abs),
    "EXP float64": Fit(_exp_rest, -HALF_LN2, HALF_LN2, 10, abs, f64),
    "LOG float32": Fit(_log_rest, LOG_LOW, LOG_HIGH, 7, lambda f: f**3 / mpmath.log1p(f)),
    "LOG float64": Fit(_log_series, NEAR_0, S2, 6, _log_weight, f64),
    "SIN float32": Fit(_sin_rest, NEAR_0, QUARTER_PI2, 2, _sin_weight),
    "SIN float64": Fit(_sin_rest, NEAR_0, QUARTER_PI2, 5, _sin_weight, f64),
    "COS float32": Fit(_cos_rest, NEAR_0, QUARTER_PI2, 2, _cos_weight),
    "COS float64": Fit(_cos_rest, NEAR_0, QUARTER_PI2, 5, _cos_weight, f64),
    "ERF_NEAR float32": Fit(_erf_near, NEAR_0, mpf("0.9") ** 2, 5, _root(lambda x: x / mpmath.erf(x))),
    "ERF_NEAR float64": Fit(_erf_near, NEAR_0, mpf(1), 11, _root(lambda x: x / mpmath.erf(x)), f64),
    "ERF_FAR float32": Fit(_erf_far, mpf("0.9"), mpf("4.0"), 6, _erf_far_weight),
    "ERF_FAR float64": Fit(_erf_far, mpf(1), mpf("6.0"), 20, _erf_far_weight, f64),
    "NORMAL float32": _normal(2.5, 0.17578125, 14.5, 9, np.float32),
    "NORMAL float64": _normal(3.5, 0.180419921875, 39.0, 23, f64),
    "POW_EXP float32": Fit(_exp_rest, -HALF_LN2, HALF_LN2, 4, abs, f64),
    "POW_LOG float32": Fit(_log_series, NEAR_0, S2, 3, _log_weight, f64),
    "POW_LOG float64": Fit(_pow_rest, NEAR_0, S2, 6, _pow_weight, f64),
}

if __name__ == "__main__":
    for name, fit in FITS.items():
        if not sys.argv[1:] or name.startswith(sys.argv[1]):
            coefficients, error = fit.solve()
            print(f"{name}: error 2^{np.log2(error):.1f}\n    {tuple(coefficients)}", flush=True)
