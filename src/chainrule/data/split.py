"""Which rows a network learns from, which ones stop it in time, and which ones it is measured on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from chainrule.data.cells import read_column
from chainrule.data.partition import Sides, apportion, grouped, shuffled, stratified, timed
from chainrule.data.table import Column, Note, Table
from chainrule.errors import DataError, OptionError, nearest
from chainrule.words import setting, word

DEFAULT_SPLIT = "64,16,20"

_PARTS = ("train", "valid", "test")


@dataclass(frozen=True, eq=False)
class Split:
    """The rows of a table by their use: ascending row indices (int64), what was done in one line, and what is worth knowing.

    ``valid`` and ``test`` are empty where they come from a file of their own.
    """

    train: NDArray[np.int64]
    valid: NDArray[np.int64]
    test: NDArray[np.int64]
    how: str
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, eq=False)
class Division:
    """By what the rows of a table are divided, whether into the parts of a split or into folds.

    Only ``rows`` (ascending indices) take part, all of them by default. With ``labels`` (a class for each of these rows, of the column
    ``label``) the classes have the same proportions on each side; with ``group`` no value of that column is on two sides; with ``time``
    earlier rows are on earlier sides. ``given`` names the parts of a split that have a file of their own, and their rows. The same seed
    and rows are divided alike.

    Raises :class:`OptionError` for a seed below 0, and where rows are to be divided both by group and by time.
    """

    rows: NDArray[np.int64] | None = None
    labels: NDArray[np.integer[Any]] | None = None
    label: str = "class"
    group: str = ""
    time: Column | None = None
    given: Mapping[str, int] = field(default_factory=dict)
    seed: int = 0

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise OptionError(f"{setting('seed', self.seed)}: a seed is a whole number from 0")
        if self.group and self.time:
            raise OptionError(f"{word('group')} and {word('time')} exclude each other: leave one of them out")

    def rows_of(self, table: Table) -> NDArray[np.int64]:
        """Return the rows of a table that take part."""
        return np.arange(table.rows) if self.rows is None else self.rows

    def among(self, table: Table, chosen: NDArray[np.bool_]) -> Division:
        """Return the same for those of the rows that are chosen."""
        return replace(self, rows=self.rows_of(table)[chosen], labels=None if self.labels is None else self.labels[chosen])


RANDOMLY = Division()


def table_of(table: Table | int) -> Table:
    """Return a table; that many rows without columns to divide by are one as well."""
    return Table(pl.int_range(table, eager=True).alias("row").to_frame(), "the data") if isinstance(table, int) else table


def parse_split(split: str | Sequence[float]) -> tuple[float, float, float]:
    """Return the fractions for training, validation and test that ``64,16,20``, ``0.8,0.2`` or ``(80, 20)`` ask for.

    Two numbers are training and validation, one is training alone; they add up to 100 or to 1. Raises :class:`OptionError` otherwise.
    """
    said = split if isinstance(split, str) else ",".join(f"{number:g}" for number in split)
    try:
        numbers = [float(number) for number in (split.split(",") if isinstance(split, str) else split)]
    except ValueError:
        numbers = []
    total = sum(numbers)
    if not 1 <= len(numbers) <= 3 or not all(0 <= number <= 100 for number in numbers):
        raise OptionError(f"{setting('split', said)}: give the parts for training, validation and test, such as {DEFAULT_SPLIT}")
    if abs(total - 100) > 0.01 and abs(total - 1) > 0.0001:
        raise OptionError(
            f"{setting('split', said)}: the parts add up to {total:g}; they must add up to 100 (or to 1), such as {DEFAULT_SPLIT}"
        )
    if not numbers[0]:
        raise OptionError(f"{setting('split', said)}: the training part is empty; give it a share, such as {DEFAULT_SPLIT}")
    train, valid, test = [number / total for number in numbers] + [0.0] * (3 - len(numbers))
    return train, valid, test


def split_rows(table: Table | int, split: str | Sequence[float] = DEFAULT_SPLIT, by: Division = RANDOMLY) -> Split:
    """Split a table's rows (or that many rows) into training, validation and test; by time, training is the past and test the latest.

    Parts that have a file of their own take none of this table, and the others share it in their proportions.

    Raises :class:`DataError` where there are too few rows or groups, or times are missing, and :class:`OptionError` for an unusable split.
    """
    table = table_of(table)
    rows = by.rows_of(table)
    fractions = _without(parse_split(split), by.given)
    _need(sum(fraction > 0 for fraction in fractions[:2]), len(rows), "usable row", table.source)
    sizes = apportion(len(rows), fractions)
    if by.group and sizes[0] < len(rows):
        _need(sum(size > 0 for size in sizes[:2]), count_groups(table, by.group, rows), f"{by.group} to group by", table.source)
    sides, manner, notes = divide(table, sizes, by)
    train, valid, test = (rows[sides == side].astype(np.int64) for side in range(3))
    counts = [by.given.get(name, len(part)) for name, part in zip(_PARTS, (train, valid, test), strict=True)]
    own = "".join(f"; {name} rows from a file of their own" for name in _PARTS if name in by.given)
    how = ", ".join(f"{n:,} {name}" for n, name in zip(counts, _PARTS, strict=True)) + f" rows; {manner}{own}"
    return Split(train, valid, test, how, notes)


def _without(fractions: tuple[float, float, float], given: Mapping[str, int]) -> tuple[float, float, float]:
    """Take out the parts that have a file of their own; the others keep their proportions."""
    train, valid, test = (0.0 if name in given else fraction for name, fraction in zip(_PARTS, fractions, strict=True))
    total = train + valid + test
    return train / total, valid / total, test / total


def _need(parts: int, count: int, what: str, source: str) -> None:
    """Refuse to split fewer rows or groups than there are parts that cannot be empty."""
    if count == 0:
        raise DataError(f"{source} has no {what}s to train on")
    if count < parts:
        raise DataError(
            f"{source} has 1 {what}, too few for a training and a validation part: add rows, or train on all with {setting('split', '100')}"
        )


def divide(table: Table, sizes: tuple[int, ...], by: Division, *, training: bool = True) -> tuple[Sides, str, tuple[Note, ...]]:
    """Return the side of each row that takes part, sides as large as ``sizes`` wants them: by group, by time, stratified or shuffled; how
    that was done; and what is worth knowing. The first side is ``training``, or all are folds."""
    rows, labels, group, time, seed = by.rows_of(table), by.labels, by.group, by.time, by.seed
    if sizes[0] == len(rows):
        return np.zeros(len(rows), np.int64), "all rows of the table are training rows", ()
    if group:
        groups, alone = _groups(table, group, rows)
        notes = (Note(f"each of the {alone:,} rows without '{group}' is a group of its own", "group"),) if alone else ()
        return grouped(sizes, groups, seed), f"no {group} in two parts, seed {seed}", notes
    if time:
        sides, together = timed(sizes, times_of(table, time, rows).to_numpy())
        text = f"rows of the same '{time.name}' are on two sides of the split: there are fewer times than parts"
        return sides, f"in the order of {time.name}, the latest rows last", () if together else (Note(text, "time"),)
    if labels is not None:
        return stratified(sizes, labels, seed, training=training), f"shuffled, stratified by {by.label}, seed {seed}", ()
    return shuffled(sizes, seed), f"shuffled, seed {seed}", ()


def count_groups(table: Table, group: str, rows: NDArray[np.int64]) -> int:
    """Return how many groups the column ``group`` makes of some rows; raises :class:`DataError` if there is no such column."""
    return int(_groups(table, group, rows)[0].max(initial=-1)) + 1


def _groups(table: Table, group: str, rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], int]:
    """Number the groups of some rows from 0, by the values of a column as they were read; each row without a value is a group of its own.

    Returns the number of each row's group, and how many rows have no value.
    """
    if group not in table.frame.columns:
        raise DataError(f"{table.source} has no column '{group}' to group by.{nearest(group, table.frame.columns)}")
    cells = table.frame[group].gather(rows)
    return number_groups(cells), cells.null_count()


def number_groups(cells: pl.Series) -> NDArray[np.int64]:
    """Number groups from 0, by the values of a column; each row without a value is a group of its own."""
    groups = cells.cast(pl.String).rank("dense").fill_null(0).to_numpy().astype(np.int64) - 1
    alone = groups < 0
    groups[alone] = groups.max(initial=-1) + 1 + np.arange(np.count_nonzero(alone))
    return groups


def times_of(table: Table, time: Column, rows: NDArray[np.int64] | None = None) -> pl.Series:
    """Return the dates or numbers of a column that orders rows (all by default); raises :class:`DataError` where there is none."""
    rows = np.arange(table.rows) if rows is None else rows
    if time.kind not in ("date", "number"):
        raise DataError(
            f"column '{time.name}' of {table.source} holds neither dates nor numbers: {setting('time')} needs a column that has an order"
        )
    times = read_column(table, time).gather(rows)
    if times.null_count():
        first = int(rows[times.is_null().arg_true()[0]])
        raise DataError(
            f"column '{time.name}' is missing in {times.null_count():,} of {len(rows):,} rows (first {table.place(first)}): "
            f"{setting('time')} needs all of them; fill them in or leave those rows out"
        )
    return times
