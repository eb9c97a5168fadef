"""What stands before an optimizer in a chain: clipping and weight decay."""

from __future__ import annotations

from functools import reduce
from typing import Any

from chainrule import ops
from chainrule.optim.optimizer import Arrays, Numbers, Optimizer, Scalars, per_parameter, positive


def clip_by_value(limit: float) -> Optimizer:
    """Clip each element of the gradients to [−limit, limit]."""

    def rule(gradient: Any, parameter: Any, number: Numbers) -> tuple[Any, dict[str, Any]]:
        bound = number["clip_value"]
        return ops.maximum(ops.minimum(gradient, bound), -bound), {}

    return per_parameter("clip_by_value", {"clip_value": positive("the clipping limit", limit)}, {}, rule)


def clip_by_norm(limit: float) -> Optimizer:
    """Scale all gradients by min(1, limit / ‖g‖), where ‖g‖ is the norm over all parameters (Pascanu, Mikolov and Bengio 2013)."""

    def update(gradients: Arrays, state: Arrays, params: Arrays, scalars: Scalars) -> tuple[Arrays, Arrays]:
        squares = [ops.sum(gradient * gradient) for gradient in gradients.values()]
        norm = ops.named(ops.sqrt(reduce(ops.add, squares)), "gradient_norm")
        bound = Numbers(scalars, str(norm.dtype))["clip_norm"]
        too_long = ops.less(bound, norm)
        factor = ops.named(ops.where(too_long, bound / ops.where(too_long, norm, 1.0), 1.0), "clip_factor")
        return {path: gradient * factor for path, gradient in gradients.items()}, {}

    return Optimizer("clip_by_norm", {"clip_norm": positive("the clipping limit", limit)}, {}, update)


def weight_decay(decay: float, *, biases: bool = False) -> Optimizer:
    """Add decay × parameter to the gradients (the gradient of an L2 penalty ½·decay·‖w‖²), before the optimizer sees them.

    Weights (two axes or more) decay; biases only if asked. For decay apart from the gradient see :func:`adamw`.
    """

    def rule(gradient: Any, parameter: Any, number: Numbers) -> tuple[Any, dict[str, Any]]:
        return (gradient + number["weight_decay"] * parameter if decays(parameter, biases) else gradient), {}

    return per_parameter("weight_decay", {"weight_decay": positive("weight decay", decay, zero=True)}, {}, rule)


def decays(parameter: Any, biases: bool) -> bool:
    """Whether a parameter is a weight, or a bias and biases decay as well."""
    return biases or len(parameter.shape) > 1
