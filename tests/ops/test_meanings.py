"""The meaning of each primitive: the types that it returns, and its values where they are delicate."""

from __future__ import annotations

import math
import re
from dataclasses import replace

import mpmath  # comes with torch
import numpy as np
import pytest

from chainrule import ops
from chainrule.backends.reference import Reference, evaluate
from chainrule.errors import DataError, ProgramError, TypeRuleError
from chainrule.ir import Batch, Equation, Port, Program, Type, Value
from chainrule.ir.verify import verify
from chainrule.ops import OPERATIONS
from chainrule.transforms import retype
from ops.derivatives import draw
from ops.test_derivatives import CASES, CONSTANT

INTEGERS = ("int32", "int64", "uint32", "uint64")
# what is defined on other dtypes than floats, besides the cases of the derivative table
OTHERS = [
    *((name, (dtype, dtype), {}) for name in ("add", "subtract", "multiply", "maximum", "minimum") for dtype in INTEGERS),
    *((name, (dtype, dtype), {}) for name in ("less", "less_equal") for dtype in (*INTEGERS, "float32")),
    *((name, (dtype, dtype), {}) for name in ("equal", "not_equal") for dtype in (*INTEGERS, "bool", "float32")),
    *((name, (dtype, dtype), {}) for name in ("floor_divide", "remainder", "shift_left", "shift_right") for dtype in INTEGERS),
    *((name, (dtype, dtype), {}) for name in ("bitwise_and", "bitwise_or", "bitwise_xor") for dtype in (*INTEGERS, "bool")),
    *(("bitwise_not", (dtype,), {}) for dtype in (*INTEGERS, "bool")),
    *((name, (dtype,), {}) for name in ("negative", "abs", "sign") for dtype in INTEGERS),
    *((name, (dtype,), {}) for name in ("sign", "floor", "is_finite") for dtype in ("float32", "complex128")),
    *(("where", ("bool", dtype, dtype), {}) for dtype in (*INTEGERS, "bool")),
    *((name, (dtype,), {"axes": (0,)}) for name in ("sum", "amax") for dtype in INTEGERS),
    *(("cast", (source,), {"dtype": target}) for source in ("float32", "int64", "bool") for target in ("float64", *INTEGERS, "bool")),
    *(("cast", ("complex128",), {"dtype": target}) for target in ("int64", "bool")),
    *(("argmax", (dtype,), {"axis": -1}) for dtype in ("float32", "complex128", "int32")),
    *(("one_hot", (dtype,), {"size": 3, "dtype": "float32"}) for dtype in INTEGERS),
    *(("iota", (), {"size": 4, "dtype": dtype}) for dtype in (*INTEGERS, "float32")),
    *(("dimension", (), {"size": 4, "dtype": dtype}) for dtype in (*INTEGERS, "float32")),
    *(
        ("constant", (), {"value": value, "dtype": dtype})
        for value, dtype in ((1.5, "float32"), (True, "bool"), (3, "uint64"), (np.ones((2, 3)), "float64"))
    ),
    ("random_bits", ("uint32", "uint32", "uint32"), {"purpose": 1, "shape": (2, 3)}),
]


def assert_types_agree(program, rows, seed=0):
    generator = np.random.default_rng(seed)
    arrays = {port.name: draw(port.type, rows, generator, (0.3, 0.9)) for port in program.inputs}

    def check(equation, results):
        for value, result in zip(equation.outputs, results, strict=True):
            shape = tuple(axis.multiple * rows if isinstance(axis, Batch) else axis for axis in value.type.shape)
            assert Type.of(result) == Type(value.type.dtype, shape), equation.op.name

    Reference(program)(arrays, watch=check)


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex128"])
def test_the_type_rule_tells_what_the_meaning_returns(dtype):
    for case in CASES:
        program = ops.trace(lambda *xs, c=case: OPERATIONS[c.operation](*xs, **c.attributes), *case.types)
        for rows in (0, 1, 3) if any("B" in text for text in case.types) else (1,):
            assert_types_agree(retype(program, dtype), rows)


@pytest.mark.parametrize("shape", [(), (3,), (0,), (2, 3)], ids=str)
def test_the_type_rule_tells_what_the_meaning_returns_for_other_dtypes(shape):
    for name, dtypes, attributes in OTHERS:
        if name in ("sum", "amax", "argmax") and (not shape or shape == (0,)):
            continue
        types = [Type(dtype, () if name == "random_bits" else shape) for dtype in dtypes]
        assert_types_agree(ops.trace(lambda *xs, n=name, a=attributes: OPERATIONS[n](*xs, **a), *types), 1)


def test_every_primitive_has_its_types_tested():
    assert {case.operation for case in CASES} | {name for name, _, _ in OTHERS} == set(OPERATIONS)
    assert set(CONSTANT) <= {name for name, _, _ in OTHERS}


