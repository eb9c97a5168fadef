"""A number that is not finite stops the run before the update, and the message says where it first came from."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule import ops
from chainrule.data.batches import permutation
from chainrule.errors import NonFiniteError
from chainrule.training.loop import Loop, Settings

RANDOM = np.random.default_rng(23)
X, Y = RANDOM.uniform(1.0, 2.0, size=(12, 1)), RANDOM.normal(size=(12, 1))


def step_of(network: Any, optimizer: Any = None, x: str = "f64[B,1]", **start: float) -> Any:
    params = {name: np.array([[value]]) for name, value in (start or {"a": 1.0}).items()}
    return cr.training_step(network, cr.losses.mse, optimizer or cr.optim.sgd(1e-6), params=params, x=x, y=x)


def test_it_names_step_equation_and_row_of_the_data() -> None:
    step = step_of(lambda p, x: ops.named(ops.log(ops.named(x @ p["a"], "scaled")), "logarithm"))
    x = X.copy()
    x[7] = -1.0  # the logarithm of row 7 is the first number that is none
    order = permutation(4, 0, 12).tolist()
    failing = order.index(7) // 5
    with pytest.raises(NonFiniteError) as caught:
        step.run(step.init(seed=4), (x, Y), batch_size=5)
    expected = f"epoch 1, step {failing + 1}: in the forward phase logarithm = log(scaled) gave nan at row 7, column 0"
    assert str(caught.value) == f"{expected}; the update was not applied. Try a smaller learning rate."
    assert caught.value.state.step == caught.value.state.count == failing


def test_a_single_step_counts_rows_in_its_batch() -> None:
    step = step_of(lambda p, x: ops.log(x @ p["a"]))
    x = X.copy()
    x[3] = 0.0
    with pytest.raises(NonFiniteError, match="gave -inf at row 3, column 0"):
        step(step.init(), x, Y)


@pytest.mark.parametrize(
    ("place", "what"),
    [("x", "x 'x' holds nan at row 5, column 0"), ("y", "y 'y' holds inf at row 5, column 0"), ("w", "w 'w' holds inf at row 5")],
)
def test_a_bad_number_in_the_data_is_named_itself(place: str, what: str) -> None:
    step = step_of(lambda p, x: x @ p["a"])
    data = {"x": X.copy(), "y": Y.copy(), "w": np.ones(12)}
    data[place][5] = np.nan if place == "x" else np.inf
    with pytest.raises(NonFiniteError, match=f"{what}; the update was not applied. Mend or leave out that row."):
        step.run(step.init(), tuple(data.values()), batch_size=4)


def test_what_where_left_aside_is_not_blamed() -> None:
    def network(params: Any, x: Any) -> Any:
        harmless = ops.where(ops.greater(x, 1.5), ops.log(ops.maximum(x - 1.5, 0.0)), 0.0)  # -inf where it is not taken
        return ops.named(ops.exp(ops.named(harmless * 0.0 + x @ params["a"], "power")), "explosion")

    step = step_of(network)
    x = X.copy()
    x[9] = 1000.0
    with pytest.raises(NonFiniteError, match=r"forward phase explosion = exp\(power\) gave inf at row 9"):
        step(step.init(), x, Y)


def test_a_parameter_that_is_no_number_is_named() -> None:
    step = step_of(lambda p, x: x @ p["a"], a=np.nan)
    with pytest.raises(NonFiniteError, match=r"parameter 'a' holds nan at \[0, 0\]"):
        step(step.init(), X, Y)


def test_a_gradient_that_overflows_stops_the_step_though_the_loss_is_finite() -> None:
    step = step_of(lambda p, x: ops.sqrt(x @ p["a"]))
    x = X.copy()
    x[2] = 0.0  # √0 is 0, and its derivative infinite
    state = step.init()
    with pytest.raises(NonFiniteError, match=r"in the backward phase .* gave (inf|nan|-inf) at row 2"):
        step(state, x, Y)
    assert state.params["a"] == 1.0 and state.count == 0


def test_an_update_that_overflows_is_not_applied() -> None:
    step = step_of(lambda p, x: x @ p["a"], cr.optim.sgd(1e308), a=1e10)
    state = step.init()
    with pytest.raises(NonFiniteError, match=r"in the update phase .* gave -?inf"):
        step(state, X, Y)
    assert state.params["a"] == 1e10


def test_a_run_that_diverges_keeps_the_last_good_weights() -> None:
    step = step_of(lambda p, x: x @ p["a"], cr.optim.sgd(50.0))
    loop = Loop(step, (X, Y), Settings(epochs=1000, batch_size=5), step.init())
    events = list(loop.events())
    stopped = events[-1]
    assert stopped.reason == "the loss is not finite" and "the update was not applied" in stopped.error
    assert np.isfinite(loop.state.params["a"]).all() and np.isfinite(loop.best.params["a"]).all()
    assert stopped.best_epoch == loop.best_epoch >= 1
    assert f"epoch {loop.state.epoch + 1}, step {loop.state.step + 1}:" in stopped.error
    step.predict(loop.state, X), step.predict(loop.best, X)
