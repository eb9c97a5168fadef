"""The course of one training as the command line follows it: what is shown, what is written, and the exit status at the end."""

from __future__ import annotations

import signal
import sys
from collections.abc import Generator
from dataclasses import asdict
from pathlib import Path
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any

from chainrule.cli.failure import DONE, INTERRUPTED, report_failure
from chainrule.cli.outcome import one_line, show_fold, show_next, show_outcome, show_stop
from chainrule.cli.output import messages, write_json
from chainrule.cli.understood import show_network, show_understood
from chainrule.data.bundled import find_bundled
from chainrule.errors import NonFiniteError
from chainrule.training.checkpoint import Checkpoints
from chainrule.training.crossvalidate import FoldEnded
from chainrule.training.events import EpochEnded, RunStarted, Stopped
from chainrule.training.loop import Loop
from chainrule.training.model import Model
from chainrule.training.options import Options
from chainrule.training.prepare import Prepared
from chainrule.training.progress import Progress
from chainrule.training.run_folder import CHECKPOINT, RunFolder, describe_data, open_run_folder, reopen_run_folder, state_of
from chainrule.training.statistics.sample import StepSampled
from chainrule.training.train import NetworkBuilt, Trained, TrainEvent, Understood

if TYPE_CHECKING:
    from chainrule.cli.train import Request
    from chainrule.training.resume import Ongoing


