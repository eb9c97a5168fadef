"""From Python functions to programs: operators, numbers, names, origins, and what is refused."""

from __future__ import annotations

import re
import threading

import numpy as np
import pytest

import chainrule.transforms as transforms
from chainrule import ops
from chainrule.backends.reference import evaluate
from chainrule.errors import ProgramError, TypeRuleError
from chainrule.ir import B, Origin, Type
from chainrule.ops import named, scope, trace


def test_operators_are_numpy_s():
    def function(x, y):
        return {
            "arithmetic": (x + y) * (x - 2) / (1 + y) - y**2 + 2.0**x + (1 - x) + (3 / (x + 3)),
            "matrix": x @ y.T,
            "sign": -x + abs(y),
            "compare": ops.where(x < y, ops.where(x >= 0.5, x, y), ops.where(x > 0.25, 1.0, ops.where(x >= 0.1, 2.0, 3.0))),
            "index": x[1:, 0] + y[-1, None, :1] + x[..., 2],
        }

    generator = np.random.default_rng(0)
    x, y = generator.random((2, 3)), generator.random((2, 3))
    expected = {
        "arithmetic": (x + y) * (x - 2) / (1 + y) - y**2 + 2.0**x + (1 - x) + (3 / (x + 3)),
        "matrix": x @ y.T,
        "sign": -x + abs(y),
        "compare": np.where(x < y, np.where(x >= 0.5, x, y), np.where(x > 0.25, 1.0, np.where(x >= 0.1, 2.0, 3.0))),
        "index": x[1:, 0] + y[-1, None, :1] + x[..., 2],
    }
    got = evaluate(trace(function, x, y), {"x": x, "y": y})
    for name, array in expected.items():
        np.testing.assert_allclose(got[name], array, rtol=1e-15)


def test_inputs_are_named_after_arguments_and_keys():
    program = trace(lambda params, x, pair: x, {"hidden.weight": "f32[2,3]", "b": "f32[]"}, "f32[B,2]", ("i64[B]", "bool[]"))
    assert [(p.name, p.role) for p in program.inputs] == [
        ("hidden.weight", "params"), ("b", "params"), ("x", "x"), ("pair.0", "pair"), ("pair.1", "pair"),
    ]  # fmt: skip
    clash = trace(lambda x, first, second: (x, second["x"]), "f32[]", {"x": "f32[]", "y": "f32[]"}, {"y": "f32[]", "x": "f32[]"})
    assert [p.name for p in clash.inputs] == ["x", "first.x", "first.y", "second.y", "second.x"]
    assert clash.output("1").value is clash.inputs[-1].value


def test_outputs_are_named_after_the_structure_that_is_returned():
    program = trace(lambda x: {"loss": x, "aux": (x + 1, [x])}, "f32[]")
    assert [port.name for port in program.outputs] == ["loss", "aux.0", "aux.1.0"]
    assert trace(lambda x: 2.5, "f32[]").output("out").type == Type("float64")


# numbers and dtypes


@pytest.mark.parametrize("dtype", ["f32", "f64", "i32", "i64", "u32", "u64"])
def test_a_python_number_takes_the_dtype_of_the_other_operand(dtype):
    program = trace(lambda x: (x + 1, 2 * x, ops.maximum(0, x), ops.less(x, 3)), f"{dtype}[B]")
    assert [str(port.type) for port in program.outputs] == [f"{dtype}[B]"] * 3 + ["bool[B]"]
    name = Type.parse(f"{dtype}[]").dtype
    assert ops.add(np.ones(2, name), 1).dtype == name


def test_a_python_number_is_written_down_as_it_is():
    program = trace(lambda x: 0.1 * x, "f32[B]")
    assert program.equations[0].attributes["value"] == 0.1
    assert "= 0.1 * x" in str(program)
    assert evaluate(program, {"x": np.ones(1, np.float32)})["out"] == np.float32(0.1)
    assert evaluate(transforms.retype(program, "float64"), {"x": np.ones(1)})["out"] == 0.1
    assert trace(lambda x: x * 2, "f32[]").equations[0].attributes["value"].hex() == (2.0).hex()


