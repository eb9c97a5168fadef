"""What is said of a data frame's columns."""

from __future__ import annotations

import warnings
from collections.abc import Iterable

from chainrule.data.table import Column
from chainrule.errors import DataWarning


def warn_of_those_left_out(columns: Iterable[Column], dropped: Iterable[str]) -> None:
    """Warn of each column that is not learned from, though it was not dropped; of a constant there is nothing to learn."""
    for column in columns:
        if not column.used and column.kind != "constant" and column.name not in dropped:
            said = f"column '{column.name}' is left out: {column.reason}; drop=[{column.name!r}] does so without this warning"
            warnings.warn(said, DataWarning, stacklevel=5)
