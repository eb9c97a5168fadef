"""Warnings while a run goes on: what is sure, once for each code, and nothing on a run that learns."""

from __future__ import annotations

import numpy as np
import pytest

import chainrule as cr
from chainrule.training.events import Warned

RANDOM = np.random.default_rng(3)
X = RANDOM.normal(size=(300, 6)).astype("float32")
Y = (X[:, 0] + X[:, 1] * X[:, 2] > 0).astype(int)


def warned(optimizer=None, activation="relu", params=None, epochs=30, x=X):
    events = []
    network = cr.nn.mlp(6, [16, 16], 2, activation=activation)
    start = network.init(0) | (params(network.init(0)) if params else {})
    optimizer = optimizer or cr.optim.adam(3e-3)
    cr.fit(network, (x, Y), loss=cr.losses.cross_entropy, optimizer=optimizer, epochs=epochs, params=start, on_event=events.append)
    found = [event for event in events if isinstance(event, Warned)]
    assert len({event.code for event in found}) == len(found)
    return {event.code: event for event in found}


@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid", "gelu", "leaky_relu"])
def test_a_run_that_learns_is_not_warned_of(activation):
    assert warned(activation=activation) == {}


def test_equal_weights_are_told_at_the_first_step():
    found = warned(params=lambda start: {path: np.full_like(array, 0.1) for path, array in start.items()}, epochs=2)
    assert found["bad_initialization"].since_step == 1
    assert "all 16 units of hidden_1" in found["bad_initialization"].text


def test_a_dead_layer():
    found = warned(params=lambda start: {"hidden_2.bias": np.full_like(start["hidden_2.bias"], -100)})
    assert list(found) == ["dead_units"]
    assert found["dead_units"].layer == "hidden_2"
    assert found["dead_units"].since_step == 1
    assert "16 of the 16 units" in found["dead_units"].text


def test_a_saturated_layer():
    found = warned(activation="tanh", params=lambda start: {"hidden_1.weight": start["hidden_1.weight"] * 1e4}, epochs=10)
    assert found["saturated_units"].layer == "hidden_1"


def test_a_loss_that_grows_and_steps_that_overshoot():
    found = warned(optimizer=cr.optim.adam(3.0), activation="tanh")
    assert {"diverged", "rate_too_high"} & set(found)


def test_a_warning_is_a_line_on_the_command_line(capsys, tmp_path):
    from chainrule.cli import main

    main(["train", "penguins", "--optimizer", "adam", "--lr", "1", "--epochs", "40", "--out", str(tmp_path / "run")])
    told = [line for line in capsys.readouterr().err.splitlines() if line.startswith("warning: ")]
    assert told
    assert len(told) == len(set(told))
