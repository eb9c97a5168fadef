"""From a table to arrays: read, judge the columns, split, encode; everything that is known before the first step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np

from chainrule.data.class_weights import of_targets
from chainrule.data.columns import judge_columns
from chainrule.data.encode import Encoder
from chainrule.data.folds import Folds, fold_rows
from chainrule.data.own_files import check_own_files
from chainrule.data.split import Division, Split, parse_split, split_rows
from chainrule.data.table import Column, Note, Table
from chainrule.data.target import Target, judge_target, rows_with_target
from chainrule.data.target_transform import COUNTS, STANDARDIZE
from chainrule.errors import DataError, OptionError, nearest
from chainrule.training.goal import Goal
from chainrule.training.model import row_weights, training_weights
from chainrule.training.options import Options
from chainrule.training.sources import Sources, read_sources
from chainrule.training.tasks import choose_loss, metric_named, task_of
from chainrule.words import setting, word

_ROWS_A_COMBINATION = 5  # of the classes of several targets, on average, for a split that keeps their proportions


@dataclass(frozen=True)
class Part:
    """The rows of one side of the split, encoded: x [rows, units], y as the loss takes it, and where they come from.

    ``weights`` are those of the weight column, by which metrics are measured; ``w`` are these times the weights of the rows' classes, as
    the loss takes them. ``None`` stands for all alike.
    """

    x: np.ndarray
    y: np.ndarray
    w: np.ndarray | None
    weights: np.ndarray | None
    table: Table
    rows: np.ndarray

    def batch(self) -> tuple[Any, ...]:
        """Return (x, y) or (x, y, w)."""
        return (self.x, self.y) if self.w is None else (self.x, self.y, self.w)

    def place(self, row: int) -> str:
        """Say where a row (from 0) is: its line in the file, or its row in the table that it was taken from."""
        return self.table.place(row)


@dataclass(frozen=True)
class Judged:
    """What the columns mean, before the rows are divided.

    ``rows`` are those of the table that take part, ``own`` the tables of the parts (``valid``, ``test``) that have a file of their own,
    with the rows that take part.
    """

    sources: Sources
    columns: tuple[Column, ...]
    goal: Goal
    weight: Column | None
    time: Column | None
    rows: np.ndarray
    own: Mapping[str, Table]
    notes: tuple[Note, ...]

    @property
    def labels(self) -> np.ndarray | None:
        """Return the class of each row that takes part, of several targets the combination of classes; ``None`` for a regression."""
        if self.goal.task == "regression":
            return None
        of_each = [target.encode(self.sources.table, rows=self.rows) for target in self.goal.targets]
        if len(of_each) == 1:
            return of_each[0]
        combinations, of_rows = np.unique(np.stack(of_each, axis=1), axis=0, return_inverse=True)
        return of_rows if len(combinations) * _ROWS_A_COMBINATION <= len(of_rows) else None

    def division(self, options: Options) -> Division:
        """Return by what the rows are divided."""
        given = {name: own.rows for name, own in self.own.items()}
        seed = options.seed if options.split_seed is None else options.split_seed
        return Division(self.rows, self.labels, self.goal.title, options.group or "", self.time, given, seed)


@dataclass(frozen=True)
class Prepared:
    """What was understood of the data.

    ``split`` tells how the rows were divided; ``parts`` holds train, valid and test, ``None`` where there are no rows.
    """

    name: str
    table: Table
    columns: tuple[Column, ...]
    goal: Goal
    weight: Column | None
    reading: dict[str, Any]
    split: Split
    encoder: Encoder
    train: Part
    valid: Part | None
    test: Part | None
    notes: tuple[Note, ...]

    @property
    def target(self) -> Target:
        """The only target; OptionError if there are several."""
        return self.goal.target

    @property
    def doubts(self) -> list[str]:
        """What should be looked at before a result is trusted."""
        return [note.text for note in self.notes if note.warning]


def prepare(data: Any, target: Any, options: Options) -> Prepared:
    """Read and understand the data.

    Args:
        data: a file's path, ``"-"``, the name of a bundled data set, or a data frame.
        target: the column to predict, or several: a list of them, or a text with commas; may be left out for a bundled data set.
        options: the options of the training.

    Raises:
        InputError: something about the data or the options cannot be used; one sentence says what, where, and what to do.
    """
    judged = judge(read_sources(data, target, options), options)
    return encode(judged, divide(judged, options), options)


def judge(sources: Sources, options: Options) -> Judged:
    """Decide what the columns mean, which rows take part, and which loss fits; raises as :func:`prepare`."""
    table = sources.table
    columns, notes = judge_columns(
        table,
        target=sources.targets,
        weight=options.weight,
        time=options.time,
        in_order=options.time is not None or options.test is not None,
        categorical=options.categorical,
        numeric=options.numeric,
        date=options.date,
        drop=options.drop,
        decimal=options.decimal,
    )
    by_name = {column.name: column for column in columns}
    weight = _column(by_name, options.weight, "weight", table)
    time = _column(by_name, options.time, "time", table)
    rows, left_out = _usable(table, sources.targets, options)
    goal = _goal(table, [by_name[name] for name in sources.targets], rows, options)
    if options.metric is not None:
        metric_named(options.metric, goal.task)
    usable = {name: _usable(file, sources.targets, options) for name, file in sources.files.items()}
    own = {name: file.take(usable[name][0]) for name, file in sources.files.items()}
    notes = (*notes, *left_out, *(note for _, more in usable.values() for note in more))
    return Judged(sources, columns, goal, weight, time, rows, own, notes)


def _goal(table: Table, columns: Sequence[Column], rows: np.ndarray, options: Options) -> Goal:
    """Decide what the targets mean, and by which loss they are learned."""
    task = options.task
    of_numbers = task is None and all(column.kind == "number" for column in columns)
    implied = "regression" if of_numbers and task_of(options.loss) == "regression" else None  # counts look like classes
    targets = [judge_target(table, column, task=cast(Any, task or implied), rows=rows) for column in columns]
    if implied:
        targets = [replace(target, reason=f"{options.loss} is a loss of {implied}") for target in targets]
    kinds = {target.task: target.column.name for target in targets}
    if len(kinds) > 1:
        raise OptionError(
            f"{word('target')}: '{kinds['classification']}' holds classes and '{kinds['regression']}' quantities; predict targets of one "
            f"kind together ({setting('task')} says which), or train a model for each."
        )
    loss = choose_loss(targets, options.loss)
    if targets[0].task == "regression":
        targets = [replace(target, transform=_transform(loss, options)) for target in targets]
    elif options.target_transform != STANDARDIZE:
        raise OptionError(f"{word('target_transform')} is for quantities, and '{targets[0].column.name}' holds classes; leave it out.")
    _check_class_options(targets, options)
    if isinstance(options.threshold, (int, float)):
        targets = [replace(target, threshold=float(options.threshold)) for target in targets]
    quantiles = tuple(sorted(set(options.quantile or (0.5,)))) if loss == "pinball" else ()
    return Goal(tuple(targets), loss, quantiles)


def _transform(loss: str, options: Options) -> str:
    if loss != "poisson":
        return options.target_transform
    if options.target_transform != STANDARDIZE:
        raise OptionError(
            f"{setting('loss', 'poisson')} predicts counts through a logarithm of its own; leave {word('target_transform')} out."
        )
    return COUNTS


def _check_class_options(targets: Sequence[Target], options: Options) -> None:
    """Refuse options of classes that do not fit the targets."""
    name = targets[0].column.name
    if targets[0].task == "regression":
        for option, value in (("class_weight", options.class_weight), ("threshold", options.threshold)):
            if value is not None:
                other = setting("task", "classification")
                raise OptionError(f"{word(option)} is for classes, and '{name}' is a quantity; leave it out, or choose {other}.")
    more = [target for target in targets if len(target.classes) > 2]
    if options.threshold is not None and more:
        raise OptionError(f"{word('threshold')} is for 2 classes; '{more[0].column.name}' has {len(more[0].classes)}: leave it out.")


def divide(judged: Judged, options: Options) -> Split:
    """Split the rows that take part into training, validation and test; raises as :func:`prepare`.

    With folds, all rows are training and validation rows: cross-validation measures, and the network may learn from everything.
    """
    train, valid, test = parse_split(judged.sources.split)
    parts = (train, valid, 0.0 if options.folds else test)
    return split_rows(judged.sources.table, [part / sum(parts) for part in parts], judged.division(options))


def fold(judged: Judged, options: Options) -> Folds | None:
    """Divide the rows that take part for cross-validation, if it is wanted.

    Raises:
        InputError: there are fewer rows, groups or times than folds need.
    """
    if options.folds is None:
        return None
    return fold_rows(judged.sources.table, options.folds, judged.sources.split, judged.division(options))


def encode(judged: Judged, split: Split, options: Options) -> Prepared:
    """Find the encoding of inputs and target from the training rows, and encode every part by it; raises as :func:`prepare`."""
    sources, table = judged.sources, judged.sources.table
    notes = check_own_files(table, split, judged.own, group=options.group or "", time=judged.time)
    if options.split and len(judged.own) == 2:
        notes = (Note(f"{setting('split', options.split)} has no effect: validation and test have files of their own", "split"), *notes)
    _check_weights(judged, split)
    counts = row_weights(table, judged.weight, split.train)
    said = of_targets(options.class_weight, judged.goal.names)
    targets = [target.fit(table, split.train, counts, weights) for target, weights in zip(judged.goal.targets, said, strict=True)]
    goal = replace(judged.goal, targets=tuple(targets))
    no_inputs = {*sources.targets, options.weight, options.group} - {None}
    inputs = tuple(column for column in judged.columns if column.name not in no_inputs)
    encoder = Encoder.fit(inputs, table, split.train, counts)

    def part(source: Table, chosen: np.ndarray) -> Part | None:
        if not len(chosen):
            return None
        weights = row_weights(source, judged.weight, chosen)
        rows = source.take(chosen)
        w = training_weights(goal, rows, weights)
        x, y = encoder.transform(rows, options.dtype), goal.encode(rows, options.dtype)
        return Part(x, y, None if w is None else w.astype(options.dtype), weights, rows, chosen)

    def held_out(name: str, chosen: np.ndarray) -> Part | None:
        own = judged.own.get(name)
        return part(table, chosen) if own is None else part(own, np.arange(own.rows))

    train, valid = part(table, split.train), held_out("valid", split.valid)
    assert train is not None  # split_rows refuses an empty training part
    if valid is None and isinstance(options.threshold, str):
        raise OptionError(f"{setting('threshold', options.threshold)} is picked on validation rows, and there are none; give a number.")
    return Prepared(
        name=sources.name,
        table=table,
        columns=judged.columns,
        goal=goal,
        weight=judged.weight,
        reading=sources.reading,
        split=split,
        encoder=encoder,
        train=train,
        valid=valid,
        test=held_out("test", split.test),
        notes=(*table.notes, *judged.notes, *notes, *(note for target in targets for note in target.notes), *split.notes, *encoder.notes),
    )


def _check_weights(judged: Judged, split: Split) -> None:
    """Refuse a part of the table in which no row counts."""
    table, rows = judged.sources.table, judged.rows
    weights = row_weights(table, judged.weight, rows)
    if weights is None or judged.weight is None:
        return
    counted = rows[weights > 0]
    for name, said, chosen in (("train", "training", split.train), ("valid", "validation", split.valid), ("test", "test", split.test)):
        if name not in judged.own and len(chosen) and not np.isin(chosen, counted).any():
            raise DataError(
                f"all weights in '{judged.weight.name}' are 0 in the {len(chosen):,} {said} rows of {table.source}: no row counts there; "
                f"divide the rows in another way, such as by another {word('split_seed')}."
            )


def _usable(table: Table, targets: Sequence[str], options: Options) -> tuple[np.ndarray, tuple[Note, ...]]:
    """Return the rows that take part, and a note of those that are left out because they have no target."""
    if not options.drop_missing_target:
        return np.arange(table.rows), ()
    rows = rows_with_target(table, *targets)
    target = "' or '".join(targets)
    if not len(rows):
        raise DataError(f"the target '{target}' is missing in all rows of {table.source}: nothing is left of them.")
    if len(rows) == table.rows:
        return rows, ()
    return rows, (Note(f"{table.rows - len(rows):,} rows of {table.source} without '{target}' are left out", "drop_missing_target"),)


def _column(columns: dict[str, Column], name: str | None, option: str, table: Table) -> Column | None:
    if name is None:
        return None
    if name not in columns:
        raise DataError(f"{word(option)}: {table.source} has no column '{name}'.{nearest(name, columns)}")
    if option == "weight" and columns[name].kind != "number":
        raise DataError(f"{word(option)}: column '{name}' of {table.source} does not hold numbers; weights are numbers of at least 0.")
    return columns[name]
