"""The chain rule of every weight: the sum over paths, the reused δ, the engine's gradient and the measured slope are one number."""

import math

import numpy as np
import pytest

import chainrule as cr
from chainrule import losses, nn, optim
from chainrule.inspect import trace_step, trace_training_step
from chainrule.inspect.derivation import paths


def traced(network, loss=losses.mse, rows=1, seed=0, **options):
    step = cr.training_step(network, loss, optim.sgd(0.1), dtype="float64", **options)
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(rows, 3))
    classes = step.signature.y.dtype == "int64"
    y = generator.integers(0, 2, rows) if classes else generator.normal(size=(rows, 2))
    return trace_training_step(step, step.init(seed=seed), (x, y))


def check_every_weight(trace, difference=1e-7):
    for path in trace.trainable:
        gradient = trace.gradient(path)
        largest = float(np.abs(gradient).max()) or 1.0
        for index in np.ndindex(gradient.shape):
            found = trace.derive(path, *index)
            exact = {"rel": 1e-13, "abs": 1e-14 * largest}
            assert found.total == pytest.approx(gradient[index], **exact), found.weight
            assert math.fsum(way.product for way in found.paths) == pytest.approx(gradient[index], **exact)
            assert sum(math.prod(factor.value for factor in term) for term in found.reused) == pytest.approx(gradient[index], **exact)
            assert found.finite_difference == pytest.approx(gradient[index], rel=difference, abs=difference)
            for way in found.paths:
                assert math.prod(factor.value for factor in way.factors) == way.product != 0
            assert found.listed
            assert found.rest == pytest.approx(0, abs=1e-14 * largest)
            assert (found.gradient, found.updated) == (gradient[index], trace.updated(path)[index])


@pytest.mark.parametrize("activation", [name for name in nn.ACTIVATIONS if name != "identity"])
def test_every_activation(activation):
    check_every_weight(traced(nn.mlp(3, [3, 2], 2, activation=activation), seed=5))


LOSSES = [losses.cross_entropy, losses.half_squared_error, losses.mae, losses.huber]


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.__name__)
def test_every_loss(loss):
    check_every_weight(traced(nn.mlp(3, [4], 2, activation="tanh"), loss, seed=2))


def test_binary_cross_entropy_with_sigmoid_between():
    trace = traced(nn.mlp(3, [2], 2, activation="sigmoid"), losses.binary_cross_entropy, seed=4)
    check_every_weight(trace)


def test_dropout():
    trace = traced(nn.mlp(3, [6], 2, activation="elu", dropout=0.5), seed=1)
    check_every_weight(trace)
    ways = [way for unit in range(6) for way in trace.derive("hidden_1.weight", 0, unit).paths]
    assert ways
    for way in ways:
        factors = {factor.name: factor.value for factor in way.factors}
        assert factors["2"] == 2.0  # what is kept is doubled
        assert next(value for name, value in factors.items() if name.startswith("dropout_1.kept")) == 1.0


def test_several_rows():
    check_every_weight(traced(nn.mlp(3, [3], 2, activation="silu"), rows=4, seed=3))


def test_a_network_without_hidden_layer_and_one_without_biases():
    check_every_weight(traced(nn.mlp(3, [], 2)))
    check_every_weight(traced(nn.mlp(3, [3, 3], 2, activation="tanh", bias=None)))


@pytest.mark.parametrize(
    "function",
    [
        lambda p, x: cr.ops.softmax(x @ p["a"]) @ p["b"],
        lambda p, x: cr.ops.tanh(x @ p["a"]) @ p["b"] + (x @ p["a"]) @ p["b"],
        lambda p, x: cr.ops.tanh((x @ p["a"]) * (x @ p["a"])) @ p["b"],
        lambda p, x: (cr.ops.amax(x @ p["a"], 1, keepdims=True) * (x @ p["a"])) @ p["b"],
        lambda p, x: cr.ops.concatenate([cr.ops.relu(x @ p["a"]), x @ p["a"]], axis=1)[:, 1:3] @ p["b"],
    ],
    ids=["softmax", "skip", "square", "maximum", "parts"],
)
def test_any_function(function):
    generator = np.random.default_rng(7)
    columns = 2
    weights = {"a": generator.normal(size=(3, columns)), "b": generator.normal(size=(columns, 2))}
    check_every_weight(traced(function, params=weights, x="f64[B,3]"), difference=1e-6)


