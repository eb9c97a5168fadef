"""From encoded columns to rows: the units of a row stand beside each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from chainrule.data.codes.code import OneOf, Unit


class TooFarError(Exception):
    """A unit of a row is no finite number of the dtype; ``args`` are the unit's place and the row."""


class Units:
    """The units of some columns, which are written as rows: so many rows at a time that all of them stay in a cache."""

    def __init__(self, columns: Sequence[Sequence[Unit] | OneOf], dtype: DTypeLike) -> None:
        self._dtype = dtype
        self.width = 0
        self._numbers: dict[int, Unit] = {}  # by their places in a row
        self._flags: dict[int, Unit] = {}
        ones: list[NDArray[np.int64]] = []
        self._codes: list[NDArray[np.unsignedinteger]] = []
        for column in columns:
            if isinstance(column, OneOf):
                self._codes.append(column.codes)
                ones.append(np.where(column.places < 0, -1, column.places + self.width))
                self.width += column.units
                continue
            for unit in column:
                (self._flags if unit.values.dtype == np.bool_ else self._numbers)[self.width] = unit
                self.width += 1
        self._mean = np.array([[unit.mean] for unit in self._numbers.values()])
        self._scale = np.array([[unit.scale] for unit in self._numbers.values()])
        self._first = np.cumsum([0, *map(len, ones)])[:-1, None]
        self._ones = np.concatenate(ones) if ones else np.empty(0, np.int64)

    def rows(self, first: int, stop: int) -> NDArray[Any]:
        """Return the units of the rows from ``first`` up to ``stop`` (rows, units); raises :class:`TooFarError`."""
        x = np.zeros((stop - first, self.width), self._dtype)
        if self._numbers:
            values = _values(self._numbers, first, stop)
            try:
                with np.errstate(over="raise"):
                    values -= self._mean
                    values /= self._scale
                    np.copyto(values, 0.0, where=np.isnan(values))  # a missing number
                    x[:, list(self._numbers)] = values.T
            except FloatingPointError:
                raise self._too_far(first, stop) from None
            if not np.isfinite(values).all():  # it was infinite before
                raise self._too_far(first, stop)
        if self._flags:
            x[:, list(self._flags)] = _values(self._flags, first, stop).T
        if self._codes:
            places = self._ones.take(_part(self._codes, first, stop) + self._first)
            at = places + np.arange(0, x.size, self.width)
            x.reshape(-1)[at.reshape(-1) if places.min(initial=0) >= 0 else at[places >= 0]] = 1.0
        return x

    def _too_far(self, first: int, stop: int) -> TooFarError:
        with np.errstate(over="ignore"):
            units = ((_values(self._numbers, first, stop) - self._mean) / self._scale).astype(self._dtype)
        number, row = np.argwhere(np.isinf(units))[0]
        return TooFarError(list(self._numbers)[number], first + int(row))


def _values(units: Mapping[int, Unit], first: int, stop: int) -> NDArray[Any]:
    return _part([unit.values for unit in units.values()], first, stop)


def _part(columns: Sequence[NDArray[Any]], first: int, stop: int) -> NDArray[Any]:
    """Return some rows of columns (columns, rows)."""
    return np.concatenate([column[first:stop] for column in columns]).reshape(len(columns), -1)
