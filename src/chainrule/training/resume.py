"""Going on with a run that was ended before it was done: what its folder holds of it, as far as it is whole."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chainrule.errors import OptionError
from chainrule.training.checkpoint import load
from chainrule.training.events import History
from chainrule.training.history_file import read_history
from chainrule.training.loop import Standing
from chainrule.training.repeat import read_run
from chainrule.training.run_folder import CHECKPOINT, HISTORY, RUN, is_held


@dataclass(frozen=True)
class Ongoing:
    """A run to go on with; made by :func:`open_ongoing`.

    Attributes:
        path: its folder. ``about``: what its ``run.json`` says.
        options, own: the options of the training as :class:`Options` takes them, and the words ``data``, ``target`` and ``name``.
        standing: where it stood last; ``None`` where it was ended before its first checkpoint, so that it begins anew.
        history: the epochs, and the steps that were sampled, until then.
    """

    path: Path
    about: dict[str, Any]
    options: dict[str, Any]
    own: dict[str, Any]
    standing: Standing | None
    history: History


def open_ongoing(path: Path) -> Ongoing:
    """Read the folder of a run to go on with.

    Raises:
        OptionError: it is no run, is done, or is still going on; or a file that it read has changed.
        FileFormatError: its history or its checkpoint is damaged.
    """
    folder = path.parent if path.name == RUN else path
    options, own = read_run(folder, (), "the run")
    about = json.loads((folder / RUN).read_text(encoding="utf-8"))
    state = about.get("state")
    if state == "failed":
        raise OptionError(f"the run {folder} failed, and would fail again: {about.get('error', '')}")
    if state == "done" and "baselines" in about.get("report", {}):
        raise OptionError(f"the run {folder} is done; `chainrule train --config {folder}` repeats it.")
    if is_held(folder):
        raise OptionError(f"the run {folder} is still going on, in another process.")
    standing = load(folder / CHECKPOINT)
    whole = read_history(folder) if standing is not None and (folder / HISTORY).is_file() else History()
    if standing is None or len(whole.epochs) < standing.state.epoch:
        return Ongoing(folder, about, options, own, None, History())
    samples = [sample for sample in whole.samples if sample.step <= standing.state.count]
    return Ongoing(folder, about, options, own, standing, History(whole.epochs[: standing.state.epoch], samples))
