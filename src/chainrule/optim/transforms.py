"""What stands before an optimizer in a chain: clipping and weight decay. The steps they return are gradients still."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from typing import Any

from chainrule import ops
from chainrule.ops import named
from chainrule.optim.optimizer import Arrays, Optimizer, Scalars, in_dtype, per_parameter, positive

Step = tuple[Any, dict[str, Any]]


def clip_by_value(limit: float) -> Optimizer:
    """Clip each element of the gradients to [−limit, limit].

    Raises:
        OptionError: the limit is not a finite number above 0.
    """

    def rule(gradient: Any, parameter: Any, n: Mapping[str, Any]) -> Step:
        bound = n["clip_value"]
        return named(ops.maximum(ops.minimum(gradient, bound), -bound), "clipped"), {}

    return per_parameter("clip_by_value", {"clip_value": positive("the clipping limit", limit)}, {}, rule)


def clip_by_norm(limit: float) -> Optimizer:
    """Scale all gradients by min(1, limit / ‖g‖), where ‖g‖ is the norm over all parameters (Pascanu, Mikolov and Bengio 2013).

    Raises:
        OptionError: the limit is not a finite number above 0.
    """

    def update(gradients: Arrays, state: Arrays, params: Arrays, scalars: Scalars) -> tuple[Arrays, Arrays]:
        squares = [ops.sum(gradient * gradient) for gradient in gradients.values()]
        norm = named(ops.sqrt(reduce(ops.add, squares)), "gradient_norm")
        bound = in_dtype({"clip_norm": scalars["clip_norm"]}, str(norm.dtype))["clip_norm"]
        too_long = named(ops.less(bound, norm), "too_long")
        factor = named(ops.where(too_long, bound / ops.where(too_long, norm, 1.0), 1.0), "clip_factor")
        clipped: Arrays = {}
        for path, gradient in gradients.items():
            with ops.scope(layer=path):
                clipped[path] = named(gradient * factor, "clipped")
        return clipped, {}

    return Optimizer("clip_by_norm", {"clip_norm": positive("the clipping limit", limit)}, {}, update)


def weight_decay(decay: float, *, biases: bool = False) -> Optimizer:
    """Add decay × parameter to the gradients (the gradient of an L2 penalty ½·decay·‖w‖²), before the optimizer sees them.

    Weights (two axes or more) decay; biases only if ``biases``. For decay apart from the gradient see :func:`adamw`.

    Raises:
        OptionError: the decay is not a finite number of at least 0.
    """

    def rule(gradient: Any, parameter: Any, n: Mapping[str, Any]) -> Step:
        return (named(gradient + n["weight_decay"] * parameter, "decayed") if decays(parameter, biases) else gradient), {}

    return per_parameter("weight_decay", {"weight_decay": positive("weight decay", decay, zero=True)}, {}, rule)


def decays(parameter: Any, biases: bool) -> bool:
    """Whether a parameter is a weight, or a bias and biases decay as well."""
    return biases or len(parameter.shape) > 1
