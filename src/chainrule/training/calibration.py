"""Whether probabilities mean what they say, and how they are brought to: by a temperature, and a threshold."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.training.metrics import METRICS

Array = NDArray[Any]

BINS = 15
_SPREAD, _FARTHEST = 0.25, 3.0  # of ln T


@dataclass(frozen=True)
class Bin:
    """The rows whose confidence, the probability of their most probable class, is above ``low`` and at most ``high``.

    ``rows`` is their number, ``weight`` what they count; ``confidence`` is its mean, ``accuracy`` how often that class is the true one.
    """

    low: float
    high: float
    rows: int
    weight: float
    confidence: float
    accuracy: float


@dataclass(frozen=True)
class Calibration:
    """The bins that have rows, and ``ece``, the expected calibration error: the mean over rows of \\|confidence − accuracy\\| of their bin.

    Source: Guo, Pleiss, Sun and Weinberger (2017), On calibration of modern neural networks, section 2; 15 bins of equal width.
    """

    ece: float
    bins: tuple[Bin, ...]

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON-ready data."""
        return asdict(self)


def calibration_of(target: Array, probabilities: Array, weights: Array | None = None, bins: int = BINS) -> Calibration:
    """Compare the confidence of answers with how often they are right.

    Args:
        target: class numbers (rows,). ``probabilities``: (rows, classes). ``weights``: (rows,); a row of weight 0 counts as absent.
        bins: how many bins of equal width there are from 0 to 1.
    """
    counts = np.ones(len(target)) if weights is None else np.asarray(weights, np.float64)
    confidence = probabilities.max(axis=1).astype(np.float64)
    right = probabilities.argmax(axis=1) == target
    places = np.clip(np.ceil(confidence * bins).astype(np.int64) - 1, 0, bins - 1)
    found = []
    for place in np.unique(places[counts > 0]).tolist():
        inside = (places == place) & (counts > 0)
        own = counts[inside]
        means = (float(np.average(values[inside], weights=own)) for values in (confidence, right))
        found.append(Bin(place / bins, (place + 1) / bins, int(inside.sum()), float(own.sum()), *means))
    total = sum(one.weight for one in found)
    error = sum(one.weight * abs(one.confidence - one.accuracy) for one in found) / total if total else math.nan
    return Calibration(error, tuple(found))


def shares_below(target: Array, predicted: Array, weights: Array | None = None) -> list[float]:
    """Return the share of the rows that are at or below each predicted quantile: of calibrated ones it is the quantile itself.

    Args:
        target: values (rows,). ``predicted``: their quantiles (rows, quantiles). ``weights``: (rows,).
    """
    shares: list[float] = np.average(target[:, None] <= predicted, axis=0, weights=weights).tolist()
    return shares


def fit_temperature(logits: Array, target: Array, weights: Array | None = None) -> float:
    """Return the temperature T at which the probabilities of logits / T have the least log-loss.

    With one logit a row, z, the two classes have −z/2 and z/2, which is the same. A few rows say little about T, and rows without a single
    mistake would make it 0: so ln T is thought to be normal before any row is seen, with mean 0 and standard deviation ``_SPREAD``, and the
    most probable T is returned. The slope of that by ln T is bracketed by halving.

    Args:
        logits: (rows, classes), or (rows, 1) for two classes. ``target``: class numbers (rows,). ``weights``: (rows,).

    Source: Guo, Pleiss, Sun and Weinberger (2017), On calibration of modern neural networks, section 4.2.
    """
    z = logits.astype(np.float64)
    z = np.concatenate([-z / 2, z / 2], axis=1) if z.shape[1] == 1 else z
    z = z - z.max(axis=1, keepdims=True)
    w = np.ones(len(z)) if weights is None else np.asarray(weights, np.float64)
    wanted = z[np.arange(len(z)), target]

    def slope(cold: float) -> float:
        """Return the derivative of the summed log-loss, and of what was thought before, by −ln T."""
        p = np.exp(z * math.exp(cold))
        return math.exp(cold) * float(np.dot(w, (p * z).sum(axis=1) / p.sum(axis=1) - wanted)) + cold / _SPREAD**2

    low, high = -_FARTHEST, _FARTHEST
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if slope(middle) < 0 else (low, middle)
    return math.exp(-(low + high) / 2)


def best_threshold(metric: str, target: Array, probabilities: Array, weights: Array | None = None) -> float:
    """Return the probability of the second class from which on answering it gives the best value of a metric.

    At most 200 thresholds are tried, between neighboring probabilities; of equally good ones the nearest to ½ is taken.
    """
    values = np.unique(probabilities[:, 1].astype(np.float64))
    between = (values[:-1] + values[1:]) / 2
    if len(between) > 199:
        between = np.unique(np.quantile(between, np.linspace(0, 1, 199)))
    tried = np.concatenate([[0.5], between])
    sign = 1 if METRICS[metric].greater_is_better else -1
    reached = [sign * METRICS[metric](target, probabilities, weights, threshold=float(at)) for at in tried]
    best = np.flatnonzero(np.array(reached) == max(reached))
    return float(tried[best[np.abs(tried[best] - 0.5).argmin()]])