def test_a_penalty_on_the_weights_is_a_path_of_its_own():
    square = lambda p, rows: 0.1 * cr.ops.sum(p["hidden_1.weight"] * p["hidden_1.weight"])  # noqa: E731 - an argument
    trace = traced(nn.mlp(3, [2], 2, activation="tanh"), penalty=square)
    check_every_weight(trace)
    ways = trace.derive("hidden_1.weight", 0, 1).paths
    own = next(way for way in ways if len(way.factors) == 1)
    assert own.product == pytest.approx(0.2 * trace.value("hidden_1.weight")[0, 1])


def test_the_worked_example_path_by_path(worked_example):
    step, state, batch = worked_example
    found = trace_training_step(step, state, batch, input_names=["i1", "i2"], output_names=["o1", "o2"]).derive("hidden.weight", "i1", 0)
    assert found.weight == "hidden.weight[i1,0]"
    assert [way.units for way in found.paths] == [("0", "o1"), ("0", "o2")]
    factors = {factor.name: f"{factor.value:.9f}" for factor in found.paths[0].factors}
    assert factors == {
        "∂loss/∂output.output[o1]": "0.741365070",
        "sigmoid'(output.sum[o1])": "0.186815602",
        "output.weight[0,o1]": "0.400000000",
        "sigmoid'(hidden.sum[0])": "0.241300709",
        "x[i1]": "0.050000000",
    }
    assert f"{found.total:.9f}" == f"{found.gradient:.9f}" == "0.000438568"
    assert f"{found.updated:.9f}" == "0.149780716"
    assert found.reused[0][0].name == "x[i1]"


def test_a_model_in_float32(wide):
    trace = trace_step(wide, "digits", 3)
    for weight in ("hidden_1.weight[pixel_2_5,4]", "hidden_2.bias[3]", "output.weight[3,7]"):
        found = trace.derive_named(weight)
        scale = max((abs(way.product) for way in found.paths), default=1e-6)
        assert found.total == pytest.approx(found.gradient, rel=1e-4, abs=1e-5 * scale)
        assert found.finite_difference == pytest.approx(found.gradient, rel=1e-2, abs=1e-5)
    assert trace.derive_named("hidden_1.weight[pixel_2_5,4]").count == 16 * 10


def test_paths_through_a_unit_that_is_off_are_counted_and_0():
    trace = traced(nn.mlp(3, [8], 2, activation="relu"), seed=1)
    off = int(np.flatnonzero(trace.recording.values[trace.groups("forward")["hidden_1", 8][-1].value][0] == 0)[0])
    found = trace.derive("hidden_1.weight", 0, off)
    assert (found.count, found.zeros, found.paths, found.total, found.gradient) == (2, 2, (), 0.0, 0.0)


def test_too_many_paths_are_ranked(monkeypatch):
    network = nn.mlp(3, [12, 12, 12], 2, activation="tanh")
    trace = traced(network, seed=1)
    every = trace.derive("hidden_1.weight", 0, 0)
    assert every.count == 12 * 12 * 2 == len(every.paths)
    monkeypatch.setattr(paths, "MOST_PATHS", 100)
    monkeypatch.setattr(paths, "RANKED", 20)
    some = trace.derive("hidden_1.weight", 0, 0)
    assert some.paths == every.paths[:20]
    assert not some.listed
    assert some.total == every.total
    assert sum(way.product for way in some.paths) + some.rest == pytest.approx(every.gradient, rel=1e-12)


def test_a_network_too_wide_to_list_its_paths():
    trace = traced(nn.mlp(3, [100, 100, 100], 2, activation="silu"), seed=1)
    found = trace.derive("hidden_1.weight", 1, 5)
    assert found.count == 100 * 100 * 2
    wider = traced(nn.mlp(3, [150, 150, 150], 2, activation="silu"), seed=1).derive("hidden_1.weight", 1, 5)
    assert wider.count == 150 * 150 * 2
    assert len(wider.paths) == paths.RANKED
    assert wider.total == pytest.approx(wider.gradient, rel=1e-10)
    products = [abs(way.product) for way in wider.paths]
    assert products == sorted(products, reverse=True)


def test_json(worked_example):
    data = trace_training_step(*worked_example).derive("output.weight", 1, 0).to_json()
    assert {"weight", "value", "gradient", "updated", "paths", "finite_difference"} <= data.keys()
    assert math.fsum(way["product"] for way in data["paths"]) == pytest.approx(data["gradient"], rel=1e-13)
    assert set(data["paths"][0]["factors"][0]) == {"name", "value"}
