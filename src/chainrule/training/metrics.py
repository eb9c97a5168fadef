"""How good predictions are: the metrics of classification and regression, and the table that names them.

In all of them ``target`` is what was true, one entry a row: the class index, from 0, or the number in the target's own units. ``weights``
(rows,) says how much each row counts; without it each counts 1, and a row of weight 0 counts as absent. A metric that is undefined for the
rows at hand (none; for the area under the curve, a single class) is NaN.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:  # the metrics need no tables, nor the library that reads them
    from chainrule.data.target import Task

Floats: TypeAlias = NDArray[np.floating[Any]]
Classes: TypeAlias = NDArray[np.integer[Any]]
Weights: TypeAlias = NDArray[Any] | None


def _mean(values: NDArray[Any], weights: Weights) -> float:
    """Return Σw·v / Σw, or NaN where the weights add up to nothing."""
    with np.errstate(over="ignore"):
        if weights is None:
            return float(np.mean(values, dtype=np.float64)) if len(values) else math.nan
        total = np.sum(weights, dtype=np.float64)
        return float(np.dot(np.asarray(weights, np.float64), values) / total) if total else math.nan


def _mean_square(values: NDArray[Any], weights: Weights) -> tuple[float, int]:
    """Return m and e, where Σw·v² / Σw is m·4ᵉ.

    Values of any size are handled: they are brought near 1 by 2ᵉ first, which is exact, so that no square overflows or vanishes.
    """
    if weights is not None:
        present = np.asarray(weights) > 0
        values, weights = values[present], weights[present]
    largest = float(np.max(np.abs(values), initial=0.0))
    exponent = math.frexp(largest)[1] if math.isfinite(largest) else 0
    return _mean(np.square(np.ldexp(values, -exponent)), weights), exponent


def _errors(target: Floats, predicted: Floats) -> NDArray[np.float64]:
    with np.errstate(over="ignore"):  # a distance that no number can say is infinite
        return np.subtract(predicted, target, dtype=np.float64)


def _scaled(value: float, exponent: int) -> float:
    """Return value·2^exponent, infinite where no number can say it."""
    try:
        return math.ldexp(value, exponent)
    except OverflowError:
        return math.copysign(math.inf, value)


# --- classification ---------------------------------------------------------------------------------------------------


def accuracy(target: Classes, predicted: Classes, weights: Weights = None) -> float:
    """Return the fraction of rows whose predicted class is the true one: Σ w·[predicted = target] / Σ w."""
    return _mean(predicted == target, weights)


def _class_sums(target: Classes, predicted: Classes, weights: Weights) -> tuple[Floats, Floats, Floats]:
    """Return for each class the weight of the rows that are rightly predicted, that have it, and that are predicted to have it."""
    classes = int(max(target.max(initial=-1), predicted.max(initial=-1))) + 1
    has = np.bincount(target, weights, classes).astype(np.float64)
    said = np.bincount(predicted, weights, classes).astype(np.float64)
    hit = predicted == target
    right = np.bincount(target[hit], None if weights is None else weights[hit], classes).astype(np.float64)
    return right, has, said


def balanced_accuracy(target: Classes, predicted: Classes, weights: Weights = None) -> float:
    """Return the mean over the classes of the fraction of their rows that is found: mean of right_c / has_c.

    Classes without a row are left out. Source: Brodersen et al. (2010), The balanced accuracy and its posterior distribution.
    """
    right, has, _ = _class_sums(target, predicted, weights)
    return _mean(right[has > 0] / has[has > 0], None)


def f1(target: Classes, predicted: Classes, weights: Weights = None) -> float:
    """Return the macro F1: the mean over the classes of 2·precision·recall / (precision + recall) = 2·right_c / (has_c + said_c).

    Classes that are neither true nor predicted anywhere are left out. Source: van Rijsbergen (1979), Information Retrieval, chapter 7.
    """
    right, has, said = _class_sums(target, predicted, weights)
    either = has + said
    return _mean(2 * right[either > 0] / either[either > 0], None)


def log_loss(target: Classes, probabilities: Floats, weights: Weights = None) -> float:
    """Return the mean of −ln p, where p is the probability (rows, classes) that was given to the row's true class.

    A probability of 0 counts as the machine epsilon of its dtype, so that one sure mistake is not an infinite loss.
    Source: Good (1952), Rational decisions, section 8; the clipping is scikit-learn's.
    """
    given = probabilities[np.arange(len(target)), target]
    epsilon = float(np.finfo(probabilities.dtype).eps)
    return _mean(-np.log(np.clip(given.astype(np.float64), epsilon, 1 - epsilon)), weights)


def roc_auc(target: Classes, probabilities: Floats, weights: Weights = None) -> float:
    """Return the area under the receiver operating characteristic, from probabilities (rows, classes).

    It is the chance that a row of the class is given a higher probability than a row of another, ties counting half. With two classes it is
    the second class's; with more, the mean over the classes, each against the rest, of those that have rows on both sides.
    Source: Hanley and McNeil (1982), The meaning and use of the area under a receiver operating characteristic curve.
    """
    columns = [1] if probabilities.shape[1] == 2 else range(probabilities.shape[1])
    counts = np.ones(len(target)) if weights is None else np.asarray(weights, np.float64)
    areas = np.array([_area(target == column, probabilities[:, column], counts) for column in columns])
    return _mean(areas[~np.isnan(areas)], None)


def _area(positive: NDArray[np.bool_], score: Floats, counts: Floats) -> float:
    """Return Σ over positive rows of w·(weight of negative rows scored lower + ½ weight of those scored the same), as a fraction of all."""
    values, rank = np.unique(score, return_inverse=True)
    above = np.bincount(rank[positive], counts[positive], len(values))
    beside = np.bincount(rank[~positive], counts[~positive], len(values))
    pairs = above.sum() * beside.sum()
    return float(np.dot(above, np.cumsum(beside) - beside / 2) / pairs) if pairs else math.nan


def pr_auc(target: Classes, probabilities: Floats, weights: Weights = None) -> float:
    """Return the area under the curve of precision over recall, as average precision, from probabilities (rows, classes).

    It is Σ (recall_k − recall_{k−1})·precision_k over the thresholds k, without interpolation. With two classes it is the second class's;
    with more, the mean over the classes that have rows, each against the rest. Source: Manning, Raghavan and Schütze (2008), Introduction
    to Information Retrieval, section 8.4; scikit-learn's ``average_precision_score``.
    """
    columns = [1] if probabilities.shape[1] == 2 else range(probabilities.shape[1])
    counts = np.ones(len(target)) if weights is None else np.asarray(weights, np.float64)
    areas = np.array([_average_precision(target == column, probabilities[:, column], counts) for column in columns])
    return _mean(areas[~np.isnan(areas)], None)


def _average_precision(positive: NDArray[np.bool_], score: Floats, counts: Floats) -> float:
    values, rank = np.unique(score, return_inverse=True)
    found = np.bincount(rank, counts * positive, len(values))[::-1]
    said = np.cumsum(np.bincount(rank, counts, len(values))[::-1])
    total = found.sum()
    taken = said > 0
    return float(np.dot(found[taken] / total, np.cumsum(found)[taken] / said[taken])) if total else math.nan


def brier(target: Classes, probabilities: Floats, weights: Weights = None) -> float:
    """Return the Brier score: the mean of Σ_c (p_c − [target = c])², and of (p − [target])² of the second class where there are two.

    Source: Brier (1950), Verification of forecasts expressed in terms of probability; scikit-learn's ``brier_score_loss``.
    """
    errors = probabilities.astype(np.float64)
    errors[np.arange(len(target)), target] -= 1.0
    return _mean(np.square(errors).sum(axis=1) / (2.0 if probabilities.shape[1] == 2 else 1.0), weights)


def mcc(target: Classes, predicted: Classes, weights: Weights = None) -> float:
    """Return Matthews' correlation coefficient of true and predicted classes, from −1 to 1; 0 where one of them is always the same.

    Source: Gorodkin (2004), Comparing two K-category assignments by a K-category correlation coefficient.
    """
    right, has, said = _class_sums(target, predicted, weights)
    rows = has.sum()
    if not rows:
        return math.nan
    spread = (rows**2 - has @ has) * (rows**2 - said @ said)
    return float((right.sum() * rows - has @ said) / math.sqrt(spread)) if spread > 0 else 0.0


# --- regression -------------------------------------------------------------------------------------------------------


def mse(target: Floats, predicted: Floats, weights: Weights = None) -> float:
    """Return the mean squared error, Σ w·(predicted − target)² / Σ w, in the square of the target's units."""
    mean, exponent = _mean_square(_errors(target, predicted), weights)
    return _scaled(mean, 2 * exponent)


