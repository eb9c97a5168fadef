"""Targets and weights as they were given: any array, series or frame, as an array of one type without gaps."""

from __future__ import annotations

from numbers import Real
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse  # type: ignore[import-untyped]  # SciPy has no types
from sklearn.utils import assert_all_finite, check_array
from sklearn.utils.validation import _check_sample_weight, column_or_1d

from chainrule.data.masked import whole
from chainrule.errors import DataError
from chainrule.estimators.targets import Array


def classes_given(y: Any) -> Array:
    """Return classes (rows,) or (rows, columns): Python's truth values and numbers as arrays of such, words as they came.

    Raises:
        ValueError: y has gaps, or values of several types; DataError says in which row.
    """
    array = _array(_with_its_type(y.toarray() if issparse(y) else y))
    array = np.asarray(column_or_1d(array, warn=True)) if array.ndim == 2 and array.shape[1] == 1 else array
    if array.dtype != object:
        _refuse_not_finite(array)
        return array
    columns = [_typed(column) for column in array.reshape(len(array), -1).T]
    alike = len({column.dtype.kind for column in columns}) == 1  # in one array, a number would become a word
    return np.stack(columns if alike else [column.astype(object) for column in columns], axis=1).reshape(array.shape)


def quantities_given(y: Any) -> Array:
    """Return quantities (rows,) or (rows, columns).

    Raises:
        ValueError: y has gaps, or is not of numbers; DataError says in which row.
    """
    array = _array(y)
    if array.dtype.kind in "mM":
        raise DataError("y holds dates or durations; a regression takes numbers, such as days since the first date.")
    if array.dtype.kind in "OU":
        for row, value in ((row, value) for row, values in enumerate(array.reshape(len(array), -1).tolist()) for value in values):
            if _is_gap(value):
                raise DataError(f"row {row}: y is missing; leave such rows out.")
            if not _is_number(value):
                raise DataError(f"row {row}: y is {value!r}, which is no number.")
        array = array.astype(np.float64)
    _refuse_not_finite(array)
    return np.asarray(check_array(array, ensure_2d=False, dtype="numeric", input_name="y"))


def weights_given(weights: Any, y: Array) -> NDArray[np.float64]:
    """Return how much each row counts (rows,).

    Raises:
        ValueError: they are not one number for each row of y; DataError says which row has one below 0.
    """
    array = np.asarray(_check_sample_weight(whole(weights, "sample_weight"), y, dtype=np.float64))
    if len(below := np.flatnonzero(array < 0)):
        raise DataError(
            f"row {below[0]}: sample_weight is {array[below[0]]:g}; weights are at least 0, and 0 is for a row that is left out."
        )
    return array


def _array(y: Any) -> Array:
    if isinstance(y, list | tuple) and len({len(row) for row in y if isinstance(row, list | tuple)}) > 1:
        raise DataError("the rows of y are lists of different lengths; for labels give 0 and 1 in a column for each (MultiLabelBinarizer).")
    array = np.asarray(check_array(whole(y, "y"), ensure_2d=False, dtype=None, ensure_all_finite=False, input_name="y"))
    return array.astype(np.float64) if array.dtype.kind == "f" and array.dtype.itemsize > 8 else array


def _with_its_type(y: Any) -> Any:
    """Return a pandas series or frame of types that know gaps (``Int64``, ``boolean``) as Python's values, of which whole numbers and
    truth values stay what they are; NumPy would make floats of them."""
    if not (nw.dependencies.is_pandas_series(y) or nw.dependencies.is_pandas_dataframe(y)):
        return y
    dtypes = [y.dtype] if y.ndim == 1 else y.dtypes
    return y.to_numpy(dtype=object) if any(hasattr(dtype, "numpy_dtype") for dtype in dtypes) else y


def _refuse_not_finite(array: Array) -> None:
    """Raise scikit-learn's error for a target that is NaN or infinite, with the row."""
    try:
        assert_all_finite(array, input_name="y")
    except ValueError as error:
        row = np.argwhere(~np.isfinite(array).reshape(len(array), -1))[0, 0]
        raise DataError(f"{error} The first such row is {row}; leave such rows out.") from None


def _typed(column: Array) -> Array:
    """Return Python's values as an array of their common type; words stay Python's."""
    values = column.tolist()
    for row, value in enumerate(values):
        if _is_gap(value):
            raise DataError(f"row {row}: y is missing; leave such rows out.")
        if _kind(value) is not _kind(values[0]):
            raise DataError(f"row {row}: y is {value!r}, and {values[0]!r} in row 0; the classes are of one type.")
        if _kind(value) not in (bool, Real, str):
            raise DataError(f"row {row}: y is {value!r}; classes are words, numbers or truth values: convert them, such as with str.")
    typed = column if _kind(values[0]) is str else np.array(values)
    if typed.dtype == object and _kind(values[0]) is Real:
        raise DataError("y holds whole numbers of more than 64 bits; give such classes as words.")
    return typed


def _is_gap(value: Any) -> bool:
    """Say whether a value is none: NaN differs from itself, and pandas' NA says so in its name."""
    return value is None or type(value).__name__ in ("NAType", "NaTType") or bool(isinstance(value, float) and value != value)


def _is_number(value: Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True


def _kind(value: Any) -> type:
    """Return the type of a value: all numbers are of one, truth values and words of another each."""
    return next((kind for kind in (bool, str, Real) if isinstance(value, kind)), type(value))
