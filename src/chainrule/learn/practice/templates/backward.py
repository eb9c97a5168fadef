"""The backward pass: δ of an output and of a hidden unit, and the gradient of a weight."""

from __future__ import annotations

import math
from random import Random

import numpy as np

from chainrule.learn.practice.exercise import Number, Slip, Table
from chainrule.learn.practice.networks import SLOPE, Change, Problem, Shape
from chainrule.learn.practice.numbers import equals, short, shown, tenths, within
from chainrule.learn.practice.templates.template import EXACT, Draft, Template
from chainrule.learn.practice.templates.wording import DERIVATIVES, LOSSES, local, values, weights

LR = 0.5
_SIGN = Change({"output.output": "y", "y": "output.output"}, of="error")
FLUB = Change({"output.weight": "new output.weight"}, phases=("backward",))
"""Put the U before the B: the backward pass reads weights that are updated already."""
NO_DERIVATIVE = Change({"d_hidden.sum": "d_hidden.output"})
WRONG_INPUT = Change({"hidden.output": "hidden.sum"}, of="hidden.output")


def sum_for(activation: str, value: float) -> float:
    """Return the sum whose activation is a given short number, so that what follows can be computed by hand."""
    if activation == "sigmoid":
        return math.log(value / (1 - value))
    return math.atanh(value) if activation == "tanh" else value if value > 0 else value / SLOPE


def drawn_activation(random: Random, name: str) -> float:
    """Draw an activation of one decimal that the function can give."""
    if name == "sigmoid":
        return random.choice((1, 2, 3, 4, 6, 7, 8, 9)) / 10
    return tenths(random, -0.9, 0.9, size=0.2) if name == "tanh" else tenths(random, -0.4, 1.5)


def two_layers(random: Random, activation: str, outputs: int) -> Problem:
    """Draw a network of two inputs, two hidden units and linear outputs whose activations, errors and output weights are short."""
    x = np.array([random.sample((-2.0, -1.0, 0.5, 1.0, 2.0, 3.0), 2)])
    hidden = np.array([drawn_activation(random, activation) for _ in range(2)])
    into = np.array([[tenths(random, -0.9, 0.9) for _ in range(2)] for _ in range(2)])
    sums = np.array([sum_for(activation, value) for value in hidden])
    out = np.array([[tenths(random, -1, 1, size=0.2) for _ in range(outputs)] for _ in range(2)])
    p = np.array([tenths(random, -1, 2) for _ in range(outputs)])
    y = np.array([[tenths(random, -1, 2) for _ in range(outputs)]])
    params = {"hidden.weight": into, "hidden.bias": sums - x[0] @ into, "output.weight": out, "output.bias": p - hidden @ out}
    return Problem(Shape((2, 2, outputs), activation), params, x, y, LR)


def delta_output(random: Random) -> Draft | None:
    """Draw: δ of a sigmoid output under half squared error."""
    p, y = random.choice((1, 2, 3, 4, 6, 7, 8, 9)) / 10, random.choice((0.0, 1.0, 0.1, 0.9, 0.5))
    shape = Shape((1, 0, 1), output="sigmoid")
    z = sum_for("sigmoid", p)
    problem = Problem(shape, {"output.weight": np.array([[1.0]]), "output.bias": np.array([z - 1.0])}, np.array([[1.0]]), np.array([[y]]))
    delta = problem.run().at("d_output.sum", 0, 0)
    if abs(delta) < 0.02:
        return None

    def slip(name: str, words: str, change: Change) -> Slip:
        return Slip(name, words, problem.run(change).at("d_output.sum", 0, 0))

    slips = (
        slip(
            "forgot_derivative",
            "That is the derivative by p; δ goes on through the sigmoid: times p·(1 − p).",
            Change({"d_output.sum": "d_output.output"}),
        ),
        slip("wrong_sign", "The sign is turned: the derivative of ½(p − y)² by p is p − y, not y − p.", _SIGN),
        slip(
            "missing_half",
            "That is twice δ: the ½ of the loss cancels the 2 of the square.",
            Change(loss="half_squared_error without the half"),
        ),
        slip(
            "wrong_input",
            "The derivative was taken at the sum z; in p·(1 − p) stands the output of the sigmoid.",
            Change({"output.output": "output.sum"}, of="output.output"),
        ),
    )
    return Draft(
        (
            f"An output unit with a sigmoid, under the {LOSSES['half_squared_error']}.",
            "The forward pass gave its sum z and its output p; y is the target.",
            values(z=z, p=p, y=y),
        ),
        "What is δ of this unit, the derivative of the loss by its sum z?",
        Number(delta, EXACT),
        (
            f"The derivative of the loss by p is p − y = {short(p - y)}.",
            f"The derivative of the sigmoid is p·(1 − p) = {short(p * (1 - p))}.",
            "δ is the product of the two.",
        ),
        (f"δ = (p − y)·p·(1 − p) = {within(p - y)}·{short(p)}·{short(1 - p)} {equals(delta)}",),
        slips,
    )


