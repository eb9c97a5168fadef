"""The loop: forward, loss, backward, update, again and again until a reason to stop; told as a stream of events."""

from __future__ import annotations

import math
import signal
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from chainrule.errors import DataError, NonFiniteError, OptionError, nearest
from chainrule.optim.optimizer import positive
from chainrule.training.events import EpochEnded, Event, History, RunStarted, StepsDone, Stopped, Warned
from chainrule.training.live import Watch
from chainrule.training.program import signature_of
from chainrule.training.state import State
from chainrule.training.statistics.measure import measured
from chainrule.training.statistics.schedule import Schedule
from chainrule.training.step import Batch, TrainingStep
from chainrule.training.stepping import Stepper
from chainrule.training.until import Predicate
from chainrule.training.whole_numbers import check_count

Metric = Callable[[np.ndarray, np.ndarray], float]
_ROWS_COPIED = 8192  # of the validation rows at a time, where they stand among others
_SLICE_SECONDS = 0.05  # between two looks at the clock and at Ctrl-C, and two events for a progress bar
_MEASURED_AT_ONCE = 2e9  # weights times rows that are predicted between two looks at Ctrl-C


@dataclass(frozen=True)
class Plateau:
    """Multiply ``rate_scale`` by ``factor`` when the watched value has not improved for ``patience`` epochs, down to ``least``."""

    factor: float = 0.1
    patience: int = 10
    least: float = 1e-4

    def __post_init__(self) -> None:
        check_count("the plateau's patience", self.patience)
        positive("the plateau's factor", self.factor, below=1.0)
        positive("the plateau's least rate_scale", self.least, zero=True)


@dataclass(frozen=True)
class Settings:
    """How a run goes on and when it stops.

    Attributes:
        epochs: at most so many.
        batch_size: rows a step; ``None`` means all.
        patience: stop after so many epochs in which the watched value did not improve; ``None`` never.
        time_budget: stop after so many seconds; ``None`` never.
        until: stop when the history satisfies this.
        watch: the validation value that is watched (``loss`` or a metric); without validation rows it is the training loss, where
            ``patience`` or ``plateau`` ask for one.
        greater_is_better: how it is watched.
        plateau: lowers the rate where the watched value does not improve.
        shuffle, order, threads: as for :meth:`TrainingStep.run`.
        statistics: whether single steps are sampled (see :mod:`chainrule.training.statistics`) and what is surely wrong is warned of.
        stands: whether ``Loop.standing`` is read after epochs, so that each ends a call of native code.

    Raises:
        OptionError: a number is out of range.
    """

    epochs: int = 100
    batch_size: int | None = 32
    patience: int | None = None
    time_budget: float | None = None
    until: Predicate | None = None
    watch: str = "loss"
    greater_is_better: bool = False
    plateau: Plateau | None = None
    shuffle: bool = True
    order: Callable[[int], np.ndarray] | None = None
    threads: int | None = None
    statistics: bool = False
    stands: bool = False

    def __post_init__(self) -> None:
        check_count("epochs", self.epochs)
        for name in ("batch_size", "patience"):
            if getattr(self, name) is not None:
                check_count(name, getattr(self, name))
        if self.time_budget is not None:
            positive("the time budget", self.time_budget)


@dataclass(frozen=True)
class Standing:
    """Where a run stands after an epoch: all that the epochs after it depend on.

    Attributes:
        state, best: the state, and the one that was best so far.
        best_epoch, best_value: of the latter. ``stalled``: epochs since then.
        seconds: of the run until now. ``told``: the codes that were warned of.
    """

    state: State
    best: State
    best_epoch: int
    best_value: float
    stalled: int
    seconds: float
    told: set[str]


