"""The target: what a network learns to predict, as class indices or standardized numbers, and back again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import DTypeLike, NDArray

from chainrule.data.cells import listed, read_column
from chainrule.data.class_weights import class_weights
from chainrule.data.classes import Label, class_indices, find_classes, is_file_text
from chainrule.data.table import Column, Note, Table
from chainrule.data.target_transform import COUNTS, STANDARDIZE, TRANSFORMS
from chainrule.data.typed import read_record
from chainrule.errors import DataError, FileFormatError, OptionError, nearest
from chainrule.words import setting, word

Task = Literal["classification", "regression"]

_IMBALANCED, _RARE = 0.3, 0.1  # of an equal share: 15 % and 5 % of two classes
_FEW = 10  # rows of a class: too few to learn it from
_MANY = 10  # classes

MOST_NUMBERED_CLASSES = 20
"""Whole numbers with more different values than these are quantities."""


@dataclass(frozen=True)
class Target:
    """What a target column means: plain data, stored in the model file.

    ``classes`` are the labels of a classification in their own type and spelling; the class index is the place among them.
    ``class_weights`` say how much each class counts in training, if not all the same; ``threshold`` is the probability from which on the
    second of two classes is answered, if not the more probable one is. The numbers of a regression are transformed and then standardized:
    (``transform``(value) − ``mean``) / ``scale``. ``reason`` says why the task is what it is.
    """

    column: Column
    task: Task
    reason: str
    classes: tuple[Label, ...] = ()
    mean: float = 0.0
    scale: float = 1.0
    notes: tuple[Note, ...] = ()
    transform: str = STANDARDIZE
    class_weights: tuple[float, ...] = ()
    threshold: float | None = None

    def fit(
        self,
        table: Table,
        rows: NDArray[np.int64],
        weights: NDArray[np.float64] | None = None,
        class_weight: str | Mapping[Any, float] | None = None,
    ) -> Target:
        """Return the target with what belongs to the training rows, of which each counts its weight.

        That is mean and scale, or the weights of the classes and notes: of classes that have no row, and of few rows of one.

        Raises :class:`DataError` where a classification's training rows are all of one class or fewer than the classes, and
        :class:`OptionError` for weights of classes that cannot be.
        """
        if self.task == "regression":
            transform = TRANSFORMS[self.transform]
            mean, scale = transform.fit(transform.forward(self._within(table, rows)), weights)
            return replace(self, mean=mean, scale=scale)
        indices = self.encode(table, rows=rows)
        counts = np.bincount(indices, minlength=len(self.classes))
        met = [label for label, count in zip(self.classes, counts, strict=True) if count]
        if len(met) == 1:
            raise DataError(f"all training rows of {table.source} have the same '{self.column.name}' ('{met[0]}'): split another way")
        if len(rows) < len(self.classes):
            raise DataError(
                f"the {len(rows)} training rows of {table.source} are fewer than the {len(self.classes)} classes of '{self.column.name}': "
                "add rows, or choose another target"
            )
        unmet = [label for label in self.classes if label not in met]
        name, notes = self.column.name, list[Note]()
        if unmet:
            notes.append(Note(f"no training row has the class {listed(unmet)} of '{name}': it cannot be learned", "split"))
        notes += self._imbalance(counts, weighted=class_weight is not None)
        if class_weight is not None:
            weight_of = np.bincount(indices, weights, len(self.classes))
            own = class_weights(class_weight, self.classes, weight_of, name)
            if not np.dot(own, weight_of):
                raise OptionError(
                    f"{word('class_weight')}: the classes of '{name}' that count have no training rows, so that no row counts."
                )
            return replace(self, notes=(*self.notes, *notes), class_weights=own)
        return replace(self, notes=(*self.notes, *notes)) if notes else self

    def _imbalance(self, counts: NDArray[np.integer[Any]], *, weighted: bool) -> list[Note]:
        """Return a note where a class has far fewer rows than an equal share: accuracy then says little; a warning where it is rare, or
        where all of many are."""
        present = np.flatnonzero(counts)
        rows, rarest = int(counts[present].min()), _word(self.classes[int(present[counts[present].argmin()])])
        share = rows / int(counts.sum())
        if len(present) >= _MANY and counts.sum() < _FEW * len(present):
            text = (
                f"the {len(present):,} classes of '{self.column.name}' have {counts.sum() / len(present):.1f} training rows each, on "
                "average: too few to learn from or to measure by; join classes, or choose another target"
            )
            return [Note(text, warning=True)]
        if share * len(present) >= _IMBALANCED:
            return []
        few = int(np.count_nonzero(counts[present] < _FEW))
        if weighted and not few:
            return []
        have, others = "has" if rows == 1 else "have", f", and {few - 1:,} more of its classes fewer than {_FEW} rows" if few > 1 else ""
        said = f"{rows:,} of the {counts.sum():,} training rows {have} the class '{rarest}' of '{self.column.name}' ({share:.1%}){others}"
        told = "pr_auc" if len(self.classes) > 2 or counts[0] > counts[1] else "f1"  # of two classes, pr_auc is about the second one
        advice = f"look at balanced_accuracy and {told} beside accuracy; {setting('class_weight', 'balanced')} lets all classes count alike"
        if few:
            advice = "too few to learn from or to measure by; add such rows, or join classes"
        return [Note(f"{said}: {advice}", "class_weight", warning=bool(few) or share * len(present) < _RARE)]

    def encode(self, table: Table, dtype: DTypeLike = "float32", rows: NDArray[np.int64] | None = None) -> NDArray[Any]:
        """Return the target of the given rows (all by default): class indices (rows,) as int64, or standardized numbers (rows, 1).

        Raises :class:`DataError` for a missing value, text where numbers are expected, or a class that training did not know.
        """
        if self.task == "regression":
            numbers = TRANSFORMS[self.transform].forward(self._within(table, rows))
            with np.errstate(over="ignore"):  # what no number can say is infinite, and so is its loss
                standardized: NDArray[Any] = ((numbers - self.mean) / self.scale).astype(dtype)[:, None]
            return standardized
        values, places = _present(table, self.column, rows)
        indices = class_indices(self.column, self.classes, values)
        if (unknown := indices.is_null().arg_max()) is not None and indices.null_count():
            row = int(places[unknown])
            cell = f"the class '{table.frame[self.column.name][row]}' of '{self.column.name}'"
            raise DataError(
                f"{table.place(row)}: {cell} was not in training ({listed(self.classes)}); correct the cell or leave the row out"
            )
        return indices.to_numpy()

    def values(self, table: Table, rows: NDArray[np.int64] | None = None) -> NDArray[np.float64]:
        """Return a regression's target in its own units (rows,), raising as :meth:`encode` does."""
        return _present(table, self.column, rows)[0].to_numpy()

    def _within(self, table: Table, rows: NDArray[np.int64] | None) -> NDArray[np.float64]:
        """Return the values, all of which the transform takes."""
        values, transform = self.values(table, rows), TRANSFORMS[self.transform]
        if (first := transform.first_outside(values)) is not None:
            place = table.place(first if rows is None else int(rows[first]))
            what = f"'{self.column.name}' is {values[first]:g}"
            if self.transform == COUNTS:
                raise DataError(f"{place}: {what}, and counts are at least 0; choose another loss than poisson, or leave the row out.")
            other = "log1p, which takes 0 too, or standardize" if self.transform == "log" and values.min() > -1 else "standardize"
            raise DataError(
                f"{place}: {what}, and {setting('target_transform', self.transform)} takes numbers {transform.domain}; choose {other}."
            )
        return values

    def decode_classes(self, indices: NDArray[np.integer[Any]]) -> NDArray[Any]:
        """Return the labels of class indices (rows,), in the target's own type: int64, float64, bool, or str as objects."""
        labels = np.array(self.classes, dtype=object if isinstance(self.classes[0], str) else None)
        chosen: NDArray[Any] = labels[indices]
        return chosen

    def decode_values(self, outputs: NDArray[Any]) -> NDArray[np.float64]:
        """Return outputs (rows, …) in the target's own units: output · scale + mean, with its transform undone; (rows,) if there is one."""
        with np.errstate(over="ignore"):  # what no number can say is infinite
            values: NDArray[np.float64] = TRANSFORMS[self.transform].backward(outputs.astype(np.float64) * self.scale + self.mean)
        return values.reshape(len(values)) if values.size == len(values) else values

    def to_json(self) -> dict[str, Any]:
        """Return the target as JSON-ready data."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Target:
        """Rebuild a target from :meth:`to_json`'s data; raises :class:`FileFormatError` where they are damaged."""
        target = read_record(cls, data, "target")
        kind, kinds = target.column.kind, {type(label) for label in target.classes}
        if target.task == "regression":
            sound = kind == "number" and target.scale > 0 and target.transform in TRANSFORMS
        else:
            sound = kind != "date" and len(set(target.classes)) == len(target.classes) >= 2 and len(kinds) == 1
            sound &= kinds <= {int, float} if kind == "number" else kind != "boolean" or len(target.classes) == 2
            sound &= len(target.class_weights) in (0, len(target.classes)) and (target.threshold is None or len(target.classes) == 2)
        if not sound:
            raise FileFormatError(f"its target, a {kind} column, does not fit its task of {target.task}.")
        return target


