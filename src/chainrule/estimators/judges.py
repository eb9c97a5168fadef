"""The rows by which weights are judged, and what they count."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from chainrule.estimators.inputs import Array
from chainrule.training.step import Batch


@dataclass
class Judges:
    """The rows that judge the weights after each epoch.

    Attributes:
        batch: as the training step takes them.
        truth: for each column of y what was true, as metrics take it.
        counts: how much each row counts in metrics; ``None`` if all count the same.
        rows: the numbers of these rows of the batch; all unless given.
    """

    batch: Batch
    truth: list[Array]
    counts: Array | None
    rows: Array | None = None


def scaled(weights: Array | None) -> Array | None:
    """Return weights with a greatest one near 1, or ``None`` where they are equal: to a mean the two are the same."""
    if weights is None or (weights == weights[0]).all():
        return None
    return np.asarray(np.ldexp(weights, -int(np.frexp(weights.max())[1])))
