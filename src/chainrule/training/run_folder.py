"""The folder of a run: ``model.safetensors``, ``history.jsonl`` (a line for each epoch), ``statistics.jsonl`` (a line for each step that
was sampled), ``run.json``, which tells enough to repeat the run, and ``out_of_fold.csv``, the answers of a cross-validation."""

from __future__ import annotations

import json
import math
import os
import platform
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import file_digest
from importlib.metadata import PackageNotFoundError, version
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TextIO

from chainrule import __version__
from chainrule.errors import OptionError
from chainrule.training.events import EpochEnded, History, Stopped
from chainrule.training.files import write_atomically
from chainrule.training.model import Model
from chainrule.training.statistics.sample import StepSampled
from chainrule.words import setting

MODEL, HISTORY, STATISTICS, RUN = "model.safetensors", "history.jsonl", "statistics.jsonl", "run.json"
CHECKPOINT = "checkpoint.safetensors"
OUT_OF_FOLD = "out_of_fold.csv"


def json_text(data: Any, indent: int | None = None) -> str:
    """Return JSON in which a number that is NaN or infinite is null, as JSON has no word for it."""
    return json.dumps(_finite(data), ensure_ascii=False, allow_nan=False, indent=indent)


def _finite(data: Any) -> Any:
    if isinstance(data, Mapping):
        return {key: _finite(value) for key, value in data.items()}
    if isinstance(data, (list, tuple)):
        return [_finite(value) for value in data]
    return None if isinstance(data, float) and not math.isfinite(data) else data


def describe_data(data: str, path: Path | None) -> dict[str, Any]:
    """Return what ``run.json`` tells of a table: how it was named, its absolute path, its size and the SHA-256 of its bytes."""
    if path is None or not path.is_file():
        return {"given": data}
    with path.open("rb") as file:
        digest = file_digest(file, "sha256").hexdigest()
    return {"given": data, "path": str(path.resolve()), "bytes": path.stat().st_size, "sha256": digest}


@dataclass
class RunFolder:
    """The folder of one run, while the run goes on; made by :func:`open_run_folder`.

    ``about`` is what ``run.json`` holds from the start, to which :meth:`finish` adds how the run ended.
    """

    path: Path
    about: dict[str, Any]
    _files: dict[str, TextIO] = field(repr=False)

    @property
    def model(self) -> Path:
        """The model file."""
        return self.path / MODEL

    def add(self, event: EpochEnded | StepSampled) -> None:
        """Write one line of the history or of the statistics; it is in the file when this returns."""
        if isinstance(event, EpochEnded):
            self._write(HISTORY, History([event]).rows()[0])
        else:
            self._write(STATISTICS, event.row())

    def finish(self, model: Model, stopped: Stopped) -> None:
        """Write the model, with what its report holds by now, and how the run ended: ``done``, ``interrupted`` or ``failed``.

        Raises:
            FileFormatError: the model file cannot be written. OSError: another one cannot.
        """
        self._close()
        model.save(self.model)
        if model.cross_validation is not None:
            write_atomically(self.path / OUT_OF_FOLD, model.cross_validation.frame().write_csv().encode())
        state = state_of(stopped)
        failure = {"error": stopped.error, "row": stopped.row} if stopped.error else {}
        self._write_about(state=state, **failure, report=model.report)

    def abandon(self, state: str) -> None:
        """Note that something broke the run off, if that can still be written."""
        self._close()
        with suppress(OSError):
            self._write_about(state=state)

    def _write(self, name: str, row: Mapping[str, Any]) -> None:
        if name not in self._files:
            self._files[name] = (self.path / name).open("w", encoding="utf-8")
        self._files[name].write(json_text(row) + "\n")
        self._files[name].flush()

    def _close(self) -> None:
        for file in self._files.values():
            file.close()

    def _write_about(self, **more: Any) -> None:
        self.about |= more
        write_atomically(self.path / RUN, (json_text(self.about, indent=2) + "\n").encode())


def state_of(stopped: Stopped) -> str:
    """Return how a run ended, as ``run.json`` says it."""
    return "failed" if stopped.error else "interrupted" if stopped.interrupted else "done"


