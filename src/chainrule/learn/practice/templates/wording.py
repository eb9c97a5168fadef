"""Pieces of exercises: networks and rows in words and tables."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from chainrule.learn.practice.exercise import Table
from chainrule.learn.practice.networks import SLOPE
from chainrule.learn.practice.numbers import short, shown, within

FORMULAS = {
    "relu": "relu(z) = z where z > 0, else 0",
    "leaky_relu": f"leaky_relu(z) = z where z > 0, else {short(SLOPE)}·z",
    "sigmoid": "sigmoid(z) = 1 / (1 + exp(−z))",
    "tanh": "tanh(z) = (exp(z) − exp(−z)) / (exp(z) + exp(−z))",
}
"""The activations as exercises write them."""

DERIVATIVES = {
    "leaky_relu": "1 where z > 0, else " + short(SLOPE),
    "sigmoid": "h·(1 − h)",
    "tanh": "1 − h²",
}
"""Their derivatives by z, with h for the activation."""

LOSSES = {
    "half_squared_error": "half squared error, L = ½ Σ (p − y)²",
    "mse": "mean squared error, L = mean of (p − y)²",
}


def local(activation: str, unit: str, h: float, z: float) -> str:
    """Return the derivative of an activation at one place, as a product is written: ``0.8·(1 − 0.8)``."""
    if activation == "sigmoid":
        return f"{unit}·(1 − {unit}) = {short(h)}·(1 − {within(h)}) = {short(h * (1 - h))}"
    if activation == "tanh":
        return f"1 − {unit}² = 1 − {within(h)}² = {short(1 - h * h)}"
    return f"{short(1.0 if z > 0 else SLOPE)}, as the sum {short(z)} is {'above' if z > 0 else 'below'} 0"


def values(**numbers: float) -> Table:
    """Return a table of named numbers, in one row."""
    return Table(tuple(numbers), (tuple(shown(number) for number in numbers.values()),))


def weights(sources: Sequence[str], targets: Sequence[str], weight: np.ndarray, bias: np.ndarray | None = None) -> Table:
    """Return the weights of a layer, a row for each unit: its name, its weights by what they come from, and its bias."""
    header = ("unit", *(f"from {source}" for source in sources), *(("bias",) if bias is not None else ()))
    rows = []
    for place, target in enumerate(targets):
        own = [short(float(number)) for number in weight[:, place]]
        rows.append((target, *own, *([short(float(bias[place]))] if bias is not None else [])))
    return Table(header, tuple(rows))


def product(pairs: Sequence[tuple[float, float]], bias: float | None = None) -> str:
    """Return a sum of products in numbers: ``0.5·2 + (−0.3)·1 + 0.1``."""
    text = " + ".join(f"{within(one)}·{within(other)}" for one, other in pairs)
    return text if bias is None else f"{text} + {within(bias)}"
