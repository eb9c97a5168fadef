"""What y means: classes, several classes a row, labels, or quantities; as numbers for the loss, and back again.

Each kind is plain data: how many outputs the network needs, what y is to the loss, and what its outputs say.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import column_or_1d

from chainrule import losses, ops
from chainrule.data.standardize import mean_and_scale
from chainrule.errors import DataError, OptionError, nearest
from chainrule.losses.joint import JointCrossEntropy
from chainrule.training.tasks import LOSSES_OF

Array: TypeAlias = NDArray[Any]
Weights: TypeAlias = NDArray[np.float64] | None


class Answers(Protocol):
    """What y means."""

    @property
    def losses(self) -> tuple[str, ...]:
        """Return the names of the losses that fit, the default first."""

    def fitted(self, y: Array, weights: Weights) -> Answers:
        """Return this with what belongs to the training rows."""

    def strata(self, y: Array) -> NDArray[np.int64] | None:
        """Return a class for each row whose proportions a split keeps, if y has such."""

    def outputs(self, loss: str) -> int:
        """Return how many outputs the network has for a loss."""

    def y_type(self, loss: str) -> str | None:
        """Return the type of y for a training step; ``None`` where it is that of the prediction."""

    @property
    def measured(self) -> bool:
        """Say whether there are metrics for it."""

    def truth_and_answer(self, outputs: Array, y: Array) -> tuple[Array, Array]:
        """Return what was true, from an encoded y, and what was predicted, as metrics take them."""

    def encode(self, y: Array, loss: str, dtype: str) -> Array:
        """Return y as the loss takes it; a class that is not known, or another number of columns, is a ``DataError``."""

    def decode(self, outputs: Array) -> Array:
        """Return the answers that the network's outputs (rows, outputs) mean."""


@dataclass(frozen=True)
class Classes:
    """One class a row, of ``labels`` (classes,) in ascending order."""

    labels: Array
    losses: tuple[str, ...] = field(default=LOSSES_OF["classification"], init=False)
    measured: bool = field(default=True, init=False)

    def truth_and_answer(self, outputs: Array, y: Array) -> tuple[Array, Array]:
        """Return class numbers (rows,) and probabilities (rows, classes)."""
        return y.reshape(len(y)).astype(np.int64), self.probabilities(outputs)

    def fitted(self, y: Array, weights: Weights) -> Classes:
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

    def encode(self, y: Array, loss: str, dtype: str) -> Array:
        """Return class numbers (rows,), or 0 and 1 (rows, 1) for binary cross-entropy."""
        numbers = class_numbers(y, self.labels)
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
    measured: bool = field(default=False, init=False)

    def truth_and_answer(self, outputs: Array, y: Array) -> tuple[Array, Array]:
        """Return both as they are: there are no metrics for them."""
        return y, outputs

    def fitted(self, y: Array, weights: Weights) -> Labels:
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

    def encode(self, y: Array, loss: str, dtype: str) -> Array:
        """Return y as floats."""
        if y.ndim != 2 or y.shape[1] != self.count:
            raise DataError(f"y has shape {y.shape} and should have {self.count} columns, one for each label.")
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
    losses: tuple[str, ...] = field(default=("cross_entropy",), init=False)
    measured: bool = field(default=False, init=False)

    def truth_and_answer(self, outputs: Array, y: Array) -> tuple[Array, Array]:
        """Return both as they are: there are no metrics for them."""
        return y, outputs

    def fitted(self, y: Array, weights: Weights) -> SeveralClasses:
        """Return the same."""
        return self

    def strata(self, y: Array) -> NDArray[np.int64] | None:
        """Return nothing: rows are held out at random."""
        return None

    def outputs(self, loss: str) -> int:
        """Return how many outputs the softmaxes have, side by side."""
        return sum(self.sizes)

    def y_type(self, loss: str) -> str | None:
        """Return class numbers, one for each column."""
        return f"i64[B,{len(self.columns)}]"

    @property
    def sizes(self) -> tuple[int, ...]:
        """Return the number of classes of each column."""
        return tuple(len(labels) for labels in self.columns)

    @property
    def labels(self) -> list[Array]:
        """Return the classes of each column."""
        return list(self.columns)

    def encode(self, y: Array, loss: str, dtype: str) -> Array:
        """Return class numbers (rows, columns)."""
        if y.ndim != 2 or y.shape[1] != len(self.columns):
            raise DataError(f"y has shape {y.shape} and should have {len(self.columns)} columns.")
        return np.stack([class_numbers(y[:, column], labels) for column, labels in enumerate(self.columns)], axis=1)

    def decision(self, outputs: Array) -> list[Array]:
        """Return the logits of each column (rows, classes)."""
        return np.split(outputs, np.cumsum(self.sizes)[:-1], axis=1)

    def probabilities(self, outputs: Array) -> list[Array]:
        """Return for each column the probability of its classes (rows, classes)."""
        return [np.asarray(ops.softmax(logits)) for logits in self.decision(outputs)]

    def decode(self, outputs: Array) -> Array:
        """Return the most probable class of each column (rows, columns)."""
        chosen = [labels[logits.argmax(axis=1)] for labels, logits in zip(self.columns, self.decision(outputs), strict=True)]
        return np.stack(chosen, axis=1)


