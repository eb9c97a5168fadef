"""The chain rule as a chain of factors: which one is missing?"""

from __future__ import annotations

from random import Random

from chainrule.learn.practice.exercise import Choice, Slip
from chainrule.learn.practice.networks import Change, Problem
from chainrule.learn.practice.numbers import short, within
from chainrule.learn.practice.templates.backward import WRONG_INPUT, two_layers
from chainrule.learn.practice.templates.template import Draft, Template
from chainrule.learn.practice.templates.wording import LOSSES, values, weights

_CLOSE = 0.01


def factor(random: Random) -> Draft | None:
    """Draw: one factor of the product that is the gradient of a weight."""
    activation = random.choice(("sigmoid", "tanh"))
    problem, unit, source, hole = two_layers(random, activation, 1), random.randrange(2), random.randrange(2), random.randrange(4)
    trace = problem.trace()
    derivation = trace.derive("hidden.weight", source, unit)
    if len(derivation.paths) != 1 or abs(derivation.gradient) < 0.02:
        return None
    factors = [found.value for found in derivation.paths[0].factors]  # from the loss back to the weight
    h, z = f"h{unit + 1}", f"z{unit + 1}"
    slope = {"sigmoid": f"{h}·(1 − {h})", "tanh": f"1 − {h}²"}[activation]
    labels = ["p − y", f"weight from {h} to p", slope, f"x{source + 1}"]
    names = ["dL/dp", f"dp/d{h}", f"d{h}/d{z}", f"d{z}/dw"]
    wrong = _wrong(problem, activation, hole, unit, source)
    if any(abs(value - factors[hole]) < _CLOSE for _, _, value, _ in wrong):
        return None
    chosen = [("", labels[hole], factors[hole], ""), *wrong]
    random.shuffle(chosen)
    options = tuple(f"{label} = {short(value)}" for _, label, value, _ in chosen)
    if len({round(value, 4) for _, _, value, _ in chosen}) < len(chosen):
        return None
    run = problem.run()
    forward = {z: run.at("hidden.sum", 0, unit), h: run.at("hidden.output", 0, unit), "p": run.at("output.output", 0, 0)}
    terms = [f"{names[k]} · " if k != hole else "[ ? ] · " for k in range(4)]
    rest = [f"{within(value)}" if k != hole else "[ ? ]" for k, value in enumerate(factors)]
    places = [place for place, (code, *_) in enumerate(chosen, 1) if not code]
    slips = tuple(Slip(code, words, place) for place, (code, _, _, words) in enumerate(chosen, 1) if code)
    return Draft(
        (
            f"Two {activation} units feed a linear output p, under the {LOSSES['half_squared_error']}.",
            f"w is the weight from x{source + 1} to {h}; {z} is the sum of {h} before its activation.",
            f"The learning rate is {short(problem.lr)}.",
            values(x1=float(problem.x[0, 0]), x2=float(problem.x[0, 1])),
            values(**forward, y=float(problem.y[0, 0])),
            weights(("h1", "h2"), ("p",), problem.params["output.weight"]),
            f"By the chain rule dL/dw = {''.join(terms)[:-3]}.",
        ),
        "Which factor is missing?",
        Choice(options, places[0]),
        (
            f"The factors stand in the order from the loss back to the weight; the missing one is {names[hole]}.",
            _MEANING[hole].format(h=h, z=z, x=f"x{source + 1}", activation=activation),
        ),
        (
            f"{names[hole]} = {labels[hole]} = {short(factors[hole])}",
            f"dL/dw = {' · '.join(rest).replace('[ ? ]', within(factors[hole]))} = {short(derivation.gradient, 5)}",
        ),
        slips,
    )


_MEANING = (
    "How does the loss change with the prediction?",
    "How does the prediction change with {h}? It is a weighted sum.",
    "How does {h} change with its sum? That is the derivative of the {activation}, at this unit.",
    "How does the sum {z} change with the weight that multiplies {x}?",
)


def _wrong(problem: Problem, activation: str, hole: int, unit: int, source: int) -> list[tuple[str, str, float, str]]:
    """Return what is taken for a factor by mistake: a code, how it is written, its value as the engine gives it, and the words."""
    run = problem.run()
    h, z = f"h{unit + 1}", f"z{unit + 1}"
    value = {"h": run.at("hidden.output", 0, unit), "z": run.at("hidden.sum", 0, unit), "p": run.at("output.output", 0, 0)}
    y, x = float(problem.y[0, 0]), problem.x[0]
    if hole == 0:
        doubled = problem.run(Change(loss="half_squared_error without the half")).at("d_output.sum", 0, 0)
        return [
            ("wrong_sign", "y − p", y - value["p"], "The sign is turned: the derivative of ½(p − y)² by p is p − y."),
            ("missing_half", "2·(p − y)", doubled, "The ½ of the loss cancels the 2 of the square."),
            ("wrong_input", "p", value["p"], "The derivative of a square is the error, not the prediction alone."),
        ]
    if hole == 1:
        updated = problem.run().updated["output.weight"][unit, 0]
        other = problem.params["output.weight"][1 - unit, 0]
        return [
            (
                "updated_first",
                f"new weight from {h} to p",
                float(updated),
                "The backward pass takes the weights of the forward pass; they are updated after it (F-L-B-U).",
            ),
            (
                "wrong_unit",
                f"weight from h{2 - unit} to p",
                float(other),
                f"That is the weight of the other unit: the path goes through {h}.",
            ),
            ("wrong_input", h, value["h"], f"{h} is the derivative by its weight; by {h} itself the derivative is the weight."),
        ]
    if hole == 2:
        at_sum = problem.run(WRONG_INPUT).at("d_hidden.sum", 0, unit) / run.at("d_hidden.output", 0, unit)
        written = {"sigmoid": f"{z}·(1 − {z})", "tanh": f"1 − {z}²"}[activation]
        return [
            ("wrong_input", written, at_sum, f"The derivative was taken at the sum {z}; in it stands the activation {h}."),
            ("forgot_derivative", "1", 1.0, f"The {activation} has a slope of its own; it is not passed for nothing."),
            ("activation_itself", h, value["h"], f"That is the activation, not its derivative by {z}."),
        ]
    return [
        (
            "wrong_unit",
            f"x{2 - source}",
            float(x[1 - source]),
            "That is the other input: the weight multiplies the one that it comes from.",
        ),
        ("wrong_input", h, value["h"], f"{h} comes after the weight; the weight multiplies what comes before it."),
        (
            "weight_itself",
            "w",
            float(problem.params["hidden.weight"][source, unit]),
            "By w itself the derivative of w·x is x; the weight would be the derivative by x.",
        ),
    ]


TEMPLATES = (Template("factor", 4, "The missing factor of a chain rule", factor),)
