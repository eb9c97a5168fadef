"""Many training steps in one native call, in slices short enough for a progress bar and Ctrl-C."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, NoReturn

import numpy as np

from chainrule.data.batches import steps_per_epoch
from chainrule.errors import NonFiniteError
from chainrule.ir import Program
from chainrule.training.state import Arrays, State

if TYPE_CHECKING:
    from chainrule.backends.llvm import Training

_SLICE_SECONDS = 0.05  # between two moments at which Python can act
_MOST_STEPS = 200_000  # of a slice, so that its order fits in memory
_MOST_REPLAYED = 1000  # steps between two looks at the weights
_WORK_OF_A_THREAD = 3e6  # operations a step that are worth another thread
_WORK_OF_A_CALL = 1e8  # operations that are worth starting threads for

Order = Callable[[int], np.ndarray]  # epoch → its rows
Explain = Callable[[State, np.ndarray], object]  # takes the step by the reference, which raises what is wrong with it


@dataclass
class NativeSteps:
    """The compiled steps of a training Program.

    Attributes:
        training: the compiled Program.
        trainable: the parameters that it replaces.
    """

    training: Training
    trainable: list[str]
    _seconds: float = 0.0  # of a row of a step

    @classmethod
    def of(cls, program: Program, trainable: list[str]) -> NativeSteps:
        """Compile a training Program."""
        from chainrule.backends.llvm import Training  # llvmlite loads where it is used

        return cls(Training(program), trainable)

    def run(
        self, state: State, data: Arrays, size: int, steps: int, order: Order, explain: Explain, threads: int | None
    ) -> tuple[State, np.ndarray]:
        """Take steps from where the state stands.

        Args:
            state: it is not changed.
            data: all rows of x, y and w.
            size: rows a step.
            steps: how many.
            order: the order of the rows of an epoch.
            explain: takes one step on some rows by the reference; it raises the error if a step fails.
            threads: at most so many; ``None`` for what suits the work.

        Returns:
            The new state, and the loss of each step before its update.
        """
        rows = len(data["y"])
        per_epoch = steps_per_epoch(rows, size)
        losses = [np.zeros(0)]
        known: dict[int, np.ndarray] = {}  # the order of the epoch at work
        taken = _Taken(state)
        while steps:
            number = min(steps, self._slice(size), _MOST_STEPS)
            known = {epoch: rows for epoch, rows in known.items() if epoch >= state.epoch}
            indices, meta = _batches(state, rows, size, number, per_epoch, partial(_asked, known, order))
            started = time.perf_counter()
            after, lost = self.take(taken, state, data, indices, meta, explain, self._threads(threads, size, number), last=number == steps)
            self._seconds = (time.perf_counter() - started) / (number * size)
            done = state.epoch * per_epoch + state.step + number
            state = replace(after, epoch=done // per_epoch, step=done % per_epoch)
            losses.append(lost)
            steps -= number
        return state, np.concatenate(losses)

    def one(self, state: State, batch: Arrays, explain: Explain) -> tuple[State, float]:
        """Take one step on a batch."""
        rows = len(batch["y"])
        meta = np.array([[0, rows, state.epoch, state.step]], np.int64)
        new, losses = self.take(_Taken(state), state, batch, np.arange(rows), meta, explain, 1, last=True)
        return new, float(losses[0])

    def _slice(self, size: int) -> int:
        return max(int(_SLICE_SECONDS / (self._seconds * size)), 1) if self._seconds else 1

    def _threads(self, most: int | None, size: int, steps: int) -> int:
        from chainrule.backends.llvm import processors

        if most is not None and most <= 1:
            return 1
        work = float(self.training.plan.work) * size
        if work * steps < _WORK_OF_A_CALL:
            return 1
        return max(min(int(work / _WORK_OF_A_THREAD), processors() if most is None else min(most, processors())), 1)

    def take(
        self,
        taken: _Taken,
        state: State,
        data: Arrays,
        indices: np.ndarray,
        meta: np.ndarray,
        explain: Explain,
        threads: int,
        *,
        last: bool,
    ) -> tuple[State, np.ndarray]:
        """Take some steps in place of the state, once it is our own.

        The weights are looked at now and then; where they or a loss are not finite, the steps since the snapshot are taken again to
        find the first one that failed, and the reference says what is wrong with it.
        """
        result = self.training.run(state.inputs({}), data, indices, meta, threads, in_place=bool(taken.slices))
        taken.slices.append((indices, meta))
        look = last or sum(len(meta) for _, meta in taken.slices) >= _MOST_REPLAYED
        if result.status or (look and not self._finite(result.state)):
            self._fail(taken, data, explain, threads)
        after = _after(state, result.state)
        if look and not last:
            taken.snapshot, taken.slices = after, []  # the next call copies it
        return after, result.losses

    def _finite(self, arrays: Arrays) -> bool:
        return all(np.isfinite(arrays[path]).all() for path in self.trainable)

    def _fail(self, taken: _Taken, data: Arrays, explain: Explain, threads: int) -> NoReturn:
        """Find the first step that fails by taking fewer, and raise what the reference says of it."""
        starts = np.cumsum([0, *(len(indices) for indices, _ in taken.slices)])
        indices = np.concatenate([indices for indices, _ in taken.slices])
        meta = np.concatenate([meta + np.array([start, 0, 0, 0]) for (_, meta), start in zip(taken.slices, starts, strict=False)])

        def attempt(number: int) -> State | None:
            result = self.training.run(taken.snapshot.inputs({}), data, indices, meta[:number], threads)
            return None if result.status or not self._finite(result.state) else _after(taken.snapshot, result.state)

        good, bad = 0, len(meta)
        while bad - good > 1:
            middle = (good + bad) // 2
            good, bad = (middle, bad) if attempt(middle) is not None else (good, middle)
        start, count, epoch, step = (int(number) for number in meta[good])
        before = replace(attempt(good) or taken.snapshot, epoch=epoch, step=step)
        explain(before, indices[start : start + count])
        error = NonFiniteError(
            f"epoch {epoch + 1}, step {step + 1}: the loss or a parameter is not finite; the update was not applied. "
            "Try a smaller learning rate."
        )
        error.state = before
        raise error


@dataclass
class _Taken:
    """The steps since a snapshot of the state: the rows of each slice, and what its batches are."""

    snapshot: State
    slices: list[tuple[np.ndarray, np.ndarray]] = field(default_factory=list)


def _asked(known: dict[int, np.ndarray], order: Order, epoch: int) -> np.ndarray:
    if epoch not in known:
        known[epoch] = np.asarray(order(epoch), np.int64)
    return known[epoch]


def _after(state: State, arrays: Arrays) -> State:
    return replace(
        state,
        params={path: arrays.get(path, array) for path, array in state.params.items()},
        optimizer={name: arrays.get(name, array) for name, array in state.optimizer.items()},
        buffers={name: arrays.get(name, array) for name, array in state.buffers.items()},
        count=int(arrays["count"]),
    )


def _batches(state: State, rows: int, size: int, steps: int, per_epoch: int, order: Order) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows of some steps, and for each step where its rows begin, how many they are, its epoch and its step."""
    first = state.epoch * per_epoch + state.step
    numbers = np.arange(first, first + steps, dtype=np.int64)
    meta = np.empty((steps, 4), np.int64)
    meta[:, 2], meta[:, 3] = numbers // per_epoch, numbers % per_epoch
    meta[:, 0] = (meta[:, 2] - state.epoch) * rows + meta[:, 3] * size
    meta[:, 1] = np.minimum(rows - meta[:, 3] * size, size)
    epochs = range(state.epoch, int(meta[-1, 2]) + 1)
    orders = [order(epoch) for epoch in epochs]
    return np.ascontiguousarray(np.concatenate(orders) if len(orders) > 1 else orders[0]), meta
