"""How a notebook shows the objects of the package."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import singledispatch
from html import escape
from itertools import chain
from typing import Any

from chainrule.inspect.comparison.comparison import Comparison
from chainrule.inspect.comparison.page import comparison_sections
from chainrule.inspect.diagnosis.codes import CODES
from chainrule.inspect.diagnosis.diagnosis import Diagnosis
from chainrule.inspect.pictures.course import curve
from chainrule.inspect.report.charts import line_charts
from chainrule.inspect.report.page import facts, figure, inside, sentence, table, verbatim
from chainrule.inspect.report.report import layers_table, outcome
from chainrule.inspect.step.drawing import Drawing
from chainrule.inspect.step.text import StepText
from chainrule.inspect.step.trace import StepTrace
from chainrule.ir import PHASES, Program
from chainrule.nn import Sequential
from chainrule.training.events import History
from chainrule.training.fit import Run
from chainrule.training.model import Model, describe
from chainrule.training.record import RunRecord

_MOST_LINES = 30  # of a phase that is shown unfolded


@singledispatch
def html_of(shown: Any) -> str:
    """Return an object as a piece of HTML that needs nothing else and changes nothing around it."""
    raise TypeError(f"a {type(shown).__name__} is not shown in a notebook.")


@html_of.register
def _(program: Program) -> str:
    sections = re.split(r"^(\S+)\n", str(program), flags=re.M)[1:]  # inputs, the phases, outputs: their titles stand at the margin
    parts = zip(sections[::2], sections[1::2], strict=True)
    return inside("".join(_part(title, text, is_open=title in PHASES and text.count("\n") <= _MOST_LINES) for title, text in parts))


@html_of.register
def _(network: Sequential) -> str:
    return inside(layers_table(describe(network)))


@html_of.register
def _(trace: StepTrace) -> str:
    lines = "\n".join(line.plain for line in StepText(trace).lines(110))
    title = "The four passes, with all numbers"
    whole = f"<details><summary>{title}</summary>{verbatim(lines, title)}</details>"
    return inside(f"<p>{escape(str(trace.source))}.</p><figure>{Drawing(trace).svg()}</figure>{whole}")


@html_of.register
def _(run: Run) -> str:
    stopped = run.stopped
    rows = [
        ("stopped", f"{stopped.error or stopped.reason}, after {stopped.epochs:,} epochs in {stopped.seconds:.3g} s"),
        ("weights", f"{sum(array.size for array in run.best.params.values()):,}, those of epoch {stopped.best_epoch}"),
        ("optimizer", run.step.optimizer.name),
        *_at_best(run.history, stopped.best_epoch),
    ]
    return inside(facts(rows, "A run on arrays") + _curve(run.history, stopped.best_epoch))


@html_of.register
def _(record: RunRecord) -> str:
    best = int(record.report.get("best_epoch", 0))
    title = f"{record.name}: {record.about.get('state', 'of unknown state')}"
    return inside(sentence(title) + outcome(record.report, record.said) + _curve(record.history, best))


@html_of.register
def _(model: Model) -> str:
    title = sentence(f"A network that predicts {model.goal.title} ({model.goal.task}), learned by {model.goal.loss} and {model.optimizer}.")
    shown = outcome(model.report) + layers_table(model.layers)
    return inside(title + shown + _curve(model.history, int(model.report.get("best_epoch", 0))))


@html_of.register
def _(diagnosis: Diagnosis) -> str:
    return inside("".join(chain(_findings(diagnosis), (sentence(_whole(text), "soft") for text in diagnosis.said))))


@html_of.register
def _(comparison: Comparison) -> str:
    return inside("".join(comparison_sections(comparison)))


def _findings(diagnosis: Diagnosis) -> Iterator[str]:
    if diagnosis.healthy:
        yield sentence(f"Nothing is wrong, as far as can be seen ({diagnosis.looked_at}).", "good")
        return
    rows = [
        (f"{f.code}: {CODES[f.code].words}", f.layer, "" if f.since_step is None else f"{f.since_step:,}", _whole(f.evidence), f.advice)
        for f in diagnosis
    ]
    yield table(("what", "where", "since step", "evidence", "what to try"), rows, f"The cause first; looked at {diagnosis.looked_at}")


def _part(title: str, text: str, is_open: bool) -> str:
    count = len(text.splitlines())
    words = f"{title}: {count:,} line{'' if count == 1 else 's'}"
    return f"<details{' open' if is_open else ''}><summary>{words}</summary>{verbatim(text.rstrip(), title)}</details>"


def _at_best(history: History, best_epoch: int) -> list[tuple[str, str]]:
    best = next((epoch for epoch in history.epochs if epoch.epoch == best_epoch), None)
    return [(f"validation {name}", f"{value:.4g}") for name, value in best.valid.items()] if best is not None else []


def _curve(history: History, best_epoch: int) -> str:
    if not history.epochs:
        return ""
    picture = curve(history, best_epoch)
    return figure(line_charts(picture), picture.says)


def _whole(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."
