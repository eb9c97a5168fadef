"""Categories are one unit a level, of which one is 1; rare levels share a unit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from chainrule.data.classes import natural_order
from chainrule.data.codes.code import OneOf, Step, missing_step
from chainrule.data.table import Column, Note

MOST_LEVELS = 64
"""Only so many levels, the most frequent ones, get a unit of their own."""

FEW_ROWS, FEW_IN = 10, 1000
"""A level is rare that stands in fewer than 10 training rows and in fewer than one of 1,000: a weight cannot be learned from so little."""


@dataclass(frozen=True)
class CategoryCode:
    """One unit for each level, 1 in the rows that have it; one more for all other levels, and one for missing values, if training had any.

    ``others`` says how many of training's levels have no unit of their own. A level that training did not know is encoded like these, or as
    zeros if there are none; a missing value, where training had none, as zeros.
    """

    column: Column
    levels: tuple[str, ...]
    others: int
    missing: bool

    @classmethod
    def fit(cls, column: Column, values: pl.Series, weights: NDArray[np.float64] | None = None) -> CategoryCode:
        """Find the levels among the training rows' values (String); which are rare is a matter of rows, whatever their weights."""
        counts = values.drop_nulls().alias("level").value_counts().sort("count", "level", descending=[True, False])
        enough = min(FEW_ROWS, len(values) / FEW_IN)
        kept = [level for level, rows in counts.head(MOST_LEVELS).iter_rows() if rows >= enough]
        if len(kept) == counts.height - 1:  # a unit that only one level uses might as well carry its name
            kept.append(counts["level"][-1])
        return cls(column, tuple(sorted(kept, key=natural_order)), counts.height - len(kept), values.null_count() > 0)

    @property
    def notes(self) -> tuple[Note, ...]:
        """Say how many levels share a unit, if any do."""
        if not self.others:
            return ()
        name, levels = self.column.name, len(self.levels) + self.others
        return (Note(f"the {self.others:,} least frequent of the {levels:,} levels of column '{name}' share the unit '{name}=other'"),)

    @property
    def units(self) -> tuple[str, ...]:
        """Return ``island=Dream`` for each level, then ``island=other`` and ``island missing`` where they are needed."""
        name = self.column.name
        return (*(f"{name}={level}" for level in self.levels), *[f"{name}=other"] * bool(self.others), *[f"{name} missing"] * self.missing)

    def encode(self, values: pl.Series) -> OneOf:
        """Return which of the levels and up to two more units is 1."""
        known = {level: index for index, level in enumerate(self.levels)}
        unknown = len(self.levels) if self.others else -1
        missing = len(known) + bool(self.others) if self.missing else -1
        own = values.dtype
        type = own if isinstance(own, pl.Enum) else pl.Enum(self.levels)
        words = values if type is own else values.cast(type, strict=False)
        places = [*(known.get(word, unknown) for word in type.categories), unknown, missing]
        codes = words.to_physical()
        if words.null_count():
            codes = pl.select(pl.lit(codes).cast(pl.UInt32).fill_null(len(places) - 1)).to_series()
        if words.null_count() > values.null_count():
            codes = codes.set(words.is_null() & values.is_not_null(), len(places) - 2)
        return OneOf(codes.to_numpy(), np.array(places), len(known) + bool(self.others) + self.missing)

    def steps(self, values: pl.Series) -> list[Step]:
        """Say how a category became the units."""
        value, encoded = values[0], self.encode(values)
        index = encoded.places[encoded.codes[0]]
        said = "missing" if value is None else f"'{value}'"
        steps = [
            Step(f"{said} is {'' if i == index else 'not '}'{level}': {int(i == index)}", value) for i, level in enumerate(self.levels)
        ]
        if self.others:
            is_other = index == len(self.levels)
            steps.append(Step(f"{said} is {'none' if is_other else 'one'} of the levels with a unit of their own: {int(is_other)}", value))
        return [*steps, *[missing_step(value)] * self.missing]
