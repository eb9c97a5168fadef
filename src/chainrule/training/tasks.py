"""Classification and regression: which losses fit, what the network's outputs mean, and what y is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule import losses, ops
from chainrule.data.table import Table
from chainrule.data.target import Target
from chainrule.errors import OptionError, nearest
from chainrule.training.metrics import METRICS

LOSSES_OF = {
    "classification": ("cross_entropy", "binary_cross_entropy"),
    "regression": ("mse", "half_squared_error", "mae", "huber"),
}
SHOWN_METRICS = {"classification": ("accuracy",), "regression": ("rmse",)}


def choose_loss(target: Target, name: str | None) -> str:
    """Return the name of the loss: the one asked for, if it fits the task, or the task's own.

    Raises:
        OptionError: the loss is unknown or does not fit.
    """
    fitting = LOSSES_OF[target.task]
    if name is None:
        return fitting[0]
    if name not in losses.LOSSES:
        raise OptionError(f"'{name}' is not a loss; choose one of {', '.join(losses.LOSSES)}.{nearest(name, losses.LOSSES)}")
    if name not in fitting:
        raise OptionError(f"--loss {name} does not fit the {target.task} of '{target.column.name}'; choose one of {', '.join(fitting)}.")
    if name == "binary_cross_entropy" and len(target.classes) != 2:
        raise OptionError(f"--loss {name} is for 2 classes; '{target.column.name}' has {len(target.classes)}: choose cross_entropy.")
    return name


def outputs_of(target: Target, loss: str) -> int:
    """Return the number of outputs of the network."""
    return len(target.classes) if loss == "cross_entropy" else 1


def encode_target(target: Target, loss: str, table: Table, rows: np.ndarray | None, dtype: str) -> np.ndarray:
    """Return y as the loss takes it: class numbers [rows], or floats [rows, 1]."""
    y = target.encode(table, dtype, rows)
    return y.astype(dtype)[:, None] if loss == "binary_cross_entropy" else y


def head_of(loss: str) -> Callable[[Any], dict[str, Any]]:
    """Return what the inference Program makes of the network's outputs: ``probabilities`` for classification."""
    if loss == "cross_entropy":
        return lambda logits: {"probabilities": ops.softmax(logits)}
    if loss == "binary_cross_entropy":
        return lambda logits: {"probabilities": ops.concatenate([ops.sigmoid(-logits), ops.sigmoid(logits)], axis=1)}
    return lambda values: {}


def metric_named(name: str, target: Target) -> str:
    """Return the name of a metric if it exists and fits the task.

    Raises:
        OptionError: it does not.
    """
    fitting = [metric.name for metric in METRICS.values() if metric.task == target.task]
    if name not in fitting:
        raise OptionError(f"--metric {name} is not a metric of {target.task}; choose one of {', '.join(fitting)}.{nearest(name, fitting)}")
    return name
