"""The loop: its events in order, its reasons to stop, and the weights that it keeps."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import DataError, NonFiniteError, OptionError
from chainrule.training.events import EpochEnded, RunStarted, StepsDone, Stopped
from chainrule.training.loop import Loop, Plateau, Settings, measure
from chainrule.training.until import until

RANDOM = np.random.default_rng(24)
X = RANDOM.normal(size=(40, 4))
LABELS = X[:, :3].argmax(axis=1)
DATA, VALID = (X[:27], LABELS[:27]), (X[27:], LABELS[27:])
NET = cr.nn.mlp(4, [8], 3)


def accuracy(prediction: np.ndarray, y: np.ndarray) -> float:
    return float((prediction.argmax(axis=1) == y).mean())


def loop_of(optimizer: Any = None, *, data: Any = DATA, validation: Any = VALID, metrics: Any = None, **settings: Any) -> Loop:
    step = cr.training_step(NET, cr.losses.cross_entropy, optimizer or cr.optim.adam(0.01), dtype="float64")
    return Loop(step, data, Settings(**{"epochs": 5, "batch_size": 4} | settings), step.init(seed=1), validation, metrics or {})


def watching(values: list[float], **settings: Any) -> Loop:
    """A loop whose metric takes these values, one an epoch."""
    supply = iter(values)
    return loop_of(metrics={"metric": lambda prediction, y: next(supply)}, watch="metric", **{"epochs": len(values)} | settings)


# events


def test_events_come_in_order() -> None:
    events = list(loop_of().events())
    assert isinstance(events[0], RunStarted) and isinstance(events[-1], Stopped)
    assert events[0] == RunStarted(27, 4, 5, 4 * 8 + 8 + 8 * 3 + 3, distinct=27)
    kinds = "".join({StepsDone: "s", EpochEnded: "E"}[type(event)] for event in events[1:-1])
    assert kinds.count("E") == 5
    assert kinds.endswith("E") and "EE" not in kinds and kinds.startswith("s")
    epoch = 1
    for event in events[1:-1]:
        assert event.epoch == epoch
        if isinstance(event, EpochEnded):
            epoch += 1
    rows = [event.rows for event in events if isinstance(event, StepsDone) and event.epoch == 1]
    assert rows == sorted(rows) and rows[-1] == 27
    assert events[-1] == Stopped("all 5 epochs are done", 5, events[-1].best_epoch, events[-1].seconds)


def test_the_loop_takes_the_steps_of_a_run() -> None:
    loop = loop_of()
    list(loop.events())
    state, losses = loop.step.run(loop.step.init(seed=1), DATA, epochs=5, batch_size=4)
    assert all(np.array_equal(state.params[path], loop.state.params[path]) for path in state.params)
    sizes = [4] * 6 + [3]
    expected = [float(np.average(losses[7 * e : 7 * e + 7], weights=sizes)) for e in range(5)]
    assert loop.history.values("loss") == pytest.approx(expected, rel=1e-14)


def test_a_loop_goes_on_from_the_middle_of_an_epoch() -> None:
    loop = loop_of(epochs=2)
    loop.state, _ = loop.step.run(loop.state, DATA, steps=6, batch_size=4)
    events = list(loop.events())
    ended = [event for event in events if isinstance(event, EpochEnded)]
    assert [event.steps for event in ended] == [1, 7]
    state, losses = loop.step.run(loop.step.init(seed=1), DATA, epochs=2, batch_size=4)
    assert all(np.array_equal(state.params[path], loop.state.params[path]) for path in state.params)
    assert ended[0].loss == pytest.approx(float(losses[6]))
    assert ended[1].loss == pytest.approx(float(np.average(losses[7:], weights=[4] * 6 + [3])))


def test_history_rows_are_json() -> None:
    loop = loop_of(metrics={"accuracy": accuracy})
    list(loop.events())
    rows = [json.loads(json.dumps(row, allow_nan=False)) for row in loop.history.rows()]
    assert rows == loop.history.rows()
    names = {"epoch", "steps", "loss", "valid_loss", "valid_accuracy", "seconds", "rows_per_second", "rate_scale", "best"}
    assert all(row.keys() == names for row in rows)
    assert [row["epoch"] for row in rows] == [1, 2, 3, 4, 5]
    assert all(row["steps"] == 7 and row["rate_scale"] == 1.0 and row["rows_per_second"] > 0 for row in rows)
    assert [row["seconds"] for row in rows] == sorted(row["seconds"] for row in rows)


def test_validation_is_always_recorded() -> None:
    loop = loop_of(metrics={"accuracy": accuracy})
    for event in loop.events():
        if isinstance(event, EpochEnded):
            assert dict(event.valid) == measure(loop.step, loop.state, VALID, {"accuracy": accuracy})
    assert loop.history.values("accuracy") == loop.history.values("valid_accuracy")
    assert len(loop.history.values("valid_loss")) == 5


def test_validation_rows_can_have_weights() -> None:
    weights = RANDOM.uniform(0.5, 2, 13)
    loop = loop_of(validation=(*VALID, weights), epochs=1)
    list(loop.events())
    prediction = loop.step.predict(loop.state, VALID[0])
    assert loop.history.values("valid_loss") == [float(cr.losses.cross_entropy(prediction, VALID[1], weights))]


def test_dropout_is_for_training_only() -> None:
    network = cr.nn.mlp(4, [8], 3, dropout=0.5)
    step = cr.training_step(network, cr.losses.cross_entropy, cr.optim.sgd(0.1), dtype="float64")
    loop = Loop(step, DATA, Settings(epochs=2), step.init(), VALID)
    list(loop.events())
    without = NET(loop.state.params, VALID[0])
    assert loop.history.values("valid_loss")[-1] == pytest.approx(float(cr.losses.cross_entropy(without, VALID[1])), rel=1e-14)


# the best weights


@pytest.mark.parametrize(
    ("values", "greater", "best_epoch"),
    [
        ([3.0, 1.0, 2.0, 4.0], False, 2),
        ([3.0, 1.0, 2.0, 4.0, 0.5, 0.6], True, 4),
        ([1.0, 1.0, 1.0], False, 1),
        ([1.0, 1.0, 1.0], True, 1),
        ([np.nan, 2.0, 1.5, 2.0], False, 3),
        ([2.0, np.nan, np.nan], True, 1),
        ([-1.0, -3.0, -2.0], True, 1),
    ],
)
def test_the_best_weights_are_kept(values: list[float], greater: bool, best_epoch: int) -> None:
    loop = watching(values, greater_is_better=greater)
    seen = {}
    for event in loop.events():
        if isinstance(event, EpochEnded):
            seen[event.epoch] = loop.state.copy()
    assert loop.best_epoch == best_epoch
    assert loop.best_value == values[best_epoch - 1]
    assert [row["epoch"] for row in loop.history.rows() if row["best"]][-1] == best_epoch
    for path, array in seen[best_epoch].params.items():
        assert np.array_equal(loop.best.params[path], array)
    assert best_epoch == len(values) or not np.array_equal(loop.best.params["output.bias"], loop.state.params["output.bias"])


def test_without_validation_the_training_loss_decides_where_it_is_watched() -> None:
    loop = loop_of(validation=None, greater_is_better=True, patience=100)
    list(loop.events())
    losses = loop.history.values("loss")
    assert loop.best_epoch == int(np.argmin(losses)) + 1
    assert set(loop.history.rows()[0]) >= {"loss"} and "valid_loss" not in loop.history.rows()[0]


def test_where_nothing_is_watched_the_last_weights_are_kept() -> None:
    loop = loop_of(validation=None)
    events = list(loop.events())
    assert loop.best_epoch == events[-1].best_epoch == 5
    assert all(np.array_equal(loop.best.params[path], loop.state.params[path]) for path in loop.state.params)
    assert [event.epoch for event in events if isinstance(event, EpochEnded)] == [1, 2, 3, 4, 5]
    watched = loop_of(validation=None, patience=100)
    list(watched.events())
    assert watched.history.values("loss") == loop.history.values("loss")
    assert all(np.array_equal(watched.state.params[path], loop.state.params[path]) for path in loop.state.params)


def test_what_is_watched_must_be_measured() -> None:
    with pytest.raises(OptionError, match=r"'acuracy' cannot be watched; known are loss, accuracy. Did you mean 'accuracy'\?"):
        loop_of(metrics={"accuracy": accuracy}, watch="acuracy")


# reasons to stop


def test_patience() -> None:
    loop = watching([5.0, 4.0, 4.5, 4.2, 4.1, 3.0], patience=3)
    stopped = list(loop.events())[-1]
    assert (stopped.reason, stopped.epochs, stopped.best_epoch) == ("metric has not improved for 3 epochs", 5, 2)


def test_patience_starts_anew_with_each_improvement() -> None:
    loop = watching([5.0, 5.5, 4.0, 4.5, 3.0, 3.5], patience=2)
    assert list(loop.events())[-1].reason == "all 6 epochs are done"


def test_a_condition_on_the_history() -> None:
    loop = watching([0.5, 0.8, 0.96, 0.97, 0.99], greater_is_better=True, until=until("metric >= 0.96 and epoch >= 2"))
    stopped = list(loop.events())[-1]
    assert (stopped.reason, stopped.epochs) == ("the network is good enough", 3)


def test_any_predicate_over_the_history() -> None:
    loop = loop_of(until=lambda history: len(history.epochs) == 2)
    assert list(loop.events())[-1].epochs == 2


def test_a_time_budget_ends_within_an_epoch() -> None:
    loop = loop_of(epochs=10**6, time_budget=0.3)
    stopped = list(loop.events())[-1]
    assert stopped.reason == "the time budget of 0.3 s is spent"
    assert 0.3 < stopped.seconds < 3.0
    assert stopped.epochs == len(loop.history.epochs) == loop.state.epoch


def test_a_budget_that_ends_before_an_epoch_keeps_the_weights_as_they_are() -> None:
    loop = loop_of(epochs=10**6, batch_size=1, time_budget=1e-9)
    stopped = list(loop.events())[-1]
    assert (stopped.epochs, stopped.best_epoch) == (0, 0)
    assert all(np.array_equal(loop.best.params[path], loop.state.params[path]) for path in loop.state.params)


def test_a_finished_run_has_nothing_to_do() -> None:
    loop = loop_of(epochs=2)
    list(loop.events())
    again = Loop(loop.step, DATA, Settings(epochs=2, batch_size=4), loop.state)
    assert [type(event) for event in again.events()] == [RunStarted, Stopped]


# the rate


def test_a_plateau_lowers_the_rate_and_the_history_says_so() -> None:
    loop = watching([1.0, 2.0, 2.0, 0.5, 2.0, 2.0, 2.0, 2.0, 2.0], plateau=Plateau(factor=0.5, patience=2, least=0.2))
    list(loop.events())
    assert loop.history.values("rate_scale") == [1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.25, 0.25, 0.2]
    assert loop.state.rate_scale == 0.2


def test_a_plateau_changes_the_steps_that_follow() -> None:
    loops = [watching([1.0, 2.0, 2.0], plateau=plateau) for plateau in (None, Plateau(factor=0.1, patience=1))]
    for loop in loops:
        list(loop.events())
    assert not np.array_equal(loops[0].state.params["output.bias"], loops[1].state.params["output.bias"])


def test_a_plateau_never_raises_a_rate_that_is_lower_already() -> None:
    loop = watching([1.0, 2.0, 2.0], plateau=Plateau(factor=0.1, patience=1, least=0.5))
    loop.state.rate_scale = 0.01
    list(loop.events())
    assert loop.history.values("rate_scale") == [0.01] * 3


# what cannot be


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"epochs": 0}, "epochs is 0"),
        ({"epochs": 1.5}, "epochs is 1.5"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"patience": 0}, "patience is 0"),
        ({"time_budget": 0}, "time budget is 0"),
        ({"time_budget": -1.0}, "time budget is -1.0"),
    ],
)
def test_settings_out_of_range_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        Settings(**settings)


@pytest.mark.parametrize("options", [{"patience": 0}, {"factor": 1.0}, {"factor": 0.0}, {"least": -0.1}])
def test_a_plateau_out_of_range_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(OptionError, match="plateau"):
        Plateau(**options)


def test_no_rows_are_refused() -> None:
    with pytest.raises(DataError, match="no rows to train on"):
        list(loop_of(data=(X[:0], LABELS[:0])).events())
    with pytest.raises(DataError, match="no rows to validate on"):
        loop_of(validation=(X[:0], LABELS[:0]))


def test_a_batch_larger_than_the_data_is_all_of_them() -> None:
    for size in (None, 27, 1000):
        events = list(loop_of(batch_size=size, epochs=1).events())
        assert events[0].batch_size == 27
        assert events[-2].steps == 1


# Ctrl-C

INTERRUPTED = """
import os, signal, threading, warnings
import numpy as np
import chainrule as cr
from chainrule.training.events import EpochEnded

