"""What is merged, what must not be, and what is removed."""

from __future__ import annotations

import numpy as np
import pytest

from chainrule import ops
from chainrule.backends.reference import evaluate
from chainrule.ops import named, scope, trace
from chainrule.transforms import simplify


def names(program):
    return [equation.op.name for equation in program.equations]


def test_equal_equations_are_merged_and_keep_all_origins():
    def function(x):
        with scope(layer="one"):
            a = ops.exp(x)
        with scope(layer="two", phase="loss"):
            b = named(ops.exp(x), "b")
        return a * b

    (exp, multiply) = simplify(trace(function, "f64[B]")).equations
    assert [(o.phase, o.layer) for o in exp.origins] == [("forward", "one"), ("loss", "two")]
    assert multiply.inputs == (exp.outputs[0], exp.outputs[0])
    assert exp.outputs[0].name == "two.b"


@pytest.mark.parametrize("pair", [(0.0, -0.0), (1, 1.0), (True, 1), (float("nan"), 0.0)], ids=str)
def test_numbers_that_only_look_equal_are_not_merged(pair):
    def function(x):
        return tuple(ops.constant(value=value, dtype="float64" if not isinstance(value, bool) else "bool") for value in pair)

    program = trace(function, "f64[]")
    first, second = (evaluate(simplify(program), {"x": np.array(1.0)})[str(number)] for number in (0, 1))
    before = evaluate(program, {"x": np.array(1.0)})
    assert first.tobytes() == before["0"].tobytes() and second.tobytes() == before["1"].tobytes()
    assert first.dtype == before["0"].dtype and second.dtype == before["1"].dtype


def test_signed_zeros_in_arrays_and_tuples_are_not_merged():
    program = trace(lambda x: (x * np.array([0.0, 1.0]), x * np.array([-0.0, 1.0])), "f64[2]")
    got = evaluate(simplify(program), {"x": np.ones(2)})
    assert [bool(np.signbit(got[name][0])) for name in ("0", "1")] == [False, True]


def test_the_same_not_a_number_is_merged():
    assert names(simplify(trace(lambda x: (x * float("nan")) + (x * float("nan")), "f64[]"))) == ["constant", "multiply", "add"]


def test_attributes_and_operand_order_count():
    program = simplify(trace(lambda x, y: (ops.sum(x, 0), ops.sum(x, 1), x - y, y - x), "f64[2,2]", "f64[2,2]"))
    assert len(program.equations) == 4


def test_what_nothing_needs_is_removed_and_nothing_else():
    def function(x, unused):
        ops.exp(ops.sin(unused))
        kept = ops.cos(x)
        ops.tanh(kept)
        return kept, x

    program = simplify(trace(function, "f64[3]", "f64[3]"))
    assert names(program) == ["cos"]
    assert [port.name for port in program.inputs] == ["x", "unused"]
    assert program.output("1").value is program.input("x").value


def test_simplifying_twice_is_simplifying_once():
    program = simplify(trace(lambda x: ops.softmax(x) + ops.softmax(x) * 2.0 + 2.0 * ops.softmax(x), "f64[B,3]"))
    assert str(simplify(program)) == str(program)


def test_the_program_that_is_simplified_stays_as_it_was():
    program = trace(lambda x: ops.exp(x) + named(ops.exp(x), "later"), "f64[3]")
    before = str(program)
    simplify(program)
    assert str(program) == before
