"""Rows that repeat: inside a part, across the split, and with another answer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from chainrule.data.measures.sampling import evenly_spaced

_MOST_ROWS = 4000


@dataclass(frozen=True)
class Repeats:
    """Rows that are the same as an earlier one.

    Attributes:
        rows: how many rows were looked at.
        again: the rows that repeat an earlier one in all columns, and ``first``: for each of them that earlier row.
        expected: how many would repeat an earlier one by chance, if columns did not depend on each other.
    """

    rows: int
    again: NDArray[np.int64]
    first: NDArray[np.int64]
    expected: float

    @property
    def share(self) -> float:
        """The share of the rows that repeat an earlier one."""
        return len(self.again) / self.rows if self.rows else 0.0


def repeated_rows(x: NDArray[np.generic]) -> Repeats:
    """Return the rows of x [rows, columns] that repeat an earlier row, bit for bit; the target can be one of the columns."""
    keys = _keys(x)
    _, first, group = np.unique(keys, return_index=True, return_inverse=True)
    again = np.flatnonzero(first[group] != np.arange(len(keys)))
    return Repeats(len(keys), again, first[group][again], len(keys) * _chance(x, len(keys)))


def rows_in_both(x: NDArray[np.generic], other: NDArray[np.generic]) -> Repeats:
    """Return the rows of ``other`` that stand in x as well: held-out rows that were trained on. ``first`` are rows of x."""
    places: dict[bytes, int] = {}
    for row, key in enumerate(_keys(x).tolist()):
        places.setdefault(key, row)
    found = [(row, places[key]) for row, key in enumerate(_keys(other).tolist()) if key in places]
    again = np.array([row for row, _ in found], np.int64)
    first = np.array([row for _, row in found], np.int64)
    return Repeats(len(other), again, first, len(other) * _chance(x, len(x)))


def _keys(x: NDArray[np.generic]) -> NDArray[np.void]:
    flat = np.ascontiguousarray(x.reshape(len(x), -1)) + 0  # −0 is 0
    return flat.view(np.dtype((np.void, flat.dtype.itemsize * flat.shape[1]))).reshape(len(x))


def _chance(x: NDArray[np.generic], rows: int) -> float:
    """Return the chance that a row is the same as one of so many others: 1 − (1 − Π_columns Σ_values p²)^rows.

    That is so if columns do not depend on each other; where they do, the chance is larger.
    """
    flat = x.reshape(len(x), -1)[evenly_spaced(len(x), _MOST_ROWS)]
    logarithm = 0.0
    for column in flat.T:
        _, counts = np.unique(column, return_counts=True)
        p = counts / counts.sum()
        same = float(np.sum(p * p)) if len(counts) < len(column) else 1e-12  # all differ: as good as never the same
        logarithm += np.log(same)
    return float(-np.expm1(rows * np.log1p(-min(np.exp(logarithm), 1 - 1e-12))))
