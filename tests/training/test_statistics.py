"""Sampled steps: they change nothing, say what is so, and cost next to nothing."""

from __future__ import annotations

import json

import numpy as np
import pytest

import chainrule as cr
from chainrule.backends.reference import Reference
from chainrule.nn.activations import ACTIVATIONS
from chainrule.training.history_file import read_history
from chainrule.training.statistics.measure import measured
from chainrule.training.statistics.program import sampled
from chainrule.training.statistics.sample import EDGES, StepSampled
from chainrule.training.statistics.schedule import first_sample, next_sample
from chainrule.training.stepping import Watched

RANDOM = np.random.default_rng(3)
X = RANDOM.normal(size=(150, 6)).astype("float32")
Y = RANDOM.integers(3, size=150)


def step_of(activation="relu", dropout=0.0, optimizer=None, **more):
    network = cr.nn.mlp(6, [10, 7], 3, activation=activation, dropout=dropout)
    return cr.training_step(network, cr.losses.cross_entropy, optimizer or cr.optim.adam(1e-2), **more)


def watch(step, state, x, y):
    """Take a step on a batch as a step of a run, and return what it showed."""
    return step.start(state, (x, y), batch_size=None, shuffle=False, watched=True).watch()


def sample_of(step, state, x, y):
    return measured(watch(step, state, x, y), sampled(step.program))


def run(statistics, **more):
    network = cr.nn.mlp(6, [10, 7], 3, activation=more.pop("activation", "relu"), dropout=more.pop("dropout", 0.0))
    optimizer = more.pop("optimizer", cr.optim.adam(1e-2))
    given = {"data": (X, Y), "epochs": 7, "batch_size": 16} | more
    return cr.fit(network, given.pop("data"), loss=cr.losses.cross_entropy, optimizer=optimizer, statistics=statistics, **given)


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"dropout": 0.3, "dtype": "float64"},
        {"optimizer": cr.optim.momentum(0.1), "activation": "tanh"},
        {"data": (X, Y, RANDOM.random(150))},
        {"backend": "reference", "shuffle": False},
    ],
    ids=["adam", "dropout", "momentum", "weights", "reference"],
)
def test_a_run_with_statistics_has_the_same_weights_bit_for_bit(more):
    with_them, without = run(True, **more), run(False, **more)
    assert [s.step for s in with_them.history.samples] == [1, 17, 33, 49, 65]
    assert without.history.samples == []
    assert with_them.history.values("loss") == without.history.values("loss")
    for path, array in without.state.params.items():
        np.testing.assert_array_equal(with_them.state.params[path], array)


@pytest.mark.parametrize("activation", ["relu", "tanh", "gelu", "elu", "softplus"])
@pytest.mark.parametrize("dropout", [0.0, 0.25])
@pytest.mark.parametrize(
    "optimizer",
    [cr.optim.adam(1e-2), cr.optim.chain(cr.optim.clip_by_norm(0.1), cr.optim.sgd(0.5))],
    ids=["adam", "clipped"],
)
def test_the_compiled_step_shows_what_the_reference_shows(activation, dropout, optimizer):
    seen = {}
    for backend in ("llvm", "reference"):
        step = step_of(activation, dropout, optimizer, dtype="float64", backend=backend)
        state, _ = step(step.init(5), X[:40], Y[:40])
        seen[backend] = watch(step, state, X[40:90], Y[40:90])
    ours, theirs = seen["llvm"], seen["reference"]
    assert (ours.count, ours.epoch, ours.rows) == (theirs.count, theirs.epoch, theirs.rows) == (2, 1, 50)
    assert len(ours.values) == 6 + 2 * 3
    for name, array in ours.values.items():
        np.testing.assert_allclose(array, theirs.values[name], rtol=1e-9, atol=1e-14, err_msg=name)
    for path, array in ours.after.items():
        np.testing.assert_allclose(array, theirs.after[path], rtol=1e-9, atol=1e-14)
    np.testing.assert_allclose([ours.loss, ours.loss_after()], [theirs.loss, theirs.loss_after()], rtol=1e-13)
    assert ours.loss_after() != ours.loss


@pytest.mark.parametrize("threads", [1, 3])
def test_a_watched_step_is_any_step_whoever_watches(threads):
    states = []
    for watched in (False, True):
        step = step_of("relu", 0.2)
        stepper = step.start(step.init(5), (X, Y), batch_size=64, threads=threads, watched=watched)
        losses = stepper.take(1).tolist()
        losses += [stepper.watch().loss, stepper.watch().loss] if watched else stepper.take(2).tolist()
        losses += stepper.take(4).tolist()
        states.append((losses, stepper.end()))
    (losses, plain), (same, watched) = states
    assert losses == same
    for path, array in plain.params.items():
        np.testing.assert_array_equal(array, watched.params[path])


