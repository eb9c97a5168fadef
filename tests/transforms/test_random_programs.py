"""Properties of every program, on random ones: tracing, simplifying, retyping, expanding, storing and reversing keep the meaning."""

from __future__ import annotations

import json

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from ops.derivatives import numeric_gradient

from chainrule import ops
from chainrule.backends.reference import Reference, evaluate
from chainrule.ir import Program
from chainrule.ir.serialize import from_json, to_json
from chainrule.ops import OPERATIONS
from chainrule.transforms import expand, retype, reverse, simplify
from transforms.programs import apply_recipe, recipes

FAST = settings(max_examples=60, derandomize=True)
seeds = st.integers(0, 2**16)
rows = st.integers(1, 4)


def traced(recipe, types=("f64[B,3]", "f64[3]")) -> Program:
    return ops.trace(lambda x, row: dict(zip(("last", "out"), apply_recipe(recipe, x, row), strict=True)), *types)


def drawn(seed, rows):
    generator = np.random.default_rng(seed)
    return {"x": generator.uniform(-2, 2, (rows, 3)), "row": generator.uniform(0.5, 1.5, 3)}


def same_bits(first, second):
    assert first.keys() == second.keys()
    for name, array in first.items():
        assert array.dtype == second[name].dtype and array.tobytes() == second[name].tobytes(), name


def largest(program, arrays):
    """Return the largest number that appears anywhere, by which rounding errors are scaled."""
    seen = [1.0]
    Reference(program)(arrays, watch=lambda equation, results: seen.extend(np.abs(r).max(initial=0) for r in results))
    return max(seen)


@FAST
@given(recipes(), rows, seeds)
def test_a_traced_program_is_what_numpy_computes(recipe, rows, seed):
    arrays = drawn(seed, rows)
    last, out = apply_recipe(recipe, arrays["x"], arrays["row"], numpy=True)
    program = traced(recipe)
    got = evaluate(program, arrays)
    assume(largest(program, arrays) < 1e6)
    np.testing.assert_allclose(got["last"], last, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(got["out"], out, rtol=1e-12, atol=1e-12)


@FAST
@given(recipes(), rows, seeds)
def test_reverse_is_the_complex_step(recipe, rows, seed):
    arrays, program = drawn(seed, rows), traced(recipe)
    scale = largest(program, arrays)
    assume(scale < 1e3)
    got = evaluate(reverse(program, ["x", "row"], of="out"), arrays)
    for name in ("x", "row"):
        expected = numeric_gradient(program, arrays, name, np.ones(()))
        assert np.linalg.norm(got[f"d_{name}"] - expected) <= 1e-12 * scale**2 * (1 + np.linalg.norm(expected))


@FAST
@given(recipes(), rows, seeds)
def test_simplify_changes_no_bit(recipe, rows, seed):
    arrays, program = drawn(seed, rows), reverse(traced(recipe), ["x", "row"], of="out")
    twice = ops.trace(
        lambda x, row: {"first": ops.inline(program, [x, row]), "second": ops.inline(program, [x, row])}, "f64[B,3]", "f64[3]"
    )
    once = simplify(twice)
    assert len(once.equations) <= len(program.equations) < len(twice.equations)
    same_bits(evaluate(twice, arrays), evaluate(once, arrays))


@FAST
@given(recipes(), rows, seeds)
def test_a_program_returns_from_json_as_it_went(recipe, rows, seed):
    arrays, program = drawn(seed, rows), reverse(traced(recipe), ["x", "row"], of="out")
    data, tensors = to_json(program)
    again = from_json(json.loads(json.dumps(data, allow_nan=False)), OPERATIONS, tensors)
    assert str(again) == str(program)
    assert to_json(again)[0] == data
    same_bits(evaluate(program, arrays), evaluate(again, arrays))


@FAST
@given(recipes(), rows, seeds)
def test_the_program_of_another_float_type_is_the_same_function(recipe, rows, seed):
    arrays, program = drawn(seed, rows), reverse(traced(recipe), ["x", "row"], of="out")
    there, back = retype(program, "float32"), retype(retype(program, "complex128"), "float64")
    assert {port.type.dtype for port in (*there.inputs, *there.outputs)} == {"float32"}
    assert str(back) == str(program)
    wide = evaluate(program, arrays)
    same_bits(wide, evaluate(back, arrays))
    assume(largest(program, arrays) < 30)
    narrow = evaluate(there, {name: array.astype(np.float32) for name, array in arrays.items()})
    np.testing.assert_allclose(narrow["out"], wide["out"], rtol=1e-3, atol=1e-3)


@FAST
@given(recipes(), rows, seeds)
def test_expanding_keeps_every_bit_of_the_forward_and_backward_pass(recipe, rows, seed):
    arrays, program = drawn(seed, rows), reverse(traced(recipe), ["x", "row"], of="out")
    expanded = expand(program)
    assert all(equation.op.definition is None for equation in expanded.equations)
    same_bits(evaluate(program, arrays), evaluate(expanded, arrays))


@FAST
@given(recipes(), rows, seeds)
def test_fixed_shapes_and_b_give_the_same(recipe, rows, seed):
    assume(all(name != "doubled rows" for _, name, _, _ in recipe))
    arrays = drawn(seed, rows)
    fixed = reverse(traced(recipe, (f"f64[{rows},3]", "f64[3]")), ["x", "row"], of="out")
    symbolic = evaluate(reverse(traced(recipe), ["x", "row"], of="out"), arrays)
    for name, array in evaluate(fixed, arrays).items():
        np.testing.assert_allclose(array, symbolic[name], rtol=1e-12, atol=1e-12)


ROW_LOCAL = {"centered", "product of matrices"}


@FAST
@given(recipes(), seeds)
def test_a_row_local_program_gives_row_by_row_what_it_gives_at_once(recipe, seed):
    assume(all(name not in ROW_LOCAL for _, name, _, _ in recipe))
    arrays, program = drawn(seed, 4), traced(recipe)
    whole = evaluate(program, arrays)["last"]
    rows = [evaluate(program, {**arrays, "x": arrays["x"][number : number + 1]})["last"] for number in range(4)]
    np.testing.assert_allclose(np.concatenate(rows), whole, rtol=1e-12, atol=1e-12)