def test_infinite_and_huge_numbers():
    program = trace(lambda x: ops.where(x < 0.0, -float("inf"), x + 1e300), "f32[3]")
    np.testing.assert_array_equal(evaluate(program, {"x": np.array([-1, 0, 1], np.float32)})["out"], [-np.inf, np.inf, np.inf])


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda x, y: x + y, "add: operands of different dtypes, f32[B,4] and f64[B,4]; cast one of them first"),
        (lambda x, y: x + np.ones(4), "operands of different dtypes, f32[B,4] and f64[4]"),
        (lambda x, y: np.ones(4) * x, "operands of different dtypes"),
        (lambda x, y: x + np.float64(1.0), "operands of different dtypes"),
        (lambda x, y: x + (x < 0.0), "add: operands of different dtypes, f32[B,4] and bool[B,4]"),
        (lambda x, y: (x < 0.0) + 1, "add: operands of different dtypes, bool[B,4] and i64[]"),
        (lambda x, y: x + np.ones((5, 4), np.float32), "add: shapes [B,4] and [5,4] do not broadcast"),
        (lambda x, y: x[:2] + x, "cannot be indexed by slice(None, 2, None) on axis 0, whose length is B"),
        (lambda x, y: x[0], "cannot be indexed by 0 on axis 0, whose length is B"),
        (lambda x, y: x[:, 4], "index 4 is outside of axis 1"),
        (lambda x, y: x[:, ::2], "cannot be indexed by"),
        (lambda x, y: x[:, True], "cannot be indexed by"),
        (lambda x, y: x[:, np.array([0, 1])], "use ops.gather"),
        (lambda x, y: x[ops.less(x, 0.0)], "use ops.gather"),
        (lambda x, y: x[:, 0, 0], "has 2 axes and is indexed by more"),
        (lambda x, y: x if x else y, "x: f32[B,4] has no truth value while it is traced; choose with ops.where"),
        (lambda x, y: max(x, x), "has no truth value"),
        (lambda x, y: sum(x), "x: f32[B,4] cannot be iterated while it is traced"),
        (lambda x, y: ops.where(x == 0.0, x, x), "x: f32[B,4] cannot be compared by =="),
        (lambda x, y: x != y, "cannot be compared by =="),
    ],
)
def test_what_is_refused(function, message):
    with pytest.raises(TypeRuleError, match=re.escape(message)):
        trace(function, "f32[B,4]", "f64[B,4]")


def test_numpy_functions_are_our_operations():
    by_numpy = trace(lambda x: np.maximum(np.abs(np.exp(x) - 1.0), np.arange(4, dtype=np.float32) * x), "f32[4]")
    assert str(by_numpy) == str(trace(lambda x: ops.maximum(ops.abs(ops.exp(x) - 1.0), np.arange(4, dtype=np.float32) * x), "f32[4]"))


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda x: np.arctan(x), "np.arctan cannot be traced; write it with chainrule.ops"),
        (lambda x: np.sum(x), "np.sum cannot be traced"),
        (lambda x: np.add.reduce(x), "np.add.reduce cannot be traced"),
        (lambda x: np.exp(x, dtype="float64"), "np.exp cannot be traced with options"),
        (lambda x: x + np.array([x]), "dtype object"),
    ],
)
def test_what_numpy_has_beyond_them_is_refused(function, message):
    with pytest.raises(TypeRuleError, match=re.escape(message)):
        trace(function, "f32[4]")


def test_type_errors_name_the_layer():
    def function(x):
        with scope(layer="encoder"), scope(layer="hidden_1"):
            return x @ x

    with pytest.raises(
        TypeRuleError, match=re.escape("layer encoder.hidden_1: matmul: f32[B,3] @ f32[B,3]: the inner sizes 3 and B differ")
    ):
        trace(function, "f32[B,3]")