def rmse(target: Floats, predicted: Floats, weights: Weights = None) -> float:
    """Return the root of the mean squared error, in the target's units."""
    mean, exponent = _mean_square(_errors(target, predicted), weights)
    return _scaled(math.sqrt(mean), exponent)


def mae(target: Floats, predicted: Floats, weights: Weights = None) -> float:
    """Return the mean absolute error, Σ w·abs(predicted − target) / Σ w, in the target's units."""
    return _mean(np.abs(_errors(target, predicted)), weights)


def r2(target: Floats, predicted: Floats, weights: Weights = None) -> float:
    """Return the coefficient of determination, 1 − Σ w·(predicted − target)² / Σ w·(target − mean)².

    1 is perfect, 0 is no better than the mean of these rows. Fewer than two rows have none; where all targets are equal it is 1 if they
    are met exactly and else 0, as in scikit-learn. Targets whose spread is no number have none. Source: Wright (1921), Correlation and
    causation.
    """
    present = np.ones(len(target), np.bool_) if weights is None else np.asarray(weights) > 0
    if np.count_nonzero(present) < 2:
        return math.nan
    error, error_exponent = _mean_square(_errors(target, predicted), weights)
    values = np.asarray(target, np.float64)
    if values[present].min() == values[present].max():
        return 0.0 if error else 1.0
    spread, exponent = _mean_square(_errors(np.full(len(values), _mean(values, weights)), values), weights)
    if not spread or not math.isfinite(spread):
        return math.nan
    return 1 - _scaled(error / spread, 2 * (error_exponent - exponent))


