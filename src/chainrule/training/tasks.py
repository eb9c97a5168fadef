"""Classification and regression: which losses fit, which metrics are shown, and what the network's outputs mean."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from chainrule import losses, ops
from chainrule.data.target import Target, Task
from chainrule.errors import OptionError, nearest
from chainrule.training.metrics import METRICS
from chainrule.words import setting

LOSSES_OF: dict[Task, tuple[str, ...]] = {
    "classification": ("cross_entropy", "binary_cross_entropy"),
    "regression": ("mse", "half_squared_error", "mae", "huber", "pinball", "poisson"),
}
SQUARED = ("mse", "half_squared_error")
"""The losses of squared errors, in which few large deviations can outweigh all other rows."""
SHOWN_METRICS = {"classification": ("accuracy",), "regression": ("rmse",)}


def task_of(loss: str | None) -> Task | None:
    """Return the task that a loss belongs to, ``None`` if there is no such loss."""
    return next((task for task, names in LOSSES_OF.items() if loss in names), None)


def choose_loss(targets: Sequence[Target], name: str | None) -> str:
    """Return the name of the loss: the one asked for, if it fits the task, or the task's own.

    Several targets of two classes each are labels, of which a row has any number: their own loss is binary cross-entropy.

    Raises:
        OptionError: the loss is unknown or does not fit.
    """
    task, several = targets[0].task, len(targets) > 1
    fitting = LOSSES_OF[task]
    more = [target for target in targets if target.task == "classification" and len(target.classes) != 2]
    if name is None:
        return "binary_cross_entropy" if several and task == "classification" and not more else fitting[0]
    if name not in losses.LOSSES:
        raise OptionError(f"'{name}' is not a loss; choose one of {', '.join(losses.LOSSES)}.{nearest(name, losses.LOSSES)}")
    if name not in fitting:
        column = targets[0].column.name
        raise OptionError(f"{setting('loss', name)} does not fit the {task} of '{column}'; choose one of {', '.join(fitting)}.")
    if name == "binary_cross_entropy" and more:
        column, classes = more[0].column.name, len(more[0].classes)
        raise OptionError(f"{setting('loss', name)} is for 2 classes; '{column}' has {classes}: choose cross_entropy.")
    return name


def head_of(loss: str) -> Callable[..., dict[str, Any]]:
    """Return what the inference Program makes of the outputs of one target: ``probabilities`` for classification."""

    def head(outputs: Any, buffers: Mapping[str, Any] | None = None) -> dict[str, Any]:
        if loss == "cross_entropy":
            return {"probabilities": ops.softmax(outputs)}
        if loss == "binary_cross_entropy":
            return {"probabilities": ops.concatenate([ops.sigmoid(-outputs), ops.sigmoid(outputs)], axis=1)}
        return {}

    return head


def metric_named(name: str, task: Task) -> str:
    """Return the name of a metric if it exists and fits the task.

    Raises:
        OptionError: it does not.
    """
    fitting = [metric.name for metric in METRICS.values() if metric.task == task]
    if name not in fitting:
        raise OptionError(
            f"{setting('metric', name)} is not a metric of {task}; choose one of {', '.join(fitting)}.{nearest(name, fitting)}"
        )
    return name
