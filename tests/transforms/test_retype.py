"""The same program in another float type."""

from __future__ import annotations

import numpy as np
import pytest

from chainrule import ops
from chainrule.backends.reference import evaluate
from chainrule.errors import TypeRuleError
from chainrule.ir import B
from chainrule.ops import scope, trace
from chainrule.transforms import retype, reverse


def dropout(x, seed, epoch, step, label):
    bits = ops.random_bits(seed, epoch, step, purpose=3, shape=(B, 4))
    kept = ops.less(bits, np.uint32(2**31))
    with scope(layer="loss"):
        scores = ops.where(kept, x * np.array([2.0, 1.0, 0.5, 0.1], np.float32), 0.1)
        hot = ops.one_hot(label, size=4, dtype="float32") + ops.cast(kept, dtype="float32")
        return {"loss": ops.mean(scores * hot), "kept": kept, "largest": ops.argmax(scores, axis=1)}


TYPES = ("f32[B,4]", "u32[]", "u32[]", "u32[]", "i32[B]")


def arrays(dtype):
    generator = np.random.default_rng(0)
    numbers = {name: np.array(number, np.uint32) for number, name in enumerate(("seed", "epoch", "step"))}
    return {"x": generator.normal(size=(5, 4)).astype(dtype), "label": np.array([0, 3, 1, 1, 2], np.int32)} | numbers


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex128"])
def test_every_float_moves_and_nothing_else(dtype):
    program = reverse(trace(dropout, *TYPES), ["x"])
    moved = retype(program, dtype)
    for before, after in zip(program.equations, moved.equations, strict=True):
        for old, new in zip(before.outputs, after.outputs, strict=True):
            assert new.type.dtype == (dtype if old.type.is_float else old.type.dtype) and new.type.shape == old.type.shape
    got, reference = evaluate(moved, arrays(dtype)), evaluate(program, arrays("float32"))
    np.testing.assert_array_equal(got["kept"], reference["kept"])
    np.testing.assert_array_equal(got["largest"], reference["largest"])
    np.testing.assert_allclose(got["d_x"], reference["d_x"], rtol=1e-6)
    assert got["d_x"].dtype == dtype


def test_constants_are_as_exact_as_they_were_written():
    program = trace(lambda x: x * 0.1 + 1 / 3, "f32[]")
    assert evaluate(retype(program, "float64"), {"x": np.array(1.0)})["out"] == 0.1 + 1 / 3


@pytest.mark.parametrize("dtype", ["int64", "float16", "f32", "bool"])
def test_only_floats_can_be_chosen(dtype):
    with pytest.raises(TypeRuleError, match=f"not to {dtype}"):
        retype(trace(lambda x: x, "f32[]"), dtype)
