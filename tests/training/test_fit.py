from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import DataError, NonFiniteError, OptionError, TypeRuleError
from chainrule.training.events import EpochEnded, RunStarted, Stopped
from chainrule.training.loop import Plateau

RANDOM = np.random.default_rng(25)
X = RANDOM.normal(size=(90, 4))
LABELS = X[:, :3].argmax(axis=1)
NET = cr.nn.mlp(4, [16], 3)
DATA, VALID = (X[:60], LABELS[:60]), (X[60:], LABELS[60:])


def fit(**options: Any) -> Any:
    chosen = {"loss": cr.losses.cross_entropy, "optimizer": cr.optim.adam(0.02), "epochs": 3, "seed": 4} | options
    return cr.fit(chosen.pop("network", NET), chosen.pop("data", DATA), **chosen)


def test_it_learns_and_predicts_by_the_best_weights() -> None:
    measured = {"accuracy": lambda prediction, y: float((prediction.argmax(axis=1) == y).mean())}
    run = fit(epochs=60, validation=VALID, metrics=measured, watch="accuracy", greater_is_better=True)
    best = max(run.history.values("accuracy"))
    assert best > 0.9
    assert (run.predict(VALID[0]).argmax(axis=1) == VALID[1]).mean() == pytest.approx(best)
    assert run.stopped.best_epoch == run.history.values("accuracy").index(best) + 1


def test_it_is_a_run_of_the_training_step() -> None:
    run = fit(batch_size=7)
    step = cr.training_step(NET, cr.losses.cross_entropy, cr.optim.adam(0.02))
    state, _ = step.run(step.init(seed=4), DATA, epochs=3, batch_size=7)
    assert all(np.array_equal(state.params[path], run.state.params[path]) for path in state.params)


def test_two_runs_of_a_seed_are_the_same_and_of_two_seeds_differ() -> None:
    runs = [fit(seed=seed, network=cr.nn.mlp(4, [8], 3, dropout=0.2)).history.values("loss") for seed in (1, 1, 2)]
    assert runs[0] == runs[1] != runs[2]


def test_initial_weights_and_the_order_of_rows_can_be_given() -> None:
    start = NET.init(seed=99)
    run = fit(params=start, order=lambda epoch: np.arange(60)[::-1], batch_size=7)
    step = cr.training_step(NET, cr.losses.cross_entropy, cr.optim.adam(0.02))
    state, _ = step.run(step.init(params=start), DATA, epochs=3, batch_size=7, order=lambda epoch: np.arange(60)[::-1])
    assert all(np.array_equal(state.params[path], run.state.params[path]) for path in state.params)


def test_a_plain_function_of_dicts_is_fitted() -> None:
    run = cr.fit(
        lambda params, x: x["a"] @ params["weight"] + x["b"],
        ({"a": X, "b": X[:, :1]}, X @ [[1.0], [2.0], [0.0], [-1.0]] + X[:, :1]),
        loss=cr.losses.mse,
        optimizer=cr.optim.sgd(0.1),
        params={"weight": np.zeros((4, 1))},
        x={"a": "f64[B,4]", "b": "f64[B,1]"},
        y="f64[B,1]",
        epochs=50,
        validation=({"a": X, "b": X[:, :1]}, X @ [[1.0], [2.0], [0.0], [-1.0]] + X[:, :1]),
    )
    np.testing.assert_allclose(run.best.params["weight"].ravel(), [1, 2, 0, -1], atol=1e-6)
    assert run.history.values("valid_loss")[-1] < 1e-10


def test_options_of_the_step_reach_it() -> None:
    run = fit(dtype="float64", frozen=["output.*"], penalty=lambda params, rows: 7.0)
    assert run.state.params["output.weight"].dtype == np.float64
    assert np.array_equal(run.state.params["output.weight"], NET.init(4, "float64")["output.weight"])
    assert run.history.values("loss")[-1] > 7.0


def test_row_weights_reach_the_loss() -> None:
    keep = np.arange(60) % 2 == 0
    weighted = fit(data=(*DATA, keep.astype(float)), batch_size=None, dtype="float64")
    absent = fit(data=(DATA[0][keep], DATA[1][keep]), batch_size=None, dtype="float64")
    np.testing.assert_allclose(weighted.history.values("loss"), absent.history.values("loss"), rtol=1e-12)


def test_a_condition_may_be_a_text_or_a_predicate() -> None:
    assert fit(until="epoch >= 2").stopped.reason == "the network is good enough"
    assert fit(until=lambda history: True).stopped.epochs == 1
    with pytest.raises(OptionError, match="cannot be read"):
        fit(until="epoch")
    with pytest.raises(OptionError, match="speaks of 'f2'"):
        fit(until="f2 > 1")


def test_patience_budget_and_plateau_reach_the_loop() -> None:
    assert fit(epochs=10**6, time_budget=0.2).stopped.reason.startswith("the time budget")
    stopped = fit(epochs=500, patience=2, validation=VALID, optimizer=cr.optim.sgd(5.0)).stopped
    assert stopped.reason == "loss has not improved for 2 epochs"
    run = fit(epochs=30, validation=VALID, optimizer=cr.optim.sgd(5.0), plateau=Plateau(patience=1, factor=0.5))
    assert run.history.values("rate_scale")[-1] < 1.0


def test_events_are_told_as_they_happen() -> None:
    events: list[Any] = []
    fit(on_event=events.append)
    assert isinstance(events[0], RunStarted) and isinstance(events[-1], Stopped)
    assert sum(isinstance(event, EpochEnded) for event in events) == 3


def test_a_run_that_diverges_warns_and_keeps_the_best() -> None:
    data = X, X @ np.ones((4, 1)) * 1e3
    with pytest.warns(UserWarning, match=r"training stopped early \(epoch \d+, step \d+: .*the best weights so far are kept"):
        run = cr.fit(cr.nn.mlp(4, [], 1), data, loss=cr.losses.mse, optimizer=cr.optim.sgd(2.0), epochs=500, batch_size=30)
    assert np.isfinite(run.predict(X)).all()
    assert run.stopped.epochs >= 1


def test_a_run_that_fails_in_its_first_epoch_raises() -> None:
    with pytest.raises(NonFiniteError, match="epoch 1, step 1: x 'x' holds nan at row 0, column 0"):
        fit(data=(np.full_like(X, np.nan), LABELS), batch_size=None, shuffle=False)


def test_shapes_are_refused_before_the_first_step() -> None:
    with pytest.raises(TypeRuleError, match="layer hidden_1"):
        fit(data=(X[:, :2], LABELS))


@pytest.mark.parametrize("place", [0, 1, 2])
def test_masked_entries_are_refused_with_their_row(place) -> None:
    data: list[Any] = [X[:60], LABELS[:60], np.ones(60)]
    data[place] = np.ma.array(data[place])
    data[place][[7, 9]] = np.ma.masked
    with pytest.raises(DataError, match="row 7: an array is masked"):
        fit(data=tuple(data))
