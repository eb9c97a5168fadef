"""The events of a step: their order, and the first number among them that is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import numpy as np

from chainrule.inspect import StepTrace
from chainrule.ir import PHASES
from chainrule.learn.practice.exercise import Choice, Order, Slip
from chainrule.learn.practice.networks import Change, Numbers, Problem, Shape
from chainrule.learn.practice.numbers import equals, short, shown, tenths
from chainrule.learn.practice.templates.backward import FLUB, NO_DERIVATIVE, drawn_activation, sum_for
from chainrule.learn.practice.templates.template import Draft, Template
from chainrule.learn.practice.templates.update import UPHILL
from chainrule.learn.practice.templates.wording import DERIVATIVES, FORMULAS, LOSSES, values

_EVENTS = {  # by the names that the engine gives them, in no order
    "hidden.sum[0]": "the sum of the hidden unit",
    "hidden.output[0]": "the activation of the hidden unit",
    "output.output[0]": "the prediction",
    "loss": "the loss",
    "d_error[0]": "the derivative of the loss by the prediction",
    "d_output.weight[0,0]": "the gradient of the output's weight",
    "d_hidden.output[0]": "the derivative of the loss by the hidden activation, through the output's weight",
    "d_hidden.sum[0]": "δ of the hidden unit",
    "d_hidden.weight[0,0]": "the gradient of the hidden unit's weight",
    "output.weight.new[0,0]": "the new weight of the output",
    "hidden.weight.new[0,0]": "the new weight of the hidden unit",
}
_CHAIN = (  # what each event of a phase waits for, so that the order of an exercise is the only one
    ("hidden.sum[0]", "hidden.output[0]", "output.output[0]"),
    ("loss",),
    ("d_error[0]", "d_hidden.output[0]", "d_hidden.sum[0]", "d_hidden.weight[0,0]"),
    ("output.weight.new[0,0]", "hidden.weight.new[0,0]"),
)


def _chain_problem(random: Random, activation: str) -> Problem:
    """Draw a chain of two weights with short numbers."""
    x, h = random.choice((-2.0, -1.0, 2.0, 3.0)), drawn_activation(random, activation)
    w1, w2, b2, y = (tenths(random, -1, 1, size=0.2) for _ in range(4))
    bias = np.array([sum_for(activation, h) - w1 * x])
    params = {"hidden.weight": np.array([[w1]]), "hidden.bias": bias, "output.weight": np.array([[w2]]), "output.bias": np.array([b2])}
    return Problem(Shape((1, 1, 1), activation), params, np.array([[x]]), np.array([[y]]), 0.5)


def _positions(trace: StepTrace) -> dict[str, int]:
    """Return the place of each event in the step that was run."""
    return {event.name: place for place, event in enumerate(trace.events)}


def order(random: Random) -> Draft:
    """Draw: the events of a step, to be put in order."""
    trace = _chain_problem(random, "sigmoid").trace()
    position = _positions(trace)
    count = (random.randint(1, 2), 1, random.randint(2, 3), 1)
    picked = [
        name for chain, most in zip(_CHAIN, count, strict=True) for name in sorted(random.sample(chain, most), key=position.__getitem__)
    ]
    if "d_hidden.output[0]" not in picked:  # what FLUB spoils
        backward = [name for name in picked if name.startswith("d_")]
        picked[picked.index(backward[0])] = "d_hidden.output[0]"
    picked = sorted(dict.fromkeys(picked), key=position.__getitem__)
    phase = {event.name: event.phase for event in trace.events}
    items = random.sample(picked, len(picked))
    number = {name: place for place, name in enumerate(items, 1)}
    in_phase = {name: [event for event in picked if phase[event] == name] for name in PHASES}
    forward, loss, backward, updates = (in_phase[name] for name in PHASES)
    slips = (
        Slip(
            "updated_first",
            "F-L-U-B: the update comes last. Put before the backward pass, it spoils the weights that the derivatives go back through.",
            [*forward, *loss, *updates, *backward],
        ),
        Slip(
            "backward_first", "The backward pass begins with the loss, so the loss comes before it.", [*forward, *backward, *loss, *updates]
        ),
        Slip(
            "backward_from_the_front",
            "The backward pass goes from the loss back to the inputs: each derivative needs the one behind it.",
            [*forward, *loss, *reversed(backward), *updates],
        ),
        Slip(
            "loss_first",
            "The loss compares the prediction with the target, so the forward pass comes first.",
            [*loss, *forward, *backward, *updates],
        ),
    )
    return Draft(
        ("These are events of one training step: forward, loss, backward, update.",),
        "In which order do they happen?",
        Order(tuple(_EVENTS[name] for name in items), tuple(number[name] for name in picked)),
        (
            f"The first one is {_EVENTS[picked[0]]}.",
            f"The loss comes {'second' if len(forward) == 1 else 'third'}.",
            f"The last one is {_EVENTS[picked[-1]]}.",
        ),
        tuple(f"{phase[name]}: {_EVENTS[name]}" for name in picked),
        tuple(Slip(slip.name, slip.words, tuple(number[name] for name in slip.answer)) for slip in slips),
    )


def _lines(problem: Problem, activation: str, run: Numbers) -> list[tuple[str, str, float]]:
    """Return the lines of a step as they are written down: the quantity, its formula, its number."""
    slope = {"sigmoid": "h·(1 − h)", "tanh": "(1 − h²)", "leaky_relu": "leaky_relu'(z)"}[activation]
    return [
        ("z", "w1·x + b1", run.at("hidden.sum", 0, 0)),
        ("h", f"{activation}(z)", run.at("hidden.output", 0, 0)),
        ("p", "w2·h + b2", run.at("output.output", 0, 0)),
        ("L", "½(p − y)²", float(run["loss"])),
        ("δ of p", "p − y", run.at("d_output.sum", 0, 0)),
        ("δ of h", f"(δ of p)·w2·{slope}", run.at("d_hidden.sum", 0, 0)),
        ("gradient of w1", "x·(δ of h)", run.at("d_hidden.weight", 0, 0)),
        ("new w1", "w1 − rate·gradient", run.at("new hidden.weight", 0, 0)),
    ]


def wrong_number(random: Random) -> Draft | None:
    """Draw: a step written down with a slip in it, to be found."""
    activation = random.choice(("sigmoid", "tanh", "leaky_relu"))
    problem = _chain_problem(random, activation)
    change, words = random.choice(_mistakes(problem, activation))
    right, wrong = (_lines(problem, activation, run) for run in (problem.run(), problem.run(change)))
    differs = [abs(one - other) > 0.01 for (_, _, one), (_, _, other) in zip(right, wrong, strict=True)]
    if not any(differs) or abs(right[6][2]) < 0.02 or min(abs(right[3][2]), abs(right[4][2])) < 0.02:
        return None
    first = differs.index(True)
    if any(abs(one - other) > 1e-9 for (_, _, one), (_, _, other) in list(zip(right, wrong, strict=True))[:first]):
        return None
    options = tuple(f"{name} = {formula} {equals(value)}" for name, formula, value in wrong)
    slips = tuple(
        Slip("right_line", f"Line {place + 1} is right: it follows from what stands above it.", place + 1)
        if place < first
        else Slip("later_line", f"Line {place + 1} follows from the lines above it; the mistake was made earlier.", place + 1)
        for place in range(len(wrong))
        if place != first
    )
    named = {"w1": "hidden.weight", "b1": "hidden.bias", "w2": "output.weight", "b2": "output.bias"}
    numbers = {"x": problem.x, "y": problem.y} | {name: problem.params[path] for name, path in named.items()}
    phase = ("forward pass", "forward pass", "forward pass", "loss", "backward pass", "backward pass", "backward pass", "update")[first]
    name, formula, value = right[first]
    return Draft(
        (
            f"A chain of a {activation} unit h and a linear output p, under the {LOSSES['half_squared_error']}.",
            f"{FORMULAS[activation]}; its derivative is {DERIVATIVES[activation]}. The learning rate is {short(problem.lr)}.",
            "Somebody wrote down one step and made one mistake; what follows from it is computed rightly from the wrong number.",
            values(**{name: float(array.ravel()[0]) for name, array in numbers.items()}),
        ),
        "In which line is the mistake?",
        Choice(options, first + 1),
        ("Compute each line from the numbers above it, until one does not fit.", f"The mistake is in the {phase}."),
        (f"{name} = {formula} {equals(value)}, not {shown(wrong[first][2])}", words),
        slips,
    )


def _mistakes(problem: Problem, activation: str) -> Sequence[tuple[Change, str]]:
    """Return the slips that can stand in the step: what is done otherwise, and the words."""
    squared = problem.run()["error"][:, 0] ** 2
    return [
        (Change(inputs={"output.bias": np.zeros(1)}), "The bias of the output was forgotten."),
        (Change({"row_loss": squared}, phases=("loss",)), "The half of the loss was forgotten."),
        (Change({"output.output": "y", "y": "output.output"}, of="error"), "The sign of the error was turned: p − y, not y − p."),
        (FLUB, "w2 was updated before the backward pass had read it: F-L-U-B."),
        (NO_DERIVATIVE, f"The derivative of the {activation} was forgotten."),
        (
            Change({"x": problem.run()["hidden.output"]}, phases=("backward",)),
            "The gradient of a weight takes the input that it multiplies, not the activation behind it.",
        ),
        (UPHILL, "The step was added: the weight goes against its gradient."),
    ]


TEMPLATES = (
    Template("order", 1, "The order of a step", order),
    Template("wrong_number", 4, "The wrong number in a step", wrong_number),
)
