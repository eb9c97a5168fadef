"""One line for each derivative rule; see ``check_vjp``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from chainrule import ops
from chainrule.backends.reference import evaluate
from chainrule.ir import B, Batch
from chainrule.ops import OPERATIONS
from chainrule.ops.primitive import NOWHERE
from chainrule.transforms import reverse
from ops.derivatives import check_vjp


@dataclass(frozen=True)
class Case:
    operation: str
    types: tuple[str, ...]
    attributes: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.operation}-{','.join(self.types)}-{'-'.join(map(str, self.attributes.values()))}"


def case(operation: str, *types: str, given: Any = None, domain: Any = None, by: str = "complex", **attributes: Any) -> Case:
    return Case(operation, types, attributes, {"given": given, "domain": domain, "by": by})


CASES = [
    # arithmetic, with every kind of broadcasting
    case("add", "f64[B,4]", "f64[B,4]"),
    case("add", "f64[B,4]", "f64[4]"),
    case("add", "f64[B,1]", "f64[1,4]"),
    case("subtract", "f64[2,1,3]", "f64[4,1]"),
    case("subtract", "f64[]", "f64[B]"),
    case("multiply", "f64[B,4]", "f64[B,1]"),
    case("multiply", "f64[B,2,3]", "f64[1,2,1]"),
    case("multiply", "f64[3]", "f64[]"),
    case("divide", "f64[B,3]", "f64[3]"),
    case("divide", "f64[1,3]", "f64[B,1]"),
    case("negative", "f64[B,3]"),
    case("power", "f64[B,3]", "f64[B,3]"),
    case("power", "f64[B,3]", "f64[]"),
    # elementary functions
    case("exp", "f64[B,3]"),
    case("expm1", "f64[B,3]"),
    case("log", "f64[B,3]"),
    case("log1p", "f64[B,3]"),
    case("sqrt", "f64[B,3]"),
    case("sin", "f64[B,3]"),
    case("cos", "f64[B,3]"),
    case("tanh", "f64[B,3]"),
    case("sigmoid", "f64[B,3]"),
    case("erf", "f64[B,7]"),
    case("erf", "f64[]"),
    case("normal_cdf", "f64[B,7]"),
    case("normal_pdf", "f64[B,7]"),
    # kinks, away from them
    case("abs", "f64[B,3]"),
    case("abs", "f64[5]", domain=((-2.0, -0.2),)),
    case("maximum", "f64[B,4]", "f64[4]"),
    case("maximum", "f64[]", "f64[B,4]"),
    case("minimum", "f64[B,4]", "f64[B,1]"),
    case("where", "bool[B,4]", "f64[B,4]", "f64[4]"),
    case("where", "bool[4]", "f64[B,1]", "f64[]"),
    case("where", "bool[]", "f64[B,2]", "f64[B,2]"),
    case("cast", "f64[B,3]", dtype="float64"),
    # products
    case("matmul", "f64[B,4]", "f64[4,3]"),
    case("matmul", "f64[4,B]", "f64[B,2]"),
    case("matmul", "f64[2,B,3]", "f64[2,3,2]"),
    case("matmul", "f64[B,2,3]", "f64[3,2]"),
    case("matmul", "f64[2,3]", "f64[B,3,1]"),
    case("matmul", "f64[B,1,2,3]", "f64[4,3,2]"),
    # reductions
    case("sum", "f64[B,4]", axes=(0,)),
    case("sum", "f64[B,4]", axes=(1,)),
    case("sum", "f64[B,2,3]", axes=(0, 2)),
    case("sum", "f64[B,2]", axes=(0, 1)),
    case("amax", "f64[B,4]", axes=(0,)),
    case("amax", "f64[B,4]", axes=(1,)),
    case("amax", "f64[2,B,3]", axes=(0, 2)),
    # shapes
    case("broadcast_to", "f64[4]", shape=(3, 4)),
    case("broadcast_to", "f64[B,1]", shape=(2, B, 3)),
    case("broadcast_to", "f64[]", shape=(3,)),
    case("reshape", "f64[B,2,3]", shape=(B, 6)),
    case("reshape", "f64[2B,3]", shape=(B, 6)),
    case("reshape", "f64[]", shape=(1, 1)),
    case("transpose", "f64[B,4]"),
    case("transpose", "f64[B,2,3]", axes=(1, 2, 0)),
    case("transpose", "f64[2,B,3]", axes=(-1, 0, 1)),
    case("concatenate", "f64[B,2]", "f64[B,3]", axis=1),
    case("concatenate", "f64[B,2]", "f64[B,2]", axis=0),
    case("concatenate", "f64[2]", "f64[1]", "f64[3]", axis=-1, domain=((-2.0, 2.0),) * 3),
    case("slice", "f64[B,5]", axis=1, start=1, stop=4),
    case("slice", "f64[3B,2]", axis=0, start=B, stop=Batch(2)),
    case("slice", "f64[2B,2]", axis=-2, start=0, stop=B),
    case("slice", "f64[5]", axis=0, start=2, stop=2),
    # places
    case("gather", "f64[5,2]", "i64[B]", given={1: [4, 0, 4]}),
    case("gather", "f64[5]", "u32[B,2]", given={1: [1, 1, 3, 0, 1, 4]}),
    case("gather", "f64[4,3]", "i32[]", given={1: 2}),
    case("scatter_add", "i64[B]", "f64[B,2]", given={0: [3, 1, 3]}, size=4),
    case("scatter_add", "i32[2,2]", "f64[2,2,3]", given={0: [3, 1, 1, 1]}, size=4),
    case("pick", "f64[B,4]", "i64[B]", given={1: [3, 0, 1]}),
    case("pick", "f64[B,4]", "i64[]", given={1: 2}),
    case("pick", "f64[2,B,4]", "u64[B]", given={1: [2, 0, 2]}),
    # composites
    case("relu", "f64[B,4]"),
    case("leaky_relu", "f64[B,4]", slope=0.01),
    case("elu", "f64[B,4]", alpha=1.3),
    case("selu", "f64[B,4]"),
    case("gelu", "f64[B,4]"),
    case("silu", "f64[B,4]"),
    case("softplus", "f64[B,4]"),
    case("mish", "f64[B,4]"),
    case("softsign", "f64[B,4]"),
    case("log_sum_exp", "f64[B,4]"),
    case("log_sum_exp", "f64[3]"),
    case("softmax", "f64[B,4]"),
    case("softmax", "f64[2,B,3]"),
    case("log_softmax", "f64[B,4]"),
    case("cross_entropy_of_labels", "f64[B,4]", "i64[B]", given={1: [3, 0, 3]}),
    case("cross_entropy_of_labels", "f64[B,2,3]", "u32[B,2]", given={1: [2, 0, 1, 1, 2, 2]}),
    case("cross_entropy_of_labels", "f64[B,4]", "i64[]", given={1: 1}),
    case("binary_cross_entropy_of_logits", "f64[B,4]", "f64[B,4]"),
    case("binary_cross_entropy_of_logits", "f64[B,4]", "f64[4]"),
]
DIFFERENTIABLE = {name for name, op in OPERATIONS.items() if op.domain is not NOWHERE}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_rule(case):
    check_vjp(case.operation, *case.types, attributes=case.attributes, **case.options)


FUNCTIONS = {
    "mean": lambda x: ops.mean(x, 0),
    "mean of all": lambda x: ops.mean(x),
    "keepdims": lambda x: x - ops.amax(x, (0, 2), keepdims=True) * ops.mean(x, (1, -1), keepdims=True),
    "repeated": lambda x: ops.broadcast_to(ops.sum(x, 0), shape=tuple(x.shape)) * x,
    "shared": lambda x: x * x + x / (1.0 + x * x),
    "indexed": lambda x: x[:, 0, None, :2] * x[..., 1:3] + x[:, -1:, :2],
    "one operand twice": lambda x: ops.concatenate([x, x, x * 2.0], axis=0),
    "squares": lambda x: x**2 + 2.0 ** ops.abs(x) - abs(x) ** 0.5,
    "normalized": lambda x: (x - ops.mean(x, 0, keepdims=True)) / ops.sqrt(ops.mean(x * x, 0, keepdims=True) + 1e-5),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_function(name):
    check_vjp(FUNCTIONS[name], "f64[B,2,3]")


@pytest.mark.parametrize("name", ["erf", "softmax", "gelu", "power", "amax"])
def test_the_complex_step_and_central_differences_agree(name):
    case = next(case for case in CASES if case.operation == name)
    check_vjp(case.operation, *case.types, attributes=case.attributes, by="difference")


def test_every_primitive_is_in_the_table_or_has_no_gradient():
    assert {case.operation for case in CASES} == DIFFERENTIABLE


# what has no gradient

CONSTANT = {
    "sign": (("f64[B]",), {}),
    "floor": (("f64[B]",), {}),
    "equal": (("f64[B]", "f64[B]"), {}),
    "not_equal": (("f64[B]", "f64[B]"), {}),
    "less": (("f64[B]", "f64[B]"), {}),
    "less_equal": (("f64[B]", "f64[B]"), {}),
    "is_finite": (("f64[B]",), {}),
    "argmax": (("f64[B,3]",), {"axis": 1}),
    "floor_divide": (("i64[B]", "i64[B]"), {}),
    "remainder": (("i64[B]", "i64[B]"), {}),
    "bitwise_and": (("bool[B]", "bool[B]"), {}),
    "bitwise_or": (("bool[B]", "bool[B]"), {}),
    "bitwise_xor": (("bool[B]", "bool[B]"), {}),
    "bitwise_not": (("bool[B]",), {}),
    "shift_left": (("u32[B]", "u32[B]"), {}),
    "shift_right": (("u32[B]", "u32[B]"), {}),
    "one_hot": (("i64[B]",), {"size": 3, "dtype": "float64"}),
    "random_bits": (("u32[]",) * 3, {"purpose": 1, "shape": (2, 3)}),
    "constant": ((), {"value": 1.5, "dtype": "float64"}),
    "dimension": ((), {"size": 4, "dtype": "float64"}),
    "iota": ((), {"size": 4, "dtype": "float64"}),
}


def test_every_primitive_without_gradient_is_in_the_other_table():
    assert set(CONSTANT) == set(OPERATIONS) - DIFFERENTIABLE


@pytest.mark.parametrize("name", CONSTANT)
def test_no_cotangent_comes_from_what_is_constant(name):
    types, attributes = CONSTANT[name]
    rule = []

    def function(*operands):
        op = OPERATIONS[name]
        out = op(*operands, **attributes)
        rule.append(op.vjp(out, out, *operands, **attributes))
        return out

    ops.trace(function, *types)
    assert rule == [(None,) * len(types)]


@pytest.mark.parametrize(
    "function",
    [
        ops.sign,
        ops.floor,
        lambda x: ops.cast(ops.less(x, 0.0), dtype="float64"),
        lambda x: ops.cast(ops.argmax(x, axis=0), dtype="float64"),
    ],
    ids=["sign", "floor", "less", "argmax"],
)
def test_the_gradient_through_what_is_constant_is_zero(function):
    program = ops.trace(lambda x: ops.sum(function(x)), "f64[B]")
    x = np.array([0.3, -1.2, 0.0])
    np.testing.assert_array_equal(evaluate(reverse(program, ["x"], of="out"), {"x": x})["d_x"], np.zeros(3))


# at the kinks, ties and ends


def gradient_at(function, x, cotangent=None):
    x = np.asarray(x, np.float64)
    program = reverse(ops.trace(lambda x: function(x), f"f64{list(x.shape)}"), ["x"], of="out", cotangent="u")
    u = np.ones(program.output("out").type.shape) if cotangent is None else np.asarray(cotangent, np.float64)
    return evaluate(program, {"x": x, "u": u})["d_x"]


@pytest.mark.parametrize(
    ("x", "axis", "cotangent", "expected"),
    [
        ([[1, 3, 3, 2]], 1, [5], [[0, 2.5, 2.5, 0]]),
        ([[1, 3], [3, 3], [3, 0]], 0, [6, 4], [[0, 2], [3, 2], [3, 0]]),
        ([[2, 2], [2, 2]], None, 8, [[2, 2], [2, 2]]),
        ([[[1, 1], [0, 0]], [[1, 0], [5, 5]]], (0, 2), [3, 4], [[[1, 1], [0, 0]], [[1, 0], [2, 2]]]),
    ],
    ids=["row", "column", "all", "two axes"],
)
def test_elements_that_tie_share_the_cotangent_of_their_maximum(x, axis, cotangent, expected):
    np.testing.assert_array_equal(gradient_at(lambda x: ops.amax(x, axis), x, cotangent), np.array(expected, float))


@pytest.mark.parametrize(
    ("name", "function", "at_zero"),
    [
        ("relu", ops.relu, 0.0),
        ("leaky_relu", lambda x: ops.leaky_relu(x, slope=0.01), 0.01),
        ("elu", lambda x: ops.elu(x, alpha=1.0), 1.0),
        ("selu", ops.selu, 1.7580993408473766),
        ("gelu", ops.gelu, 0.5),
        ("silu", ops.silu, 0.5),
        ("softplus", ops.softplus, 0.5),
        ("mish", ops.mish, 0.6),
        ("softsign", ops.softsign, 1.0),
        ("abs", ops.abs, 0.0),
        ("sigmoid", ops.sigmoid, 0.25),
        ("tanh", ops.tanh, 1.0),
        ("erf", ops.erf, 2 / np.sqrt(np.pi)),
        ("normal_cdf", ops.normal_cdf, 1 / np.sqrt(2 * np.pi)),
        ("normal_pdf", ops.normal_pdf, 0.0),
    ],
)
def test_the_derivative_at_zero(name, function, at_zero):
    np.testing.assert_allclose(gradient_at(function, [0.0, -0.0]), [at_zero] * 2, rtol=1e-15)


@pytest.mark.parametrize(
    ("x", "y", "by_x", "by_y"),
    [
        (0.0, 2.0, 0.0, 0.0),
        (0.0, 1.0, 1.0, 0.0),
        (0.0, 0.0, 0.0, 0.0),
        (0.0, 3.5, 0.0, 0.0),
        (2.0, 0.0, 0.0, np.log(2.0)),
        (-2.0, 3.0, 12.0, np.nan),
        (4.0, 0.5, 0.25, 2 * np.log(4.0)),
    ],
)
def test_powers_at_their_ends(x, y, by_x, by_y):
    program = reverse(ops.trace(ops.power, "f64[]", "f64[]"), ["x0", "x1"], of="out")
    out = evaluate(program, {"x0": np.array(x), "x1": np.array(y)})
    np.testing.assert_allclose([out["d_x0"], out["d_x1"]], [by_x, by_y], rtol=1e-15)


@pytest.mark.parametrize("exponent", [0, 1, 2, 3])
def test_the_second_derivative_of_a_power_at_zero(exponent):
    first = reverse(ops.trace(lambda x: x**exponent, "f64[]"), ["x"], of="out")
    second = reverse(first, ["x"], of="d_x")
    assert evaluate(second, {"x": np.array(0.0)})["d_d_x"] == (2.0 if exponent == 2 else 0.0)


def test_nan_in_the_branch_not_taken_does_not_reach_the_gradient_of_the_other():
    x = np.array([1.0, np.nan, 2.0])
    np.testing.assert_array_equal(gradient_at(lambda x: ops.where(ops.less(x, 10.0), 3.0 * x, 0.0), x), [3.0, 0.0, 3.0])
    np.testing.assert_array_equal(gradient_at(lambda x: ops.elu(x, alpha=1.0), [1e4, -1e4]), [1.0, 0.0])
