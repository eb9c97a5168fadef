"""What X means: an array of numbers, or a data frame of raw columns; as the units that enter the network."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, TypeAlias

import narwhals.stable.v2 as nw
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse  # type: ignore[import-untyped]  # SciPy has no types

from chainrule.data.cells import listed
from chainrule.data.codes.numbers import NumberCode
from chainrule.data.codes.units import Cells, Layout, TooFarError
from chainrule.data.encode import CHUNK, Chunk, Encoder
from chainrule.data.frames import eager_frame, read_frame
from chainrule.data.masked import with_gaps
from chainrule.data.standardize import mean_and_scale, means_and_scales, of_columns
from chainrule.data.table import Column, Table
from chainrule.errors import DataError, nearest

Array: TypeAlias = NDArray[Any]
Features: TypeAlias = "Array | Table"

BLOCK = 1_024
"""So many rows of an array are worked on at once, so that they stay in a cache."""


LARGE = 64 << 20
"""An array of so many bytes is not copied; the units of a smaller one are made once for all epochs."""


def is_frame(X: Any) -> bool:
    """Say whether X is a data frame of any library."""
    return not isinstance(X, np.ndarray) and bool(nw.dependencies.is_into_dataframe(X))


def eager(X: Any) -> Any:
    """Return X as it is, but a lazy data frame collected, a sparse matrix made dense: standardized, its zeros are none; and NaN where
    it is masked.

    Raises:
        DataError: a data frame has no columns, or a column name stands twice.
    """
    if issparse(X):
        return X.toarray()
    if isinstance(X, np.ndarray):
        return with_gaps(X)
    frame = eager_frame(X)
    if frame is not None and not frame.columns:
        raise DataError("X is a data frame without columns; give it at least one.")
    return X if frame is None else frame.to_native()


def named(X: Any) -> Any:
    """Return a data frame whose columns have names; numbers become such."""
    return X if all(isinstance(name, str) for name in X.columns) else read_frame(X)


def is_raw(X: Any) -> bool:
    """Say whether X is a data frame with a column that is not of numbers."""
    return is_frame(X) and not all(dtype.is_numeric() for dtype in nw.from_native(X).schema.dtypes())


def in_order(X: Any, names: Array) -> Any:
    """Return a data frame's columns of these names, in this order; others are left out.

    Raises:
        DataError: a column is missing; says which.
    """
    frame = nw.from_native(X)
    there = frame.columns
    if missing := [name for name in names if name not in there]:
        column = f"no column '{missing[0]}'" if len(missing) == 1 else f"no columns {listed(missing)}"
        hint = nearest(missing[0], there) if len(missing) == 1 else ""
        raise DataError(f"X has {column}, which it had in training (feature names must be those of fit).{hint}")
    return X if list(names) == there else frame.select(list(names)).to_native()


def names_of_array(columns: int) -> list[str]:
    """Return the names under which a model file knows the columns of an array."""
    return [f"x_{column}" for column in range(columns)]


def fit_numbers(X: Array, columns: Sequence[Column], rows: NDArray[np.int64], weights: Array | None) -> Encoder:
    """Find the encoding of an array's columns from some rows: each is standardized, and has a unit for missing values if it has any."""
    means, scales = np.full(len(columns), np.nan), np.ones(len(columns))
    if len(rows) and (weights is None or (weights == weights[0]).all()):  # equal weights are none
        means, scales = means_and_scales(_blocks(X, None if len(rows) == len(X) else rows))
    codes = []
    for number, column in enumerate(columns):
        if np.isnan(means[number]):
            codes.append(_number_code(column, X[rows, number].astype(np.float64), weights))
        else:
            codes.append(NumberCode(column, float(means[number]), float(scales[number]), False))
    return Encoder(tuple(codes))


def _blocks(X: Array, rows: NDArray[np.int64] | None) -> Iterator[Array]:
    """Yield some rows, or all of them, so many at a time that they stay in a cache."""
    for start in range(0, len(X) if rows is None else len(rows), BLOCK):
        yield X[start : start + BLOCK] if rows is None else X[rows[start : start + BLOCK]]


def _number_code(column: Column, values: Array, weights: Array | None) -> NumberCode:
    missing = np.isnan(values)
    if missing.any():
        values, weights = values[~missing], None if weights is None else weights[~missing]
    return NumberCode(column, *mean_and_scale(values, weights), bool(missing.any()))


def buffers_of(encoder: Encoder) -> dict[str, Array]:
    """Return the buffers of the layer that makes units of rows as they are: the means and scales of an array's columns."""
    mean, scale = _means_and_scales(encoder)
    return {"standardize.mean": mean, "standardize.scale": scale}


