"""Tables that are no text: data frames of any library, dicts of columns, and arrays."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from chainrule.data.masked import is_masked
from chainrule.errors import DataError

SOURCE = "a data frame"

_MANY = 10_000  # rows of which it is worth to compare words column by column, and on another thread


def read_frame(data: object, levels: Mapping[str, Sequence[str]] | None = None) -> pl.DataFrame:
    """Return a data frame (pandas, polars, pyarrow, … lazy ones are collected) or a dict of columns as a polars frame.

    Names become strings. A dict's values are sequences, or arrays as in :func:`read_arrays`. With ``levels``, words that some columns
    are known to hold, one that holds no others may be a ``pl.Enum`` of them, and missing numbers may stay NaN.
    Raises :class:`DataError` for anything else.
    """
    if isinstance(data, Mapping):
        return frame_of_columns([column for name, values in data.items() for column in _columns(str(name), values)], SOURCE)
    frame = eager_frame(data)
    if frame is None:
        raise DataError(f"a table is a path, '-' for standard input, a data frame or a dict of columns, and not {_described(data)}")
    if frame.implementation.is_polars() or frame.implementation.is_pyarrow():
        return _with_categories(frame.to_polars(), frame)
    nulls, columns = levels is None, list(frame.iter_columns())
    if not levels or len(frame) < _MANY:
        return frame_of_columns([_column_of_series(series, nulls) for series in columns], SOURCE)
    words = {series.name: known for series in columns if (known := levels.get(str(series.name)))}
    with ThreadPoolExecutor(2) as pool:
        begun = {
            series.name: pool.submit(_column_of_series, series, nulls, words[series.name]) for series in columns if series.name in words
        }
        read = {series.name: _column_of_series(series, nulls) for series in columns if series.name not in words}
        read |= {name: compared.result() for name, compared in begun.items()}
    return frame_of_columns([read[series.name] for series in columns], SOURCE)


def eager_frame(data: Any) -> Any:
    """Return a data frame of any library by narwhals, a lazy one collected; ``None`` for what is no data frame.

    Raises :class:`DataError` where a column name stands twice.
    """
    if isinstance(data, np.ndarray):
        return None
    import narwhals.stable.v2 as nw  # which takes a while to load, and to look for plugins; arrays, files and lists need none of it

    if type(data).__module__.startswith("pyarrow") and type(data).__name__ == "RecordBatch":
        import pyarrow as pa

        data = pa.Table.from_batches([data])
    try:
        frame: Any = nw.from_native(data)
    except nw.exceptions.DuplicateError as error:
        names = list(getattr(data, "column_names", getattr(data, "columns", ())))  # of pyarrow, and of the others
        twice = next((str(name) for name in names if names.count(name) > 1), str(error))
        raise DataError(f"{SOURCE}: the column name '{twice}' stands more than once; give each column a name of its own") from None
    except TypeError:
        return None
    if isinstance(frame, nw.LazyFrame):
        return frame.collect(backend="polars")
    return nw.from_native(_plain(frame.to_native())) if frame.implementation.is_pandas() else frame


def _plain(frame: Any) -> Any:
    """Return a frame of pandas whose numbers are stored as all libraries know them: sparse columns dense, long doubles as float64."""
    import narwhals.stable.v2 as nw

    sparse = nw.dependencies.get_pandas().SparseDtype
    types = list(frame.dtypes.items())
    plain = {name: dtype.subtype for name, dtype in types if isinstance(dtype, sparse)}
    plain |= {name: np.float64 for name, dtype in types if isinstance(dtype, np.dtype) and dtype.kind == "f" and dtype.itemsize > 8}
    return frame.astype(plain) if plain else frame


def _with_categories(polars: pl.DataFrame, frame: Any) -> pl.DataFrame:
    """Return a frame of another library in polars with the columns as categories that are such there: polars knows those of words alone."""
    import narwhals.stable.v2 as nw

    names = [name for name, dtype in frame.schema.items() if dtype == nw.Categorical and polars.schema[name] != pl.Categorical]
    return polars.with_columns([_column_of_series(frame[name]) for name in names])


def read_arrays(arrays: Mapping[str, NDArray[Any]], source: str) -> pl.DataFrame:
    """Return named arrays as columns: one axis is a column, further axes of ``x`` are columns ``x_0``, ``x_1``, … in C order.

    Raises :class:`DataError` for arrays that are no columns (no axis, complex numbers, records) or differ in rows.
    """
    return frame_of_columns([column for name, array in arrays.items() for column in _columns_of_array(name, array, source)], source)


def frame_of_columns(columns: Iterable[pl.Series], source: str) -> pl.DataFrame:
    """Join columns into a frame; a :class:`DataError` names columns that differ in rows or share a name."""
    joined: dict[str, pl.Series] = {}
    for column in columns:
        if column.name in joined:
            raise DataError(f"{source}: the column name '{column.name}' stands more than once; give each column a name of its own")
        joined[column.name] = column
    lengths = {name: len(column) for name, column in joined.items()}
    if len(set(lengths.values())) > 1:
        (short, rows), *_, (long, more) = sorted(lengths.items(), key=lambda item: item[1])
        raise DataError(f"{source}: '{short}' has {rows} rows and '{long}' has {more}; the columns of a table have equally many")
    return pl.DataFrame(list(joined.values()))


def column_of_values(name: str, values: Sequence[Any]) -> pl.Series:
    """Return Python values as a column of their common type; values of several types become text, lists and dicts stay nested."""
    values = [None if value is None or value != value else value for value in values]  # only NaN differs from itself
    types = {type(value) for value in values if value is not None}
    if types <= {int, float} or len(types) <= 1:
        try:
            return pl.Series(name, values, strict=types <= {int, float})
        except (pl.exceptions.PolarsError, TypeError, OverflowError):
            pass
    return pl.Series(name, [None if value is None else _spelled(value) for value in values], dtype=pl.String)


def _spelled(value: Any) -> str:
    """Return a value as text, as :func:`~chainrule.data.cells.spelled` does columns: 1 and 1.0 are one label."""
    if isinstance(value, float | np.floating) and float(value).is_integer() and abs(float(value)) < 2**63:
        value = int(value)
    return str(value).lower() if isinstance(value, bool | np.bool_) else str(value)


def _columns(name: str, values: object) -> list[pl.Series]:
    if isinstance(values, np.ndarray):
        return _columns_of_array(name, values, SOURCE)
    if isinstance(values, str | bytes | Mapping) or not isinstance(values, Iterable):
        raise DataError(f"{SOURCE}: column '{name}' is {_described(values)}; a column is a list or an array of its cells")
    if isinstance(values, pl.Series):
        return [values.alias(name)]
    if isinstance(values, list | tuple | range):
        return [column_of_values(name, values)]
    import narwhals.stable.v2 as nw

    try:
        series = nw.from_native(values, series_only=True)  # type: ignore[call-overload]  # whether it is a series is what is asked
    except TypeError:
        return [column_of_values(name, list(values))]
    return [_column_of_series(series).alias(name)]


def _column_of_series(series: Any, nulls: bool = True, words: Sequence[str] = ()) -> pl.Series:
    """Return a column of a library that polars cannot take over as a whole: by its array, or cell by cell where it holds objects."""
    import narwhals.stable.v2 as nw

    name, dtype = str(series.name), series.dtype
    naive = dtype == nw.Datetime and dtype.time_zone is None
    if dtype.is_float() or naive or (dtype.is_numeric() and not series.is_null().any()):
        return pl.Series(name, np.asarray(series.to_numpy()), nan_to_null=nulls or naive)
    native = series.to_native()
    if dtype in (nw.String, nw.Categorical, nw.Enum) and (coded := _codes_of(native)) is not None:
        return _column_of_codes(name, *coded, words)
    if dtype == nw.String and not _holds_objects(native):
        return _column_of_arrow(name, series.to_arrow(), words)
    cells = zip(series.to_list(), series.is_null().to_list(), strict=True)
    values = [None if is_null else value for value, is_null in cells]
    if dtype in (nw.Categorical, nw.Enum):
        return pl.Series(name, [None if value is None else _spelled(value) for value in values], dtype=pl.Categorical)
    return column_of_values(name, values)


def _column_of_arrow(name: str, arrow: Any, words: Sequence[str]) -> pl.Series:
    """Return text of pyarrow as a column, as an enumeration of some words if it holds no others."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if words and str(arrow.type) != "string_view":  # in which pyarrow cannot look words up
        codes = pc.index_in(arrow, value_set=pa.array(words, arrow.type))
        if codes.null_count == arrow.null_count:
            return _enumeration(name, words, pl.Series(codes))
    return pl.Series(name, arrow, dtype=pl.String)