x = np.random.default_rng(0).normal(size=(64, 4))
y = x[:, :3].argmax(axis=1)

def look(event):
    if isinstance(event, EpochEnded) and event.epoch == 2:
        threading.Timer(0.2, lambda: os.kill(os.getpid(), signal.SIGINT)).start()

with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    run = cr.fit(cr.nn.mlp(4, [8], 3), (x, y), loss=cr.losses.cross_entropy, optimizer=cr.optim.adam(1e-3),
                 epochs=10**9, batch_size=8, validation=(x, y), on_event=look)
assert [str(w.message) for w in caught] == ["training stopped early (interrupted); the best weights so far are kept."], caught
assert run.stopped.interrupted and run.stopped.reason == "interrupted", run.stopped
assert 2 <= run.stopped.epochs < 10**6
assert run.state.count == 8 * run.state.epoch + run.state.step
assert run.predict(x).shape == (64, 3)
again, _ = run.step.run(run.step.init(seed=0), (x, y), steps=run.state.count, batch_size=8)
assert all(np.array_equal(again.params[p], run.state.params[p]) for p in again.params)
assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
try:
    signal.raise_signal(signal.SIGINT)
except KeyboardInterrupt:
    print("whole")
"""


def test_ctrl_c_finishes_the_step_and_returns_what_was_reached() -> None:
    done = subprocess.run([sys.executable, "-c", INTERRUPTED], capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.returncode) == ("whole\n", 0), done.stderr


SECOND = """
import os, signal, time
import numpy as np
import chainrule as cr

