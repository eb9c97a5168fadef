"""The activation functions and their derivatives against PyTorch's, extreme inputs included."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F  # noqa: N812 - everybody's name for it

from chainrule import ops
from chainrule.backends.reference import evaluate
from chainrule.errors import OptionError
from chainrule.ir import B, Type
from chainrule.nn import ACTIVATIONS, INITIALIZERS, activation
from chainrule.nn.activations import activation_name, elu, leaky_relu, suited_initializer
from chainrule.transforms import reverse

PAIRS: dict[str, tuple[Callable[[Any], Any], Callable[[torch.Tensor], torch.Tensor]]] = {
    "identity": (ACTIVATIONS["identity"], lambda x: 1.0 * x),
    "relu": (ACTIVATIONS["relu"], F.relu),
    "leaky_relu": (ACTIVATIONS["leaky_relu"], F.leaky_relu),
    "leaky_relu, slope 0.2": (partial(leaky_relu, slope=0.2), partial(F.leaky_relu, negative_slope=0.2)),
    "elu": (ACTIVATIONS["elu"], F.elu),
    "elu, alpha 0.7": (partial(elu, alpha=0.7), partial(F.elu, alpha=0.7)),
    "selu": (ACTIVATIONS["selu"], F.selu),
    "gelu": (ACTIVATIONS["gelu"], F.gelu),
    "silu": (ACTIVATIONS["silu"], F.silu),
    "mish": (ACTIVATIONS["mish"], F.mish),
    "softplus": (ACTIVATIONS["softplus"], partial(F.softplus, threshold=40)),  # beyond it PyTorch takes x for softplus(x)
    "softsign": (ACTIVATIONS["softsign"], F.softsign),
    "sigmoid": (ACTIVATIONS["sigmoid"], torch.sigmoid),
    "tanh": (ACTIVATIONS["tanh"], torch.tanh),
}
EXTREME = np.array([0.0, 1e-30, 1e-6, 20, 30, 50, 89, 104, 700, 1e4])
FINITE = np.concatenate([np.linspace(-9, 9, 1201), EXTREME, -EXTREME])
ENDLESS = np.array([np.inf, -np.inf, np.nan])
TOLERANCE = {"float64": 1e-14, "float32": 2e-6}


def ours(function: Callable[[Any], Any], x: np.ndarray, cotangent: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    program = ops.trace(lambda x: function(x), Type(x.dtype.name, (B,)))
    out = evaluate(reverse(program, ["x"], of="out", cotangent="cotangent"), {"x": x, "cotangent": cotangent})
    assert out["out"].dtype == out["d_x"].dtype == x.dtype
    return out["out"], out["d_x"]


def theirs(function: Callable[[torch.Tensor], torch.Tensor], x: np.ndarray, cotangent: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    leaf = torch.tensor(x, requires_grad=True)
    value = function(leaf)
    value.backward(torch.tensor(cotangent))
    return value.detach().numpy(), leaf.grad.numpy()  # type: ignore[union-attr] - backward has set it


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", PAIRS)
def test_value_and_derivative_are_pytorchs(name: str, dtype: str) -> None:
    x = FINITE.astype(dtype)
    cotangent = np.linspace(0.5, 1.5, len(x)).astype(dtype)
    for mine, other in zip(ours(PAIRS[name][0], x, cotangent), theirs(PAIRS[name][1], x, cotangent), strict=True):
        np.testing.assert_allclose(mine, other, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", PAIRS)
def test_infinities_and_nan_are_pytorchs(name: str, dtype: str) -> None:
    value, _ = ours(PAIRS[name][0], ENDLESS.astype(dtype), np.ones(3, dtype))
    expected, _ = theirs(PAIRS[name][1], ENDLESS, np.ones(3))
    np.testing.assert_allclose(value, expected, rtol=TOLERANCE[dtype])
    assert np.isnan(value[2])


@pytest.mark.parametrize("name", ["relu", "leaky_relu", "elu", "selu", "softplus", "sigmoid", "tanh", "softsign"])
def test_the_derivatives_at_the_infinities_are_the_limits(name: str) -> None:
    _, slope = ours(PAIRS[name][0], ENDLESS[:2], np.ones(2))
    far = {"relu": (1, 0), "leaky_relu": (1, 0.01), "elu": (1, 0), "selu": (1.0507009873554805, 0), "softplus": (1, 0)}
    assert slope.tolist() == pytest.approx(far.get(name, (0, 0)), rel=1e-14)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_arrays_give_what_the_program_gives(name: str) -> None:
    x = np.array([[1e4, -1e4, 0.3], [-0.7, 2.0, 0.0]], np.float32)  # nothing warns of an overflow on the way
    for function in (ACTIVATIONS[name], activation(name)):
        assert np.array_equal(function(x).ravel(), ours(function, x.ravel(), np.ones(6, np.float32))[0])


def test_every_activation_has_its_witness_and_an_initializer() -> None:
    assert PAIRS.keys() >= ACTIVATIONS.keys()
    assert {suited_initializer(name) for name in ACTIVATIONS} <= INITIALIZERS.keys()
    assert [suited_initializer(name) for name in ("tanh", "identity", "relu", "gelu", "selu")] == [
        "glorot_uniform",
        "glorot_uniform",
        "he_normal",
        "he_normal",
        "lecun_normal",
    ]
    assert suited_initializer(ops.tanh) == "glorot_uniform"


def test_a_function_is_its_own_activation() -> None:
    own = lambda x: x * x  # noqa: E731 - a function without a name
    assert activation(own) is own


def test_activations_know_their_names() -> None:
    assert [activation_name(f) for f in ACTIVATIONS.values()] == list(ACTIVATIONS)
    assert activation_name(partial(leaky_relu, slope=0.3)) == "leaky_relu"
    assert activation_name("gelu") == "gelu"


@pytest.mark.parametrize(("name", "near"), [("Relu", "relu"), ("leakyrelu", "leaky_relu"), ("sigmoit", "sigmoid")])
def test_an_unknown_name_is_answered_with_the_nearest(name: str, near: str) -> None:
    with pytest.raises(OptionError, match=f"'{name}' is not an activation; choose one of identity, .*Did you mean '{near}'"):
        activation(name)


@pytest.mark.parametrize("name", [None, 3, ["relu"], True])
def test_what_is_no_name_is_refused(name: Any) -> None:
    with pytest.raises(OptionError, match="is not an activation"):
        activation(name)