def _word(label: Label) -> str:
    return str(label).lower() if isinstance(label, bool) else str(label)


def rows_with_target(table: Table, *columns: str) -> NDArray[np.int64]:
    """Return the indices of the rows whose cells in all ``columns`` are not missing, ascending."""
    present = [(~_missing(table, column)).to_numpy() for column in columns]
    return np.flatnonzero(np.logical_and.reduce(present))


def judge_target(table: Table, column: Column, *, task: Task | None = None, rows: NDArray[np.int64] | None = None) -> Target:
    """Decide from a target column's rows (all by default) what kind of task it is, and which classes there are.

    Words and booleans are classes; so are whole numbers with at most ``MOST_NUMBERED_CLASSES`` different values, each of them repeated.
    Other numbers are quantities. ``task`` overrides that. Mean and scale come later, from :meth:`Target.fit`.

    Raises :class:`DataError` for missing values, a single value, a class of its own for each row, or dates, and :class:`OptionError` for a
    task that does not exist or does not fit.
    """
    if task not in (None, "classification", "regression"):
        raise OptionError(
            f"{setting('task', task)}: there are classification and regression.{nearest(task, ('classification', 'regression'))}"
        )
    name = column.name
    if column.kind == "date":
        raise DataError(f"the target '{name}' of {table.source} holds dates, which cannot be predicted: write them as numbers")
    values, places = _present(table, column, rows)
    counts = values.unique_counts()
    if counts.len() < 2:
        raise DataError(f"the target '{name}' of {table.source} has the same value in every row ('{values[0]}'): there is nothing to learn")
    if task == "regression" and column.kind != "number":
        row = int(places[0])
        cell = f"'{table.frame[name][row]}' in {table.place(row)}"
        raise OptionError(
            f"{setting('task', 'regression')}: the target '{name}' holds no numbers ({cell}); leave the option out to learn its classes"
        )
    reason = f"it was chosen with {setting('task')}"
    if task is None:
        task, reason = _judge_task(column, values, counts)
    if task == "regression":
        return Target(column, task, reason)
    if counts.len() == values.len() > 2:
        raise DataError(
            f"the target '{name}' of {table.source} has {counts.len():,} different values in {values.len():,} rows: "
            "classes that occur once cannot be learned; choose another target"
            + (f", or {setting('task', 'regression')}" if column.kind == "number" else "")
        )
    if column.kind == "number" and table.frame[name].dtype == pl.String and not is_file_text(table, column):
        column = replace(column, kind="category")  # words of a data frame that happen to be digits stay words
        values, _ = _present(table, column, rows)
    return Target(column, task, reason, find_classes(table, column, values))


