"""Layers: their parameters, their equations, and what they refuse."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import FrozenInstanceError, dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule import nn, ops
from chainrule.backends.reference import evaluate
from chainrule.errors import OptionError, TypeRuleError
from chainrule.ir import B, Program, Type
from chainrule.nn import ACTIVATIONS, Context, Dense, Dropout, Sequential, mlp
from chainrule.nn.layers import INFERENCE


def traced(net: Any, x: str = "f32[B,4]", context: Context = INFERENCE) -> Program:
    return ops.trace(lambda params, x: net(params, x, context), net.init(), x)


def shapes(net: Sequential) -> dict[str, tuple[int, ...]]:
    assert {path: shape for path, (_, shape) in net.parameters().items()} == {path: array.shape for path, array in net.init().items()}
    return {path: array.shape for path, array in net.init().items()}


@dataclass(frozen=True)
class Scale:
    """A layer of somebody's own: x times a learned number for each column."""

    columns: int

    def parameters(self) -> Mapping[str, Any]:
        return {"factor": (nn.constant(1.0), (self.columns,))}

    def __call__(self, params: Mapping[str, Any], x: Any, context: Context = INFERENCE) -> Any:
        return ops.named(x * params["factor"], "scaled")


# parameters


def test_parameter_paths_and_shapes() -> None:
    assert shapes(mlp(4, [5, 6], 3)) == {
        "hidden_1.weight": (4, 5),
        "hidden_1.bias": (5,),
        "hidden_2.weight": (5, 6),
        "hidden_2.bias": (6,),
        "output.weight": (6, 3),
        "output.bias": (3,),
    }
    assert shapes(mlp(4, [], 3)) == {"output.weight": (4, 3), "output.bias": (3,)}
    assert shapes(mlp(4, [5], 1, bias=None)) == {"hidden_1.weight": (4, 5), "output.weight": (5, 1)}
    assert shapes(Sequential([Dense(2, 3), Scale(3), Dense(3, 1)])) == {
        "layer_1.weight": (2, 3),
        "layer_1.bias": (3,),
        "layer_2.factor": (3,),
        "layer_3.weight": (3, 1),
        "layer_3.bias": (1,),
    }


def test_dropout_stands_after_each_hidden_layer() -> None:
    net = mlp(4, [5, 6], 3, dropout=0.25)
    assert list(net.layers) == ["hidden_1", "dropout_1", "hidden_2", "dropout_2", "output"]
    assert net.layers["dropout_2"] == Dropout(0.25)
    assert shapes(net) == shapes(mlp(4, [5, 6], 3))
    assert list(mlp(4, [5], 3, dropout=0).layers) == ["hidden_1", "output"]


def test_the_initializers_go_where_they_are_sent() -> None:
    params = mlp(4, [5], 3, weight=nn.constant(2.0), bias=nn.constant(3.0)).init()
    assert {path: set(array.ravel()) for path, array in params.items()} == {
        "hidden_1.weight": {2.0},
        "hidden_1.bias": {3.0},
        "output.weight": {2.0},
        "output.bias": {3.0},
    }
    params = mlp(4, [5], 3, output_weight=nn.given(np.ones((5, 3)))).init()
    assert (params["output.weight"] == 1.0).all()
    assert len(np.unique(params["hidden_1.weight"])) == 20
    assert not params["hidden_1.bias"].any()


def test_the_weight_suits_the_activation_unless_given() -> None:
    def spread(layer: Dense) -> float:
        make, shape = layer.parameters()["weight"]
        return float(make(np.random.default_rng(0), shape, "float64").var())

    assert spread(Dense(400, 100, "relu")) == pytest.approx(2 / 400, rel=0.05)
    assert spread(Dense(400, 100, "tanh")) == pytest.approx(2 / 500, rel=0.05)
    assert spread(Dense(400, 100, "selu")) == pytest.approx(1 / 400, rel=0.05)
    assert spread(Dense(400, 100)) == pytest.approx(2 / 500, rel=0.05)
    assert spread(Dense(400, 100, "relu", "lecun_uniform")) == pytest.approx(1 / 400, rel=0.05)


def test_layers_are_frozen_and_widths_are_pythons() -> None:
    layer = Dense(np.int64(3), np.int32(2))
    assert (type(layer.inputs), type(layer.outputs)) == (int, int)
    with pytest.raises(FrozenInstanceError):
        layer.inputs = 5  # type: ignore[misc] - that is the point
    assert layer == Dense(3, 2)


def test_a_network_is_not_changed_through_the_dict_it_was_made_of() -> None:
    layers = {"a": Dense(2, 2)}
    net = Sequential(layers)
    layers["b"] = Dense(2, 1)
    assert list(net.layers) == ["a"]


def test_the_type_of_x() -> None:
    assert mlp(4, [], 3).input_type() == Type("float32", (B, 4))
    assert Sequential({"inner": Sequential([Dropout(0.1), Dense(7, 2)])}).input_type("float64") == Type("float64", (B, 7))
    with pytest.raises(OptionError, match="give the type of x"):
        Sequential([Scale(3)]).input_type()


# equations


