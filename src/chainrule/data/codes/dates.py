"""Dates are a number of days, and places on the circles of the year, the week and the day."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from chainrule.data.codes.code import Step, Unit, as_array, missing_step, present, standardized_step
from chainrule.data.standardize import mean_and_scale
from chainrule.data.table import Column

Cycle = Literal["month", "weekday", "hour"]

_DAY = 86_400_000  # milliseconds
_PERIODS: dict[Cycle, tuple[int, int]] = {"month": (365, 12), "weekday": (7, 7), "hour": (1, 1440)}
"""How many days a round takes, and how many places it has; the hour's places are the minutes of the day."""


@dataclass(frozen=True)
class DateCode:
    """A date as days since 1970-01-01, standardized, and as sine and cosine of its place in each cycle.

    A cycle is there if the training rows span a whole round of it and differ in it. Where training had missing values, a last unit is 1
    for these; a missing date counts as the mean and as the middle of each circle, 0.
    """

    column: Column
    mean: float
    scale: float
    cycles: tuple[Cycle, ...]
    missing: bool

    @classmethod
    def fit(cls, column: Column, values: pl.Series, weights: NDArray[np.float64] | None = None) -> DateCode:
        """Take mean, scale and cycles from the training rows' values (Datetime in milliseconds)."""
        dates, weights = present(values, weights)
        days = _days(dates).to_numpy()
        mean, scale = mean_and_scale(days, weights)
        span = float(np.ptp(days)) if len(days) else 0.0
        cycles = (cycle for cycle, (round_trip, _) in _PERIODS.items() if span >= round_trip and _place(dates, cycle).n_unique() > 1)
        return cls(column, mean, scale, tuple(cycles), values.null_count() > 0)

    @property
    def units(self) -> tuple[str, ...]:
        """Return ``joined``, then ``joined month sin``, ``joined month cos`` and so on, then ``joined missing``."""
        name = self.column.name
        circles = [f"{name} {cycle} {function}" for cycle in self.cycles for function in ("sin", "cos")]
        return (name, *circles, *[f"{name} missing"] * self.missing)

    def encode(self, values: pl.Series) -> list[Unit]:
        """Return the units: the days, sine and cosine of each cycle, and that of missing values."""
        present = values.is_not_null().to_numpy()
        circles = np.zeros((len(self.cycles), 2, len(values)))
        for cycle, places in zip(self.cycles, circles, strict=True):
            places[:, present] = _circle(_PERIODS[cycle][1])[_place(values, cycle).drop_nulls().to_numpy()].T
        days = as_array(_days(values))
        return [Unit(days, self.mean, self.scale), *map(Unit, circles.reshape(-1, len(values))), *[Unit(days, gap=True)] * self.missing]

    def steps(self, values: pl.Series) -> list[Step]:
        """Say how a date became the units."""
        day = None if values[0] is None else float(_days(values)[0])
        steps = [standardized_step(day, self.mean, self.scale)]
        for cycle in self.cycles:
            place, places = _place(values, cycle)[0], _PERIODS[cycle][1]
            for function in ("sin", "cos"):
                steps.append(
                    Step("missing, so the middle of the circle: 0")
                    if place is None
                    else Step(f"{function}(2π · {place} / {places})", float(place))
                )
        return [*steps, *[missing_step(values[0])] * self.missing]


def _days(values: pl.Series) -> pl.Series:
    """Return days since 1970-01-01 with their fractions (Float64), null where the date is missing."""
    return values.cast(pl.Int64).cast(pl.Float64) / _DAY


def _place(values: pl.Series, cycle: Cycle) -> pl.Series:
    """Return the months since January (0 to 11), the days since Monday (0 to 6), or the minutes since midnight (0 to 1439)."""
    if cycle == "month":
        return values.dt.month().cast(pl.Int64) - 1
    if cycle == "weekday":
        return values.dt.weekday().cast(pl.Int64) - 1
    return values.dt.hour().cast(pl.Int64) * 60 + values.dt.minute().cast(pl.Int64)


def _circle(places: int) -> NDArray[np.float64]:
    """Return sine and cosine of 2π·place/places (places, 2): one table, so that a row's units do not depend on its neighbors."""
    angles = [2 * math.pi * place / places for place in range(places)]
    return np.array([(math.sin(angle), math.cos(angle)) for angle in angles])
