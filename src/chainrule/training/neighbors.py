"""Whether neighboring rows of a table are alike in what is predicted, as in a series of times, and more alike than their inputs are."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.data.measures.sampling import evenly_spaced
from chainrule.training.linear import ridge_regression

Values = NDArray[Any]

_MOST_PAIRS = 4000


def likeness(y: Values, classes: int) -> float:
    """Return how alike neighbors are in y (rows,), in the order of the file: 1 if they are the same, 0 in independent rows.

    Of classes it is Cohen's κ, the agreement beyond chance; of quantities the correlation.
    """
    if not classes:
        return float(np.corrcoef(y[:-1], y[1:])[0, 1])
    expected = float(np.square(np.unique(y, return_counts=True)[1] / len(y)).sum())
    return (float(np.mean(y[1:] == y[:-1])) - expected) / (1 - expected)


def unexplained_likeness(x: Values, y: Values, classes: int) -> float:
    """Return the correlation of neighbors in what a linear model of the inputs x (rows, units) leaves over of y (rows,).

    Where a file is sorted by one of its inputs, neighbors are alike and there is nothing in it that the inputs do not say. Every second
    pair of rows is what the model is made from, and the others are looked at; of classes all are, each as 0 and 1.
    """
    pairs = np.arange(len(y) // 2 * 2).reshape(-1, 2)
    made, asked = (part[evenly_spaced(len(part), _MOST_PAIRS)] for part in (pairs[::2].reshape(-1), pairs[1::2]))
    goal = (y[:, None] == np.unique(y)).astype(np.float64) if classes else y.reshape(-1, 1)
    left = []
    for column in goal.T:
        weight, bias = ridge_regression(x[made].astype(np.float64), column[made], np.ones(len(made)))
        rest = column[asked] - (x[asked].astype(np.float64) @ weight + bias)
        left.append(rest - rest.mean())
    first, second = np.moveaxis(np.array(left), 2, 0)
    spread = float(np.square(left).sum()) / 2
    return float((first * second).sum()) / spread if spread else 0.0
