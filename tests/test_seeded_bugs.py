"""Proof that the tests bite: each bug, put in on purpose, makes the check that guards against it fail."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from ops import test_composites, test_derivatives, test_meanings, test_random, test_tracing
from ops.derivatives import check_vjp
from transforms import test_against_torch, test_retype, test_reverse, test_simplify

from chainrule import ops
from chainrule.errors import ChainruleError
from chainrule.ir import Origin, Program
from chainrule.ops import OPERATIONS


def module(name: str) -> Any:
    return sys.modules[f"chainrule.{name}"]  # the package has functions of the same names


def rule(operation: str, vjp: Callable[..., Any]) -> Callable[[pytest.MonkeyPatch], None]:
    return lambda patch: patch.setitem(OPERATIONS[operation].__dict__, "vjp", vjp)


def attribute(where: str, name: str, value: Any) -> Callable[[pytest.MonkeyPatch], None]:
    return lambda patch: patch.setattr(module(where), name, value)


def table(operation: str) -> None:
    for case in test_derivatives.CASES:
        if case.operation == operation:
            test_derivatives.test_rule(case)


def first_row(ct: Any, shape: Any) -> Any:
    """Undo broadcasting by taking what stands first, where it should be summed."""
    while ct.ndim > len(shape):
        ct = ops.reshape(ops.amax(ct, 0), shape=tuple(ct.shape)[1:])
    for axis, size in enumerate(shape):
        ct = ops.amax(ct, axis, keepdims=True) if size == 1 else ct
    return ct


def wrong_axis(ct: Any, shape: Any) -> Any:
    return ops.sum(ct, -1) if ct.ndim > len(shape) else ct


def without_dead_and_one_more(program: Program) -> Program:
    return Program(program.inputs, program.equations[1:], program.outputs)


def as_equal(attribute: Any) -> Any:
    if isinstance(attribute, dict):
        return tuple(sorted((name, as_equal(value)) for name, value in attribute.items() if name != "dtype"))
    return attribute.tobytes() if isinstance(attribute, np.ndarray) else attribute


def overwritten(cotangents: dict[Any, Any], value: Any, ct: Any) -> None:
    cotangents[value] = ct


def unshared(ct: Any, out: Any, x: Any, axes: Any) -> Any:
    spread = module("ops.reductions").spread
    return (spread(ct, x, axes) * ops.cast(ops.equal(x, spread(out, x, axes)), dtype=x.dtype),)


def overwriting_scatter(index: Any, updates: Any, size: int) -> Any:
    result = np.zeros((size, *updates.shape[index.ndim :]), updates.dtype)
    result[index] = updates
    return result


def column(x: Any) -> Any:
    return ops.reshape(x, shape=(*x.shape, 1))


@dataclass(frozen=True)
class Bug:
    put_in: Callable[[pytest.MonkeyPatch], None]
    check: Callable[[], Any]


ERF = module("special")._ERF
ERFC_FAR = module("special")._ERFC_FAR
BUGS = {
    "a wrong sign": Bug(rule("sin", lambda ct, out, x: (-(ct * ops.cos(x)),)), lambda: table("sin")),
    "a missing factor": Bug(rule("sqrt", lambda ct, out, x: (ct / out,)), lambda: table("sqrt")),
    "a factor not transposed": Bug(
        rule("matmul", lambda ct, out, x, y: (ct @ y, ops.transpose(x) @ ct)), lambda: check_vjp("matmul", "f64[3,3]", "f64[3,3]")
    ),
    "a softmax whose gradient is zero": Bug(rule("softmax", lambda ct, out, x: (ct * 0.0,)), lambda: table("softmax")),
    "a softmax without its second term": Bug(rule("softmax", lambda ct, out, x: (out * ct,)), lambda: table("softmax")),
    "no sum where broadcasting was": Bug(attribute("transforms.reverse", "_unbroadcast", lambda ct, shape: ct), lambda: table("add")),
    "the first row instead of the sum": Bug(attribute("transforms.reverse", "_unbroadcast", first_row), lambda: table("multiply")),
    "a sum over the wrong axis": Bug(
        attribute("transforms.reverse", "_unbroadcast", wrong_axis), lambda: check_vjp("add", "f64[4,4]", "f64[4]")
    ),
    "cotangents overwritten, not added": Bug(
        attribute("transforms.reverse", "_accumulate", overwritten), lambda: test_derivatives.test_function("shared")
    ),
    "a maximum whose ties do not share": Bug(
        rule("amax", unshared),
        lambda: test_derivatives.test_elements_that_tie_share_the_cotangent_of_their_maximum([[1, 3, 3]], 1, [4], [[0, 2, 2]]),
    ),
    "a cross-entropy without its one-hot": Bug(
        rule("cross_entropy_of_labels", lambda ct, out, logits, label: (ops.softmax(logits) * column(ct), None)),
        lambda: table("cross_entropy_of_labels"),
    ),
    "a cross-entropy that forgets the cotangent": Bug(
        rule(
            "cross_entropy_of_labels",
            lambda ct, out, x, label: (ops.softmax(x) - ops.one_hot(label, size=x.shape[-1], dtype=x.dtype), None),
        ),
        lambda: table("cross_entropy_of_labels"),
    ),
    "a cross-entropy that loses digits": Bug(
        lambda patch: patch.setitem(
            OPERATIONS["cross_entropy_of_labels"].__dict__, "meaning", lambda x, label: ops.log_sum_exp(x) - ops.pick(x, label)
        ),
        test_composites.test_confident_losses_keep_their_digits,
    ),
    "a relu that passes gradients at zero": Bug(
        rule("relu", lambda ct, out, x: (ops.where(ops.less(x, 0.0), 0.0, ct),)),
        lambda: test_derivatives.test_the_derivative_at_zero("relu", ops.relu, 0.0),
    ),
    "a gelu without its density": Bug(
        rule("gelu", lambda ct, out, x: (ct * ops.normal_cdf(x),)),
        lambda: test_against_torch.test_loss_and_gradients_are_pytorch_s(range(20)),
    ),
    "a rule that is wrong to second order only": Bug(rule("cos", lambda ct, out, x: (ct * ops.sin(x),)), lambda: table("sin")),
    "a choice that pays both branches": Bug(rule("where", lambda ct, out, condition, x, y: (None, ct, ct)), lambda: table("where")),
    "a power without its logarithm": Bug(
        rule("power", lambda ct, out, x, y: (ct * (y * ops.power(x, y - 1.0)), ct * out)), lambda: table("power")
    ),
    "a power that divides by zero": Bug(
        rule("power", lambda ct, out, x, y: (ct * y * out / x, ct * out * ops.log(x))),
        lambda: test_derivatives.test_powers_at_their_ends(0.0, 2.0, 0.0, 0.0),
    ),
    "parts joined back in the wrong order": Bug(
        rule("concatenate", lambda ct, out, x, y, axis: (ct[:2], ct[:2])),
        lambda: check_vjp("concatenate", "f64[2]", "f64[2]", attributes={"axis": 0}),
    ),
    "repeated indices overwritten, not added": Bug(
        lambda patch: patch.setitem(OPERATIONS["scatter_add"].__dict__, "meaning", overwriting_scatter), lambda: table("gather")
    ),
    "a gradient from what is constant": Bug(
        rule("sign", lambda ct, out, x: (ct,)), lambda: test_derivatives.test_no_cotangent_comes_from_what_is_constant("sign")
    ),
    "0.0 and -0.0 merged": Bug(
        attribute("transforms.simplify", "_hashable", as_equal),
        lambda: test_simplify.test_numbers_that_only_look_equal_are_not_merged((0.0, -0.0)),
    ),
    "True and 1 merged": Bug(
        attribute("transforms.simplify", "_hashable", as_equal),
        lambda: test_simplify.test_numbers_that_only_look_equal_are_not_merged((True, 1)),
    ),
    "the operands' order forgotten": Bug(
        attribute("transforms.simplify", "_hashable", lambda attribute: None), test_simplify.test_attributes_and_operand_order_count
    ),
    "something live removed": Bug(
        attribute("transforms.simplify", "_without_dead", without_dead_and_one_more),
        test_simplify.test_what_nothing_needs_is_removed_and_nothing_else,
    ),
    "nothing removed": Bug(
        attribute("transforms.simplify", "_without_dead", lambda program: program),
        test_simplify.test_what_nothing_needs_is_removed_and_nothing_else,
    ),
    "a constant that is not retyped": Bug(
        attribute("transforms.retype", "FLOATS", frozenset({"float64"})),
        lambda: test_retype.test_every_float_moves_and_nothing_else("float64"),
    ),
    "an array that is not copied": Bug(
        attribute("ops.tracing", "_constant", lambda array: ops.constant(value=array, dtype=array.dtype.name)),
        test_tracing.test_an_array_that_is_captured_is_copied,
    ),
    "origins lost on the way": Bug(
        lambda patch: patch.setattr(Origin, "moved", lambda origin, place: Origin(origin.phase, origin.layer)),
        test_reverse.test_provenance_survives_every_transform,
    ),
    "a wrong round of Philox": Bug(attribute("ops.random", "_W1", 0xBB67AE84), test_random.test_the_published_vectors),
    "a wrong digit of erf": Bug(
        attribute("special", "_ERF", ((ERF[0][0] * (1 + 1e-10), *ERF[0][1:]), ERF[1])),
        test_meanings.test_erf_within_two_ulp_of_the_c_library,
    ),
    "a wrong digit of erfc": Bug(
        attribute("special", "_ERFC_FAR", ((ERFC_FAR[0][0] * (1 + 1e-10), *ERFC_FAR[0][1:]), ERFC_FAR[1])),
        test_meanings.test_the_normal_distribution_keeps_its_digits_in_its_tails,
    ),
}


@pytest.mark.parametrize("name", BUGS)
def test_the_bug_is_caught(name, monkeypatch):
    bug = BUGS[name]
    bug.check()
    bug.put_in(monkeypatch)
    with pytest.raises((AssertionError, ChainruleError)):
        bug.check()
