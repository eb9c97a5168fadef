"""The typed values of a column, read the same way at training and at every prediction after it."""

from __future__ import annotations

import math
from collections.abc import Iterable

import polars as pl

from chainrule.data.dates import parse_dates
from chainrule.data.numerals import parse_numbers
from chainrule.data.table import Column, Table
from chainrule.errors import DataError, nearest
from chainrule.words import setting

_UNREADABLE = (
    ((pl.List, pl.Array), "lists"),
    (pl.Struct, "nested objects"),
    (pl.Binary, "raw bytes"),
    (pl.Object, "Python objects"),
    (pl.Duration, "durations"),
    (pl.Time, "times of day"),
    (pl.Boolean, "true and false"),
    ((pl.Date, pl.Datetime), "dates"),
)


def read_column(table: Table, column: Column, *, finite: bool = True) -> pl.Series:
    """Return one column's cells by its record, one entry a row, null where a cell is missing.

    ``number`` gives Float64, ``boolean`` Boolean (a word that is neither the true nor the false one is null), ``date`` Datetime in
    milliseconds (UTC where the cells have a zone), and every other kind String, with whole numbers spelled without a point, or, for a
    ``category`` whose words were known when the table was read, Enum.

    Unless ``finite``, numbers that are NaN or infinite may be left as they are, for someone who meets them anyway.

    Raises :class:`DataError` for a table without the column, and, with the row and the cell, for text where a number or a date is
    expected and for an infinite number.
    """
    cells = table.frame.get_column(column.name, default=None)
    if cells is None:
        raise no_such_column(table, column.name)
    dtype = cells.dtype  # which takes a while to say of words
    if dtype.is_nested() or dtype in (pl.Binary, pl.Object):
        raise DataError(f"{table.source}: column '{column.name}' holds {described(dtype)}; a cell is one number, word or date")
    if column.kind == "number":
        return _numbers(table, column, cells, finite)
    if column.kind == "boolean":
        return _booleans(column, cells)
    if column.kind == "date":
        return _dates(table, column, cells)
    return cells if column.kind == "category" and isinstance(dtype, pl.Enum) else spelled(cells)


def no_such_column(table: Table, name: str, option: str = "") -> DataError:
    """Return the error for a column that the table lacks; ``option`` is that which named it."""
    said = f"{table.source} has no column '{name}'{f' ({setting(option)})' if option else ''}.{_suggested(name, table.frame.columns)}"
    if any(note.option == "header" for note in table.notes):
        said += f" These are the numbers of its first line: {setting('header', False)} takes that as a row."
    return DataError(said)


def _suggested(name: str, columns: list[str]) -> str:
    return nearest(name, columns) or f" Its columns: {listed(columns)}."


def listed(names: Iterable[object], most: int = 8) -> str:
    """Return names in quotes with commas between them; of many, the first ones and how many more."""
    quoted = [f"'{name}'" for name in names]
    if len(quoted) > most:
        return f"{', '.join(quoted[: most - 1])} and {len(quoted) - most + 1} more"
    return ", ".join(quoted)


def described(dtype: pl.DataType) -> str:
    """Return what the cells of a type are called in a message that cannot use them."""
    for kind, name in _UNREADABLE:
        if isinstance(dtype, kind):
            return name
    return f"{dtype} values"


def spelled(cells: pl.Series) -> pl.Series:
    """Return the cells as text: whole numbers without a point, so that 1 and 1.0 are one label, booleans and dates as in JSON and ISO."""
    if cells.dtype.is_float():
        cells = cells.fill_nan(None)
        whole = cells.cast(pl.Int64, strict=False)
        return cells.cast(pl.String).zip_with((whole != cells).fill_null(True), whole.cast(pl.String))
    return cells.cast(pl.String)


def _numbers(table: Table, column: Column, cells: pl.Series, finite: bool) -> pl.Series:
    if cells.dtype == pl.String:
        values = parse_numbers(cells, column.decimal, column.thousands, column.affixes)
        if (row := _first(values.is_null() & cells.is_not_null())) is not None:
            raise _cell_error(
                table, column, row, f"where a number is expected; correct the cell, or name the marker with {setting('missing')}"
            )
    elif cells.dtype.is_numeric() or cells.dtype in (pl.Boolean, pl.Null):
        values = cells.cast(pl.Float64)
        if not finite or math.isfinite(values.sum()):  # then each is finite, in most columns, and one look has said so
            return values
        values = values.fill_nan(None)
    else:
        raise DataError(f"{table.source}: column '{column.name}' holds {described(cells.dtype)} where numbers are expected")
    if (row := _first(values.is_infinite())) is not None:
        raise _cell_error(table, column, row, f"which is infinite; correct the cell, or name it as missing with {setting('missing')}")
    return values


def _booleans(column: Column, cells: pl.Series) -> pl.Series:
    if cells.dtype == pl.Boolean:
        return cells
    words = spelled(cells).str.to_lowercase()
    if cells.dtype.is_numeric():
        true, false = "1", "0"
    else:
        true, false = column.true.lower() or "true", column.false.lower() or "false"
    return words.replace_strict({true: True, false: False}, default=None, return_dtype=pl.Boolean)


def _dates(table: Table, column: Column, cells: pl.Series) -> pl.Series:
    if cells.dtype == pl.Date:
        return cells.cast(pl.Datetime("ms"))
    if isinstance(cells.dtype, pl.Datetime):
        zoned = cells.dtype.time_zone is not None
        return (cells.dt.convert_time_zone("UTC").dt.replace_time_zone(None) if zoned else cells).cast(pl.Datetime("ms"))
    if not (cells.dtype == pl.String or cells.dtype.is_numeric() or cells.dtype == pl.Null):
        raise DataError(f"{table.source}: column '{column.name}' holds {described(cells.dtype)} where dates are expected")
    texts = spelled(cells)
    values = parse_dates(texts, column.date_format)
    if (row := _first(values.is_null() & texts.is_not_null())) is not None:
        expected = f"a date written as {column.date_format}" if column.date_format else "a date such as 2020-01-31"
        raise _cell_error(
            table, column, row, f"where {expected} is expected; correct the cell, or name the marker with {setting('missing')}"
        )
    return values


def _first(wrong: pl.Series) -> int | None:
    return wrong.fill_null(False).arg_max() if wrong.any() else None


def _cell_error(table: Table, column: Column, row: int, what: str) -> DataError:
    cell = str(table.frame[column.name][row])
    shown = cell if len(cell) <= 40 else cell[:39] + "…"
    return DataError(f"{table.place(row)}: column '{column.name}' holds '{shown}' {what}")
