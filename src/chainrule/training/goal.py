"""What a network learns: its targets, the loss, and what its outputs mean."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule import losses, ops
from chainrule.data.cells import listed
from chainrule.data.table import Table
from chainrule.data.target import Target, Task, rows_with_target
from chainrule.data.typed import read_value
from chainrule.errors import DataError, FileFormatError, OptionError, nearest
from chainrule.ir import B, Type
from chainrule.losses.joint import JointCrossEntropy
from chainrule.ops import named
from chainrule.training.metrics import METRICS, decide, evaluate_predictions, middle
from chainrule.training.tasks import SHOWN_METRICS, choose_loss, head_of
from chainrule.words import setting

Array = NDArray[Any]
TEMPERATURE = "temperature"
"""The buffer of the inference Program that logits are divided by, one number for each output."""


@dataclass(frozen=True)
class Goal:
    """What a network learns: one target or several of one task, by a loss; plain data.

    The outputs of the network stand side by side, those of the first target first: a logit for each class (one for all, with binary
    cross-entropy), or a number for each of the ``quantiles``, or one number.
    """

    targets: tuple[Target, ...]
    loss: str
    quantiles: tuple[float, ...] = ()

    @property
    def task(self) -> Task:
        """Classification or regression."""
        return self.targets[0].task

    @property
    def target(self) -> Target:
        """The only target; OptionError if there are several."""
        if len(self.targets) > 1:
            raise OptionError(
                f"this model predicts {listed(self.names)}, and this needs a model of one target: "
                f"train one with {setting('target', self.names[0])} alone."
            )
        return self.targets[0]

    @property
    def names(self) -> tuple[str, ...]:
        """The columns of the targets."""
        return tuple(target.column.name for target in self.targets)

    @property
    def title(self) -> str:
        """The columns of the targets in a sentence."""
        return ", ".join(self.names)

    @cached_property
    def sizes(self) -> tuple[int, ...]:
        """How many outputs the network has for each target."""
        if self.loss == "cross_entropy":
            return tuple(len(target.classes) for target in self.targets)
        return (len(self.quantiles) or 1,) * len(self.targets)

    @property
    def outputs(self) -> int:
        """How many outputs the network has."""
        return sum(self.sizes)

    @property
    def output_names(self) -> tuple[str, ...] | None:
        """What each output is for, where there are several."""
        if self.outputs == 1:
            return None
        prefixes = [f"{name} " if len(self.targets) > 1 else "" for name in self.names]
        if self.loss == "cross_entropy":
            return tuple(f"{prefix}{label}" for prefix, target in zip(prefixes, self.targets, strict=True) for label in target.classes)
        return tuple(f"{prefix}{q}".strip() for prefix in prefixes for q in self.quantiles or ("",))

    def place_of(self, name: str | None) -> int:
        """Return the place of the target of that name among the targets, the first one of ``None``; OptionError if there is none."""
        if name is None:
            return 0
        if name not in self.names:
            raise OptionError(f"{setting('of', name)}: the model predicts {listed(self.names)}.{nearest(name, self.names)}")
        return self.names.index(name)

    @property
    def headline(self) -> str:
        """The metric that a model is judged by where a person names none."""
        return {"pinball": "pinball", "poisson": "poisson_deviance"}.get(self.loss, SHOWN_METRICS[self.task][0])

    # for the training step

    @property
    def function(self) -> Callable[..., Any]:
        """The loss as a function of (prediction, y[, weights])."""
        if self.loss == "cross_entropy" and len(self.targets) > 1:
            return JointCrossEntropy(self.sizes)
        if self.loss == "pinball":
            return partial(losses.pinball, quantile=self.quantiles * len(self.targets))
        return losses.LOSSES[self.loss]

    def y_type(self, dtype: str) -> Type:
        """Return the type of y: class numbers, or one float for each output."""
        if self.loss != "cross_entropy":
            return Type(dtype, (B, self.outputs))
        return Type("int64", (B,) if len(self.targets) == 1 else (B, len(self.targets)))

    def encode(self, table: Table, dtype: str) -> Array:
        """Return y as the loss takes it; raises as :meth:`chainrule.data.target.Target.encode`."""
        columns = [target.encode(table, dtype) for target in self.targets]
        if self.loss == "cross_entropy":
            return columns[0] if len(columns) == 1 else np.stack(columns, axis=1)
        repeated = [np.repeat(column.reshape(-1, 1), len(self.quantiles) or 1, axis=1) for column in columns]
        return np.concatenate(repeated, axis=1).astype(dtype)

    def row_factors(self, table: Table) -> NDArray[np.float64] | None:
        """Return the product of the weights of each row's classes (rows,), or ``None`` if all classes count the same."""
        weighted = [np.array(target.class_weights)[target.encode(table)] for target in self.targets if target.class_weights]
        return np.prod(weighted, axis=0) if weighted else None

    # for answers

    def head(self, prediction: Any, buffers: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Return what inference makes of the network's outputs, traced or as arrays.

        ``prediction`` is the logits, divided by the temperature if there is one, or numbers in the units that y has; ``probabilities`` are
        those of all classes, side by side.
        """
        if self.task == "regression":
            return {"prediction": named(ops.exp(prediction), "rate") if self.loss == "poisson" else prediction}
        if buffers and TEMPERATURE in buffers:
            prediction = named(prediction / buffers[TEMPERATURE], "calibrated")
        if len(self.targets) == 1:
            return {"prediction": prediction, **head_of(self.loss)(prediction)}
        ends = np.cumsum(self.sizes).tolist()
        parts = [prediction[:, end - size : end] for size, end in zip(self.sizes, ends, strict=True)]
        return {
            "prediction": prediction,
            "probabilities": ops.concatenate([head_of(self.loss)(part)["probabilities"] for part in parts], axis=1),
        }

    def answers(self, results: Mapping[str, Array]) -> list[Array]:
        """Return for each target its probabilities (rows, classes), or its values (rows,) or (rows, quantiles) in its own units.

        Quantiles that cross are put in order, which makes none of them worse (Chernozhukov, Fernández-Val and Galichon 2010).
        """
        if self.task == "classification":
            return np.split(results["probabilities"], np.cumsum([len(target.classes) for target in self.targets])[:-1], axis=1)
        parts = np.split(results["prediction"], np.cumsum(self.sizes)[:-1], axis=1)
        values = [target.decode_values(part) for target, part in zip(self.targets, parts, strict=True)]
        return [np.sort(part, axis=1) if part.ndim == 2 else part for part in values]

    def decide(self, answers: Sequence[Array]) -> list[Array]:
        """Return for each target one answer a row: a label in its own type and spelling, or a number; of quantiles the one nearest to ½."""
        if self.task == "classification":
            return [t.decode_classes(decide(part, t.threshold)) for t, part in zip(self.targets, answers, strict=True)]
        return [part[:, middle(self.quantiles)] if part.ndim == 2 else part for part in answers]

    def by_target(self, parts: Sequence[Array]) -> Any:
        """Return what there is for each target: of one target alone, of several as a dict by their columns."""
        return parts[0] if len(parts) == 1 else dict(zip(self.names, parts, strict=True))

    def known_rows(self, table: Table) -> NDArray[np.int64]:
        """Return the rows in which no target is missing."""
        known = rows_with_target(table, *self.names)
        if not len(known):
            every = f"the target '{self.names[0]}' is" if len(self.targets) == 1 else f"one of the targets {listed(self.names)} is"
            raise DataError(f"{every} missing in all rows of {table.source}: nothing can be compared.")
        return known

    def truth(self, table: Table) -> list[Array]:
        """Return what is true: for each target the class numbers, or the values in its own units (rows,)."""
        return [target.encode(table) if self.task == "classification" else target.values(table) for target in self.targets]

    def measure(self, truth: Sequence[Array], answers: Sequence[Array], weights: Array | None) -> dict[str, dict[str, float]]:
        """Return for each target all its metrics by their names."""
        return {
            target.column.name: evaluate_predictions(self.task, true, answer, weights, threshold=target.threshold, quantiles=self.quantiles)
            for target, true, answer in zip(self.targets, truth, answers, strict=True)
        }

    def metric(self, name: str, truth: Sequence[Array], answers: Sequence[Array], weights: Array | None) -> float:
        """Return one metric, the mean over the targets."""
        each = zip(self.targets, truth, answers, strict=True)
        values = [METRICS[name](true, answer, weights, threshold=t.threshold, quantiles=self.quantiles) for t, true, answer in each]
        return float(np.mean(values))

    @property
    def thresholds(self) -> dict[str, float]:
        """The probability from which on the second class of a target is answered, for each target that has one."""
        return {target.column.name: target.threshold for target in self.targets if target.threshold is not None}

    def with_thresholds(self, thresholds: Sequence[float | None]) -> Goal:
        """Return the goal with these thresholds of its targets."""
        return replace(self, targets=tuple(replace(t, threshold=at) for t, at in zip(self.targets, thresholds, strict=True)))

    def to_json(self) -> dict[str, Any]:
        """Return the goal as JSON-ready data: ``target`` or ``targets``, ``loss`` and, if there are any, ``quantiles``."""
        targets = [target.to_json() for target in self.targets]
        named = {"target": targets[0]} if len(targets) == 1 else {"targets": targets}
        return named | {"loss": self.loss} | ({"quantiles": list(self.quantiles)} if self.quantiles else {})

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Goal:
        """Rebuild a goal from an object with :meth:`to_json`'s entries; raises :class:`FileFormatError` where they are damaged."""
        given = read_value(data["targets"] if "targets" in data else [data["target"]], list[Any], "targets")
        goal = cls(
            tuple(Target.from_json(target) for target in given),
            read_value(data["loss"], str, "loss"),
            read_value(data.get("quantiles", []), tuple[float, ...], "quantiles"),
        )
        if len({target.task for target in goal.targets}) != 1 or len(set(goal.names)) < len(given):
            raise FileFormatError("its targets do not fit each other.")
        ascending = all(low < high for low, high in zip((0.0, *goal.quantiles), (*goal.quantiles, 1.0), strict=True))
        if bool(goal.quantiles) != (goal.loss == "pinball") or not ascending:
            raise FileFormatError(f"its quantiles do not fit its loss, {goal.loss[:40]}.")
        choose_loss(goal.targets, goal.loss)
        return goal


def mean_metrics(measured: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Return the mean over targets of the metrics that all of them have, as scikit-learn's uniform average."""
    shared = [name for name in measured[0] if all(name in metrics for metrics in measured)]
    return {name: float(np.mean([metrics[name] for metrics in measured])) for name in shared}
