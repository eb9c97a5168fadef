"""Dropout: what is kept, what stays the same, and what does not."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule import ops
from chainrule.backends.reference import evaluate
from chainrule.errors import OptionError, TypeRuleError
from chainrule.ir import B, Program, Type
from chainrule.nn import Context, Dense, Dropout, Sequential, mlp
from chainrule.nn.context import purpose
from chainrule.transforms import retype, reverse, value_and_grad

KEY = {"seed": 3, "epoch": 1, "step": 2}


def program(rate: float, dtype: str = "float32", columns: int = 8, layer: str = "dropout_1") -> Program:
    def apply(x: object, seed: object, epoch: object, step: object) -> object:
        return Sequential({layer: Dropout(rate)})({}, x, Context(training=True, key=(seed, epoch, step)))

    return ops.trace(apply, Type(dtype, (B, columns)), "u32[]", "u32[]", "u32[]")


def dropped(made: Program, x: np.ndarray, **key: int) -> np.ndarray:
    return evaluate(made, {"x": x} | {name: np.asarray(number, np.uint32) for name, number in (KEY | key).items()})["out"]


def mask(made: Program, rows: int = 500, columns: int = 8, **key: int) -> np.ndarray:
    dtype = made.input("x").type.dtype
    return dropped(made, np.ones((rows, columns), dtype), **key) != 0


def agreement(one: np.ndarray, other: np.ndarray) -> float:
    return float((one == other).mean())


@given(st.floats(0.01, 0.99), st.integers(0, 2**32 - 1), st.sampled_from(["float32", "float64"]))
@settings(max_examples=25)
def test_the_share_and_the_mean_are_kept(rate: float, seed: int, dtype: str) -> None:
    x = np.full((5000, 4), 3.0, dtype)
    y = dropped(program(rate, dtype, 4), x, seed=seed)
    assert y.dtype == dtype
    kept = y != 0
    error = math.sqrt(rate * (1 - rate) / x.size)
    assert abs(kept.mean() - (1 - rate)) < 5.5 * error
    np.testing.assert_allclose(y[kept], 3.0 / (1 - rate), rtol=4 * np.finfo(dtype).eps)
    assert abs(y.mean() - 3.0) < 3.0 * 5.5 * error / (1 - rate)


def test_columns_and_rows_are_independent() -> None:
    kept = mask(program(0.5, columns=9), 20_000, 9).astype(float)
    correlations = np.corrcoef(kept.T) - np.eye(9)
    assert np.abs(correlations).max() < 5 / math.sqrt(20_000)
    assert abs(np.corrcoef(kept[1:].ravel(), kept[:-1].ravel())[0, 1]) < 5 / math.sqrt(180_000)


def test_a_small_rate_drops_hardly_anything() -> None:
    assert mask(program(1e-12)).all()


def test_the_mask_is_the_same_in_every_float_type() -> None:
    single, double = program(0.4, "float32"), program(0.4, "float64")
    expected = mask(single)
    assert 0.5 < expected.mean() < 0.7
    assert np.array_equal(expected, mask(double))
    assert np.array_equal(expected, mask(retype(single, "float64")))
    assert np.array_equal(expected, mask(retype(double, "float32")))
    assert np.array_equal(expected, mask(retype(single, "complex128")))


def test_the_same_key_drops_the_same() -> None:
    made = program(0.5)
    assert np.array_equal(mask(made), mask(made))


@pytest.mark.parametrize("key", [{"step": 3}, {"epoch": 2}, {"seed": 4}, {"step": 2**32 - 1}, {"epoch": 2, "step": 1}])
def test_another_step_epoch_or_seed_drops_others(key: dict[str, int]) -> None:
    made = program(0.5)
    assert 0.45 < agreement(mask(made), mask(made, **key)) < 0.55


def test_another_layer_drops_others() -> None:
    assert 0.45 < agreement(mask(program(0.5)), mask(program(0.5, layer="dropout_2"))) < 0.55
    net = Sequential({"a": Sequential({"drop": Dropout(0.5)}), "b": Sequential({"drop": Dropout(0.5)})})
    ones = np.ones((500, 8), np.float32)
    context = Context(training=True, key=(0, 0, 0))
    one, other = (net.layers[name]({}, ones, context.at(name)) for name in ("a", "b"))
    assert 0.45 < agreement(one, other) < 0.55
    both = net({}, ones, context)  # a network hands each layer its own path
    assert np.array_equal(both, one * other)


def test_no_two_layers_of_a_deep_network_share_their_bits() -> None:
    paths = [
        f"{block}.{kind}_{number}" for block in ("encoder", "decoder", "head") for kind in ("dropout", "layer") for number in range(200)
    ]
    assert len({purpose(path) for path in paths}) == len(paths)


@given(st.integers(1, 40), st.integers(1, 13))
@settings(max_examples=25)
def test_a_row_draws_the_same_in_a_batch_of_any_length(rows: int, columns: int) -> None:
    made = program(0.5, columns=columns)
    assert np.array_equal(mask(made, rows, columns), mask(made, 40, columns)[:rows])


def test_a_column_draws_the_same_in_a_layer_of_any_width() -> None:
    assert np.array_equal(mask(program(0.5, columns=6), 50, 6), mask(program(0.5, columns=11), 50, 11)[:, :6])


def test_in_inference_nothing_is_dropped() -> None:
    x = np.random.default_rng(0).normal(size=(5, 3))
    assert Dropout(0.9)({}, x) is x
    net = mlp(3, [4], 2, dropout=0.5)
    made = ops.trace(net, net.init(), "f32[B,3]")
    assert "random_bits" not in {e.op.name for e in made.equations}


def test_a_rate_of_zero_drops_nothing_and_draws_nothing() -> None:
    x = np.ones((5, 3))
    assert Dropout(0.0)({}, x, Context(training=True)) is x


def test_without_a_key_the_layer_is_named() -> None:
    net = Sequential({"block": mlp(3, [4], 2, dropout=0.5)})
    with pytest.raises(OptionError, match=r"layer block\.dropout_1 draws random numbers in training and needs a key"):
        net(net.init(), np.ones((2, 3), np.float32), Context(training=True))


def test_a_key_may_be_three_numbers() -> None:
    expected = mask(program(0.5), 9)
    layer, context = Sequential({"dropout_1": Dropout(0.5)}), Context(training=True, key=(3, 1, 2))
    assert np.array_equal(layer({}, np.ones((9, 8), np.float32), context) != 0, expected)
    made = ops.trace(lambda x: layer({}, x, context), "f32[B,8]")
    assert np.array_equal(evaluate(made, {"x": np.ones((9, 8), np.float32)})["out"] != 0, expected)


def test_only_rows_of_columns_are_dropped() -> None:
    context = Context(training=True, key=(0, 0, 0))
    with pytest.raises(TypeRuleError, match=r"layer dropout: random_bits: .*Shapes: x f32"):
        Sequential({"dropout": Dropout(0.5)})({}, np.ones((2, 3, 4), np.float32), context)


def test_the_gradient_goes_through_what_was_kept() -> None:
    made = program(0.25, "float64")
    backward = reverse(made, ["x"], of="out", cotangent="cotangent")
    x, cotangent = np.random.default_rng(1).normal(size=(2, 6, 8))
    key = {name: np.asarray(number, np.uint32) for name, number in KEY.items()}
    gradient = evaluate(backward, {"x": x, "cotangent": cotangent} | key)["d_x"]
    np.testing.assert_allclose(gradient, cotangent * mask(made, 6) / 0.75, rtol=1e-15)


def test_infinities_that_are_dropped_leave_no_trace() -> None:
    made = program(0.5, "float64")
    x = np.where(mask(made, 6), 1.0, np.inf)
    assert set(dropped(made, x).ravel()) == {0.0, 2.0}
    _, gradient = value_and_grad(lambda x: ops.sum(Sequential({"dropout_1": Dropout(0.5)})({}, x, Context(True, (3, 1, 2))) * 3.0))(x)
    assert set(gradient.ravel()) == {0.0, 6.0}


def test_the_listing_shows_bits_mask_and_scale() -> None:
    text = " ".join(str(program(0.2)).split())
    for line in (
        "dropout_1.kept: bool[B,8] = dropout_1.bits < 3435973837",
        "dropout_1.scaled: f32[B,8] = x * 1.25",
        "dropout_1.output: f32[B,8] = where(dropout_1.kept, dropout_1.scaled, 0)",
    ):
        assert line in text


def test_a_network_with_dropout_trains_what_inference_uses() -> None:
    net = Sequential({"hidden": Dense(3, 50, "tanh"), "dropout": Dropout(0.5), "output": Dense(50, 1)})
    params, x = net.init(0, "float64"), np.random.default_rng(0).normal(size=(4, 3))
    drawn = np.mean([net(params, x, Context(True, (0, 0, step))) for step in range(3000)], axis=0)
    np.testing.assert_allclose(drawn, net(params, x), atol=0.1)