def test_b_does_not_broadcast_with_one_row():
    with pytest.raises(TypeRuleError, match=re.escape("shapes [B,4] and [2B,4] do not broadcast")):
        trace(lambda x, y: x + y, "f32[B,4]", "f32[2B,4]")
    program = trace(lambda x, b: x + b, "f32[B,4]", "f32[1,4]")
    with pytest.raises(TypeRuleError, match=re.escape("input 'b' has type f32[3,4] and should have f32[1,4]")):
        evaluate(program, {"x": np.ones((3, 4), np.float32), "b": np.ones((3, 4), np.float32)})


def test_one_row_is_summed_like_any_number_of_rows():
    """The cotangent of [1,4] is summed over the rows although for B = 1 nothing was repeated."""
    program = transforms.reverse(trace(lambda x, b: ops.sum(x * b), "f64[B,4]", "f64[1,4]"), ["b", "x"], of="out")
    x, b = np.random.default_rng(0).normal(size=(5, 4)), np.ones((1, 4)) * 3
    rows = [evaluate(program, {"x": x[i : i + 1], "b": b}) for i in range(5)]
    whole = evaluate(program, {"x": x, "b": b})
    np.testing.assert_allclose(sum(row["d_b"] for row in rows), whole["d_b"], rtol=1e-14)
    np.testing.assert_array_equal(np.concatenate([row["d_x"] for row in rows]), whole["d_x"])
    assert rows[0]["d_b"].shape == (1, 4)


# other traces, arrays in traces, threads


def test_a_value_of_another_trace_is_refused_by_name():
    seen = []
    trace(lambda x: seen.append(x) or x, "f32[3]")
    with pytest.raises(TypeRuleError, match=re.escape("x: f32[3] belongs to another trace, or to one that has ended")):
        trace(lambda y: y + seen[0], "f32[3]")
    with pytest.raises(TypeRuleError, match="belongs to another trace"):
        seen[0] * 2.0
    with pytest.raises(TypeRuleError, match="belongs to another trace"):
        trace(lambda y: seen[0], "f32[3]")
    with pytest.raises(TypeRuleError, match="belongs to another trace"):
        trace(lambda x: transforms.grad(lambda y: ops.sum(x * y))(x), "f32[3]")


def test_arrays_are_computed_at_once_while_a_trace_is_active():
    inner = transforms.reverse(trace(lambda x: ops.sum(ops.softmax(x) ** 2), "f64[3]"), ["x"], of="out")
    labels = np.array([0, 2])

    def function(x):
        value, gradient = ops.inline(inner, [np.array([1.0, 2.0, 3.0])])
        hot = ops.one_hot(labels, size=3, dtype="float64")
        again = evaluate(inner, {"x": np.array([1.0, 2.0, 3.0])})
        assert isinstance(value, np.generic) and type(gradient) is type(hot) is np.ndarray
        np.testing.assert_array_equal(again["d_x"], gradient)
        return x + gradient + hot[0]

    program = trace(function, "f64[3]")
    assert [equation.op.name for equation in program.equations] == ["constant", "add", "constant", "add"]


def test_an_array_that_is_captured_is_copied():
    weight = np.ones(3)
    program = trace(lambda x: x * weight, "f64[3]")
    weight[:] = 7.0
    np.testing.assert_array_equal(evaluate(program, {"x": np.ones(3)})["out"], np.ones(3))


def test_traces_in_threads_do_not_meet():
    errors, programs = [], {}

    def work(number):
        try:

            def function(x):
                with scope(layer=f"layer_{number}", phase="loss"):
                    for _ in range(100):
                        x = x * float(number)
                        barrier.wait()
                return x

            programs[number] = trace(function, "f64[]")
        except Exception as error:  # reported by the assertion below
            errors.append(error)
            barrier.abort()

    barrier = threading.Barrier(4)
    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    for number, program in programs.items():
        assert len(program.equations) == 200
        assert {equation.layer for equation in program.equations} == {f"layer_{number}"}


