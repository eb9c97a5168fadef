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


@dataclass(frozen=True)
class Unit:
    """One unit of all rows: (value − mean) / scale of its values (rows,), float64 or bool, which are all finite."""

    values: NDArray[Any]
    mean: float = 0.0
    scale: float = 1.0

    def standardized(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """Return the results for some values."""
        result: NDArray[np.float64] = (values - self.mean) / self.scale
        return result

    def too_far(self, dtype: DTypeLike) -> int | None:
        """Return the first row whose result is no number of the dtype, if there is one."""
        with np.errstate(over="ignore"):
            ends = np.array([self.values.min(initial=self.mean), self.values.max(initial=self.mean)])
            if np.isfinite(self.standardized(ends).astype(dtype)).all():  # results ascend with the values
                return None
            return int(np.argmin(np.isfinite(self.standardized(self.values).astype(dtype))))


@dataclass(frozen=True)
class OneOf:
    """So many units, of which one is 1 in each row: that at ``places[code]`` for the row's code (rows,), or none where it is −1."""

    codes: NDArray[np.uint32]
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


def standardized(values: pl.Series, mean: float, scale: float) -> Unit:
    """Return the unit of some numbers (Float64); a missing one counts as the mean, so that it is encoded as 0."""
    return Unit((values.fill_null(mean) if values.null_count() else values).to_numpy(), mean, scale)


def absent(values: pl.Series) -> Unit:
    """Return the unit that is 1 where a value is missing."""
    return Unit(values.is_null().to_numpy() if values.null_count() else np.zeros(len(values), np.bool_))


def standardized_step(value: float | None, mean: float, scale: float) -> Step:
    """Say how a number was standardized."""
    if value is None:
        return Step("missing, so the training mean: 0", None, mean, scale)
    return Step(f"({value:.6g} − {mean:.6g}) / {scale:.6g}", value, mean, scale)


def missing_step(value: object) -> Step:
    """Say what the indicator of missing values is."""
    return Step("missing: 1" if value is None else "not missing: 0")
