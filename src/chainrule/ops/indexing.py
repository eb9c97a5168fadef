"""Reading and adding at places given by integers. Every index is checked: negative or too large is an error, as in every backend."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.errors import IndexRangeError, TypeRuleError
from chainrule.ir import Type
from chainrule.ir.types import Axis, broadcast
from chainrule.ops.elementwise import cast, equal
from chainrule.ops.primitive import NOWHERE, Domain, Primitive, composite, no_gradient, primitive
from chainrule.ops.structure import iota, reshape
from chainrule.ops.type_rules import INTEGERS, same_dtype


def _checked(index: np.ndarray, size: int) -> np.ndarray:
    outside = (index < 0) | (index >= size)
    if outside.any():
        place = tuple(int(i) for i in np.argwhere(outside)[0])
        raise IndexRangeError(place, int(index[place]), size, index.shape[0] if place else 1)
    return index.astype(np.int64)  # so that NumPy does not have to promote unsigned ones


def _gather_type(table: Type, index: Type) -> Type:
    same_dtype(index, allowed=INTEGERS)
    if not table.shape:
        raise TypeRuleError(f"the table is {table} and needs an axis of rows")
    return Type(table.dtype, index.shape + table.shape[1:])


def _gather(table: np.ndarray, index: np.ndarray) -> Any:
    return table[_checked(index, table.shape[0])]


def _gather_vjp(ct: Any, out: Any, table: Any, index: Any) -> tuple[Any, None]:
    return scatter_add(index, ct, size=table.type.shape[0]), None


gather: Primitive = primitive("gather", _gather_type, _gather, _gather_vjp, Domain(((-2.0, 2.0), None)), "{0}[{1}]")


def _scatter_type(index: Type, updates: Type, *, size: Axis) -> Type:
    same_dtype(index, allowed=INTEGERS)
    if updates.shape[: len(index.shape)] != index.shape:
        raise TypeRuleError(f"the updates {updates} do not begin with the axes of the index {index}")
    return Type(updates.dtype, (size, *updates.shape[len(index.shape) :]))


def _scatter(index: np.ndarray, updates: np.ndarray, size: int) -> np.ndarray:
    result = np.zeros((size, *updates.shape[index.ndim :]), updates.dtype)
    np.add.at(result, _checked(index, size), updates)  # one after the other, in the order of the rows
    return result


def _scatter_vjp(ct: Any, out: Any, index: Any, updates: Any, size: Axis) -> tuple[None, Any]:
    return None, gather(ct, index)


scatter_add: Primitive = primitive(
    "scatter_add", _scatter_type, _scatter, _scatter_vjp, Domain((None, (-2.0, 2.0))), "scatter_add({1} at {0}, {size} rows)"
)


def pick_type(x: Type, index: Type) -> Type:
    """Return the type of one element from each row of ``x``: the type of ``x`` without its last axis."""
    same_dtype(index, allowed=INTEGERS)
    if not x.shape or broadcast(x.shape[:-1], index.shape) != x.shape[:-1]:
        raise TypeRuleError(f"the index {index} does not give one place in each row of {x}")
    return Type(x.dtype, x.shape[:-1])


def _pick(x: np.ndarray, index: np.ndarray) -> np.ndarray:
    places = np.broadcast_to(_checked(index, x.shape[-1]), x.shape[:-1])
    return np.take_along_axis(x, places[..., None], -1)[..., 0]


def _pick_vjp(ct: Any, out: Any, x: Any, index: Any) -> tuple[Any, None]:
    return one_hot(index, size=x.type.shape[-1], dtype=x.dtype) * reshape(ct, shape=(*ct.type.shape, 1)), None


pick: Primitive = primitive("pick", pick_type, _pick, _pick_vjp, Domain(((-2.0, 2.0), None)), "{0}[·, {1}]")


def _one_hot_definition(index: Any, *, size: Axis, dtype: str) -> Any:
    places = iota(size=size, dtype=str(index.dtype))
    return cast(equal(reshape(index, shape=(*index.shape, 1)), places), dtype=dtype)


def _one_hot_type(index: Type, *, size: Axis, dtype: str) -> Type:
    same_dtype(index, allowed=INTEGERS)
    return Type(dtype, (*index.shape, size))


one_hot: Primitive = composite(
    "one_hot", _one_hot_definition, type_rule=_one_hot_type, vjp=no_gradient, domain=NOWHERE, formula="one_hot({0}, {size})"
)
