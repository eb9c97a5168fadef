"""Texts of the course on a terminal: Markdown, with formulas that break where one would break them by hand."""

from __future__ import annotations

import re
from collections.abc import Mapping

from rich.console import Console, RenderableType
from rich.markdown import Markdown
from rich.table import Table
from rich.text import Text

WIDEST = 100
"""Lines of prose are not longer than this, however wide the terminal."""

_FORMULA = re.compile(r"```formula\n(.*?)\n```", re.S)
_BREAK = re.compile(r" (?=[=+−·≈] )")
_INDENT, _DEEPER = 4, 8


def print_markdown(console: Console, text: str) -> None:
    """Print Markdown whose fenced blocks ``formula`` hold one formula a line."""
    parts = [(bool(place % 2), part.strip()) for place, part in enumerate(_FORMULA.split(text)) if part.strip()]
    for place, (are_formulas, part) in enumerate(parts):
        if place:
            console.print()
        (print_formulas if are_formulas else print_prose)(console, part)


def print_prose(console: Console, text: str) -> None:
    """Print Markdown that has no formulas."""
    print_trimmed(console, Markdown(text, hyperlinks=False), min(console.width, WIDEST))


def print_trimmed(console: Console, renderable: RenderableType, width: int | None = None) -> None:
    """Print something without the spaces that fill its lines, and with one empty line where it has several."""
    options = console.options.update(width=width or console.width)
    before = Text()
    for segments in console.render_lines(renderable, options, pad=False):
        line = Text.assemble(*((part.text, part.style or "") for part in segments if not part.control))
        line.rstrip()
        if line.plain or before.plain:
            console.print(line, soft_wrap=True)
        before = line


def print_commands(console: Console, rows: Mapping[str, str]) -> None:
    """Print commands in a column, and before each what it is for."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(style="cyan", overflow="fold")
    for name, command in rows.items():
        table.add_row(name, command)
    print_trimmed(console, table)


def print_formulas(console: Console, text: str) -> None:
    """Print formulas, one a line; a line that is too wide is broken before an operator and goes on further in."""
    width = max(console.width, 2 * _DEEPER)
    for formula in text.splitlines():
        for line in broken(formula, width):
            console.print(Text(line, style="cyan"), soft_wrap=True)


def broken(formula: str, width: int) -> list[str]:
    """Return the lines of a formula that are at most so wide where its operators allow it: broken before ``=`` if it has one, else before
    another operator."""
    lines = [" " * _INDENT]
    for piece in _BREAK.split(formula):
        joined = f"{lines[-1]} {piece}" if lines[-1].strip() else lines[-1] + piece
        if len(joined) <= width or not lines[-1].strip():
            lines[-1] = joined
            continue
        head, equals, tail = lines[-1].rpartition(" = ")
        if equals and head.strip() and not piece.startswith("="):
            lines[-1:] = [head, f"{' ' * _DEEPER}= {tail} {piece}"]
        else:
            lines.append(" " * _DEEPER + piece)
    return lines


def print_heading(console: Console, text: str) -> None:
    """Print the heading of a part."""
    console.print(Text(text, style="bold"))
    if not console.is_terminal:
        console.print("-" * len(text))
    console.print()


def print_title(console: Console, text: str, sentence: str) -> None:
    """Print the title of a lesson, and what it is about."""
    console.print(Text(text, style="bold underline"))
    if not console.is_terminal:
        console.print("=" * len(text))
    if sentence:
        print_trimmed(console, Text(sentence, style="italic"))
    console.print()
