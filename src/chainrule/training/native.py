"""Many training steps in one native call, in slices short enough for a progress bar and Ctrl-C."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NoReturn

import numpy as np

from chainrule.backends import processors
from chainrule.errors import NonFiniteError
from chainrule.ir import Program
from chainrule.training.state import Arrays, State
from chainrule.training.stepping import Feed, Watched

if TYPE_CHECKING:
    from chainrule.backends.llvm import Training

_SLICE_SECONDS = 0.05  # between two moments at which Python can act
_MOST_STEPS = 200_000  # of a slice, so that its order fits in memory
_MOST_REPLAYED = 1000  # steps that are taken again where one fails
_WORK_OF_A_THREAD = 3e6  # operations a step that are worth another thread
_WORK_OF_A_CALL = 1e8  # operations that are worth starting threads for

Explain = Callable[[State, np.ndarray], object]  # takes the step by the reference, which raises what is wrong with it


@dataclass
class NativeSteps:
    """The compiled steps of a training Program.

    Attributes:
        training: the compiled Program.
        trainable: the parameters that it replaces.
        seconds: what a step of so many rows took the last time.
    """

    training: Training
    trainable: list[str]
    seconds: dict[int, float] = field(default_factory=dict)

    @classmethod
    def of(cls, program: Program, trainable: list[str]) -> NativeSteps:
        """Compile a training Program."""
        from chainrule.backends.llvm import Training  # llvmlite loads where it is used

        return cls(Training(program), trainable)

    def slice(self, size: int) -> int:
        """Return how many steps of some rows fit between two moments at which Python can act."""
        return min(max(int(_SLICE_SECONDS / self.seconds[size]), 1) if size in self.seconds else 1, _MOST_STEPS)

    def threads(self, most: int | None, size: int, steps: int) -> int:
        """Return how many threads suit some steps of some rows; ``most`` is the most of them."""
        if most is not None and most <= 1:
            return 1
        work = float(self.training.plan.work) * size
        if work * steps < _WORK_OF_A_CALL:
            return 1
        return max(min(int(work / _WORK_OF_A_THREAD), processors() if most is None else min(most, processors())), 1)


class NativeStepper:
    """A :class:`chainrule.training.stepping.Stepper` in native code.

    Between two calls the state stays in native memory; it is copied when it is asked for. The weights are looked at after each call. Where
    they or a loss are not finite, the steps since the last copy are taken again to find the first one that failed, and the reference
    says what is wrong with it.
    """

    def __init__(self, native: NativeSteps, state: State, feed: Feed, explain: Explain, threads: int | None = None) -> None:
        self.feed = feed
        self._native, self._explain, self._threads = native, explain, threads
        self._session = native.training.begin(state.inputs({}))
        self._known, self._epoch, self._step = state, state.epoch, state.step
        self._slices: list[tuple[np.ndarray, np.ndarray]] = []  # the rows of the steps since ``_known``, and what their batches are

    @property
    def state(self) -> State:
        """Return where it stands."""
        if self._slices:
            self._stand(self._session.state())
        return self._known

    @state.setter
    def state(self, state: State) -> None:
        known = self.state
        if state is not known:
            inputs = state.inputs({})
            same = state.params is known.params and state.optimizer is known.optimizer
            self._session.set({name: inputs[name] for name in inputs if not same or not inputs[name].ndim})
            self._known, self._epoch, self._step = state, state.epoch, state.step

    def end(self) -> State:
        """Return where it stands for good."""
        self._stand(self._native.training.end(self._session))
        return self._known

    def _stand(self, arrays: Arrays) -> None:
        self._known, self._slices = replace(_after(self._known, arrays), epoch=self._epoch, step=self._step), []

    def take(self, steps: int) -> np.ndarray:
        """Take steps, and return the loss of each before its update."""
        return self._take(steps)

    def _take(self, steps: int, *, watch: bool = False) -> np.ndarray:
        losses: list[np.ndarray] = []
        size, per_epoch = min(self.feed.size, self.feed.rows), self.feed.per_epoch
        while steps:
            number = min(steps, self._native.slice(size))
            indices, meta = self.feed.batches(self._epoch, self._step, number)
            started = time.perf_counter()
            found = self._session.take(self.feed.data, indices, meta, self._native.threads(self._threads, size, number), watch=watch)
            self._native.seconds[size] = (time.perf_counter() - started) / number
            self._slices.append((indices, meta))
            steps -= number
            many = sum(len(meta) for _, meta in self._slices) >= _MOST_REPLAYED
            if self._session.status or ((many or not steps) and not self._session.finite(self._native.trainable)):
                self._fail(sum(map(len, losses)) + number)
            losses.append(found)
            done = self._step + number
            self._epoch, self._step = self._epoch + done // per_epoch, done % per_epoch
            if many:
                self.state  # noqa: B018 - copies the state, from which later steps would be taken again
        return np.concatenate(losses) if losses else np.zeros(0)

    def watch(self) -> Watched:
        """Take a step, and return what it showed."""
        session, trainable = self._session, self._native.trainable
        before = {path: session.now(path).copy() for path in trainable}
        epoch, (indices, meta) = self._epoch, self.feed.batches(self._epoch, self._step, 1)
        (loss,), rows = self._take(1, watch=True), int(meta[0, 1])
        count, after = int(session.now("count")), {path: session.now(path) for path in trainable}

        def loss_after() -> float:
            return session.measure(self.feed.data, indices, meta, self._native.threads(self._threads, rows, 1))

        return Watched(count, epoch, rows, float(loss), before, after, session.seen(rows), loss_after)

    def _fail(self, recent: int) -> NoReturn:
        """Find the first step that fails by taking fewer, and raise what the reference says of it.

        Args:
            recent: the steps of this call, the last ones of those since the state was copied.
        """
        training, feed, snapshot = self._native.training, self.feed, self._known
        starts = np.cumsum([0, *(len(indices) for indices, _ in self._slices)])
        indices = np.concatenate([indices for indices, _ in self._slices])
        meta = np.concatenate([meta + np.array([start, 0, 0, 0]) for (_, meta), start in zip(self._slices, starts, strict=False)])

        def attempt(number: int) -> tuple[State, np.ndarray] | None:
            result = training.run(snapshot.inputs({}), feed.data, indices, meta[:number])
            finite = not result.status and all(np.isfinite(result.state[path]).all() for path in self._native.trainable)
            return (_after(snapshot, result.state), result.losses) if finite else None

        good, bad = 0, len(meta)
        while bad - good > 1:
            middle = (good + bad) // 2
            good, bad = (middle, bad) if attempt(middle) is not None else (good, middle)
        state, losses = attempt(good) or (snapshot, np.zeros(0))
        start, count, epoch, step = meta[good].tolist()
        before = replace(state, epoch=epoch, step=step)
        error = _failure(before)
        try:
            self._explain(before, indices[start : start + count])
        except NonFiniteError as explained:
            error = explained
        error.losses = losses[max(len(meta) - recent, 0) :].tolist()
        raise error


def one_step(native: NativeSteps, state: State, batch: Arrays, explain: Explain) -> tuple[State, float]:
    """Take one step on a batch."""
    rows = len(batch["y"])
    meta = np.array([[0, rows, state.epoch, state.step]], np.int64)
    result = native.training.run(state.inputs({}), batch, np.arange(rows), meta)
    after = _after(state, result.state)
    if result.status or not all(np.isfinite(after.params[path]).all() for path in native.trainable):
        explain(state, np.arange(rows))
        raise _failure(state)
    return after, float(result.losses[0])


def _failure(before: State) -> NonFiniteError:
    place = f"epoch {before.epoch + 1}, step {before.step + 1}"
    error = NonFiniteError(f"{place}: the loss or a parameter is not finite; the update was not applied. Try a smaller learning rate.")
    error.state = before
    return error


def _after(state: State, arrays: Arrays) -> State:
    return replace(
        state,
        params={path: arrays.get(path, array) for path, array in state.params.items()},
        optimizer={name: arrays.get(name, array) for name, array in state.optimizer.items()},
        buffers={name: arrays.get(name, array) for name, array in state.buffers.items()},
        count=int(arrays["count"]),
    )
