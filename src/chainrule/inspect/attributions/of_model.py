"""What a model goes by as a whole: which columns matter to it, and how its answers depend on each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.data.target import rows_with_target
from chainrule.errors import DataError
from chainrule.inspect.attributions.answers import Answers, Rows
from chainrule.inspect.attributions.dependence import Dependence, partial_dependence
from chainrule.inspect.attributions.importance import REPEATS, permutation_importance
from chainrule.inspect.attributions.of_row import sample_rows, word
from chainrule.training.metrics import METRICS
from chainrule.training.model import Model, row_weights
from chainrule.training.tasks import SHOWN_METRICS

SHOWN_CURVES = 8
"""Without ``everything``, the dependence on so many columns is found: the most important ones."""
_MOST_ROWS = 2000
_MEAN_ROWS = 200  # of a partial dependence


@dataclass(frozen=True)
class Importance:
    """How much worse the metric becomes when a column is shuffled: the mean and the standard deviation over the repeats."""

    column: str
    mean: float
    spread: float


@dataclass(frozen=True)
class ModelExplanation:
    """What a model goes by as a whole.

    Attributes:
        source, rows: the table, and how many of its rows were used, all with a known target.
        target: the column whose answers are explained. ``others``: those that the model predicts beside it.
        classes: the target's classes as words, none for a regression.
        metric, value: the task's metric on these rows, as they are.
        importances: of all columns, the most important first.
        dependences: of the columns asked for, in the same order.
    """

    source: str
    rows: int
    target: str
    others: tuple[str, ...]
    classes: tuple[str, ...]
    metric: str
    value: float
    importances: tuple[Importance, ...]
    dependences: tuple[Dependence, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the explanation as JSON-ready data."""
        return {
            "target": self.target,
            "rows": self.rows,
            "metric": self.metric,
            "value": self.value,
            "repeats": REPEATS,
            "importance": {part.column: {"mean": part.mean, "spread": part.spread} for part in self.importances},
            "classes": list(self.classes),
            "dependence": {part.column: {"cells": list(part.cells), "answers": part.answers.tolist()} for part in self.dependences},
        }


def explain_model(model: Model, data: Any, *, of: str | None = None, seed: int = 0, everything: bool = False) -> ModelExplanation:
    """Say what a model goes by: the permutation importance of each column, and how the mean answer depends on those that matter most.

    Importance is measured on rows whose target is known, 2,000 of them at most, by accuracy or rmse: how much worse it becomes.

    Args:
        model: a trained model, or one from a file.
        data: a file's path, the name of a bundled data set, or a data frame of raw rows with the target.
        of: the target that is explained, where the model has several; the first one unless given.
        seed: of what is sampled: the rows, and how columns are shuffled.
        everything: the dependence on every column, not only on the 8 that matter most.

    Raises:
        OptionError: there is no such target.
        DataError: a column is missing, a cell cannot be read, or no row has a known target.
    """
    table = model.table(data)
    answers = Answers(model, of)
    target = answers.target
    known = rows_with_target(table, target.column.name)
    if not len(known):
        raise DataError(f"the target '{target.column.name}' is missing in all rows of {table.source}: no importance can be measured.")
    part = table.take(known[sample_rows(len(known), _MOST_ROWS, seed)])
    x = model.encoder.transform(part, "float64")
    truth = target.encode(part) if answers.classifies else target.values(part)
    weights = row_weights(part, model.weight)
    metric = METRICS[SHOWN_METRICS[target.task][0]]
    sign = 1 if metric.greater_is_better else -1

    def goodness(rows: Rows) -> float:
        return sign * metric(truth, answers.outputs(rows), weights, threshold=target.threshold)

    changes = permutation_importance(goodness, x, answers.groups, seed=seed)
    order = np.argsort(-changes.mean(0), kind="stable")
    spreads = changes.std(0, ddof=1)
    some = x[sample_rows(len(x), _MEAN_ROWS, seed)]
    chosen = order if everything else order[:SHOWN_CURVES]
    return ModelExplanation(
        source=table.source,
        rows=part.rows,
        target=target.column.name,
        others=tuple(name for name in model.goal.names if name != target.column.name),
        classes=tuple(map(word, target.classes)),
        metric=metric.name,
        value=sign * goodness(x),
        importances=tuple(Importance(answers.columns[i], float(changes[:, i].mean()), float(spreads[i])) for i in order),
        dependences=tuple(partial_dependence(answers.outputs, some, answers.groups[i], model.encoder.codes[i], part) for i in chosen),
    )
