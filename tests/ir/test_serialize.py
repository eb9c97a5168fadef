"""Programs as JSON: what returns, and what a hostile file can do (nothing but a clear error)."""

from __future__ import annotations

import copy
import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule import ops
from chainrule.backends.reference import evaluate
from chainrule.errors import FileFormatError, ProgramError
from chainrule.ir import B, Type
from chainrule.ir.serialize import from_json, to_json
from chainrule.ops import OPERATIONS, named, scope
from chainrule.transforms import reverse

BIG = np.random.default_rng(0).normal(size=(5, 4))
SMALL = np.array([np.inf, -0.0, 5e-324, 1 / 3, 2.0**60])


def rich_program():
    """A program with every kind of attribute: numbers, infinities, symbolic axes, tuples, small and large arrays."""

    def function(x, label):
        with scope(layer="hidden_1"):
            h = named(ops.elu(x @ BIG.T, alpha=0.1), "out")
        table = ops.gather(np.arange(40).astype(np.uint64), label)
        masked = ops.where(ops.less(h, 0.25), -float("inf"), h * SMALL)
        with scope(phase="loss"):
            places = ops.cast(ops.iota(size=B, dtype="int64"), dtype="float64")
            spread = ops.broadcast_to(ops.reshape(places, shape=(B, 1)), shape=(B, 5))
            loss = ops.mean(ops.where(ops.is_finite(masked), masked * spread, ops.sum(SMALL))) + ops.mean(
                ops.cross_entropy_of_labels(h, label)
            )
        return {
            "loss": named(loss, "loss"),
            "table": table,
            "masked": ops.transpose(ops.concatenate([masked, masked], axis=0), axes=(1, 0)),
        }

    return reverse(ops.trace(function, "f64[B,4]", "i64[B]"), ["x"], of="loss")


def through_json(program):
    data, tensors = to_json(program)
    return from_json(json.loads(json.dumps(data, allow_nan=False)), OPERATIONS, tensors)


def test_a_program_returns_with_its_listing_its_origins_and_its_bits():
    program = rich_program()
    again = through_json(program)
    assert str(again) == str(program)

    def origins(p):
        places = {value: number for number, value in enumerate(v for e in p.equations for v in e.outputs)}
        return [[(o.phase, o.layer, places.get(o.source)) for o in e.origins] for e in p.equations]

    assert origins(again) == origins(program)
    assert [p.name for p in again.inputs] == [p.value.name for p in again.inputs]
    arrays = {"x": np.random.default_rng(1).normal(size=(3, 4)), "label": np.array([3, 0, 1])}
    first, second = evaluate(program, arrays), evaluate(again, arrays)
    assert all(array.tobytes() == second[name].tobytes() for name, array in first.items())


def test_large_constants_are_tensors_and_small_ones_numbers():
    data, tensors = to_json(rich_program())
    assert {name: array.shape for name, array in tensors.items()} == {"constant.0": (4, 5), "constant.1": (40,)}
    assert len(json.dumps(data)) < 20000


@pytest.mark.parametrize("value", [0.1, -0.0, 5e-324, float("inf"), -float("inf"), float("nan"), 2.0**1000])
def test_every_float_returns(value):
    program = ops.trace(lambda x: ops.add(x, value), "f64[]")
    got = through_json(program).equations[0].attributes["value"]
    assert np.float64(got).tobytes() == np.float64(value).tobytes()


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "int64", "uint32", "uint64", "bool"])
@pytest.mark.parametrize("size", [2, 16, 17])
def test_every_array_returns(dtype, size):
    array = np.random.default_rng(0).integers(0, 2**31, size).astype(dtype)
    program = ops.trace(lambda x: ops.equal(x, array), Type(dtype, (size,)))
    got = through_json(program).equations[0].attributes["value"]
    assert got.dtype == array.dtype and got.tobytes() == array.tobytes()
    assert (len(to_json(program)[1]) == 1) == (size > 16)


