import numpy as np
import pytest

import chainrule as cr
from chainrule import losses, nn, optim


@pytest.fixture(scope="session")
def penguins():
    return cr.train("penguins", hidden=(6, 5), activation="tanh", epochs=3, dtype="float64", seed=1)


@pytest.fixture(scope="session")
def concrete():
    return cr.train("concrete", hidden=(7,), dropout=0.4, epochs=2, optimizer="rmsprop", lr=0.01)


@pytest.fixture(scope="session")
def wide():
    return cr.train("digits", hidden=(24, 16), epochs=1, optimizer="momentum", lr=0.05)


@pytest.fixture
def worked_example():
    """The 2-2-2 network that is often worked by hand: biases are held fixed, outputs are sigmoids."""
    network = nn.Sequential({"hidden": nn.Dense(2, 2, "sigmoid"), "output": nn.Dense(2, 2, "sigmoid")})
    step = cr.training_step(network, losses.half_squared_error, optim.sgd(0.5), dtype="float64", frozen=("*.bias",))
    weights = {
        "hidden.weight": np.array([[0.15, 0.25], [0.20, 0.30]]),
        "hidden.bias": np.array([0.35, 0.35]),
        "output.weight": np.array([[0.40, 0.50], [0.45, 0.55]]),
        "output.bias": np.array([0.60, 0.60]),
    }
    return step, step.init(params=weights), (np.array([[0.05, 0.10]]), np.array([[0.01, 0.99]]))
