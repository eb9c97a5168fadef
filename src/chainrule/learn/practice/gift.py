"""Exercises in Moodle's GIFT format: each known slip is an answer of its own, with its diagnosis as feedback.

(The format as Moodle reads it: docs.moodle.org, "GIFT format".)
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from html import escape

from chainrule.learn.practice.chart import plot
from chainrule.learn.practice.exercise import Chart, Choice, Exercise, Number, Order, Table
from chainrule.learn.practice.html import table


def gift(exercises: Sequence[Exercise]) -> str:
    """Return a file of questions, by chapters as categories."""
    parts = ["// Made by Chainrule. Import it in Moodle as GIFT."]
    chapter = 0
    for exercise in exercises:
        if exercise.chapter != chapter:
            chapter = exercise.chapter
            parts.append(f"$CATEGORY: Chainrule/Chapter {chapter}")
        parts.append("\n".join(_question(exercise)))
    return "\n\n".join(parts) + "\n"


def _question(exercise: Exercise) -> Iterator[str]:
    name = _escaped(f"{exercise.title} ({exercise.template} {exercise.seed})")
    given = "".join(map(_block, exercise.given))
    yield f"::{name}::[html]{given}{_text(exercise.question, 'p')}{_how(exercise)}{{{'#' if isinstance(exercise.form, Number) else ''}"
    yield from _answers(exercise)
    yield f"####{''.join(_text(line, 'p') for line in exercise.solution)}"
    yield "}"


def _answers(exercise: Exercise) -> Iterator[str]:
    form = exercise.form
    if isinstance(form, Number):
        yield f"=%100%{_decimal(form.answer)}:{form.tolerance:g}#{_text('Right.')}"
        for slip in exercise.slips:
            yield f"=%0%{_decimal(slip.answer)}:{form.tolerance:g}#{_text(slip.words)}"
    elif isinstance(form, Choice):
        words = {slip.answer: slip.words for slip in exercise.slips}
        for number, option in enumerate(form.options, 1):
            mark = "=" if number == form.answer else "~"
            yield f"{mark}{_text(option)}#{_text(words.get(number, 'Right.'))}"
    elif isinstance(form, Order):
        for place, number in enumerate(form.answer, 1):
            yield f"={_text(form.items[number - 1])} -> {place}"


def _how(exercise: Exercise) -> str:
    if isinstance(exercise.form, Number):
        return _text(f"(A number, within {exercise.form.tolerance:g}.)", "p")
    return _text("(1 is the first.)", "p") if isinstance(exercise.form, Order) else ""


def _block(block: str | Table | Chart) -> str:
    if isinstance(block, str):
        return _text(block, "p")
    if isinstance(block, Table):
        return _escaped(table(block))
    return _escaped(f"<pre>{escape(chr(10).join(plot(block.curves)))}</pre>")


def _decimal(value: float) -> str:
    """Return a number without an exponent, which not every reader of GIFT knows."""
    return f"{round(value, 6) + 0.0:.6f}".rstrip("0").rstrip(".")


def _text(text: str, tag: str = "") -> str:
    html = escape(text, quote=False)
    return _escaped(f"<{tag}>{html}</{tag}>" if tag else html)


def _escaped(html: str) -> str:
    """Escape what GIFT reads as signs of its own; an end of a line is written as such."""
    return re.sub(r"([\\~=#{}:])", r"\\\1", html).replace("\n", "\\n")
