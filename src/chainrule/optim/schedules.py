"""Schedules: factors of the learning rate as functions of the number of updates done, traced like everything else.

Their numbers are hyper-parameters of the optimizer, float64 scalars, so a horizon can be changed without a new trace. Each function
raises an ``OptionError`` for a value out of range.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from chainrule import ops
from chainrule.errors import OptionError
from chainrule.ops import named
from chainrule.optim.optimizer import Scalars, positive


@dataclass(frozen=True)
class Schedule:
    """A factor of the rate: ``factor(done, scalars)`` with ``done`` = t − 1 updates done, both float64 scalars.

    Attributes:
        name: what displays call it.
        hyper: its hyper-parameters by name, with their values; they join those of the optimizer.
        factor: (done, scalars) → the factor.
    """

    name: str
    hyper: Mapping[str, float]
    factor: Callable[[Any, Scalars], Any]


def constant() -> Schedule:
    """Return the factor 1."""
    return Schedule("constant", {}, lambda done, h: 1.0)


def step(every: int, gamma: float = 0.1) -> Schedule:
    """γ^⌊done / every⌋."""
    hyper = {"decay_steps": positive("every", every), "decay_gamma": positive("gamma", gamma)}
    return Schedule("step", hyper, lambda done, h: ops.power(h["decay_gamma"], ops.floor(done / h["decay_steps"])))


def exponential(gamma: float) -> Schedule:
    """γ^done."""
    return Schedule("exponential", {"decay_gamma": positive("gamma", gamma)}, lambda done, h: ops.power(h["decay_gamma"], done))


def cosine(steps: int, final: float = 0.0) -> Schedule:
    """final + (1 − final) · ½(1 + cos(π · min(1, done / steps))) (Loshchilov and Hutter 2017, equation 5, one period)."""

    def factor(done: Any, h: Scalars) -> Any:
        return _blend(1.0, h["decay_final"], ops.minimum(done / h["decay_steps"], 1.0))

    hyper = {"decay_steps": positive("steps", steps), "decay_final": positive("final", final, zero=True)}
    return Schedule("cosine", hyper, factor)


def warm_up(steps: int, then: Schedule | None = None) -> Schedule:
    """min(1, (done + 1) / steps), times the factor of the schedule that follows, whose ``done`` is max(0, done − steps).

    (Goyal et al. 2017, section 2.2.)
    """

    def factor(done: Any, h: Scalars) -> Any:
        rise = named(ops.minimum((done + 1.0) / h["warm_up_steps"], 1.0), "warm_up")
        return rise if then is None else rise * then.factor(ops.maximum(done - h["warm_up_steps"], 0.0), h)

    name = "warm_up" if then is None else f"warm_up → {then.name}"
    return Schedule(name, with_schedule({"warm_up_steps": positive("steps", steps)}, then), factor)


def one_cycle(steps: int, rise: float = 0.3, start: float = 0.04, final: float = 4e-6) -> Schedule:
    """From ``start`` up to 1 during the first ``rise`` of the steps, then down to ``final``, both along a cosine (Smith and Topin 2019).

    The defaults are those of PyTorch's OneCycleLR: start 1/25, final 1/250,000 of the rate. After the last step it stays at ``final``.
    """

    def factor(done: Any, h: Scalars) -> Any:
        peak = named(h["cycle_rise"] * h["cycle_steps"] - 1.0, "cycle_peak")
        last = h["cycle_steps"] - 1.0
        up, down = done / peak, ops.minimum((done - peak) / (last - peak), 1.0)
        return ops.where(ops.less_equal(done, peak), _blend(h["cycle_start"], 1.0, up), _blend(1.0, h["cycle_final"], down))

    hyper = {
        "cycle_steps": positive("steps", steps),
        "cycle_rise": positive("rise", rise, below=1.0),
        "cycle_start": positive("start", start, zero=True),
        "cycle_final": positive("final", final, zero=True),
    }
    if steps * rise <= 1:
        raise OptionError(f"one_cycle with {steps} steps and rise {rise} has no step to rise in; give more steps or a larger rise.")
    return Schedule("one_cycle", hyper, factor)


def _blend(low: Any, high: Any, way: Any) -> Any:
    """Go from ``low`` (way 0) to ``high`` (way 1) along half a cosine."""
    return high + (low - high) * (0.5 * (1.0 + ops.cos(math.pi * way)))


SCHEDULES: dict[str, Callable[..., Schedule]] = {
    "constant": constant,
    "step": step,
    "exponential": exponential,
    "cosine": cosine,
    "warm_up": warm_up,
    "one_cycle": one_cycle,
}


def rate(scalars: Scalars, schedule: Schedule | None) -> Any:
    """Return the rate of this update, a float64 scalar: lr × rate_scale × the schedule's factor."""
    value = scalars["lr"] * scalars["rate_scale"]
    if schedule is not None:
        value = value * named(schedule.factor(named(scalars.t - 1.0, "done"), scalars), "schedule_factor")
    return named(value, "rate")


def with_schedule(hyper: Mapping[str, float], schedule: Schedule | None) -> dict[str, float]:
    """Join the hyper-parameters of an optimizer (or of a schedule) and of the schedule that it follows.

    Raises:
        OptionError: both have a hyper-parameter of the same name.
    """
    added = schedule.hyper if schedule else {}
    if same := [name for name in added if name in hyper]:
        raise OptionError(f"'{same[0]}' would have two values, one of them in the schedule {schedule.name if schedule else ''}.")
    return {**hyper, **added}
