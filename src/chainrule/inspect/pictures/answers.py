"""Answers beside the truth: confusion or residuals, calibration, the rows with the worst answers, importances."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.data.measures.sampling import evenly_spaced
from chainrule.data.target import Target
from chainrule.inspect.attributions.of_model import explain_model
from chainrule.inspect.pictures.kinds import Bars, Listing, Matrix, Points
from chainrule.training.calibration import Calibration, calibration_of
from chainrule.training.metrics import decide, middle
from chainrule.training.model import Model
from chainrule.training.prepare import Part, Prepared

WORST, MOST_POINTS, _MOST_BARS, _MOST_CELLS = 10, 2000, 20, 8


@dataclass(frozen=True)
class Judged:
    """The answers of a model for one target on the rows of one part."""

    part: str
    rows: Part
    target: Target
    truth: np.ndarray
    answer: np.ndarray
    quantiles: tuple[float, ...] = ()

    @property
    def name(self) -> str:
        """The column of the target."""
        return self.target.column.name

    @property
    def values(self) -> np.ndarray:
        """The values that are answered, of quantiles the one nearest to ½."""
        return self.answer[:, middle(self.quantiles)] if self.answer.ndim == 2 else self.answer

    @property
    def of_classes(self) -> bool:
        """Whether the answers are probabilities."""
        return self.target.task == "classification"

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes as people write them."""
        return tuple(str(label).lower() if isinstance(label, bool) else str(label) for label in self.target.classes)

    @property
    def decided(self) -> np.ndarray:
        """The number of the class that is answered."""
        return decide(self.answer, self.target.threshold)

    @property
    def calibration(self) -> Calibration:
        """How well the confidence of answers agrees with how often they are right."""
        return calibration_of(self.truth, self.answer)


def judge_answers(model: Model, prepared: Prepared) -> list[Judged]:
    """Return the answers for each target, on test rows, where there are none on validation rows, and else on training rows."""
    part = "test" if prepared.test is not None else "valid" if prepared.valid is not None else "train"
    rows: Part = getattr(prepared, part)
    answers, truths = model.answers(rows.table), model.goal.truth(rows.table)
    said = {"test": "test", "valid": "validation", "train": "training"}[part]
    return [Judged(said, rows, *each, model.goal.quantiles) for each in zip(model.goal.targets, truths, answers, strict=True)]


def confusion(one: Judged) -> Matrix:
    """Return how many rows of each class have which answer."""
    size = len(one.classes)
    counts = np.bincount(one.truth * size + one.decided, minlength=size**2).reshape(size, -1)
    says = f"True classes (lines) and answers (columns), {one.part} rows; the darker a cell, the larger its share of the line"
    return Matrix(one.classes, counts, says)


def calibration(one: Judged) -> Points:
    """Return the accuracy of answers by their confidence: on the diagonal both are equal."""
    found = one.calibration
    says = (
        f"The expected calibration error is {found.ece:.3f}: by so much the confidence of an answer and how often such answers are right "
        f"differ, on average over the {one.part} rows. 0 is best. The larger a point, the more rows it stands for; on the line both are "
        "equal."
    )
    confidence, accuracy, rows = (np.array([getattr(b, name) for b in found.bins]) for name in ("confidence", "accuracy", "rows"))
    return Points(confidence, accuracy, says, "mean confidence", "accuracy", diagonal=True, shares=rows / rows.max())


def residuals(one: Judged) -> Points:
    """Return answers against the truth."""
    values = one.values
    errors = values - one.truth
    shown = evenly_spaced(len(values), MOST_POINTS)
    spread = float(np.sqrt(np.mean(np.square(errors))))
    says = (
        f"Answers against the truth, {len(shown):,} {one.part} rows. The root mean squared error is {spread:.4g}, the mean error "
        f"{errors.mean():.4g}; half of the errors are between {np.quantile(errors, 0.25):.4g} and {np.quantile(errors, 0.75):.4g}. "
        "On the line they are equal."
    )
    return Points(one.truth[shown].astype(np.float64), values[shown].astype(np.float64), says, f"true {one.name}", "answer", diagonal=True)


def importances(model: Model, one: Judged) -> Bars:
    """Return how much worse the answers become when the cells of a column are shuffled, for the 20 columns that matter most."""
    found = explain_model(model, one.rows.table, of=one.name)
    shown = found.importances[:_MOST_BARS]
    left = f" The first {len(shown)} of {len(found.importances)} columns." if len(shown) < len(found.importances) else ""
    says = (
        f"How much worse the {found.metric} ({found.value:.4g}) becomes when the cells of one column are shuffled: the mean over the "
        f"repeats and, as a line, its standard deviation. Columns that say the same stand in for one another.{left}"
    )
    return Bars({part.column: (part.mean, part.spread) for part in shown}, says, f"change of {found.metric}")


def worst(model: Model, one: Judged, count: int = WORST) -> Listing:
    """Return the rows whose answers are farthest from the truth."""
    columns = list(dict.fromkeys(model.encoder.sources.values()))[:_MOST_CELLS]
    if one.of_classes:
        given = one.answer[np.arange(len(one.truth)), one.truth]
        order = np.argsort(given, kind="stable")[:count]
        own, words, decided = ("probability of the truth",), one.classes, one.decided
        facts = [(words[one.truth[i]], words[decided[i]], f"{given[i]:.4f}") for i in order]
    else:
        values, own = one.values, ("error",)
        order = np.argsort(-np.abs(values - one.truth), kind="stable")[:count]
        facts = [(f"{one.truth[i]:.6g}", f"{values[i]:.6g}", f"{values[i] - one.truth[i]:+.4g}") for i in order]
    frame = one.rows.table.frame
    cells = [[_cell(frame[name][int(i)]) for name in columns] for i in order]
    rows = tuple((one.rows.table.place(int(i)), *fact, *cell) for i, fact, cell in zip(order, facts, cells, strict=True))
    says = f"The {len(rows)} {one.part} rows whose answers are farthest from the truth: mistakes of the network, or of the table"
    return Listing(("row", "true", "answer", *own, *columns), rows, says)


def _cell(value: Any) -> str:
    text = "" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)
    return text if len(text) <= 40 else f"{text[:39]}…"
