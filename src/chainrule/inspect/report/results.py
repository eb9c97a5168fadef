"""The part of a report that looks at answers: confusion or residuals, calibration, the rows with the worst answers, importances."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.data.measures.sampling import evenly_spaced
from chainrule.data.target import Target
from chainrule.inspect.attributions.of_model import explain_model
from chainrule.inspect.report.charts import bars, scatter
from chainrule.inspect.report.page import figure, section, sentence, table
from chainrule.training.calibration import calibration_of
from chainrule.training.metrics import decide, middle
from chainrule.training.model import Model
from chainrule.training.prepare import Part, Prepared

MOST_CLASSES, WORST, MOST_POINTS = 30, 10, 2000
_MOST_CELLS = 8


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
    def values(self) -> np.ndarray:
        """The values that are answered, of quantiles the one nearest to ½."""
        return self.answer[:, middle(self.quantiles)] if self.answer.ndim == 2 else self.answer

    @property
    def of_classes(self) -> bool:
        """Whether the answers are probabilities."""
        return self.target.task == "classification"


def result_sections(model: Model, prepared: Prepared) -> Iterator[str]:
    """Yield the sections: for each target how its answers differ from the truth, then what matters, and the worst answers."""
    part = "test" if prepared.test is not None else "valid" if prepared.valid is not None else "train"
    rows: Part = getattr(prepared, part)
    answers, truths = model.answers(rows.table), model.goal.truth(rows.table)
    said = {"test": "test", "valid": "validation", "train": "training"}[part]
    judged = [Judged(said, rows, *each, model.goal.quantiles) for each in zip(model.goal.targets, truths, answers, strict=True)]
    for one in judged:
        of = f" of {one.target.column.name}" if len(judged) > 1 else ""
        if one.of_classes:
            yield section(f"Confusion{of}", _confusion(one))
            yield section(f"Calibration{of}", _calibration(one))
        else:
            yield section(f"Residuals{of}", _residuals(one))
    for one in judged:
        of = f" to {one.target.column.name}" if len(judged) > 1 else ""
        yield section(f"What matters{of}", _importances(model, rows, one.target.column.name))
    for one in judged:
        of = f" of {one.target.column.name}" if len(judged) > 1 else ""
        yield section(f"The worst answers{of}", _worst(model, one))


def _confusion(one: Judged) -> str:
    classes = [_label(label) for label in one.target.classes]
    predicted = decide(one.answer, one.target.threshold)
    if len(classes) > MOST_CLASSES:
        wrong = one.truth != predicted
        pairs, counts = np.unique(np.stack([one.truth[wrong], predicted[wrong]], axis=1), axis=0, return_counts=True)
        order = np.argsort(-counts, kind="stable")[:20]
        frequent = [(classes[pairs[i, 0]], classes[pairs[i, 1]], f"{counts[i]:,}") for i in order]
        return table(("true", "answered", "rows"), frequent, f"The most frequent confusions of {len(classes)} classes, {one.part} rows")
    counts = np.bincount(one.truth * len(classes) + predicted, minlength=len(classes) ** 2).reshape(len(classes), -1)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    rows = [[name, *(f"{count:,}" for count in line)] for name, line in zip(classes, counts, strict=True)]
    return table(
        ("true", *classes),
        rows,
        f"True classes (lines) and answers (columns), {one.part} rows; the darker a cell, the larger its share of the line",
        shades=[[0.0, *line] for line in shares],
    )


def _calibration(one: Judged) -> str:
    found = calibration_of(one.truth, one.answer)
    rows = [
        (f"{b.low:.2f} to {b.high:.2f}", f"{b.rows:,}", f"{b.confidence:.3f}", f"{b.accuracy:.3f}", f"{b.accuracy - b.confidence:+.3f}")
        for b in found.bins
    ]
    says = (
        f"The expected calibration error is {found.ece:.3f}: by so much the confidence of an answer and how often such answers are right "
        f"differ, on average over the {one.part} rows. 0 is best."
    )
    return sentence(says) + table(("confidence", "rows", "mean confidence", "accuracy", "difference"), rows, "Confidence and accuracy")


def _residuals(one: Judged) -> str:
    values = one.values
    errors = values - one.truth
    shown = evenly_spaced(len(values), MOST_POINTS)
    name = one.target.column.name
    spread = float(np.sqrt(np.mean(np.square(errors))))
    says = (
        f"Answers against the truth, {len(shown):,} {one.part} rows. The root mean squared error is {spread:.4g}, the mean error "
        f"{errors.mean():.4g}; half of the errors are between {np.quantile(errors, 0.25):.4g} and {np.quantile(errors, 0.75):.4g}."
    )
    chart = scatter(one.truth[shown], values[shown], says, x=f"true {name}", y="answer", diagonal=True)
    return figure(chart, says + " On the line they are equal.")


def _importances(model: Model, rows: Part, target: str) -> str:
    found = explain_model(model, rows.table, of=target)
    shown = found.importances[:20]
    says = (
        f"How much worse the {found.metric} ({found.value:.4g}) becomes when the cells of one column are shuffled: the mean over the "
        "repeats and, as a line, its standard deviation. Columns that say the same stand in for one another."
    )
    left = f" The first {len(shown)} of {len(found.importances)} columns." if len(shown) < len(found.importances) else ""
    says_short = ", ".join(f"{part.column} {part.mean:.3g}" for part in shown[:5])
    return figure(bars({part.column: (part.mean, part.spread) for part in shown}, f"Importances: {says_short}"), says + left)


def _worst(model: Model, one: Judged) -> str:
    columns = list(dict.fromkeys(model.encoder.sources.values()))[:_MOST_CELLS]
    if one.of_classes:
        given = one.answer[np.arange(len(one.truth)), one.truth]
        order = np.argsort(given, kind="stable")[:WORST]
        heads = ("row", "true", "answer", "probability of the truth", *columns)
        words = [_label(label) for label in one.target.classes]
        predicted = decide(one.answer, one.target.threshold)
        facts: list[tuple[str, str, str]] = [(words[one.truth[i]], words[predicted[i]], f"{given[i]:.4f}") for i in order]
    else:
        values = one.values
        order = np.argsort(-np.abs(values - one.truth), kind="stable")[:WORST]
        heads = ("row", "true", "answer", "error", *columns)
        facts = [(f"{one.truth[i]:.6g}", f"{values[i]:.6g}", f"{values[i] - one.truth[i]:+.4g}") for i in order]
    frame = one.rows.table.frame
    cells = [[_cell(frame[name][int(i)]) for name in columns] for i in order]
    rows = [(one.rows.table.place(int(i)), *fact, *own) for i, fact, own in zip(order, facts, cells, strict=True)]
    caption = f"The {len(rows)} {one.part} rows whose answers are farthest from the truth: mistakes of the network, or of the table"
    return table(heads, rows, caption)


def _label(label: Any) -> str:
    return str(label).lower() if isinstance(label, bool) else str(label)


def _cell(value: Any) -> str:
    text = "" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)
    return text if len(text) <= 40 else f"{text[:39]}…"
