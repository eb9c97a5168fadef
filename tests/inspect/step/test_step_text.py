"""The text of a step: every line can be checked with a calculator, and no line is too long."""

import re

import numpy as np
import pytest

import chainrule as cr
from chainrule import losses, nn, optim
from chainrule.inspect import trace_step, trace_training_step
from chainrule.inspect.derivation.text import DerivationText
from chainrule.inspect.step.text import StepText

CALCULATOR = {
    "exp": np.exp, "log": np.log, "sqrt": np.sqrt, "sign": np.sign, "tanh": np.tanh, "max": max, "min": min, "abs": abs, "log1p": np.log1p,
    "relu": lambda x: max(x, 0.0), "sigmoid": lambda x: 1 / (1 + np.exp(-x)), "silu": lambda x: x / (1 + np.exp(-x)),
    "yes": True, "no": False,
}  # fmt: skip


WORDS = re.compile(rf"\b({'|'.join([*CALCULATOR, 'if', 'else'])})\b|(?<=\d)e(?=[−+]?\d)")  # what a calculation may hold besides numbers


def plain(text):
    return text.replace("−", "-").replace("·", "*").replace("×", "*").replace("²", "**2").replace("^", "**").replace("≤", "<=")


def lines_of(trace, **options):
    return [line.plain for line in StepText(trace, **options).lines(1000)]


def checked(lines, tolerance):
    """Compute the numbers of each line that is a calculation, and compare with its result; return how many there were."""
    count = 0
    for line in lines:
        match = re.fullmatch(r"\s*(?:\S.*?  )?\s*([^=]*?[·×+/^²(−][^=]*?)\s+=\s+(−?[\d.]+(?:e[−+]?\d+)?)", line)
        if match is None or re.search(r"[^\W\d_]", WORDS.sub("", match[1])):
            continue
        found = eval(plain(match[1]), {"__builtins__": {}}, CALCULATOR)
        result = float(plain(match[2]))
        assert found == pytest.approx(result, rel=tolerance, abs=1e-12), line
        count += 1
    return count


@pytest.mark.parametrize("row", [0, 12, 200])
def test_each_line_can_be_checked_by_hand(penguins, row):
    assert checked(lines_of(trace_step(penguins, "penguins", row)), 3e-5) > 100
    assert checked(lines_of(trace_step(penguins, "penguins", row), digits=9), 3e-8) > 100
    assert checked(lines_of(trace_step(penguins, "penguins", row), digits=4), 3e-3) > 100


def test_each_line_of_other_networks_and_rules_too(concrete, wide, worked_example):
    assert checked(lines_of(trace_step(concrete, "concrete", 5)), 1e-4) > 20
    assert checked(lines_of(trace_step(wide, "digits", 5)), 1e-4) > 50
    step, state, batch = worked_example
    assert checked(lines_of(trace_training_step(step, state, batch), digits=9), 1e-7) > 20
    for optimizer in (optim.rprop(), optim.nesterov(), optim.chain(optim.clip_by_norm(0.01), optim.adam())):
        step = cr.training_step(nn.mlp(2, [3], 2, activation="silu"), losses.mse, optimizer, dtype="float64")
        trace = trace_training_step(step, step.init(), (np.array([[0.5, -1.5]]), np.array([[1.0, 0.0]])))
        assert checked(lines_of(trace), 1e-4) > 20


def test_the_terms_of_each_sum_add_up_as_they_are_written(wide):
    lines = lines_of(trace_step(wide, "digits", 5))
    sums, terms = 0, []
    for line in lines:
        match = re.fullmatch(r"\s{6}(\S.*?)\s+(?:.*\s)?=\s+(\S+)", line)
        if match is None:
            terms = []
        elif match[1].startswith(("sum", "output ", "∂loss/∂output ")) and "relu" not in line and " if " not in line and terms:
            result = float(plain(match[2]))
            assert sum(terms) == pytest.approx(result, rel=1e-4, abs=1e-5 * max(map(abs, terms))), line
            sums, terms = sums + 1, []
        else:
            terms.append(float(plain(match[2])))
    assert sums >= 6


