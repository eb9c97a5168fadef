"""Gradients of Python functions, and gradients of those."""

from __future__ import annotations

import re

import numpy as np
import pytest

from chainrule import ops
from chainrule.errors import DerivativeError
from chainrule.transforms import grad, value_and_grad


def test_the_structure_of_the_first_argument_is_the_gradient_s():
    def loss(params, x, scale=2.0):
        h = ops.tanh(x @ params["layers"][0] + params["layers"][1])
        return ops.mean(h * h) * params["gain"] * scale

    params = {"layers": (np.ones((3, 2), np.float32), np.zeros(2, np.float32)), "gain": np.array(0.5, np.float32)}
    value, gradient = value_and_grad(loss)(params, np.ones((4, 3), np.float32))
    assert np.shape(value) == () and value.dtype == np.float32
    assert isinstance(gradient["layers"], tuple) and list(gradient) == ["layers", "gain"]
    for got, given in (
        (gradient["layers"][0], params["layers"][0]),
        (gradient["layers"][1], params["layers"][1]),
        (gradient["gain"], params["gain"]),
    ):
        assert got.shape == given.shape and got.dtype == given.dtype
    np.testing.assert_allclose(gradient["gain"] * params["gain"], value, rtol=1e-6)


def test_keys_may_be_named_like_arguments():
    def loss(params, batch, x):
        return ops.sum(params["x"] * batch["x"] * x)

    np.testing.assert_array_equal(grad(loss)({"x": np.ones(2)}, {"x": np.arange(2.0)}, 3.0)["x"], [0.0, 3.0])


@pytest.mark.parametrize("function", [lambda x: x**4, lambda x: ops.sin(x) * ops.exp(x), lambda x: ops.gelu(x), lambda x: 1 / (1 + x * x)])
def test_once_twice_and_three_times(function):
    x, h = 0.7, 1e-30
    for order in range(3):
        lower = function
        for _ in range(order):
            lower = grad(lower)
        expected = lower(np.array(x + 1j * h)).imag / h if order == 0 else None
        got = grad(lower)(x)
        if order == 0:
            np.testing.assert_allclose(got, expected, rtol=1e-14)
        else:
            step = 1e-5
            np.testing.assert_allclose(got, (lower(x + step) - lower(x - step)) / (2 * step), rtol=1e-8)


def test_exact_derivatives_of_a_polynomial():
    cube = lambda x: x**3  # noqa: E731
    assert [float(f(2.0)) for f in (cube, grad(cube), grad(grad(cube)), grad(grad(grad(cube))))] == [8.0, 12.0, 12.0, 6.0]
    assert float(grad(grad(grad(grad(cube))))(2.0)) == 0.0


def test_a_hessian_row_by_row():
    def rosenbrock(x):
        return ops.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)

    x = np.array([1.2, 0.8, -0.5])
    rows = [grad(lambda x, i=i: grad(rosenbrock)(x)[i])(x) for i in range(3)]
    expected = np.zeros((3, 3))
    for i in range(2):
        expected[i, i] += 1200 * x[i] ** 2 - 400 * x[i + 1] + 2
        expected[i + 1, i + 1] += 200
        expected[i, i + 1] = expected[i + 1, i] = -400 * x[i]
    np.testing.assert_allclose(rows, expected, rtol=1e-13)


def test_a_gradient_penalty():
    def loss(w, x):
        return ops.sum(ops.tanh(x @ w))

    def penalized(w, x):
        slope = grad(lambda x, w: loss(w, x))(x, w)
        return ops.sum(slope * slope)

    w, x = np.random.default_rng(0).normal(size=(3, 2)), np.random.default_rng(1).normal(size=(4, 3))
    got, h = grad(penalized)(w, x), 1e-30
    for index in np.ndindex(w.shape):
        z = w.astype(complex)
        z[index] += 1j * h
        slope = (1 - np.tanh(x @ z) ** 2) @ z.T
        np.testing.assert_allclose(got[index], np.sum(slope * slope).imag / h, rtol=1e-12)


@pytest.mark.parametrize(
    ("function", "x", "message"),
    [
        (lambda x: x, np.ones(3), "'out' has type f64[3]; a gradient belongs to a scalar, so take a sum or mean"),
        (lambda x: ops.sum(x), np.arange(3), "'x' has type i64[3]; only floats have gradients"),
        (lambda x: x * 1, 2, "'x' has type i64[]; only floats have gradients"),
        (lambda x: (x, x), 1.0, "the function returned 2 values; its gradient is defined for one scalar"),
        (lambda x: {"loss": x}, 1.0, "the function returned 1 values"),
        (lambda x: ops.less(x, 1.0), 1.0, "'out' has type bool[]; only floats have gradients"),
    ],
)
def test_wrong_uses(function, x, message):
    with pytest.raises(DerivativeError, match=re.escape(message)):
        grad(function)(x)


def test_a_function_that_does_not_depend_on_its_argument():
    np.testing.assert_array_equal(grad(lambda x: 1.5)(np.ones(3)), np.zeros(3))


def test_gradients_belong_to_the_caller():
    gradient = grad(lambda params: ops.sum(params["a"]))({"a": np.ones(3), "b": np.ones((2, 2))})
    gradient["a"] += 1.0
    gradient["b"] += 1.0
    np.testing.assert_array_equal(gradient["b"], np.ones((2, 2)))
