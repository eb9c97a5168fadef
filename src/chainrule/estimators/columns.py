"""What is said of the columns of X."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np

from chainrule.data.table import Column
from chainrule.errors import DataError, DataWarning
from chainrule.estimators.inputs import is_frame


def warn_of_those_left_out(columns: Iterable[Column], dropped: Iterable[str], *, more_comes: bool) -> None:
    """Warn of each column that is not learned from, though it was not dropped.

    Of a constant there is nothing to learn, unless further rows come, in which it may be none.
    """
    for column in columns:
        if not column.used and (more_comes or column.kind != "constant") and column.name not in dropped:
            said = f"column '{column.name}' is left out: {column.reason}; drop=[{column.name!r}] does so without this warning"
            warnings.warn(said, DataWarning, stacklevel=5)


def float_types(X: Any) -> list[type[np.floating[Any]]]:
    """Return the float types in which numbers of X are taken, the first one where they have another."""
    single = is_frame(X) and all(dtype == nw.Float32 for dtype in nw.from_native(X).schema.dtypes())
    return [np.float32] if single else [np.float64, np.float32]


@contextmanager
def words_refused(X: Any) -> Iterator[None]:
    """Name the cell, where X is to be numbers and a word in it is none."""
    try:
        yield
    except ValueError as error:
        if "could not convert string to float" not in str(error):
            raise
        cells = np.asarray(X, dtype=object)
        place = next((place for place, cell in np.ndenumerate(cells) if isinstance(cell, str) and not _is_number(cell)), None)
        if place is None or len(place) != 2:
            raise
        row, column = place
        name = repr(X.columns[column]) if hasattr(X, "columns") else column
        raise DataError(
            f"row {row}: column {name} of X holds {str(cells[row, column])!r}, which is no number; have fit learn from a data frame, "
            "whose words are encoded."
        ) from None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
