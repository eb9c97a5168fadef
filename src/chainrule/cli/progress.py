"""The course of a training on standard error: two live lines on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from chainrule.cli.output import duration, number, say
from chainrule.training.events import EpochEnded, RunStarted, StepsDone, Stopped, Warned
from chainrule.training.train import TrainEvent

_FIRST_WAIT, _LONGER = 2.0, 1.5  # seconds between two lines where nothing can be redrawn, and how they grow
_LONGEST_WAIT = 60.0


class Progress:
    """Shows a run: it is called with each event. ``every_epoch`` prints a line for each epoch."""

    def __init__(self, console: Console, every_epoch: bool = False) -> None:
        self._console, self._every_epoch = console, every_epoch
        self._live = Live(console=console, transient=True, auto_refresh=False) if console.is_interactive and not console.quiet else None
        self._run: RunStarted | None = None
        self._last: EpochEnded | None = None
        self._drawn, self._wait = 0.0, _FIRST_WAIT

    def __call__(self, event: TrainEvent) -> None:
        """Show an event."""
        if isinstance(event, RunStarted):
            self._run = event
            if self._live is not None:
                self._live.start()
        elif isinstance(event, StepsDone):
            self._draw(event.epoch, event.rows, event.loss)
        elif isinstance(event, EpochEnded):
            self._last = event
            self._tell(event)
        elif isinstance(event, Warned):
            say(self._console, Text.assemble(("warning: ", "bold yellow"), f"{event.text} ({event.code}, since step {event.since_step:,})"))
        elif isinstance(event, Stopped):
            self.close()

    def close(self) -> None:
        """Take the live lines off the screen, if there are any."""
        if self._live is not None and self._live.is_started:
            self._live.stop()

    def _draw(self, epoch: int, rows: int, loss: float) -> None:
        """Redraw the live lines, at most ten times a second."""
        now = time.monotonic()
        if self._live is None or self._run is None or now - self._drawn < 0.1:
            return
        self._drawn = now
        run = self._run
        line = Table.grid(padding=(0, 1), expand=True)
        for ratio in (None, 1, None):
            line.add_column(no_wrap=True, ratio=ratio)
        bar = ProgressBar(total=run.epochs * run.rows, completed=(epoch - 1) * run.rows + rows)
        line.add_row(f"epoch {epoch} of {run.epochs}", bar, self._speed(epoch))
        values = Text(self._values(loss), no_wrap=True, overflow="ellipsis")
        self._live.update(Group(line, values), refresh=True)

    def _tell(self, event: EpochEnded) -> None:
        """Print a line if every epoch has one, or if the last line was long ago and nothing can be redrawn."""
        due = self._live is None and (event.epoch == 1 or time.monotonic() - self._drawn > self._wait)
        if self._run is None or not (due or self._every_epoch):
            return
        if due:
            self._wait = _FIRST_WAIT if event.epoch == 1 else min(self._wait * _LONGER, _LONGEST_WAIT)
            self._drawn = time.monotonic()
        best = ", best so far" if event.best and self._every_epoch else ""
        text = f"epoch {event.epoch} of {self._run.epochs}: {self._values(event.loss)}  ({self._speed(event.epoch)}{best})"
        self._console.print(text, soft_wrap=True)

    def _values(self, loss: float) -> str:
        valid = {} if self._last is None else self._last.valid
        words = [f"{'valid loss' if name == 'loss' else f'valid {name}'} {number(value)}" for name, value in valid.items()]
        return "  ".join([f"loss {number(loss)}", *words])

    def _speed(self, epoch: int) -> str:
        if self._last is None or self._run is None:
            return ""
        left = (self._run.epochs - self._last.epoch) * self._last.seconds / self._last.epoch
        return f"{self._last.rows_per_second:,.0f} rows/s, at most {duration(left)} left"
