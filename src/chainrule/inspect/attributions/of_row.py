"""Why a model answers what it answers for one row."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.data.cells import spelled
from chainrule.data.table import Table
from chainrule.data.target import Target
from chainrule.errors import DataError, OptionError
from chainrule.inspect.attributions.answers import Answers
from chainrule.inspect.attributions.gradients import integrated_gradients
from chainrule.inspect.attributions.neighbors import distances, nearest
from chainrule.inspect.attributions.shapley import MOST_EXACT, shapley_values
from chainrule.training.metrics import decide
from chainrule.training.model import Model
from chainrule.words import setting

BACKGROUND = 100
"""So many rows, at most, are what a row is compared with."""
_NEIGHBORS = 5
NEIGHBORS_AMONG = 100_000
"""The nearest rows are looked for among so many, the first ones."""
_PART = 4096  # rows that are encoded at once, so that memory stays bounded


@dataclass(frozen=True)
class Contribution:
    """What one column contributes: its cell as written (``None`` if it is missing), its Shapley value, the standard error of that if it
    was sampled, and its integrated gradients."""

    column: str
    cell: str | None
    shapley: float
    error: float | None
    gradients: float


@dataclass(frozen=True)
class Neighbor:
    """A row of the table, its distance by the last hidden layer, what the model answers to it, and what is true, where that is known."""

    row: int
    distance: float
    answer: Any
    truth: str | None


@dataclass(frozen=True)
class RowExplanation:
    """Why a model answers what it answers for one row.

    ``prediction`` and ``baseline`` are log-odds of the answer, or values in the target's units: see ``label``. The contributions stand in
    the table's order and add up to ``prediction`` − ``baseline``: the Shapley values exactly, the integrated gradients but for ``gap``.

    Attributes:
        row, place: the row, from 0, and where it is. ``target``: the column whose answer is explained. ``others``: those that the model
            predicts beside it.
        answer: what the model says; ``truth``: what the table says, if it does.
        label: the class whose log-odds are explained, as a word; ``None`` for a regression.
        source, rows: which table the background is from, and how many rows it has.
        exact: whether the Shapley values are; ``tried``: of how many sets, or sampled orders, of the columns they are made.
        points: where gradients were taken, on all lines together.
        table: the table of the row. ``searched``: among how many of its rows, the first ones, the nearest were looked for.
        neighbors: the rows of the table that are most alike to the model.
    """

    row: int
    place: str
    target: str
    others: tuple[str, ...]
    answer: Any
    truth: str | None
    label: str | None
    prediction: float
    baseline: float
    contributions: tuple[Contribution, ...]
    gap: float
    exact: bool
    tried: int
    points: int
    source: str
    rows: int
    table: str
    searched: int
    neighbors: tuple[Neighbor, ...]

    @property
    def difference(self) -> float:
        """What the contributions add up to."""
        return self.prediction - self.baseline

    @property
    def gap_share(self) -> float:
        """The gap of the integrated gradients as a share of the difference."""
        return self.gap / abs(self.difference) if self.difference else math.inf if self.gap else 0.0

    def to_json(self) -> dict[str, Any]:
        """Return the explanation as JSON-ready data."""
        classified: dict[str, Any] = {}
        if self.label is not None:
            chances = {"probability": probability(self.prediction), "baseline_probability": probability(self.baseline)}
            classified = {"class": self.label, **chances}
        errors = {} if self.exact else {"standard_errors": {part.column: part.error for part in self.contributions}}
        return {
            "row": self.row,
            "target": self.target,
            "answer": self.answer,
            "truth": self.truth,
            "unit": "log-odds" if self.label is not None else f"units of {self.target}",
            **classified,
            "prediction": self.prediction,
            "baseline": self.baseline,
            "difference": self.difference,
            "cells": {part.column: part.cell for part in self.contributions},
            "shapley": {part.column: part.shapley for part in self.contributions},
            "exact": self.exact,
            **errors,
            "integrated_gradients": {part.column: part.gradients for part in self.contributions},
            "gap": self.gap,
            "gap_share": self.gap_share,
            "background": {"source": self.source, "rows": self.rows},
            "nearest": [{"row": n.row, "distance": n.distance, "prediction": n.answer, "truth": n.truth} for n in self.neighbors],
        }


def explain_row(model: Model, data: Any, row: int, *, of: str | None = None, background: Any = None, seed: int = 0) -> RowExplanation:
    """Say why a model answers what it answers for one row: what each column contributes, and which rows are alike.

    A classification is explained by the log-odds ln(p / (1 − p)) of the class that is answered. Contributions add up there: a probability
    is flat near 0 and 1, so that its gradients vanish just where the model is sure.

    Args:
        model: a trained model, or one from a file.
        data: a file's path, the name of a bundled data set, or a data frame of raw rows; the target may be absent.
        row: the row, from 0.
        of: the target whose answer is explained, where the model has several; the first one unless given.
        background: the rows that it is compared with, given like ``data``; those of ``data`` unless given. At most 100 of them are used.
        seed: of what is sampled: the background, and with more than 12 columns their orders.

    Raises:
        OptionError: there is no such row, or no such target.
        DataError: a column is missing, a cell cannot be read, or there is nothing to compare the row with.
        FileFormatError: the model's answers are NaN or infinite.
    """
    table = model.table(data)
    if not isinstance(row, (int, np.integer)) or isinstance(row, bool) or not 0 <= row < table.rows:
        raise OptionError(f"{setting('row', row)}: {table.source} has {table.rows:,} rows, 0 to {table.rows - 1}.")
    row = int(row)
    answers = Answers(model, of)
    target, outputs = answers.target, answers.outputs
    x = model.encoder.transform(table.take([row]), "float64")[0]
    compared, starts = _background(model, table, background, seed)
    label = int(decide(outputs(x[None]), target.threshold)[0]) if answers.classifies else None
    explained = answers.explained(label)
    found = shapley_values(explained, x, starts, answers.groups, seed)
    integrated = integrated_gradients(explained.gradient, x, starts)
    cells = [spelled(table.frame[name][row : row + 1])[0] for name in answers.columns]
    contributions = (
        Contribution(
            name,
            cells[number],
            float(found.values[number]),
            None if found.errors is None else float(found.errors[number]),
            float(integrated.values[places].sum()),
        )
        for number, (name, places) in enumerate(zip(answers.columns, answers.groups, strict=True))
    )
    return RowExplanation(
        row=row,
        place=table.place(row),
        target=target.column.name,
        others=tuple(name for name in model.goal.names if name != target.column.name),
        answer=answers.decide(outputs(x[None]))[0],
        truth=_truth(target, table, row),
        label=None if label is None else word(target.classes[label]),
        prediction=found.prediction,
        baseline=found.baseline,
        contributions=tuple(contributions),
        gap=integrated.gap,
        exact=len(answers.columns) <= MOST_EXACT,
        tried=found.tried,
        points=integrated.points,
        source=compared.source,
        rows=len(starts),
        table=table.source,
        searched=min(table.rows, NEIGHBORS_AMONG),
        neighbors=tuple(_neighbors(model, answers, table, row)),
    )


def probability(log_odds: float) -> float:
    """Return the probability of log-odds: 1 / (1 + exp(−log-odds))."""
    return 1 / (1 + math.exp(-log_odds)) if log_odds > 0 else math.exp(log_odds) / (1 + math.exp(log_odds))


def word(label: Any) -> str:
    """Write a class as in predictions."""
    return str(label).lower() if isinstance(label, bool) else str(label)


def sample_rows(rows: int, most: int, seed: int) -> NDArray[np.int64]:
    """Return so many of the rows, at most, in ascending order."""
    if rows <= most:
        return np.arange(rows)
    return np.sort(np.random.default_rng(seed).choice(rows, most, replace=False))


def _background(model: Model, table: Table, background: Any, seed: int) -> tuple[Table, NDArray[np.float64]]:
    compared = table if background is None else model.table(background)
    if compared.rows == 0:
        raise DataError(f"{compared.source} has no rows: there is nothing to compare the row with.")
    if background is None and table.rows == 1:
        raise DataError(
            f"{table.source} has one row and nothing to compare it with; name a table of other rows: {setting('background', 'FILE')}."
        )
    chosen = sample_rows(compared.rows, BACKGROUND, seed)
    return compared, model.encoder.transform(compared.take(chosen), "float64")


def _truth(target: Target, table: Table, row: int) -> str | None:
    name = target.column.name
    if name not in table.frame.columns:
        return None
    cell: str | None = spelled(table.frame[name][row : row + 1])[0]
    return cell


def _neighbors(model: Model, answers: Answers, table: Table, row: int) -> list[Neighbor]:
    own = answers.hidden(model.encoder.transform(table.take([row]), "float64"))[0]
    starts = range(0, min(table.rows, NEIGHBORS_AMONG), _PART)
    parts = (model.encoder.transform(table.part(start, min(start + _PART, NEIGHBORS_AMONG)), "float64") for start in starts)
    found = nearest(np.concatenate([distances(answers.hidden(part), own) for part in parts]), row, _NEIGHBORS)
    if not found:
        return []
    said = answers.decide(answers.outputs(model.encoder.transform(table.take([place for place, _ in found]), "float64")))
    return [
        Neighbor(place, distance, answer, _truth(answers.target, table, place))
        for (place, distance), answer in zip(found, said, strict=True)
    ]