def test_numbers_and_arrays_are_seen_at_any_batch_size_and_with_more_threads_than_before():
    def network(params, x):
        return cr.ops.tanh(x @ params["w"]) * params["scale"]

    start = {"w": RANDOM.normal(size=(6, 3)), "scale": np.array(1.5)}
    steppers = []
    for backend in ("llvm", "reference"):
        step = cr.training_step(
            network, cr.losses.cross_entropy, cr.optim.adam(1e-2), params=start, x="f64[B,6]", dtype="float64", backend=backend
        )
        steppers.append(step.start(step.init(5), (X, Y), batch_size=64, watched=True))
    for threads in (1, 1, 1, 3, 1, 2):  # 64, 64 and 22 rows, twice
        native, reference = steppers
        native._native.threads = lambda most, size, steps, threads=threads: threads
        ours, theirs = native.watch(), reference.watch()
        for name, array in theirs.values.items():
            if name in ours.values:
                np.testing.assert_allclose(ours.values[name], array, rtol=1e-9, atol=1e-14, err_msg=name)
        assert {"gradient.w", "gradient.scale"} <= set(ours.values)
        np.testing.assert_allclose(ours.loss_after(), theirs.loss_after(), rtol=1e-12)


def test_the_statistics_are_those_of_the_step():
    step = step_of("relu", dtype="float64", optimizer=cr.optim.sgd(0.3))
    state = step.init(5)
    before = state.copy()
    sample = sample_of(step, state, X[:50], Y[:50])
    after, loss = step(state, X[:50], Y[:50])
    assert (sample.step, sample.epoch, sample.rows) == (1, 1, 50)
    assert sample.loss == pytest.approx(loss, rel=1e-12)
    moved = {path: before.params[path] - after.params[path] for path in before.params}
    gradients = {path: array / 0.3 for path, array in moved.items()}
    assert sample.predicted == pytest.approx(sum(np.sum(gradients[path] * moved[path]) for path in moved), rel=1e-9)
    _, loss_after = step(after, X[:50], Y[:50])
    assert sample.loss_after == pytest.approx(loss_after, rel=1e-12)
    for path, seen in sample.parameters.items():
        weight = before.params[path]
        assert seen.size == weight.size
        assert seen.weight == pytest.approx(np.linalg.norm(weight), rel=1e-9)
        assert seen.gradient == pytest.approx(np.linalg.norm(gradients[path]), rel=1e-6)
        assert seen.update == pytest.approx(np.linalg.norm(moved[path]), rel=1e-6)
    seen = sample.parameters["hidden_1.weight"]
    weight = before.params["hidden_1.weight"]
    counted, _ = np.histogram(weight, [-np.inf, *seen.edges(), np.inf])
    assert seen.weights == tuple(counted)
    assert len(seen.weights) == len(EDGES) + 1


@pytest.mark.parametrize("activation, flat", [("relu", lambda z: z <= 0), ("tanh", lambda z: 1 - np.tanh(z) ** 2 < 0.02)])
def test_the_units_of_a_layer(activation, flat):
    step = step_of(activation, dtype="float64")
    state = step.init(5)
    state.params["hidden_1.bias"] = np.array([-50.0, 50.0, *[0.0] * 8])
    layer = sample_of(step, state, X, Y).layers["hidden_1"]
    z = X.astype("float64") @ state.params["hidden_1.weight"] + state.params["hidden_1.bias"]
    a = np.maximum(z, 0) if activation == "relu" else np.tanh(z)
    assert layer.activation == activation
    assert (layer.units, layer.shut) == (10, 1 if activation == "relu" else 2)
    assert layer.sum == pytest.approx(np.sqrt(np.mean(z**2)))
    assert layer.spread == pytest.approx(np.sqrt(np.mean((z - z.mean(0)) ** 2)))
    assert layer.zero == pytest.approx((a == 0).mean())
    assert layer.flat == pytest.approx(flat(z).mean())
    np.testing.assert_allclose(layer.activity, np.abs(a).mean(0))
    np.testing.assert_allclose(layer.open, 1 - flat(z).mean(0))


@pytest.mark.parametrize("name", sorted(set(ACTIVATIONS) - {"identity"}))
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_an_activation_is_flat_where_its_slope_is_small(name, dtype):
    step = step_of(name, dtype=dtype)
    one = sampled(step.program).activations["hidden_1"]
    z = np.concatenate([RANDOM.normal(scale=4, size=2000), [0.0, -0.0, np.inf, -np.inf, 1e6, -1e6]]).astype(dtype)
    _, slope = cr.value_and_grad(lambda z: cr.ops.sum(ACTIVATIONS[name](z)))(z[:2000].astype("float64"))
    flat = np.abs(slope) < 0.02 * (0.25 if name == "sigmoid" else 1)
    np.testing.assert_array_equal(one.flat(z)[:2000], flat)
    assert one.flat(z)[2002] == one.flat(z)[2004] == (name in ("sigmoid", "tanh", "softsign"))
    assert one.flat(z)[2000] == one.flat(z)[2001] == (name in ("relu", "leaky_relu"))
    assert not one.flat(np.array([np.nan], dtype))[0]