def is_large(X: Features) -> bool:
    """Say whether X is an array that should not be copied."""
    return isinstance(X, np.ndarray) and X.nbytes >= LARGE


def can_stay(encoder: Encoder, X: Features, dtype: str, rows: NDArray[np.int64] | None) -> bool:
    """Say whether a network that standardizes can read some rows where they are: numbers of its dtype, none missing, none too far.

    ``None`` stands for the rows that means and scales were measured on, all alike: of n numbers none is √n scales from their mean.
    """
    if isinstance(X, Table) or X.dtype.name != dtype or any(not isinstance(code, NumberCode) or code.missing for code in encoder.codes):
        return False
    if rows is None:
        return True
    mean, scale = _means_and_scales(encoder)
    low, high = mean, mean
    for block in _blocks(X, rows):  # a missing value is its column's least and greatest
        low, high = np.minimum(low, of_columns(np.minimum, block)), np.maximum(high, of_columns(np.maximum, block))
    with np.errstate(over="ignore"):
        return bool(np.isfinite([((end - mean) / scale).astype(dtype) for end in (low, high)]).all())


def _means_and_scales(encoder: Encoder) -> tuple[Array, Array]:
    codes = [code for code in encoder.codes if isinstance(code, NumberCode)]
    return np.array([code.mean for code in codes]), np.array([code.scale for code in codes])


def units_of(encoder: Encoder, X: Features, dtype: str, rows: NDArray[np.int64] | None = None) -> Array:
    """Return the units of some rows, or of all of them (rows, units).

    Raises:
        DataError: a cell cannot be read, or a number is too far from those in training for the dtype.
    """
    total = X.rows if isinstance(X, Table) else len(X)
    if rows is not None and np.array_equal(rows, np.arange(total)):
        rows = None  # all of them, without picking one by one
    if isinstance(X, Table):
        return encoder.transform(X if rows is None else X.take(rows), dtype)
    count = total if rows is None else len(rows)
    columns = _ArrayColumns(encoder, dtype)
    units = np.empty((count, columns.layout.width), dtype)
    for start, block in zip(range(0, count, BLOCK), _blocks(X, rows), strict=True):
        numbers = range(start, start + len(block)) if rows is None else rows[start : start + BLOCK]
        units[start : start + BLOCK] = columns.cells(block, numbers).units(dtype)
    return units


def chunks_of(encoder: Encoder, X: Features, dtype: str) -> Iterator[Chunk]:
    """Yield what gives the cells of all rows, so many at a time that they stay in a cache."""
    if isinstance(X, Table):
        yield from encoder.chunks(X, dtype)
        return
    columns = _ArrayColumns(encoder, dtype)
    rows = max(CHUNK // X.shape[1], 1)
    for start in range(0, max(len(X), 1), rows):
        yield partial(columns.cells, X[start : start + rows], range(start, start + rows))


class _ArrayColumns:
    """The columns of an array as an encoder takes them: numbers, some of them with a unit for missing values."""

    def __init__(self, encoder: Encoder, dtype: str) -> None:
        codes = [code for code in encoder.codes if isinstance(code, NumberCode)]
        ends = np.cumsum([len(code.units) for code in codes])
        self._values = ends - [len(code.units) for code in codes]
        self._gaps = np.flatnonzero([code.missing for code in codes])
        self._flags = ends[self._gaps] - 1
        mean, scale = np.zeros(ends[-1]), np.ones(ends[-1])
        mean[self._values], scale[self._values] = _means_and_scales(encoder)
        self.layout = Layout(len(mean), np.arange(len(mean)), mean, scale)
        self._dtype = dtype

    def cells(self, block: Array, rows: range | NDArray[np.int64]) -> Cells:
        """Return the cells of some rows; ``rows`` are their numbers, for the error."""
        numbers = block
        if len(self._gaps):
            numbers = np.empty((len(block), self.layout.width), block.dtype)
            numbers[:, self._values] = block
            numbers[:, self._flags] = np.isnan(block[:, self._gaps])
        cells = Cells(self.layout, numbers, np.empty((len(block), 0), np.int64))
        try:
            cells.check(self._dtype)
        except TooFarError as far:
            unit, row = far.args
            column = int(np.flatnonzero(self._values == unit)[0])
            held = f"row {rows[row]}: column {column} of X holds {block[row, column]}"
            raise DataError(f"{held}, too far from the training rows to be encoded") from None
        return cells
