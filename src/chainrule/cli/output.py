"""Standard output and standard error: results go to the one, progress and messages to the other."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.table import Table
from rich.text import Span, Text

from chainrule.data.visible import CONTROLS, visible


class Output(Console):
    """A console on which no text of a table does more than stand there: control characters are written out."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Render an object; texts of all kinds pass here, whether alone or in the cells of a table."""
        if isinstance(renderable, str):
            renderable = self.render_str(renderable)
        if isinstance(renderable, Text):
            renderable = _written_out(renderable, _CONTROLS)
        return super().render(renderable, options)

    def print_lines(self, lines: Iterable[Text]) -> None:
        """Print texts of one line each: an end of a line in a name ends no line."""
        for line in lines:
            self.print(_written_out(line, CONTROLS), soft_wrap=True)


class _Messages(Output):
    """The console of standard error, which nobody has to read: where it is closed, the work goes on in silence."""

    def on_broken_pipe(self) -> None:
        """Go on without a word."""
        self.quiet = True
        point_nowhere(2)


class _Results(Output):
    """The console of standard output; where its reader went away, there is no more to do."""

    def on_broken_pipe(self) -> None:
        """Stop as at any other write to a closed pipe."""
        raise BrokenPipeError


_CONTROLS = CONTROLS - {"\n"}


def _written_out(text: Text, controls: frozenset[str]) -> Text:
    """Return a text in which these characters are written as in Python: ``\\x1b``."""
    if controls.isdisjoint(text.plain):
        return text
    shown = Text(style=text.style, justify=text.justify, overflow=text.overflow, no_wrap=text.no_wrap, end=text.end)
    for place, character in enumerate(text.plain):
        part = text[place]
        shown.append_text(Text(visible(character), spans=[Span(0, 9, s.style) for s in part.spans]) if character in controls else part)
    return shown


def messages(quiet: bool = False) -> Output:
    """Return the console of standard error."""
    return _Messages(stderr=True, highlight=False, quiet=quiet or sys.stderr is None)


def results() -> Output:
    """Return the console of standard output."""
    return _Results(highlight=False)


def point_nowhere(descriptor: int) -> None:
    """Let a closed pipe take what is still written, so that Python's last flush meets no error."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)


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
