"""From encoded columns to rows: the units of a row stand beside each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from chainrule.data.codes.code import OneOf, Unit


class Units:
    """The units of some columns, which are written as rows: so many rows at a time that all of them stay in a cache."""

    def __init__(self, columns: Sequence[Sequence[Unit] | OneOf], dtype: DTypeLike) -> None:
        self._dtype = dtype
        self.width = 0
        values: list[tuple[int, Unit]] = []
        ones: list[NDArray[np.int64]] = []
        self._codes: list[NDArray[np.uint32]] = []
        for column in columns:
            if isinstance(column, OneOf):
                self._codes.append(column.codes)
                ones.append(np.where(column.places < 0, -1, column.places + self.width))
                self.width += column.units
            else:
                values += enumerate(column, self.width)
                self.width += len(column)
        self._values = [unit.values for _, unit in values]
        self._places = np.array([place for place, _ in values], np.intp)
        self._mean, self._scale = np.array([[(unit.mean, unit.scale)] for _, unit in values]).reshape(-1, 2, 1).swapaxes(0, 1)
        self._first = np.cumsum([0, *map(len, ones)])[:-1, None]
        self._ones = np.concatenate(ones) if ones else np.empty(0, np.int64)

    def rows(self, first: int, stop: int) -> NDArray[Any]:
        """Return the units of the rows from ``first`` up to ``stop`` (rows, units)."""
        x = np.zeros((stop - first, self.width), self._dtype)
        if self._values:
            units = _part(self._values, first, stop)
            units = units - self._mean
            units /= self._scale
            x[:, self._places] = units.T
        if self._codes:
            places = self._ones.take(_part(self._codes, first, stop) + self._first)
            at = places + np.arange(0, x.size, self.width)
            x.reshape(-1)[at.reshape(-1) if places.min(initial=0) >= 0 else at[places >= 0]] = 1.0
        return x


def _part(columns: Sequence[NDArray[Any]], first: int, stop: int) -> NDArray[Any]:
    """Return some rows of columns (columns, rows)."""
    return np.concatenate([column[first:stop] for column in columns]).reshape(len(columns), -1)
