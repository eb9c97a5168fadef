"""Losses as plain functions over traced values: a number for each row, then the (weighted) mean or sum over rows.

Each takes ``prediction`` and ``target``, whose shapes must match exactly (targets are never broadcast), ``weights`` (one number a
row, of the prediction's dtype), and ``reduction``: ``"mean"`` (Σw·l / Σw, and 0 if Σw = 0; without weights Σl / B), ``"sum"`` (Σw·l)
or ``"none"`` (w·l).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Literal

import numpy as np

from chainrule import ops
from chainrule.errors import OptionError, TypeRuleError
from chainrule.ir import Type
from chainrule.ops import named

Reduction = Literal["mean", "sum", "none"]
Loss = Callable[..., Any]


def mse(prediction: Any, target: Any, weights: Any = None, reduction: Reduction = "mean") -> Any:
    """Mean squared error: for each row the mean over outputs of (prediction − target)².

    Args:
        prediction: float [B] or [B, outputs].
        target: the same type.
        weights: float [B].
        reduction: see the module.

    Raises:
        TypeRuleError: the types do not match exactly.
    """
    error = _error(prediction, target)
    return _reduce(_mean_over_outputs(error * error), weights, reduction)


def half_squared_error(prediction: Any, target: Any, weights: Any = None, reduction: Reduction = "mean") -> Any:
    """Half squared error: for each row ½ Σ over outputs of (prediction − target)² (Rumelhart, Hinton and Williams 1986).

    Arguments and errors as for :func:`mse`.
    """
    error = _error(prediction, target)
    return _reduce(0.5 * _sum_over_outputs(error * error), weights, reduction)


def mae(prediction: Any, target: Any, weights: Any = None, reduction: Reduction = "mean") -> Any:
    """Mean absolute error: for each row the mean over outputs of \\|prediction − target\\|. Arguments and errors as for :func:`mse`."""
    return _reduce(_mean_over_outputs(ops.abs(_error(prediction, target))), weights, reduction)


def huber(prediction: Any, target: Any, weights: Any = None, reduction: Reduction = "mean", *, delta: float = 1.0) -> Any:
    """Huber's loss: for each row the mean over outputs of ½e² where \\|e\\| ≤ δ, else δ(\\|e\\| − ½δ) (Huber 1964).

    Arguments and errors as for :func:`mse`; ``delta`` > 0.
    """
    if not delta > 0:
        raise OptionError(f"huber's delta is {delta} and must be above 0.")
    size = ops.abs(_error(prediction, target))
    inside = ops.less_equal(size, delta)
    return _reduce(_mean_over_outputs(ops.where(inside, 0.5 * size * size, delta * (size - 0.5 * delta))), weights, reduction)


def cross_entropy(
    prediction: Any,
    target: Any,
    weights: Any = None,
    reduction: Reduction = "mean",
    *,
    class_weights: Any = None,
    label_smoothing: float = 0.0,
) -> Any:
    """Cross-entropy from logits: for each row −Σ over classes of c·p·log softmax(prediction), as PyTorch defines it.

    Args:
        prediction: logits, float [B, classes].
        target: class numbers, int64 or int32 [B], or probabilities, float [B, classes].
        weights: float [B].
        reduction: see the module. With class numbers the mean divides by Σ w·c[target], with probabilities by Σ w.
        class_weights: c, one number for each class.
        label_smoothing: ε: p becomes (1 − ε)·p + ε / classes (Szegedy et al. 2016, section 7).

    Raises:
        TypeRuleError: the types do not fit.
    """
    logits_type, type = _type(prediction), _type(target)
    if len(logits_type.shape) != 2:
        raise TypeRuleError(f"cross-entropy needs logits of type [B, classes]; the prediction is {logits_type}")
    if not 0.0 <= label_smoothing < 1.0:
        raise OptionError(f"label_smoothing is {label_smoothing} and must be at least 0 and below 1.")
    classes = logits_type.shape[1]
    class_weights = None if class_weights is None else _class_weights(class_weights, classes, logits_type.dtype)
    if type.is_float:
        _same_type(prediction, target)
        probabilities = target * (1.0 - label_smoothing) + label_smoothing / classes if label_smoothing else target  # type: ignore[operator]
        terms = probabilities if class_weights is None else probabilities * class_weights
        return _reduce(-ops.sum(terms * ops.log_softmax(prediction), -1), weights, reduction)
    if type.shape != logits_type.shape[:1]:
        raise TypeRuleError(f"the target is {type}; for logits {logits_type} it is one class number a row, or {logits_type}")
    rows = ops.cross_entropy_of_labels(prediction, target)
    if class_weights is None and not label_smoothing:
        return _reduce(rows, weights, reduction)
    own = None if class_weights is None else ops.gather(class_weights, target)
    rows = rows if own is None else own * rows
    if label_smoothing:
        spread = -ops.log_softmax(prediction)
        uniform = ops.mean(spread if class_weights is None else spread * class_weights, -1)
        rows = (1.0 - label_smoothing) * rows + label_smoothing * uniform
    if own is None:
        return _reduce(rows, weights, reduction)
    return _reduce(rows, weights, reduction, total=ops.sum(own if weights is None else own * weights))


def binary_cross_entropy(prediction: Any, target: Any, weights: Any = None, reduction: Reduction = "mean") -> Any:
    """Binary cross-entropy from logits: for each row the mean over outputs of log(1 + exp(z)) − z·t.

    Args:
        prediction: logits z, float [B] or [B, outputs].
        target: t, probabilities or 0 and 1, the same type.
        weights: float [B].
        reduction: see the module.

    Raises:
        TypeRuleError: the types do not match exactly.
    """
    _same_type(prediction, target)
    return _reduce(_mean_over_outputs(ops.binary_cross_entropy_of_logits(prediction, target)), weights, reduction)


LOSSES: dict[str, Loss] = {
    "mse": mse,
    "half_squared_error": half_squared_error,
    "mae": mae,
    "huber": huber,
    "cross_entropy": cross_entropy,
    "binary_cross_entropy": binary_cross_entropy,
}


def target_type(loss: Loss, prediction: Type) -> Type:
    """Return the type of target that a loss expects for a prediction: class numbers for cross-entropy, else the prediction's own type."""
    base = loss.func if isinstance(loss, partial) else loss
    return Type("int64", prediction.shape[:1]) if base is cross_entropy else prediction


