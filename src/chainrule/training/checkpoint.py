"""The checkpoint of a run, ``checkpoint.safetensors``: where it stood after an epoch, so that a run that was ended can go on from there.

It holds data and never code: tensors ``now/…`` and ``best/…`` as in a model file, and the loop's numbers in the header.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from chainrule.data.typed import read_fields
from chainrule.errors import ChainruleError, FileFormatError
from chainrule.training.files import write_atomically
from chainrule.training.loop import Standing
from chainrule.training.model_file import KEY, read_state, read_tensors, state_parts
from chainrule.training.run_folder import CHECKPOINT

_KIND = "checkpoint"
_NUMBERS = {"best_epoch": int, "best_value": float | None, "stalled": int, "seconds": float, "told": list[str]}
_SECONDS, _SHARE = 1.0, 50  # between two checkpoints; and so many times what the last one took to write


@dataclass
class Checkpoints:
    """Writes the checkpoint of a run again and again, as often as costs next to nothing: at most 2 % of the time."""

    folder: Path
    _next: float = 0.0

    def __post_init__(self) -> None:
        self._next = time.monotonic() + _SECONDS

    def offer(self, standing: Standing) -> None:
        """Write where a run stands, if the last time is long enough ago.

        Raises:
            OSError: it cannot be written.
        """
        started = time.monotonic()
        if started >= self._next:
            save(standing, self.folder / CHECKPOINT)
            now = time.monotonic()
            self._next = now + max(_SECONDS, _SHARE * (now - started))


def save(standing: Standing, path: Path) -> None:
    """Write a checkpoint; raises ``OSError`` where that is not possible."""
    from safetensors.numpy import save as pack

    header: dict[str, Any] = {"format": 1, "kind": _KIND}
    tensors: dict[str, np.ndarray] = {}
    for name, state in (("now", standing.state), ("best", standing.best)):
        header[name], parts = state_parts(state, name)
        tensors |= parts
    header |= {name: getattr(standing, name) for name in _NUMBERS} | {"told": sorted(standing.told)}
    header["best_value"] = None if np.isnan(standing.best_value) else standing.best_value
    write_atomically(path, pack(tensors, {KEY: json.dumps(header)}))


def load(path: Path) -> Standing | None:
    """Read a checkpoint; ``None`` if there is none.

    Raises:
        FileFormatError: it is damaged, or of a newer format.
    """
    if not path.is_file():
        return None
    try:
        header, tensors = read_tensors(path)
        if header.get("kind") != _KIND or header.get("format") != 1:
            raise FileFormatError("it is no checkpoint of this format.")
        now, best = (read_state(header[name], tensors, name) for name in ("now", "best"))
        numbers = read_fields({name: header[name] for name in _NUMBERS}, _NUMBERS, _KIND)
    except (ChainruleError, KeyError, TypeError) as error:
        raise FileFormatError(f"{path} is damaged; remove it, and the run begins anew.") from error
    value = numbers.pop("best_value")
    return Standing(now, best, best_value=float("nan") if value is None else value, **(numbers | {"told": set(numbers["told"])}))
