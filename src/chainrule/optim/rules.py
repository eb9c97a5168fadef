"""The optimizers: each is its formula. g is the gradient, η the rate (lr × schedule × rate_scale), t the number of the update.

Every number in a formula but 0, 1 and 2 is a hyper-parameter, and so an input of the Program. Each function raises an ``OptionError`` for a
value out of range. Gradients, parameters, steps and slots of one path have one shape and dtype.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from chainrule import ops
from chainrule.errors import OptionError
from chainrule.ops import named
from chainrule.optim.optimizer import Optimizer, Scalars, per_parameter, positive
from chainrule.optim.schedules import Schedule, rate, with_schedule
from chainrule.optim.transforms import decays

Step = tuple[Any, dict[str, Any]]
Numbers = Mapping[str, Any]


def sgd(lr: float = 0.01, *, schedule: Schedule | None = None) -> Optimizer:
    """Gradient descent: w ← w − η·g."""

    def rule(gradient: Any, parameter: Any, n: Numbers) -> Step:
        return n["rate"] * gradient, {}

    hyper = with_schedule({"lr": positive("the learning rate", lr)}, schedule)
    return per_parameter("sgd", hyper, {}, rule, lambda scalars: {"rate": rate(scalars, schedule)})


def momentum(lr: float = 0.01, momentum: float = 0.9, *, schedule: Schedule | None = None) -> Optimizer:
    """Gradient descent with momentum: v ← μ·v + g; w ← w − η·v, with 0 ≤ μ < 1 (Rumelhart, Hinton and Williams 1986, equation 9)."""

    def rule(gradient: Any, parameter: Any, n: Numbers, velocity: Any) -> Step:
        new = n["momentum"] * velocity + gradient
        return n["rate"] * new, {"velocity": new}

    return _with_momentum("momentum", lr, momentum, schedule, rule)


def nesterov(lr: float = 0.01, momentum: float = 0.9, *, schedule: Schedule | None = None) -> Optimizer:
    """Nesterov's momentum: v ← μ·v + g; w ← w − η·(g + μ·v), with 0 ≤ μ < 1.

    (Sutskever, Martens, Dahl and Hinton 2013, in the form of Bengio, Boulanger-Lewandowski and Pascanu 2013, equation 7.)
    """

    def rule(gradient: Any, parameter: Any, n: Numbers, velocity: Any) -> Step:
        new = n["momentum"] * velocity + gradient
        ahead = named(gradient + n["momentum"] * new, "ahead")
        return n["rate"] * ahead, {"velocity": new}

    return _with_momentum("nesterov", lr, momentum, schedule, rule)


def rmsprop(lr: float = 1e-3, rho: float = 0.9, epsilon: float = 1e-8, *, schedule: Schedule | None = None) -> Optimizer:
    """RMSprop: s ← ρ·s + (1 − ρ)·g²; w ← w − η·g / (√s + ε), with 0 ≤ ρ < 1 (Tieleman and Hinton 2012, lecture 6.5)."""

    def rule(gradient: Any, parameter: Any, n: Numbers, mean_square: Any) -> Step:
        new = n["rho"] * mean_square + n["one_minus_rho"] * (gradient * gradient)
        return n["rate"] * (gradient / (ops.sqrt(new) + n["epsilon"])), {"mean_square": new}

    def shared(scalars: Scalars) -> Numbers:
        rho = scalars["rho"]
        return {"rho": rho, "one_minus_rho": 1.0 - rho, "epsilon": scalars["epsilon"], "rate": rate(scalars, schedule)}

    hyper = {"lr": positive("the learning rate", lr), "rho": _share("rho", rho), "epsilon": positive("epsilon", epsilon, zero=True)}
    return per_parameter("rmsprop", with_schedule(hyper, schedule), {"mean_square": 0.0}, rule, shared)


def adam(
    lr: float = 1e-3, beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8, *, schedule: Schedule | None = None
) -> Optimizer:
    """Adam: m ← β₁·m + (1 − β₁)·g; v ← β₂·v + (1 − β₂)·g²; w ← w − η·m̂ / (√v̂ + ε), with m̂ = m / (1 − β₁ᵗ), v̂ = v / (1 − β₂ᵗ).

    0 ≤ β₁ < 1 and 0 ≤ β₂ < 1 (Kingma and Ba 2015, algorithm 1).
    """

    def rule(gradient: Any, parameter: Any, n: Numbers, m: Any, v: Any) -> Step:
        direction, slots = _adam_direction(gradient, n, m, v)
        return n["rate"] * direction, slots

    hyper = _adam_hyper(lr, beta1, beta2, epsilon, schedule)
    return per_parameter("adam", hyper, {"m": 0.0, "v": 0.0}, rule, lambda scalars: _adam_numbers(scalars, schedule))


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

    Weights (two axes or more) decay; biases only if ``biases``. λ counts in units of the rate, as in PyTorch.
    """

    def rule(gradient: Any, parameter: Any, n: Numbers, m: Any, v: Any) -> Step:
        direction, slots = _adam_direction(gradient, n, m, v)
        if decays(parameter, biases):
            direction = named(direction + n["weight_decay"] * parameter, "decayed")
        return n["rate"] * direction, slots

    def shared(scalars: Scalars) -> Numbers:
        return {**_adam_numbers(scalars, schedule), "weight_decay": scalars["weight_decay"]}

    hyper = {**_adam_hyper(lr, beta1, beta2, epsilon, schedule), "weight_decay": positive("weight decay", weight_decay, zero=True)}
    return per_parameter("adamw", hyper, {"m": 0.0, "v": 0.0}, rule, shared)


