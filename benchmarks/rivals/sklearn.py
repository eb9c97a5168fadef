"""scikit-learn: one ``partial_fit`` over rows that are gathered in the given order."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.neural_network import MLPClassifier, MLPRegressor

from benchmarks.data import Arrays, Data
from benchmarks.rivals import NotOfferedError
from benchmarks.rivals.layout import layer_names
from benchmarks.workloads import BETA1, BETA2, EPSILON, MOMENTUM, RATES, Workload


def make(variant: str, workload: Workload, data: Data, cores: int) -> Training:
    """Return what is timed; there is one variant. NumPy's BLAS takes the number of threads from the environment.

    Raises:
        NotOfferedError: scikit-learn has no such optimizer, or no dropout.
    """
    if workload.optimizer == "adamw_clip" or workload.dropout:
        raise NotOfferedError("it has no clipping" if workload.optimizer == "adamw_clip" else "it has no dropout")
    return Training(workload, data)


class Training:
    """One epoch of a workload."""

    def __init__(self, workload: Workload, data: Data) -> None:
        outputs, classifies = workload.widths[-1], workload.loss == "cross_entropy"
        # Its squared error is half the sum over outputs, ours their mean: the rate makes up for it where it matters.
        scale = 1.0 if classifies or workload.optimizer == "adam" else 2.0 / outputs
        self._binary = classifies and outputs == 2
        # With two classes it has one logistic output: another network, so that its loss cannot be compared.
        self.differs = "one logistic output in place of two classes" if self._binary else ""
        self._model = (MLPClassifier if classifies else MLPRegressor)(
            hidden_layer_sizes=workload.widths[1:-1],
            solver="adam" if workload.optimizer == "adam" else "sgd",
            learning_rate_init=RATES[workload.optimizer] * scale,
            momentum=MOMENTUM if workload.optimizer == "momentum" else 0.0,
            nesterovs_momentum=False,
            beta_1=BETA1,
            beta_2=BETA2,
            epsilon=EPSILON,
            alpha=0.0,
            batch_size=workload.batch,
            shuffle=False,
        )
        self._x, self._orders = data.x, data.orders
        self._y = data.y[:, 0] if data.y.ndim == 2 and outputs == 1 else data.y
        self._names, self._start = layer_names(workload), dict(data.start)
        if self._binary:
            for kind in ("weight", "bias"):
                both = self._start[f"output.{kind}"]
                self._start[f"output.{kind}"] = both[..., 1:] - both[..., :1]
        options: dict[str, Any] = {"classes": np.arange(outputs)} if classifies else {}
        self._model.partial_fit(self._x[: workload.batch], self._y[: workload.batch], **options)

    def reset(self, epoch: int) -> None:
        """Return to the initial weights, and a new optimizer."""
        self._order = self._orders[epoch]
        for index, name in enumerate(self._names):
            self._model.coefs_[index][...] = self._start[f"{name}.weight"]
            self._model.intercepts_[index][...] = self._start[f"{name}.bias"]
        if hasattr(self._model, "_optimizer"):
            del self._model._optimizer  # partial_fit makes a new one

    def run(self) -> None:
        """Train for one epoch."""
        self._model.partial_fit(self._x[self._order], self._y[self._order])

    def outcome(self) -> Arrays:
        """Return the weights; for two classes those of two outputs that mean the same."""
        own: Arrays = {}
        for name, weight, bias in zip(self._names, self._model.coefs_, self._model.intercepts_, strict=True):
            own |= {f"{name}.weight": weight, f"{name}.bias": bias}
        if self._binary:
            for path in ("output.weight", "output.bias"):
                own[path] = np.concatenate([np.zeros_like(own[path]), own[path]], axis=-1)
        return own