def mape(target: Floats, predicted: Floats, weights: Weights = None) -> float:
    """Return the mean absolute percentage error as a fraction, Σ w·\\|predicted − target\\| / \\|target\\| / Σ w.

    It is undefined where a target is 0. Source: Makridakis (1993), Accuracy measures: theoretical and practical concerns.
    """
    present = np.ones(len(target), np.bool_) if weights is None else np.asarray(weights) > 0
    if (np.asarray(target)[present] == 0).any():
        return math.nan
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):  # an absent row may have a target of 0
        return _mean(np.where(present, np.abs(_errors(target, predicted)) / np.abs(target), 0.0), weights)


def pinball(target: Floats, predicted: Floats, weights: Weights = None, quantiles: Sequence[float] = (0.5,)) -> float:
    """Return the mean pinball loss, max(q·e, (q − 1)·e) with e = target − predicted, in the target's units.

    ``predicted`` (rows,) or (rows, quantiles) is measured at each of the quantiles q, of which the mean is taken; at ½ it is half the mean
    absolute error. Source: Koenker and Bassett (1978), Regression quantiles.
    """
    columns = predicted.T if predicted.ndim == 2 else [predicted] * len(quantiles)
    losses = []
    for q, column in zip(quantiles, columns, strict=True):
        error = _errors(column, target)
        losses.append(_mean(np.maximum(q * error, (q - 1) * error), weights))
    return float(np.mean(losses))


def poisson_deviance(target: Floats, predicted: Floats, weights: Weights = None) -> float:
    """Return the mean Poisson deviance, 2·Σ w·(y·ln(y / p) − y + p) / Σ w, for targets y of at least 0 and predictions p above 0.

    It is undefined for others. Source: McCullagh and Nelder (1989), Generalized Linear Models, section 2.3.
    """
    present = np.ones(len(target), np.bool_) if weights is None else np.asarray(weights) > 0
    y, p = np.asarray(target, np.float64)[present], np.asarray(predicted, np.float64)[present]
    if (y < 0).any() or not (p > 0).all():
        return math.nan
    with np.errstate(over="ignore"):
        return 2 * _mean(y * np.log(np.where(y > 0, y / p, 1.0)) - y + p, weights if weights is None else weights[present])


