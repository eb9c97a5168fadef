"""Training on arrays: a network, a loss and an optimizer, with everything that the loop offers."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np

from chainrule.errors import NonFiniteError
from chainrule.ir import Type
from chainrule.optim import Optimizer
from chainrule.training.events import Event, History, Stopped
from chainrule.training.loop import Loop, Metric, Plateau, Settings
from chainrule.training.program import Network
from chainrule.training.state import State
from chainrule.training.step import Batch, TrainingStep, training_step
from chainrule.training.until import Predicate, until
from chainrule.training.watching import watching


@dataclass(repr=False)
class Run:
    """A finished run on arrays.

    Attributes:
        step: the training step, with its Program.
        state: the state after the last step; ``best``: the state whose watched value was best.
        history: the epochs, and the steps that were sampled. ``stopped``: why and when it ended.
        start: the state before the first step. ``data``, ``validation``: what it was trained on and judged by. ``settings``: how.
    """

    step: TrainingStep
    state: State
    best: State
    history: History
    stopped: Stopped
    start: State
    data: Batch
    validation: Batch | None
    settings: Settings

    def __repr__(self) -> str:
        return f"Run({self.stopped.epochs} epochs, best {self.stopped.best_epoch}: {self.stopped.reason})"

    def _repr_html_(self) -> Any:
        return import_module("chainrule.inspect.notebook").html_of(self)  # a room above this one, opened on demand

    @property
    def plot(self) -> Any:
        """The pictures of the run, with matplotlib: ``run.plot.curves()``; see :class:`chainrule.inspect.plots.Plots`.

        Raises:
            ImportError: matplotlib is not installed; the message names the extra.
        """
        return import_module("chainrule.inspect.plots").plots_of(self)  # a room above this one, opened on demand

    def predict(self, x: Any) -> np.ndarray:
        """Return the prediction of the best weights: logits or values, [rows, outputs]."""
        return self.step.predict(self.best, x)


def fit(
    network: Network,
    data: Batch,
    *,
    loss: Callable[..., Any],
    optimizer: Optimizer,
    epochs: int = 100,
    batch_size: int | None = 32,
    validation: Batch | None = None,
    metrics: Mapping[str, Metric] | None = None,
    watch: str = "loss",
    greater_is_better: bool = False,
    patience: int | None = None,
    time_budget: float | None = None,
    until: str | Predicate | None = None,
    plateau: Plateau | None = None,
    seed: int = 0,
    params: Mapping[str, Any] | None = None,
    shuffle: bool = True,
    order: Callable[[int], np.ndarray] | None = None,
    threads: int | None = None,
    on_event: Callable[[Event], None] | None = None,
    progress: bool | None = None,
    x: Any = None,
    y: str | Type | None = None,
    dtype: str = "float32",
    frozen: Sequence[str] = (),
    penalty: Callable[..., Any] | None = None,
    backend: str = "auto",
    statistics: bool = True,
) -> Run:
    """Train a network on arrays.

    Args:
        network, loss, optimizer, x, y, dtype, frozen, penalty, backend: as for :func:`chainrule.training_step`.
        data: (x, y) or (x, y, w), rows first.
        epochs: at most so many passes over the rows.
        batch_size: rows a step; ``None`` means all.
        validation: (x, y) or (x, y, w); measured after each epoch, and what decides which weights are best.
        metrics: functions of (prediction, y) by name, measured on the validation rows.
        watch: ``loss`` or the name of a metric; ``greater_is_better`` says which way.
        patience: stop after so many epochs without improvement.
        time_budget: stop after so many seconds.
        until: stop when this condition or predicate over the history holds: ``"accuracy >= 0.97"``.
        plateau: lower the rate where the watched value stands still.
        seed: of initial weights, order of rows, random bits.
        params: initial weights.
        shuffle, order, threads: as for ``TrainingStep.run``.
        on_event: is called with everything that happens.
        progress: whether a bar shows how far the training is; by default only in a notebook.
        statistics: whether single steps are sampled, for :func:`chainrule.diagnose` and reports; the weights are the same either way.

    Returns:
        The run; after Ctrl-C, or a loss that became NaN or infinite, what was reached so far, with a warning.

    Raises:
        NonFiniteError: the loss became NaN or infinite before a single epoch was done; its ``run`` is what was reached.
    """
    given = params if hasattr(network, "init") else None
    initial = None if given is not None else params
    step = training_step(network, loss, optimizer, params=initial, x=x, y=y, dtype=dtype, frozen=frozen, penalty=penalty, backend=backend)
    settings = Settings(
        epochs, batch_size, patience, time_budget, _predicate(until), watch, greater_is_better, plateau, shuffle, order, threads, statistics
    )
    run = Loop(step, data, settings, step.init(seed, given), validation, metrics or {})
    follow = watching(on_event, progress)
    stopped: Stopped | None = None
    for event in run.events():
        stopped = event if isinstance(event, Stopped) else None
        follow(event)
    assert stopped is not None  # the loop ends with it
    result = Run(step, run.state, run.best, run.history, stopped, run.start, data, validation, settings)
    if stopped.error and not stopped.epochs:
        error = NonFiniteError(stopped.error)
        error.run = result
        raise error
    if stopped.interrupted or stopped.error:
        warnings.warn(f"training stopped early ({stopped.error or 'interrupted'}); the best weights so far are kept.", stacklevel=2)
    return result


def _predicate(condition: str | Predicate | None) -> Predicate | None:
    return until(condition) if isinstance(condition, str) else condition
