"""Which rows are looked at where there are too many."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def evenly_spaced(rows: int, most: int) -> NDArray[np.int64]:
    """Return all row indices, or ``most`` of them at even distances where there are more."""
    return np.arange(rows) if rows <= most else np.arange(most) * rows // most
