"""Composites as textbooks write them: equal to their definitions in exact arithmetic, and not guarded against overflow.

What a reader is to see has a name. A composite that is not here is written like its definition.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from chainrule.ops import abs, exp, log, named, normal_cdf, pick, reshape, sigmoid, softmax, softplus, sum, tanh


def _softmax(x: Any) -> Any:
    powers = named(exp(x), "powers")
    total = named(sum(powers, -1), "total")
    return powers / reshape(total, shape=(*total.shape, 1))


def _binary_cross_entropy(logits: Any, target: Any) -> Any:
    p = named(sigmoid(logits), "p")
    return -(target * log(p) + (1.0 - target) * log(1.0 - p))


TEXTBOOK: Mapping[str, Callable[..., Any]] = {
    "gelu": lambda x: x * named(normal_cdf(x), "cdf"),
    "silu": lambda x: x * named(sigmoid(x), "gate"),
    "softplus": lambda x: log(1.0 + named(exp(x), "powers")),
    "mish": lambda x: x * named(tanh(named(softplus(x), "softplus")), "gate"),
    "softsign": lambda x: x / named(1.0 + abs(x), "scale"),
    "log_sum_exp": lambda x: log(named(sum(named(exp(x), "powers"), -1), "total")),
    "softmax": _softmax,
    "log_softmax": lambda x: log(named(softmax(x), "p")),
    "cross_entropy_of_labels": lambda logits, label: -log(pick(named(softmax(logits), "p"), label)),
    "binary_cross_entropy_of_logits": _binary_cross_entropy,
}
