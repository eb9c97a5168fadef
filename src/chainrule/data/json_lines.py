"""JSON Lines: one object a line, the columns are its keys."""

from __future__ import annotations

import io
import json
from typing import Any

import polars as pl

from chainrule.data.frames import column_of_values
from chainrule.errors import DataError

_EXAMPLE = 'one object, such as {"age": 41}'


def read_json_lines(data: bytes, source: str) -> tuple[pl.DataFrame, tuple[int, ...] | range]:
    """Return the columns of a UTF-8 JSON Lines text and the 1-based file line of each row; a key that a line lacks is null.

    Columns have the types of their values; where those differ (a number here, a word there), all become text. Raises
    :class:`DataError` with the line for anything that is not an object.
    """
    lines = _filled_lines(data)
    if not lines:
        raise DataError(f"{source} is empty; a table has one JSON object a line")
    try:
        frame = pl.read_ndjson(io.BytesIO(data), infer_schema_length=None)  # every line takes part in finding the types
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException):
        frame = _read_line_by_line(data, source, lines)
    if frame.width == 0:
        raise DataError(f"{source}, line {lines[0]}: the objects have no keys; each key is a column")
    return frame, lines


def _filled_lines(data: bytes) -> tuple[int, ...] | range:
    """Return the numbers of the lines that are not blank."""
    numbers = [number for number, line in enumerate(data.splitlines(), start=1) if line.strip()]
    return range(1, len(numbers) + 1) if numbers and numbers[-1] == len(numbers) else tuple(numbers)


def _read_line_by_line(data: bytes, source: str, lines: tuple[int, ...] | range) -> pl.DataFrame:
    """Read what polars refuses: find the line that is no object, or join columns of several types."""
    rows: list[dict[str, Any]] = []
    texts = data.splitlines()
    for number in lines:
        try:
            row = json.loads(texts[number - 1])
        except (ValueError, RecursionError) as error:
            reason = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
            raise DataError(f"{source}, line {number}: this is not JSON ({reason}); each line is {_EXAMPLE}") from None
        if not isinstance(row, dict):
            raise DataError(f"{source}, line {number}: a JSON {_kind(row)} stands here; each line is {_EXAMPLE}")
        rows.append(row)
    names = dict.fromkeys(name for row in rows for name in row)
    return pl.DataFrame([column_of_values(name, [row.get(name) for row in rows]) for name in names])


def _kind(value: object) -> str:
    return {list: "list", str: "string", bool: "boolean", type(None): "null"}.get(type(value), "number")
