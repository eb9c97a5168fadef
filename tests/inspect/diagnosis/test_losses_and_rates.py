"""Diagnoses of whole runs: losses whose outputs are no values, rates that throw the weights away, runs that end too early."""

from functools import partial

import numpy as np
import polars
import pytest

import chainrule as cr
from chainrule import losses, nn, optim

RANDOM = np.random.default_rng(3)
X = RANDOM.normal(size=(500, 4)).astype(np.float32)
SUM = (X[:, :1] - X[:, 1:2]).astype(np.float32)


def fitted(y, optimizer, *, activation="relu", epochs=30, loss=losses.mse):
    run = cr.fit(nn.mlp(4, [32, 32], 1, activation=activation), (X[:400], y[:400]), loss=loss, optimizer=optimizer, epochs=epochs)
    return [finding.code for finding in cr.diagnose(run)]


def test_counts_are_the_exponentials_of_what_the_network_puts_out():
    counts = RANDOM.poisson(np.exp(0.6 * SUM + 0.5)).astype(np.float32)
    assert fitted(counts, optim.adam(3e-3), loss=losses.poisson) == []


@pytest.mark.parametrize("quantile", [0.05, 0.95])
def test_a_quantile_beside_the_mean_is_no_error(quantile):
    y = (SUM + 0.8 * RANDOM.normal(size=SUM.shape)).astype(np.float32)
    assert fitted(y, optim.adam(3e-3), loss=partial(losses.pinball, quantile=quantile)) == []


def test_a_first_step_that_throws_the_weights_away_is_a_rate_that_is_too_high():
    noisy = (np.sin(2 * SUM) + 0.1 * RANDOM.normal(size=SUM.shape)).astype(np.float32)
    assert fitted(noisy, optim.adam(1.0), activation="tanh")[0] == "rate_too_high"
    assert fitted(noisy, optim.adam(3e-3), activation="tanh", epochs=80) == []


def test_steps_too_short_to_leave_a_bad_start_are_a_rate_that_is_too_low():
    assert fitted(SUM + 2, optim.sgd(1e-5))[0] == "rate_too_low"


def test_some_epochs_whose_loss_is_still_falling_are_too_few():
    table = polars.DataFrame({f"x{i}": X[:, i] for i in range(4)} | {"y": SUM[:, 0] * 5 + 3})
    found = cr.diagnose(cr.train(table, "y", epochs=2))
    assert [finding.code for finding in found] == ["epochs", "underfitting"]


def test_trees_say_what_could_be_learned():
    grid = RANDOM.integers(0, 2, size=(800, 4))
    parity = grid.sum(axis=1) % 2 * 10.0 + 0.1 * RANDOM.normal(size=800)
    table = polars.DataFrame({f"x{i}": grid[:, i] + 0.05 * RANDOM.normal(size=800) for i in range(4)} | {"y": parity})
    model = cr.train(table, "y", hidden=(1,), epochs=60)
    (finding,) = [finding for finding in cr.diagnose(model) if finding.code == "underfitting"]
    assert finding.numbers["reference"] > 0.9
