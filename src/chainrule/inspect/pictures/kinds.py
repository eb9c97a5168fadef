"""The kinds of pictures, as plain data: what is drawn where, and a sentence that says what is to be seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Lines:
    """Lines by name, each a pair of x and y; values that are not finite leave a gap.

    Attributes:
        says: what is to be seen, for those who cannot see it.
        x, y: the names of the axes. ``logarithmic``: the y axis, where all values are above 0.
        mark: a place on the x axis that is pointed out, and its name.
    """

    series: Mapping[str, tuple[Floats, Floats]]
    says: str
    x: str
    y: str
    logarithmic: bool = False
    mark: tuple[float, str] | None = None


@dataclass(frozen=True)
class Points:
    """Points; ``diagonal`` is the line where both are equal, on one scale for both.

    ``shares`` are the areas of points that stand for more than one row, from 0 to 1; such points are joined by a line.
    """

    xs: Floats
    ys: Floats
    says: str
    x: str
    y: str
    diagonal: bool = False
    shares: Floats | None = None


@dataclass(frozen=True)
class Bars:
    """A length and its spread for each name; ``x`` says of what."""

    values: Mapping[str, tuple[float, float]]
    says: str
    x: str


@dataclass(frozen=True)
class Raster:
    """Shares [columns, rows] from 0 to 1; the first row is at the bottom. The ends of an axis are its texts."""

    shares: Floats
    says: str
    x: str
    y: str
    x_ends: tuple[str, str]
    y_ends: tuple[float, float]


@dataclass(frozen=True)
class Matrix:
    """How many rows of each true class (lines) have which answer (columns)."""

    names: tuple[str, ...]
    counts: NDArray[np.int64]
    says: str

    @property
    def shares(self) -> Floats:
        """The counts as shares of their line."""
        whole: Floats = self.counts / np.maximum(self.counts.sum(axis=1, keepdims=True), 1)
        return whole


@dataclass(frozen=True)
class Listing:
    """Rows of texts under heads; the first column names the rows."""

    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    says: str


@dataclass(frozen=True)
class Column:
    """A layer of a drawn network: its name, the number of all its units, those that are drawn, and their names, if they have any."""

    title: str
    size: int
    units: tuple[int, ...]
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Link:
    """A drawn weight, from a place of one column to a place of the next one; ``share`` is its size by the largest that is drawn there."""

    column: int
    start: int
    end: int
    positive: bool
    share: float


@dataclass(frozen=True)
class Drawing:
    """A network: its layers as columns, and the largest weights between them."""

    columns: tuple[Column, ...]
    links: tuple[Link, ...]
    title: str
    says: str


@dataclass(frozen=True)
class Surface:
    """The loss over two weights, and the path of a run on it.

    Attributes:
        xs, ys: the values of the two weights. ``losses``: [ys, xs].
        path: the weights in the course of the run, [points, 2], from the first step on. ``best``: the point whose weights were kept.
        x, y: the names of the weights. ``loss``: the name of the loss, and of what rows it is the mean.
    """

    xs: Floats
    ys: Floats
    losses: Floats
    path: Floats
    best: int
    x: str
    y: str
    loss: str
    says: str
