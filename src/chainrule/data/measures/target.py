"""What the target is like, and whether a single column gives it away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.data.measures.sampling import evenly_spaced

LARGE, SMALL = 100.0, 0.01
"""Fresh networks answer with numbers near 1: a target 100 times larger has gradients 100 times larger."""

_MOST_ROWS, _FEWEST_ROWS = 5000, 30
_ROWS_A_BIN, _MOST_BINS = 5, 200


@dataclass(frozen=True)
class Alone:
    """How well one column predicts the target alone, on rows that the prediction was not made from.

    ``share`` is the part of the guessing error (of the most frequent class, or of the mean) that is gone: 1 if the column gives the target
    away, 0 if it says nothing.
    """

    column: int
    share: float


@dataclass(frozen=True)
class ClassShares:
    """The rows of each class; ``ratio`` is the largest number divided by the smallest."""

    counts: tuple[int, ...]

    @property
    def ratio(self) -> float:
        """The rows of the most frequent class for one of the rarest."""
        return max(self.counts) / max(min(self.counts), 1)

    @property
    def rarest(self) -> int:
        """The class with the fewest rows."""
        return int(np.argmin(self.counts))


def class_shares(y: NDArray[np.integer[Any]], classes: int) -> ClassShares:
    """Count the rows of each class of y (rows,), whole numbers below ``classes``."""
    return ClassShares(tuple(int(count) for count in np.bincount(y, minlength=classes)))


@dataclass(frozen=True)
class Tail:
    """The rows with the largest squared deviations from the mean, a hundredth of all: how many, and their share of all squares.

    ``largest`` is the row with the largest one of them, and ``largest_share`` its own.
    """

    rows: int
    share: float
    largest: int
    largest_share: float


def tail(y: NDArray[np.floating[Any]]) -> Tail:
    """Return what the largest deviations of quantities y (rows,) weigh."""
    values = np.asarray(y, np.float64)
    squares = np.square(values - values.mean())
    rows = max(len(squares) // 100, 1)
    top = np.partition(squares, -rows)[-rows:]
    total, largest = float(squares.sum()) or 1.0, int(squares.argmax())
    return Tail(rows, float(top.sum()) / total, largest, float(squares[largest]) / total)


def alone(x: NDArray[np.floating[Any]], y: NDArray[np.generic], *, classes: int = 0) -> list[Alone]:
    """Return how well each column of x [rows, columns] predicts y (rows,) alone, the best one first; nothing for fewer than 30 rows.

    A column is cut at the quantiles of every second row, at least five rows a bin; in each bin the most frequent class, or a straight line,
    is what these rows predict, and the other rows say how well. Whole numbers below ``classes`` are classes; 0 means that y is a quantity.
    At most 5,000 rows are looked at, evenly spaced.
    """
    chosen = evenly_spaced(len(x), _MOST_ROWS)
    chosen = chosen[np.argsort(np.random.Philox(key=0).random_raw(len(chosen)), kind="stable")]  # whatever the order of the rows
    if len(chosen) < _FEWEST_ROWS:
        return []
    values = np.asarray(x[chosen], np.float64)
    goal = np.asarray(y[chosen], np.int64 if classes else np.float64)
    measure = _errors_of_classes if classes else _errors_of_quantity
    found = []
    for column in range(x.shape[1]):
        made, asked = values[::2, column], values[1::2, column]
        if (made == made[0]).all():
            continue
        error, guess = measure(_bins(made, made), _bins(made, asked), made, asked, goal[::2], goal[1::2], classes)
        found.append(Alone(column, 1 - error / guess if guess > 0 else 0.0))
    return sorted(found, key=lambda one: -one.share)


def _bins(made: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the bin of each value: one of its own for each value of a column with few, and quantiles of the others.

    Among these a value that fills a bin has it to itself, such as the 0 of an amount that most rows do not have.
    """
    different, counts = np.unique(made, return_counts=True)
    number = min(max(len(made) // _ROWS_A_BIN, 2), _MOST_BINS)
    edges = different[1:]
    if len(different) > number:
        frequent = different[counts > len(made) / number]
        quantiles = np.quantile(made, np.linspace(0, 1, number + 1)[1:-1])
        edges = np.unique(np.concatenate([quantiles, frequent, np.nextafter(frequent, np.inf)]))
    return np.searchsorted(edges, values, side="right").astype(np.int64)


def _errors_of_classes(
    bins: NDArray[np.int64],
    asked_bins: NDArray[np.int64],
    made: NDArray[np.float64],
    asked: NDArray[np.float64],
    y: NDArray[Any],
    truth: NDArray[Any],
    classes: int,
) -> tuple[float, float]:
    size = int(max(bins.max(), asked_bins.max())) + 1
    counts = np.bincount(bins * classes + y, minlength=size * classes).reshape(size, classes)
    overall = int(np.bincount(y, minlength=classes).argmax())
    said = np.where(counts.sum(axis=1) > 0, counts.argmax(axis=1), overall)
    return float(np.mean(said[asked_bins] != truth)), float(np.mean(truth != overall))


def _errors_of_quantity(
    bins: NDArray[np.int64],
    asked_bins: NDArray[np.int64],
    made: NDArray[np.float64],
    asked: NDArray[np.float64],
    y: NDArray[Any],
    truth: NDArray[Any],
    classes: int,
) -> tuple[float, float]:
    """Return the mean squared errors of a line in each bin, drawn through its rows' means (interpolated), and of the mean."""
    counts = np.bincount(bins)
    present = counts > 0
    places = np.bincount(bins, made)[present] / counts[present]
    means = np.bincount(bins, y)[present] / counts[present]
    said = np.interp(asked, places, means)
    slope, intercept = np.polyfit(made - made.mean(), y, 1) if np.ptp(made) > 0 else (0.0, float(y.mean()))
    line = intercept + slope * (asked - made.mean())
    error = min(float(np.mean(np.square(said - truth))), float(np.mean(np.square(line - truth))))
    return error, float(np.mean(np.square(truth - y.mean())))
