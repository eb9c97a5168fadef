"""Numbers are standardized; booleans are 0 and 1."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from chainrule.data.codes.code import Step, Unit, as_array, missing_step, present, standardized_step
from chainrule.data.standardize import mean_and_scale
from chainrule.data.table import Column


@dataclass(frozen=True)
class NumberCode:
    """A number as (value − mean) / scale, and, where training had missing values, a second unit that is 1 for these.

    A missing value counts as the mean.
    """

    column: Column
    mean: float
    scale: float
    missing: bool

    @classmethod
    def fit(cls, column: Column, values: pl.Series, weights: NDArray[np.float64] | None = None) -> NumberCode:
        """Take mean and scale from the training rows' values (Float64)."""
        cells, weights = present(values, weights)
        mean, scale = mean_and_scale(cells.to_numpy(), weights)
        return cls(column, mean, scale, values.null_count() > 0)

    @property
    def units(self) -> tuple[str, ...]:
        """Return ``age``, and ``age missing`` if there is an indicator."""
        return (self.column.name, f"{self.column.name} missing")[: 1 + self.missing]

    def encode(self, values: pl.Series) -> list[Unit]:
        """Return the number's unit, and that of missing values."""
        numbers = as_array(values)
        return [Unit(numbers, self.mean, self.scale), *[Unit(numbers, gap=True)] * self.missing]

    def steps(self, values: pl.Series) -> list[Step]:
        """Say how a number became the units."""
        return [standardized_step(values[0], self.mean, self.scale), missing_step(values[0])][: 1 + self.missing]


@dataclass(frozen=True)
class BooleanCode:
    """True as 1 and false as 0, and, where training had missing values, a second unit that is 1 for these.

    A missing value counts as the share of true values in training.
    """

    column: Column
    rate: float
    missing: bool

    @classmethod
    def fit(cls, column: Column, values: pl.Series, weights: NDArray[np.float64] | None = None) -> BooleanCode:
        """Take the share of true values from the training rows' values (Boolean)."""
        cells, weights = present(values, weights)
        rate, _ = mean_and_scale(cells.cast(pl.Float64).to_numpy(), weights)
        return cls(column, rate, values.null_count() > 0)

    @property
    def units(self) -> tuple[str, ...]:
        """Return ``smoker``, and ``smoker missing`` if there is an indicator."""
        return (self.column.name, f"{self.column.name} missing")[: 1 + self.missing]

    def encode(self, values: pl.Series) -> list[Unit]:
        """Return the unit of true, and that of missing values."""
        numbers = as_array(values.cast(pl.Float64))
        return [Unit(np.where(np.isnan(numbers), self.rate, numbers)), *[Unit(numbers, gap=True)] * self.missing]

    def steps(self, values: pl.Series) -> list[Step]:
        """Say how a boolean became the units."""
        value = values[0]
        how = f"missing, so the share of true ones in training: {self.rate:.6g}" if value is None else ("true: 1" if value else "false: 0")
        return [Step(how, None if value is None else float(value)), missing_step(value)][: 1 + self.missing]