@dataclass
class Loop:
    """One run: what it trains, and what it leaves.

    Attributes:
        step, data, settings: what is trained, on what, and how.
        state: the state after the last whole step.
        validation: rows that the weights are judged by after each epoch.
        metrics: functions of (prediction, y), measured on the validation rows.
        rows, validation_rows: the numbers of those rows of the data, and of the validation rows, that are looked at; all by default.
        given: how many rows the data stands for, where equal ones of them are one row of it; as many as it has unless given.
        start: the weights before the first step.
        best, best_epoch, best_value: the best weights so far, the epoch (from 1) that they are of, and the watched value. Where nothing
            is watched, these are the last ones.
        history: the epochs so far.
    """

    step: TrainingStep
    data: Batch
    settings: Settings
    state: State
    validation: Batch | None = None
    metrics: Mapping[str, Metric] = field(default_factory=dict)
    rows: np.ndarray | None = None
    validation_rows: np.ndarray | None = None
    given: int | None = None
    start: State = field(init=False)
    best: State = field(init=False)
    best_epoch: int = 0
    best_value: float = math.nan
    history: History = field(default_factory=History)
    _stalled: int = 0  # epochs since the best one
    _started: float = 0.0
    _before: float = 0.0  # seconds of the run before it went on
    _sampling: Schedule | None = None
    _watch: Watch = field(default_factory=Watch)
    _interrupted: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.best = self.start = self.state.copy()
        self._rows = len(self.data[1] if self.rows is None else self.rows)
        self._batch_size = max(min(self.settings.batch_size or self._rows, self._rows), 1)
        if self.validation is not None and not len(self.validation[1]):
            raise DataError("there are no rows to validate on; leave validation out.")
        watch = self.settings.watch
        if watch != "loss" and watch not in self.metrics:
            raise OptionError(f"'{watch}' cannot be watched; known are {', '.join(('loss', *self.metrics))}.{nearest(watch, self.metrics)}")

    @property
    def standing(self) -> Standing:
        """Where the run stands: read it when an epoch has ended, before the next event. ``Settings.stands`` must ask for it."""
        told = set(self._watch.told)
        return Standing(self.state, self.best, self.best_epoch, self.best_value, self._stalled, self._seconds, told)

    def go_on(self, standing: Standing, history: History) -> None:
        """Go on from where a run of the same step, rows and settings stood, whose history until then is given: with the same bits."""
        self.state, self.best, self._stalled = standing.state, standing.best, standing.stalled
        self.best_epoch, self.best_value, self.history = standing.best_epoch, standing.best_value, history
        self._before, self._watch.told = standing.seconds, set(standing.told)

    def events(self) -> Iterator[Event]:
        """Train, and yield what happens.

        Ctrl-C lets the step at work finish, or leaves the epoch unmeasured, and stops; a second one interrupts at once. A loss that
        becomes NaN or infinite stops the run before the update is applied; the last event says which equation and row it came from, and
        the best weights are kept.
        """
        self._started = time.perf_counter()
        parameters = sum(a.size for a in self.state.params.values())
        rows, batch_size = self._counted(self._rows), self._counted(self._batch_size)
        yield RunStarted(rows, batch_size, self.settings.epochs, parameters, distinct=self._rows)
        reason, error, row = "", "", None
        self._sampling = Schedule() if self.settings.statistics and self._rows else None
        with _interruptible() as self._interrupted:
            if self.state.epoch < self.settings.epochs:
                try:
                    reason = yield from self._train()
                except _UnmeasuredError:
                    pass  # the flag says why
                except NonFiniteError as failure:
                    reason, error, row = "the loss is not finite", str(failure), failure.row
                    if not self.best_epoch:
                        error += " No epoch was finished: the weights are kept as they were before the first step."
                    self.state = failure.state if isinstance(failure.state, State) else self.best.copy()
        kept = self._chooses if self.best_epoch else bool(error)
        if not kept:  # the weights as they are now
            self.best = self.state.copy()
        interrupted = self._interrupted.is_set()
        reason = reason or ("interrupted" if interrupted else f"all {self.settings.epochs} epochs are done")
        yield Stopped(reason, len(self.history.epochs), self.best_epoch, self._seconds, interrupted, error, row)

    @property
    def _chooses(self) -> bool:
        """Say whether something judges the weights after each epoch; otherwise the last ones are kept."""
        settings = self.settings
        return self.validation is not None or settings.patience is not None or settings.plateau is not None

    def _counted(self, rows: int) -> int:
        """Return how many of the rows that were given so many rows of the data stand for."""
        return rows if self.given is None else rows * self.given // self._rows

    @property
    def _seconds(self) -> float:
        return self._before + time.perf_counter() - self._started

    def _train(self) -> Generator[Event, None, str]:
        """Take steps in slices of about 50 ms until there is a reason to stop; return it, or "" after the last epoch.

        A slice ends with its epoch if the state is looked at then. Otherwise it may be of many epochs, whose events follow it.
        """
        settings = self.settings
        stepper = self.step.start(
            self.state,
            self.data,
            batch_size=self._batch_size,
            shuffle=settings.shuffle,
            order=settings.order,
            threads=settings.threads,
            watched=self._sampling is not None,
            rows=self.rows,
        )
        work = _Epoch(self.state.epoch, self.state.step, stepper.feed.per_epoch)
        looks = self._chooses or settings.until is not None or settings.stands
        count, steps, reason = self.state.count, 1, self._good_enough() if self.history.epochs else ""
        while work.number < settings.epochs and not reason:
            if reason := self._told_to_stop():
                break
            left = work.left if looks else work.left + (settings.epochs - work.number - 1) * work.steps
            due = self._sampling.steps_before(count) if self._sampling is not None else left
            left = min(left, max(due, 1))
            started, number = time.perf_counter(), min(steps, left)
            failure: NonFiniteError | None = None
            try:
                losses = stepper.take(number).tolist() if due else [self._watch_step(stepper)]
            except NonFiniteError as error:
                failure, losses = error, list(error.losses)
            count += len(losses)
            if due:
                steps = max(1, int(number * _SLICE_SECONDS / max(time.perf_counter() - started, 1e-9)))
            elif failure is None:
                yield self.history.samples[-1]
                yield from self._warn()
            ending = (len(losses) - work.left) // work.steps + 1  # epochs
            seconds = (time.perf_counter() - work.started) / max(ending, 1)
            while losses:
                losses = work.add(losses)
                done = self._counted(min(len(work.losses) * self._batch_size, self._rows))
                yield StepsDone(work.number + 1, done, sum(work.losses) / len(work.losses))
                if not work.left:
                    self.state = stepper.state if looks else self.state
                    yield self._judge(work, seconds)
                    yield from self._warn()
                    work = _Epoch(work.number + 1, 0, work.steps)
            if failure is not None:
                raise failure
            if looks and not work.losses:
                stepper.state = self.state  # with another rate, perhaps
                reason = self._good_enough() or self._told_to_stop()
        self.state = stepper.end()
        return reason or self._told_to_stop()

    def _watch_step(self, stepper: Stepper) -> float:
        """Take a step, note what it showed, and return its loss."""
        assert self._sampling is not None
        watched = stepper.watch()
        self._sampling.done(watched.count - 1)
        self.history.samples.append(measured(watched, self.step.sampled(signature_of(stepper.feed.data))))
        return watched.loss

    def _warn(self) -> Iterator[Warned]:
        """Yield what is surely wrong by now, and was not told before."""
        if self._sampling is not None:
            for warned in self._watch.look(self.history):
                self.history.warnings.append(warned)
                yield warned

    def _judge(self, work: _Epoch, seconds: float) -> EpochEnded:
        """Measure the weights after an epoch, keep them if they are the best, and lower the rate on a plateau."""
        settings, state, epoch = self.settings, self.state, work.number + 1
        last = (self._rows - 1) % self._batch_size + 1  # rows of the epoch's last step
        others = (len(work.losses) - 1) * self._batch_size
        loss = (sum(work.losses[:-1]) * self._batch_size + work.losses[-1] * last) / (others + last)
        valid = {}
        if self.validation is not None:
            valid = measure(self.step, state, self.validation, self.metrics, self.validation_rows, self._interrupted)
        value = valid.get(settings.watch, loss)
        greater = settings.greater_is_better and bool(valid)
        better = value > self.best_value if greater else value < self.best_value
        best = better or math.isnan(self.best_value) or not self._chooses
        if best:
            self.best = state.copy() if self._chooses else self.best
            self.best_epoch, self.best_value, self._stalled = epoch, value, 0
        else:
            self._stalled += 1
            if settings.plateau and self._stalled % settings.plateau.patience == 0:
                scale = max(state.rate_scale * settings.plateau.factor, min(settings.plateau.least, state.rate_scale))
                self.state = replace(state, rate_scale=scale)
        speed = self._counted(self._rows) / max(seconds, 1e-9)
        ended = EpochEnded(epoch, len(work.losses), loss, valid, self._seconds, speed, state.rate_scale, best)
        self.history.epochs.append(ended)
        return ended

    def _out_of_time(self) -> bool:
        return self.settings.time_budget is not None and self._seconds > self.settings.time_budget

    def _good_enough(self) -> str:
        """Return why the last epoch was the last one, if it was."""
        settings = self.settings
        if settings.until is not None and settings.until(self.history):
            return "the network is good enough"
        if settings.patience is not None and self._stalled >= settings.patience:
            return f"{settings.watch} has not improved for {settings.patience} epochs"
        return ""

    def _told_to_stop(self) -> str:
        if self._interrupted.is_set():
            return "interrupted"
        return f"the time budget of {self.settings.time_budget:g} s is spent" if self._out_of_time() else ""


