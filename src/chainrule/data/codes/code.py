"""What every kind of code can do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import polars as pl
from numpy.typing import DTypeLike, NDArray

from chainrule.data.table import Column


@dataclass(frozen=True)
class Step:
    """How one cell became one unit: the value that was read, what it was standardized by, and the whole calculation as text."""

    how: str
    value: float | str | None = None
    mean: float | None = None
    scale: float | None = None


class Code(Protocol):
    """One column's way into the network: plain data, found from the training rows."""

    @property
    def column(self) -> Column:
        """Return the column that is encoded."""

    @property
    def units(self) -> tuple[str, ...]:
        """Return the names of the units, in order."""

    def encode(self, values: pl.Series, dtype: DTypeLike) -> NDArray[Any]:
        """Return the units of a column's values, as :func:`read_column` gives them: floats (rows, units), each unit's one after the other,
        or int64 (rows,), which unit of a row is 1 where all others are 0, and −1 where all are.
        """

    def steps(self, values: pl.Series) -> list[Step]:
        """Say for each unit how it came from the single value in ``values``."""


def present(values: pl.Series, weights: NDArray[np.float64] | None) -> tuple[pl.Series, NDArray[np.float64] | None]:
    """Return the values that are not missing, and the weights of their rows."""
    return values.drop_nulls(), None if weights is None else weights[values.is_not_null().to_numpy()]


def units_beside(*units: NDArray[Any], dtype: DTypeLike) -> NDArray[Any]:
    """Return units (rows,) side by side (rows, units), so that each lies in one piece."""
    beside = np.empty((len(units), len(units[0])), dtype)
    for place, unit in zip(beside, units, strict=True):
        place[:] = unit
    return beside.T


def standardized(values: NDArray[Any], mean: float, scale: float) -> NDArray[Any]:
    """Return (value − mean) / scale (rows,); NaN, which stands for a missing value, is encoded as the mean: 0."""
    result: NDArray[Any] = (values - mean) / scale
    result[values != values] = 0.0
    return result


def standardized_step(value: float | None, mean: float, scale: float) -> Step:
    """Say how a number was standardized."""
    if value is None:
        return Step("missing, so the training mean: 0", None, mean, scale)
    return Step(f"({value:.6g} − {mean:.6g}) / {scale:.6g}", value, mean, scale)


def missing_step(value: object) -> Step:
    """Say what the indicator of missing values is."""
    return Step("missing: 1" if value is None else "not missing: 0")