def _given(problem: Problem, activation: str) -> tuple[str | Table, ...]:
    """Return what the forward pass of a network with two outputs gave."""
    run, outputs = problem.run(), ("p1", "p2")
    hidden = [(f"h{k + 1}", shown(run.at("hidden.sum", 0, k)), short(run.at("hidden.output", 0, k))) for k in range(2)]
    ends = [(name, short(run.at("output.output", 0, k)), short(float(problem.y[0, k]))) for k, name in enumerate(outputs)]
    return (
        f"Two {activation} units feed two linear outputs. The loss is the {LOSSES['half_squared_error']}.",
        "The forward pass gave the sums z, the activations h and the predictions p; y are the targets.",
        f"The learning rate is {short(problem.lr)}.",
        Table(("unit", "z", "h"), tuple(hidden)),
        Table(("output", "p", "y"), tuple(ends)),
        weights(("h1", "h2"), outputs, problem.params["output.weight"]),
    )


def one_path(problem: Problem, kept: int) -> Change:
    """Return the slip of following one path back and no other: all output weights but those of one output are 0."""
    weight = problem.params["output.weight"]
    return Change({"output.weight": np.where(np.arange(weight.shape[1]) == kept, weight, 0.0)}, phases=("backward",))


def _slips(problem: Problem, activation: str, name: str, place: tuple[int, ...], unit: int) -> list[Slip]:
    """Return the slips on the way back through a hidden unit, as they show in a number."""
    h = f"h{unit + 1}"

    def slip(code: str, words: str, change: Change) -> Slip:
        return Slip(code, words, problem.run(change).at(name, *place))

    found = [
        slip(
            "updated_first",
            "That comes through output weights that are updated already (F-L-U-B): the backward pass uses those of the forward pass.",
            FLUB,
        ),
        slip("wrong_sign", "The sign is turned: δ of an output is p − y, not y − p.", _SIGN),
        *(
            slip(
                "one_path", f"Only the path through p{k + 1} was followed: {h} acts on the loss through both outputs.", one_path(problem, k)
            )
            for k in range(2)
        ),
    ]
    if activation != "leaky_relu" or problem.run().at("hidden.sum", 0, unit) < 0:
        found.append(
            slip("forgot_derivative", f"The derivative of the {activation} is missing: times {DERIVATIVES[activation]}.", NO_DERIVATIVE)
        )
    if activation != "leaky_relu":
        words = f"The derivative was taken at the sum z; in {DERIVATIVES[activation]} stands the activation h."
        found.append(slip("wrong_input", words, WRONG_INPUT))
    return found


def delta_hidden(random: Random) -> Draft | None:
    """Draw: δ of a hidden unit that acts on two outputs."""
    activation = random.choice(("sigmoid", "tanh", "leaky_relu"))
    problem, unit = two_layers(random, activation, 2), random.randrange(2)
    run = problem.run()
    delta, back = run.at("d_hidden.sum", 0, unit), run.at("d_hidden.output", 0, unit)
    if abs(delta) < 0.02:
        return None
    ends, weight = run["d_output.sum"][0], problem.params["output.weight"][unit]
    h, z = run.at("hidden.output", 0, unit), run.at("hidden.sum", 0, unit)
    slope = local(activation, f"h{unit + 1}", h, z)
    return Draft(
        _given(problem, activation),
        f"What is δ of h{unit + 1}, the derivative of the loss by its sum z{unit + 1}?",
        Number(delta, EXACT),
        (
            f"δ of an output is p − y: {short(ends[0])} for p1 and {short(ends[1])} for p2.",
            f"Back through both weights: {within(ends[0])}·{within(weight[0])} + {within(ends[1])}·{within(weight[1])} = {short(back)}.",
            f"The derivative of the {activation} is {slope}.",
        ),
        (
            f"derivative by h{unit + 1}: {within(ends[0])}·{within(weight[0])} + {within(ends[1])}·{within(weight[1])} = {short(back)}",
            f"derivative of the {activation}: {slope}",
            f"δ = {within(back)}·{short(delta / back)} {equals(delta)}",
        ),
        tuple(_slips(problem, activation, "d_hidden.sum", (0, unit), unit)),
    )


