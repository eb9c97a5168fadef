"""Every primitive, compiled, against its meaning."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from ops.derivatives import draw
from ops.test_derivatives import CASES
from ops.test_meanings import OTHERS

from chainrule import ops
from chainrule.backends.llvm import Executable
from chainrule.backends.reference import evaluate
from chainrule.errors import DataError
from chainrule.ir import Batch, Program, Type
from chainrule.ops import OPERATIONS
from chainrule.transforms import retype, reverse


def compare(program: Program, arrays, tolerance):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = evaluate(program, arrays)
    got = Executable(program)(arrays)
    assert got.keys() == expected.keys()
    for name, array in expected.items():
        assert got[name].dtype == array.dtype and got[name].shape == array.shape
        if array.dtype.kind != "f":
            np.testing.assert_array_equal(got[name], array)
            continue
        np.testing.assert_array_equal(np.isnan(got[name]), np.isnan(array))
        scale = np.abs(array[np.isfinite(array)]).max(initial=0)
        np.testing.assert_allclose(got[name], array, rtol=tolerance, atol=tolerance * scale)


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 2e-6), ("float64", 4e-15)])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_primitive_and_its_derivative(case, dtype, tolerance):
    program = ops.trace(lambda *xs: OPERATIONS[case.operation](*xs, **case.attributes), *case.types)
    wrt = [port.name for port in program.inputs if port.type.is_float]
    program = retype(reverse(program, wrt, of="out", cotangent="ct"), dtype)
    given = case.options.get("given") or {}
    domain = case.options.get("domain") or OPERATIONS[case.operation].domain.intervals
    symbolic = any(isinstance(axis, Batch) for port in program.inputs for axis in port.type.shape)
    run = Executable(program)
    for rows in (3, 1, 0, 19) if symbolic else (1,):
        generator = np.random.default_rng(rows)
        arrays = {}
        for number, port in enumerate(program.inputs):
            interval = domain[min(number, len(domain) - 1)] if domain else None
            arrays[port.name] = draw(port.type, rows, generator, interval or (-2.0, 2.0))
            if number in given and arrays[port.name].size:
                arrays[port.name] = np.resize(np.asarray(given[number], port.type.dtype), arrays[port.name].shape)
        expected = evaluate(program, arrays)
        got = run(arrays)
        for name, array in expected.items():
            assert got[name].dtype == array.dtype and got[name].shape == array.shape
            scale = np.abs(array).max(initial=1.0)
            np.testing.assert_allclose(
                got[name], array, rtol=tolerance, atol=tolerance * scale * max(rows, 1), err_msg=f"{rows} rows: {name}"
            )


COMPILED = [other for other in OTHERS if "complex128" not in other[1]]


@pytest.mark.parametrize("shape", [(), (3,), (37,), (2, 3)], ids=str)
@pytest.mark.parametrize("number", range(len(COMPILED)), ids=lambda number: f"{COMPILED[number][0]}-{'-'.join(COMPILED[number][1])}")
def test_other_dtypes(number, shape):
    name, dtypes, attributes = COMPILED[number]
    if name in ("sum", "amax", "argmax"):
        shape = shape or (1,)  # there is no axis to reduce in a scalar
    types = [Type(dtype, () if name == "random_bits" else shape) for dtype in dtypes]
    program = ops.trace(lambda *xs: OPERATIONS[name](*xs, **attributes), *types)
    generator = np.random.default_rng(0)
    arrays = {port.name: draw(port.type, 1, generator, (0.3, 9.9)) for port in program.inputs}
    compare(program, arrays, 0)


def test_integers_at_their_ends():
    with np.errstate(all="ignore"):
        for dtype in ("int32", "int64", "uint32", "uint64"):
            ends = np.iinfo(dtype)
            x = np.array([ends.min, ends.max, 0, 1, 7, ends.min, ends.max, 5], dtype)
            y = np.array([ends.max, 3, 0, ends.max, 0, 2, 63, 40], dtype)
            z = np.array([1, 31, 32, 33, 63, 64, 65, 5], dtype)
            type = Type(dtype, (8,))
            program = ops.trace(
                lambda x, y, z: (
                    tuple(OPERATIONS[name](x, y) for name in ("floor_divide", "remainder", "multiply", "maximum"))
                    + tuple(OPERATIONS[name](x, z) for name in ("shift_left", "shift_right"))
                    + tuple(OPERATIONS[name](x) for name in ("abs", "negative", "sign"))
                ),
                type,
                type,
                type,
            )
            compare(program, {"x": x, "y": y, "z": z}, 0)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_nan_infinities_zeros_and_denormals(dtype):
    tiny = np.finfo(dtype).smallest_subnormal
    x = np.array(
        [np.nan, np.inf, -np.inf, 0.0, -0.0, tiny, -tiny, 1.0, -1.0, 3e4, -3e4, 0.5, np.finfo(dtype).max, -2.0, 1e-30, 88.0, -88.0], dtype
    )
    y = np.roll(x, 5)
    type = Type(dtype, (len(x),))
    unary = ("relu", "abs", "sign", "floor", "sqrt", "exp", "log", "log1p", "expm1", "tanh", "sigmoid", "erf", "softplus", "is_finite")
    program = ops.trace(
        lambda x, y: (
            tuple(OPERATIONS[name](x) for name in unary)
            + tuple(
                OPERATIONS[name](x, y)
                for name in ("maximum", "minimum", "add", "multiply", "divide", "less", "less_equal", "equal", "not_equal", "power")
            )
            + (ops.amax(x), ops.sum(x), ops.argmax(x, axis=0), ops.log_sum_exp(x))
        ),
        type,
        type,
    )
    compare(program, {"x": x, "y": y}, 1e-5 if dtype == "float32" else 1e-13)


@pytest.mark.parametrize("columns", [1, 3, 4, 5, 16, 67, 130])
def test_random_bits_are_those_of_the_reference(columns):
    program = ops.trace(
        lambda seed, epoch, step, x: (
            ops.random_bits(seed, epoch, step, purpose=77, shape=tuple(x.shape)),
            ops.where(ops.less(ops.random_bits(seed, epoch, step, purpose=3, shape=tuple(x.shape)), np.uint32(2**31)), x, 0.0),
        ),
        "u32[]", "u32[]", "u32[]", f"f32[B,{columns}]",
    )  # fmt: skip
    x = np.random.default_rng(0).standard_normal((9, columns), dtype=np.float32)
    arrays = {"seed": np.asarray(4294967295, np.uint32), "epoch": np.asarray(3, np.uint32), "step": np.asarray(2**31, np.uint32), "x": x}
    compare(program, arrays, 0)


def _scattered(updates, index):
    return ops.scatter_add(index, updates, size=5)


@pytest.mark.parametrize(
    ("function", "types", "arrays", "message"),
    [
        (ops.gather, ("f32[4,2]", "i64[B]"), (np.zeros((4, 2), "f"), np.array([0, 4])), "row 1 holds index 4"),
        (ops.gather, ("f32[4]", "i64[B]"), (np.zeros(4, "f"), np.array([0] * 20 + [-1])), "row 20 holds index -1"),
        (ops.pick, ("f64[B,3]", "u64[B]"), (np.zeros((1, 3)), np.array([2**64 - 1], np.uint64)), "row 0 holds index 184467"),
        (_scattered, ("f64[B,3]", "i32[B]"), (np.zeros((2, 3)), np.array([5, 0], np.int32)), "row 0 holds index 5"),
        (ops.cross_entropy_of_labels, ("f64[B,3]", "i64[B]"), (np.zeros((2, 3)), np.array([2**62, 0])), "row 0 holds index"),
    ],
)  # fmt: skip
def test_an_index_out_of_range_is_named(function, types, arrays, message):
    program = ops.trace(lambda table, index: function(table, index), *types)
    with pytest.raises(DataError, match=message):
        Executable(program)(dict(zip(("table", "index"), arrays, strict=True)))


def test_views_copies_and_constants_come_out():
    table = np.arange(40.0).reshape(8, 5)
    program = ops.trace(
        lambda x: {
            "itself": x, "turned": ops.transpose(x), "again": ops.transpose(x), "row": ops.reshape(x, shape=(Batch(6),)),
            "table": ops.constant(value=table, dtype="float64"),
            "seen": ops.gather(ops.constant(value=table, dtype="float64"), ops.cast(x, dtype="int64")),
            "number": ops.constant(value=2.5, dtype="float32"), "rows": ops.dimension(size=Batch(3), dtype="int32"),
        },
        "f64[B,6]",
    )  # fmt: skip
    compare(program, {"x": np.arange(12.0).reshape(2, 6) % 8}, 0)
