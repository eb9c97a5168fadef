"""Asking questions in a terminal, or of a script that answers line by line."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from rich.console import Console, RenderableType
from rich.text import Text

from chainrule.cli.reading import WIDEST, print_trimmed

STOP = ("q", "quit", "exit", "stop")
HINT = ("?", "hint")
SKIP = ("", "skip")


class StopAskingError(Exception):
    """Whoever answers wants to stop, or there is nobody any more."""


class Asker:
    """Prints questions on standard output and reads answers from standard input, with a terminal or without one."""

    def __init__(self, console: Console) -> None:
        self._console = console

    @property
    def width(self) -> int:
        """The columns of the terminal, and no more than are pleasant to read."""
        return min(self._console.width, WIDEST)

    def show(self, *parts: RenderableType) -> None:
        """Print texts and tables; an empty text is an empty line."""
        for part in parts:
            if isinstance(part, Text) and not part.plain:
                self._console.print()
            else:
                print_trimmed(self._console, part, self.width)

    def show_all(self, parts: Iterable[RenderableType]) -> None:
        """Print what is made on the way."""
        self.show(*parts)

    def ask(self, prompt: str = "> ") -> str:
        """Return a line as it was typed, without spaces around it.

        Raises:
            StopAskingError: the input has ended (Ctrl-D), or the line says so: ``q``.
        """
        try:
            line = input(prompt)
        except EOFError:
            print()
            raise StopAskingError from None
        if not sys.stdin.isatty():
            print(line)  # a terminal shows what is typed; a script's answers are shown by us
        if line.strip().lower() in STOP:
            raise StopAskingError
        return line.strip()

    def note(self, text: str) -> None:
        """Print a sentence that matters less."""
        self.show(Text(text, style="dim"))
