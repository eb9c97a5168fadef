"""Two simple models that say what can be learned from rows: a linear one and the nearest neighbors, each row predicted without itself."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from chainrule.data.measures.sampling import evenly_spaced
from chainrule.training.linear import logistic_regression, ridge_regression, softmax

_FOLDS, _NEIGHBORS = 5, 10
_MOST_ROWS, _MOST_COLUMNS = 2000, 300

Array = np.ndarray


@dataclass(frozen=True)
class Reference:
    """A simple model's answers for some of the rows.

    Attributes:
        name: ``linear`` or ``neighbors``.
        rows: the places of the rows.
        answers: class numbers, or values. ``sureness``: the share that the answer's class is given, for classes.
        skill: the share of the guessing error that is gone.
    """

    name: str
    rows: Array
    answers: Array
    sureness: Array
    skill: float


def held_out_references(x: Array, goal: Array, classes: int) -> list[Reference]:
    """Return the references for x [rows, columns] and a target (rows,), of at most 2,000 rows."""
    from chainrule.inspect.diagnosis.measurements import skill  # which imports this module

    rows = evenly_spaced(len(x), _MOST_ROWS)
    if len(rows) < 2 * _NEIGHBORS or (classes and len(np.unique(goal)) < 2):
        return []
    x, goal = _standardized(x[rows]), goal[rows]
    found = []
    for name, function in (("linear", _linear), ("neighbors", _neighbors)):
        if name == "linear" and (x.shape[1] > _MOST_COLUMNS or classes > 30):
            continue
        answers, sureness = function(x, goal, classes)
        found.append(Reference(name, rows, answers, sureness, skill(goal, answers, classes)))
    return found


def _standardized(x: Array) -> Array:
    wide = x.astype(np.float64)
    centered = wide - wide.mean(axis=0)
    scale = centered.std(axis=0)
    return np.asarray(centered / np.where(scale > 0, scale, 1.0))


def _linear(x: Array, goal: Array, classes: int) -> tuple[Array, Array]:
    """Predict each fifth of the rows from the other ones."""
    fold = np.random.Generator(np.random.Philox(key=0)).permutation(len(x)) % _FOLDS
    answers = np.zeros(len(x), np.int64 if classes else np.float64)
    sureness = np.ones(len(x))
    for number in range(_FOLDS):
        made, asked = fold != number, fold == number
        ones = np.ones(int(made.sum()))
        if classes:
            weight, bias = logistic_regression(x[made], goal[made], classes, ones)
            p = softmax(x[asked] @ weight + bias)
            answers[asked], sureness[asked] = p.argmax(axis=1), p.max(axis=1)
        else:
            slope, intercept = ridge_regression(x[made], goal[made], ones)
            answers[asked] = x[asked] @ slope + intercept
    return answers, sureness


def _neighbors(x: Array, goal: Array, classes: int) -> tuple[Array, Array]:
    """Predict each row from the ten others that are nearest."""
    squares = np.einsum("ij,ij->i", x, x)
    answers = np.zeros(len(x), np.int64 if classes else np.float64)
    sureness = np.ones(len(x))
    for start in range(0, len(x), 500):
        part = slice(start, start + 500)
        distance = squares[part, None] + squares - 2 * (x[part] @ x.T)
        distance[np.arange(len(distance)), np.arange(start, start + len(distance))] = np.inf
        near = goal[np.argpartition(distance, _NEIGHBORS, axis=1)[:, :_NEIGHBORS]]
        if classes:
            votes = np.stack([(near == label).sum(axis=1) for label in range(classes)], axis=1)
            answers[part], sureness[part] = votes.argmax(axis=1), votes.max(axis=1) / _NEIGHBORS
        else:
            answers[part] = near.mean(axis=1)
    return answers, sureness