def by_hand(params: Mapping[str, np.ndarray], x: np.ndarray, activations: list[str]) -> np.ndarray:
    for number, name in enumerate(activations, 1):
        x = ACTIVATIONS[name](x @ params[f"hidden_{number}.weight"] + params[f"hidden_{number}.bias"])
    return np.asarray(x @ params["output.weight"] + params["output.bias"])


@given(
    inputs=st.integers(1, 5),
    hidden=st.lists(st.tuples(st.integers(1, 6), st.sampled_from(sorted(ACTIVATIONS))), max_size=3),
    outputs=st.integers(1, 4),
    rows=st.integers(0, 5),
    dtype=st.sampled_from(["float32", "float64"]),
)
@settings(max_examples=60)
def test_a_network_is_its_equations(inputs: int, hidden: list[tuple[int, str]], outputs: int, rows: int, dtype: str) -> None:
    activations = [name for _, name in hidden]
    net = mlp(inputs, [width for width, _ in hidden], outputs, activation=activations, bias="normal")
    params = net.init(1, dtype)
    x = np.random.default_rng(2).normal(size=(rows, inputs)).astype(dtype)
    direct = net(params, x)
    assert direct.dtype == dtype
    assert direct.shape == (rows, outputs)
    assert np.array_equal(direct, by_hand(params, x, activations))
    program = ops.trace(net, params, Type(dtype, (B, inputs)))
    assert np.array_equal(direct, evaluate(program, params | {"x": x})["out"])


def test_one_activation_serves_all_layers_or_each_has_its_own() -> None:
    names = lambda net: [e.op.name for e in traced(net).equations if e.op.name not in ("matmul", "add")]  # noqa: E731 - said once
    assert names(mlp(4, [5, 5], 3, activation="tanh")) == ["tanh", "tanh"]
    assert names(mlp(4, [5, 5], 3, activation=("gelu", ops.sigmoid))) == ["gelu", "sigmoid"]
    assert names(mlp(4, [5, 5], 3, activation=ops.silu)) == ["silu", "silu"]
    assert names(mlp(4, [5], 3, activation="identity")) == []
    assert names(mlp(4, [], 3, activation="tanh")) == []


def test_every_equation_knows_its_layer_and_name() -> None:
    program = traced(mlp(4, [5], 3, activation="tanh"))
    assert [(e.layer, e.phase, e.outputs[0].name) for e in program.equations] == [
        ("hidden_1", "forward", "hidden_1.product"),
        ("hidden_1", "forward", "hidden_1.sum"),
        ("hidden_1", "forward", "hidden_1.output"),
        ("output", "forward", "output.product"),
        ("output", "forward", "output.output"),
    ]
    bare = traced(mlp(4, [5], 3, bias=None))
    assert [e.outputs[0].name for e in bare.equations] == ["hidden_1.sum", "hidden_1.output", "output.output"]
    text = " ".join(str(program).split())
    assert "hidden_1.sum: f32[B,5] = hidden_1.product + hidden_1.bias hidden_1.output: f32[B,5] = tanh(hidden_1.sum)" in text


def test_paths_of_nested_networks_are_joined() -> None:
    net = Sequential({"encoder": mlp(4, [3], 2), "head": Sequential({"inner": Sequential([Scale(2)])})})
    assert list(shapes(net)) == [
        "encoder.hidden_1.weight",
        "encoder.hidden_1.bias",
        "encoder.output.weight",
        "encoder.output.bias",
        "head.inner.layer_1.factor",
    ]
    program = traced(net)
    assert [e.layer for e in program.equations][-2:] == ["encoder.output", "head.inner.layer_1"]
    assert program.equations[-1].outputs[0].name == "head.inner.layer_1.scaled"
    params = net.init(5)
    inner = {path.removeprefix("encoder."): array for path, array in params.items() if path.startswith("encoder.")}
    x = np.ones((2, 4), np.float32)
    assert np.array_equal(net(params, x), net.layers["encoder"](inner, x) * params["head.inner.layer_1.factor"])


def test_names_that_begin_alike_are_kept_apart() -> None:
    net = Sequential({"a": Dense(2, 3), "a_b": Dense(3, 2), "aa": Dense(2, 1)})
    params = net.init()
    x = np.ones((2, 2), np.float32)
    step = x @ params["a.weight"] @ params["a_b.weight"] @ params["aa.weight"]
    np.testing.assert_allclose(net(params, x), step, rtol=1e-6)


def test_a_layer_of_ones_own_is_a_layer() -> None:
    net = Sequential({"first": Dense(4, 3, "tanh"), "scale": Scale(3)})
    params = net.init() | {"scale.factor": np.array([1, 2, 3], np.float32)}
    x = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    expected = np.tanh(x @ params["first.weight"]) * np.array([1, 2, 3], np.float32)
    np.testing.assert_allclose(net(params, x), expected, rtol=1e-6)


def test_other_parameters_do_not_disturb() -> None:
    net = mlp(2, [3], 1)
    params, x = net.init(), np.ones((1, 2), np.float32)
    assert np.array_equal(net(params | {"another.weight": np.ones(7)}, x), net(params, x))


