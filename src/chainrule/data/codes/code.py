"""What every kind of code can do."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray

from chainrule.data.table import Column


@dataclass(frozen=True)
class Step:
    """How one cell became one unit: the value that was read, what it was standardized by, and the whole calculation as text."""

    how: str
    value: float | str | None = None
    mean: float | None = None
    scale: float | None = None


@dataclass(frozen=True)
class Unit:
    """One unit of all rows: (value − mean) / scale of its values (rows,), float64, and 0 where one is missing, NaN.

    If it is a ``gap``, it is 1 where a value is missing, and 0 elsewhere.
    """

    values: NDArray[np.float64]
    mean: float = 0.0
    scale: float = 1.0
    gap: bool = False


@dataclass(frozen=True)
class OneOf:
    """So many units, of which one is 1 in each row: that at ``places[code]`` for the row's code (rows,), or none where it is −1."""

    codes: NDArray[np.unsignedinteger]
    places: NDArray[np.int64]
    units: int


class Code(Protocol):
    """One column's way into the network: plain data, found from the training rows."""

    @property
    def column(self) -> Column:
        """Return the column that is encoded."""

    @property
    def units(self) -> tuple[str, ...]:
        """Return the names of the units, in order."""

    def encode(self, values: pl.Series) -> list[Unit] | OneOf:
        """Return the units of a column's values, as :func:`read_column` gives them."""

    def steps(self, values: pl.Series) -> list[Step]:
        """Say for each unit how it came from the single value in ``values``."""


def present(values: pl.Series, weights: NDArray[np.float64] | None) -> tuple[pl.Series, NDArray[np.float64] | None]:
    """Return the values that are not missing, and the weights of their rows."""
    return values.drop_nulls(), None if weights is None else weights[values.is_not_null().to_numpy()]


def as_array(values: pl.Series) -> NDArray[np.float64]:
    """Return numbers (Float64) as an array, NaN where one is missing."""
    array: NDArray[np.float64] = (values.fill_null(math.nan) if values.null_count() else values).to_numpy()
    return array


def standardized_step(value: float | None, mean: float, scale: float) -> Step:
    """Say how a number was standardized."""
    if value is None:
        return Step("missing, so the training mean: 0", None, mean, scale)
    return Step(f"({value:.6g} − {mean:.6g}) / {scale:.6g}", value, mean, scale)


def missing_step(value: object) -> Step:
    """Say what the indicator of missing values is."""
    return Step("missing: 1" if value is None else "not missing: 0")