def test_a_port_keeps_its_own_name():
    program = ops.trace(lambda x: ops.exp(x), "f64[]")
    renamed = replace(program, inputs=(replace(program.inputs[0], name="age"),))
    assert through_json(renamed).inputs[0].name == "age"


def test_what_json_cannot_hold_is_refused():
    program = ops.trace(lambda x: x + 1.0, "f64[]")
    program.equations[0].attributes["value"] = object()
    with pytest.raises(ProgramError, match="an attribute of type object cannot be written"):
        to_json(program)


# hostile files

DATA, TENSORS = to_json(rich_program())


def damaged(change):
    data = copy.deepcopy(DATA)
    change(data)
    return data


def put(path, value):
    def change(data):
        *front, last = path
        for key in front:
            data = data[key]
        data[last] = value

    return change


def remove(*path):
    def change(data):
        *front, last = path
        for key in front:
            data = data[key]
        del data[last]

    return change


def nested(depth):
    value = []
    for _ in range(depth):
        value = [value]
    return value


def op_named(name):
    return next(number for number, item in enumerate(DATA["equations"]) if item["op"] == name)


HOSTILE = {
    "not a dict": lambda: [1, 2],
    "none": lambda: None,
    "no format": dict,
    "newer format": lambda: damaged(put(["format"], 2)),
    "format as text": lambda: damaged(put(["format"], "1")),
    "no equations": lambda: damaged(remove("equations")),
    "equations a number": lambda: damaged(put(["equations"], 7)),
    "an equation a text": lambda: damaged(put(["equations", 0], "exp")),
    "unknown operation": lambda: damaged(put(["equations", 0, "op"], "os.system")),
    "operation a list": lambda: damaged(put(["equations", 0, "op"], [])),
    "newer version": lambda: damaged(put(["equations", 0, "version"], 2)),
    "version a text": lambda: damaged(put(["equations", 0, "version"], "1")),
    "version zero": lambda: damaged(put(["equations", 0, "version"], 0)),
    "operand too large": lambda: damaged(put(["equations", 1, "in"], [10**9, 0])),
    "operand negative": lambda: damaged(put(["equations", 1, "in"], [-1, 0])),
    "operand true": lambda: damaged(put(["equations", 1, "in"], [True, 0])),
    "operand a float": lambda: damaged(put(["equations", 1, "in"], [0.0, 1])),
    "operand of a later equation": lambda: damaged(put(["equations", 1, "in"], [40, 40])),
    "no operand": lambda: damaged(put(["equations", 1, "in"], [])),
    "wrong type of a result": lambda: damaged(put(["equations", 1, "out", 0, "type"], "f64[3]")),
    "type of a result no type": lambda: damaged(put(["equations", 1, "out", 0, "type"], "f64[-3]")),
    "type of a result a number": lambda: damaged(put(["equations", 1, "out", 0, "type"], 3)),
    "name a number": lambda: damaged(put(["inputs", 0, "name"], 3)),
    "name of a value a list": lambda: damaged(put(["equations", 1, "out", 0, "name"], [])),
    "input without role": lambda: damaged(remove("inputs", 0, "role")),
    "two inputs of one name": lambda: damaged(put(["inputs", 1, "name"], "x")),
    "output of nothing": lambda: damaged(put(["outputs", 0, "value"], 10**6)),
    "unknown phase": lambda: damaged(put(["equations", 1, "origins"], [["after", "", None]])),
    "phase a list": lambda: damaged(put(["equations", 1, "origins"], [[[], "", None]])),
    "layer a number": lambda: damaged(put(["equations", 1, "origins"], [["forward", 3, None]])),
    "source negative": lambda: damaged(put(["equations", 1, "origins"], [["forward", "", -1]])),
    "no origins": lambda: damaged(put(["equations", 1, "origins"], [])),
    "origins too short": lambda: damaged(put(["equations", 1, "origins"], [["forward"]])),
    "attributes a list": lambda: damaged(put(["equations", 1, "attributes"], [1])),
    "unknown attribute": lambda: damaged(put(["equations", 1, "attributes"], {"x": 1})),
    "deep nesting": lambda: damaged(put(["equations", 1, "attributes"], {"axes": nested(100_000)})),
    "missing tensor": lambda: damaged(put(["equations", op_named("constant"), "attributes", "value"], {"tensor": "weights"})),
    "object array": lambda: damaged(
        put(["equations", op_named("constant"), "attributes", "value"], {"dtype": "object", "shape": [1], "data": ["x"]})
    ),
    "too few numbers": lambda: damaged(
        put(["equations", op_named("constant"), "attributes", "value"], {"dtype": "float64", "shape": [3], "data": [1.0]})
    ),
    "negative shape": lambda: damaged(
        put(["equations", op_named("constant"), "attributes", "value"], {"dtype": "float64", "shape": [-1], "data": [1.0]})
    ),
    "text as a constant": lambda: damaged(put(["equations", op_named("constant"), "attributes", "value"], "1")),
    "endless integer": lambda: damaged(put(["equations", op_named("constant"), "attributes", "value"], 10**400)),
    "endless integer as an element": lambda: damaged(
        put(["equations", op_named("constant"), "attributes", "value"], {"dtype": "float64", "shape": [1], "data": [10**400]})
    ),
    "dtype unknown": lambda: damaged(put(["equations", op_named("iota"), "attributes", "dtype"], "float16")),
    "dtype a list": lambda: damaged(put(["equations", op_named("iota"), "attributes", "dtype"], [])),
    "no rows of B": lambda: damaged(put(["equations", op_named("iota"), "attributes", "size"], {"B": 0})),
    "negative size": lambda: damaged(put(["equations", op_named("iota"), "attributes", "size"], -4)),
    "half an axis": lambda: damaged(put(["equations", op_named("sum"), "attributes", "axes"], [0.5])),
    "axis from the back": lambda: damaged(put(["equations", op_named("sum"), "attributes", "axes"], [-1])),
    "axes a number": lambda: damaged(put(["equations", op_named("sum"), "attributes", "axes"], 0)),
    "shape a text": lambda: damaged(put(["equations", op_named("broadcast_to"), "attributes", "shape"], "B,4")),
    "shape of texts": lambda: damaged(put(["equations", op_named("broadcast_to"), "attributes", "shape"], ["B", 4])),
    "alpha a text": lambda: damaged(put(["equations", op_named("elu"), "attributes", "alpha"], "one")),
    "alpha missing": lambda: damaged(put(["equations", op_named("elu"), "attributes"], {})),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_damaged_file_is_refused(kind):
    with pytest.raises((FileFormatError, ProgramError)) as caught:
        from_json(HOSTILE[kind](), OPERATIONS, TENSORS)
    assert len(str(caught.value)) < 600


def test_a_newer_operation_is_named():
    with pytest.raises(FileFormatError, match=r"needs operation 'warp' version 1, which this version .* install a newer Chainrule"):
        from_json(damaged(put(["equations", 0, "op"], "warp")), OPERATIONS, TENSORS)


def places(data, path=()):
    """Yield the path of everything in the data."""
    for key in range(len(data)) if isinstance(data, list) else data if isinstance(data, dict) else ():
        yield (*path, key)
        yield from places(data[key], (*path, key))


PLACES = list(places(DATA))
junk = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 3), st.integers(), st.floats(), st.text(max_size=3), st.just([]), st.just({}),
    st.sampled_from(["forward", "float32", "f32[B]", "sum", [0], [[1]], {"B": 2}, {"tensor": "constant.0"}, {"float": "inf"}]),
)  # fmt: skip


@settings(max_examples=400, derandomize=True)
@given(st.sampled_from(PLACES), junk)
def test_anything_anywhere_gives_a_program_that_runs_or_a_clear_error(path, value):
    data = copy.deepcopy(DATA)
    put(path, value)(data)
    try:
        program = from_json(data, OPERATIONS, TENSORS)
    except (FileFormatError, ProgramError):
        return
    str(program)
    json.dumps(to_json(program)[0], allow_nan=False)
