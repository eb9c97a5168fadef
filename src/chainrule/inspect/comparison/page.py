"""A comparison as a page: one HTML file that needs nothing else, with the looks of a report."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from chainrule.errors import OptionError
from chainrule.inspect.comparison.comparison import Comparison
from chainrule.inspect.comparison.pairs import Flips, Pair
from chainrule.inspect.pictures.kinds import Lines
from chainrule.inspect.report.charts import COLORS, line_charts
from chainrule.inspect.report.page import figure, page, part, section, sentence, table
from chainrule.training.events import History
from chainrule.training.files import write_atomically
from chainrule.words import setting

_PARTS = {"train": "training", "valid": "validation", "test": "test"}


def write_comparison(comparison: Comparison, out: str | Path) -> Path:
    """Write a comparison as one HTML file and return its path.

    Raises:
        OptionError: it cannot be written.
    """
    path = Path(out)
    if path.is_dir():
        raise OptionError(f"{setting('out', path)} is a folder; name a file in it.")
    try:
        write_atomically(path, comparison_html(comparison).encode())
    except OSError as error:
        raise OptionError(f"the comparison cannot be written to {path}: {error.strerror or error}; name another file.") from error
    return path


def comparison_html(comparison: Comparison) -> str:
    """Return a comparison as the text of one HTML file."""
    title = f"{len(comparison.runs)} runs that predict {comparison.target}"
    return page(title, f"Compared by Chainrule, each with {comparison.runs[0]}.", list(comparison_sections(comparison)))


def comparison_sections(found: Comparison) -> Iterator[str]:
    """Yield the sections of the page."""
    said = "".join(sentence(text, "bad") for text in found.said)
    verdicts = "".join(sentence(pair.verdict) for pair in found.pairs) or sentence(found.verdict)
    yield section("Which is better", verdicts + "".join(sentence(str(spread)) for spread in found.spreads) + said)
    rows = [(setting.name, *map(setting_text, setting.values)) for setting in found.settings]
    alike = sentence("All options and versions are the same.")
    yield section("What differs", table(("setting", *found.runs), rows, "Options and versions that differ") if rows else alike)
    yield section("Metrics", "".join(_metrics(found, name) for name in found.metrics))
    yield section("Courses", _courses(found))
    yield section("Where the answers differ", "".join(_pair(pair) for pair in found.pairs))


def setting_text(value: Any) -> str:
    """Return the value of a setting as people write it."""
    if value is None or value == []:
        return "none"
    return ",".join(map(str, value)) if isinstance(value, list) else str(value).lower() if isinstance(value, bool) else str(value)


def watched(history: History) -> tuple[str, list[float]]:
    """Return the loss that tells most of a course, by name and for each epoch: on validation rows where there are some."""
    if history.epochs and "loss" in history.epochs[-1].valid:
        return "validation loss", [epoch.valid.get("loss", float("nan")) for epoch in history.epochs]
    return "training loss", [epoch.loss for epoch in history.epochs]


def _metrics(found: Comparison, name: str) -> str:
    lines = found.metrics[name].items()
    rows = [(metric, *("" if value is None else f"{value:.4g}" for value in values)) for metric, values in lines]
    return table(("metric", *found.runs), rows, f"On the {_PARTS[name]} rows of each run")


def _courses(found: Comparison) -> str:
    charts = []
    for kind in ("validation loss", "training loss"):
        series = {}
        for name, history in zip(found.runs, found.histories, strict=True):
            values = [epoch.loss for epoch in history.epochs] if kind == "training loss" else watched(history)[1]
            if history.epochs and (kind == "training loss" or watched(history)[0] == kind):
                series[name] = (np.array([e.epoch for e in history.epochs], np.float64), np.array(values, np.float64))
        names = list(series)
        for at in range(0, len(names), COLORS):
            group = {name: series[name] for name in names[at : at + COLORS]}
            ends = ", ".join(f"{name} {ys[-1]:.4g} after {len(ys)} epochs" for name, (_, ys) in group.items())
            says = f"The {kind} by epoch: {ends}."
            charts.append(figure(line_charts(Lines(group, says, "epoch", kind, logarithmic=True)), says))
    return "".join(charts)


def _pair(pair: Pair) -> str:
    parts = []
    for flips in pair.flips:
        heads = ("row", f"true {flips.target}", pair.first, pair.second)
        title = f"{pair.second} beside {pair.first}" + (f": {flips.target}" if len(pair.flips) > 1 else "")
        listed = table(heads, flips.rows, "Rows with other answers" if flips.of_classes else "The rows whose answers are farthest apart")
        parts.append(part(title, sentence(flips_text(flips, pair)) + (listed if flips.rows else "")))
    return "".join(parts)


def flips_text(flips: Flips, pair: Pair) -> str:
    """Say in a sentence where the answers of two runs differ."""
    if not flips.differ:
        return f"On all of the {pair.rows:,} common test rows {pair.first} and {pair.second} answer the same."
    if flips.of_classes:
        return (
            f"On {flips.differ:,} of {pair.rows:,} common test rows the answers differ: only {pair.first} is right on {flips.first:,}, "
            f"only {pair.second} on {flips.second:,}, neither on {flips.neither:,}."
        )
    return (
        f"Of {pair.rows:,} common test rows {pair.first} is nearer to the truth on {flips.first:,}, {pair.second} on {flips.second:,}; "
        f"both are as near on {flips.neither:,}."
    )
