"""Rows that repeat: inside a part, across the split, and with another answer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from chainrule.data.measures.sampling import evenly_spaced

_MOST_ROWS, _MOST_REPEATED = 4000, 100


@dataclass(frozen=True)
class Repeats:
    """Rows that are the same as an earlier one.

    Attributes:
        rows: how many rows were looked at.
        again: the rows that repeat an earlier one in all columns, and ``first``: for each of them that earlier row.
        near: the share of these rows that also nearly agree with another one, in all columns but one or two. Where values are coarse, rows
            agree by nature, and then they nearly agree as well; copies of rows that are all different do not.
    """

    rows: int
    again: NDArray[np.int64]
    first: NDArray[np.int64]
    near: float

    @property
    def share(self) -> float:
        """The share of the rows that repeat an earlier one."""
        return len(self.again) / self.rows if self.rows else 0.0

    @property
    def by_nature(self) -> bool:
        """Whether rows that agree are nothing to wonder about: at least half of them nearly agree with others, too."""
        return self.near >= 0.5


def repeated_rows(x: NDArray[np.generic]) -> Repeats:
    """Return the rows of x [rows, columns] that repeat an earlier row, bit for bit; the target can be one of the columns."""
    keys = _keys(x)
    _, first, group = np.unique(keys, return_index=True, return_inverse=True)
    again = np.flatnonzero(first[group] != np.arange(len(keys)))
    return Repeats(len(keys), again, first[group][again], _near(x, x[again]))


def rows_in_both(x: NDArray[np.generic], other: NDArray[np.generic]) -> Repeats:
    """Return the rows of ``other`` that stand in x as well: held-out rows that were trained on. ``first`` are rows of x."""
    places: dict[bytes, int] = {}
    for row, key in enumerate(_keys(x).tolist()):
        places.setdefault(key, row)
    found = [(row, places[key]) for row, key in enumerate(_keys(other).tolist()) if key in places]
    again = np.array([row for row, _ in found], np.int64)
    first = np.array([row for _, row in found], np.int64)
    return Repeats(len(other), again, first, _near(x, other[again]))


def _keys(x: NDArray[np.generic]) -> NDArray[np.void]:
    flat = np.ascontiguousarray(x.reshape(len(x), -1)) + 0  # −0 is 0
    return flat.view(np.dtype((np.void, flat.dtype.itemsize * flat.shape[1]))).reshape(len(x))


def _near(x: NDArray[np.generic], again: NDArray[np.generic]) -> float:
    """Return the share of some repeated rows that differ from a row of x in one column, or in two of eight or more.

    Two, since a category that is written as a column for each level changes two of them.
    """
    if not len(again):
        return 0.0
    x = x.reshape(len(x), -1)[evenly_spaced(len(x), _MOST_ROWS)]
    again = again.reshape(len(again), -1)[evenly_spaced(len(again), _MOST_REPEATED)]
    if x.shape[1] < 2:
        return 1.0
    most = 2 if x.shape[1] >= 8 else 1
    different = [(x != row).sum(axis=1) for row in again]
    return float(np.mean([bool(((count > 0) & (count <= most)).any()) for count in different]))
