"""Optimizers as pure, traced (init, update) pairs, and the schedules of their rate."""

from chainrule.optim.optimizer import Optimizer, chain
from chainrule.optim.rules import OPTIMIZERS, adam, adamw, momentum, nesterov, rmsprop, rprop, sgd
from chainrule.optim.schedules import SCHEDULES, Schedule, constant, cosine, exponential, one_cycle, step, warm_up
from chainrule.optim.transforms import clip_by_norm, clip_by_value, weight_decay

__all__ = [
    "OPTIMIZERS",
    "SCHEDULES",
    "Optimizer",
    "Schedule",
    "adam",
    "adamw",
    "chain",
    "clip_by_norm",
    "clip_by_value",
    "constant",
    "cosine",
    "exponential",
    "momentum",
    "nesterov",
    "one_cycle",
    "rmsprop",
    "rprop",
    "sgd",
    "step",
    "warm_up",
    "weight_decay",
]
