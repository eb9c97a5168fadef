"""A training Program as machine code: many steps in one native call."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.backends.llvm.compile import compiled
from chainrule.backends.llvm.frame import Frame, contiguous
from chainrule.backends.llvm.memory import Memory
from chainrule.backends.llvm.module import WORDS
from chainrule.backends.llvm.target import Target
from chainrule.ir import Program

Arrays = Mapping[str, np.ndarray]


class Training:
    """A training Program as machine code: many steps in one call, on its own copies of parameters and optimizer state."""

    def __init__(self, program: Program, target: Target | None = None) -> None:
        self.program = program
        self._target = target
        self.plan, self._run = compiled(program, target or Target.host(), True)
        self._frame = Frame(self.plan)
        self._memory = Memory({place.name: place.type for place in self.plan.places if place.kind == "state"})
        self._alone = threading.Lock()  # there is one frame, and the native loop runs without Python's own lock

    def __reduce__(self) -> Any:
        return Training, (self.program, self._target)

    def run(
        self,
        state: Arrays,
        data: Arrays,
        order: np.ndarray,
        meta: np.ndarray,
        threads: int = 1,
        *,
        in_place: bool = False,
    ) -> Result:
        """Take steps.

        Args:
            state: an array for each input that is neither x, y nor w; they are read and not changed.
            data: all rows of x, y and w.
            order: the rows of all steps, one after the other: int64.
            meta: int64 [steps, 4]: for each step where its rows begin in the order, how many they are, its epoch and its step.
            threads: how many threads work together; the result does not depend on it.
            in_place: whether the arrays of the state, which an earlier call returned, are to be replaced instead of copied.
        """
        with self._alone:
            return self._take(state, data, order, meta, threads, in_place)

    def _take(self, state: Arrays, data: Arrays, order: np.ndarray, meta: np.ndarray, threads: int, in_place: bool) -> Result:
        frame, plan = self._frame, self.plan
        rows = int(meta[:, 1].max(initial=0))
        frame.make_room(rows, threads)
        keep = [order, meta]
        if in_place:
            copies = {place.name: state[place.name] for place in plan.places if place.kind == "state"}
            addresses = {name: array.ctypes.data for name, array in copies.items()}
        else:
            copies, addresses = self._memory.copy(state)
        for number, place in enumerate(plan.places):
            if place.kind == "state":
                frame.table[number] = addresses[place.name]
            elif place.kind == "batch":
                array = contiguous(data[place.name])
                keep.append(array)
                frame.table[number] = frame.batch(number, rows)
                frame.table[len(plan.places) + number] = array.ctypes.data
            elif place.kind == "private" and place.name:
                frame.set_scalar(number, state[place.name])
        losses = np.zeros(max(len(meta), 1), np.float64)
        frame.context[WORDS.index("losses")] = losses.ctypes.data
        frame.context[WORDS.index("order")] = order.ctypes.data
        frame.meta(meta)
        frame.enter(self._run, len(meta), threads)
        done, status = (int(frame.context[WORDS.index(name)]) for name in ("done", "status"))
        if not len(meta):
            done = status = 0
        if frame.flagged():
            status = 2
        scalars = {
            place.name: frame.scalar(number).copy() for number, place in enumerate(plan.places) if place.kind == "private" and place.name
        }
        new = {
            name: copies[name] if name in copies else scalars[name]
            for name in (port.name for port in self.program.outputs)
            if name in copies or name in scalars
        }
        return Result(new, losses[: done + (status == 1)][: len(meta)], done, status)


@dataclass(frozen=True)
class Result:
    """What became of some steps.

    Attributes:
        state: the arrays that the steps replaced.
        losses: one a step.
        done: the steps whose update was applied.
        status: 0, or 1 if the next loss is not finite, or 2 if an index was out of its range.
    """

    state: dict[str, np.ndarray]
    losses: np.ndarray
    done: int
    status: int
