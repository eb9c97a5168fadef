"""A run as its folder tells it: what was asked for, how it went, the model, and the rows, as far as they are still there."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any

from chainrule.errors import ChainruleError, FileFormatError
from chainrule.training.events import History
from chainrule.training.history_file import read_history
from chainrule.training.model import Model
from chainrule.training.model_file import load
from chainrule.training.options import Options
from chainrule.training.prepare import Prepared, prepare
from chainrule.training.repeat import read_run
from chainrule.training.run_folder import MODEL, RUN

_ENDED = ("done", "failed", "interrupted")


@dataclass(frozen=True)
class RunRecord:
    """What the folder of a run holds; made by :func:`open_run`.

    Attributes:
        path: the folder. ``about``: what its ``run.json`` says.
        history: its epochs and the steps that were sampled, none where the files are not there.
        model: the model, with that history; ``None`` where none was written yet.
        options, prepared: how it was trained, and its rows, read and divided as then; ``None`` where they are not there any more.
        said: a sentence for each thing that is missing.
    """

    path: Path
    about: dict[str, Any]
    history: History
    model: Model | None
    options: Options | None
    prepared: Prepared | None
    said: tuple[str, ...]

    def _repr_html_(self) -> Any:
        return import_module("chainrule.inspect.notebook").html_of(self)  # a room above this one, opened on demand

    @property
    def name(self) -> str:
        """The name of the run."""
        return str(self.about.get("name", self.path.name))

    @property
    def plot(self) -> Any:
        """The pictures of the run, with matplotlib: ``run.plot.curves()``; see :class:`chainrule.inspect.plots.Plots`.

        Raises:
            ImportError: matplotlib is not installed; the message names the extra.
        """
        return import_module("chainrule.inspect.plots").plots_of(self)  # a room above this one, opened on demand

    @property
    def report(self) -> dict[str, Any]:
        """What was measured; empty where the run did not come to that."""
        return dict(self.about.get("report", {}))


def open_run(path: str | Path, data: Any = None) -> RunRecord:
    """Read the folder of a run.

    Args:
        path: the folder, or a file in it.
        data: the table of the run, where it is not where it was, or was read from standard input.

    Raises:
        FileFormatError: there is no such folder, it is not a run's, or a file in it is damaged.
    """
    given = Path(path)
    folder = given.parent if given.name in (MODEL, RUN) else given
    if not folder.exists():
        raise FileFormatError(f"there is no run {given}.")
    if not (folder / RUN).is_file():
        raise FileFormatError(f"{given} is not the folder of a run: it has no {RUN}.")
    about = _about(folder)
    said = []
    history, model = History(), None
    try:
        history = read_history(folder)
    except FileFormatError as error:
        said.append(f"{str(error).rstrip('.')}: nothing is said of its course.")
    if (folder / MODEL).is_file():
        model = replace(load(folder / MODEL), history=history)
    if about.get("state") not in _ENDED:
        state = about.get("state", "of unknown state")
        said.append(f"the run is not finished ({state}); what follows is of its first {len(history.epochs)} epochs.")
    options, prepared = None, None
    try:
        given_options, own = read_run(folder, {"data"} if data is not None else set(), "the run")
        options = Options.of(given_options)
        prepared = prepare(own["data"] if data is None else data, own["target"], options)
    except ChainruleError as error:
        said.append(f"its rows are not looked at: {error}")
    return RunRecord(folder, about, history, model, options, prepared, tuple(said))


def _about(folder: Path) -> dict[str, Any]:
    try:
        about = json.loads((folder / RUN).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise FileFormatError(f"{folder / RUN} cannot be read: {error}.") from error
    if not isinstance(about, dict):
        raise FileFormatError(f"{folder / RUN} does not describe a run.")
    return about