def check_run_folder(path: Path | None, overwrite: bool) -> None:
    """Refuse a folder that a run must not be written to, before anything else is done; ``None`` stands for a folder in ``runs``.

    Raises:
        OptionError: it is a file, it is not empty and may not be overwritten, or it cannot be written to.
    """
    place = path or Path("runs")
    there = next(folder for folder in (place, *place.absolute().parents) if folder.exists())
    if there != path or there.is_dir():
        try:
            with TemporaryDirectory(dir=there):  # permissions alone do not tell
                pass
        except OSError as error:
            what = f"the run cannot be written to {place}: {error.strerror or error}"
            raise OptionError(f"{what}; choose another folder with {setting('out')}.") from error
    if path is None:
        return
    try:
        if path.exists() and not path.is_dir():
            raise OptionError(f"{setting('out', path)} is a file and must be a folder.")
        if path.is_dir() and not overwrite and any(path.iterdir()):
            raise OptionError(
                f"{setting('out', path)} is not empty; choose another folder, or replace the run in it with {setting('overwrite', True)}."
            )
    except OSError as error:
        raise OptionError(f"{setting('out', path)} cannot be read: {error.strerror or error}.") from error


def open_run_folder(path: Path | None, name: str, about: Mapping[str, Any], *, overwrite: bool = False) -> RunFolder:
    """Make the folder of a run and begin its files; a run that is overwritten is removed, other files are left alone.

    Args:
        path: the folder, or ``None`` for the first of ``runs/NAME-1``, ``runs/NAME-2``, … that does not exist.
        name: NAME.
        about: what is known of the run: its data, its options.
        overwrite: whether the folder may hold files.

    Raises:
        OptionError: the folder cannot be made or written to.
    """
    check_run_folder(path, overwrite)
    try:
        if path is None:
            path = _next_folder(Path("runs"), name)
        else:
            path.mkdir(parents=True, exist_ok=True)
            for known in (MODEL, HISTORY, STATISTICS, RUN, OUT_OF_FOLD, CHECKPOINT):
                (path / known).unlink(missing_ok=True)
        history = _held((path / HISTORY).open("w", encoding="utf-8"))
        made_with = {"chainrule": __version__, "python": platform.python_version(), "platform": platform.platform(), **_versions()}
        run = RunFolder(path, {"format": 1, "name": name, "state": "running", **about, "made_with": made_with}, {HISTORY: history})
        run._write_about()
    except OSError as error:
        place = path or Path("runs")
        raise OptionError(
            f"the run cannot be written to {place}: {error.strerror or error}; choose another folder with {setting('out')}."
        ) from error
    return run


def reopen_run_folder(path: Path, about: Mapping[str, Any], history: History) -> RunFolder:
    """Go on with the folder of a run, whose files then hold this history and no more.

    Raises:
        OptionError: it cannot be written to.
    """
    rows = {HISTORY: history.rows()} | ({STATISTICS: [sample.row() for sample in history.samples]} if history.samples else {})
    try:
        for name, lines in rows.items():
            write_atomically(path / name, "".join(json_text(line) + "\n" for line in lines).encode())
        files: dict[str, TextIO] = {name: (path / name).open("a", encoding="utf-8") for name in rows}
        _held(files[HISTORY])
        run = RunFolder(path, {key: value for key, value in about.items() if key != "report"} | {"state": "running"}, files)
        run._write_about()
    except OSError as error:
        raise OptionError(f"the run cannot be written to {path}: {error.strerror or error}.") from error
    return run


def _held(file: TextIO) -> TextIO:
    """Hold a file as long as it is open, so that others can tell that the run goes on; where the system cannot, nothing happens."""
    with suppress(ImportError, OSError):
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return file


def is_held(path: Path) -> bool:
    """Say whether a process writes the history of the run in this folder."""
    with suppress(ImportError, FileNotFoundError):
        import fcntl

        with (path / HISTORY).open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError:
                return True
    return False


def _next_folder(runs: Path, name: str) -> Path:
    runs.mkdir(exist_ok=True)
    for number in count(1):
        folder = runs / f"{name}-{number}"
        try:
            folder.mkdir()
        except FileExistsError:
            continue
        return folder
    raise AssertionError  # the numbers do not end


def _versions() -> dict[str, str]:
    found = {}
    for package in ("numpy", "polars", "safetensors"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:  # a frozen application has no metadata
            continue
    return found | {"processors": str(os.cpu_count() or 1)}