# numbers


def ulps(got, expected):
    return np.abs(got - expected) / np.spacing(np.abs(expected))


def test_erf_within_two_ulp_of_the_c_library():
    x = np.concatenate([np.linspace(-6.5, 6.5, 200001), np.geomspace(1e-300, 1.0, 500), [1.0, -1.0, np.nextafter(1.0, 2.0)]])
    expected = np.array([math.erf(number) for number in x])
    assert ulps(ops.erf(x), expected).max() <= 2
    single = x.astype(np.float32)
    assert ulps(ops.erf(single), np.array([math.erf(number) for number in single], np.float32)).max() <= 1


def test_the_normal_distribution_keeps_its_digits_in_its_tails():
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.uniform(-38.6, 9, 3000), rng.uniform(-2, 2, 3000), -(10 ** rng.uniform(-20, 0, 300))])
    extended = np.finfo(np.longdouble).nmant > 52
    with mpmath.workprec(160):
        cdf = [mpmath.erfc(-mpmath.mpf(float(number)) / mpmath.sqrt(2)) / 2 for number in x]
        pdf = [mpmath.npdf(float(number)) for number in x]
        for got, right, most in ((ops.normal_cdf(x), cdf, 3 if extended else 9), (ops.normal_pdf(x), pdf, 3)):
            units = [mpmath.mpf(2) ** max(mpmath.frexp(number)[1] - 53, -1074) for number in right]
            assert max(abs(float(g) - r) / unit for g, r, unit in zip(got, right, units, strict=True)) <= most
    single = x.astype(np.float32)
    for function in (ops.normal_cdf, ops.normal_pdf):
        right = function(single.astype(np.float64))
        np.testing.assert_array_equal(function(single), right.astype(np.float32))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_sigmoid_keeps_its_digits_down_to_the_smallest_numbers(dtype):
    least = np.log(np.finfo(dtype).smallest_subnormal)
    x = np.linspace(least, -least, 5001).astype(dtype)
    with mpmath.workprec(1200):
        right = np.array([float(1 / (1 + mpmath.exp(-mpmath.mpf(float(number))))) for number in x])
    np.testing.assert_allclose(ops.sigmoid(x), right, rtol=5 * np.finfo(dtype).eps, atol=2 * np.finfo(dtype).smallest_subnormal)


def test_the_normal_distribution_at_its_ends():
    x = np.array([np.inf, -np.inf, np.nan, 0.0, -0.0, -39.0])
    np.testing.assert_array_equal(ops.normal_cdf(x), [1.0, 0.0, np.nan, 0.5, 0.5, 0.0])
    np.testing.assert_array_equal(ops.normal_pdf(x)[:3], [0.0, 0.0, np.nan])


def test_erf_at_its_ends():
    got = ops.erf(np.array([np.inf, -np.inf, np.nan, 0.0, -0.0, 5e-324]))
    np.testing.assert_array_equal(got[:5], [1.0, -1.0, np.nan, 0.0, -0.0])
    assert np.signbit(got[4]) and not np.signbit(got[3])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_nan_and_infinities_pass_through(dtype):
    x = np.array([np.nan, np.inf, -np.inf], dtype)
    with np.errstate(all="raise"):
        np.testing.assert_array_equal(ops.relu(x), [np.nan, np.inf, 0.0])
        np.testing.assert_array_equal(ops.maximum(x, 1.0), [np.nan, np.inf, 1.0])
        np.testing.assert_array_equal(ops.maximum(1.0, x), [np.nan, np.inf, 1.0])
        np.testing.assert_array_equal(ops.minimum(x, 1.0), [np.nan, 1.0, -np.inf])
        np.testing.assert_array_equal(ops.minimum(1.0, x), [np.nan, 1.0, -np.inf])
        np.testing.assert_array_equal(ops.abs(x), [np.nan, np.inf, np.inf])
        np.testing.assert_array_equal(ops.sigmoid(x), [np.nan, 1.0, 0.0])
        np.testing.assert_array_equal(ops.softplus(x), [np.nan, np.inf, 0.0])
        np.testing.assert_array_equal(ops.is_finite(x), [False] * 3)
        assert np.isnan(ops.amax(x)) and np.isnan(ops.sum(x)) and np.isnan(ops.log_sum_exp(x))
        np.testing.assert_array_equal(ops.less(x, x), [False, False, False])


def test_overflow_and_division_by_zero_are_results():
    with np.errstate(all="raise"):
        np.testing.assert_array_equal(ops.exp(np.array([1e4])), [np.inf])
        np.testing.assert_array_equal(ops.divide(np.array([1.0, -1.0, 0.0]), 0.0), [np.inf, -np.inf, np.nan])
        np.testing.assert_array_equal(ops.floor_divide(np.array([7, -7]), 2), [3, -4])
        np.testing.assert_array_equal(ops.remainder(np.array([7, -7]), 2), [1, 1])


