"""A training Program taken through any number of native calls: the state stays in native memory, the rows where they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from chainrule.backends.llvm.frame import Frame, contiguous, zeros
from chainrule.backends.llvm.layout import WORDS
from chainrule.backends.llvm.memory import Memory
from chainrule.ir import Program, bind_axes

Arrays = Mapping[str, np.ndarray]
_LOSSES, _ORDER, _MEASURE, _DONE, _STATUS = (WORDS.index(name) for name in ("losses", "order", "measure", "done", "status"))


class Session:
    """One run of a training Program, on its own copies of parameters and optimizer state.

    Attributes:
        frame: its memory apart from the state; nobody else uses it meanwhile.
        losses: of the steps of the last call. ``done``: how many of them were applied. ``status``: 0, or 1 if the next loss is not
            finite, or 2 if an index was out of its range.
    """

    def __init__(self, program: Program, function: Any, frame: Frame, memory: Memory, state: Arrays) -> None:
        """Begin.

        Args:
            program, function: the training Program, and what it was compiled to.
            frame: of its plan.
            memory: holds the copies of the state.
            state: an array for each input that is neither x, y nor w; they are read and not changed.
        """
        self._run, self.frame, self._memory = function, frame, memory
        places = list(enumerate(frame.plan.places))
        self._batch = [(number, place.name) for number, place in places if place.kind == "batch"]
        self._data = len(places)
        self._scalars = {place.name: number for number, place in places if place.kind == "private" and place.name}
        self._arrays, addresses = memory.copy(state)
        for number, place in places:
            if place.kind == "state":
                frame.table[number] = addresses[place.name]
        self._replaced = {port.name for port in program.outputs}
        self._watched: dict[int, np.ndarray] = {}  # the memory of what is watched
        self._watching = -1  # for how many rows it is
        self._seen: tuple[Any, dict[str, np.ndarray]] = None, {}  # views of all that is seen, for so many rows and threads
        self._statistics = {port.name for port in program.outputs if port.role == "statistic"}
        self.losses, self.done, self.status = np.zeros(0), 0, 0
        frame.make_room(0, 1)  # for the numbers; rows come with each call
        self.set({name: state[name] for name in self._scalars})

    def set(self, state: Arrays) -> None:
        """Go on from another state: arrays and numbers by name, all or some."""
        for name, value in state.items():
            if name in self._arrays:
                self._arrays[name][...] = self._memory.fitting(name, value)
            elif name in self._scalars:
                self.frame.set_scalar(self._scalars[name], value)

    def take(self, data: Arrays, order: np.ndarray, meta: np.ndarray, threads: int = 1, *, watch: bool = False) -> np.ndarray:
        """Take steps and return their losses; see ``done`` and ``status``.

        Args:
            data: all rows of x, y and w.
            order: the rows of all steps, one after the other: int64.
            meta: int64 [steps, 4]: for each step where its rows begin in the order, how many they are, its epoch and its step.
            threads: how many threads work together; the result does not depend on it.
            watch: whether :meth:`seen` is asked afterwards for what the last step showed.
        """
        frame, steps = self.frame, len(meta)
        rows = int(meta[:, 1].max(initial=0))
        numbers = self._numbers() if threads > 1 else {}  # each thread has its own, which stood still while others worked
        frame.make_room(rows, threads)
        self.set(numbers)
        kept = [contiguous(data[name]) for _, name in self._batch]
        for (number, _), array in zip(self._batch, kept, strict=True):
            frame.table[number] = frame.batch(number, rows)
            frame.table[self._data + number] = array.ctypes.data
        if watch:
            self._watch()
        losses = np.zeros(max(steps, 1), np.float64)
        frame.context[_LOSSES] = losses.ctypes.data
        frame.context[_ORDER] = order.ctypes.data
        frame.meta(meta)
        frame.enter(self._run, steps, threads)
        for number in self._watched if watch else ():
            frame.table[number] = 0
        self.done, self.status = (int(frame.context[_DONE]), int(frame.context[_STATUS])) if steps else (0, 0)
        if frame.flagged():
            self.status = 2
        self.losses = losses[: self.done + (self.status == 1)][:steps]
        return self.losses

    def seen(self, rows: int) -> dict[str, np.ndarray]:
        """Return what the last step, of so many rows, showed to who watched it: the outputs whose role is ``statistic``, as views."""
        if self._seen[0] != (rows, self.frame.threads):
            self._seen = (rows, self.frame.threads), {name: self._view(name, rows) for name in self._statistics}
        return self._seen[1]

    def _view(self, name: str, rows: int) -> np.ndarray:
        number, type, _ = self.frame.plan.outputs[name]
        place, shape = self.frame.plan.places[number], bind_axes(type.shape, rows)
        if place.kind == "private":
            return self.frame.scalar(number)
        if place.kind == "temporary":
            return self.frame.temporary(number, rows).reshape(shape)
        if place.kind == "state":
            return self._arrays[place.name].reshape(shape)
        memory = self._watched[number] if place.kind == "watched" else self.frame.batches[number]
        kind = np.dtype(type.dtype)
        return memory[: int(np.prod(shape, dtype=np.int64)) * kind.itemsize].view(kind).reshape(shape)

    def _watch(self) -> None:
        """Have memory for what is watched, for as many rows as the frame has."""
        if self._watching != self.frame.rows:
            watched = [(number, place) for number, place in enumerate(self.frame.plan.places) if place.kind == "watched"]
            self._watched = {number: zeros(place.size(self.frame.rows), np.uint8) for number, place in watched}
            self._watching, self._seen = self.frame.rows, (None, {})
        for number, memory in self._watched.items():
            self.frame.table[number] = memory.ctypes.data

    def measure(self, data: Arrays, order: np.ndarray, meta: np.ndarray, threads: int = 1) -> float:
        """Return the loss that the next step begins with, without taking it."""
        self.frame.context[_MEASURE] = 1
        losses = self.take(data, order, meta, threads)
        self.frame.context[_MEASURE] = 0
        return float(losses[0]) if len(losses) else float("nan")

    def now(self, name: str) -> np.ndarray:
        """Return an array or number of the state as it is now, as a view."""
        return self._arrays[name] if name in self._arrays else self.frame.scalar(self._scalars[name])

    def state(self, *, last: bool = False) -> dict[str, np.ndarray]:
        """Return the arrays and numbers that the steps replace: copies, or if no step follows, the arrays themselves."""
        arrays = self._arrays if last else self._memory.copy(self._arrays)[0]
        return {name: value for name, value in (arrays | self._numbers()).items() if name in self._replaced}

    def finite(self, names: list[str]) -> bool:
        """Say whether some of the arrays and numbers are finite."""
        return all(np.isfinite(self.now(name)).all() for name in names)

    def _numbers(self) -> dict[str, np.ndarray]:
        return {name: self.frame.scalar(number).copy() for name, number in self._scalars.items()}
