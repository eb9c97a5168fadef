"""What a classifier's y means: one class a row, any number of labels, or a class in each column."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import column_or_1d

from chainrule import losses, ops
from chainrule.errors import DataError, OptionError
from chainrule.estimators.targets import Array, Weights
from chainrule.losses.joint import JointCrossEntropy
from chainrule.training.tasks import LOSSES_OF


class UnknownClassError(DataError):
    """A class of y was not in training."""


@dataclass(frozen=True)
class Classes:
    """One class a row, of ``labels`` (classes,) in ascending order."""

    labels: Array
    losses: tuple[str, ...] = field(default=LOSSES_OF["classification"], init=False)
    quantiles: tuple[float, ...] = field(default=(), init=False)

    def truth(self, y: Array, rows: Array) -> list[Array]:
        """Return class numbers (rows,)."""
        return [class_numbers(y, self.labels, rows)]

    def judged(self, outputs: Array) -> list[Array]:
        """Return probabilities (rows, classes)."""
        return [self.probabilities(outputs)]

    def function(self, loss: str) -> Callable[..., Any]:
        """Return the loss; OptionError if it is for another number of classes."""
        if loss == "binary_cross_entropy" and len(self.labels) != 2:
            raise OptionError(f"loss {loss!r} is for 2 classes and y has {len(self.labels)}; choose cross_entropy.")
        return losses.LOSSES[loss]

    def fitted(self, y: Array, weights: Weights, rows: Array) -> Classes:
        """Return the same."""
        return self

    def strata(self, y: Array) -> NDArray[np.int64] | None:
        """Return the class of each row."""
        return class_numbers(y, self.labels)

    def outputs(self, loss: str) -> int:
        """Return how many outputs a softmax has; binary cross-entropy asks for one."""
        return 1 if loss == "binary_cross_entropy" else len(self.labels)

    def y_type(self, loss: str) -> str | None:
        """Return class numbers."""
        return None if loss == "binary_cross_entropy" else "i64[B]"

    def encode(self, y: Array, loss: str, dtype: str, rows: Array) -> Array:
        """Return class numbers (rows,), or 0 and 1 (rows, 1) for binary cross-entropy."""
        numbers = class_numbers(y, self.labels, rows)
        return numbers.astype(dtype)[:, None] if loss == "binary_cross_entropy" else numbers

    def decision(self, outputs: Array) -> Array:
        """Return the logits (rows, classes); for two classes how much the second one leads (rows,)."""
        if outputs.shape[1] == 1:
            return outputs[:, 0]
        return outputs[:, 1] - outputs[:, 0] if outputs.shape[1] == 2 else outputs

    def probabilities(self, outputs: Array) -> Array:
        """Return the probability of each class (rows, classes)."""
        if outputs.shape[1] == 1 < len(self.labels):
            return np.concatenate([ops.sigmoid(-outputs), ops.sigmoid(outputs)], axis=1)
        return np.asarray(ops.softmax(outputs))

    def decode(self, outputs: Array) -> Array:
        """Return the most probable class of each row."""
        if len(self.labels) == 1:
            return np.repeat(self.labels, len(outputs))
        decision = self.decision(outputs)
        chosen: Array = self.labels[(decision > 0).astype(np.intp) if decision.ndim == 1 else decision.argmax(axis=1)]
        return chosen


@dataclass(frozen=True)
class Labels:
    """Any number of ``count`` labels a row, as 0 and 1 (rows, labels)."""

    count: int
    losses: tuple[str, ...] = field(default=("binary_cross_entropy",), init=False)
    quantiles: tuple[float, ...] = field(default=(), init=False)

    def truth(self, y: Array, rows: Array) -> list[Array]:
        """Return for each label 0 and 1 (rows,)."""
        return list(y.astype(np.int64).T)

    def judged(self, outputs: Array) -> list[Array]:
        """Return for each label the probabilities of 0 and 1 (rows, 2)."""
        return [np.stack([1 - p, p], axis=1) for p in self.probabilities(outputs).T]

    def function(self, loss: str) -> Callable[..., Any]:
        """Return the loss."""
        return losses.LOSSES[loss]

    def fitted(self, y: Array, weights: Weights, rows: Array) -> Labels:
        """Return the same."""
        return self

    def strata(self, y: Array) -> NDArray[np.int64] | None:
        """Return nothing: rows are held out at random."""
        return None

    def outputs(self, loss: str) -> int:
        """Return one output a label."""
        return self.count

    def y_type(self, loss: str) -> str | None:
        """Return the type of the prediction."""
        return None

    @property
    def labels(self) -> Array:
        """Return the numbers of the labels."""
        return np.arange(self.count)

    def encode(self, y: Array, loss: str, dtype: str, rows: Array) -> Array:
        """Return y as floats."""
        if y.ndim != 2 or y.shape[1] != self.count:
            raise DataError(f"y should have {self.count} columns, one for each label, and has {y[:1].size}.")
        return np.asarray(y, dtype)

    def decision(self, outputs: Array) -> Array:
        """Return the logits (rows, labels)."""
        return outputs

    def probabilities(self, outputs: Array) -> Array:
        """Return the probability of each label (rows, labels)."""
        return np.asarray(ops.sigmoid(outputs))

    def decode(self, outputs: Array) -> Array:
        """Return 1 where a label is more probable than not, else 0 (rows, labels)."""
        return (outputs > 0).astype(np.int64)


@dataclass(frozen=True)
class SeveralClasses:
    """Several classes a row, one in each column of y; ``columns`` are their labels."""

    columns: tuple[Array, ...]
    losses: tuple[str, ...] = field(default=LOSSES_OF["classification"], init=False)
    quantiles: tuple[float, ...] = field(default=(), init=False)

    def truth(self, y: Array, rows: Array) -> list[Array]:
        """Return for each column class numbers (rows,)."""
        return [class_numbers(column, labels, rows) for column, labels in zip(y.T, self.columns, strict=True)]

    def judged(self, outputs: Array) -> list[Array]:
        """Return for each column probabilities (rows, classes)."""
        return self.probabilities(outputs)

    def function(self, loss: str) -> Callable[..., Any]:
        """Return the loss, summed over the columns; OptionError if it is for another number of classes."""
        if loss != "binary_cross_entropy":
            return JointCrossEntropy(self.sizes)
        if more := [size for size in self.sizes if size != 2]:
            raise OptionError(f"loss {loss!r} is for 2 classes and a column of y has {more[0]}; choose cross_entropy.")
        return losses.LOSSES[loss]

    def fitted(self, y: Array, weights: Weights, rows: Array) -> SeveralClasses:
        """Return the same."""
        return self

    def strata(self, y: Array) -> NDArray[np.int64] | None:
        """Return nothing: rows are held out at random."""
        return None

    def outputs(self, loss: str) -> int:
        """Return how many outputs the softmaxes have, side by side; binary cross-entropy asks for one each."""
        return len(self.columns) if loss == "binary_cross_entropy" else sum(self.sizes)

    def y_type(self, loss: str) -> str | None:
        """Return class numbers, one for each column."""
        return None if loss == "binary_cross_entropy" else f"i64[B,{len(self.columns)}]"

    @property
    def sizes(self) -> tuple[int, ...]:
        """Return the number of classes of each column."""
        return tuple(len(labels) for labels in self.columns)

    @property
    def labels(self) -> list[Array]:
        """Return the classes of each column."""
        return list(self.columns)

    def encode(self, y: Array, loss: str, dtype: str, rows: Array) -> Array:
        """Return class numbers (rows, columns)."""
        if y.ndim != 2 or y.shape[1] != len(self.columns):
            raise DataError(f"y should have {len(self.columns)} columns, and has {y[:1].size}.")
        numbers = np.stack([class_numbers(y[:, column], labels, rows) for column, labels in enumerate(self.columns)], axis=1)
        return numbers.astype(dtype) if loss == "binary_cross_entropy" else numbers

    def decision(self, outputs: Array) -> list[Array]:
        """Return the logits of each column (rows, classes); of a single one for two classes that, and its negative."""
        if all(size == 2 for size in self.sizes) and outputs.shape[1] == len(self.columns):
            return [np.stack([-logit, logit], axis=1) / 2 for logit in outputs.T]
        return np.split(outputs, np.cumsum(self.sizes)[:-1], axis=1)

    def probabilities(self, outputs: Array) -> list[Array]:
        """Return for each column the probability of its classes (rows, classes)."""
        return [np.asarray(ops.softmax(logits)) for logits in self.decision(outputs)]

    def decode(self, outputs: Array) -> Array:
        """Return the most probable class of each column (rows, columns)."""
        chosen = [labels[logits.argmax(axis=1)] for labels, logits in zip(self.columns, self.decision(outputs), strict=True)]
        return np.stack(chosen, axis=1)


def judge_classes(y: Array, known: Any = None) -> Classes | Labels | SeveralClasses:
    """Return what a classifier's y means; ``known`` are all its classes, where y may lack some.

    Raises:
        ValueError: y is no classification target.
    """
    columns = list(y.T) if y.ndim == 2 else [y]
    for part in [np.array(column.tolist()) for column in columns] if y.dtype == object else [y]:
        check_classification_targets(part)  # of columns of different types one by one
    if y.dtype != object and type_of_target(y, input_name="y") == "multilabel-indicator":
        return Labels(y.shape[1])
    if len(columns) > 1:
        if known is not None and len(known) != len(columns):
            raise DataError(f"classes has {len(known)} entries and y {len(columns)} columns; give the classes of each column.")
        return SeveralClasses(tuple(np.unique(column if known is None else known[number]) for number, column in enumerate(columns)))
    return Classes(np.unique(one_column(y) if known is None else np.asarray(known)))


def one_column(y: Array) -> Array:
    """Return y with one axis; a single column is taken as that, with scikit-learn's warning."""
    return np.asarray(column_or_1d(y, warn=True))