def _type(x: Any) -> Type:
    return x.type if isinstance(x, ops.Traced) else Type.of(x)


def _same_type(prediction: Any, target: Any) -> None:
    ours, theirs = _type(prediction), _type(target)
    if not ours.shape:
        raise TypeRuleError(f"the prediction is {ours} and needs an axis of rows")
    if ours != theirs:
        raise TypeRuleError(f"the prediction is {ours} and the target {theirs}; they must match exactly (reshape or cast the target)")


def _error(prediction: Any, target: Any) -> Any:
    _same_type(prediction, target)
    return named(ops.subtract(prediction, target), "error")


def _sum_over_outputs(x: Any) -> Any:
    return ops.sum(x, tuple(range(1, len(x.shape)))) if len(x.shape) > 1 else x


def _mean_over_outputs(x: Any) -> Any:
    outputs = ops.size(x, tuple(range(1, len(x.shape)))) if len(x.shape) > 1 else 1
    return _sum_over_outputs(x) if outputs == 1 else _sum_over_outputs(x) / outputs


def _class_weights(class_weights: Any, classes: Any, dtype: str) -> Any:
    array = np.asarray(class_weights, dtype)
    if array.shape != (classes,):
        raise TypeRuleError(f"class_weights has shape {array.shape}; there are {classes} classes")
    return array


def _reduce(rows: Any, weights: Any, reduction: Reduction, total: Any = None) -> Any:
    """Weight the losses of the rows and reduce them; ``total`` is what a mean divides by, if not Σw or B."""
    rows = named(rows, "row_loss")
    if weights is not None:
        if _type(weights) != _type(rows):
            raise TypeRuleError(f"the weights are {_type(weights)}; for this loss they are {_type(rows)}, one number a row")
        rows = named(rows * weights, "weighted")
    if reduction == "none":
        return rows
    if reduction == "sum":
        return ops.sum(rows)
    if reduction != "mean":
        raise OptionError(f"reduction is {reduction!r} and must be 'mean', 'sum' or 'none'.")
    if total is None and weights is None:
        return ops.mean(rows)
    total = ops.sum(weights) if total is None else total
    nothing = ops.equal(total, 0.0)
    return ops.where(nothing, 0.0, ops.sum(rows) / ops.where(nothing, 1.0, total))
