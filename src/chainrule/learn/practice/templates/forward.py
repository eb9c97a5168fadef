"""The forward pass: the activation of a unit, and the prediction of a network."""

from __future__ import annotations

from random import Random

import numpy as np

from chainrule.learn.practice.exercise import Number, Slip
from chainrule.learn.practice.networks import Change, Problem, Shape
from chainrule.learn.practice.numbers import equals, short, tenths
from chainrule.learn.practice.templates.template import EXACT, ROUNDED, Draft, Template
from chainrule.learn.practice.templates.wording import FORMULAS, product, values, weights

_X = (-2.0, -1.0, -0.5, 0.5, 1.0, 2.0, 3.0)
_NO_BIAS = np.zeros(2)


def _hidden_layer(random: Random, activation: str) -> Problem:
    """Draw a network of two inputs, two hidden units and a linear output, and a row."""

    def draw(*shape: int) -> np.ndarray:
        return np.array([tenths(random, -1, 1) for _ in range(int(np.prod(shape)))]).reshape(shape)

    params = {"hidden.weight": draw(2, 2), "hidden.bias": draw(2), "output.weight": draw(2, 1), "output.bias": draw(1)}
    return Problem(Shape((2, 2, 1), activation), params, np.array([random.sample(_X, 2)]), np.zeros((1, 1)))


def activation(random: Random) -> Draft | None:
    """Draw: the activation of one hidden unit."""
    name = random.choice(("relu", "leaky_relu", "sigmoid", "tanh"))
    problem, unit = _hidden_layer(random, name), random.randrange(2)
    right = problem.run()
    z, h = right.at("hidden.sum", 0, unit), right.at("hidden.output", 0, unit)
    curved = name in ("sigmoid", "tanh")
    if abs(z) < 0.05 or (curved and abs(z) > 3) or (name == "relu" and z < 0):
        return None
    weight, bias = problem.params["hidden.weight"], problem.params["hidden.bias"]
    no_bias = problem.run(Change(inputs={"hidden.bias": _NO_BIAS})).at("hidden.output", 0, unit)
    turned = problem.run(Change(inputs={"hidden.weight": weight.T})).at("hidden.output", 0, unit)
    slips = [
        Slip("forgot_bias", f"The bias of h{unit + 1} is missing: it is added to the sum before the activation.", no_bias),
        Slip("wrong_weights", "These are weights of another unit: take the row of the unit that is asked for.", turned),
    ]
    if curved or z < 0:
        slips.append(Slip("forgot_activation", f"That is the sum z; the activation {name} of it is still to be taken.", z))
    x = problem.x[0]
    steps = product(list(zip(x, weight[:, unit], strict=True)), bias[unit])
    return Draft(
        (
            f"A row meets a layer of two {name} units. {FORMULAS[name]}.",
            values(x1=x[0], x2=x[1]),
            weights(("x1", "x2"), ("h1", "h2"), weight, bias),
        ),
        f"What is the activation of h{unit + 1}?",
        Number(h, ROUNDED if curved else EXACT),
        (
            f"First the sum: z{unit + 1} = x1·(weight from x1) + x2·(weight from x2) + bias.",
            f"z{unit + 1} = {steps}",
            f"z{unit + 1} {equals(z)}; now take {FORMULAS[name]}.",
        ),
        (f"z{unit + 1} = {steps} = {short(z)}", f"h{unit + 1} = {name}({short(z)}) {equals(h)}"),
        tuple(slips),
    )


def prediction(random: Random) -> Draft | None:
    """Draw: the output of a whole small network."""
    name = random.choice(("relu", "leaky_relu"))
    problem = _hidden_layer(random, name)
    right = problem.run()
    z, h, p = right["hidden.sum"][0], right["hidden.output"][0], right.at("output.output", 0, 0)
    if not (min(z) < -0.05 and max(z) > 0.05) or abs(p) < 0.02:
        return None
    weight, last, bias = problem.params["hidden.weight"], problem.params["output.weight"], problem.params["output.bias"]
    linear = problem.run(Change({"hidden.output": "hidden.sum"}, phases=("forward",))).at("output.output", 0, 0)
    no_bias = problem.run(Change(inputs={"output.bias": np.zeros(1)})).at("output.output", 0, 0)
    slips = [
        Slip("forgot_activation", f"The sums were used as they are: first take {name} of each, then the output's weights.", linear),
        Slip("forgot_bias", "The bias of the output is missing.", no_bias),
    ]
    heard = int(np.argmax(np.abs(h * last[:, 0])))
    alone = np.where(np.arange(2)[:, None] == heard, last, 0.0)
    one = problem.run(Change({"output.weight": alone}, phases=("forward",))).at("output.output", 0, 0)
    if h[1 - heard]:
        slips.append(Slip("one_path", f"Only h{heard + 1} was counted: the output adds what comes through every hidden unit.", one))
    x = problem.x[0]
    sums = [product(list(zip(x, weight[:, k], strict=True)), problem.params["hidden.bias"][k]) for k in range(2)]
    total = product(list(zip(h, last[:, 0], strict=True)), bias[0])
    return Draft(
        (
            f"A row goes through a network with two {name} units and a linear output p. {FORMULAS[name]}.",
            values(x1=x[0], x2=x[1]),
            weights(("x1", "x2"), ("h1", "h2"), weight, problem.params["hidden.bias"]),
            weights(("h1", "h2"), ("p",), last, bias),
        ),
        "What does the network predict for this row?",
        Number(p, EXACT),
        (
            f"z1 = {sums[0]}",
            f"z2 = {sums[1]}",
            f"h1 = {short(h[0])} and h2 = {short(h[1])}; p = h1·(weight from h1) + h2·(weight from h2) + bias.",
        ),
        (f"h1 = {name}({short(z[0])}) = {short(h[0])}", f"h2 = {name}({short(z[1])}) = {short(h[1])}", f"p = {total} {equals(p)}"),
        tuple(slips),
    )


TEMPLATES = (
    Template("activation", 2, "The activation of a unit", activation),
    Template("prediction", 2, "The prediction of a network", prediction),
)
