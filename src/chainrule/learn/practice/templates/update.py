"""The weight update: a new weight, and the loss after the step."""

from __future__ import annotations

from random import Random

import numpy as np

from chainrule.learn.practice.exercise import Number, Slip
from chainrule.learn.practice.networks import Change, Problem, Shape
from chainrule.learn.practice.numbers import equals, short, tenths, within
from chainrule.learn.practice.templates.backward import FLUB, NO_DERIVATIVE, drawn_activation, sum_for
from chainrule.learn.practice.templates.template import EXACT, Draft, Template
from chainrule.learn.practice.templates.wording import DERIVATIVES, LOSSES, local, values

UPHILL = Change(inputs={"rate_scale": -1.0})
"""Add the step in place of taking it off."""


def update(random: Random) -> Draft | None:
    """Draw: the new weight into a hidden unit, in a chain of two weights."""
    activation, lr = random.choice(("sigmoid", "tanh", "leaky_relu")), random.choice((0.1, 0.2, 0.5))
    x, h = random.choice((-2.0, -1.0, 0.5, 2.0, 3.0)), drawn_activation(random, activation)
    w1, w2, p, y = (tenths(random, -1, 2, size=0.3) for _ in range(4))
    params = {
        "hidden.weight": np.array([[w1]]),
        "hidden.bias": np.array([sum_for(activation, h) - w1 * x]),
        "output.weight": np.array([[w2]]),
        "output.bias": np.array([p - w2 * h]),
    }
    problem = Problem(Shape((1, 1, 1), activation), params, np.array([[x]]), np.array([[y]]), lr)
    run, name = problem.run(), "new hidden.weight"
    new, gradient, delta = run.at(name, 0, 0), run.at("d_hidden.weight", 0, 0), run.at("d_hidden.sum", 0, 0)
    if abs(new - w1) < 0.03 or abs(new) < 0.02:
        return None

    def slip(code: str, words: str, change: Change) -> Slip:
        return Slip(code, words, problem.run(change).at(name, 0, 0))

    slips = [
        slip("uphill", "The step was added: the weight goes against its gradient, w − rate·gradient.", UPHILL),
        slip("forgot_rate", f"The learning rate is missing: the step is {short(lr)} times the gradient.", Change(inputs={"lr": 1.0})),
        slip("updated_first", "w2 was updated before the backward pass had read it (F-L-U-B): the gradient of w1 takes the old w2.", FLUB),
    ]
    z = run.at("hidden.sum", 0, 0)
    if activation != "leaky_relu" or z < 0:
        words = f"The derivative of the {activation} is missing in the gradient: times {DERIVATIVES[activation]}."
        slips.append(slip("forgot_derivative", words, NO_DERIVATIVE))
    slope = local(activation, "h", h, z)
    return Draft(
        (
            f"A chain: the input x meets the weight w1, then a {activation} unit h, then the weight w2, then the linear output p.",
            f"The loss is the {LOSSES['half_squared_error']}, and the learning rate is {short(lr)}.",
            values(x=x, w1=w1, z=z, h=h, w2=w2, p=p, y=y),
        ),
        "What is w1 after one step of gradient descent?",
        Number(new, EXACT),
        (
            f"The error p − y is {short(p - y)}; back through w2 that makes {within(p - y)}·{within(w2)} = {short((p - y) * w2)}.",
            f"The derivative of the {activation} is {slope}, so δ of h {equals(delta, 5)}.",
            f"The gradient of w1 is x·δ {equals(gradient, 5)}; the step is rate times gradient.",
        ),
        (
            f"δ of h = {within(p - y)}·{within(w2)}·{short(delta / ((p - y) * w2))} {equals(delta, 5)}" if p != y else "δ of h = 0",
            f"gradient of w1 = {within(x)}·{within(delta)} {equals(gradient, 5)}",
            f"w1 = {short(w1)} − {short(lr)}·{within(gradient)} {equals(new)}",
        ),
        tuple(slips),
    )


def loss_after(random: Random) -> Draft | None:
    """Draw: the loss of a straight line on its row, after one step."""
    lr, x = random.choice((0.1, 0.2)), random.choice((-2.0, -1.0, 1.0, 2.0, 3.0))
    w, b, y = tenths(random, -1, 1, size=0.2), tenths(random, -1, 1), tenths(random, -3, 3)
    params = {"output.weight": np.array([[w]]), "output.bias": np.array([b])}
    problem = Problem(Shape((1, 0, 1)), params, np.array([[x]]), np.array([[y]]), lr)
    run = problem.run()
    before, after, updated = float(run["loss"]), problem.after(), run.updated
    if not 0.02 < after < before < 10:
        return None
    slips = (
        Slip("no_update", "That is the loss before the update; it is asked for with the new w and b.", before),
        Slip("uphill", "The steps were added, so the loss grew: parameters go against their gradients.", problem.after(UPHILL)),
        Slip(
            "forgot_rate",
            f"The learning rate is missing: a step is {short(lr)} times the gradient.",
            problem.after(Change(inputs={"lr": 1.0})),
        ),
        Slip(
            "bias_stood_still",
            "Only w was updated: b has a gradient as well, the error itself.",
            problem.after(Change({"d_output.bias": np.zeros(1)}, phases=("update",))),
        ),
        Slip(
            "missing_half",
            "Twice the gradient was used: the ½ of the loss cancels the 2 of the square.",
            problem.after(Change(loss="half_squared_error without the half")),
        ),
    )
    p = run.at("output.output", 0, 0)
    new_w, new_b = float(updated["output.weight"][0, 0]), float(updated["output.bias"][0])
    new_p = new_w * x + new_b
    return Draft(
        (
            "A straight line p = w·x + b meets one row.",
            f"The loss is the {LOSSES['half_squared_error']}, and the learning rate is {short(lr)}.",
            values(w=w, b=b, x=x, y=y),
        ),
        "What is the loss on this row after one step of gradient descent on w and b?",
        Number(after, EXACT),
        (
            f"p = {short(p)}, so the error p − y is {short(p - y)}.",
            f"The gradients are error·x = {short((p - y) * x)} for w and {short(p - y)} for b.",
            f"The new w is {short(new_w)} and the new b is {short(new_b)}; now predict once more.",
        ),
        (
            f"w = {short(w)} − {short(lr)}·{within((p - y) * x)} = {short(new_w)}",
            f"b = {short(b)} − {short(lr)}·{within(p - y)} = {short(new_b)}",
            f"p = {within(new_w)}·{within(x)} + {within(new_b)} = {short(new_p)}",
            f"L = ½·({short(new_p)} − {within(y)})² {equals(after)}, and before it was {short(before)}",
        ),
        slips,
    )


TEMPLATES = (
    Template("update", 5, "A weight after its update", update),
    Template("loss_after", 5, "The loss after the update", loss_after),
)
