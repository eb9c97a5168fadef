"""From step to step: the rows that steps are taken on, and what takes them, by the reference or in native code (:mod:`.native`)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Protocol

import numpy as np

from chainrule.data.batches import permutation, steps_per_epoch
from chainrule.errors import NonFiniteError, OptionError
from chainrule.training.state import Arrays, State

OneStep = Callable[[State, Arrays, np.ndarray], tuple[State, float]]  # by the reference: state, batch, which rows it is of
Seen = Callable[[State, Arrays], Arrays]  # the state before a step, its batch → what the step showed, and its loss


@lru_cache(maxsize=2)
def shuffled_natively(seed: int, epoch: int, rows: int) -> np.ndarray:
    """Return an epoch's order of rows; see :func:`chainrule.data.batches.permutation`."""
    from chainrule.backends.llvm import permutation as native  # llvmlite loads where it is used

    return native(seed, epoch, rows)


shuffled_by_meaning = lru_cache(maxsize=2)(permutation)  # run(steps=k) asks for the same epoch again and again


def checked_rows(rows: np.ndarray, count: int) -> np.ndarray:
    """Return the numbers of some rows; :class:`OptionError` if one is not among so many, since native code reads where it is told."""
    if rows.ndim != 1 or rows.dtype.kind not in "iu" or (len(rows) and not 0 <= rows.min() <= rows.max() < count):
        raise OptionError(f"rows must be whole numbers from 0 to {count - 1}, on one axis.")
    return rows


@dataclass(frozen=True)
class Order:
    """The order in which each epoch takes rows.

    Attributes:
        seed: of the shuffle.
        count: the rows of an epoch.
        shuffled: a function of (seed, epoch, count) that returns an order, or ``None`` for that of the data.
        own: a function from the epoch to the order of its rows, in place of the shuffle.
        rows: the numbers of the rows in the data, if they are not all of them.
    """

    seed: int
    count: int
    shuffled: Callable[[int, int, int], np.ndarray] | None
    own: Callable[[int], np.ndarray] | None
    rows: np.ndarray | None = None

    def __call__(self, epoch: int) -> np.ndarray:
        """Return the numbers of an epoch's rows, from the first to the last.

        Raises:
            OptionError: ``own`` returned something else.
        """
        order = self._of_own(epoch) if self.own is not None else self._shuffled(epoch)
        return np.ascontiguousarray(order if self.rows is None else self.rows[order], np.int64)

    def _shuffled(self, epoch: int) -> np.ndarray:
        return np.arange(self.count) if self.shuffled is None else self.shuffled(self.seed, epoch, self.count)

    def _of_own(self, epoch: int) -> np.ndarray:
        assert self.own is not None
        given = np.asarray(self.own(epoch))
        if given.shape != (self.count,) or given.dtype.kind not in "iu" or given.min() < 0 or given.max() >= self.count:
            raise OptionError(f"order({epoch}) must return {self.count} row numbers from 0 to {self.count - 1}, one for each row.")
        return given