@dataclass
class _Epoch:
    """The epoch at work (from 0): the step that it began with, how many it has, and the losses so far."""

    number: int
    first: int
    steps: int
    losses: list[float] = field(default_factory=list)
    started: float = field(default_factory=time.perf_counter)

    @property
    def left(self) -> int:
        """Return how many steps are left of it."""
        return self.steps - self.first - len(self.losses)

    def add(self, losses: list[float]) -> list[float]:
        """Take the losses of this epoch's next steps, and return the others."""
        left = self.left
        self.losses += losses[:left]
        return losses[left:]


class _UnmeasuredError(Exception):
    """Ctrl-C came while weights were measured."""


def measure(
    step: TrainingStep,
    state: State,
    data: Batch,
    metrics: Mapping[str, Metric],
    rows: np.ndarray | None = None,
    interrupted: threading.Event | None = None,
) -> dict[str, float]:
    """Return the loss and the metrics of a state's predictions on some rows, by their numbers, or on all, in inference.

    Where the flag is set meanwhile, it is left undone.
    """
    arrays = step.batch(data)
    y, *w = (arrays[name] if rows is None else arrays[name][rows] for name in ("y", "w") if name in arrays)
    prediction = _predicted(step, state, data[0], len(y), rows, interrupted)
    with np.errstate(all="ignore"):  # an infinite loss is a result, and is seen in the history
        loss = step.measured_loss(prediction, y, *w)
        return {"loss": loss, **{name: float(metric(prediction, y)) for name, metric in metrics.items()}}


