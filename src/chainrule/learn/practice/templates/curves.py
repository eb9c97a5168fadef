"""The loop: what the curves of a real training say."""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from random import Random

import numpy as np

from chainrule import losses, nn, optim
from chainrule.learn.practice.exercise import Chart, Choice, Slip
from chainrule.learn.practice.templates.template import Draft, Template
from chainrule.training.step import TrainingStep, training_step

EPOCHS = 40
_SAYS = {
    "healthy": "The training goes well.",
    "rate_too_high": "The learning rate is too high.",
    "rate_too_low": "The learning rate is too low.",
    "overfitting": "The network learns its training rows by heart.",
}
_WHY = {
    "healthy": "Both curves fall and stay close together, and they have come to rest.",
    "rate_too_high": "The steps overshoot: the training loss jumps up and down, or grows, where it should fall.",
    "rate_too_low": "Both curves still fall at the end, evenly and slowly: the steps are too short.",
    "overfitting": "The training loss goes on falling while the validation loss has turned and rises.",
}


@lru_cache(maxsize=8)
def _step(hidden: int) -> TrainingStep:
    network = nn.mlp(2, [hidden], 1, activation="tanh") if hidden else nn.Sequential({"output": nn.Dense(2, 1)})
    return training_step(network, losses.mse, optim.sgd(0.1), dtype="float64")


def _train(random: Random, hidden: int, rows: int, lr: float, steps: int, noise: float) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Train on drawn rows and return the losses on training and validation rows after each epoch of so many steps."""
    draw = np.random.Generator(np.random.PCG64(random.getrandbits(64)))
    x = draw.normal(size=(rows + 40, 2))
    y = (x @ np.array([[1.0], [-0.5]]) + noise * draw.normal(size=(rows + 40, 1))).clip(-9, 9)
    step = _step(hidden)
    state = step.init(seed=random.randrange(1000))
    state.hyper["lr"] = lr
    training, validation = (x[:rows], y[:rows]), (x[rows:], y[rows:])
    curves: tuple[list[float], list[float]] = ([], [])
    for _ in range(EPOCHS):
        state, _ = step.run(state, training, epochs=steps, batch_size=None, shuffle=False)
        for curve, (inputs, targets) in zip(curves, (training, validation), strict=True):
            curve.append(float(losses.mse(step.predict(state, inputs), targets)))
    return tuple(curves[0]), tuple(curves[1])


def _shows(kind: str, training: tuple[float, ...], validation: tuple[float, ...]) -> bool:
    """Say whether the curves show what they are meant to show, by their numbers, and nothing else."""
    first, last = training[0], training[-1]
    rises = sum(later > earlier * 1.02 for earlier, later in pairwise(training))
    best = min(validation)
    gap = validation[-1] / best
    if kind == "rate_too_high":
        return rises >= 10 and last > 0.5 * first
    if kind == "overfitting":
        return rises == 0 and last < 0.4 * first and gap > 1.3 and validation.index(best) < EPOCHS // 2
    late = (training[-EPOCHS // 4] - last) / first  # the part of the loss that the last quarter of the epochs took off
    if kind == "rate_too_low":
        return rises == 0 and late > 0.04 and last > 0.3 * first and gap < 1.02
    return rises == 0 and last < 0.3 * first and late < 0.01 and gap < 1.03 and validation[-1] < 1.5 * last


def curve(random: Random) -> Draft | None:
    """Draw: the curves of a training, and what they say."""
    kind = random.choice(tuple(_SAYS))
    if kind == "healthy":
        curves = _train(random, 0, 40, random.choice((0.05, 0.08, 0.1)), 1, 0.2)
    elif kind == "rate_too_high":
        curves = _train(random, 8, 40, random.uniform(0.5, 1.2), 1, 0.3)
    elif kind == "rate_too_low":
        curves = _train(random, 0, 40, random.uniform(0.003, 0.01), 1, 0.2)
    else:
        curves = _train(random, 24, 8, 0.05, 25, 1.0)
    if not np.isfinite(curves).all() or max(curves[0]) > 100 or not _shows(kind, *curves):
        return None
    names = random.sample(list(_SAYS), len(_SAYS))
    slips = tuple(
        Slip(f"took_for_{name}", f"That would look otherwise: {_WHY[name][0].lower()}{_WHY[name][1:]}", k)
        for k, name in enumerate(names, 1)
        if name != kind
    )
    return Draft(
        (
            f"A network is trained for {EPOCHS} epochs. These are its losses on the training rows and on the validation rows:",
            Chart((("training", curves[0]), ("validation", curves[1]))),
        ),
        "What do the curves say?",
        Choice(tuple(_SAYS[name] for name in names), names.index(kind) + 1),
        (
            "Look at the training loss first: does it fall, and has it come to rest?",
            "Then compare it with the validation loss: do they part?",
        ),
        (f"{_SAYS[kind]} {_WHY[kind]}",),
        slips,
    )


TEMPLATES = (Template("curve", 6, "The curves of a training", curve),)
