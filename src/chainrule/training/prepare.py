"""From a table to arrays: read, judge the columns, split, encode; everything that is known before the first step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from chainrule.data.columns import judge_columns
from chainrule.data.encode import Encoder
from chainrule.data.folds import Folds, fold_rows
from chainrule.data.own_files import check_own_files
from chainrule.data.split import Split, parse_split, split_rows
from chainrule.data.table import Column, Note, Table
from chainrule.data.target import Target, judge_target, rows_with_target
from chainrule.errors import DataError, nearest
from chainrule.training.model import row_weights
from chainrule.training.options import Options
from chainrule.training.sources import Sources, read_sources
from chainrule.training.tasks import choose_loss, encode_target, metric_named


@dataclass(frozen=True)
class Part:
    """The rows of one side of the split, encoded: x [rows, units], y as the loss takes it, w or ``None``, and where they come from."""

    x: np.ndarray
    y: np.ndarray
    w: np.ndarray | None
    table: Table
    rows: np.ndarray

    def batch(self) -> tuple[Any, ...]:
        """Return (x, y) or (x, y, w)."""
        return (self.x, self.y) if self.w is None else (self.x, self.y, self.w)


@dataclass(frozen=True)
class Judged:
    """What the columns mean, before the rows are divided.

    ``rows`` are those of the table that take part, ``own`` the tables of the parts (``valid``, ``test``) that have a file of their own,
    with the rows that take part.
    """

    sources: Sources
    columns: tuple[Column, ...]
    target: Target
    weight: Column | None
    time: Column | None
    loss: str
    rows: np.ndarray
    own: Mapping[str, Table]
    notes: tuple[Note, ...]

    @property
    def labels(self) -> np.ndarray | None:
        """Return the class of each row that takes part; ``None`` for a regression."""
        return self.target.encode(self.sources.table, rows=self.rows) if self.target.task == "classification" else None

    def division(self, options: Options) -> dict[str, Any]:
        """Return how the rows are divided, in the words of :func:`chainrule.data.split.split_rows`."""
        return {
            "rows": self.rows,
            "labels": self.labels,
            "label": self.target.column.name,
            "group": options.group or "",
            "time": self.time,
            "given": {name: own.rows for name, own in self.own.items()},
            "seed": options.seed,
        }


@dataclass(frozen=True)
class Prepared:
    """What was understood of the data.

    ``split`` tells how the rows were divided; ``parts`` holds train, valid and test, ``None`` where there are no rows.
    """

    name: str
    table: Table
    columns: tuple[Column, ...]
    target: Target
    weight: Column | None
    loss: str
    reading: dict[str, Any]
    split: Split
    encoder: Encoder
    train: Part
    valid: Part | None
    test: Part | None
    notes: tuple[Note, ...]


def prepare(data: Any, target: str | None, options: Options) -> Prepared:
    """Read and understand the data.

    Args:
        data: a file's path, ``"-"``, the name of a bundled data set, or a data frame.
        target: the column to predict; may be left out for a bundled data set.
        options: the options of the training.

    Raises:
        InputError: something about the data or the options cannot be used; one sentence says what, where, and what to do.
    """
    judged = judge(read_sources(data, target, options), options)
    return encode(judged, divide(judged, options), options)


def judge(sources: Sources, options: Options) -> Judged:
    """Decide what the columns mean, which rows take part, and which loss fits; raises as :func:`prepare`."""
    table, target = sources.table, sources.target
    columns, notes = judge_columns(
        table,
        target=target,
        weight=options.weight,
        in_order=bool(options.time or options.test),
        categorical=options.categorical,
        numeric=options.numeric,
        date=options.date,
        drop=options.drop,
        decimal=options.decimal,
    )
    by_name = {column.name: column for column in columns}
    weight = _column(by_name, options.weight, "--weight", table)
    time = _column(by_name, options.time, "--time", table)
    rows, left_out = _usable(table, target, options)
    goal = judge_target(table, by_name[target], task=cast(Any, options.task), rows=rows)
    loss = choose_loss(goal, options.loss)
    if options.metric is not None:
        metric_named(options.metric, goal)
    usable = {name: _usable(file, target, options) for name, file in sources.files.items()}
    own = {name: file.take(usable[name][0]) for name, file in sources.files.items()}
    notes = (*notes, *left_out, *(note for _, more in usable.values() for note in more))
    return Judged(sources, columns, goal, weight, time, loss, rows, own, notes)


def divide(judged: Judged, options: Options) -> Split:
    """Split the rows that take part into training, validation and test; raises as :func:`prepare`.

    With folds, all rows are training and validation rows: cross-validation measures, and the network may learn from everything.
    """
    train, valid, test = parse_split(judged.sources.split)
    parts = (train, valid, 0.0 if options.folds else test)
    return split_rows(judged.sources.table, [part / sum(parts) for part in parts], **judged.division(options))


def fold(judged: Judged, options: Options) -> Folds | None:
    """Divide the rows that take part for cross-validation, if it is wanted.

    Raises:
        InputError: there are fewer rows, groups or times than folds need.
    """
    if options.folds is None:
        return None
    return fold_rows(judged.sources.table, options.folds, judged.sources.split, **judged.division(options))


def encode(judged: Judged, split: Split, options: Options) -> Prepared:
    """Find the encoding of inputs and target from the training rows, and encode every part by it; raises as :func:`prepare`."""
    sources, table = judged.sources, judged.sources.table
    notes = check_own_files(table, split, judged.own, group=options.group or "", time=judged.time)
    if options.split and len(judged.own) == 2:
        notes = (Note(f"--split {options.split} has no effect: validation and test have files of their own", "--split"), *notes)
    goal = judged.target.fit(table, split.train)
    no_inputs = {sources.target, options.weight, options.group} - {None}
    inputs = tuple(column for column in judged.columns if column.name not in no_inputs)
    encoder = Encoder.fit(inputs, table, split.train)

    def part(source: Table, chosen: np.ndarray) -> Part | None:
        if not len(chosen):
            return None
        weights = row_weights(source, judged.weight, chosen)
        rows = source.take(chosen)
        y = encode_target(goal, judged.loss, rows, None, options.dtype)
        return Part(encoder.transform(rows, options.dtype), y, None if weights is None else weights.astype(options.dtype), rows, chosen)

    def held_out(name: str, chosen: np.ndarray) -> Part | None:
        own = judged.own.get(name)
        return part(table, chosen) if own is None else part(own, np.arange(own.rows))

    train = part(table, split.train)
    assert train is not None  # split_rows refuses an empty training part
    return Prepared(
        name=sources.name,
        table=table,
        columns=judged.columns,
        target=goal,
        weight=judged.weight,
        loss=judged.loss,
        reading=sources.reading,
        split=split,
        encoder=encoder,
        train=train,
        valid=held_out("valid", split.valid),
        test=held_out("test", split.test),
        notes=(*table.notes, *judged.notes, *notes, *goal.notes, *split.notes, *encoder.notes),
    )


def _usable(table: Table, target: str, options: Options) -> tuple[np.ndarray, tuple[Note, ...]]:
    """Return the rows that take part, and a note of those that are left out because they have no target."""
    if not options.drop_missing_target:
        return np.arange(table.rows), ()
    rows = rows_with_target(table, target)
    if not len(rows):
        raise DataError(f"the target '{target}' is missing in all rows of {table.source}: nothing is left of them.")
    if len(rows) == table.rows:
        return rows, ()
    return rows, (Note(f"{table.rows - len(rows):,} rows of {table.source} without '{target}' are left out", "--drop-missing-target"),)


def _column(columns: dict[str, Column], name: str | None, flag: str, table: Table) -> Column | None:
    if name is None:
        return None
    if name not in columns:
        raise DataError(f"{flag}: {table.source} has no column '{name}'.{nearest(name, columns)}")
    if flag == "--weight" and columns[name].kind != "number":
        raise DataError(f"{flag}: column '{name}' of {table.source} does not hold numbers; weights are numbers of at least 0.")
    return columns[name]
