"""The part of a report that looks at answers: confusion or residuals, calibration, importances, the rows with the worst answers."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from chainrule.inspect.pictures.answers import Judged, calibration, confusion, importances, judge_answers, residuals, worst
from chainrule.inspect.pictures.kinds import Listing
from chainrule.inspect.report.charts import bars, scatter
from chainrule.inspect.report.page import figure, section, table
from chainrule.training.model import Model
from chainrule.training.prepare import Prepared

MOST_CLASSES, _MOST_CONFUSIONS = 30, 20


def result_sections(model: Model, prepared: Prepared) -> Iterator[str]:
    """Yield the sections: for each target how its answers differ from the truth, then what matters, and the worst answers."""
    judged = judge_answers(model, prepared)
    several = len(judged) > 1
    for one in judged:
        of = f" of {one.name}" if several else ""
        if one.of_classes:
            yield section(f"Confusion{of}", _confusion(one))
            yield section(f"Calibration{of}", _calibration(one))
        else:
            shown = residuals(one)
            yield section(f"Residuals{of}", figure(scatter(shown), shown.says))
    for one in judged:
        mattering = importances(model, one)
        yield section(f"What matters{f' to {one.name}' if several else ''}", figure(bars(mattering), mattering.says))
    for one in judged:
        yield section(f"The worst answers{f' of {one.name}' if several else ''}", _listing(worst(model, one)))


def _confusion(one: Judged) -> str:
    found = confusion(one)
    if len(found.names) <= MOST_CLASSES:
        rows = [(name, *(f"{count:,}" for count in line)) for name, line in zip(found.names, found.counts, strict=True)]
        return table(("true", *found.names), rows, found.says, shades=[[0.0, *line] for line in found.shares])
    wrong = found.counts * ~np.eye(len(found.names), dtype=bool)
    order = np.argsort(-wrong, axis=None, kind="stable")[:_MOST_CONFUSIONS]
    pairs = [(i, j) for i, j in zip(*np.unravel_index(order, wrong.shape), strict=True) if wrong[i, j]]
    frequent = [(found.names[i], found.names[j], f"{wrong[i, j]:,}") for i, j in pairs]
    return table(("true", "answered", "rows"), frequent, f"The most frequent confusions of {len(found.names)} classes, {one.part} rows")


def _calibration(one: Judged) -> str:
    shown = calibration(one)
    rows = [
        (f"{b.low:.2f} to {b.high:.2f}", f"{b.rows:,}", f"{b.confidence:.3f}", f"{b.accuracy:.3f}", f"{b.accuracy - b.confidence:+.3f}")
        for b in one.calibration.bins
    ]
    heads = ("confidence", "rows", "mean confidence", "accuracy", "difference")
    return figure(scatter(shown), shown.says) + table(heads, rows, "Confidence and accuracy")


def _listing(listing: Listing) -> str:
    return table(listing.heads, listing.rows, listing.says)