@dataclass
class Feed:
    """The rows that steps are taken on.

    Attributes:
        data: x, y and w.
        rows: the number of rows of an epoch.
        size: rows a step.
        order: their numbers in the data, in the order of an epoch.
    """

    data: Arrays
    rows: int
    size: int
    order: Callable[[int], np.ndarray]
    _known: dict[int, np.ndarray] = field(default_factory=dict)  # the orders of the epochs at work

    @property
    def per_epoch(self) -> int:
        """Return the number of steps of an epoch."""
        return steps_per_epoch(self.rows, self.size)

    def batch(self, rows: np.ndarray) -> Arrays:
        """Return some rows."""
        return {name: array[rows] for name, array in self.data.items()}

    def batches(self, epoch: int, step: int, steps: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the rows of some steps from one on, and for each step where its rows begin, how many they are, its epoch and its step."""
        per_epoch, rows, size = self.per_epoch, self.rows, self.size
        numbers = np.arange(epoch * per_epoch + step, epoch * per_epoch + step + steps, dtype=np.int64)
        meta = np.empty((steps, 4), np.int64)
        meta[:, 2], meta[:, 3] = np.divmod(numbers, per_epoch)
        meta[:, 0] = (meta[:, 2] - epoch) * rows + meta[:, 3] * size
        meta[:, 1] = np.minimum(rows - meta[:, 3] * size, size)
        orders = [self._order(number) for number in range(epoch, int(meta[-1, 2]) + 1)]
        self._known = {number: known for number, known in self._known.items() if number >= int(meta[-1, 2])}
        return (orders[0] if len(orders) == 1 else np.concatenate(orders)), meta

    def _order(self, epoch: int) -> np.ndarray:
        if epoch not in self._known:
            self._known[epoch] = self.order(epoch)
        return self._known[epoch]


@dataclass(frozen=True)
class Watched:
    """What a step that was watched showed; the arrays are good until ``loss_after`` is called or a step is taken.

    Attributes:
        count: the number of the update, from 1. ``epoch``: from 0. ``rows``: the size of its batch.
        loss: of the batch before the update.
        before, after: the trained parameters.
        values: the outputs of the Program whose role is ``statistic``.
        loss_after: computes the loss of the same batch, with the same dropped units, after the update.
    """

    count: int
    epoch: int
    rows: int
    loss: float
    before: Arrays
    after: Arrays
    values: Arrays
    loss_after: Callable[[], float]


class Stepper(Protocol):
    """Takes a state from step to step on some rows, its feed."""

    feed: Feed

    @property
    def state(self) -> State:
        """Return where it stands; what is set here is where it goes on."""

    @state.setter
    def state(self, state: State) -> None: ...

    def take(self, steps: int) -> np.ndarray:
        """Take steps, and return the loss of each before its update.

        Raises:
            NonFiniteError: with the state before the step that failed, and the losses of the steps before it.
        """

    def watch(self) -> Watched:
        """Take a step as :meth:`take` does, and return what it showed."""

    def end(self) -> State:
        """Return where it stands for good: it takes no more steps."""


@dataclass
class ReferenceStepper:
    """A :class:`Stepper` that runs the equations one by one.

    Attributes:
        state: where it stands.
        feed: the rows.
        one: takes one step. ``seen``: what it showed.
    """

    state: State
    feed: Feed
    one: OneStep
    seen: Seen

    def take(self, steps: int) -> np.ndarray:
        """Take steps; see :class:`Stepper`."""
        losses: list[float] = []
        while len(losses) < steps:
            epoch, step = self.state.epoch, self.state.step
            order, meta = self.feed.batches(epoch, step, 1)
            rows = order[meta[0, 0] : meta[0, 0] + meta[0, 1]]
            try:
                after, loss = self.one(self.state, self.feed.batch(rows), rows)
            except NonFiniteError as error:
                error.losses = losses
                raise
            losses.append(loss)
            ended = step + 1 == self.feed.per_epoch
            self.state = replace(after, epoch=epoch + ended, step=0 if ended else step + 1)
        return np.array(losses)

    def watch(self) -> Watched:
        """Take a step, and return what it showed; see :class:`Stepper`."""
        before = self.state
        order, meta = self.feed.batches(before.epoch, before.step, 1)
        (loss,) = self.take(1)
        batch = self.feed.batch(order[meta[0, 0] : meta[0, 0] + meta[0, 1]])
        after = replace(self.state, epoch=before.epoch, step=before.step)
        values, rows = self.seen(before, batch), len(batch["y"])

        def loss_after() -> float:
            return float(self.seen(after, batch)["loss"])

        return Watched(after.count, before.epoch, rows, float(loss), before.params, after.params, values, loss_after)

    def end(self) -> State:
        """Return where it stands for good."""
        return self.state
