"""Cross-validation: the rows of a table divided so that each of them is a test row once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.data.partition import apportion
from chainrule.data.split import DEFAULT_SPLIT, RANDOMLY, Division, Split, count_groups, divide, parse_split, split_rows, table_of, times_of
from chainrule.data.table import Note, Table
from chainrule.errors import DataError, OptionError
from chainrule.words import setting


@dataclass(frozen=True, eq=False)
class Folds:
    """A split for each fold, how they were made in one line, and what is worth knowing."""

    splits: tuple[Split, ...]
    how: str
    notes: tuple[Note, ...] = ()


def fold_rows(table: Table | int, folds: int, split: str | Sequence[float] = DEFAULT_SPLIT, by: Division = RANDOMLY) -> Folds:
    """Divide a table's rows (or that many rows) into folds, and return a split for each: its fold is the test part, and the other rows
    are training and validation in the proportion that ``split`` gives these two.

    By time, the rows are cut into folds + 1 stretches; each but the first is tested by what comes before it, so that nobody learns from
    the future.

    Raises:
        OptionError: ``folds`` is below 2. DataError: there are fewer rows, groups or times than it needs.
    """
    if folds < 2:
        raise OptionError(f"{setting('folds', folds)}: cross-validation needs 2 folds at least.")
    table = table_of(table)
    rows = by.rows_of(table)
    stretches = folds + 1 if by.time else folds
    _need(table, rows, folds, stretches, by)
    sizes = apportion(len(rows), (1 / stretches,) * stretches)
    sides, manner, notes = divide(table, sizes, by, training=False)
    train, valid, _ = parse_split(split)
    splits = []
    for side in range(stretches - folds, stretches):
        rest = sides < side if by.time else sides != side
        inner = split_rows(table, (train / (train + valid), valid / (train + valid), 0.0), by.among(table, rest))
        test = rows[sides == side].astype(np.int64)
        number = side - (stretches - folds) + 1
        how = f"fold {number} of {folds}: {len(inner.train):,} train, {len(inner.valid):,} valid, {len(test):,} test rows; {manner}"
        splits.append(replace(inner, test=test, how=how))
    tested = "each learned from the rows before it" if by.time else "each row is a test row once"
    return Folds(tuple(splits), f"{folds} folds, {manner}; {tested}", (*notes, *_class_notes(by.labels, by.label, folds)))


def _need(table: Table, rows: NDArray[np.int64], folds: int, stretches: int, by: Division) -> None:
    """Refuse more folds than there are rows, groups or times."""
    if by.group:
        what, there = f"values of '{by.group}'", count_groups(table, by.group, rows)
    elif by.time:
        what, there = f"different values of '{by.time.name}'", times_of(table, by.time, rows).n_unique()
    else:
        what, there = "usable rows", len(rows)
    least = 4 if folds == 2 and not by.time else stretches  # each side of two must leave a training and a validation part
    if there < least:
        raise DataError(
            f"{setting('folds', folds)} needs {least:,} {what} at least, and {table.source} has {there:,}; ask for fewer folds."
        )


def _class_notes(labels: NDArray[np.integer[Any]] | None, label: str, folds: int) -> tuple[Note, ...]:
    if labels is None:
        return ()
    counts = np.unique(labels, return_counts=True)[1]
    rare = int((counts < folds).sum())
    if not rare:
        return ()
    text = f"{rare} of the {len(counts)} classes of '{label}' have fewer rows than folds, and are missing in the test rows of some"
    return (Note(text, "folds"),)