@dataclass(frozen=True)
class Quantities:
    """Numbers: each column standardized by its mean and scale (columns,); ``one`` says that y had a single axis."""

    mean: Array
    scale: Array
    one: bool
    losses: tuple[str, ...] = field(default=LOSSES_OF["regression"][:4], init=False)  # those of standardized numbers

    @property
    def measured(self) -> bool:
        """Say whether there are metrics for it: for one column."""
        return len(self.mean) == 1

    def truth_and_answer(self, outputs: Array, y: Array) -> tuple[Array, Array]:
        """Return both in y's own units (rows,)."""
        return (y * self.scale + self.mean)[:, 0], (outputs * self.scale + self.mean)[:, 0]

    def fitted(self, y: Array, weights: Weights) -> Quantities:
        """Return this with the (weighted) mean and scale of each column."""
        columns = np.asarray(y, np.float64).reshape(len(y), -1).T
        means, scales = zip(*(mean_and_scale(column, weights) for column in columns), strict=True)
        return replace(self, mean=np.array(means), scale=np.array(scales))

    def strata(self, y: Array) -> NDArray[np.int64] | None:
        """Return nothing: rows are held out at random."""
        return None

    def outputs(self, loss: str) -> int:
        """Return one output a column."""
        return len(self.mean)

    def y_type(self, loss: str) -> str | None:
        """Return the type of the prediction."""
        return None

    def encode(self, y: Array, loss: str, dtype: str) -> Array:
        """Return standardized numbers (rows, columns)."""
        if y.ndim > 2 or y[:1].size != len(self.mean):
            raise DataError(f"y has shape {y.shape} and should have {len(self.mean)} columns.")
        standardized: Array = ((y.reshape(len(y), -1) - self.mean) / self.scale).astype(dtype)
        return standardized

    def decode(self, outputs: Array) -> Array:
        """Return outputs (rows, columns) in y's own units, (rows,) if y had a single axis."""
        values: Array = outputs.astype(np.float64) * self.scale + self.mean
        return values[:, 0] if self.one else values


def judge_classes(y: Array, known: Any = None) -> Classes | Labels | SeveralClasses:
    """Return what a classifier's y means; ``known`` are all its classes, where y may lack some.

    Raises:
        ValueError: y is no classification target.
    """
    if y.dtype == object:
        for row, value in enumerate(y.reshape(len(y), -1).tolist()):
            if None in value:
                raise DataError(f"row {row}: y is missing; leave such rows out.")
    check_classification_targets(y)
    if type_of_target(y, input_name="y") == "multilabel-indicator":
        return Labels(y.shape[1])
    if y.ndim == 2 and y.shape[1] > 1:
        columns = [y[:, column] for column in range(y.shape[1])]
        if known is not None and len(known) != len(columns):
            raise DataError(f"classes has {len(known)} entries and y {len(columns)} columns; give the classes of each column.")
        return SeveralClasses(tuple(np.unique(column if known is None else known[number]) for number, column in enumerate(columns)))
    return Classes(np.unique(one_column(y) if known is None else np.asarray(known)))


def judge_quantities(y: Array) -> Quantities:
    """Return what a regressor's y means; mean and scale come later, from :meth:`Quantities.fitted`."""
    columns = 1 if y.ndim == 1 else y.shape[1]
    return Quantities(np.zeros(columns), np.ones(columns), y.ndim == 1)


def one_column(y: Array) -> Array:
    """Return y with one axis; a single column is taken as that, with scikit-learn's warning."""
    return np.asarray(column_or_1d(y, warn=True))


def class_numbers(y: Array, labels: Array) -> NDArray[np.int64]:
    """Return the place of each row's class among the labels.

    Raises:
        DataError: a class is not among them; says which and in which row.
    """
    y = one_column(y)
    if y.dtype.kind in "OUS" or labels.dtype.kind in "OUS":
        y, labels = y.astype(object), labels.astype(object)
    places = np.searchsorted(labels, y).clip(max=len(labels) - 1)
    if (unknown := np.flatnonzero(labels[places] != y)).size:
        row = int(unknown[0])
        raise DataError(
            f"row {row}: the class {y[[row]].tolist()[0]!r} of y was not in training ({', '.join(map(repr, labels[:8].tolist()))})."
        )
    return places.astype(np.int64)


def loss_of(answers: Answers, loss: str | Callable[..., Any] | None) -> tuple[str, Callable[..., Any]]:
    """Return the name of a loss and its function: the one asked for, if it fits y, or the one that y has by default.

    Raises:
        OptionError: the loss is unknown or does not fit.
    """
    if callable(loss):
        return "", loss
    name = answers.losses[0] if loss is None else loss
    if name not in answers.losses:
        what = "does not fit this y" if name in losses.LOSSES else "is not a loss"
        raise OptionError(f"loss {name!r} {what}; choose one of {', '.join(answers.losses)}.{nearest(name, answers.losses)}")
    if name == "binary_cross_entropy" and isinstance(answers, Classes) and len(answers.labels) != 2:
        raise OptionError(f"loss {name!r} is for 2 classes and y has {len(answers.labels)}; choose cross_entropy.")
    return name, JointCrossEntropy(answers.sizes) if isinstance(answers, SeveralClasses) else losses.LOSSES[name]


def takes_weights(loss: Callable[..., Any]) -> bool:
    """Say whether a loss can be called with (prediction, target, weights)."""
    try:
        inspect.signature(loss).bind(None, None, None)
    except TypeError:
        return False
    except ValueError:  # it does not tell
        return True
    return True
