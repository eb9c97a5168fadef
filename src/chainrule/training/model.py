"""A trained model: raw rows in, answers out."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule import nn
from chainrule.backends import Runnable, compile
from chainrule.data.bundled import find_bundled
from chainrule.data.cells import read_column
from chainrule.data.encode import Encoder
from chainrule.data.read import read_table
from chainrule.data.table import Column, Table
from chainrule.data.target import Target, rows_with_target
from chainrule.errors import DataError, nearest
from chainrule.ir import Program
from chainrule.nn.activations import activation_name
from chainrule.training.events import History
from chainrule.training.metrics import evaluate_predictions
from chainrule.training.state import State
from chainrule.training.tasks import encode_target

if TYPE_CHECKING:
    from chainrule.training.crossvalidate import CrossValidation

_CHUNK = 16_384  # rows that are predicted at once, so that memory stays bounded


@dataclass
class Model:
    """A network with everything that turns raw rows into its answers. Made by :func:`chainrule.train` or :func:`chainrule.load`.

    Attributes:
        training: the Program of one training step.
        inference: the Program of prediction: ``prediction`` (logits or standardized values), and ``probabilities``.
        best: the state whose weights are used; ``start``: the state before the first step.
        encoder, target: how rows become numbers, and numbers answers.
        loss: the name of the loss. ``optimizer``: the name of the optimizer.
        layers: a description of the network for displays, one dict a layer.
        delimited: how text files are read: the options of ``read_table`` that were given in training.
        weight: the column of row weights, if there is one.
        report: what was measured: what ``chainrule train --json`` prints.
        history: the epochs; empty for a model from a file.
        cross_validation: what was found where ``folds`` were asked for; ``None`` for a model from a file, whose report has the figures.
    """

    training: Program
    inference: Program
    best: State
    start: State
    encoder: Encoder
    target: Target
    loss: str
    optimizer: str
    layers: list[dict[str, Any]]
    report: dict[str, Any]
    reading: dict[str, Any] = field(default_factory=dict)
    weight: Column | None = None
    history: History = field(default_factory=History)
    cross_validation: CrossValidation | None = None

    @cached_property
    def _run(self) -> Runnable:
        return compile(self.inference)

    @property
    def dtype(self) -> str:
        """The float type of the network: float32 or float64."""
        return next(iter(self.inference.by_role("x"))).type.dtype

    def table(self, data: Any) -> Table:
        """Return a table of raw rows, read as the training data was, or one that is bundled; a table is returned as it is."""
        known = find_bundled(data) if isinstance(data, str) else None
        return data if isinstance(data, Table) else read_table(known.path if known else data, **self.reading)

    def outputs(self, data: Any) -> np.ndarray:
        """Return the answers as numbers: probabilities [rows, classes], or values [rows] in the target's units.

        Raises:
            DataError: a column is missing, or a cell cannot be read; says file, line and column.
        """
        table = self.table(data)
        name = "probabilities" if self.target.task == "classification" else "prediction"
        arrays = {**self.best.params, **self.best.buffers}
        encoded = (self.encoder.transform(table.part(at, at + _CHUNK), self.dtype) for at in range(0, max(table.rows, 1), _CHUNK))
        result = np.concatenate([self._run({**arrays, "x": x})[name] for x in encoded])
        return result if self.target.task == "classification" else self.target.decode_values(result)

    def predict(self, data: Any) -> np.ndarray:
        """Return one answer a row, in the target's own type and spelling.

        Args:
            data: a file's path or any data frame of raw rows; the target may be absent.

        Raises:
            DataError: as :meth:`outputs`.
        """
        outputs = self.outputs(data)
        return self.target.decode_classes(outputs.argmax(1)) if self.target.task == "classification" else outputs

    def predict_proba(self, data: Any) -> np.ndarray:
        """Return the probability of each class, [rows, classes], in the order of ``target.classes``.

        Raises:
            DataError: as :meth:`outputs`; or the model is a regression, which has no classes.
        """
        if self.target.task != "classification":
            raise DataError(f"'{self.target.column.name}' is a quantity and has no classes; use predict.")
        return self.outputs(data)

    def evaluate(self, data: Any, rows: np.ndarray | None = None) -> dict[str, float]:
        """Return the metrics of the answers for rows whose target is known, weighted by the weight column if there is one.

        Raises:
            DataError: the target column is missing, or holds no known value; says file, line and column.
        """
        table = self.table(data)
        known = rows_with_target(table, self.target.column.name) if rows is None else rows
        if not len(known):
            raise DataError(f"the target '{self.target.column.name}' is missing in all rows of {table.source}: nothing can be compared.")
        weights = row_weights(table, self.weight, known)
        part = table.take(known)
        truth = self.target.encode(part) if self.target.task == "classification" else self.target.values(part)
        return evaluate_predictions(self.target.task, truth, self.outputs(part), weights)

    def batch(self, table: Table, rows: np.ndarray) -> dict[str, np.ndarray]:
        """Return rows as the batch of the training Program: x, y and, with a weight column, w."""
        weights = row_weights(table, self.weight, rows)
        part = table.take(rows)
        x = self.encoder.transform(part, self.dtype)
        y = encode_target(self.target, self.loss, part, None, self.dtype)
        return {"x": x, "y": y} | ({} if weights is None else {"w": weights.astype(self.dtype)})

    def as_estimator(self) -> Any:
        """Return the model as scikit-learn's classifier or regressor, which predicts as it does and can learn on.

        Raises:
            ImportError: scikit-learn is not installed; the message names the extra.
            OptionError: the network is not one that the estimators make.
        """
        return import_module("chainrule.estimators.files").estimator_of(self)  # a room above this one, opened on demand

    def save(self, path: str | Path) -> None:
        """Write the model file: data only, whole or not at all; see :mod:`chainrule.training.model_file`."""
        from chainrule.training.model_file import save  # which imports this module

        save(self, Path(path))


def row_weights(table: Table, column: Column | None, rows: np.ndarray | None = None) -> np.ndarray | None:
    """Return the weights of some rows (all by default; float64), or ``None`` without a weight column.

    Raises:
        DataError: the column is not there, a weight is missing or negative, or all are zero; says where.
    """
    if column is None:
        return None
    if column.name not in table.frame.columns:
        raise DataError(
            f"{table.source} has no column '{column.name}', the weights of the rows in training; add it, with a 1 in each row if all count "
            f"the same.{nearest(column.name, table.frame.columns)}"
        )
    rows = np.arange(table.rows) if rows is None else rows
    cells = read_column(table.take(rows), column)
    weights: np.ndarray = cells.fill_null(-1.0).to_numpy()
    if (bad := np.flatnonzero(weights < 0)).size:
        what = "missing" if cells[int(bad[0])] is None else "negative"
        raise DataError(f"{table.place(int(rows[bad[0]]))}: the weight in '{column.name}' is {what}; weights are numbers of at least 0.")
    if len(rows) == 1 and not weights[0]:
        raise DataError(f"{table.place(int(rows[0]))}: the weight in '{column.name}' is 0, so this row does not count; choose another row.")
    if not weights.any():
        raise DataError(f"all weights in '{column.name}' of {table.source} are 0: no row counts.")
    return weights


def describe(network: nn.Sequential) -> list[dict[str, Any]]:
    """Describe a network for displays: for each layer its name, what it does, its parameters' shapes and their number."""
    rows = []
    for name, layer in network.layers.items():
        does = ""
        if isinstance(layer, nn.Dense):
            function = activation_name(layer.activation)
            suffix = "" if (name, function) == ("output", "identity") else f", {function}"
            does = f"{layer.inputs} → {layer.outputs}{suffix}"
        elif isinstance(layer, nn.Dropout):
            does = f"dropout {layer.rate:g}"
        own = {f"{name}.{path}": list(shape) for path, (_, shape) in layer.parameters().items()}
        rows.append({"layer": name, "does": does, "parameters": own, "count": int(sum(np.prod(shape) for shape in own.values()))})
    return rows
