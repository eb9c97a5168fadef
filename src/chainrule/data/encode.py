"""From rows of a table to the numbers that enter a network: statistics from the training rows, then the same encoding for ever."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import polars as pl
from numpy.typing import DTypeLike, NDArray

from chainrule.data.cells import listed, no_such_column, read_column
from chainrule.data.codes.categories import CategoryCode
from chainrule.data.codes.code import Code
from chainrule.data.codes.dates import DateCode
from chainrule.data.codes.numbers import BooleanCode, NumberCode
from chainrule.data.codes.units import Cells, TooFarError, Units
from chainrule.data.table import Column, Note, Table
from chainrule.data.typed import read_fields, read_record
from chainrule.errors import DataError, FileFormatError, OptionError
from chainrule.words import setting

_CODES: dict[str, type[NumberCode | BooleanCode | CategoryCode | DateCode]] = {
    "number": NumberCode,
    "boolean": BooleanCode,
    "category": CategoryCode,
    "date": DateCode,
}
_MOST_NAMED = 3  # columns, in an error
_READ = 1 << 18  # rows whose columns are read at once, so that memory stays bounded

_CELLS, _FEWEST = 1 << 18, 128  # that are predicted at once; rows

Chunk: TypeAlias = Callable[[], Cells]
"""What gives the cells of some rows when their turn comes."""


@dataclass(frozen=True)
class UnitTrace:
    """How one cell became one input: the cell as it was written, the value that was read, the calculation, and its result in float64.

    ``mean`` and ``scale`` are given where the result is (value − mean) / scale; ``how`` says the calculation, or the test of a category.
    """

    unit: str
    column: str
    cell: str | None
    value: float | str | None
    mean: float | None
    scale: float | None
    how: str
    result: float


@dataclass(frozen=True)
class Encoder:
    """How the input columns become units: plain data, stored in the model file."""

    codes: tuple[Code, ...]

    @classmethod
    def fit(cls, columns: Sequence[Column], table: Table, rows: NDArray[np.int64], weights: NDArray[np.float64] | None = None) -> Encoder:
        """Find the encoding of the columns that are used, from the training rows (their indices) and from no others.

        ``columns`` are the inputs, without the target; ``weights`` (one for each of these rows) weight means and scales. Raises
        :class:`DataError` where no row or column is left, or for a cell that cannot be read.
        """
        if not len(rows):
            raise DataError(f"{table.source} has no training rows")
        if not any(column.used for column in columns):
            why = "; ".join(f"'{column.name}': {column.reason}" for column in columns[:_MOST_NAMED])
            said = f" ({why}{' …' if len(columns) > _MOST_NAMED else ''})" if why else ""
            raise DataError(f"{table.source} has no column to learn from: besides the target, every one is left out{said}")
        used = [column for column in columns if column.used]
        return cls(tuple(_CODES[column.kind].fit(column, read_column(table, column).gather(rows), weights) for column in used))

    @property
    def notes(self) -> tuple[Note, ...]:
        """Return what is worth knowing about the encoding: columns whose rare levels share a unit."""
        return tuple(note for code in self.codes if isinstance(code, CategoryCode) for note in code.notes)

    @property
    def levels(self) -> dict[str, tuple[str, ...]]:
        """Return the levels of each column of categories, for :func:`~chainrule.data.read.read_table`."""
        return {code.column.name: code.levels for code in self.codes if isinstance(code, CategoryCode)}

    @property
    def units(self) -> tuple[str, ...]:
        """Return the names of the units, in order; all of them differ."""
        return tuple(self.sources)

    @property
    def sources(self) -> dict[str, str]:
        """Return the column of each unit."""
        sources: dict[str, str] = {}
        for code in self.codes:
            for unit in code.units:
                sources[_distinct(unit, sources)] = code.column.name
        return sources

    def transform(self, table: Table, dtype: DTypeLike = "float32") -> NDArray[Any]:
        """Return the encoded rows (rows, units).

        Raises :class:`DataError` for a column that the table lacks, a cell that cannot be read, or a number too far from those in training
        for the dtype.
        """
        return self._cells(self._units(table), table, dtype, 0, table.rows).units(dtype)

    def chunks(self, table: Table, dtype: DTypeLike = "float32") -> Iterator[Chunk]:
        """Yield what gives the cells of rows, some at a time, for all rows, at least once.

        Both raise what :meth:`transform` does.
        """
        for start in range(0, max(table.rows, 1), _READ):
            part = table.part(start, start + _READ)
            units = self._units(part)
            rows = rows_of_a_chunk(len(self.codes))
            for first in range(0, max(part.rows, 1), rows):
                yield partial(self._cells, units, part, dtype, first, min(first + rows, part.rows))

    def _units(self, table: Table) -> Units:
        there = set(table.frame.columns)
        absent = [code.column.name for code in self.codes if code.column.name not in there]
        if len(absent) > 1:
            raise DataError(f"{table.source} has no columns {listed(absent)}, which the model was trained with")
        if absent:
            raise no_such_column(table, absent[0])
        gaps = [code.column.name for code in self.codes if isinstance(code, NumberCode) and _has_gaps(table.frame[code.column.name])]
        filled = replace(table, frame=table.frame.with_columns(pl.col(gaps).fill_null(math.nan))) if gaps else table  # all at once
        return Units([code.encode(read_column(filled, code.column, finite=False)) for code in self.codes])

    def _cells(self, units: Units, table: Table, dtype: DTypeLike, first: int, stop: int) -> Cells:
        cells = units.cells(first, stop)
        try:
            cells.check(dtype)
        except TooFarError as far:
            place, row = far.args[0], first + far.args[1]
        else:
            return cells
        name = list(self.sources.values())[place]
        read_column(table, next(code.column for code in self.codes if code.column.name == name))  # where it is infinite, that is said
        cell = table.frame[name][row]
        raise DataError(f"{table.place(row)}: column '{name}' holds {cell}, too far from the training rows to be encoded")

    def explain(self, table: Table, row: int) -> list[UnitTrace]:
        """Return for each unit of a row (from 0) how it came from its cell; the results are those of :meth:`transform` in float64.

        Raises :class:`OptionError` for a row that the table does not have, and :class:`DataError` as :meth:`transform` does.
        """
        if not 0 <= row < table.rows:
            raise OptionError(f"{setting('row', row)}: {table.source} has {table.rows:,} rows, 0 to {table.rows - 1}")
        one = replace(table, frame=table.frame[row : row + 1], lines=None if table.lines is None else table.lines[row : row + 1])
        results = iter(self.transform(one, "float64")[0].tolist())
        steps = [(code.column.name, step) for code in self.codes for step in code.steps(read_column(one, code.column))]
        cells = {name: None if cell is None else str(cell) for name, cell in one.frame.row(0, named=True).items()}
        return [
            UnitTrace(unit, name, cells[name], step.value, step.mean, step.scale, step.how, next(results))
            for unit, (name, step) in zip(self.units, steps, strict=True)
        ]

    def to_json(self) -> dict[str, Any]:
        """Return the encoder as JSON-ready data."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Encoder:
        """Rebuild an encoder from :meth:`to_json`'s data; raises :class:`FileFormatError` where they are damaged."""
        codes = read_fields(data, {"codes": list[Any]}, "encoder")["codes"]
        return cls(tuple(_code_from_json(code, f"encoder.codes[{number}]") for number, code in enumerate(codes)))


def rows_of_a_chunk(columns: int) -> int:
    """Return how many rows are predicted at once: few, so that they stay in a cache, but enough to be worth a look at each column."""
    return max(_CELLS // max(columns, 1), _FEWEST)


def _code_from_json(data: Any, where: str) -> Code:
    column = read_record(Column, data["column"], f"{where}.column")
    if column.kind not in _CODES:
        raise FileFormatError(f"its {where}.column is of kind {column.kind}, which is not encoded.")
    code: Code = read_record(_CODES[column.kind], data, where)
    if isinstance(code, NumberCode | DateCode) and not code.scale > 0:
        raise FileFormatError(f"its {where}.scale is {code.scale} and should be above 0.")
    if isinstance(code, CategoryCode) and len(set(code.levels)) < len(code.levels):
        raise FileFormatError(f"its {where}.levels has one level twice.")
    return code


def _has_gaps(cells: pl.Series) -> bool:
    return cells.dtype.is_float() and cells.null_count() > 0


def _distinct(unit: str, taken: Mapping[str, str]) -> str:
    """Return the unit's name, with a number where another column's unit already has it: a level ``other``, a column ``age missing``."""
    name, count = unit, 1
    while name in taken:
        count += 1
        name = f"{unit} ({count})"
    return name
