"""What a model is worth on each part of the rows, and the baselines beside it."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from chainrule.data.measures.sampling import evenly_spaced
from chainrule.data.target import Target
from chainrule.training.baselines import MOST_ENTRIES, baselines
from chainrule.training.goal import mean_metrics
from chainrule.training.model import Model
from chainrule.training.prepare import Part, Prepared
from chainrule.training.trees import Trees

Metrics = dict[str, float]


def measures(model: Model, prepared: Prepared, beside: Beside | None) -> dict[str, Any]:
    """Measure the model and the baselines on the parts; of several targets the mean, and each under ``targets``."""
    parts = {"train": prepared.train, "valid": prepared.valid, "test": prepared.test}
    assessed = {name: model.assess(part.table, np.arange(part.table.rows)) for name, part in parts.items() if part is not None}
    found: dict[str, Any] = {name: assessment.metrics for name, assessment in assessed.items()}
    if beside is not None:
        found["baselines"] = beside.mean
    if len(prepared.goal.targets) > 1:
        found["targets"] = {
            target: {name: assessment.targets[target] for name, assessment in assessed.items()}
            | ({} if beside is None else {"baselines": beside.of_each[number]})
            for number, target in enumerate(prepared.goal.names)
        }
    if model.temperature:
        found["temperature"] = dict(zip(prepared.goal.names, model.temperature, strict=True))
    if model.goal.task == "classification":
        found["calibration_error"] = {
            name: float(np.mean([table.ece for table in assessment.calibration.values()])) for name, assessment in assessed.items()
        }
    return found | ({"threshold": model.goal.thresholds} if model.goal.thresholds else {})


class Beside:
    """The baselines of a training, on the rows that the network is judged on: the test rows, or the validation rows where there are none,
    or the training rows where there are none of either.

    With ``trees`` those of the first target grow while the network trains. They answer for rows that are held out, and not for quantiles.
    """

    def __init__(self, prepared: Prepared, trees: Trees | None) -> None:
        self._prepared = prepared
        self._held_out = prepared.test or prepared.valid
        self._trees = None if self._held_out is None or prepared.goal.quantiles else trees
        self._grow(0)

    @cached_property
    def of_each(self) -> list[dict[str, Metrics]]:
        """The metrics of each baseline, for each target."""
        found = []
        for number in range(len(self._prepared.goal.targets)):
            if number:
                self._grow(number)
            found.append(self._baselines(number))
        return found

    @property
    def mean(self) -> dict[str, Metrics]:
        """The metrics of each baseline, of several targets the mean."""
        names = [name for name in self.of_each[0] if all(name in one for one in self.of_each)]
        return {name: mean_metrics([one[name] for one in self.of_each]) for name in names}

    def _grow(self, number: int) -> None:
        if self._trees is None or self._held_out is None:
            return
        target, train = self._prepared.goal.targets[number], self._prepared.train
        rows = evenly_spaced(len(train.x), MOST_ENTRIES // max(1, train.x.shape[1]))
        weights = None if train.weights is None else train.weights[rows]
        truth = _truth(target, train)[rows]
        counted = self._prepared.goal.loss == "poisson"
        self._trees.grow(target.task, train.x[rows], truth, self._held_out.x, len(target.classes), weights, counted)

    def _baselines(self, number: int) -> dict[str, Metrics]:
        target, train = self._prepared.goal.targets[number], self._prepared.train
        test = self._held_out or train
        return baselines(
            target.task,
            train.x,
            _truth(target, train),
            test.x,
            _truth(target, test),
            classes=len(target.classes),
            weights=train.weights,
            test_weights=test.weights,
            quantiles=self._prepared.goal.quantiles,
            counted=self._prepared.goal.loss == "poisson",
            trees=None if self._trees is None else self._trees.predictions(),
        )


def _truth(target: Target, part: Part) -> np.ndarray:
    return target.encode(part.table) if target.task == "classification" else target.values(part.table)
