"""Initial weights: their distributions, their seeds, their errors."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule import nn
from chainrule.errors import OptionError
from chainrule.nn import INITIALIZERS, Initializer, initializers

INPUTS, OUTPUTS = 300, 200


def drawn(make: Initializer, shape: tuple[int, ...] = (INPUTS, OUTPUTS), dtype: str = "float64", seed: int = 0) -> np.ndarray:
    return make(np.random.default_rng(seed), shape, dtype)


VARIANCES: dict[str, tuple[Initializer, float]] = {
    "glorot_uniform": (nn.glorot_uniform(), 2 / (INPUTS + OUTPUTS)),
    "glorot_normal": (nn.glorot_normal(), 2 / (INPUTS + OUTPUTS)),
    "he_uniform": (nn.he_uniform(), 2 / INPUTS),
    "he_normal": (nn.he_normal(), 2 / INPUTS),
    "lecun_uniform": (nn.lecun_uniform(), 1 / INPUTS),
    "lecun_normal": (nn.lecun_normal(), 1 / INPUTS),
    "normal": (nn.normal(0.3), 0.09),
    "uniform": (nn.uniform(-0.6, 0.6), 0.12),
}


@pytest.mark.parametrize("name", VARIANCES)
def test_mean_variance_and_shape_of_the_distribution(name: str) -> None:
    make, variance = VARIANCES[name]
    x = drawn(make)
    normal = "normal" in name
    fourth = 3.0 if normal else 1.8  # the fourth moment of the normal and of the uniform distribution, in squared variances
    number = x.size
    assert abs(x.mean()) < 5 * math.sqrt(variance / number)
    assert abs(x.var() / variance - 1) < 5 * math.sqrt((fourth - 1) / number)
    assert abs((x**4).mean() / variance**2 - fourth) < 0.1
    bound = math.sqrt(3 * variance)
    if normal:
        assert np.abs(x).max() > 1.5 * bound
    else:
        assert 0.999 * bound < np.abs(x).max() <= bound


def test_normal_and_uniform_take_a_middle() -> None:
    x = drawn(nn.normal(0.5, mean=3.0))
    assert abs(x.mean() - 3.0) < 5 * 0.5 / math.sqrt(x.size)
    assert abs(x.std() - 0.5) < 0.01
    x = drawn(nn.uniform(2.0, 5.0))
    assert 2.0 <= x.min() < 2.001
    assert 4.999 < x.max() <= 5.0


def test_a_constant_is_the_same_everywhere() -> None:
    assert np.array_equal(drawn(nn.constant(0.25), (3, 2)), np.full((3, 2), 0.25))
    assert not drawn(nn.constant(), (4,)).any()


@pytest.mark.parametrize("gain", [1.0, 1.7])
@pytest.mark.parametrize("shape", [(7, 7), (20, 6), (6, 20), (1, 5), (5, 1)])
def test_orthogonal_columns_or_rows(shape: tuple[int, int], gain: float) -> None:
    weight = drawn(nn.orthogonal(gain), shape)
    product = weight.T @ weight if shape[0] >= shape[1] else weight @ weight.T
    np.testing.assert_allclose(product, gain**2 * np.eye(min(shape)), atol=1e-14)


def test_no_direction_is_preferred_by_orthogonal() -> None:
    matrices = np.stack([drawn(nn.orthogonal(), (2, 2), seed=seed) for seed in range(2000)])
    turned = np.arctan2(matrices[:, 1, 0], matrices[:, 0, 0])
    counts, _ = np.histogram(turned, bins=8, range=(-np.pi, np.pi))
    assert ((counts - 250) ** 2 / 250).sum() < 24.3  # χ² with 7 degrees of freedom, 1 in 1000
    assert 900 < (np.linalg.det(matrices) > 0).sum() < 1100


def test_orthogonal_makes_matrices_only() -> None:
    with pytest.raises(OptionError, match=r"the parameter has shape \(4,\)"):
        drawn(nn.orthogonal(), (4,))


def test_a_bias_can_be_drawn_from_every_other_initializer() -> None:
    for name in INITIALIZERS.keys() - {"orthogonal"}:
        assert drawn(INITIALIZERS[name](), (5,)).shape == (5,)


def test_given_numbers_are_taken_as_they_are() -> None:
    array = np.array([[1, 2, 3], [4, 5, 6]])
    made = drawn(nn.given(array), (2, 3), "float32")
    assert made.dtype == np.float32
    assert np.array_equal(made, array)
    made[0, 0] = 99.0
    assert array[0, 0] == 1
    own = np.ones((2, 3), np.float32)
    assert drawn(nn.given(own), (2, 3), "float32") is not own  # training must not write into the caller's array
    with pytest.raises(OptionError, match=r"have shape \(2, 3\); the parameter has shape \(3, 2\)"):
        drawn(nn.given(array), (3, 2))


MADE: dict[str, Callable[[], Initializer]] = {**INITIALIZERS, "given": lambda: nn.given(np.ones((4, 3)))}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", MADE)
def test_dtype_shape_and_layout(name: str, dtype: str) -> None:
    array = drawn(MADE[name](), (4, 3), dtype)
    assert array.dtype == dtype
    assert array.shape == (4, 3)
    assert array.flags.writeable


@given(st.integers(0, 2**64 - 1), st.sampled_from(["float32", "float64"]))
@settings(max_examples=20)
def test_a_seed_gives_the_same_weights_again(seed: int, dtype: str) -> None:
    net = nn.mlp(5, [4, 3], 2)
    one, again, other = net.init(seed, dtype), net.init(seed, dtype), net.init((seed + 1) % 2**64, dtype)
    for path, array in one.items():
        assert array.dtype == dtype
        assert np.array_equal(array, again[path])
        assert path.endswith(".bias") or not np.isin(array, other[path]).any()


def test_the_dtype_does_not_change_the_draw() -> None:
    net = nn.mlp(5, [4], 2)
    single, double = net.init(7, "float32"), net.init(7, "float64")
    assert all(np.array_equal(single[path], double[path].astype(np.float32)) for path in single)


def test_every_parameter_has_its_own_stream() -> None:
    short = nn.mlp(4, [6], 6).init(3)
    long = nn.mlp(4, [6, 6, 6], 6, dropout=0.1).init(3)
    assert np.array_equal(short["hidden_1.weight"], long["hidden_1.weight"])
    assert np.array_equal(short["output.weight"], long["output.weight"])
    layers = [long[f"{name}.weight"].ravel() for name in ("hidden_1", "hidden_2", "hidden_3", "output")]
    assert len(np.unique(np.concatenate(layers))) == sum(layer.size for layer in layers)
    biased = nn.mlp(4, [6], 6, bias="normal").init(3)
    assert np.array_equal(short["hidden_1.weight"], biased["hidden_1.weight"])
    assert biased["hidden_1.bias"].any()


def test_the_first_weights_of_seed_0_stay_what_they_are() -> None:
    """A run is repeated from its seed by a later version too."""
    weight = nn.mlp(2, [2], 1).init(0, "float64")["hidden_1.weight"]
    np.testing.assert_allclose(weight, FIRST, rtol=1e-14)


FIRST = np.array([[-0.8316375449214323, 0.0030207949905663336], [-0.8543536902187432, -0.8737129097683674]])


@pytest.mark.parametrize("seed", [-1, 2**64, 0.5, "0", None, True])
def test_a_bad_seed_is_refused(seed: object) -> None:
    with pytest.raises(OptionError, match=r"the seed is .* whole number from 0"):
        nn.mlp(2, [2], 1).init(seed)  # type: ignore[arg-type] - that is the point


@pytest.mark.parametrize("dtype", ["float16", "int32", "f32", "complex128"])
def test_a_bad_dtype_is_refused(dtype: str) -> None:
    with pytest.raises(OptionError, match=f"'{dtype}' and must be 'float32' or 'float64'"):
        nn.mlp(2, [2], 1).init(0, dtype)


def test_an_unknown_initializer_is_answered_with_the_nearest() -> None:
    for name, near in (("he-normal", "he_normal"), ("Orthogonal", "orthogonal"), ("xavier_glorot_uniform", "glorot_uniform")):
        with pytest.raises(OptionError, match=f"'{name}' is not an initializer; choose one of glorot_uniform, .*Did you mean '{near}'"):
            initializers.initializer(name)
    for nothing in (3, None, ["normal"]):
        with pytest.raises(OptionError, match="is not an initializer"):
            initializers.initializer(nothing)  # type: ignore[arg-type] - that is the point