def test_zeros_have_no_sign_where_it_would_matter():
    assert not np.signbit(ops.abs(np.array(-0.0))) and not np.signbit(ops.relu(np.array(-0.0)))


def test_the_largest_of_nothing():
    assert ops.amax(np.zeros((0, 3)), 0).tolist() == [-np.inf] * 3
    assert ops.amax(np.zeros((0, 3), np.int32), 0).tolist() == [np.iinfo(np.int32).min] * 3
    assert ops.amax(np.zeros((0, 3), complex), 0).tolist() == [-np.inf] * 3


def test_the_complex_meanings_go_by_the_real_part():
    x = np.array([1.0 + 5.0j, 2.0 - 7.0j, -3.0 + 1.0j])
    assert ops.amax(x) == 2.0 - 7.0j
    assert ops.argmax(x, axis=0) == 1
    np.testing.assert_array_equal(ops.abs(x), [1.0 + 5.0j, 2.0 - 7.0j, 3.0 - 1.0j])
    np.testing.assert_array_equal(ops.maximum(x, 1.5 + 0j), [1.5, 2.0 - 7.0j, 1.5])
    np.testing.assert_array_equal(ops.cast(x, dtype="int64"), [1, 2, -3])


# indices


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ops.gather(np.zeros((4, 2)), np.array([0, 4])), "row 1 holds index 4, outside of the range 0 to 3"),
        (lambda: ops.gather(np.zeros(4), np.array([[0, 1], [2, -1]])), "row 1, column 1 holds index -1, outside of the range 0 to 3"),
        (lambda: ops.gather(np.zeros(4), np.array(9, np.uint32)), "the index holds index 9, outside"),
        (lambda: ops.scatter_add(np.array([5, 0]), np.zeros((2, 3)), size=5), "row 0 holds index 5, outside of the range 0 to 4"),
        (lambda: ops.pick(np.zeros((2, 3)), np.array([0, -2])), "row 1 holds index -2, outside of the range 0 to 2"),
        (lambda: ops.cross_entropy_of_labels(np.zeros((2, 3)), np.array([0, 3])), "row 1 holds index 3, outside of the range 0 to 2"),
        (lambda: ops.pick(np.zeros((1, 3)), np.array([2**64 - 1], np.uint64)), "row 0 holds index 18446744073709551615"),
    ],
)
def test_an_index_out_of_range_is_named(call, message):
    with pytest.raises(DataError, match=re.escape(message)):
        call()


def test_repeated_indices_are_added_in_the_order_of_the_rows():
    index, updates = np.array([1, 0, 1, 1]), np.array([1e16, 1.0, 1.0, -1e16])
    np.testing.assert_array_equal(ops.scatter_add(index, updates, size=2), [1.0, ((1e16 + 1.0) - 1e16)])


def test_one_hot():
    np.testing.assert_array_equal(ops.one_hot(np.array([2, 0]), size=3, dtype="float32"), [[0, 0, 1], [1, 0, 0]])


# what a type rule refuses


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ops.matmul(np.zeros((2, 3)), np.zeros((2, 3))), "f64[2,3] @ f64[2,3]: the inner sizes 3 and 2 differ"),
        (lambda: ops.matmul(np.zeros(3), np.zeros((3, 2))), "both need two axes at least"),
        (lambda: ops.add(np.zeros(3), np.zeros(4)), "shapes [3] and [4] do not broadcast"),
        (lambda: ops.add(np.zeros(3), np.zeros(3, np.float32)), "operands of different dtypes, f64[3] and f32[3]; cast one"),
        (lambda: ops.exp(np.zeros(3, np.int64)), "exp: not defined for int64"),
        (lambda: ops.divide(np.ones(3, np.int64), 2), "divide: not defined for int64"),
        (lambda: ops.add(np.zeros(3, np.int32), 1.5), "1.5 cannot be of dtype int32"),
        (lambda: ops.add(np.zeros(3, np.uint32), -1), "-1 cannot be of dtype uint32"),
        (lambda: ops.add(np.zeros(3), 1j), "1j cannot be of dtype float64"),
        (lambda: ops.add(np.zeros(3, np.float16), 1), "dtype float16 is not one of"),
        (lambda: ops.where(np.ones(3), 1.0, 0.0), "the condition is f64[3] and should be bool"),
        (lambda: ops.sum(np.zeros((2, 3)), 2), "axis 2 does not exist in"),
        (lambda: ops.reshape(np.zeros((2, 3)), shape=(4,)), "cannot take the shape [4]"),
        (lambda: ops.transpose(np.zeros((2, 3)), axes=(0, 0)), "axes (0, 0) are not an order of the axes of f64[2,3]"),
        (lambda: ops.broadcast_to(np.zeros((2, 3)), shape=(2, 1)), "do"),
        (lambda: ops.concatenate([np.zeros((2, 3)), np.zeros((3, 2))], axis=0), "differ in more than axis 0"),
        (lambda: ops.take_slice(np.zeros(3), axis=0, start=2, stop=4), "2:4 is not a part of axis 0"),
        (lambda: ops.gather(np.zeros(3), np.zeros(3)), "not defined for float64"),
        (lambda: ops.pick(np.zeros((2, 3)), np.zeros(3, int)), "pick: "),
        (lambda: ops.scatter_add(np.zeros(3, int), np.zeros((2, 3)), size=4), "do not begin with the axes of the index"),
        (lambda: OPERATIONS["sum"](np.zeros((2, 3)), axes=(-1,)), "are not counted from the front"),
        (lambda: OPERATIONS["sum"](np.zeros((2, 3)), axes=(1, 0)), "are not counted from the front"),
        (lambda: OPERATIONS["amax"](np.zeros((2, 3)), axes=(1, 1)), "are not counted from the front"),
    ],
)
def test_what_does_not_fit_is_refused_in_words(call, message):
    with pytest.raises(TypeRuleError, match=re.escape(message)):
        call()


