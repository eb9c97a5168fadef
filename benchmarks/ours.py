"""Chainrule in the benchmarks, through its public interface."""

from __future__ import annotations

from dataclasses import replace

import llvmlite.binding  # noqa: F401 - others load their compiler when they are imported, and Chainrule at first use
import numpy as np

import chainrule as cr
import chainrule.backends.llvm
import chainrule.training.step
from benchmarks.data import Arrays, Data
from benchmarks.workloads import BETA1, BETA2, CLIP_NORM, EPSILON, MOMENTUM, RATES, WEIGHT_DECAY, Workload

SEED = 0


def network(workload: Workload) -> cr.nn.Sequential:
    """Return the network of a workload."""
    inputs, *hidden, outputs = workload.widths
    return cr.nn.mlp(inputs, hidden, outputs, activation="relu", dropout=workload.dropout)


def make(variant: str, workload: Workload, data: Data, cores: int) -> Training | Prediction:
    """Return what is timed; there is one variant."""
    return Prediction(workload, data) if workload.predicts else Training(workload, data)


def training_step(workload: Workload) -> cr.training.step.TrainingStep:
    """Return the training step of a workload."""
    optim, rate = cr.optim, RATES[workload.optimizer]
    optimizer = {
        "sgd": lambda: optim.sgd(rate),
        "momentum": lambda: optim.momentum(rate, MOMENTUM),
        "adam": lambda: optim.adam(rate, BETA1, BETA2, EPSILON),
        "adamw_clip": lambda: optim.chain(
            optim.clip_by_norm(CLIP_NORM), optim.adamw(rate, BETA1, BETA2, EPSILON, weight_decay=WEIGHT_DECAY)
        ),
    }[workload.optimizer]()
    loss = getattr(cr.losses, workload.loss)
    return cr.training_step(network(workload), loss=loss, optimizer=optimizer, dtype=workload.dtype)


class Training:
    """One epoch of a workload."""

    def __init__(self, workload: Workload, data: Data) -> None:
        self._step = training_step(workload)
        self._initial = self._step.init(SEED, data.start)
        self._data, self._batch = (data.x, data.y), workload.batch
        self.label = getattr(self._step, "backend", "reference")

    def reset(self, epoch: int) -> None:
        """Return to the initial weights, at the beginning of an epoch, whose order has not been asked for before."""
        self._state = replace(self._initial.copy(), epoch=epoch)

    def run(self) -> None:
        """Train for one epoch."""
        self._state, _ = self._step.run(self._state, self._data, epochs=1, batch_size=self._batch)

    def outcome(self) -> Arrays:
        """Return the weights."""
        return self._state.params


class Prediction:
    """The prediction of all rows, ``batch`` rows a call."""

    def __init__(self, workload: Workload, data: Data) -> None:
        self._step = training_step(workload)
        self._state = self._step.init(SEED, data.start)
        self._calls = [data.x[first : first + workload.batch] for first in range(0, workload.rows, workload.batch)]
        self.label = getattr(self._step, "backend", "reference")

    def reset(self, epoch: int) -> None:
        """Do nothing: a prediction changes nothing."""

    def run(self) -> None:
        """Predict."""
        predict, state = self._step.predict, self._state
        for rows in self._calls:
            self._last = predict(state, rows)

    def outcome(self) -> Arrays:
        """Return the last call's predictions."""
        return {"prediction": np.asarray(self._last)}
