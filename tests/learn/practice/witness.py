"""A witness that knows nothing of the engine: it reads an exercise as a learner does, from the texts and tables, and finds the answer
with plain arithmetic; derivatives are differences of losses."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from functools import lru_cache
from itertools import pairwise
from typing import Any

from chainrule.learn.practice.exercise import Choice, Exercise, Number, Table
from chainrule.learn.practice.generate import make_exercise

made = lru_cache(None)(make_exercise)
FUNCTIONS: dict[str, tuple[Callable[[float], float], Callable[[float], float]]] = {  # each with its inverse
    "sigmoid": (lambda z: 1 / (1 + math.exp(-z)), lambda h: math.log(h / (1 - h))),
    "tanh": (math.tanh, math.atanh),
    "leaky_relu": (lambda z: z if z > 0 else 0.1 * z, lambda h: h if h > 0 else 10 * h),
    "relu": (lambda z: max(z, 0.0), lambda h: h),
}


def number(text: str) -> float:
    return float(text.replace("≈", "").replace("−", "-"))


def texts(exercise: Exercise) -> str:
    return " ".join(block for block in exercise.given if isinstance(block, str))


def tables(exercise: Exercise) -> list[Table]:
    return [block for block in exercise.given if isinstance(block, Table)]


def named(table: Table) -> dict[str, float]:
    (row,) = table.rows
    return dict(zip(table.header, map(number, row), strict=True))


def rows(table: Table) -> dict[str, dict[str, float]]:
    return {row[0]: dict(zip(table.header[1:], map(number, row[1:]), strict=True)) for row in table.rows}


def function(exercise: Exercise) -> str:
    return next(name for name in ("leaky_relu", "relu", "sigmoid", "tanh") if name in texts(exercise))


def rate(exercise: Exercise) -> float:
    return float(re.search(r"learning rate is ([0-9.]+[0-9])", texts(exercise))[1])


def asked(exercise: Exercise, pattern: str) -> tuple[str, ...]:
    return re.search(pattern, exercise.question).groups()


def slope(f: Callable[[float], float], at: float = 0.0) -> float:
    """The derivative of a function of one number, by a central difference, improved once by Richardson's step."""
    coarse, fine = ((f(at + h) - f(at - h)) / (2 * h) for h in (2e-3, 1e-3))
    return (4 * fine - coarse) / 3


def half(p: list[float], y: list[float]) -> float:
    return 0.5 * sum((a - b) ** 2 for a, b in zip(p, y, strict=True))


def activation(exercise: Exercise) -> float:
    x, layer = named(tables(exercise)[0]), rows(tables(exercise)[1])
    unit = layer[asked(exercise, r"activation of (h\d)")[0]]
    return FUNCTIONS[function(exercise)][0](x["x1"] * unit["from x1"] + x["x2"] * unit["from x2"] + unit["bias"])


def prediction(exercise: Exercise) -> float:
    x, layer, output = named(tables(exercise)[0]), rows(tables(exercise)[1]), rows(tables(exercise)[2])["p"]
    f = FUNCTIONS[function(exercise)][0]
    h = {name: f(x["x1"] * unit["from x1"] + x["x2"] * unit["from x2"] + unit["bias"]) for name, unit in layer.items()}
    return h["h1"] * output["from h1"] + h["h2"] * output["from h2"] + output["bias"]


def loss(exercise: Exercise) -> float:
    squares = [(row["p"] - row["y"]) ** 2 for row in rows(tables(exercise)[0]).values()]
    return sum(squares) / len(squares) if "mean squared error" in exercise.question else sum(squares) / 2


def cross_entropy(exercise: Exercise) -> float:
    true = re.search(r"true class is (\w+)", texts(exercise))[1]
    return -math.log(rows(tables(exercise)[0])[true]["probability"])


