"""NumPy's masked arrays: what is masked is missing."""

from __future__ import annotations

import sys
from typing import Any, TypeGuard

import numpy as np
from numpy.typing import NDArray

from chainrule.errors import DataError


def is_masked(array: Any) -> TypeGuard[np.ma.MaskedArray[Any, Any]]:
    """Whether it is a masked array. NumPy loads what makes these when it is asked for, which takes as long as many a training."""
    return "numpy.ma" in sys.modules and isinstance(array, np.ma.MaskedArray)


def with_gaps(array: NDArray[Any]) -> NDArray[Any]:
    """Return an array of numbers, or of objects, with NaN where it is masked; whole numbers become float64 by that."""
    if not is_masked(array):
        return array
    if not np.ma.is_masked(array):
        return np.asarray(array)
    return np.ma.filled(array.astype(np.float64) if array.dtype.kind in "biu" else array, np.nan)


def whole(array: Any, name: str) -> Any:
    """Return what was given as it is; a :class:`DataError` with the row where it is an array with a masked entry."""
    if is_masked(array) and np.ma.is_masked(array):
        row = int(np.argwhere(np.ma.getmaskarray(array).reshape(len(array), -1))[0, 0])
        raise DataError(f"row {row}: {name} is masked, which means missing; leave such rows out, or fill them in.")
    return array