def examples():
    """Yield for each primitive its name, types of operands that it takes, and attributes."""
    for case in CASES:
        yield case.operation, [Type.parse(text) for text in case.types], dict(case.attributes)
    for name, dtypes, attributes in OTHERS:
        yield name, [Type(dtype, () if name == "random_bits" else (2, 3)) for dtype in dtypes], attributes


def test_one_operand_fewer_or_more_is_refused_by_every_primitive():
    for name, types, attributes in examples():
        if name == "concatenate":  # takes any number but none
            continue
        sound = ops.trace(lambda *xs, n=name, a=attributes: OPERATIONS[n](*xs, **a), *types)
        number = next(i for i, equation in enumerate(sound.equations) if equation.op.name == name)
        equation = sound.equations[number]
        spare = Value(types[-1] if types else Type("float32"))
        for operands in (equation.inputs[:-1], (*equation.inputs, *(equation.inputs[-1:] or (spare,)))):
            if len(operands) == len(equation.inputs):
                continue  # none can be taken away from none
            changed = (*sound.equations[:number], replace(equation, inputs=operands), *sound.equations[number + 1 :])
            with pytest.raises(ProgramError, match=f"equation {number}, {name}"):
                verify(replace(sound, inputs=(*sound.inputs, Port("spare", "x", spare)), equations=changed))
        with pytest.raises(TypeRuleError, match=name):
            ops.trace(lambda *xs, n=name, a=attributes: OPERATIONS[n](*xs, **a), *types, spare.type)


def test_nothing_cannot_be_concatenated():
    empty = Equation(OPERATIONS["concatenate"], (), (Value(Type("float32", (0,))),), {"axis": 0})
    with pytest.raises(ProgramError, match="equation 0, concatenate"):
        verify(Program((), (empty,), ()))


@pytest.mark.parametrize("name", ["add", "exp", "matmul", "transpose"])
def test_a_surplus_array_is_not_written_to(name):
    operands = [np.ones((2, 2)) for _ in range(3)]
    with pytest.raises(TypeRuleError, match=name):
        OPERATIONS[name](*operands)
    assert all((array == 1).all() for array in operands)


def test_a_missing_field_of_a_record_is_an_error():
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'definition'"):
        ops.Primitive("nameless", None, None, None, None, "", 1)
    assert "nameless" not in OPERATIONS


def test_two_primitives_of_one_name_are_an_error():
    record = OPERATIONS["exp"]
    with pytest.raises(ValueError, match="there is a primitive named 'exp' already"):
        ops.Primitive("exp", record.type_rule, record.meaning, record.vjp, record.domain, record.formula, 1, None)
    assert OPERATIONS["exp"] is record


def test_evaluation_leaves_its_inputs_alone_and_hands_out_its_own_arrays():
    program = ops.trace(lambda x: (x, ops.transpose(x), ops.broadcast_to(x[:1], shape=(2, 2))), "f64[2,2]")
    x = np.arange(4.0).reshape(2, 2)
    outputs = evaluate(program, {"x": x})
    for array in outputs.values():
        array += 100.0
    np.testing.assert_array_equal(x, [[0.0, 1.0], [2.0, 3.0]])
    np.testing.assert_array_equal(outputs["1"], [[100.0, 102.0], [101.0, 103.0]])
