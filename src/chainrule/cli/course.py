"""The course of one training as the command line follows it: what is shown, what is written, and the exit status at the end."""

from __future__ import annotations

import signal
import sys
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from chainrule.cli.failure import DONE, INTERRUPTED, report_failure
from chainrule.cli.outcome import one_line, show_next, show_outcome, show_stop
from chainrule.cli.output import messages, write_json
from chainrule.cli.progress import Progress
from chainrule.cli.understood import show_network, show_understood
from chainrule.data.bundled import find_bundled
from chainrule.errors import NonFiniteError
from chainrule.training.events import EpochEnded, History, Stopped
from chainrule.training.model import Model
from chainrule.training.options import Options
from chainrule.training.prepare import Prepared
from chainrule.training.run_folder import RunFolder, describe_data, open_run_folder
from chainrule.training.train import NetworkBuilt, TrainEvent, Understood

if TYPE_CHECKING:
    from chainrule.cli.train import Request


class Course:
    """Follows a training: it is called with each event, and finished with the model. Used in a ``with`` block."""

    def __init__(self, request: Request, options: Options) -> None:
        self._request, self._options = request, options
        self._console = messages(request.quiet)
        self._progress = Progress(self._console, request.verbose)
        self._prepared: Prepared | None = None
        self._folder: RunFolder | None = None
        self._stopped: Stopped | None = None
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

    def __call__(self, event: TrainEvent) -> None:
        """Show an event, and write what belongs to it."""
        if isinstance(event, Understood):
            self._prepared = event.prepared
            show_understood(self._console, event.prepared, self._request.verbose)
        elif isinstance(event, NetworkBuilt):
            assert self._prepared is not None  # it comes before the network
            show_network(self._console, event, self._options, self._prepared.valid is not None)
            self._folder = self._open()
        elif isinstance(event, EpochEnded) and self._folder is not None:
            self._folder.add_epoch(History([event]).rows()[0])
        elif isinstance(event, Stopped):
            self._stopped = event
            signal.signal(signal.SIGINT, self._saving)
        self._progress(event)

    def _open(self) -> RunFolder:
        """Make the folder of the run: only now, when all input has proved usable, and before any time is spent on training."""
        assert self._prepared is not None  # it comes before the network
        request = self._request
        bundled = find_bundled(request.data)
        about: dict[str, Any] = {
            "data": describe_data(request.data, bundled.path if bundled else None if request.data == "-" else Path(request.data)),
            "target": self._prepared.target.column.name,
            "options": asdict(self._options),
        }
        out = None if request.out is None else Path(request.out)
        return open_run_folder(out, request.name or self._prepared.name, about, overwrite=request.overwrite)

    def _saving(self, number: int, frame: Any) -> None:
        """Let the first Ctrl-C after the training pass, so that the trained model is written; the next one is heard."""
        self._console.print("Measuring and writing the model; another Ctrl-C gives it up.")
        signal.signal(signal.SIGINT, signal.default_int_handler)

    def finish(self, model: Model) -> int:
        """Write the model, tell the outcome, and return the exit status."""
        folder, stopped, prepared = self._folder, self._stopped, self._prepared
        assert folder is not None and stopped is not None and prepared is not None  # a model is the last thing that comes
        state = "failed" if stopped.error else "interrupted" if stopped.interrupted else "done"
        folder.finish(model, state)
        show_stop(self._console, stopped)
        if stopped.best_epoch or not stopped.error:  # the weights are worth a look
            show_outcome(self._console, model, self._options.metric)
            show_next(self._console, folder, self._request.data, int(prepared.split.train[0]))
        if self._request.quiet and not stopped.error:
            messages().print(one_line(model, folder), soft_wrap=True)
        if self._request.json:
            about = {"run": str(folder.path), "model": str(folder.model), "state": state}
            write_json(model.report | about | ({"error": stopped.error} if stopped.error else {}))
        if stopped.error:
            return report_failure(NonFiniteError(f"{stopped.error} The last good weights are in {folder.model}."))
        return INTERRUPTED if stopped.interrupted else DONE
