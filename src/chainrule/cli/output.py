"""Standard output and standard error: results go to the one, progress and messages to the other."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text


def messages(quiet: bool = False) -> Console:
    """Return the console of standard error."""
    return Console(stderr=True, highlight=False, quiet=quiet)


def results() -> Console:
    """Return the console of standard output."""
    return Console(highlight=False)


def say(console: Console, text: str | Text, style: str = "") -> None:
    """Print a sentence: broken between words on a terminal, and one line elsewhere, where programs read along."""
    console.print(text, style=style, soft_wrap=not console.is_terminal)


def write(data: bytes) -> None:
    """Write bytes on standard output: UTF-8 whatever the locale."""
    sys.stdout.flush()
    left = memoryview(data)
    while left:  # an unbuffered stream takes as much as the pipe has room for
        left = left[sys.stdout.buffer.write(left) :]
    sys.stdout.buffer.flush()


def write_json(data: Mapping[str, Any]) -> None:
    """Write one JSON object on standard output, with its format."""
    from chainrule.training.run_folder import json_text

    write(f"{json_text({'format': 1, **data})}\n".encode())


def plain_table(*headers: str, right: tuple[int, ...] = ()) -> Table:
    """Return a table with a line under its headers; ``right`` gives the places of the columns of numbers."""
    from rich import box

    table = Table(
        box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1), collapse_padding=True, header_style="dim", border_style="dim"
    )
    for place, header in enumerate(headers):
        table.add_column(header, justify="right" if place in right else "left")
    return table


def number(value: float | None) -> str:
    """Return a number with four digits that count, and thousands with commas: ``0.0213``, ``12,345``."""
    if value is None:
        return "–"
    if value != value or value in (float("inf"), float("-inf")):
        return str(value)
    if 1e4 <= abs(value) < 1e15:
        return f"{value:,.0f}"
    return f"{value:.4g}"


def measure(value: float | None) -> str:
    """Return a metric with four decimals where that says something, so that the points of a column stand in line."""
    return f"{value:.4f}" if value is not None and (value == 0 or 5e-4 <= abs(value) < 10) else number(value)


def duration(seconds: float) -> str:
    """Return seconds as people say them: ``0.4 s``, ``42 s``, ``3:05``, ``2:03:05``."""
    if seconds < 59.5:
        return f"{seconds:.1f} s" if seconds < 9.95 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
