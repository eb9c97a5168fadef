"""A trained model: raw rows in, answers out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from chainrule import nn
from chainrule.data.bundled import find_bundled
from chainrule.data.cells import read_column
from chainrule.data.encode import Encoder
from chainrule.data.read import read_table
from chainrule.data.table import Column, Table
from chainrule.data.target import Target
from chainrule.errors import DataError, nearest
from chainrule.ir import Program
from chainrule.ir.program import Operation
from chainrule.ir.serialize import from_json, to_json
from chainrule.nn.activations import activation_name
from chainrule.ops.tracing import OPERATIONS
from chainrule.training.calibration import Calibration, calibration_of
from chainrule.training.events import History
from chainrule.training.goal import TEMPERATURE, Goal, mean_metrics
from chainrule.training.predictor import Predictor
from chainrule.training.state import State
from chainrule.words import setting

if TYPE_CHECKING:
    from chainrule.training.crossvalidate import CrossValidation
    from chainrule.training.options import Options


@dataclass(repr=False)
class Model:
    """A network with everything that turns raw rows into its answers. Made by :func:`chainrule.train` or :func:`chainrule.load`.

    Attributes:
        training: the Program of one training step.
        inference: the Program of prediction: ``prediction`` (logits or standardized values), and ``probabilities``.
        best: the state whose weights are used; ``start``: the state before the first step.
        encoder, goal: how rows become numbers, and numbers answers.
        optimizer: the name of the optimizer.
        layers: a description of the network for displays, one dict a layer.
        delimited: how text files are read: the options of ``read_table`` that were given in training.
        weight: the column of row weights, if there is one.
        report: what was measured: what ``chainrule train --json`` prints.
        history: the epochs; empty for a model from a file.
        source: the data, the target and the options that it was trained with, as they were given, while they are in memory; not saved.
        cross_validation: what was found where ``folds`` were asked for; ``None`` for a model from a file, whose report has the figures.
    """

    training: Program
    inference: Program
    best: State
    start: State
    encoder: Encoder
    goal: Goal
    optimizer: str
    layers: list[dict[str, Any]]
    report: dict[str, Any]
    reading: dict[str, Any] = field(default_factory=dict)
    weight: Column | None = None
    history: History = field(default_factory=History)
    cross_validation: CrossValidation | None = None
    source: tuple[Any, Any, Options] | None = field(default=None, repr=False)

    def __repr__(self) -> str:
        shapes = [size for layer in self.layers for name, size in layer["parameters"].items() if name.endswith(".weight")]
        widths = [shape[0] for shape in shapes[:1]] + [shape[1] for shape in shapes]
        return f"Model({self.goal.task} of {', '.join(map(repr, self.goal.names))}; {' → '.join(map(str, widths))} units)"

    def _repr_html_(self) -> Any:
        return import_module("chainrule.inspect.notebook").html_of(self)  # a room above this one, opened on demand

    def __getstate__(self) -> dict[str, Any]:
        """Return what a pickle or a copy holds: plain data, and neither the data that it was trained with nor what is compiled."""
        kept = {name: value for name, value in vars(self).items() if name != "_predictor"}
        return kept | {"source": None} | {name: to_json(kept[name]) for name in ("training", "inference")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        operations = cast(Mapping[str, Operation], OPERATIONS)
        programs = {name: from_json(state[name][0], operations, state[name][1]) for name in ("training", "inference")}
        vars(self).update(state | programs)

    @cached_property
    def _predictor(self) -> Predictor:
        return Predictor(self.inference)

    @property
    def dtype(self) -> str:
        """The float type of the network: float32 or float64."""
        return next(iter(self.inference.by_role("x"))).type.dtype

    @property
    def target(self) -> Target:
        """The only target; OptionError if there are several."""
        return self.goal.target

    @property
    def loss(self) -> str:
        """The name of the loss."""
        return self.goal.loss

    @property
    def temperature(self) -> tuple[float, ...]:
        """What the logits of each target are divided by; empty if nothing was calibrated."""
        if TEMPERATURE not in self.best.buffers:
            return ()
        ends = np.cumsum(self.goal.sizes)
        return tuple(float(value) for value in self.best.buffers[TEMPERATURE][ends - 1])

    def table(self, data: Any, levels: Mapping[str, Sequence[str]] | None = None) -> Table:
        """Return a table of raw rows, read as the training data was, or one that is bundled; a table is returned as it is.

        ``levels`` are words that its columns are known to hold, which makes reading them quicker.
        """
        known = find_bundled(data) if isinstance(data, str) else None
        return data if isinstance(data, Table) else read_table(known.path if known else data, **self.reading, levels=levels)

    def answers(self, data: Any) -> list[np.ndarray]:
        """Return for each target its probabilities [rows, classes], or its values [rows] or [rows, quantiles] in its own units.

        Raises:
            DataError: a column is missing, or a cell cannot be read; says file, line and column.
        """
        table = self.table(data, self.encoder.levels)
        name = "probabilities" if self.goal.task == "classification" else "prediction"
        outputs = self._predictor({**self.best.params, **self.best.buffers}, self.encoder.chunks(table, self.dtype), name)
        return self.goal.answers({name: outputs})

    def outputs(self, data: Any) -> Any:
        """Return the answers as numbers: probabilities [rows, classes], or values [rows] or [rows, quantiles] in the target's units.

        Of several targets it is a dict of these by the target's column.

        Raises:
            DataError: as :meth:`answers`.
        """
        return self.goal.by_target(self.answers(data))

    def predict(self, data: Any) -> Any:
        """Return one answer a row, in the target's own type and spelling; of several targets a dict of these by the target's column.

        Args:
            data: a file's path or any data frame of raw rows; the target may be absent.

        Raises:
            DataError: as :meth:`answers`.
        """
        return self.goal.by_target(self.goal.decide(self.answers(data)))

    def predict_proba(self, data: Any) -> Any:
        """Return the probability of each class, [rows, classes], in the order of the target's ``classes``.

        Of several targets it is a dict of these by the target's column.

        Raises:
            DataError: as :meth:`answers`; or the model is a regression, which has no classes.
        """
        if self.goal.task != "classification":
            raise DataError(f"'{self.goal.title}' is a quantity and has no classes; use predict.")
        return self.outputs(data)

    def predict_quantiles(self, data: Any) -> Any:
        """Return the quantiles that the model was trained for, [rows, quantiles], in ascending order.

        Of several targets it is a dict of these by the target's column.

        Raises:
            DataError: as :meth:`answers`; or the model was trained for none.
        """
        if not self.goal.quantiles:
            raise DataError(f"the model of '{self.goal.title}' was not trained for quantiles; train one with {setting('loss', 'pinball')}.")
        return self.goal.by_target([part.reshape(len(part), -1) for part in self.answers(data)])

    def evaluate(self, data: Any, rows: np.ndarray | None = None) -> dict[str, float]:
        """Return the metrics of the answers for rows whose target is known, weighted by the weight column if there is one.

        Of several targets each metric is the mean over them.

        Raises:
            DataError: the target column is missing, or holds no known value; says file, line and column.
        """
        return self.assess(data, rows).metrics

    def assess(self, data: Any, rows: np.ndarray | None = None) -> Assessment:
        """Return what the answers are worth for rows whose targets are known (all that are, by default); raises as :meth:`evaluate`."""
        table = self.table(data)
        known = self.goal.known_rows(table) if rows is None else rows
        weights = row_weights(table, self.weight, known)
        part = table.take(known)
        truth, answers = self.goal.truth(part), self.answers(part)
        tables: dict[str, Calibration] = {}
        if self.goal.task == "classification":
            each = zip(self.goal.names, truth, answers, strict=True)
            tables = {name: calibration_of(true, answer, weights) for name, true, answer in each}
        return Assessment(len(known), self.goal.measure(truth, answers, weights), tables)

    def batch(self, table: Table, rows: np.ndarray) -> dict[str, np.ndarray]:
        """Return rows as the batch of the training Program: x, y and, with weights of rows or classes, w."""
        part = table.take(rows)
        weights = training_weights(self.goal, part, row_weights(table, self.weight, rows))
        x = self.encoder.transform(part, self.dtype)
        y = self.goal.encode(part, self.dtype)
        return {"x": x, "y": y} | ({} if weights is None else {"w": weights.astype(self.dtype)})

    @property
    def plot(self) -> Any:
        """The pictures of the run, with matplotlib: ``model.plot.curves()``; see :class:`chainrule.inspect.plots.Plots`.

        Raises:
            ImportError: matplotlib is not installed; the message names the extra.
        """
        return import_module("chainrule.inspect.plots").plots_of(self)  # a room above this one, opened on demand

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


@dataclass(frozen=True)
class Assessment:
    """What a model is worth on some rows: for each target its metrics, and of classes how well calibrated their probabilities are."""

    rows: int
    targets: dict[str, dict[str, float]]
    calibration: dict[str, Calibration]

    @property
    def metrics(self) -> dict[str, float]:
        """The metrics, of several targets the mean over them."""
        return mean_metrics(list(self.targets.values()))


def training_weights(goal: Goal, part: Table, weights: np.ndarray | None) -> np.ndarray | None:
    """Return how much each row counts in the loss: its weight, if there is one, times the weights of its classes."""
    factors = goal.row_factors(part)
    return weights if factors is None else factors if weights is None else factors * weights


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
        elif isinstance(layer, nn.Standardize):
            does = "(x − mean) / scale"
        own = {f"{name}.{path}": list(shape) for path, (_, shape) in layer.parameters().items()}
        rows.append({"layer": name, "does": does, "parameters": own, "count": int(sum(np.prod(shape) for shape in own.values()))})
    return rows
