"""Types as they are written, and broadcasting decided by them."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule.errors import TypeRuleError
from chainrule.ir import B, Batch, Type, bind_axes
from chainrule.ir.types import SHORT, broadcast, count

axes = st.one_of(st.integers(0, 50), st.integers(1, 5).map(Batch))
types = st.builds(Type, st.sampled_from(sorted(SHORT)), st.lists(axes, max_size=4).map(tuple))


@given(types)
def test_a_type_is_read_as_it_is_written(type):
    assert Type.parse(str(type)) == type


@pytest.mark.parametrize(
    "text",
    ["f32", "f32[", "f16[3]", "f32[-1]", "f32[B2]", "f32[0B]", "f32[-2B]", "f32[3.0]", "f32[,]", "f32[3,]", "", "float32[3]", "f32[b]"],
)
def test_what_is_not_a_type_is_refused(text):
    with pytest.raises(TypeRuleError, match=re.escape(f"'{text}' is not a type; write it like f32[B,4]")):
        Type.parse(text)


def test_spaces_do_not_matter():
    assert Type.parse(" f32 [ 2B , 4 ] ") == Type("float32", (Batch(2), 4))


@pytest.mark.parametrize("shape", [(-1,), (1.5,), (True,), ("B",), (None,), (np.int64(3),)])
def test_an_axis_is_a_number_or_a_multiple_of_b(shape):
    with pytest.raises(TypeRuleError, match="is not an axis"):
        Type("float32", shape)


@pytest.mark.parametrize("multiple", [0, -1, 1.0, True, "2"])
def test_the_multiple_of_b_is_a_whole_number(multiple):
    with pytest.raises(TypeRuleError, match="times B does not exist"):
        Batch(multiple)


@given(st.lists(st.lists(st.sampled_from([1, 2, 3]), max_size=3).map(tuple), min_size=1, max_size=3))
def test_broadcasting_of_numbers_is_numpy_s(shapes):
    try:
        expected = np.broadcast_shapes(*shapes)
    except ValueError:
        with pytest.raises(TypeRuleError, match="do not broadcast"):
            broadcast(*shapes)
    else:
        assert broadcast(*shapes) == expected


@pytest.mark.parametrize(
    ("shapes", "result"),
    [
        (((B, 4), (4,)), (B, 4)),
        (((B, 1), (1, 4)), (B, 4)),
        (((1, 4), (B, 4)), (B, 4)),
        (((B,), ()), (B,)),
        (((2, B), (B,)), (2, B)),
        (((B, 4), (5, 4)), None),
        (((B, 4), (B,)), None),
        (((B,), (Batch(2),)), None),
        (((0, 3), (B, 3)), None),
    ],
)
def test_b_meets_b_or_one(shapes, result):
    if result is None:
        with pytest.raises(TypeRuleError, match="do not broadcast"):
            broadcast(*shapes)
    else:
        assert broadcast(*shapes) == result


def test_elements_are_counted_with_their_power_of_b():
    assert count((B, 4, Batch(3))) == (12, 2) and count(()) == (1, 0)


def test_axes_are_bound_inside_tuples():
    assert bind_axes((B, (Batch(3), 4), "B", None), 5) == (5, (15, 4), "B", None)
