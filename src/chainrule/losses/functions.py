"""Losses as plain functions over traced values: a number for each row, then the (weighted) mean or sum over rows.

Each takes ``prediction`` and ``target``, whose types must match exactly (targets are never broadcast), ``weights`` (one number a
row, of the prediction's dtype), and ``reduction``: ``"mean"`` (Σw·l / Σw, and 0 if Σw = 0; without weights Σl / B), ``"sum"`` (Σw·l)
or ``"none"`` (w·l). All raise a ``TypeRuleError`` for types that do not fit and an ``OptionError`` for an option out of range.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from numbers import Real
from typing import Any, Literal

import numpy as np

from chainrule import ops
from chainrule.errors import OptionError, TypeRuleError
from chainrule.ir import Type
from chainrule.ir.types import show_shape
from chainrule.ops import named
from chainrule.ops.type_rules import INTEGERS

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
    return _reduce(_mean_over_outputs(named(error * error, "squared_error")), weights, reduction)


def half_squared_error(prediction: Any, target: Any, weights: Any = None, reduction: Reduction = "mean") -> Any:
    """Half squared error: for each row ½ Σ over outputs of (prediction − target)² (Rumelhart, Hinton and Williams 1986).

    Arguments and errors as for :func:`mse`.
    """
    error = _error(prediction, target)
    return _reduce(0.5 * _sum_over_outputs(named(error * error, "squared_error")), weights, reduction)


def mae(prediction: Any, target: Any, weights: Any = None, reduction: Reduction = "mean") -> Any:
    """Mean absolute error: for each row the mean over outputs of \\|prediction − target\\|. Arguments and errors as for :func:`mse`."""
    return _reduce(_mean_over_outputs(named(ops.abs(_error(prediction, target)), "absolute_error")), weights, reduction)


def huber(prediction: Any, target: Any, weights: Any = None, reduction: Reduction = "mean", *, delta: float = 1.0) -> Any:
    """Huber's loss: for each row the mean over outputs of ½e² where \\|e\\| ≤ δ, else δ(\\|e\\| − ½δ) (Huber 1964).

    Both pieces are c(\\|e\\| − ½c) with c = min(\\|e\\|, δ), and so they are computed. Arguments and errors as for :func:`mse`.

    Raises:
        OptionError: ``delta`` is not a number above 0.
    """
    if not _is_number(delta) or not delta > 0:
        raise OptionError(f"huber's delta is {delta!r} and must be a number above 0.")
    size = named(ops.abs(_error(prediction, target)), "absolute_error")
    capped = named(ops.minimum(size, float(delta)), "capped")
    return _reduce(_mean_over_outputs(capped * (size - 0.5 * capped)), weights, reduction)


def cross_entropy(
    prediction: Any,
    target: Any,
    weights: Any = None,
    reduction: Reduction = "mean",
    *,
    class_weights: Any = None,
    label_smoothing: float = 0.0,
) -> Any:
    """Cross-entropy from logits: for each row −Σ over classes of c·p·log softmax(prediction).

    (Bishop 2006, equation 4.108; class weights, smoothing and the means are those of PyTorch.)

    Args:
        prediction: logits, float [B, classes].
        target: class numbers, int64 or int32 [B], or probabilities p, float [B, classes].
        weights: float [B].
        reduction: see the module. With class numbers the mean divides by Σ w·c[target], with probabilities by Σ w.
        class_weights: c, one number of at least 0 for each class.
        label_smoothing: ε: p becomes (1 − ε)·p + ε / classes (Szegedy et al. 2016, section 7).

    Raises:
        TypeRuleError: the types do not fit.
        OptionError: an option is out of range.
        DataError: when it runs, a class number is negative or too large; the message names the row.
    """
    logits_type, type = _type(prediction), _type(target)
    if len(logits_type.shape) != 2 or not isinstance(logits_type.shape[1], int):
        raise TypeRuleError(f"cross-entropy needs logits of type [B, classes]; the prediction is {logits_type}.")
    if not _is_number(label_smoothing) or not 0.0 <= label_smoothing < 1.0:
        raise OptionError(f"label_smoothing is {label_smoothing!r} and must be a number of at least 0 and below 1.")
    own_classes = None if class_weights is None else _class_weights(class_weights, logits_type)
    if type.is_float:
        _same_type(prediction, target)
        if label_smoothing:
            target = named(target * (1.0 - label_smoothing) + label_smoothing / logits_type.shape[1], "smoothed")
        shares = target if own_classes is None else named(target * own_classes, "class_shares")
        return _reduce(-ops.sum(shares * named(ops.log_softmax(prediction), "log_probabilities"), -1), weights, reduction)
    if type.shape != logits_type.shape[:1] or type.dtype not in INTEGERS:
        raise TypeRuleError(f"the target is {type}; for logits {logits_type} it is one class number a row, or {logits_type}.")
    rows = named(ops.cross_entropy_of_labels(prediction, target), "label_loss")
    own = None if own_classes is None else named(ops.gather(own_classes, target), "class_weight")
    if own is not None:
        rows = named(own * rows, "class_weighted_loss")
    if label_smoothing:
        spread = named(-ops.log_softmax(prediction), "class_losses")
        uniform = named(ops.mean(spread if own_classes is None else spread * own_classes, -1), "uniform_loss")
        rows = (1.0 - label_smoothing) * rows + label_smoothing * uniform
    return _reduce(rows, weights, reduction, own)


def binary_cross_entropy(prediction: Any, target: Any, weights: Any = None, reduction: Reduction = "mean") -> Any:
    """Binary cross-entropy from logits: for each row the mean over outputs of log(1 + exp(z)) − z·t.

    (Bishop 2006, equation 4.90, with σ(z) for y.)

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


