"""Random programs for property tests: a recipe of plain steps, applied to traced values or, with NumPy, to arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from chainrule import ops
from chainrule.ir import B, Batch

UNARY = {
    "tanh": (ops.tanh, np.tanh),
    "sin": (ops.sin, np.sin),
    "sigmoid": (ops.sigmoid, lambda x: 1 / (1 + np.exp(-x))),
    "negative": (lambda x: -x, lambda x: -x),
    "halved": (lambda x: 0.5 * x + 0.25, lambda x: 0.5 * x + 0.25),
    "square": (lambda x: x * x, lambda x: x * x),
    "root": (lambda x: ops.sqrt(x * x + 1.0), lambda x: np.sqrt(x * x + 1.0)),
    "bounded exp": (lambda x: ops.exp(-(x * x)), lambda x: np.exp(-(x * x))),
    "softmax": (ops.softmax, lambda x: (lambda e: e / e.sum(-1, keepdims=True))(np.exp(x - x.max(-1, keepdims=True)))),
    "centered": (lambda x: x - ops.mean(x, 0, keepdims=True), lambda x: x - x.mean(0, keepdims=True)),
    "largest": (lambda x: x - ops.amax(x, 1, keepdims=True), lambda x: x - x.max(1, keepdims=True)),
    "summed": (lambda x: x + ops.sum(x, 1, keepdims=True), lambda x: x + x.sum(1, keepdims=True)),
    "rolled": (lambda x: ops.concatenate([x[:, 1:], x[:, :1]], axis=1), lambda x: np.concatenate([x[:, 1:], x[:, :1]], 1)),
    "doubled rows": (
        lambda x: ops.take_slice(ops.concatenate([x, ops.tanh(x)], axis=0), axis=0, start=B, stop=Batch(2)),
        np.tanh,
    ),
    "relu": (ops.relu, lambda x: np.maximum(x, 0)),
}
BINARY = {
    "sum": (lambda x, y: x + y, lambda x, y: x + y),
    "difference": (lambda x, y: x - y, lambda x, y: x - y),
    "product": (lambda x, y: x * y, lambda x, y: x * y),
    "quotient": (lambda x, y: x / (1.5 + y * y), lambda x, y: x / (1.5 + y * y)),
    "largest": (ops.maximum, np.maximum),
    "chosen": (lambda x, y: ops.where(x < y, x * 2.0, y), lambda x, y: np.where(x < y, x * 2.0, y)),
    "product of matrices": (
        lambda x, y: x @ ops.transpose(ops.mean(y, 0, keepdims=True)) + y,
        lambda x, y: x @ y.mean(0, keepdims=True).T + y,
    ),
}


Step = tuple[str, str, int, int]


def recipes() -> st.SearchStrategy[list[Step]]:
    """Lists of steps (kind, name, operand, operand); operands count back from the newest value, so that subexpressions are shared."""
    back = st.integers(0, 3)
    unary = st.tuples(st.just("unary"), st.sampled_from(sorted(UNARY)), back, back)
    binary = st.tuples(st.just("binary"), st.sampled_from(sorted(BINARY)), back, back)
    return st.lists(st.one_of(unary, binary), min_size=1, max_size=8)


def apply_recipe(recipe: list[Step], x: Any, row: Any, *, numpy: bool = False) -> tuple[Any, Any]:
    """Return (the last value, the mean of its square), from x [B,3] and a row [3] that broadcasts against it."""
    values = [x, x * row]
    for kind, name, first, second in recipe:
        operands = [values[-1 - (number % len(values))] for number in (first, second)]
        pair = (UNARY if kind == "unary" else BINARY)[name]
        values.append(pair[numpy](*operands[: 1 if kind == "unary" else 2]))
    last = values[-1]
    return last, (np.mean(last * last) if numpy else ops.mean(last * last))
