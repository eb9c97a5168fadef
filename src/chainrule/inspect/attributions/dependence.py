"""Partial dependence: the mean answer when a column has the same cell in every row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from chainrule.data.cells import read_column
from chainrule.data.codes.categories import CategoryCode
from chainrule.data.codes.code import Code
from chainrule.data.codes.units import Units
from chainrule.data.table import Table
from chainrule.inspect.attributions.answers import Rows

_POINTS = 24  # of a curve
_FEW = 6  # numbers with no more different values are a table, as categories are
_EDGES = (0.05, 0.95)  # the quantiles between which a curve is drawn: beyond, there are few rows
_MISSING, _OTHER = "missing", "other levels"


@dataclass(frozen=True)
class Dependence:
    """The mean answers at cells of one column.

    ``cells`` are numbers, ISO dates, or the words of a category; ``answers`` [cells] or [cells, classes] has a row for each.
    ``is_curve`` says whether the cells are points of a scale, evenly apart.
    """

    column: str
    is_curve: bool
    cells: tuple[float | str, ...]
    answers: NDArray[np.float64]


def partial_dependence(
    outputs: Callable[[Rows], NDArray[np.float64]], x: Rows, places: NDArray[np.int64], code: Code, table: Table
) -> Dependence:
    """Return how the mean answer depends on one column.

    At each cell v it is the mean over the rows of outputs(row with the column's units those of v). Where columns go together in the data,
    some of these rows could not be.

    Source: Friedman (2001), Greedy function approximation: a gradient boosting machine, section 8.2.

    Args:
        outputs: from rows to answers, [rows] or [rows, classes].
        x: the encoded rows of the mean.
        places: the places of the column's units.
        code: how the column is encoded.
        table: where its cells are taken from: the range of the numbers.
    """
    cells, values, is_curve = _cells(code, read_column(table, code.column))
    answers = []
    for unit in Units([code.encode(values)]).cells(0, len(values)).units(np.float64):
        same = x.copy()
        same[:, places] = unit
        answers.append(outputs(same).mean(0))
    return Dependence(code.column.name, is_curve, cells, np.array(answers))


def _cells(code: Code, values: pl.Series) -> tuple[tuple[float | str, ...], pl.Series, bool]:
    """Return the cells to try, as they are shown and as the code takes them, and whether they make a curve."""
    if isinstance(code, CategoryCode):
        levels: list[str | None] = [*code.levels, *[_unknown_to(code)] * bool(code.others), *[None] * code.missing]
        shown = [*code.levels, *[_OTHER] * bool(code.others), *[_MISSING] * code.missing]
        return tuple(shown), pl.Series(levels, dtype=pl.String), False
    present = values.drop_nulls()
    if code.column.kind == "boolean":
        words = (code.column.false or "false", code.column.true or "true")
        return words, pl.Series([False, True]), False
    numbers = present.cast(pl.Float64).to_numpy()
    distinct = np.unique(numbers)
    is_curve = len(distinct) > _FEW
    if is_curve:
        low, high = np.quantile(numbers, _EDGES)
        low, high = (low, high) if low < high else (distinct[0], distinct[-1])
        distinct = np.linspace(low, high, _POINTS)
    points = pl.Series(distinct, dtype=pl.Float64)
    if code.column.kind == "date":
        points = points.round().cast(pl.Int64).cast(pl.Datetime("ms"))
    return tuple(map(_shown, points.to_list())), points, is_curve


def _unknown_to(code: CategoryCode) -> str:
    """Return a word that is none of the levels."""
    return max(code.levels, key=len, default="") + "?"


def _shown(cell: Any) -> float | str:
    if isinstance(cell, datetime):
        return cell.isoformat(" ", "minutes").removesuffix(" 00:00")
    return float(cell)