def delta_output(exercise: Exercise) -> float:
    given = named(tables(exercise)[0])
    z = FUNCTIONS["sigmoid"][1](given["p"])
    assert abs(z - given["z"]) < 1e-4
    return slope(lambda step: half([FUNCTIONS["sigmoid"][0](z + step)], [given["y"]]))


def hidden(exercise: Exercise, units: Table, outputs: Table, weights: Table) -> Callable[[str, float], float]:
    """Return the loss as a function of the sum of a hidden unit: the unit's name, and by how much its sum is moved."""
    f, inverse = FUNCTIONS[function(exercise)]
    unit, output, weight = rows(units), rows(outputs), rows(weights)
    for name in unit:
        assert abs(inverse(unit[name]["h"]) - unit[name]["z"]) < 1e-3

    def moved(name: str, step: float) -> float:
        change = f(inverse(unit[name]["h"]) + step) - unit[name]["h"]
        p = [output[end]["p"] + weight[end][f"from {name}"] * change for end in output]
        return half(p, [output[end]["y"] for end in output])

    return moved


def delta_hidden(exercise: Exercise) -> float:
    (unit,) = asked(exercise, r"δ of (h\d)")
    loss_of = hidden(exercise, *tables(exercise))
    return slope(lambda step: loss_of(unit, step))


def gradient(exercise: Exercise) -> float:
    source, unit = asked(exercise, r"from (x\d) to (h\d)")
    x = named(tables(exercise)[0])[source]
    loss_of = hidden(exercise, *tables(exercise)[1:])
    return slope(lambda step: loss_of(unit, step * x))


def batch_gradient(exercise: Exercise) -> float:
    w, b = (number(found) for found in re.search(r"w = (−?[\d.]+) and b = (−?[\d.]+)", texts(exercise)).groups())
    line = rows(tables(exercise)[0]).values()
    assert all(abs(w * row["x"] + b - row["p"]) < 1e-9 for row in line)
    return slope(lambda w: sum((w * row["x"] + b - row["y"]) ** 2 for row in line) / len(line), w)


def update(exercise: Exercise) -> float:
    given, (f, inverse) = named(tables(exercise)[0]), FUNCTIONS[function(exercise)]

    def loss_of(w1: float) -> float:
        h = f(inverse(given["h"]) + (w1 - given["w1"]) * given["x"])
        return half([given["p"] + given["w2"] * (h - given["h"])], [given["y"]])

    return given["w1"] - rate(exercise) * slope(loss_of, given["w1"])


def loss_after(exercise: Exercise) -> float:
    given = named(tables(exercise)[0])

    def loss_of(w: float, b: float) -> float:
        return half([w * given["x"] + b], [given["y"]])

    w = given["w"] - rate(exercise) * slope(lambda w: loss_of(w, given["b"]), given["w"])
    b = given["b"] - rate(exercise) * slope(lambda b: loss_of(given["w"], b), given["b"])
    return loss_of(w, b)


def factor(exercise: Exercise) -> int:
    """The option with which the product of the factors is the slope of the loss along the weight."""
    inputs, given, weight = (named(tables(exercise)[0]), named(tables(exercise)[1]), rows(tables(exercise)[2])["p"])
    source, unit = re.search(r"w is the weight from (x\d) to (h\d)", texts(exercise)).groups()
    f, inverse = FUNCTIONS[function(exercise)]
    x, h, p, y = inputs[source], given[unit], given["p"], given["y"]
    whole = slope(lambda w: half([p + weight[f"from {unit}"] * (f(inverse(h) + w * x) - h)], [y]))
    known = {
        "dL/dp": slope(lambda q: half([q], [y]), p),
        f"dp/d{unit}": weight[f"from {unit}"],
        f"d{unit}/d{unit.replace('h', 'z')}": slope(f, inverse(h)),
        f"d{unit.replace('h', 'z')}/dw": x,
    }
    chain = re.search(r"dL/dw = (.+)\.$", texts(exercise))[1].split(" · ")
    rest = math.prod(known[name] for name in chain if name != "[ ? ]")
    assert isinstance(exercise.form, Choice)
    values = [number(option.rpartition("=")[2]) for option in exercise.form.options]
    fitting = [place for place, value in enumerate(values, 1) if abs(value * rest - whole) < 1e-3 * abs(whole) + 1e-6]
    assert len(fitting) == 1, fitting
    return fitting[0]


