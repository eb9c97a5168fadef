"""Special functions that NumPy has not, on arrays of real numbers; results are float64."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

# Rational approximations of erf, and of e^(x²)·erfc(x) from 1 and from 8 on (Moshier, Cephes 2.8, ndtr.c), relative error below 4e-16.
# fmt: off
_ERF = ((9.604973739870516, 90.02601972038427, 2232.005345946843, 7003.325141128051, 55592.30130103949), (1.0, 33.56171416475031,
    521.3579497801527, 4594.323829709801, 22629.000061389095, 49267.39426086359))
_ERFC = ((2.461969814735305e-10, 0.5641895648310689, 7.463210564422699, 48.63719709856814, 196.5208329560771, 526.4451949954773,
    934.5285271719576, 1027.5518868951572, 557.5353353693994), (1.0, 13.228195115474499, 86.70721408859897, 354.9377788878199,
    975.7085017432055, 1823.9091668790973, 2246.3376081871097, 1656.6630919416134, 557.5353408177277))
_ERFC_FAR = ((0.5641895835477551, 1.275366707599781, 5.019050422511805, 6.160210979930536, 7.4097426995044895, 2.9788666537210022), (1.0,
    2.2605286322011726, 9.396035249380015, 12.048953980809666, 17.08144507475659, 9.608968090632859, 3.369076451000815))
# fmt: on


def _erf_rest(x: np.ndarray) -> Any:
    """erf(x)/x − 1 for |x| ≤ 1, as (P − Q)/Q, so that the sum with 1 rounds the large part of the result only once."""
    return np.polyval(np.polysub(_ERF[0], _ERF[1]), x * x) / np.polyval(_ERF[1], x * x)


def _gaussian(x: np.ndarray, factor: Any) -> Any:
    """e^(−x²/2) · factor, x² being the exact square of a shorter number and what it leaves; its rounding would cost 8 bits in the tails."""
    size = np.minimum(np.abs(x.astype(np.float64)), 40.0)  # beyond, it is 0
    short = size.astype(np.float32).astype(np.float64)
    powers = np.exp(-0.5 * (short * short)) * factor
    return powers + powers * np.expm1(-0.5 * ((size - short) * (size + short)))


def _tail(x: np.ndarray) -> Any:
    """The normal distribution's share beyond |x|, erfc(|x|/√2)/2: each digit right in the tails too, where 1 − erf has none.

    What e^(−x²/2) is multiplied by is computed in extended precision on machines that have it, as the two sums cost 3 bits.
    """
    y = np.minimum(np.abs(x.astype(np.float64)), 40.0) * np.sqrt(np.longdouble(0.5))
    half, far = np.minimum(y, 1.0) / 2, np.maximum(y, 1.0)
    near_8, beyond_8 = (np.polyval(p, far) / np.polyval(q, far) for p, q in (_ERFC, _ERFC_FAR))
    near_0 = ((0.5 - half) - half * _erf_rest(2 * half)).astype(np.float64)
    return np.where(y < 1.0, near_0, _gaussian(x, (np.where(y < 8.0, near_8, beyond_8) / 2).astype(np.float64)))


def erf(x: np.ndarray) -> Any:
    """2/√π · ∫₀ˣ e^(−t²) dt."""
    near = np.clip(x.astype(np.float64), -1.0, 1.0)
    return np.where(np.abs(x) < 1.0, near + near * _erf_rest(near), np.sign(x) * (1.0 - 2.0 * _tail(x * np.float64(math.sqrt(2)))))


def normal_pdf(x: np.ndarray) -> Any:
    """φ(x), the density of the normal distribution."""
    return _gaussian(x, 1 / math.sqrt(2 * math.pi))


def normal_cdf(x: np.ndarray) -> Any:
    """Φ(x), the integral of φ from −∞ to x, wrong by less than 3 units of the last place; by 8 on machines without extended precision."""
    return np.where(x > 0, 1.0 - _tail(x), _tail(x))
