"""The step that people do by hand: a 2-2-2 network, one row, one update.

Source: Mazur, "A step by step backpropagation example", 2015: inputs .05 and .10, targets .01 and .99, sigmoids, ½Σ of squared errors, rate
.5, biases .35 and .60 held fixed. Reproduced: the loss before the step and after it, and all eight new weights, in all nine digits.
"""

from __future__ import annotations

import numpy as np
import pytest

import chainrule as cr

pytestmark = pytest.mark.published
PARAMS = {
    "hidden.weight": np.array([[0.15, 0.20], [0.25, 0.30]]).T,  # unit by unit
    "hidden.bias": np.array([0.35, 0.35]),
    "output.weight": np.array([[0.40, 0.45], [0.50, 0.55]]).T,
    "output.bias": np.array([0.60, 0.60]),
}
X, Y = np.array([[0.05, 0.10]]), np.array([[0.01, 0.99]])


def digits(numbers: np.ndarray) -> list[str]:
    return [f"{number:.9f}" for number in numbers.ravel()]


def test_one_step_by_hand() -> None:
    network = cr.nn.Sequential({"hidden": cr.nn.Dense(2, 2, "sigmoid"), "output": cr.nn.Dense(2, 2, "sigmoid")})
    step = cr.training_step(network, cr.losses.half_squared_error, cr.optim.sgd(0.5), params=PARAMS, frozen=["*.bias"])
    state = step.init()
    assert digits(step.predict(state, X)) == ["0.751365070", "0.772928465"]
    state, loss = step(state, X, Y)
    assert f"{loss:.9f}" == "0.298371109"
    assert digits(state.params["hidden.weight"].T) == ["0.149780716", "0.199561432", "0.249751144", "0.299502287"]
    assert digits(state.params["output.weight"].T) == ["0.358916480", "0.408666186", "0.511301270", "0.561370121"]
    assert all(np.array_equal(state.params[path], PARAMS[path]) for path in ("hidden.bias", "output.bias"))
    assert f"{step(state, X, Y)[1]:.9f}" == "0.291027774"
