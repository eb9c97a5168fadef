"""Reading the history of a run from its folder, whole or as far as it was written."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from chainrule.errors import FileFormatError
from chainrule.training.events import EpochEnded, History
from chainrule.training.run_folder import HISTORY, STATISTICS
from chainrule.training.statistics.sample import StepSampled

_OWN = {item.name for item in fields(EpochEnded)} - {"valid"}


def read_history(folder: Path) -> History:
    """Return the history in the folder of a run: its epochs, and the steps that were sampled, if any were.

    A last line that was cut off is left out: the run was ended while it was written.

    Raises:
        FileFormatError: there is no history, or a line of it is damaged; says which.
    """
    path = folder / HISTORY
    if not path.is_file():
        raise FileFormatError(f"{folder} has no {HISTORY}: it is not the folder of a run, or its history was removed.")
    epochs = [_read(path, number, row, _epoch) for number, row in _lines(path)]
    statistics = folder / STATISTICS
    samples = [_read(statistics, number, row, StepSampled.of_row) for number, row in _lines(statistics)] if statistics.is_file() else []
    return History(epochs, samples)


def _lines(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    for number, line in enumerate(lines, 1):
        try:
            yield number, json.loads(line)
        except ValueError as error:
            if number == len(lines):
                return
            raise FileFormatError(f"{path}, line {number}: this is no JSON.") from error


def _read(path: Path, number: int, row: Mapping[str, Any], make: Any) -> Any:
    try:
        return make(row)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise FileFormatError(f"{path}, line {number}: it is damaged ({error}).") from error


def _epoch(row: Mapping[str, Any]) -> EpochEnded:
    nan = float("nan")
    values: dict[str, Any] = {name: nan if value is None else value for name, value in row.items()}
    valid = {name.removeprefix("valid_"): float(value) for name, value in values.items() if name.startswith("valid_")}
    return EpochEnded(**{name: values[name] for name in _OWN}, valid=valid)