def _codes_of(native: Any) -> tuple[NDArray[np.integer[Any]], list[str], Any] | None:
    """Return pandas' categories, or words that it holds as Python's objects, as codes (−1 for a missing cell), the texts that these stand
    for, and the type of a column of them; ``None`` for other columns."""
    if hasattr(native, "cat") and hasattr(native.cat, "codes"):
        return np.asarray(native.cat.codes), [_spelled(category) for category in native.cat.categories], pl.Categorical
    if not _holds_objects(native):
        return None
    try:
        codes, texts = native.factorize()
    except TypeError:  # a list in a cell, say
        return None
    return (codes, list(texts), pl.String) if all(isinstance(text, str) for text in texts) else None


def _holds_objects(native: Any) -> bool:
    """Say whether a column of pandas holds Python's objects: words as objects, or its text without pyarrow."""
    return hasattr(native, "factorize") and (native.dtype == object or getattr(native.dtype, "storage", "") == "python")


def _column_of_codes(name: str, codes: NDArray[np.integer[Any]], texts: list[str], dtype: Any, words: Sequence[str]) -> pl.Series:
    """Return a column of the texts that codes stand for, as an enumeration of some words if it holds no others."""
    if words:
        places = {word: place for place, word in enumerate(words)}
        known = np.array([*(places.get(text, -1) for text in texts), -1])[codes]  # the last one is for −1, a missing cell
        if np.count_nonzero(known < 0) == np.count_nonzero(codes < 0):
            return _enumeration(name, words, _chosen(known))
    return pl.Series(name, texts, dtype=pl.String).cast(dtype).gather(_chosen(codes))


