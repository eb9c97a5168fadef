"""A run as the estimators ask for it: which rows it learns from and is judged by, when it stops, and what it says meanwhile."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from sklearn.utils import check_consistent_length

from chainrule.data.frames import column_of_values
from chainrule.data.partition import apportion, grouped, shuffled, stratified
from chainrule.data.split import number_groups
from chainrule.data.table import Table
from chainrule.errors import DataError, NonFiniteError, OptionError
from chainrule.estimators.inputs import Array, Features
from chainrule.estimators.judges import Judges
from chainrule.training.events import EpochEnded, Event, Stopped
from chainrule.training.loop import Loop
from chainrule.training.metrics import METRICS
from chainrule.training.state import State


@dataclass
class Rows:
    """Rows that were given: X as numbers or a table, y, and how much each row counts (float64), or ``None``.

    ``w`` is for the loss, with the weights of classes; ``counts`` is for metrics, without them.
    """

    X: Features
    y: Array
    w: Array | None
    counts: Array | None = None

    def merged(self, chosen: Array, columns: list[str]) -> tuple[Rows, Array]:
        """Return some rows in an order that their cells decide, equal ones as one that weighs as much as they together.

        ``columns`` of a table are looked at. What is returned are the rows with these weights, and the indices of those that are left.
        """
        answers = self.y[chosen].reshape(len(chosen), -1).T
        cells = [column_of_values(f"y {number}", column.tolist()) for number, column in enumerate(answers)]
        if isinstance(self.X, Table):
            cells += [self.X.frame[name].gather(chosen).alias(f"X {name}") for name in columns]
        else:
            cells += [pl.Series(f"X {number}", column, nan_to_null=True) for number, column in enumerate(self.X[chosen].T)]
        frame = pl.DataFrame(cells)
        ordered = frame.with_row_index("row").sort(frame.columns, nulls_last=True, maintain_order=True)
        each = ordered.select(pl.struct(frame.columns).rle_id()).to_series().to_numpy()
        rows = chosen[ordered["row"].to_numpy()]
        left, w = rows[np.unique(each, return_index=True)[1]], np.zeros(len(self.y))
        w[left] = np.bincount(each, self.weights(rows))
        return Rows(self.X, self.y, None if (w[left] == w[left[0]]).all() else w), left

    @property
    def used(self) -> Array:
        """Return the indices of the rows that count."""
        return np.arange(len(self.y)) if self.w is None else np.flatnonzero(self.w > 0)

    def weights(self, chosen: Array) -> Array | None:
        """Return the weights of some rows."""
        return None if self.w is None else self.w[chosen]


@dataclass
class Stream:
    """What one call of ``partial_fit`` leaves for the next: the state, the rows that judge it, and the best value so far."""

    state: State
    judges: Judges | None
    best_epoch: int
    best_value: float = math.nan

    def is_over(self, patience: int | None) -> bool:
        """Say whether the validation rows have not been predicted better for so many epochs."""
        return self.judges is not None and bool(patience) and self.state.epoch - self.best_epoch >= (patience or 0)


def divide(rows: Rows, share: float, strata: Array | None, groups: Any, seed: int) -> tuple[Array, Array]:
    """Return the indices of the rows to learn from, and of the share that is held out.

    Args:
        rows: the rows; those of weight 0 are on neither side.
        share: how much is held out.
        strata: a class for each row; the classes keep their proportions.
        groups: a group for each row; none is on both sides, and a row without one is a group of its own.
        seed: decides what is drawn.

    Raises:
        DataError: there are too few rows or groups.
    """
    used = rows.used
    if groups is not None:
        check_consistent_length(rows.y, groups)
        groups = np.asanyarray(groups)
        if groups.ndim != 1:
            raise DataError(f"groups has shape {groups.shape}; give one group for each row, a word or a number.")
    if not share:
        return used, used[:0]
    sizes = apportion(len(used), (1.0 - share, share, 0.0))
    if groups is not None:
        codes = number_groups(column_of_values("groups", groups[used].tolist()))
        if len(np.unique(codes)) < 2:
            raise DataError("the rows are all of one group, so none can be held out for validation: give X_val, or valid=0.")
        sides = grouped(sizes, codes, seed)
    else:
        strata = strata if strata is None or len(used) == len(strata) else strata[used]
        sides = shuffled(sizes, seed) if strata is None else stratified(sizes, strata, seed)
    if not (sides == 1).any() or not (sides == 0).any():
        raise DataError(f"{len(used)} rows are too few to hold {share:g} of them out for validation: give X_val, or valid=0.")
    return used[sides == 0], used[sides == 1]


def run(loop: Loop, on_event: Callable[[Event], None] | None, verbose: bool | int) -> Stopped:
    """Train to the end, and hand on what happens.

    Raises:
        OptionError: the metric that chooses the best epoch has no value for the validation rows.
        NonFiniteError: the loss became NaN or infinite before a single epoch was done; later the best weights are kept, with a warning.
    """
    stopped: Stopped | None = None
    a_pass = loop.settings.epochs - loop.state.epoch == 1  # whose end is no news
    for event in loop.events():
        if isinstance(event, EpochEnded):
            _check_measured(event, loop)
        if verbose and not (a_pass and isinstance(event, Stopped)) and (line := told(event)):
            print(line, flush=True)
        if on_event is not None:
            on_event(event)
        stopped = event if isinstance(event, Stopped) else None
    assert stopped is not None  # the loop ends with it
    if stopped.error and not loop.history.epochs:
        raise NonFiniteError(stopped.error)
    if stopped.interrupted or stopped.error:
        warnings.warn(f"training stopped early ({stopped.error or 'interrupted'}); the best weights so far are kept.", stacklevel=5)
    return stopped


def _check_measured(event: EpochEnded, loop: Loop) -> None:
    """Refuse a metric that no weights can be chosen by; one that has no value for what is predicted so far may have one later."""
    metric = loop.settings.watch
    if metric not in METRICS or not math.isnan(event.valid.get(metric, 0.0)) or loop.validation is None:
        return
    y = loop.validation[1] if loop.validation_rows is None else loop.validation[1][loop.validation_rows]
    if METRICS[metric].task == "classification" or math.isnan(loop.metrics[metric](np.ones_like(y), y)):
        raise OptionError(
            f"metric={metric!r} has no value {METRICS[metric].undefined}, and the validation rows are such; choose another metric."
        )


def told(event: Event) -> str:
    """Return the line that ``verbose`` prints for an event, if any."""
    if isinstance(event, EpochEnded):
        values: Mapping[str, float] = {"loss": event.loss} | {f"valid_{name}": value for name, value in event.valid.items()}
        return f"epoch {event.epoch}  " + "  ".join(f"{name} {value:.6g}" for name, value in values.items())
    return f"stopped after {event.epochs} epochs: {event.reason}" if isinstance(event, Stopped) else ""
