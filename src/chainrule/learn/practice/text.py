"""Exercises for a terminal: as wide as it is, and readable without color."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table as RichTable
from rich.text import Text

from chainrule.learn.practice.chart import plot
from chainrule.learn.practice.exercise import Block, Chart, Choice, Exercise, Order, Table, Verdict
from chainrule.learn.practice.paper import Score

INDENT = 2


def question(exercise: Exercise, width: int) -> Iterator[RenderableType]:
    """Yield an exercise as it is asked: what is given, the question, and the options."""
    for block in exercise.given:
        yield Padding(_block(block, width - INDENT), (0, 0, 1, INDENT), expand=False)
    yield Text(exercise.question, style="bold")
    items = exercise.form.options if isinstance(exercise.form, Choice) else exercise.form.items if isinstance(exercise.form, Order) else ()
    if items:
        grid = RichTable.grid(padding=(0, 1))
        grid.add_column(justify="right")
        for number, item in enumerate(items, 1):
            grid.add_row(f"{number})", Text(item))
        yield Padding(grid, (0, 0, 0, INDENT), expand=False)


def judgment(exercise: Exercise, verdict: Verdict) -> Text:
    """Return what is said of an answer: right, or wrong and by which slip."""
    if verdict.right:
        return Text("Right.", style="bold green")
    words = verdict.slip.words if verdict.slip else f"No known slip leads to {exercise.show(verdict.given)}."
    return Text.assemble(("Not right. ", "bold red"), words)


def solution(exercise: Exercise) -> Iterator[RenderableType]:
    """Yield the right answer and the way to it."""
    yield Text.assemble(("Answer: ", "bold"), exercise.show(exercise.form.answer))
    for line in exercise.solution:
        yield Padding(Text(line), (0, 0, 0, INDENT), expand=False)


def score(result: Score) -> Iterator[RenderableType]:
    """Yield how a test went, by skill and by slip."""
    asked = len(result.given)
    yield Text(f"{result.right} of {asked} right", style="bold")
    grid = RichTable.grid(padding=(0, 2))
    grid.add_column()
    grid.add_column(justify="right")
    for title, (right, count) in result.by_skill().items():
        grid.add_row(title, Text(f"{right} of {count}", style="green" if right == count else "red"))
    yield Padding(grid, (0, 0, 0, INDENT), expand=False)
    slips = result.by_slip()
    if slips:
        yield Text()
        yield Text("Slips", style="bold")
        for words, times in slips.items():
            yield Padding(Text(f"{times}×  {words}"), (0, 0, 0, INDENT), expand=False)


def _block(block: Block, width: int) -> RenderableType:
    if isinstance(block, str):
        return Text(block)
    if isinstance(block, Chart):
        return Text("\n".join(plot(block.curves, min(width, 70))), no_wrap=True)
    return _table(block)


def _table(table: Table) -> RichTable:
    grid = RichTable(box=None, show_edge=False, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for place, name in enumerate(table.header):
        words = place == 0 and not table.rows[0][0].lstrip("≈ −").replace(".", "").isdigit()
        grid.add_column(name, justify="left" if words else "right", no_wrap=True)
    for row in table.rows:
        grid.add_row(*map(Text, row))
    return grid