class Course:
    """Follows a training: :meth:`follow` takes its events and ends with the exit status. Used in a ``with`` block.

    From the first step on, Ctrl-C costs no work: the first one stops the training, after which the model is written; a further one, then
    or while the model is measured, leaves the measuring out.
    """

    def __init__(self, request: Request, options: Options, ongoing: Ongoing | None = None) -> None:
        self._request, self._options, self._ongoing = request, options, ongoing
        self._checkpoints: Checkpoints | None = None
        self._loop: Loop | None = None
        self._console = messages(request.quiet)
        self._progress = Progress(self._console, request.verbose)
        self._prepared: Prepared | None = None
        self._folder: RunFolder | None = None
        self._stopped: Stopped | None = None
        self._model: Model | None = None
        self._interrupted = False  # while or after the training stopped: there is no time to measure
        self._on_interrupt = signal.getsignal(signal.SIGINT)

    def __enter__(self) -> Course:
        if self._request.data == "-" and sys.stdin.isatty():
            self._console.print("Reading the table from the terminal; end it with Ctrl-D.", style="dim")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self._progress.close()
        signal.signal(signal.SIGINT, self._on_interrupt)
        if error is not None and self._folder is not None:
            self._folder.abandon("interrupted" if isinstance(error, KeyboardInterrupt) else f"failed: {error}")
            if self._model is not None:
                self._console.print(f"The model is written: {self._folder.model}", soft_wrap=True, markup=False)

    def follow(self, job: Generator[TrainEvent, None, Model]) -> int:
        """Take the events of a training until it is done and measured, or interrupted; return the exit status."""
        while not self._interrupted or self._model is None:
            try:
                event = next(job)
            except StopIteration:
                break
            except KeyboardInterrupt:
                if self._model is None:
                    raise
                break
            self._take(event)
        signal.signal(signal.SIGINT, self._note_interrupt)
        return self._finish()

    def _take(self, event: TrainEvent) -> None:
        """Show an event, and write what belongs to it."""
        if isinstance(event, Understood):
            self._prepared = event.prepared
            show_understood(self._console, event.prepared, self._request.verbose)
        elif isinstance(event, NetworkBuilt):
            assert self._prepared is not None  # it comes before the network
            show_network(self._console, event, self._options, self._prepared.valid is not None)
            self._folder = self._open()
            self._loop, self._checkpoints = event.loop, Checkpoints(self._folder.path)
            if self._ongoing is not None and self._ongoing.standing is not None:
                event.loop.go_on(self._ongoing.standing, self._ongoing.history)
                self._console.print(f"Going on after epoch {event.loop.state.epoch}.", style="dim")
        elif isinstance(event, (EpochEnded, StepSampled)) and self._folder is not None:
            self._folder.add(event)
            if isinstance(event, EpochEnded) and self._loop is not None and self._checkpoints is not None:
                self._checkpoints.offer(self._loop.standing)
        elif isinstance(event, RunStarted):
            signal.signal(signal.SIGINT, self._note_interrupt)  # what the loop calls at a second Ctrl-C
        elif isinstance(event, Stopped):
            self._stopped = event
        elif isinstance(event, Trained):
            self._write(event.model)
        elif isinstance(event, FoldEnded):
            assert self._prepared is not None  # it comes before the folds
            show_fold(self._console, event, self._prepared.goal, self._options.metric)
        self._progress(event)

    def _open(self) -> RunFolder:
        """Make the folder of the run: only now, when all input has proved usable, and before any time is spent on training."""
        assert self._prepared is not None  # it comes before the network
        request = self._request
        if self._ongoing is not None:
            return reopen_run_folder(self._ongoing.path, self._ongoing.about, self._ongoing.history)
        bundled = find_bundled(request.data)
        about: dict[str, Any] = {
            "data": describe_data(request.data, bundled.path if bundled else None if request.data == "-" else Path(request.data)),
            "files": {word: describe_data(path, Path(path)) for word in ("valid", "test") if (path := getattr(self._options, word))},
            "target": target[0] if len(target := self._prepared.goal.names) == 1 else list(target),
            "options": asdict(self._options),
        }
        out = None if request.out is None else Path(request.out)
        return open_run_folder(out, request.name or self._prepared.name, about, overwrite=request.overwrite)

    def _note_interrupt(self, number: int, frame: FrameType | None) -> None:
        self._interrupted = True

    def _break_off(self, number: int, frame: FrameType | None) -> None:
        self._interrupted = True
        raise KeyboardInterrupt

    def _write(self, model: Model) -> None:
        """Write the model, before anything is measured: from here on it is safe, and Ctrl-C ends the measuring."""
        folder, stopped = self._folder, self._stopped
        assert folder is not None and stopped is not None  # both come before the model
        folder.finish(model, stopped)
        self._model = model
        show_stop(self._console, stopped)
        if stopped.interrupted and not self._interrupted:
            self._console.print("Measuring; another Ctrl-C leaves that out.", style="dim")
        signal.signal(signal.SIGINT, self._break_off)

    def _finish(self) -> int:
        """Write the model again with what was measured, tell the outcome, and return the exit status."""
        folder, stopped, prepared, model = self._folder, self._stopped, self._prepared, self._model
        assert folder is not None and stopped is not None and prepared is not None and model is not None  # the model comes last
        state, measured = state_of(stopped), "baselines" in model.report
        if measured:
            folder.finish(model, stopped)
            if not stopped.interrupted:
                (folder.path / CHECKPOINT).unlink(missing_ok=True)
            if model.cross_validation is not None:
                self._console.print()  # after the lines of the folds
        if stopped.best_epoch or not stopped.error:  # the weights are worth a look
            if measured:
                show_outcome(self._console, model, self._options.metric)
            else:
                self._console.print("Not measured: interrupted.")
                self._console.print()
            show_next(self._console, folder, self._request.data, int(prepared.split.train[0]))
        if self._request.quiet and not stopped.error:
            messages().print(one_line(model, folder, self._options.metric), soft_wrap=True)
        if self._request.json:
            about = {"run": str(folder.path), "model": str(folder.model), "state": state}
            write_json(model.report | about | ({"error": stopped.error} if stopped.error else {}))
        if stopped.error:
            return report_failure(NonFiniteError(f"{stopped.error} The weights that are kept are in {folder.model}."))
        return INTERRUPTED if stopped.interrupted or not measured else DONE
