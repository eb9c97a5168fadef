"""From encoded columns to rows: their cells, which prediction takes as they are, and the units that these stand for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from chainrule.data.codes.code import OneOf, Unit
from chainrule.data.standardize import of_columns


class TooFarError(Exception):
    """A unit of a row is no finite number of the dtype; ``args`` are the unit's place and the row."""


@dataclass(frozen=True, eq=False)
class Layout:
    """Where the units of a row come from.

    Attributes:
        width: how many units there are.
        at: the unit of each number (numbers,), ascending.
        mean, scale: what each number is standardized by (numbers,), float64.
    """

    width: int
    at: NDArray[np.int64]
    mean: NDArray[np.float64]
    scale: NDArray[np.float64]

    def far(self, numbers: NDArray[Any], dtype: DTypeLike) -> NDArray[np.bool_]:
        """Say which numbers (rows, numbers) are too far from those in training to be standardized in the dtype."""
        with np.errstate(all="ignore"):
            far: NDArray[np.bool_] = np.isinf(((numbers - self.mean) / self.scale).astype(dtype))
        return far


@dataclass(frozen=True, eq=False)
class Cells:
    """Some rows before there are units.

    Attributes:
        layout: where their units come from.
        numbers: what is standardized (rows, numbers): float64, or the dtype of an array; NaN where one is missing.
        places: which unit is 1 for each word (rows, words), the width of the layout for none; int64.
    """

    layout: Layout
    numbers: NDArray[Any]
    places: NDArray[np.int64]

    def check(self, dtype: DTypeLike) -> None:
        """Raise :class:`TooFarError` for a number that is too far from those in training for the dtype."""
        if not self.numbers.size:
            return
        with np.errstate(all="ignore"):
            ends = np.array([of_columns(function, self.numbers) for function in (np.fmin, np.fmax)])  # the least and the greatest
        if self.layout.far(ends, dtype).any():
            row, number = np.argwhere(self.layout.far(self.numbers, dtype))[0].tolist()
            raise TooFarError(int(self.layout.at[number]), row)

    def units(self, dtype: DTypeLike) -> NDArray[Any]:
        """Return the units (rows, units): (number − mean) / scale in float64, 0 where it is missing; and of the words 1 or 0."""
        layout, rows = self.layout, len(self.numbers)
        x = np.zeros((rows, layout.width), dtype)
        if layout.at.size:
            values = self.numbers.astype(np.float64)
            values -= layout.mean
            values /= layout.scale
            np.copyto(values, 0.0, where=np.isnan(values))
            x[:, slice(None) if layout.at.size == layout.width else layout.at] = values
        if self.places.size:
            at = self.places + np.arange(0, x.size, layout.width)[:, None]
            x.reshape(-1)[at[self.places < layout.width]] = 1.0
        return x


class Units:
    """The units of some columns, of which rows are taken: so many at a time that all of them stay in a cache."""

    def __init__(self, columns: Sequence[Sequence[Unit] | OneOf]) -> None:
        self._numbers: list[Unit] = []
        self._codes: list[NDArray[np.unsignedinteger]] = []
        at: list[int] = []
        places: list[NDArray[np.int64]] = []
        width = 0
        for column in columns:
            if isinstance(column, OneOf):
                self._codes.append(column.codes)
                places.append(np.where(column.places < 0, -1, column.places + width))
                width += column.units
            else:
                self._numbers += column
                at += range(width, width + len(column))
                width += len(column)
        mean, scale = ([getattr(unit, name) for unit in self._numbers] for name in ("mean", "scale"))
        self.layout = Layout(width, np.array(at, np.int64), np.array(mean), np.array(scale))
        self._gaps = np.flatnonzero([unit.gap for unit in self._numbers])
        self._first = np.cumsum([0, *map(len, places)])[:-1, None]
        places.append(np.empty(0, np.int64))
        self._places = np.concatenate(places)
        self._places[self._places < 0] = width

    def cells(self, first: int, stop: int) -> Cells:
        """Return the cells of the rows from ``first`` up to ``stop``."""
        numbers = _part([unit.values for unit in self._numbers], first, stop) if self._numbers else np.empty((0, stop - first))
        numbers[self._gaps] = np.isnan(numbers[self._gaps])
        codes = _part(self._codes, first, stop) if self._codes else np.empty((0, stop - first), np.int64)
        return Cells(self.layout, numbers.T, self._places.take(codes + self._first).T)


def _part(columns: Sequence[NDArray[Any]], first: int, stop: int) -> NDArray[Any]:
    """Return some rows of columns (columns, rows)."""
    return np.concatenate([column[first:stop] for column in columns]).reshape(len(columns), -1)
