"""The course of a training while it goes on: two live lines in a terminal or a notebook, and a line now and then elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from chainrule.training.events import EpochEnded, RunStarted, StepsDone, Stopped, Warned
from chainrule.training.numbers import duration, number

_FIRST_WAIT, _LONGER = 2.0, 1.5  # seconds between two lines where nothing can be redrawn, and how they grow
_LONGEST_WAIT = 60.0
_REDRAWN = 0.1  # seconds between two looks of what is redrawn


class Progress:
    """Shows a run on a console: it is called with each event. ``every_epoch`` prints a line for each epoch."""

    def __init__(self, console: Console, every_epoch: bool = False) -> None:
        self._console, self._every_epoch = console, every_epoch
        self._live = Live(console=console, transient=True, auto_refresh=False) if console.is_interactive and not console.quiet else None
        self._course = _Course()
        self._drawn, self._wait = 0.0, _FIRST_WAIT

    def __call__(self, event: Any) -> None:
        """Show an event."""
        self._course.note(event)
        if isinstance(event, RunStarted):
            if self._live is not None:
                self._live.start()
        elif isinstance(event, StepsDone):
            now = time.monotonic()
            if self._live is not None and self._live.is_started and now - self._drawn >= _REDRAWN:
                self._drawn = now
                self._live.update(self._course.lines(event), refresh=True)
        elif isinstance(event, EpochEnded):
            self._tell(event)
        elif isinstance(event, Warned):
            self._console.print(_warning(event), soft_wrap=not self._console.is_terminal)
        elif isinstance(event, Stopped):
            self.close()

    def close(self) -> None:
        """Take the live lines off the screen, if there are any."""
        if self._live is not None and self._live.is_started:
            self._live.stop()

    def _tell(self, event: EpochEnded) -> None:
        """Print a line if every epoch has one, or if the last line was long ago and nothing can be redrawn."""
        due = self._live is None and (event.epoch == 1 or time.monotonic() - self._drawn > self._wait)
        if not (due or self._every_epoch):
            return
        if due:
            self._wait = _FIRST_WAIT if event.epoch == 1 else min(self._wait * _LONGER, _LONGEST_WAIT)
            self._drawn = time.monotonic()
        best = ", best so far" if event.best and self._every_epoch else ""
        self._console.print(f"{self._course.line(event)}  ({self._course.speed()}{best})", soft_wrap=True)


class NotebookProgress:
    """Shows a run below the cell of a notebook that trains: two lines that are redrawn, warnings, and at the end what was reached."""

    def __init__(self) -> None:
        from IPython.display import display  # a notebook has it

        self._display: Callable[..., Any] = display
        self._handle: Any = None
        self._course, self._drawn = _Course(), 0.0
        self._last: EpochEnded | None = None

    def __call__(self, event: Any) -> None:
        """Show an event."""
        self._course.note(event)
        if isinstance(event, StepsDone):
            now = time.monotonic()
            if now - self._drawn >= _REDRAWN:
                self._drawn = now
                self._show(self._course.lines(event))
        elif isinstance(event, EpochEnded):
            self._last = event
        elif isinstance(event, Warned):
            self._display(_warning(event))
        elif isinstance(event, Stopped):
            best = f"; the weights of epoch {event.best_epoch} are kept" if event.best_epoch else ""
            reached = Text(f"stopped after {duration(event.seconds)}: {event.error or event.reason}{best}")
            self._show(Group(self._course.line(self._last), reached) if self._last is not None else reached)

    def _show(self, what: RenderableType) -> None:
        grid = Table.grid()  # a notebook shows it, and a group of lines not
        grid.add_row(what)
        if self._handle is None:
            self._handle = self._display(grid, display_id=True)
        else:
            self._handle.update(grid)


class _Course:
    """What is known of a run, in lines."""

    def __init__(self) -> None:
        self._run: RunStarted | None = None
        self._last: EpochEnded | None = None

    def note(self, event: Any) -> None:
        if isinstance(event, RunStarted):
            self._run, self._last = event, None
        elif isinstance(event, EpochEnded):
            self._last = event

    def lines(self, now: StepsDone) -> Group:
        """Return a bar and the values of an epoch that goes on."""
        assert self._run is not None  # it is the first event
        line = Table.grid(padding=(0, 1), expand=True)
        for ratio in (None, 1, None):
            line.add_column(no_wrap=True, ratio=ratio)
        done = (now.epoch - 1) * self._run.rows + now.rows
        bar = ProgressBar(total=self._run.epochs * self._run.rows, completed=done)
        line.add_row(f"epoch {now.epoch} of {self._run.epochs}", bar, self.speed())
        return Group(line, Text(self._values(now.loss), no_wrap=True, overflow="ellipsis"))

    def line(self, event: EpochEnded) -> str:
        """Return an epoch that has ended, as one line."""
        assert self._run is not None  # it is the first event
        return f"epoch {event.epoch} of {self._run.epochs}: {self._values(event.loss)}"

    def _values(self, loss: float) -> str:
        valid = {} if self._last is None else self._last.valid
        words = [f"{'valid loss' if name == 'loss' else f'valid {name}'} {number(value)}" for name, value in valid.items()]
        return "  ".join([f"loss {number(loss)}", *words])

    def speed(self) -> str:
        """Return how fast the run is, and how long it takes at most."""
        if self._last is None or self._run is None:
            return ""
        left = (self._run.epochs - self._last.epoch) * self._last.seconds / self._last.epoch
        return f"{self._last.rows_per_second:,.0f} rows/s, at most {duration(left)} left"


def _warning(event: Warned) -> Text:
    return Text.assemble(("warning: ", "bold yellow"), f"{event.text} ({event.code}, since step {event.since_step:,})")