def test_an_exception_leaves_no_trace_open():
    with pytest.raises(ZeroDivisionError):
        trace(lambda x: 1 // 0, "f32[3]")
    assert type(ops.exp(np.zeros(2))) is np.ndarray
    assert isinstance(ops.iota(size=3, dtype="int64"), np.ndarray)


# names and origins


def layered(x, w):
    with scope(layer="hidden"):
        h = named(ops.tanh(named(x @ w, "sum")), "out")
    with scope(phase="loss"):
        return named(ops.sum(h * h), "loss")


def test_equations_know_their_phase_layer_and_source():
    program = trace(layered, "f64[B,3]", "f64[3,2]")
    assert [(e.op.name, e.phase, e.layer) for e in program.equations] == [
        ("matmul", "forward", "hidden"), ("tanh", "forward", "hidden"), ("multiply", "loss", ""), ("sum", "loss", ""),
    ]  # fmt: skip
    assert [e.outputs[0].name for e in program.equations] == ["hidden.sum", "hidden.out", "", "loss"]
    reverse = transforms.reverse(program, ["w"], of="out")
    backward = [e for e in reverse.equations if e.phase == "backward" and e.origins[0].source is not None]
    definitions = reverse.definitions()
    sources = {(e.layer, definitions[e.origins[0].source].op.name) for e in backward}
    assert sources == {("hidden", "matmul"), ("hidden", "tanh"), ("", "multiply"), ("", "sum")}
    assert [e.outputs[0].name for e in reverse.equations if e.outputs[0].name.startswith("d_")] == ["d_hidden.out", "d_hidden.sum", "d_w"]


def test_inlining_keeps_origins_and_names():
    reverse = transforms.reverse(trace(layered, "f64[B,3]", "f64[3,2]"), ["w"], of="out")

    def outer(x, w):
        with scope(layer="outer", phase="update"):
            return ops.inline(reverse, [x, w])[1] * 2.0

    program = trace(outer, "f64[B,3]", "f64[3,2]")
    inlined = program.equations[: len(reverse.equations)]
    assert [(e.phase, e.layer, [o.source is None for o in e.origins]) for e in inlined] == [
        (e.phase, e.layer, [o.source is None for o in e.origins]) for e in reverse.equations
    ]
    assert [e.outputs[0].name for e in inlined] == [e.outputs[0].name for e in reverse.equations]
    assert program.equations[-1].origins == (Origin("update", "outer"),)
    defined = {value for e in program.equations for value in e.outputs}
    assert all(o.source in defined for e in inlined for o in e.origins if o.source is not None)


def test_a_gradient_inside_a_layer_keeps_the_layer_once():
    def function(x):
        with scope(layer="penalty"):
            return transforms.grad(lambda x: ops.sum(ops.tanh(x)))(x)

    assert {equation.layer for equation in trace(function, "f64[3]").equations} <= {"penalty", ""}


def test_inline_takes_traced_values_and_arrays_together():
    reverse = transforms.reverse(trace(layered, "f64[4,3]", "f64[3,2]"), ["w"], of="out")
    x, w = np.random.default_rng(0).normal(size=(4, 3)), np.ones((3, 2))
    program = trace(lambda w: ops.inline(reverse, [x, w])[1], "f64[3,2]")
    np.testing.assert_array_equal(evaluate(program, {"w": w})["out"], evaluate(reverse, {"x": x, "w": w})["d_w"])


def test_a_program_that_returns_nothing_that_depends_on_b_still_binds_it():
    program = trace(lambda x: ops.mean(x), "f64[B,2]")
    assert evaluate(program, {"x": np.ones((5, 2))})["out"] == 1.0
    with pytest.raises(ProgramError, match="it depends on B, which no input of the program binds"):
        trace(lambda x: ops.iota(size=B, dtype="int64"), "f64[3]")