def slow(history):
    os.kill(os.getpid(), signal.SIGINT)
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(30)

x = np.ones((8, 4))
try:
    cr.fit(cr.nn.mlp(4, [], 1), (x, x[:, :1]), loss=cr.losses.mse, optimizer=cr.optim.sgd(1e-3), until=slow)
except KeyboardInterrupt:
    print("at once")
"""


def test_ctrl_c_leaves_an_epoch_unmeasured(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = measure(loop_of().step, loop_of().state, VALID, {})
    monkeypatch.setattr("chainrule.training.loop._MEASURED_AT_ONCE", 210.0)  # three rows at once
    loop = loop_of()
    assert measure(loop.step, loop.state, VALID, {}, None, threading.Event()) == whole
    predict, sizes = loop.step.predict, []

    def interrupted(state: Any, x: Any) -> np.ndarray:
        sizes.append(len(x))
        if len(sizes) == 7:  # the second part of the second epoch's rows
            signal.raise_signal(signal.SIGINT)
        return predict(state, x)

    monkeypatch.setattr(loop.step, "predict", interrupted)
    stopped = list(loop.events())[-1]
    assert sizes == [3, 3, 3, 3, 1, 3, 3]
    assert (stopped.reason, stopped.interrupted, stopped.epochs, stopped.best_epoch, loop.state.epoch) == ("interrupted", True, 1, 1, 2)


def test_a_second_ctrl_c_interrupts_at_once() -> None:
    done = subprocess.run([sys.executable, "-c", SECOND], capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.returncode) == ("at once\n", 0), done.stderr


def test_a_loop_runs_in_any_thread() -> None:
    loop = loop_of()
    thread = threading.Thread(target=lambda: list(loop.events()))
    thread.start()
    thread.join()
    assert loop.state.epoch == 5


def test_a_reader_that_leaves_gives_ctrl_c_back() -> None:
    before = signal.getsignal(signal.SIGINT)
    events = loop_of().events()
    next(events), next(events)
    assert signal.getsignal(signal.SIGINT) is not before
    events.close()
    assert signal.getsignal(signal.SIGINT) is before


def test_a_loss_that_is_not_finite_is_an_event_and_no_exception() -> None:
    x = X[:27].copy()
    x[20, 2] = np.nan
    events = list(loop_of(data=(x, DATA[1])).events())
    assert isinstance(events[-1], Stopped)
    assert "x 'x' holds nan at row 20, column 2" in events[-1].error
    assert events[-1].epochs == 0


def test_other_errors_pass_through() -> None:
    with pytest.raises(DataError, match="holds index 7"):
        list(loop_of(data=(DATA[0], np.full(27, 7))).events())
    assert not issubclass(NonFiniteError, DataError)


def test_weights_that_diverge_in_the_first_epoch_are_not_kept() -> None:
    x = X[:27].copy()
    x[20, 2] = np.nan
    loop = loop_of(data=(x, DATA[1]), batch_size=1)
    start = loop.state.copy()
    stopped = list(loop.events())[-1]
    assert loop.state.step > 0 or loop.state.epoch > 0
    assert all(np.array_equal(start.params[path], loop.best.params[path]) for path in start.params)
    assert isinstance(stopped, Stopped)
    assert "No epoch was finished: the weights are kept as they were before the first step." in stopped.error


def test_weights_that_diverge_later_are_those_of_the_best_epoch() -> None:
    x = X[:27].copy()
    loop = loop_of(data=(x, DATA[1]))
    for event in loop.events():
        if isinstance(event, EpochEnded):
            x[20, 2] = np.nan
    assert loop.best_epoch == 1 and loop.best.epoch == 1
    assert isinstance(event, Stopped) and event.error and "No epoch" not in event.error
