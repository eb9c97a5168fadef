"""Taking the steps of a run once more, to see what it did not keep."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from chainrule.data.batches import steps_per_epoch
from chainrule.training.events import History
from chainrule.training.loop import Settings
from chainrule.training.state import State
from chainrule.training.step import Batch, TrainingStep


@dataclass(frozen=True)
class Replayed:
    """What was seen on the way.

    Attributes:
        seen: what ``look`` returned, of the state before the first step and then every ``every`` steps and at the end of each epoch.
        best: the state at the end of the best epoch. ``at``: the place in ``seen`` that it has.
    """

    seen: list[Any]
    every: int
    best: State
    at: int


def replay(
    step: TrainingStep,
    start: State,
    data: Batch,
    settings: Settings,
    history: History,
    best_epoch: int,
    look: Callable[[State], Any],
    *,
    most: int = 2000,
) -> Replayed:
    """Take all steps of the epochs that a run has finished, which gives the same weights bit for bit, and look at them on the way.

    It costs as much time as the steps of the run took, without what was measured beside them, and keeps no more than what ``look``
    returns.

    Args:
        step, start, data, settings, history: the run's own; ``start`` is copied. The history says how the rate was scaled in each epoch.
        best_epoch: from 1; 0 stands for the last one.
        look: is called with the state, at most about ``most`` times and once an epoch.
    """
    rows = len(data[1])
    size = max(min(settings.batch_size or rows, rows), 1)
    per_epoch, epochs = steps_per_epoch(rows, size), history.epochs
    every = max(1, math.ceil(per_epoch * len(epochs) / most))
    state = start.copy()
    best, seen, at = start.copy(), [look(state)], 0
    for number in range(len(epochs)):
        if number:
            state = replace(state, rate_scale=epochs[number - 1].rate_scale)
        while state.epoch == number:
            taken = min(every - state.count % every, per_epoch - state.step)
            state, _ = step.run(
                state,
                data,
                steps=taken,
                batch_size=size,
                shuffle=settings.shuffle,
                order=settings.order,
                threads=settings.threads,
            )
            seen.append(look(state))
        if number + 1 == (best_epoch or len(epochs)):
            best, at = state.copy(), len(seen) - 1
    return Replayed(seen, every, best, at)


def largest_difference(one: State, other: State) -> float:
    """Return the largest difference between the weights of two states; 0 if they are the same bit for bit."""
    differences = (np.abs(one.params[path].astype(np.float64) - other.params[path]).max(initial=0.0) for path in one.params)
    return float(max(differences, default=0.0))
