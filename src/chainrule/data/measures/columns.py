"""Columns that hold one value, columns that say the same, and how far apart the scales of columns are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.data.measures.sampling import evenly_spaced

SAME = 1e-5
"""Columns are the same if their correlation is nearer to ±1 than this: what is left of one without the other is below 0.5 % of it."""

_PICTURE_COLUMNS, _BACKGROUND = 32, 0.1
_MOST_ROWS = 4000
_VARIED = 0.95  # a value that stands in more rows than this leaves too few others to compare


@dataclass(frozen=True)
class Twins:
    """Two columns, the first one first, that are the same up to scale and shift; ``correlation`` is ±1 but for rounding."""

    first: int
    second: int
    correlation: float


@dataclass(frozen=True)
class Scales:
    """The size of the inputs as the first layer feels it.

    ``whole`` is √(mean over the columns of the mean square): what the sums of the first layer are larger than with inputs of scale 1.
    ``largest`` and ``median`` are the root mean squares of the column with the largest one, ``column``, and of the one in the middle.
    """

    whole: float
    largest: float
    median: float
    column: int


def constant_columns(x: NDArray[np.floating[Any]]) -> list[int]:
    """Return the columns of x [rows, columns] that hold one value in all rows, at least two of them."""
    if len(x) < 2:
        return []
    return [int(column) for column in np.flatnonzero((x == x[0]).all(axis=0))]


def is_picture_like(x: NDArray[np.floating[Any]]) -> bool:
    """Say whether the columns are like the pixels of a picture or the words of a text: many, each with one value that is frequent.

    A pixel at the border that is the background in every row is then nothing to wonder about.
    """
    if x.shape[1] < _PICTURE_COLUMNS:
        return False
    sample = x[evenly_spaced(len(x), 500)]
    return bool(np.median([_largest_share(column) for column in sample.T]) >= _BACKGROUND)


def twin_columns(x: NDArray[np.floating[Any]]) -> list[Twins]:
    """Return for each column that is the same as an earlier one, up to scale and shift, which one it is.

    Columns that hold one value almost everywhere are left out, and so are two of two values that exclude each other (yes and no); all of
    two values are left out where most columns have two: the levels of categories coincide by nature.
    Correlations are taken over at most 4,000 rows, evenly spaced.
    """
    sample = x[evenly_spaced(len(x), _MOST_ROWS)].astype(np.float64)
    varied = np.flatnonzero(np.isfinite(sample).all(axis=0))
    varied = np.array([j for j in varied.tolist() if _largest_share(sample[:, j]) <= _VARIED], np.int64)
    if len(sample) < 3 or len(varied) < 2:
        return []
    centered = sample[:, varied] - sample[:, varied].mean(axis=0)
    centered /= np.linalg.norm(centered, axis=0)
    binary = np.array([len(np.unique(sample[:, j])) == 2 for j in varied])
    coded = binary.mean() > 0.5
    found: list[Twins] = []
    for place in range(1, len(varied)):
        r = centered[:, :place].T @ centered[:, place]
        same = 1 - np.abs(r) < SAME
        if binary[place]:
            same &= ((r > 0) & (not coded)) | ~binary[:place]
        if same.any():
            first = int(np.argmax(same))
            found.append(Twins(int(varied[first]), int(varied[place]), float(r[first])))
    return found


def scales(x: NDArray[np.floating[Any]]) -> Scales:
    """Measure the size of the inputs x [rows, columns], each row as it stands, without taking a mean off."""
    sample = x[evenly_spaced(len(x), _MOST_ROWS)].astype(np.float64)
    sizes = np.sqrt(np.mean(np.square(sample), axis=0))
    varied = sizes[(sample != sample[:1]).any(axis=0)] if len(sample) else sizes
    median = float(np.median(varied)) if len(varied) else 0.0
    whole = float(np.sqrt(np.mean(np.square(sizes)))) if sizes.size else 0.0
    return Scales(whole, float(sizes.max(initial=0.0)), median, int(sizes.argmax()) if sizes.size else 0)


def _largest_share(column: NDArray[np.floating[Any]]) -> float:
    """Return the share of the rows that hold the most frequent value."""
    _, counts = np.unique(column, return_counts=True)
    return float(counts.max() / len(column))