def test_delta_is_the_derivative_by_the_sum_before_the_activation():
    step = step_of("tanh", dtype="float64")
    state = step.init(5)
    values = watch(step, state, X[:30], Y[:30]).values
    np.testing.assert_allclose(values["delta.hidden_2"].sum(0), values["gradient.hidden_2.bias"], rtol=1e-12)
    np.testing.assert_allclose(X[:30].T @ values["delta.hidden_1"], values["gradient.hidden_1.weight"], rtol=1e-12)


def test_a_network_without_hidden_layers_and_one_that_is_a_function():
    linear = cr.fit(cr.nn.mlp(6, [], 3), (X, Y), loss=cr.losses.cross_entropy, optimizer=cr.optim.sgd(0.1), epochs=1)
    assert linear.history.samples[0].layers == {}

    def network(params, x):
        return cr.ops.tanh(x @ params["a"]) @ params["b"]

    start = {"a": RANDOM.normal(size=(6, 5)).astype("f"), "b": RANDOM.normal(size=(5, 3)).astype("f")}
    own = cr.fit(network, (X, Y), loss=cr.losses.cross_entropy, optimizer=cr.optim.sgd(0.1), epochs=1, params=start, x="f32[B,6]")
    (layer,) = own.history.samples[0].layers.values()
    assert layer.units == 5
    assert layer.delta > 0
    assert own.history.samples[0].parameters["a"].gradient > 0


@pytest.mark.parametrize("number", [0.0, 1e-45, 1e-30, 1e30, np.inf, np.nan])
def test_numbers_of_any_size_are_counted_and_break_nothing(number):
    step = step_of("relu", optimizer=cr.optim.sgd(1e-3))
    state = step.init(5)
    state.params["hidden_1.weight"][:] = number
    state.params["hidden_2.weight"][0, 0] = number
    told = sampled(step.program)
    with np.errstate(all="ignore"):
        values = Reference(told.program)(state.inputs(step.batch((X, Y))))
    loss = float(values["loss"])
    sample = measured(Watched(1, 0, len(X), loss, state.params, values, values, lambda: loss), told)
    assert sum(sample.parameters["hidden_1.weight"].weights) in (0, 60)
    json.dumps(sample.row())


def test_frozen_parameters_have_no_statistics():
    step = step_of(frozen=["hidden_1.*"])
    assert set(sampled(step.program).parameters) == {"hidden_2.weight", "hidden_2.bias", "output.weight", "output.bias"}


def test_a_sample_survives_its_line_of_json():
    sample = run(True).history.samples[-1]
    line = json.dumps(sample.row())
    again = StepSampled.of_row(json.loads(line))
    assert json.dumps(again.row()) == line
    assert again.loss == pytest.approx(sample.loss, rel=1e-4)
    assert again.parameters["output.weight"].weights == sample.parameters["output.weight"].weights


def test_which_steps_are_sampled():
    at, seen = 0, []
    while at < 6400:
        seen.append(at)
        at = next_sample(at)
    assert seen[:8] == [0, 16, 32, 48, 64, 80, 100, 125]
    assert len(seen) == 25
    assert [first_sample(count) for count in (0, 1, 16, 17)] == [0, 16, 16, 32]


def test_training_on_a_table_has_statistics_unless_told_not_to():
    model = cr.train("penguins", epochs=4)
    assert [s.step for s in model.history.samples] == [1, 17]
    assert cr.train("penguins", epochs=2, statistics=False).history.samples == []


def test_the_history_is_read_from_its_folder_whole_or_cut_off(tmp_path):
    from chainrule.cli import main

    assert main(["train", "penguins", "--epochs", "5", "--out", str(tmp_path / "run"), "--quiet"]) == 0
    history = read_history(tmp_path / "run")
    assert [e.epoch for e in history.epochs] == [1, 2, 3, 4, 5]
    assert history.epochs[0].valid["loss"] > 0
    assert [s.step for s in history.samples] == [1, 17, 33]
    with (tmp_path / "run" / "history.jsonl").open("a") as file:
        file.write('{"epoch": 6, "los')
    assert len(read_history(tmp_path / "run").epochs) == 5
    with (tmp_path / "run" / "history.jsonl").open("a") as file:
        file.write("\n{}\n")
    with pytest.raises(cr.errors.FileFormatError, match=r"history.jsonl, line 6: this is no JSON"):
        read_history(tmp_path / "run")
    (tmp_path / "run" / "history.jsonl").unlink()
    with pytest.raises(cr.errors.FileFormatError, match=r"has no history.jsonl"):
        read_history(tmp_path / "run")