def _enumeration(name: str, words: Sequence[str], codes: pl.Series) -> pl.Series:
    return pl.Series(name, words, dtype=pl.Enum(words)).gather(codes)


def _chosen(codes: NDArray[np.integer[Any]]) -> pl.Series:
    """Return codes as a column, null where they are −1."""
    chosen = pl.Series(codes)
    return chosen.set(chosen < 0, None)


def _columns_of_array(name: str, array: NDArray[Any], source: str) -> list[pl.Series]:
    if array.ndim == 0 or array.dtype.kind not in "biufUSMmO":
        shape = "a single value" if array.ndim == 0 else f"of type {array.dtype}"
        raise DataError(f"{source}: array '{name}' is {shape}; a column is an array of numbers, booleans, dates or text, one entry a row")
    if array.ndim == 1:
        return [_column_of_array(name, array)]
    flat = array.reshape(array.shape[0], -1)
    return [_column_of_array(f"{name}_{i}", flat[:, i]) for i in range(flat.shape[1])]


def _column_of_array(name: str, array: NDArray[Any]) -> pl.Series:
    if is_masked(array):
        whole = _column_of_array(name, array.data)
        return whole.zip_with(pl.Series(~np.ma.getmaskarray(array)), pl.Series(name, [None], dtype=whole.dtype))
    if array.dtype.kind == "O":
        return column_of_values(name, array.tolist())
    if array.dtype.kind == "S":
        return pl.Series(name, [cell.decode("utf-8", "replace") for cell in array.tolist()], dtype=pl.String)
    if array.dtype.kind == "f" and array.dtype.itemsize not in (4, 8):
        array = array.astype(np.float64)
    return pl.Series(name, np.ascontiguousarray(array))


def _described(data: object) -> str:
    return "None" if data is None else f"a value of type {type(data).__name__}"
