"""Shapley values in columns: how much each cell of a row moves the answer away from the average over other rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from chainrule.inspect.attributions.answers import Function, Rows

MOST_EXACT = 12
"""With more columns than these, their 2ⁿ sets are too many and orders of the columns are sampled."""
_ROWS = 400_000  # that a sampling may run
_FEWEST_ROUNDS, _MOST_ROUNDS = 2, 8


@dataclass(frozen=True)
class Shapley:
    """The contribution of each column; together they are prediction − baseline.

    ``errors`` are standard errors, and ``None`` where the values are exact. ``baseline`` is the mean answer over the background.
    ``tried`` is the number of sets of columns, or of orders.
    """

    values: NDArray[np.float64]
    errors: NDArray[np.float64] | None
    prediction: float
    baseline: float
    tried: int


def shapley_values(f: Function, row: NDArray[np.float64], background: Rows, groups: Sequence[NDArray[np.int64]], seed: int = 0) -> Shapley:
    """Return the Shapley values of a row's columns: exact up to 12 columns, sampled above.

    The columns are the players. What a set S of them is worth is the mean of f over the background, with the units of S taken from the
    row and all others from a background row (interventional: columns are replaced together with nothing else). A column's value is
    what it adds to a set, averaged over all orders in which the columns can come.

    Sources: Shapley (1953), A value for n-person games; Štrumbelj and Kononenko (2014), Explaining prediction models and individual
    predictions with feature contributions; Lundberg and Lee (2017), A unified approach to interpreting model predictions.

    Args:
        f: from rows [rows, units] to numbers [rows].
        row: the units of the row that is explained.
        background: rows to compare it with.
        groups: for each column the places of its units.
        seed: of the sampling.
    """
    owner = _owner(groups, len(row))
    return _exact(f, row, background, owner, len(groups)) if len(groups) <= MOST_EXACT else _sampled(f, row, background, owner, seed)


def exact(f: Function, row: NDArray[np.float64], background: Rows, groups: Sequence[NDArray[np.int64]]) -> Shapley:
    """Return the Shapley values by all sets of columns; see :func:`shapley_values`."""
    return _exact(f, row, background, _owner(groups, len(row)), len(groups))


def sampled(f: Function, row: NDArray[np.float64], background: Rows, groups: Sequence[NDArray[np.int64]], seed: int = 0) -> Shapley:
    """Return the Shapley values by sampled orders of the columns, each followed by its reverse; see :func:`shapley_values`.

    On the way from a background row to the row, one column after the other is exchanged, and each is credited with the change of f. The
    changes of one way add up to f(row) − f(background row), and each background row is used as often as the others: so the values
    add up to prediction − baseline whatever the sample. Standard errors come from the ways of one background row among each other.

    Source, for the reversed orders: Mitchell, Cooper, Frank and Holmes (2022), Sampling permutations for Shapley value estimation.
    """
    return _sampled(f, row, background, _owner(groups, len(row)), seed)


def _owner(groups: Sequence[NDArray[np.int64]], units: int) -> NDArray[np.int64]:
    """Return for each unit the number of its column."""
    owner = np.zeros(units, np.int64)
    for column, places in enumerate(groups):
        owner[places] = column
    return owner


def _exact(f: Function, row: NDArray[np.float64], background: Rows, owner: NDArray[np.int64], columns: int) -> Shapley:
    sets = np.arange(2**columns)
    # one call a set, each with as many rows: a column that f does not read changes no bit, and its value is 0 and not nearly 0
    worth = np.array([f(np.where(members >> owner & 1, row, background)).mean() for members in sets.tolist()])
    sizes = np.bitwise_count(sets).astype(np.int64)
    weights = np.array([1 / (columns * math.comb(columns - 1, size)) for size in range(columns)])  # s! (n − 1 − s)! / n!
    values = np.empty(columns)
    for column in range(columns):
        without = sets[sets >> column & 1 == 0]
        values[column] = weights[sizes[without]] @ (worth[without | 1 << column] - worth[without])
    return Shapley(values, None, float(worth[-1]), float(worth[0]), len(sets))


def _sampled(f: Function, row: NDArray[np.float64], background: Rows, owner: NDArray[np.int64], seed: int) -> Shapley:
    columns = int(owner.max()) + 1
    rounds = int(np.clip(_ROWS // (2 * len(background) * (columns + 1)), _FEWEST_ROUNDS, _MOST_ROUNDS))
    generator = np.random.default_rng(seed)
    found = np.empty((rounds, len(background), columns))
    for number in range(rounds):
        for place, start in enumerate(background):
            order = generator.permutation(columns)
            found[number, place] = (_way(f, start, row, owner, order) + _way(f, start, row, owner, order[::-1])) / 2
    errors = np.sqrt(found.var(0, ddof=1).sum(0) / rounds) / len(background)
    return Shapley(found.mean((0, 1)), errors, float(f(row[None])[0]), float(f(background).mean()), 2 * rounds * len(background))


def _way(
    f: Function, start: NDArray[np.float64], end: NDArray[np.float64], owner: NDArray[np.int64], order: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return what each column changes on the way from one row to another, in that order."""
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    exchanged = np.arange(len(order) + 1)[:, None]
    changes: NDArray[np.float64] = np.diff(f(np.where(rank[owner] < exchanged, end, start)))[rank]
    return changes
