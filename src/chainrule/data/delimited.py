"""Delimited text, read as columns of strings with the file line of every row.

Polars parses the cells, but it fills short lines with nulls and stops at stray quotes, so the records are found first: one pass over the
bytes gives where each record begins, how many cells it has, and whether every quote stands where RFC 4180 puts it.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import polars as pl
from numpy.typing import NDArray

from chainrule.errors import DataError
from chainrule.words import setting

Lines = tuple[int, ...] | range

_QUOTE, _LINE_FEED, _CARRIAGE_RETURN = 34, 10, 13
_BLOCK = 1 << 23
_END = "\0"  # never part of a text: bytes with zeros in them are refused before


@dataclass(frozen=True)
class Records:
    """The records of a delimited text: byte ranges (without the line feed), the number of cells, and the 1-based line of each."""

    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    cells: NDArray[np.int64]
    lines: NDArray[np.int64]


def read_delimited(data: bytes, source: str, delimiter: str, header: bool = True) -> tuple[pl.DataFrame, Lines]:
    """Return the cells of a UTF-8 text as strings (null where empty) and the 1-based file line on which each row begins.

    Blank lines are skipped. Raises :class:`DataError` for a text without rows, for ragged rows, for column names that are empty or stand
    twice, and for a quoted cell that never ends.
    """
    if not data.strip():
        raise DataError(f"{source} is empty; a table has a line of column names and at least one row")
    records = find_records(data, delimiter)
    if records is None:
        return _read_with_stray_quotes(data, source, delimiter, header)
    data, records = _without_blank_lines(data, source, records)
    first = next(csv.reader(io.StringIO(data[: int(records.ends[0])].decode(), newline=""), delimiter=delimiter))
    names = _column_names(first, source, int(records.lines[0]), header)
    lines = records.lines[1:] if header else records.lines
    _refuse_no_rows(len(lines), source)
    try:
        frame = pl.read_csv(data, has_header=header, separator=delimiter, infer_schema=False)
    except pl.exceptions.PolarsError as error:
        raise DataError(f"{source} cannot be split into cells: {str(error).splitlines()[0]}") from None
    frame.columns = names
    return frame, _compact(lines)


def find_records(data: bytes, delimiter: str) -> Records | None:
    """Find the records of a text; ``None`` where a quote stands elsewhere than RFC 4180 allows, or a quoted cell never ends."""
    array = np.frombuffer(data, np.uint8)
    quotes = np.flatnonzero(array == _QUOTE)
    if not _quotes_are_regular(array, quotes, ord(delimiter)):
        return None
    ends, marks_before_end = [], []
    seen = 0
    for start in range(0, array.size, _BLOCK):  # block by block: a position takes eight times the memory of its byte
        block = array[start : start + _BLOCK]
        marks = np.flatnonzero((block == ord(delimiter)) | (block == _LINE_FEED)) + start
        if quotes.size:
            marks = marks[np.searchsorted(quotes, marks) % 2 == 0]  # an odd number of quotes before it: inside a quoted cell
        at_end = np.flatnonzero(array[marks] == _LINE_FEED)
        ends.append(marks[at_end])
        marks_before_end.append(at_end + seen)
        seen += marks.size
    if array[-1] != _LINE_FEED:
        ends.append(np.array([array.size]))
        marks_before_end.append(np.array([seen]))
    stops = np.concatenate(ends)
    starts = np.concatenate(([0], stops[:-1] + 1))
    counts = np.concatenate(marks_before_end)
    cells = counts - np.concatenate(([-1], counts[:-1]))
    if not quotes.size:
        return Records(starts, stops, cells, np.arange(1, stops.size + 1))
    return Records(starts, stops, cells, np.searchsorted(np.flatnonzero(array == _LINE_FEED), starts) + 1)


def _quotes_are_regular(array: NDArray[np.uint8], quotes: NDArray[np.int64], delimiter: int) -> bool:
    """Say whether quotes open cells right after a delimiter and close them right before one; a doubled quote closes and opens."""
    if quotes.size % 2:
        return False
    opening, closing = quotes[0::2], quotes[1::2]
    before = array[opening[opening > 0] - 1]
    after = array[closing[closing < array.size - 1] + 1]
    return bool(
        np.isin(before, (delimiter, _LINE_FEED, _QUOTE)).all() and np.isin(after, (delimiter, _LINE_FEED, _CARRIAGE_RETURN, _QUOTE)).all()
    )


def _without_blank_lines(data: bytes, source: str, records: Records) -> tuple[bytes, Records]:
    """Take the blank lines out, and refuse records that have another number of cells than the first."""
    array = np.frombuffer(data, np.uint8)
    length = records.ends - records.starts
    blank = length == 0
    single = np.flatnonzero(length == 1)
    blank[single] = array[records.starts[single]] == _CARRIAGE_RETURN
    filled = np.flatnonzero(~blank)
    head = next(i for i in filled if data[records.starts[i] : records.ends[i]].strip())
    for i in np.flatnonzero((records.cells != records.cells[head]) & ~blank):
        if data[records.starts[i] : records.ends[i]].strip():
            raise _ragged(source, int(records.lines[i]), int(records.cells[i]), int(records.cells[head]))
        blank[i] = True
    blank[:head] = True
    if not blank.any():
        return data, records
    kept = np.flatnonzero(~blank)
    runs = np.split(kept, np.flatnonzero(np.diff(kept) > 1) + 1)
    view = memoryview(data)
    shorter = b"".join(view[records.starts[run[0]] : records.ends[run[-1]] + 1] for run in runs)
    size = length[kept]
    starts = np.concatenate(([0], np.cumsum(size + 1)[:-1]))
    return shorter, Records(starts, starts + size, records.cells[kept], records.lines[kept])


def _read_with_stray_quotes(data: bytes, source: str, delimiter: str, header: bool) -> tuple[pl.DataFrame, Lines]:
    """Read a text such as ``5" pipe, "two"  ,3`` with Python's reader, which takes a quote inside a cell as it stands.

    It goes row by row and is slower by far, so only texts that need it come here.
    """
    text = io.StringIO(data.decode().removesuffix("\n") + "\n", newline="")
    reader = csv.reader(chain(text, [_END]), delimiter=delimiter, skipinitialspace=True)
    rows: list[list[str]] = []
    lines: list[int] = []
    line = 1
    try:
        for row in reader:
            if row:
                rows.append(row)
                lines.append(line)
            line = reader.line_num + 1
    except csv.Error:  # an open quote has swallowed more than the reader's limit
        rows.append([])
        lines.append(line)
    if rows.pop() != [_END]:
        raise DataError(f"{source}, line {lines[-1]}: a quoted cell begins in this record and never ends; close it, or remove the quote")
    lines.pop()
    names = _column_names(rows[0], source, lines[0], header)
    for row, line in zip(rows, lines, strict=True):
        if len(row) != len(names):
            raise _ragged(source, line, len(row), len(names))
    first = 1 if header else 0
    _refuse_no_rows(len(rows) - first, source)
    return pl.DataFrame(rows[first:], schema=dict.fromkeys(names, pl.String()), orient="row"), tuple(lines[first:])


def _column_names(cells: Sequence[str], source: str, line: int, header: bool) -> list[str]:
    if not header:
        return [f"column_{i}" for i in range(len(cells))]
    names = [cell.strip() for cell in cells]
    check_names(names, f"{source}, line {line}", f", or pass {setting('header', False)} if this line is data")
    return names


def check_names(names: Sequence[str], place: str, otherwise: str = "") -> None:
    """Refuse column names that are empty or stand twice, with a :class:`DataError` that says which columns and ends in ``otherwise``."""
    advice = f"give each column a name of its own{otherwise}"
    if "" in names:
        hint = " (a row index that was written without a name?)" if names[0] == "" and len(names) > 1 else ""
        raise DataError(f"{place}: column {names.index('') + 1} of {len(names)} has no name{hint}; {advice}")
    for name, count in Counter(names).most_common(1):
        if count > 1:
            at = " and ".join(str(i + 1) for i, other in enumerate(names) if other == name)
            raise DataError(f"{place}: the column name '{name}' stands {count} times (columns {at}); {advice}")


def _ragged(source: str, line: int, cells: int, width: int) -> DataError:
    counted = "1 cell" if cells == 1 else f"{cells} cells"
    return DataError(
        f"{source}, line {line}: {counted} where the first line has {width}; correct the line (a cell that holds the delimiter "
        f"needs quotes around it), or name the delimiter with {setting('delimiter')}"
    )


def _refuse_no_rows(rows: int, source: str) -> None:
    if rows == 0:
        raise DataError(f"{source} has column names but no rows; if its only line is data, pass {setting('header', False)}")


def _compact(lines: NDArray[np.int64]) -> Lines:
    """Return the lines as a range where they follow one another, which is nearly always."""
    first, last = int(lines[0]), int(lines[-1])
    return range(first, last + 1) if last - first + 1 == lines.size else tuple(lines.tolist())