# --- by name ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Metric:
    """A metric by its name: what it measures, whether more is better, and what its function takes as predictions.

    ``takes`` is ``classes`` (rows,), ``probabilities`` (rows, classes), ``values`` (rows,) or ``quantiles`` (rows, quantiles).
    ``undefined`` says which rows have no value, whatever is predicted; empty if all have one.
    """

    name: str
    task: Task
    greater_is_better: bool
    takes: Literal["classes", "probabilities", "values", "quantiles"]
    function: Callable[..., float]
    undefined: str = ""

    def __call__(
        self,
        target: NDArray[Any],
        outputs: NDArray[Any],
        weights: Weights = None,
        *,
        threshold: float | None = None,
        quantiles: Sequence[float] = (),
    ) -> float:
        """Measure a model's outputs: probabilities (rows, classes), values (rows,) in the target's units, or (rows, quantiles) of them.

        Args:
            target, outputs, weights: as above.
            threshold: the probability from which on the second of two classes is answered; the more probable one unless given.
            quantiles: what values (rows, quantiles) are quantiles of. Metrics of values measure the one nearest to ½.
        """
        if self.takes == "classes":
            return self.function(target, decide(outputs, threshold), weights)
        if self.takes == "quantiles":
            return self.function(target, outputs, weights, quantiles or (0.5,))
        return self.function(target, outputs[:, middle(quantiles)] if quantiles and outputs.ndim == 2 else outputs, weights)


def decide(probabilities: NDArray[Any], threshold: float | None = None) -> NDArray[np.int64]:
    """Return the class (rows,) that probabilities (rows, classes) answer: the most probable one, or by the threshold of the second one."""
    chosen: NDArray[np.int64] = probabilities.argmax(axis=1) if threshold is None else (probabilities[:, 1] >= threshold).astype(np.int64)
    return chosen


def middle(quantiles: Sequence[float]) -> int:
    """Return the place of the quantile that is nearest to ½."""
    return min(range(len(quantiles)), key=lambda place: abs(quantiles[place] - 0.5))


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("accuracy", "classification", True, "classes", accuracy),
        Metric("balanced_accuracy", "classification", True, "classes", balanced_accuracy),
        Metric("f1", "classification", True, "classes", f1),
        Metric("log_loss", "classification", False, "probabilities", log_loss),
        Metric("roc_auc", "classification", True, "probabilities", roc_auc, "where all rows are of one class"),
        Metric("pr_auc", "classification", True, "probabilities", pr_auc, "where all rows are of one class"),
        Metric("brier", "classification", False, "probabilities", brier),
        Metric("mcc", "classification", True, "classes", mcc),
        Metric("rmse", "regression", False, "values", rmse),
        Metric("mae", "regression", False, "values", mae),
        Metric("r2", "regression", True, "values", r2, "where there are fewer than two rows"),
        Metric("mse", "regression", False, "values", mse),
        Metric("mape", "regression", False, "values", mape, "where a target is 0"),
        Metric("pinball", "regression", False, "quantiles", pinball),
        Metric("poisson_deviance", "regression", False, "values", poisson_deviance, "where a target is below 0"),
    )
}


def evaluate_predictions(
    task: Task,
    target: NDArray[Any],
    outputs: NDArray[Any],
    weights: Weights = None,
    *,
    threshold: float | None = None,
    quantiles: Sequence[float] = (),
) -> dict[str, float]:
    """Return every metric of the task by its name; those that are undefined for these rows, or larger than any number, are left out.

    ``outputs`` are probabilities (rows, classes) for classification, and values (rows,) in the target's units, or (rows, quantiles) of
    them, for regression; ``threshold`` and ``quantiles`` are those of :meth:`Metric.__call__`.
    """
    measured = {
        name: metric(target, outputs, weights, threshold=threshold, quantiles=quantiles)
        for name, metric in METRICS.items()
        if metric.task == task
    }
    return {name: value for name, value in measured.items() if math.isfinite(value)}
