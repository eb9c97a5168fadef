"""The optimizers: each is its formula. g is the gradient, η the rate (lr × schedule × rate_scale), t the number of the update."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chainrule import ops
from chainrule.ops import named
from chainrule.optim.optimizer import Numbers, Optimizer, per_parameter, positive
from chainrule.optim.schedules import Schedule, rate, with_schedule
from chainrule.optim.transforms import decays

Step = tuple[Any, dict[str, Any]]


def sgd(lr: float = 0.01, *, schedule: Schedule | None = None) -> Optimizer:
    """Gradient descent: w ← w − η·g."""

    def rule(gradient: Any, parameter: Any, number: Numbers) -> Step:
        return rate(number, schedule) * gradient, {}

    return per_parameter("sgd", with_schedule({"lr": positive("the learning rate", lr)}, schedule), {}, rule)


def momentum(lr: float = 0.01, momentum: float = 0.9, *, schedule: Schedule | None = None) -> Optimizer:
    """Gradient descent with momentum: v ← μ·v + g; w ← w − η·v (Rumelhart, Hinton and Williams 1986, equation 9)."""

    def rule(gradient: Any, parameter: Any, number: Numbers, velocity: Any) -> Step:
        new = named(number["momentum"] * velocity + gradient, "velocity")
        return rate(number, schedule) * new, {"velocity": new}

    return per_parameter("momentum", _momentum_hyper(lr, momentum, schedule), {"velocity": 0.0}, rule)


def nesterov(lr: float = 0.01, momentum: float = 0.9, *, schedule: Schedule | None = None) -> Optimizer:
    """Nesterov's momentum: v ← μ·v + g; w ← w − η·(g + μ·v) (Sutskever et al. 2013, in the form of Bengio et al. 2013)."""

    def rule(gradient: Any, parameter: Any, number: Numbers, velocity: Any) -> Step:
        new = named(number["momentum"] * velocity + gradient, "velocity")
        return rate(number, schedule) * (gradient + number["momentum"] * new), {"velocity": new}

    return per_parameter("nesterov", _momentum_hyper(lr, momentum, schedule), {"velocity": 0.0}, rule)


def rmsprop(lr: float = 1e-3, rho: float = 0.9, epsilon: float = 1e-8, *, schedule: Schedule | None = None) -> Optimizer:
    """RMSprop: s ← ρ·s + (1 − ρ)·g²; w ← w − η·g / (√s + ε) (Tieleman and Hinton 2012, lecture 6.5)."""

    def rule(gradient: Any, parameter: Any, number: Numbers, mean_square: Any) -> Step:
        rho_, rest = number["rho"], number(1.0 - number.scalars["rho"])
        new = named(rho_ * mean_square + rest * (gradient * gradient), "mean_square")
        return rate(number, schedule) * gradient / (ops.sqrt(new) + number["epsilon"]), {"mean_square": new}

    hyper = {"lr": positive("the learning rate", lr), "rho": _share("rho", rho), "epsilon": positive("epsilon", epsilon, zero=True)}
    return per_parameter("rmsprop", with_schedule(hyper, schedule), {"mean_square": 0.0}, rule)


def adam(
    lr: float = 1e-3, beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8, *, schedule: Schedule | None = None
) -> Optimizer:
    """Adam: m ← β₁·m + (1 − β₁)·g; v ← β₂·v + (1 − β₂)·g²; w ← w − η·m̂ / (√v̂ + ε), with m̂ = m / (1 − β₁ᵗ), v̂ = v / (1 − β₂ᵗ).

    (Kingma and Ba 2015, algorithm 1.)
    """

    def rule(gradient: Any, parameter: Any, number: Numbers, m: Any, v: Any) -> Step:
        step, slots = _adam_direction(gradient, number, m, v)
        return rate(number, schedule) * step, slots

    return per_parameter("adam", _adam_hyper(lr, beta1, beta2, epsilon, schedule), {"m": 0.0, "v": 0.0}, rule)