def gradient(random: Random) -> Draft | None:
    """Draw: the gradient of a weight into the hidden layer."""
    activation = random.choice(("sigmoid", "tanh", "leaky_relu"))
    problem, unit, source = two_layers(random, activation, 2), random.randrange(2), random.randrange(2)
    run = problem.run()
    name, place = "d_hidden.weight", (source, unit)
    value, delta, back = run.at(name, *place), run.at("d_hidden.sum", 0, unit), run.at("d_hidden.output", 0, unit)
    if abs(value) < 0.02 or abs(back) < 1e-9:
        return None
    ends, weight, x = run["d_output.sum"][0], problem.params["output.weight"][unit], problem.x
    slips = _slips(problem, activation, name, place, unit)
    other = problem.run(Change({"x": x[:, ::-1]})).at(name, *place)
    slips.append(Slip("wrong_unit", f"That is δ times the other input: the weight comes from x{source + 1}.", other))
    slope = local(activation, f"h{unit + 1}", run.at("hidden.output", 0, unit), run.at("hidden.sum", 0, unit))
    given = _given(problem, activation)
    return Draft(
        (given[0], values(x1=x[0, 0], x2=x[0, 1]), *given[1:]),
        f"What is the gradient of the loss by the weight from x{source + 1} to h{unit + 1}?",
        Number(value, EXACT),
        (
            "The gradient of a weight is its input times δ of the unit that it leads to.",
            f"Back through both outputs: {within(ends[0])}·{within(weight[0])} + {within(ends[1])}·{within(weight[1])} = {short(back)}.",
            f"Times the derivative of the {activation}, {slope}: δ of h{unit + 1} {equals(delta, 5)}.",
        ),
        (
            f"derivative by h{unit + 1}: {within(ends[0])}·{within(weight[0])} + {within(ends[1])}·{within(weight[1])} = {short(back)}",
            f"δ of h{unit + 1}: {within(back)}·{short(delta / back)} {equals(delta, 5)}",
            f"gradient = x{source + 1}·δ = {within(x[0, source])}·{within(delta)} {equals(value)}",
        ),
        tuple(slips),
    )


def batch_gradient(random: Random) -> Draft | None:
    """Draw: the gradient of the one weight of a straight line, by the mean squared error of some rows."""
    rows = 4  # with 2 the factors 2 and ½ would cancel, and whoever forgets both would be right
    x = np.array([[tenths(random, -3, 3, size=0.5)] for _ in range(rows)]).round(0) + 0.0
    y = np.array([[tenths(random, -3, 3)] for _ in range(rows)])
    weight, bias = tenths(random, -1, 1, size=0.3), tenths(random, -1, 1)
    params = {"output.weight": np.array([[weight]]), "output.bias": np.array([bias])}
    problem = Problem(Shape((1, 0, 1), loss="mse"), params, x, y)
    run = problem.run()
    name, error = "d_output.weight", run["error"][:, 0]
    value = run.at(name, 0, 0)
    if abs(value) < 0.05 or len(set(x[:, 0])) < rows or not x.all():
        return None

    def slip(code: str, words: str, change: Change) -> Slip:
        return Slip(code, words, problem.run(change).at(name, 0, 0))

    slips = (
        slip("missing_mean", f"That is the sum over the rows: the mean divides it by {rows}.", Change(loss="mse without the mean")),
        slip(
            "missing_two",
            "The 2 of the square is missing: the derivative of (p − y)² by p is 2·(p − y).",
            Change(loss="half_squared_error"),
        ),
        slip("wrong_sign", "The sign is turned: the error is p − y, not y − p.", _SIGN),
        Slip(
            "wrong_input",
            "The input is missing: that is the gradient by the bias. The error of each row is multiplied by its x.",
            run.at("d_output.bias", 0),
        ),
    )
    p = run["output.output"][:, 0]
    table = Table(("row", "x", "p", "y"), tuple((str(k + 1), short(x[k, 0]), short(p[k]), short(y[k, 0])) for k in range(rows)))
    terms = " + ".join(f"{within(e)}·{within(float(v))}" for e, v in zip(error, x[:, 0], strict=True))
    return Draft(
        (f"A straight line p = w·x + b with w = {short(weight)} and b = {short(bias)}, and the {LOSSES['mse']} over {rows} rows:", table),
        "What is the gradient of the loss by w?",
        Number(value, EXACT),
        (
            f"The errors p − y are {', '.join(map(short, error))}.",
            f"Error times input, added up over the rows: {terms} = {short(float(error @ x[:, 0]))}.",
            f"The derivative of a square brings a 2, and the mean divides by {rows}.",
        ),
        (f"dL/dw = 2/{rows} · ({terms}) {equals(value)}",),
        slips,
    )


TEMPLATES = (
    Template("delta_output", 4, "δ of an output unit", delta_output),
    Template("delta_hidden", 4, "δ of a hidden unit", delta_hidden),
    Template("gradient", 4, "The gradient of a weight", gradient),
    Template("batch_gradient", 4, "The gradient over several rows", batch_gradient),
)
