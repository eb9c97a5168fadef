"""From a table to arrays: read, judge the columns, split, encode; everything that is known before the first step."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any, cast

import numpy as np

from chainrule.data.bundled import find_bundled
from chainrule.data.columns import judge_columns
from chainrule.data.encode import Encoder
from chainrule.data.own_files import check_own_files
from chainrule.data.read import read_table
from chainrule.data.split import DEFAULT_SPLIT, Split, split_rows
from chainrule.data.table import Column, Note, Table
from chainrule.data.target import Target, judge_target, rows_with_target
from chainrule.errors import DataError, OptionError, nearest
from chainrule.training.model import row_weights
from chainrule.training.options import Options
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
    known = find_bundled(data) if isinstance(data, str) else None
    reading: dict[str, Any] = {
        name: value
        for name, value in (
            ("delimiter", options.delimiter),
            ("decimal", options.decimal),
            ("encoding", options.encoding),
            ("missing", list(options.missing) or None),
            ("header", None if options.header else False),
        )
        if value is not None
    }
    _refuse_same_file({"": known.path if known else data, "--valid": options.valid, "--test": options.test})
    table = read_table(known.path if known else data, **reading)
    target = str(target) if target is not None else known.target if known else None
    if target is None:
        raise OptionError(f"say which column to predict: --target COLUMN; {table.source} has {', '.join(table.frame.columns)}.")
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
    files = {name: read_table(path, **reading) for name, path in (("valid", options.valid), ("test", options.test)) if path}
    own = {name: _usable(file, target, options) for name, file in files.items()}
    notes = (*notes, *left_out, *(note for _, more in own.values() for note in more))
    if options.split and len(files) == 2:
        notes = (*notes, Note(f"--split {options.split} has no effect: validation and test have files of their own", "--split"))
    split = split_rows(
        table,
        options.split or (known.split if known else DEFAULT_SPLIT),
        rows=rows,
        labels=goal.encode(table, rows=rows) if goal.task == "classification" else None,
        label=target,
        group=options.group or "",
        time=time,
        given={name: len(usable) for name, (usable, _) in own.items()},
        seed=options.seed,
    )
    taken = {name: file.take(own[name][0]) for name, file in files.items()}
    notes = (*notes, *check_own_files(table, split, taken, group=options.group or "", time=time))
    goal = goal.fit(table, split.train)
    no_inputs = {target, options.weight, options.group} - {None}
    inputs = tuple(column for column in columns if column.name not in no_inputs)
    encoder = Encoder.fit(inputs, table, split.train)

    def part(source: Table, chosen: np.ndarray) -> Part | None:
        if not len(chosen):
            return None
        weights = row_weights(source, weight, chosen)
        rows = source.take(chosen)
        y = encode_target(goal, loss, rows, None, options.dtype)
        return Part(encoder.transform(rows, options.dtype), y, None if weights is None else weights.astype(options.dtype), rows, chosen)

    train = part(table, split.train)
    assert train is not None  # split_rows refuses an empty training part
    valid = part(files["valid"], own["valid"][0]) if "valid" in files else part(table, split.valid)
    test = part(files["test"], own["test"][0]) if "test" in files else part(table, split.test)
    everything = (*table.notes, *notes, *goal.notes, *split.notes, *encoder.notes)
    name = known.name if known else Path(data).name.split(".")[0] if isinstance(data, (str, Path)) and str(data) != "-" else "table"
    return Prepared(name, table, columns, goal, weight, loss, reading, split, encoder, train, valid, test, everything)


def _refuse_same_file(sources: dict[str, Any]) -> None:
    """Refuse a file that two parts are read from."""
    paths = {flag: Path(source) for flag, source in sources.items() if isinstance(source, (str, Path)) and Path(source).is_file()}
    for (flag, path), (other, same) in combinations(paths.items(), 2):
        if path.samefile(same):
            said = "the training rows" if not flag else "the validation rows"
            raise OptionError(f"{other} {same}: {said} are read from this file too; give each part rows of its own, or leave {other} out.")


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
