"""The proof that a run goes on with the same bits: it is repeated, killed, gone on with from its folder, and compared with itself."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from chainrule.errors import ChainruleError, OptionError
from chainrule.training.checkpoint import save
from chainrule.training.events import EpochEnded, History
from chainrule.training.history_file import read_history
from chainrule.training.model import Model
from chainrule.training.model_file import read_tensors
from chainrule.training.options import Options
from chainrule.training.repeat import read_run
from chainrule.training.resume import open_ongoing
from chainrule.training.run_folder import CHECKPOINT, MODEL, RUN, RunFolder, json_text, open_run_folder
from chainrule.training.statistics.sample import StepSampled
from chainrule.training.train import NetworkBuilt, Trained, train_events
from chainrule.words import word

_MEASURED = {"seconds", "rows_per_second"}  # what no two runs have alike


@dataclass(frozen=True)
class ResumeVerified:
    """What came of :func:`verify_resume`.

    Attributes:
        run: the folder of the run. ``epochs``: how many it has. ``checkpoint``: the epoch after which the killed one went on.
        arrays, samples: how many arrays of the model, and steps that were sampled, were compared, beside the epochs of the history.
        repeats: whether the run itself has these bits; not where it was made by another machine or version, and then the run that was gone
            on with is compared with one that was made here without a break.
        differs: what is not the same to the bit: paths of arrays, ``epoch N``, ``step N``.
    """

    run: str
    epochs: int
    checkpoint: int
    arrays: int
    samples: int
    repeats: bool
    differs: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Say whether nothing differs."""
        return not self.differs

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON-ready data."""
        return {"ok": self.ok, **asdict(self)}


def verify_resume(run: str | Path) -> ResumeVerified:
    """Repeat a run in a process that is killed halfway, go on from what its folder then holds, and compare with the run, bit by bit.

    It takes about as long as the run did; nothing is written to its folder.

    Raises:
        OptionError: it is no run, is not done, has one epoch, or was stopped by the clock; or a file that it read has changed.
    """
    path = Path(run)
    folder = path.parent if path.name == RUN else path
    given, own = read_run(folder, (), "the run")
    options = replace(Options.of(given), trees=False)
    about = json.loads((folder / RUN).read_text(encoding="utf-8"))
    if about.get("state") != "done":
        raise OptionError(
            f"the run {folder} is not done, so there is nothing to compare with; `chainrule resume {folder}` goes on with it."
        )
    if options.time_budget is not None:
        raise OptionError(
            f"the run {folder} has a {word('time_budget')}: when it stops depends on the clock, so that it cannot be repeated."
        )
    history = read_history(folder)
    epochs = len(history.epochs)
    if epochs < 2:
        raise OptionError(f"the run {folder} has {epochs} epoch, so that there is nothing to go on with; it takes 2.")
    bits = _bits(folder / MODEL, history)
    with TemporaryDirectory(prefix="chainrule-") as made:
        resumed = _killed_and_resumed(Path(made) / "killed", options, own, about, epochs // 2)
        repeats = not (differs := _differing(bits, resumed))
        if not repeats:
            whole = _trained(train_events(own["data"], own["target"], options))
            differs = _differing(_bits_of(whole, Path(made) / MODEL), resumed)
    samples = sum(name.startswith("step ") for name in bits)
    return ResumeVerified(str(folder), epochs, epochs // 2, len(bits) - epochs - samples, samples, repeats, tuple(differs))


def _killed_and_resumed(folder: Path, options: Options, own: dict[str, Any], about: dict[str, Any], epoch: int) -> dict[str, Any]:
    """Return the bits of a run that was killed after an epoch's checkpoint, in a process of its own, and gone on with in this one."""
    told = {name: about[name] for name in ("data", "files", "target")} | {"options": asdict(options)}
    process = get_context("spawn").Process(target=_train_and_die, args=(folder, own, options, told, epoch))
    process.start()
    process.join()
    if not (folder / CHECKPOINT).is_file():
        raise ChainruleError(f"the run could not be repeated: its process ended with {process.exitcode} before epoch {epoch} was done.")
    ongoing = open_ongoing(folder)

    def going_on() -> Iterator[Any]:
        for event in train_events(ongoing.own["data"], ongoing.own["target"], Options.of(ongoing.options)):
            if isinstance(event, NetworkBuilt) and ongoing.standing is not None:
                event.loop.go_on(ongoing.standing, ongoing.history)
            yield event

    return _bits_of(_trained(going_on()), folder / MODEL)


def _train_and_die(folder: Path, own: dict[str, Any], options: Options, about: dict[str, Any], epoch: int) -> None:
    """Train, write a checkpoint after an epoch, and be killed at the end of the next one, as a power failure would."""
    kept: RunFolder | None = None
    for event in train_events(own["data"], own["target"], options):
        if isinstance(event, NetworkBuilt):
            loop, kept = event.loop, open_run_folder(folder, own["name"], about)
        elif isinstance(event, (EpochEnded, StepSampled)) and kept is not None:
            kept.add(event)
            if isinstance(event, EpochEnded) and event.epoch == epoch:
                save(loop.standing, folder / CHECKPOINT)
            elif isinstance(event, EpochEnded) and event.epoch > epoch:
                os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))


def _trained(events: Iterator[Any]) -> Model:
    """Return the model of a training, which is not measured."""
    return next(event.model for event in events if isinstance(event, Trained))


def _bits_of(model: Model, path: Path) -> dict[str, Any]:
    model.save(path)
    return _bits(path, model.history)


def _bits(model: Path, history: History) -> dict[str, Any]:
    """Return what is compared: the bytes of each array of a model file, and the text of each epoch and of each step that was sampled."""
    arrays = {name: (array.dtype.str, array.shape, array.tobytes()) for name, array in read_tensors(model)[1].items()}
    epochs = {f"epoch {row['epoch']}": json_text({k: v for k, v in row.items() if k not in _MEASURED}) for row in history.rows()}
    return arrays | epochs | {f"step {sample.step}": json_text(sample.row()) for sample in history.samples}


def _differing(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    return [name for name in one | other if one.get(name) != other.get(name)]