def adamw(
    lr: float = 1e-3,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
    weight_decay: float = 0.01,
    *,
    biases: bool = False,
    schedule: Schedule | None = None,
) -> Optimizer:
    """Adam with weight decay apart from the gradient: w ← w − η·(m̂ / (√v̂ + ε) + λ·w) (Loshchilov and Hutter 2019, algorithm 2).

    Weights (two axes or more) decay; biases only if ``biases``.
    """

    def rule(gradient: Any, parameter: Any, number: Numbers, m: Any, v: Any) -> Step:
        step, slots = _adam_direction(gradient, number, m, v)
        if decays(parameter, biases):
            step = step + number["weight_decay"] * parameter
        return rate(number, schedule) * step, slots

    hyper = {**_adam_hyper(lr, beta1, beta2, epsilon, schedule), "weight_decay": positive("weight decay", weight_decay, zero=True)}
    return per_parameter("adamw", hyper, {"m": 0.0, "v": 0.0}, rule)


def rprop(
    lr: float = 0.01, eta_minus: float = 0.5, eta_plus: float = 1.2, smallest: float = 1e-6, largest: float = 50.0
) -> Optimizer:
    """Rprop, for full batches: Δ grows by η⁺ while a gradient keeps its sign and shrinks by η⁻ where it turns; w ← w − sign(g)·Δ.

    (Riedmiller and Braun 1993; where the sign has turned the weight rests for one update: iRprop⁻ of Igel and Hüsken 2000.) ``lr`` is
    the first Δ of each weight, in the state as ``PATH.delta``.
    """

    def rule(gradient: Any, parameter: Any, number: Numbers, delta: Any, previous: Any) -> Step:
        agreement = gradient * previous
        kept, turned = ops.greater(agreement, 0.0), ops.less(agreement, 0.0)
        factor = ops.where(kept, number["eta_plus"], ops.where(turned, number["eta_minus"], 1.0))
        delta = named(ops.minimum(ops.maximum(delta * factor, number["smallest"]), number["largest"]), "delta")
        used = named(ops.where(turned, 0.0, gradient), "used_gradient")
        return number["rate_scale"] * (ops.sign(used) * delta), {"delta": delta, "previous": used}

    hyper = {
        "eta_minus": positive("eta_minus", eta_minus, below=1.0),
        "eta_plus": positive("eta_plus", eta_plus),
        "smallest": positive("the smallest step", smallest, zero=True),
        "largest": positive("the largest step", largest),
    }
    return per_parameter("rprop", hyper, {"delta": positive("the learning rate", lr), "previous": 0.0}, rule)


OPTIMIZERS: dict[str, Callable[..., Optimizer]] = {
    "sgd": sgd,
    "momentum": momentum,
    "nesterov": nesterov,
    "rmsprop": rmsprop,
    "adam": adam,
    "adamw": adamw,
    "rprop": rprop,
}


def _share(name: str, value: float) -> float:
    return positive(name, value, zero=True, below=1.0)


def _momentum_hyper(lr: float, momentum: float, schedule: Schedule | None) -> dict[str, float]:
    return with_schedule({"lr": positive("the learning rate", lr), "momentum": _share("momentum", momentum)}, schedule)


def _adam_hyper(lr: float, beta1: float, beta2: float, epsilon: float, schedule: Schedule | None) -> dict[str, float]:
    betas = {"beta1": _share("beta1", beta1), "beta2": _share("beta2", beta2)}
    return with_schedule({"lr": positive("the learning rate", lr), **betas, "epsilon": positive("epsilon", epsilon, zero=True)}, schedule)


def _adam_direction(gradient: Any, number: Numbers, m: Any, v: Any) -> Step:
    h, t = number.scalars, number.scalars.t
    m = named(number["beta1"] * m + number(1.0 - h["beta1"]) * gradient, "m")
    v = named(number["beta2"] * v + number(1.0 - h["beta2"]) * (gradient * gradient), "v")
    m_hat = named(m / number(1.0 - ops.power(h["beta1"], t)), "m_hat")
    v_hat = named(v / number(1.0 - ops.power(h["beta2"], t)), "v_hat")
    return m_hat / (ops.sqrt(v_hat) + number["epsilon"]), {"m": m, "v": v}