def pinball(
    prediction: Any, target: Any, weights: Any = None, reduction: Reduction = "mean", *, quantile: float | Sequence[float] = 0.5
) -> Any:
    """Pinball loss, whose least value is at a quantile: for each row the mean over outputs of max(q·e, (q − 1)·e), e = target − prediction.

    (Koenker and Bassett 1978.)

    Args:
        prediction, target, weights, reduction: as for :func:`mse`.
        quantile: q, above 0 and below 1; or one for each entry of the last axis.

    Raises:
        TypeRuleError: the types do not match exactly, or there is another number of quantiles than of outputs.
        OptionError: a quantile is out of range.
    """
    error = -_error(prediction, target)
    q, below = _quantiles(quantile, _type(prediction))
    return _reduce(_mean_over_outputs(named(ops.maximum(error * q, error * below), "pinball")), weights, reduction)


def poisson(prediction: Any, target: Any, weights: Any = None, reduction: Reduction = "mean") -> Any:
    """Negative log-likelihood of counts, from the logarithm z of their rate: for each row the mean over outputs of exp(z) − t·z.

    (McCullagh and Nelder 1989, section 6.2; log t!, which the prediction does not change, is left out. PyTorch's with ``log_input``.)

    Args:
        prediction: z, float [B] or [B, outputs].
        target: t, counts of at least 0, the same type.
        weights: float [B].
        reduction: see the module.

    Raises:
        TypeRuleError: the types do not match exactly.
    """
    _same_type(prediction, target)
    return _reduce(_mean_over_outputs(named(ops.exp(prediction), "rate") - target * prediction), weights, reduction)


LOSSES: dict[str, Loss] = {
    "mse": mse,
    "half_squared_error": half_squared_error,
    "mae": mae,
    "huber": huber,
    "pinball": pinball,
    "poisson": poisson,
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
        raise TypeRuleError(f"the prediction is {ours} and needs an axis of rows.")
    if ours != theirs:
        raise TypeRuleError(f"the prediction is {ours} and the target {theirs}; they must match exactly (reshape or cast the target).")


def _error(prediction: Any, target: Any) -> Any:
    _same_type(prediction, target)
    return named(ops.subtract(prediction, target), "error")


def _sum_over_outputs(x: Any) -> Any:
    return ops.sum(x, tuple(range(1, len(x.shape)))) if len(x.shape) > 1 else x


def _mean_over_outputs(x: Any) -> Any:
    outputs = ops.size(x, tuple(range(1, len(x.shape)))) if len(x.shape) > 1 else 1
    return _sum_over_outputs(x) if outputs == 1 else _sum_over_outputs(x) / outputs


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _quantiles(quantile: float | Sequence[float], prediction: Type) -> tuple[Any, Any]:
    """Return q and q − 1: numbers, or constants [outputs]."""
    numbers: list[Any] = list(quantile) if isinstance(quantile, (Sequence, np.ndarray)) else [quantile]
    if not numbers or not all(_is_number(q) and 0 < q < 1 for q in numbers):
        raise OptionError(f"pinball's quantile is {quantile!r} and must be a number above 0 and below 1, or one for each output.")
    if _is_number(quantile):
        return float(numbers[0]), float(numbers[0]) - 1.0
    if len(prediction.shape) < 2 or prediction.shape[-1] != len(numbers):
        raise TypeRuleError(f"there are {len(numbers)} quantiles; the prediction is {prediction} and needs as many outputs.")
    q = np.asarray(numbers, prediction.dtype)
    of_error, below = (named(ops.constant(value=factors, dtype=prediction.dtype), "quantile") for factors in (q, q - 1))
    return of_error, below


def _class_weights(class_weights: Any, logits: Type) -> Any:
    try:
        numbers = np.asarray(class_weights, logits.dtype)
    except (TypeError, ValueError):
        raise OptionError(f"class_weights is {class_weights!r} and must be {logits.shape[1]} numbers, one for each class.") from None
    if numbers.shape != logits.shape[1:]:
        wanted = show_shape(logits.shape[1:])
        raise TypeRuleError(f"class_weights has shape {show_shape(numbers.shape)} and should have {wanted} for logits {logits}.")
    if not (np.isfinite(numbers) & (numbers >= 0)).all():
        raise OptionError(f"class_weights are {numbers.tolist()} and must be finite numbers of at least 0.")
    return named(ops.constant(value=numbers, dtype=logits.dtype), "class_weights")


def _reduce(rows: Any, weights: Any, reduction: Reduction, row_totals: Any = None) -> Any:
    """Weight the losses of the rows and reduce them; a mean divides by Σ w·``row_totals``, 1 each if not given."""
    if reduction not in ("mean", "sum", "none"):
        raise OptionError(f"reduction is {reduction!r} and must be 'mean', 'sum' or 'none'.")
    rows = named(rows, "row_loss")
    if weights is not None:
        if _type(weights) != _type(rows):
            raise TypeRuleError(f"the weights are {_type(weights)}; for this loss they are {_type(rows)}, one number a row.")
        rows = named(rows * weights, "weighted_row_loss")
        row_totals = weights if row_totals is None else named(row_totals * weights, "row_weight")
    if reduction == "none":
        return rows
    if reduction == "sum":
        return named(ops.sum(rows), "loss")
    if row_totals is None:
        return named(ops.mean(rows), "loss")
    total = named(ops.sum(row_totals), "total_weight")
    nothing = named(ops.equal(total, 0.0), "no_weight")
    return named(ops.where(nothing, 0.0, ops.sum(rows) / ops.where(nothing, 1.0, total)), "loss")