# what is refused


@pytest.mark.parametrize("width", [0, -3, 2.0, True, "5", None, float("nan")])
def test_a_bad_width_is_refused_in_one_sentence(width: Any) -> None:
    for make in (
        lambda: Dense(width, 3),
        lambda: Dense(3, width),
        lambda: mlp(width, [4], 2),
        lambda: mlp(3, [4, width], 2),
        lambda: mlp(3, [4], width),
    ):
        with pytest.raises(OptionError) as caught:
            make()
        assert f"is {width!r} and must be a whole number of at least 1." in str(caught.value)


@pytest.mark.parametrize("hidden", [64, "64", None, {64}])
def test_hidden_is_a_list_of_widths(hidden: Any) -> None:
    with pytest.raises(OptionError, match=r"hidden is .* and must be a list of widths, such as \[64, 64\]"):
        mlp(3, hidden, 2)


def test_unknown_names_are_refused_when_the_layer_is_made() -> None:
    with pytest.raises(OptionError, match="Did you mean 'relu'"):
        mlp(3, [4], 2, activation="rellu")
    with pytest.raises(OptionError, match="Did you mean 'he_normal'"):
        Dense(3, 4, weight="he_norml")
    with pytest.raises(OptionError, match="Did you mean 'constant'"):
        mlp(3, [4], 2, bias="constnat")


def test_as_many_activations_as_hidden_layers() -> None:
    with pytest.raises(OptionError, match=r"2 activations \(relu, tanh\) are given for 3 hidden layers"):
        mlp(3, [4, 4, 4], 2, activation=["relu", "tanh"])


@pytest.mark.parametrize("rate", [-0.1, 1.0, 1.5, float("nan"), "0.1", None, True])
def test_a_bad_dropout_rate_is_refused(rate: Any) -> None:
    for make in (lambda: Dropout(rate), lambda: mlp(3, [4], 2, dropout=rate), lambda: mlp(3, [], 2, dropout=rate)):
        with pytest.raises(OptionError, match=r"the dropout rate is .* at least 0 and below 1"):
            make()


def test_a_network_is_made_of_layers() -> None:
    for layers in ([], {}):
        with pytest.raises(OptionError, match="one layer at least"):
            Sequential(layers)
    for what in ("relu", ops.relu, 3):
        with pytest.raises(OptionError, match=r"layer 'layer_2' is .* not a layer"):
            Sequential([Dense(2, 2), what])  # type: ignore[list-item] - that is the point
    for name in ("a.b", "", 3):
        with pytest.raises(OptionError, match="without dots"):
            Sequential({name: Dense(2, 2)})  # type: ignore[dict-item] - that is the point


def test_a_missing_parameter_is_named_by_its_path() -> None:
    net = Sequential({"encoder": mlp(4, [3], 2), "head": Dense(2, 1)})
    x = np.ones((1, 4), np.float32)
    for path, params in ((path, net.init()) for path in net.parameters()):
        del params[path]
        with pytest.raises(TypeRuleError, match=f"^parameter '{path}' is missing.$"):
            net(params, x)


def test_a_wrong_width_names_the_layer_and_shows_the_chain_of_shapes() -> None:
    net = Sequential({"first": Dense(4, 5, "relu"), "second": Dense(6, 2)})
    with pytest.raises(TypeRuleError) as caught:
        traced(net)
    assert str(caught.value) == (
        "layer second: matmul: f32[B,5] @ f32[6,2]: the inner sizes 5 and 6 differ. Shapes: x f32[B,4] → first f32[B,5] → second fails."
    )
    with pytest.raises(TypeRuleError) as caught:
        net(net.init(), np.ones((3, 7), np.float32))
    assert str(caught.value).startswith("layer first: matmul: f32[3,7] @ f32[4,5]: the inner sizes 7 and 4 differ.")
    assert str(caught.value).endswith("Shapes: x f32[3,7] → first fails.")


def test_inside_a_nested_network_the_whole_path_is_named() -> None:
    net = Sequential({"encoder": Sequential({"a": Dense(4, 5), "b": Dense(4, 2)}), "head": Dense(2, 1)})
    with pytest.raises(TypeRuleError) as caught:
        traced(net)
    assert str(caught.value).startswith("layer encoder.b: matmul: f32[B,5] @ f32[4,2]")
    assert str(caught.value).count("Shapes:") == 1


@pytest.mark.parametrize("x", ["f64[B,4]", "i64[B,4]", "bool[B,4]", "f32[4]", "f32[]"])
def test_a_wrong_type_of_x_is_refused(x: str) -> None:
    with pytest.raises(TypeRuleError, match=r"layer hidden_1: matmul: .*Shapes: x ") as caught:
        traced(mlp(4, [5], 3), x)
    assert x in str(caught.value)


def test_a_parameter_of_another_dtype_is_refused() -> None:
    net = mlp(4, [5], 3)
    params = net.init() | {"output.bias": np.zeros(3)}
    with pytest.raises(TypeRuleError, match=r"layer output: add: .*f32\[2,3\] and f64\[3\]"):
        net(params, np.ones((2, 4), np.float32))
