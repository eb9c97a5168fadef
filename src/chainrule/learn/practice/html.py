"""Exercises as HTML: a sheet that prints well, its key, and the pieces that other formats take from it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from chainrule.learn.practice.exercise import Block, Chart, Choice, Exercise, Order, Table

_STYLE = """
@page { margin: 18mm 16mm; }
* { box-sizing: border-box; }
body { font: 11pt/1.45 system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; color: #111; background: #fff; max-width: 46rem;
  margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin: 0 0 .25rem; }
h2 { font-size: 1.05rem; margin: 0 0 .5rem; }
header { border-bottom: 2px solid #111; margin-bottom: 1.5rem; padding-bottom: .75rem; }
.who { display: flex; gap: 2rem; margin-top: 1rem; }
.who span { flex: 1; border-bottom: 1px solid #555; padding-bottom: .2rem; }
.exercise { break-inside: avoid; margin: 0 0 1.75rem; }
.exercise small { color: #555; font-weight: normal; }
p { margin: .35rem 0; }
table { display: inline-table; border-collapse: collapse; margin: .5rem 1rem .5rem 0; vertical-align: top; }
td { font-variant-numeric: tabular-nums; }
th, td { border: 1px solid #999; padding: .15rem .6rem; text-align: right; }
th:first-child, td:first-child { text-align: left; }
th { background: #eee; font-weight: 600; print-color-adjust: exact; -webkit-print-color-adjust: exact; }
ol { margin: .35rem 0; padding-left: 2rem; }
.question { font-weight: 600; }
.answer { margin-top: .75rem; }
.answer span { display: inline-block; min-width: 12rem; border-bottom: 1px solid #555; }
.slips td, .slips th { text-align: left; vertical-align: top; }
.slips td:first-child { white-space: nowrap; }
svg { display: block; max-width: 100%; height: auto; }
header small { color: #555; }
@media print { body { margin: 0; max-width: none; padding: 0; font-size: 10pt; } }
"""

_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP = 520, 220, 48, 30, 14
_STROKES = ('stroke="#111" stroke-width="2"', 'stroke="#a33" stroke-width="2" stroke-dasharray="6 4"')


def sheet(exercises: Sequence[Exercise], made_by: str) -> str:
    """Return a page with exercises and room for the answers; ``made_by`` is the command that makes it again."""
    parts = []
    for number, exercise in enumerate(exercises, 1):
        parts.append(f'<section class="exercise">{_heading(number, exercise)}{body(exercise)}')
        parts.append(f'<p class="answer">Answer ({escape(exercise.form.asks)}): <span>&nbsp;</span></p></section>')
    who = '<div class="who"><span>Name</span><span>Date</span></div>'
    return _page("Practice: backpropagation", who, "".join(parts), made_by)


def key(exercises: Sequence[Exercise], made_by: str) -> str:
    """Return a page with the answers of a sheet: the way to each, and what wrong answers tell."""
    parts = []
    for number, exercise in enumerate(exercises, 1):
        parts.append(f'<section class="exercise">{_heading(number, exercise)}<p class="question">{escape(exercise.question)}</p>')
        parts.append(f"{answer(exercise)}{slips(exercise)}</section>")
    return _page("Key: backpropagation", "", "".join(parts), made_by)


def body(exercise: Exercise) -> str:
    """Return what is given, the question and the options."""
    form = exercise.form
    items = form.options if isinstance(form, Choice) else form.items if isinstance(form, Order) else ()
    listed = f"<ol>{''.join(f'<li>{escape(item)}</li>' for item in items)}</ol>" if items else ""
    return f'{"".join(map(_block, exercise.given))}<p class="question">{escape(exercise.question)}</p>{listed}'


def answer(exercise: Exercise) -> str:
    """Return the right answer and the way to it."""
    return f"<p><b>{escape(exercise.show(exercise.form.answer))}</b></p>{''.join(f'<p>{escape(line)}</p>' for line in exercise.solution)}"


def slips(exercise: Exercise) -> str:
    """Return what wrong answers tell, as a table."""
    rows = "".join(f"<tr><td>{escape(exercise.show(slip.answer))}</td><td>{escape(slip.words)}</td></tr>" for slip in exercise.slips)
    return f'<table class="slips"><tr><th scope="col">answer</th><th scope="col">what it tells</th></tr>{rows}</table>'


def _heading(number: int, exercise: Exercise) -> str:
    return f"<h2>{number}. {escape(exercise.title)} <small>{escape(exercise.template)} {exercise.seed}</small></h2>"


def _block(block: Block) -> str:
    if isinstance(block, str):
        return f"<p>{escape(block)}</p>"
    return drawing(block) if isinstance(block, Chart) else table(block)


def table(block: Table) -> str:
    """Return a table of numbers."""
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in block.header)
    rows = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in block.rows)
    return f"<table><tr>{head}</tr>{rows}</table>"


def drawing(chart: Chart) -> str:
    """Return curves as a drawing that is told apart in print without color."""
    size = f'viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" height="{_HEIGHT}"'
    return f'<svg role="img" aria-label="{escape(_described(chart))}" {size}>{"".join(_strokes(chart))}</svg>'


def _strokes(chart: Chart) -> Iterator[str]:
    highest = max(max(curve) for _, curve in chart.curves) or 1.0
    epochs = len(chart.curves[0][1])
    right, floor = _WIDTH - 10, _HEIGHT - _BOTTOM
    text = 'font-family="sans-serif" font-size="12" fill="#333"'
    yield f'<path d="M{_LEFT} {_TOP}V{floor}H{right}" fill="none" stroke="#777"/>'
    for share in (0.0, 0.5, 1.0):
        yield f'<text x="{_LEFT - 6}" y="{floor - share * (floor - _TOP) + 4:.1f}" text-anchor="end" {text}>{highest * share:.2f}</text>'
    yield f'<text x="{_LEFT}" y="{_HEIGHT - 10}" {text}>epoch 1</text>'
    yield f'<text x="{right}" y="{_HEIGHT - 10}" text-anchor="end" {text}>epoch {epochs}</text>'
    for place, ((name, curve), stroke) in enumerate(zip(chart.curves, _STROKES, strict=False)):
        points = " ".join(
            f"{_LEFT + (right - _LEFT) * k / (epochs - 1):.1f},{floor - value / highest * (floor - _TOP):.1f}"
            for k, value in enumerate(curve)
        )
        yield f'<polyline points="{points}" fill="none" {stroke}/>'
        x, y = _LEFT + 150 + 150 * place, _HEIGHT - 14
        yield f'<path d="M{x} {y}h28" fill="none" {stroke}/><text x="{x + 34}" y="{y + 4}" {text}>{escape(name)}</text>'


def _described(chart: Chart) -> str:
    ends = (
        f"{name} from {curve[0]:.2f} to {curve[-1]:.2f}, lowest {min(curve):.2f} at epoch {curve.index(min(curve)) + 1}"
        for name, curve in chart.curves
    )
    return f"Losses over {len(chart.curves[0][1])} epochs: {'; '.join(ends)}."


def _page(title: str, head: str, content: str, made_by: str) -> str:
    meta = '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
    return (
        f'<!doctype html>\n<html lang="en">\n<head>{meta}<title>{escape(title)}</title><style>{_STYLE}</style></head>\n'
        f"<body>\n<header><h1>{escape(title)}</h1><small>Made by <code>{escape(made_by)}</code></small>{head}</header>\n"
        f"<main>{content}</main>\n</body>\n</html>\n"
    )
