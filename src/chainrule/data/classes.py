"""The classes of a target: which ones there are, in their own type and spelling, and which one each row has."""

from __future__ import annotations

import re
from typing import TypeAlias

import polars as pl

from chainrule.data.table import Column, Table

Label: TypeAlias = bool | int | float | str

_WHOLE = r"^-?(?:0|[1-9]\d{0,14})$"  # spelled as Python spells it, and exact in float64


def find_classes(table: Table, column: Column, values: pl.Series) -> tuple[Label, ...]:
    """Return the classes among ``values`` (the column as :func:`read_column` gives it, without missing ones), in order.

    Whole numbers and booleans keep their type, words keep their spelling (that of the column's record, where several stand for one
    boolean). False comes before true, numbers ascend, and words are in alphabetical order with the numbers in them ascending.
    """
    cells = table.frame[column.name]
    if column.kind == "boolean":
        return (False, True) if cells.dtype == pl.Boolean else (column.false, column.true)
    distinct = values.unique()
    whole = cells.dtype.is_integer() or (is_file_text(table, column) and cells.drop_nulls().str.contains(_WHOLE).all())
    if whole:
        return tuple(sorted(int(value) for value in distinct.to_list()))
    if column.kind == "number":
        return tuple(sorted(distinct.to_list()))
    return tuple(sorted(map(str, distinct.to_list()), key=natural_order))


def is_file_text(table: Table, column: Column) -> bool:
    """Say whether a column is text that was read from the lines of a file, where numbers have no type of their own."""
    return table.frame[column.name].dtype == pl.String and table.lines is not None


def class_indices(column: Column, classes: tuple[Label, ...], values: pl.Series) -> pl.Series:
    """Return the index (Int64) of each row's class, null where the value is missing or is none of the classes."""
    if column.kind == "boolean":
        return values.cast(pl.Int64)
    keys = [float(label) if column.kind == "number" else str(label) for label in classes]
    return values.replace_strict(keys, range(len(keys)), default=None, return_dtype=pl.Int64)


def natural_order(word: str) -> tuple[list[tuple[int, int, str]], str]:
    """Return a key that sorts ``class 2`` before ``class 10``, and ``a`` beside ``A``."""
    parts = re.findall(r"0*([0-9]+)|([^0-9]+)", word.casefold())
    return [(0, len(digits), digits) if digits else (1, 0, letters) for digits, letters in parts], word