def rprop(lr: float = 0.01, eta_minus: float = 0.5, eta_plus: float = 1.2, smallest: float = 1e-6, largest: float = 50.0) -> Optimizer:
    """Rprop, for full batches: Δ grows by η⁺ while a gradient keeps its sign and shrinks by η⁻ where it turns; w ← w − sign(g)·Δ.

    (Riedmiller and Braun 1993; where the sign has turned the weight rests for one update: iRprop⁻ of Igel and Hüsken 2000.) ``lr`` is
    the first Δ of each weight, in the state as ``PATH.delta``; Δ stays between ``smallest`` and ``largest``; 0 < η⁻ < 1 < η⁺.
    """

    def rule(gradient: Any, parameter: Any, n: Numbers, delta: Any, previous: Any) -> Step:
        agreement = named(gradient * previous, "agreement")
        kept, turned = named(ops.greater(agreement, 0.0), "kept"), named(ops.less(agreement, 0.0), "turned")
        factor = named(ops.where(kept, n["eta_plus"], ops.where(turned, n["eta_minus"], 1.0)), "factor")
        new_delta = ops.minimum(ops.maximum(delta * factor, n["smallest"]), n["largest"])
        used = ops.where(turned, 0.0, gradient)
        return n["rate_scale"] * (ops.sign(used) * new_delta), {"delta": new_delta, "previous": used}

    hyper = {
        "eta_minus": positive("eta_minus", eta_minus, below=1.0),
        "eta_plus": positive("eta_plus", eta_plus, above=1.0),
        "smallest": positive("the smallest step", smallest, zero=True),
        "largest": positive("the largest step", largest),
    }
    if smallest > largest:
        raise OptionError(f"the smallest step is {smallest!r} and must not be above the largest, {largest!r}.")
    slots = {"delta": positive("the learning rate", lr), "previous": 0.0}
    return per_parameter("rprop", hyper, slots, rule, lambda scalars: {name: scalars[name] for name in (*hyper, "rate_scale")})


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


def _with_momentum(name: str, lr: float, momentum: float, schedule: Schedule | None, rule: Callable[..., Step]) -> Optimizer:
    hyper = with_schedule({"lr": positive("the learning rate", lr), "momentum": _share("momentum", momentum)}, schedule)
    shared = lambda scalars: {"momentum": scalars["momentum"], "rate": rate(scalars, schedule)}  # noqa: E731 - an argument
    return per_parameter(name, hyper, {"velocity": 0.0}, rule, shared)


def _adam_hyper(lr: float, beta1: float, beta2: float, epsilon: float, schedule: Schedule | None) -> dict[str, float]:
    betas = {"beta1": _share("beta1", beta1), "beta2": _share("beta2", beta2)}
    return with_schedule({"lr": positive("the learning rate", lr), **betas, "epsilon": positive("epsilon", epsilon, zero=True)}, schedule)


def _adam_numbers(scalars: Scalars, schedule: Schedule | None) -> dict[str, Any]:
    beta1, beta2, t = scalars["beta1"], scalars["beta2"], scalars.t
    return {
        "beta1": beta1,
        "beta2": beta2,
        "one_minus_beta1": 1.0 - beta1,
        "one_minus_beta2": 1.0 - beta2,
        "bias_correction1": 1.0 - ops.power(beta1, t),
        "bias_correction2": 1.0 - ops.power(beta2, t),
        "epsilon": scalars["epsilon"],
        "rate": rate(scalars, schedule),
    }


def _adam_direction(gradient: Any, n: Numbers, m: Any, v: Any) -> Step:
    m = named(n["beta1"] * m + n["one_minus_beta1"] * gradient, "m.new")
    v = named(n["beta2"] * v + n["one_minus_beta2"] * (gradient * gradient), "v.new")
    m_hat, v_hat = named(m / n["bias_correction1"], "m_hat"), named(v / n["bias_correction2"], "v_hat")
    return named(m_hat / (ops.sqrt(v_hat) + n["epsilon"]), "direction"), {"m": m, "v": v}