def _predicted(
    step: TrainingStep, state: State, x: Any, count: int, rows: np.ndarray | None, interrupted: threading.Event | None
) -> np.ndarray:
    """Return the prediction of some rows: so many at a time that Ctrl-C is seen soon, and that few are copied."""
    size = count if interrupted is None else int(_MEASURED_AT_ONCE / max(sum(array.size for array in state.params.values()), 1)) or 1
    if rows is not None:
        size = min(size, _ROWS_COPIED)
    elif count <= size:
        return step.predict(state, x)
    parts = []
    for start in range(0, count, size):
        if interrupted is not None and interrupted.is_set():
            raise _UnmeasuredError
        part = slice(start, start + size) if rows is None else rows[start : start + size]
        parts.append(step.predict(state, {name: array[part] for name, array in x.items()} if isinstance(x, dict) else x[part]))
    return np.concatenate(parts)


@contextmanager
def _interruptible() -> Iterator[threading.Event]:
    """Turn the first Ctrl-C into a flag, so that a step is never torn; the second one interrupts as usual."""
    flag = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield flag
        return
    previous = signal.getsignal(signal.SIGINT)

    def handler(number: int, frame: Any) -> None:
        if flag.is_set() and callable(previous):
            previous(number, frame)
        flag.set()

    signal.signal(signal.SIGINT, handler)
    try:
        yield flag
    finally:
        signal.signal(signal.SIGINT, previous)