def _judge_task(column: Column, values: pl.Series, counts: pl.Series) -> tuple[Task, str]:
    """Return the task that fits the values, and why."""
    if column.kind == "boolean":
        return "classification", "it is true or false" if column.true == "true" else f"it is '{column.true}' or '{column.false}'"
    if column.kind != "number":
        return "classification", "it holds labels and no numbers"
    if not (values == values.round()).all():
        return "regression", "it holds numbers with decimals"
    if counts.len() > MOST_NUMBERED_CLASSES:
        return "regression", f"it holds {counts.len():,} different whole numbers"
    if (counts < 2).any():
        return "regression", "it holds whole numbers that are not all repeated"
    return "classification", f"it holds {counts.len()} different whole numbers, each of them repeated"


def _missing(table: Table, name: str) -> pl.Series:
    if name not in table.frame.columns:
        raise DataError(f"{table.source} has no column '{name}', the target.{nearest(name, table.frame.columns)}")
    cells = table.frame[name]
    return cells.is_null() | cells.is_nan().fill_null(False) if cells.dtype.is_float() else cells.is_null()


def _present(table: Table, column: Column, rows: NDArray[np.int64] | None) -> tuple[pl.Series, NDArray[np.int64]]:
    """Return the target's values in the given rows, and these rows; a missing value is refused."""
    places = np.arange(table.rows) if rows is None else rows
    missing = _missing(table, column.name).gather(places)
    if missing.any():
        absent = places[missing.to_numpy()]
        shown = ", ".join(table.place(int(row)).removeprefix(f"{table.source}, ") for row in absent[:3])
        raise DataError(
            f"the target '{column.name}' of {table.source} is missing in {len(absent):,} of {len(places):,} rows "
            f"({shown}{', …' if len(absent) > 3 else ''}): fill it in, or leave those rows out with {setting('drop_missing_target', True)}"
        )
    return read_column(table, column).gather(places), places
