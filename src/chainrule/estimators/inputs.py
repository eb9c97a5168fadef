"""What X means: an array of numbers, or a data frame of raw columns; as the units that enter the network."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any, TypeAlias

import narwhals.stable.v2 as nw
import numpy as np
from numpy.typing import NDArray

from chainrule.data.cells import listed
from chainrule.data.codes.numbers import NumberCode
from chainrule.data.columns import judge_columns
from chainrule.data.encode import CHUNK, Encoder, Rows
from chainrule.data.standardize import mean_and_scale, means_and_scales
from chainrule.data.table import Column, Note, Table
from chainrule.errors import DataError, nearest

Array: TypeAlias = NDArray[Any]
Features: TypeAlias = "Array | Table"

BLOCK = 1_024
"""So many rows of an array are worked on at once, so that they stay in a cache."""


def is_frame(X: Any) -> bool:
    """Say whether X is a data frame of any library."""
    return bool(nw.dependencies.is_into_dataframe(X))


def is_raw(X: Any) -> bool:
    """Say whether X is a data frame with a column that is not of numbers."""
    return is_frame(X) and not all(dtype.is_numeric() for dtype in nw.from_native(X).schema.dtypes())


def in_order(X: Any, names: Array) -> Any:
    """Return a data frame's columns of these names, in this order; others are left out.

    Raises:
        DataError: a column is missing; says which.
    """
    frame = nw.from_native(X)
    if missing := [name for name in names if name not in frame.columns]:
        column = f"no column '{missing[0]}'" if len(missing) == 1 else f"no columns {listed(missing)}"
        hint = nearest(missing[0], frame.columns) if len(missing) == 1 else ""
        raise DataError(f"X has {column}, which it had in training (feature names must be those of fit).{hint}")
    return X if list(names) == frame.columns else frame.select(list(names)).to_native()


def names_of_array(columns: int) -> list[str]:
    """Return the names under which a model file knows the columns of an array."""
    return [f"x_{column}" for column in range(columns)]


def fit_raw(table: Table, options: dict[str, Any], rows: NDArray[np.int64], weights: Array | None) -> tuple[Encoder, tuple[Note, ...]]:
    """Judge the columns of a table and find their encoding from some rows; also return what is worth knowing.

    Args:
        table: the table.
        options: ``categorical``, ``numeric``, ``date`` and ``drop``: names of columns, as for ``chainrule train``.
        rows: the indices of the training rows.
        weights: how much each of these rows counts.
    """
    columns, notes = judge_columns(table, **options)
    encoder = Encoder.fit(columns, table, rows, weights)
    return encoder, (*table.notes, *notes, *encoder.notes)


def fit_numbers(X: Array, names: list[str], rows: NDArray[np.int64], weights: Array | None) -> Encoder:
    """Find the encoding of an array's columns from some rows: each is standardized, and has a unit for missing values if it has any."""
    means, scales = np.full(len(names), np.nan), np.ones(len(names))
    if len(rows) and (weights is None or (weights == weights[0]).all()):  # equal weights are none
        means, scales = means_and_scales(_blocks(X, None if len(rows) == len(X) else rows))
    codes = []
    for column, name in enumerate(names):
        if np.isnan(means[column]):
            codes.append(_number_code(name, X[rows, column].astype(np.float64), weights))
        else:
            codes.append(NumberCode(Column(name, "number", "numbers"), float(means[column]), float(scales[column]), False))
    return Encoder(tuple(codes))


def _blocks(X: Array, rows: NDArray[np.int64] | None) -> Iterator[Array]:
    """Yield some rows, or all of them, so many at a time that they stay in a cache."""
    for start in range(0, len(X) if rows is None else len(rows), BLOCK):
        yield X[start : start + BLOCK] if rows is None else X[rows[start : start + BLOCK]]


def _number_code(name: str, values: Array, weights: Array | None) -> NumberCode:
    missing = np.isnan(values)
    if missing.any():
        values, weights = values[~missing], None if weights is None else weights[~missing]
    return NumberCode(Column(name, "number", "numbers"), *mean_and_scale(values, weights), bool(missing.any()))


def units_of(encoder: Encoder, X: Features, dtype: str, rows: NDArray[np.int64] | None = None) -> Array:
    """Return the units of some rows, which ascend, or of all of them (rows, units).

    Raises:
        DataError: a cell cannot be read, or a number is too far from those in training for the dtype.
    """
    total = X.rows if isinstance(X, Table) else len(X)
    if rows is not None and len(rows) == total:
        rows = None  # all of them, without picking one by one
    if isinstance(X, Table):
        return encoder.transform(X if rows is None else X.take(rows), dtype)
    count = total if rows is None else len(rows)
    units = np.empty((count, sum(len(code.units) for code in encoder.codes)), dtype)
    codes = [code for code in encoder.codes if isinstance(code, NumberCode)]
    mean, scale = np.array([code.mean for code in codes]), np.array([code.scale for code in codes])
    ends = np.cumsum([len(code.units) for code in codes])
    value_at, with_missing = ends - [len(code.units) for code in codes], np.array([code.missing for code in codes])
    places = slice(None) if len(codes) == units.shape[1] else value_at
    for start, block in zip(range(0, count, BLOCK), _blocks(X, rows), strict=True):
        part = units[start : start + BLOCK]
        with np.errstate(over="ignore"):  # an overflow is reported with its row just below
            values = block.astype(np.float64)
            values -= mean
            values /= scale
            part[:, places] = values
        if with_missing.any() or not np.isfinite(part).all():
            missing = np.isnan(block)
            part[:, places] = np.where(missing, 0.0, part[:, places])
            part[:, ends[with_missing] - 1] = missing[:, with_missing]
            if len(far := np.argwhere(~np.isfinite(part[:, places]))):
                row, column = far[0]
                number = start + row if rows is None else rows[start + row]
                value = block[row, column]
                raise DataError(f"row {number}: column {column} of X holds {value}, too far from the training rows to be encoded")
    return units


def chunks_of(encoder: Encoder, X: Features, dtype: str) -> Iterator[Rows]:
    """Yield what makes the units of all rows, so many at a time that they stay in a cache."""
    if isinstance(X, Table):
        yield from encoder.chunks(X, dtype)
    else:
        rows = max(CHUNK // max(len(encoder.units), 1), 1)
        for start in range(0, max(len(X), 1), rows):
            yield partial(units_of, encoder, X[start : start + rows], dtype)