EVENTS = (
    "the sum of the hidden unit",
    "the activation of the hidden unit",
    "the prediction",
    "the loss",
    "the derivative of the loss by the prediction",
    "the gradient of the output's weight",
    "the derivative of the loss by the hidden activation, through the output's weight",
    "δ of the hidden unit",
    "the gradient of the hidden unit's weight",
    "the new weight of the output",
    "the new weight of the hidden unit",
)


def order(exercise: Exercise) -> tuple[int, ...]:
    items = exercise.form.items
    return tuple(items.index(event) + 1 for event in EVENTS if event in items)


def wrong_number(exercise: Exercise) -> int:
    """The first line that does not follow from those above it, computed from the numbers as they are shown."""
    given, f = named(tables(exercise)[0]), FUNCTIONS[function(exercise)][0]
    lines = [number(re.search(r"(?:=|≈) (−?[\d.]+)$", option)[1]) for option in exercise.form.options]
    z, h, p, _, end, delta, gradient, _ = lines
    derivative = slope(f, z)
    follows = [
        given["w1"] * given["x"] + given["b1"],
        f(z),
        given["w2"] * h + given["b2"],
        (p - given["y"]) ** 2 / 2,
        p - given["y"],
        end * given["w2"] * derivative,
        given["x"] * delta,
        given["w1"] - rate(exercise) * gradient,
    ]
    wrong = [place for place, (shown, right) in enumerate(zip(lines, follows, strict=True), 1) if abs(shown - right) > 2e-3]
    assert len(wrong) == 1, (wrong, lines, follows)
    return wrong[0]


def curve(exercise: Exercise) -> int:
    """What a person sees: jumps, parting curves, a slope that is still there at the end, or rest."""
    (training, validation) = (curve for _, curve in exercise.given[1].curves)
    jumps = sum(b > a for a, b in pairwise(training))
    if jumps >= 5:
        says = "The learning rate is too high."
    elif validation[-1] > 1.25 * min(validation):
        says = "The network learns its training rows by heart."
    elif training[-10] - training[-1] > 0.1 * (training[0] - training[-1]):
        says = "The learning rate is too low."
    else:
        says = "The training goes well."
    return exercise.form.options.index(says) + 1


PROBLEMS = {
    "bakery": "mean squared error",
    "concrete": "mean squared error",
    "running time": "Huber's loss",
    "House prices": "Huber's loss",
    "handwritten": "cross-entropy after softmax",
    "penguin": "cross-entropy after softmax",
    "cancel": "binary cross-entropy after a sigmoid",
    "fuel": "mean squared error",
    "sensor": "Huber's loss",
    "languages": "cross-entropy after softmax",
    "news": "binary cross-entropy after a sigmoid",
    "photograph": "binary cross-entropy after a sigmoid",
}


def choose_loss(exercise: Exercise) -> int:
    (right,) = (loss for word, loss in PROBLEMS.items() if word in texts(exercise))
    return exercise.form.options.index(right) + 1


WITNESSES: dict[str, Callable[[Exercise], Any]] = {
    found.__name__: found
    for found in (
        *(activation, prediction, loss, cross_entropy, choose_loss, delta_output, delta_hidden, gradient, batch_gradient, factor),
        *(update, loss_after, order, wrong_number, curve),
    )
}


def agrees(exercise: Exercise) -> bool:
    """Whether the witness comes to the exercise's answer: to 1e-6 from short numbers."""
    found = WITNESSES[exercise.template](exercise)
    if isinstance(exercise.form, Number):
        return abs(found - exercise.form.answer) < 1e-6
    return found == exercise.form.answer