def class_numbers(y: Array, labels: Array, rows: Array | None = None) -> NDArray[np.int64]:
    """Return the place of each row's class among the labels; ``rows`` are the numbers of the rows, from 0 unless given.

    Raises:
        UnknownClassError: a class is not among them; says which and in which row.
    """
    y = one_column(y)
    if y.dtype.kind in "OUS" or labels.dtype.kind in "OUS":
        y, labels = y.astype(object), labels.astype(object)
    their_own = labels.dtype == y.dtype == np.int64 and np.array_equal(labels, np.arange(len(labels)))
    if their_own and len(y) and y.min() >= 0 and y.max() < len(labels):
        return y
    try:
        places = np.searchsorted(labels, y)
    except TypeError:  # words and numbers: none is among the others
        places = np.zeros(len(y), np.intp)
    np.minimum(places, len(labels) - 1, out=places)
    if (unknown := np.flatnonzero(labels[places] != y)).size:
        row = int(unknown[0] if rows is None else unknown[rows[unknown].argmin()])
        number, known = row if rows is None else rows[row], ", ".join(map(repr, labels[:8].tolist()))
        raise UnknownClassError(f"row {number}: the class {y[[row]].tolist()[0]!r} of y was not in training ({known}).")
    return places.astype(np.int64, copy=False)
