"""What the words of the estimators' parameters stand for: widths, rows a step, epochs, threads, schedules, optimizers."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from numbers import Integral
from typing import Any

import numpy as np
from joblib import effective_n_jobs
from sklearn.utils import check_random_state

from chainrule import optim
from chainrule.optim import Optimizer, Schedule
from chainrule.training.optimizers import optimizer_named

AUTO = "auto"

MOST_ROWS_A_STEP = 256
"""``batch_size="auto"`` takes all rows at once, up to so many."""

HELD_OUT_FROM, HELD_OUT = 1_000, 0.1
"""``valid="auto"`` holds this share of the rows out, from so many rows on."""

UPDATES, FEWEST_EPOCHS = 600, 20
"""``epochs="auto"`` is enough epochs for so many updates, but never fewer than that."""

SCHEDULES: dict[str, Callable[[int], Schedule]] = {"cosine": optim.cosine, "one_cycle": optim.one_cycle}
"""The schedules that are given by name: they last as long as the run."""


def widths_of(hidden: Any) -> tuple[int, ...]:
    """Return the widths of the hidden layers; a single number is one layer."""
    return tuple(int(width) for width in ((hidden,) if isinstance(hidden, Integral) else hidden))


def seed_of(random_state: Any) -> int:
    """Return the seed of a run: a whole number is taken as it is, ``None`` and a generator give a random one."""
    if isinstance(random_state, Integral):
        return int(random_state)
    return int(check_random_state(random_state).randint(np.iinfo(np.int32).max))


def batch_size_of(batch_size: Any, rows: int) -> int | None:
    """Return the rows of a step; ``None`` means all."""
    if batch_size == "all":
        return None
    return min(rows, MOST_ROWS_A_STEP) if batch_size == AUTO else int(batch_size)


def epochs_of(epochs: Any, steps_per_epoch: int) -> int:
    """Return the largest number of epochs."""
    return max(FEWEST_EPOCHS, math.ceil(UPDATES / steps_per_epoch)) if epochs == AUTO else int(epochs)


def held_out(valid: Any, rows: int) -> float:
    """Return the share of the rows that are held out for validation."""
    if valid == AUTO:
        return HELD_OUT if rows >= HELD_OUT_FROM else 0.0
    return float(valid or 0.0)


def threads_of(n_jobs: int | None) -> int | None:
    """Return the largest number of threads, or ``None`` for as many as the work deserves.

    ``n_jobs`` counts as in scikit-learn, −1 for all processors. Without it, a limit that the surroundings set is kept: joblib gives each of
    its processes a share of the processors in ``OMP_NUM_THREADS``.
    """
    if n_jobs is not None:
        return max(1, int(effective_n_jobs(n_jobs)))
    limit = os.environ.get("OMP_NUM_THREADS", "")
    return int(limit) if limit.isdigit() and int(limit) else None


def schedule_of(schedule: str | Schedule, updates: int) -> Schedule | None:
    """Return the schedule of a run of so many updates; ``None`` for a constant rate."""
    if isinstance(schedule, Schedule):
        return schedule
    if schedule == "one_cycle" and updates < 4:  # too short to rise
        return None
    return SCHEDULES[schedule](updates) if schedule in SCHEDULES else None


def optimizer_of(optimizer: str | Optimizer, lr: float, weight_decay: float, schedule: Schedule | None) -> Optimizer:
    """Return the optimizer of a name with its rate; one that is given has its own."""
    return optimizer if isinstance(optimizer, Optimizer) else optimizer_named(optimizer, lr, weight_decay, schedule)
