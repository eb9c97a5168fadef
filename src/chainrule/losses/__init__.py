"""Losses: how wrong a prediction is, as one number."""

from chainrule.losses.functions import (
    LOSSES,
    binary_cross_entropy,
    cross_entropy,
    half_squared_error,
    huber,
    mae,
    mse,
    pinball,
    poisson,
    target_type,
)

__all__ = [
    "LOSSES",
    "binary_cross_entropy",
    "cross_entropy",
    "half_squared_error",
    "huber",
    "mae",
    "mse",
    "pinball",
    "poisson",
    "target_type",
]