@pytest.mark.parametrize("width", [60, 80, 100, 120])
def test_no_line_is_wider_than_the_terminal(penguins, concrete, wide, width):
    for model, name in ((penguins, "penguins"), (concrete, "concrete"), (wide, "digits")):
        trace = trace_step(model, name, 8)
        lines = [line.plain for line in StepText(trace).lines(width)]
        found = trace.derive("hidden_1.weight", 5, 2)
        lines += [line.plain for line in DerivationText(trace, found).lines(width)]
        assert max(map(len, lines)) <= width
        assert not any(line != line.rstrip() for line in lines)


def test_the_four_passes_and_what_they_are_of(penguins):
    text = "\n".join(lines_of(trace_step(penguins, "penguins", 0)))
    assert "row 0 of penguins.csv, line 2" in text
    assert "adamw, the rule of the run (lr 0.003, beta1 0.9" in text
    assert "shared a batch of 32" in text
    assert [text.index(f"━━ {number} ") for number in (1, 2, 3, 4)] == sorted(text.index(f"━━ {number} ") for number in (1, 2, 3, 4))
    assert "tanh(sum)" in text
    assert "(39.1 − " in text
    assert "prediction of species: " in text
    assert "It is −log of the probability of Adelie" in text
    assert "m_hat / (sqrt(v_hat) + epsilon)" in text
    plain_rule = "\n".join(lines_of(trace_step(penguins, "penguins", 0, optimizer="sgd", lr=0.1)))
    assert "sgd, instead of the rule of the run; its state is fresh (lr 0.1)" in plain_rule
    assert "rate · gradient" in plain_rule
    assert "m_hat" not in plain_rule
    start = "\n".join(lines_of(trace_step(penguins, "penguins", 0, at="start")))
    assert "as they were before the first step" in start


def test_dropped_units_and_the_prediction_without_dropout(concrete):
    trace = trace_step(concrete, "concrete", 5)
    kept = next(q for q in trace.quantities if q.name == "dropout_1.kept")
    dropped = np.flatnonzero(~trace.recording.values[kept.value][0])
    text = "\n".join(lines_of(trace))
    assert f"dropped, {len(dropped)} of 7: {', '.join(map(str, dropped))}" in text
    assert "Without dropout, as in prediction, it would be" in text


def test_a_wide_network_stays_short_and_all_shows_everything(wide):
    trace = trace_step(wide, "digits", 8)
    some, every = lines_of(trace), lines_of(trace, everything=True)
    assert len(some) < 350 < 1500 < len(every)
    assert any("of 24 units, those that count most" in line for line in some)
    assert not any("everything=True" in line for line in every)


def test_only_one_phase(penguins):
    lines = [line.plain for line in StepText(trace_step(penguins, "penguins", 0)).lines(80, ["loss"])]
    assert sum(line.startswith("━━") for line in lines) == 1
    assert any("row_loss" in line for line in lines)


def test_the_chain_rule_of_a_weight(penguins):
    trace = trace_step(penguins, "penguins", 0)
    found = trace.derive("hidden_1.weight", "body_mass_g", 3)
    text = [line.plain for line in DerivationText(trace, found).lines(1000)]
    joined = "\n".join(text)
    assert "The chain rule of hidden_1.weight[body_mass_g,3]" in joined
    assert "15 paths" in joined
    assert "∂loss/∂output.output · output.weight · tanh'(hidden_2.sum) · hidden_2.weight · tanh'(hidden_1.sum) · x" in joined
    assert "three ways to the same number" in joined
    assert checked(text, 3e-5) > 15
    ways = [line for line in text if re.match(r"\s+3→\d→\w+ ", line)]
    assert len(ways) == 8
    every = [line.plain for line in DerivationText(trace, found, everything=True).lines(1000)]
    assert sum(bool(re.match(r"\s+3→\d→\w+ ", line)) for line in every) == 15


def test_a_weight_whose_gradient_is_0(worked_example):
    step, state, (x, y) = worked_example
    trace = trace_training_step(step, state, (np.zeros_like(x), y))
    text = "\n".join(line.plain for line in DerivationText(trace, trace.derive("hidden.weight", 0, 0)).lines(80))
    assert "All are 0, and so is the gradient." in text
