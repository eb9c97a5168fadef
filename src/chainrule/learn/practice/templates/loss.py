"""The loss: of a few predictions, of a probability, and which one suits a problem."""

from __future__ import annotations

from random import Random

import numpy as np

from chainrule.learn.content_files import read_toml
from chainrule.learn.practice.exercise import Choice, Number, Slip, Table
from chainrule.learn.practice.networks import Change, Problem, Shape
from chainrule.learn.practice.numbers import equals, short, tenths, within
from chainrule.learn.practice.templates.template import EXACT, ROUNDED, Draft, Template
from chainrule.learn.practice.templates.wording import LOSSES

_CLASSES = ("cat", "dog", "bird")


def _linear(random: Random, outputs: int, rows: int, loss: str) -> Problem:
    """Draw a linear network that passes its inputs on, so that the inputs are the predictions."""
    x = np.array([[tenths(random, 0, 3) for _ in range(outputs)] for _ in range(rows)])
    y = np.array([[tenths(random, 0, 3) for _ in range(outputs)] for _ in range(rows)])
    params = {"output.weight": np.eye(outputs), "output.bias": np.zeros(outputs)}
    return Problem(Shape((outputs, 0, outputs), loss=loss), params, x, y)


def loss(random: Random) -> Draft | None:
    """Draw: the mean squared error of some rows, or the half squared error of a row with several outputs."""
    name = random.choice(("mse", "half_squared_error"))
    count = random.choice((3, 4)) if name == "mse" else 3
    problem = _linear(random, 1, count, name) if name == "mse" else _linear(random, count, 1, name)
    right = problem.run()
    value = float(right["loss"])
    p, y, error = (right[part].ravel() for part in ("output.output", "y", "error"))
    if min(abs(error)) < 0.05 or abs(round(value, 4) - value) > 1e-9 or value < 0.02:
        return None
    change = "mse without the mean" if name == "mse" else "half_squared_error without the half"
    whole = float(problem.run(Change(loss=change))["loss"])
    absolute = float(problem.run(Change(loss="mae" if name == "mse" else "half_squared_error without the square"))["loss"])
    if name == "mse":
        forgotten = Slip("missing_mean", f"That is the sum of the squares: mean squared error divides it by the {count} rows.", whole)
    else:
        forgotten = Slip("missing_half", "That is the sum of the squares: half of it is the loss.", whole)
    slips = (forgotten, Slip("forgot_square", "The errors were not squared, only their signs were dropped.", absolute))
    unit = "row" if name == "mse" else "output"
    table = Table((unit, "p", "y"), tuple((str(k + 1), short(p[k]), short(y[k])) for k in range(count)))
    squares = " + ".join(f"{within(e)}²" for e in error)
    end = f"divided by {count}" if name == "mse" else "times ½"
    return Draft(
        (f"A network's predictions p and the targets y, for {count} {unit}s{'' if name == 'mse' else ' of one row'}:", table),
        f"What is the {LOSSES[name]}?",
        Number(value, EXACT),
        (
            f"The errors p − y are {', '.join(map(short, error))}.",
            f"Their squares add up to {short(float(np.sum(error**2)))}.",
            f"The loss is that sum {end}.",
        ),
        (f"L = ({squares}) {'/ ' + str(count) if name == 'mse' else '/ 2'} {equals(value)}",),
        slips,
    )


def cross_entropy(random: Random) -> Draft | None:
    """Draw: the cross-entropy of a row, from the probabilities that softmax gave."""
    first, second = random.randint(1, 8), random.randint(1, 8)
    if first + second > 9 or len({first, second, 10 - first - second}) < 3:
        return None
    shares = np.array([first, second, 10 - first - second]) / 10
    params = {"output.weight": np.eye(3), "output.bias": np.zeros(3)}
    truth = random.randrange(3)
    problem = Problem(Shape((3, 0, 3), loss="cross_entropy"), params, np.log(shares)[None], np.array([truth]))
    value = float(problem.run()["loss"])
    changed = {
        name: float(problem.run(Change(loss=loss))["loss"])
        for name, loss in (
            ("wrong_sign", "opposite of cross_entropy"),
            ("complement", "cross_entropy of the complement"),
            ("wrong_logarithm", "cross_entropy by the common logarithm"),
        )
    }
    words = {
        "wrong_sign": "The minus is missing: the logarithm of a probability is negative, and a loss is not.",
        "complement": "That is −log(1 − p): the loss takes the probability of the true class itself.",
        "wrong_logarithm": "That is the logarithm to base 10; cross-entropy takes the natural one, ln.",
    }
    slips = [Slip(name, words[name], answer) for name, answer in changed.items()]
    other = max((k for k in range(3) if k != truth), key=lambda k: shares[k])
    missed = float(problem.run(Change(inputs={"y": np.array([other])}))["loss"])
    slips.append(Slip("wrong_class", f"That is the loss for {_CLASSES[other]}; the true class is {_CLASSES[truth]}.", missed))
    table = Table(("class", "probability"), tuple((name, short(float(share))) for name, share in zip(_CLASSES, shares, strict=True)))
    return Draft(
        (f"Softmax gave these probabilities for a picture. The true class is {_CLASSES[truth]}.", table),
        "What is the cross-entropy loss of this row?",
        Number(value, ROUNDED),
        (
            "Only the probability of the true class counts.",
            f"That is {short(float(shares[truth]))}.",
            "The loss is minus its natural logarithm.",
        ),
        (f"L = −ln {short(float(shares[truth]))} {equals(value)}",),
        tuple(slips),
    )


def choose_loss(random: Random) -> Draft:
    """Draw: the loss that suits a problem, among four."""
    known = read_toml("practice/losses.toml")
    problem = random.choice(known["problem"])
    names = random.sample(list(known["loss"]), len(known["loss"]))
    options = tuple(known["loss"][name]["does"] for name in names)
    right = problem["loss"]
    slips = tuple(
        Slip(f"chose_{name}", problem.get("because", {}).get(name, known["loss"][name]["wrong"]), place)
        for place, name in enumerate(names, 1)
        if name != right
    )
    return Draft(
        (problem["text"],),
        "Which loss suits it?",
        Choice(options, names.index(right) + 1),
        tuple(problem["hints"]),
        (f"{known['loss'][right]['does']}: {known['loss'][right]['right']}",),
        slips,
    )


TEMPLATES = (
    Template("loss", 3, "The loss of some predictions", loss),
    Template("cross_entropy", 3, "The cross-entropy of a row", cross_entropy),
    Template("choose_loss", 3, "The loss that suits a problem", choose_loss),
)
