"""What a network has to beat: a constant guess, a linear model and, where they are given, trees, measured on the same test rows."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from chainrule.data.measures.sampling import evenly_spaced
from chainrule.training.linear import Floats, logistic_regression, poisson_regression, ridge_regression, softmax
from chainrule.training.metrics import evaluate_predictions

if TYPE_CHECKING:
    from chainrule.data.target import Task

MOST_ENTRIES = 10_000_000
"""A baseline learns from at most this many numbers; of a larger table it takes evenly spaced rows."""


def baselines(
    task: Task,
    x: NDArray[Any],
    y: NDArray[Any],
    x_test: NDArray[Any],
    y_test: NDArray[Any],
    *,
    classes: int = 0,
    weights: NDArray[Any] | None = None,
    test_weights: NDArray[Any] | None = None,
    trees: NDArray[Any] | None = None,
    quantiles: Sequence[float] = (),
    counted: bool = False,
) -> dict[str, dict[str, float]]:
    """Return the test metrics of the ``constant`` and of the ``linear`` baseline, learned from the training rows.

    ``x`` and ``x_test`` are encoded inputs (rows, units); ``y`` and ``y_test`` (rows,) are class indices below ``classes``, or numbers in
    the target's own units. The weights (rows,) say how much each row counts, with at least one training row that counts. ``trees`` are
    the predictions of gradient-boosted trees for the test rows, see :mod:`chainrule.training.trees`. With ``quantiles`` the baselines
    predict these: their answer, moved by the quantiles of what it leaves over in the training rows. Where y is ``counted``, the linear
    model is a Poisson regression.
    """
    linear = partial(linear_predictions, counted=counted)
    predict: dict[str, Callable[..., Floats]] = {"constant": constant_predictions, "linear": linear}
    if task == "regression" and not counted:  # both are linear in y: numbers of any size are brought near 1, exactly, and back
        exponent = math.frexp(float(np.abs(y).max()))[1]
        with np.errstate(over="ignore"):
            near_one = np.ldexp(y.astype(np.float64), -exponent)
            if quantiles:
                predict = {name: partial(_quantiles, f, quantiles) for name, f in predict.items()}
            outputs = {name: np.ldexp(f(task, x, near_one, x_test, classes, weights), exponent) for name, f in predict.items()}
    else:
        outputs = {name: function(task, x, y, x_test, classes, weights) for name, function in predict.items()}
    if trees is not None:
        outputs["trees"] = trees
    measured = partial(evaluate_predictions, task, y_test, weights=test_weights, quantiles=quantiles)
    return {name: measured(output) for name, output in outputs.items()}


def _quantiles(
    predict: Callable[..., Floats],
    quantiles: Sequence[float],
    task: Task,
    x: NDArray[Any],
    y: NDArray[Any],
    x_test: NDArray[Any],
    classes: int,
    weights: NDArray[Any] | None,
) -> Floats:
    """Return (rows, quantiles): what is predicted, plus each quantile of what that leaves over in the training rows."""
    predicted = predict(task, x, y, np.concatenate([x_test, x]), classes, weights)
    left = y - predicted[len(x_test) :]
    moves = np.quantile(left, quantiles, method="inverted_cdf", weights=weights)
    return predicted[: len(x_test), None] + moves


def constant_predictions(
    task: Task, x: NDArray[Any], y: NDArray[Any], x_test: NDArray[Any], classes: int, weights: NDArray[Any] | None
) -> Floats:
    """Return the same answer for each test row: the training mean (rows,), or the frequencies of the classes (rows, classes)."""
    if task == "regression":
        return np.full(len(x_test), np.average(y.astype(np.float64), weights=weights))
    counts = np.bincount(y, weights, classes)
    return np.tile(counts / counts.sum(), (len(x_test), 1))


def linear_predictions(
    task: Task, x: NDArray[Any], y: NDArray[Any], x_test: NDArray[Any], classes: int, weights: NDArray[Any] | None, counted: bool = False
) -> Floats:
    """Return for each test row what a ridge regression predicts (rows,), or a Poisson regression of what is ``counted``, or the
    probabilities of a logistic regression (rows, classes)."""
    kept = evenly_spaced(len(x), MOST_ENTRIES // max(1, x.shape[1]))
    counts = np.ones(len(kept)) if weights is None else weights[kept] / weights[kept].mean(dtype=np.float64)
    X = x[kept].astype(np.float64)
    if task == "regression":
        weight, bias = (poisson_regression if counted else ridge_regression)(X, y[kept].astype(np.float64), counts)
        with np.errstate(over="ignore"):  # a rate that no number can say is infinite
            return np.exp(x_test @ weight + bias) if counted else x_test @ weight + bias
    weight, biases = logistic_regression(X, y[kept], classes, counts)
    return softmax(x_test @ weight + biases)
