"""Making arrays, and arranging their elements: shapes, order, parts."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.errors import TypeRuleError
from chainrule.ir import Batch, Shape, Type
from chainrule.ir.types import FLOATS, Axis, broadcast, count, show_shape
from chainrule.ops.primitive import Domain, Primitive, primitive, stepwise
from chainrule.ops.type_rules import NUMBERS, axis_number, same_dtype

# making


def _constant_type(*, value: Any, dtype: str) -> Type:
    array = np.asarray(value)
    with np.errstate(invalid="ignore"):
        exact = dtype in FLOATS or bool(np.all(array.astype(dtype) == array))
    if array.dtype.kind not in "biufc" or not exact or (array.dtype.kind == "c" and dtype != "complex128"):
        raise TypeRuleError(f"{value!r} cannot be of dtype {dtype}; cast what it meets")
    return Type(dtype, array.shape)


constant: Primitive = stepwise("constant", _constant_type, lambda value, dtype: np.asarray(value, dtype=dtype), "{value}")
dimension: Primitive = stepwise(
    "dimension",
    lambda *, size, dtype: Type(same_dtype(Type(dtype, (size,)), allowed=NUMBERS)),
    lambda size, dtype: np.asarray(size, dtype=dtype),
    "{size}",
)
iota: Primitive = stepwise(
    "iota",
    lambda *, size, dtype: Type(same_dtype(Type(dtype), allowed=NUMBERS), (size,)),
    lambda size, dtype: np.arange(size, dtype=dtype),
    "0 … {size} - 1",
)


def full(shape: Shape, value: Any, dtype: str) -> Any:
    """Return an array of one number."""
    return broadcast_to(constant(value=value, dtype=dtype), shape=tuple(shape))


def zeros_like(x: Any) -> Any:
    """Return zeros of the shape and dtype of ``x``."""
    return full(x.shape, 0, str(x.dtype))


# shapes


def _broadcast_type(x: Type, *, shape: Shape) -> Type:
    if broadcast(x.shape, shape) != shape:
        raise TypeRuleError(f"{x} does not broadcast to {show_shape(shape)}")
    return Type(x.dtype, shape)


# reverse undoes broadcasting, so the rule does not
_broadcast_to: Primitive = primitive(
    "broadcast_to", _broadcast_type, np.broadcast_to, lambda ct, out, x, shape: (ct,), Domain.real(), "broadcast({0}, {shape})"
)


def broadcast_to(x: Any, *, shape: Shape) -> Any:
    """Repeat ``x`` to a shape that it broadcasts to."""
    return x if tuple(x.shape) == tuple(shape) else _broadcast_to(x, shape=tuple(shape))


def _reshape_type(x: Type, *, shape: Shape) -> Type:
    if count(x.shape) != count(shape):
        raise TypeRuleError(f"{x} cannot take the shape {show_shape(shape)}: the numbers of elements differ")
    return Type(x.dtype, shape)


_reshape: Primitive = primitive(
    "reshape",
    _reshape_type,
    lambda x, shape: np.reshape(x, shape),
    lambda ct, out, x, shape: (reshape(ct, shape=x.type.shape),),
    Domain.real(),
    "reshape({0}, {shape})",
)


def reshape(x: Any, *, shape: Shape) -> Any:
    """Return the same elements, in the same order, in another shape."""
    return x if tuple(x.shape) == tuple(shape) else _reshape(x, shape=tuple(shape))


def _permutation(x: Type, axes: tuple[int, ...] | None) -> tuple[int, ...]:
    order = tuple(range(len(x.shape)))[::-1] if axes is None else tuple(axis_number(axis, x) for axis in axes)
    if sorted(order) != list(range(len(x.shape))):
        raise TypeRuleError(f"axes {axes} are not an order of the axes of {x}")
    return order


def _transpose_type(x: Type, *, axes: tuple[int, ...] | None = None) -> Type:
    return Type(x.dtype, tuple(x.shape[axis] for axis in _permutation(x, axes)))


def _transpose_vjp(ct: Any, out: Any, x: Any, axes: tuple[int, ...] | None = None) -> tuple[Any]:
    return (transpose(ct) if axes is None else transpose(ct, axes=tuple(np.argsort(_permutation(x.type, axes)).tolist())),)


transpose: Primitive = primitive("transpose", _transpose_type, np.transpose, _transpose_vjp, Domain.real(), "transpose({0})")

# parts


def _concatenate_type(*types: Type, axis: int) -> Type:
    axis = axis_number(axis, types[0])
    sizes = [type.shape[axis] for type in types]
    if any(t.shape[:axis] + t.shape[axis + 1 :] != types[0].shape[:axis] + types[0].shape[axis + 1 :] for t in types):
        raise TypeRuleError(f"{' and '.join(map(str, types))} differ in more than axis {axis}")
    return Type(same_dtype(*types), (*types[0].shape[:axis], _total(sizes), *types[0].shape[axis + 1 :]))


def _total(sizes: list[Axis]) -> Axis:
    batches = [size.multiple for size in sizes if isinstance(size, Batch)]
    if len(batches) not in (0, len(sizes)):
        raise TypeRuleError("an axis of B rows and an axis of fixed length do not join to a multiple of B")
    return Batch(sum(batches)) if batches else sum(size for size in sizes if isinstance(size, int))


def _concatenate_vjp(ct: Any, out: Any, *operands: Any, axis: int) -> tuple[Any, ...]:
    position = axis_number(axis, out.type)
    cotangents, start = [], None
    for operand in operands:
        size = operand.type.shape[position]
        stop = size if start is None else _total([start, size])
        cotangents.append(take_slice(ct, axis=position, start=start if start is not None else 0, stop=stop))
        start = stop
    return tuple(cotangents)


_concatenate: Primitive = primitive(
    "concatenate",
    _concatenate_type,
    lambda *arrays, axis: np.concatenate(arrays, axis),
    _concatenate_vjp,
    Domain.real(2),
    "concatenate({operands}, axis {axis})",
)


def concatenate(arrays: list[Any], *, axis: int = 0) -> Any:
    """Join one array or more along an axis."""
    return arrays[0] if len(arrays) == 1 else _concatenate(*arrays, axis=axis)


def _span(x: Type, axis: int, start: Axis, stop: Axis) -> Axis:
    low, high, size = (a.multiple if isinstance(a, Batch) else a for a in (start, stop, x.shape[axis]))
    symbolic = isinstance(x.shape[axis], Batch)
    kinds = symbolic == isinstance(stop, Batch) and (start == 0 or symbolic == isinstance(start, Batch))
    if not kinds or not 0 <= low <= high <= size or (symbolic and low == high):
        raise TypeRuleError(f"{start}:{stop} is not a part of axis {axis} of {x}")
    return Batch(high - low) if symbolic else high - low


def _slice_type(x: Type, *, axis: int, start: Axis, stop: Axis) -> Type:
    axis = axis_number(axis, x)
    return Type(x.dtype, (*x.shape[:axis], _span(x, axis, start, stop), *x.shape[axis + 1 :]))


def _slice_vjp(ct: Any, out: Any, x: Any, axis: int, start: Axis, stop: Axis) -> tuple[Any]:
    axis, shape = axis_number(axis, x.type), x.type.shape
    parts = [ct]
    for low, high, front in ((0, start, True), (stop, shape[axis], False)):
        if low != high:
            gap = _span(x.type, axis, low, high)
            zeros = full((*shape[:axis], gap, *shape[axis + 1 :]), 0, ct.dtype)
            parts = [zeros, *parts] if front else [*parts, zeros]
    return (concatenate(parts, axis=axis),)


take_slice: Primitive = primitive(
    "slice",
    _slice_type,
    lambda x, axis, start, stop: x[(slice(None),) * (axis % x.ndim) + (slice(start, stop),)],
    _slice_vjp,
    Domain.real(),
    "{0}[axis {axis}: {start}:{stop}]",
)


def take_slices(x: Any, key: Any) -> Any:
    """Index by integers, slices of step 1, ``...`` and ``None``, on axes of fixed length (what ``x[key]`` does on traced values)."""
    keys = key if isinstance(key, tuple) else (key,)
    if not all(k is None or k is ... or type(k) is int or (isinstance(k, slice) and k.step in (None, 1)) for k in keys):
        raise TypeRuleError(f"{x!r} cannot be indexed by {key!r}; use ops.gather, ops.pick or ops.take_slice.")
    wanted = sum(k is not None and k is not ... for k in keys)
    if ... in keys:
        at = keys.index(...)
        keys = (*keys[:at], *(slice(None),) * (x.ndim - wanted), *keys[at + 1 :])
    shape: list[Axis] = []
    axis = 0
    for k in (*keys, *(slice(None),) * (x.ndim - sum(k is not None for k in keys))):
        if k is None:
            shape.append(1)
            continue
        if axis >= x.ndim:
            raise TypeRuleError(f"{x!r} has {x.ndim} axes and is indexed by more.")
        size = x.shape[axis]
        if k != slice(None):
            if isinstance(size, Batch):
                raise TypeRuleError(f"{x!r} cannot be indexed by {k!r} on axis {axis}, whose length is {size}; use ops.take_slice.")
            if isinstance(k, int) and not -size <= k < size:
                raise TypeRuleError(f"index {k} is outside of axis {axis} of {x!r}.")
            start, stop, _ = (k % size, k % size + 1, 1) if isinstance(k, int) else k.indices(size)
            x = take_slice(x, axis=axis, start=start, stop=max(start, stop))
        if not isinstance(k, int):
            shape.append(x.shape[axis])
        axis += 1
    return reshape(x, shape=tuple(shape))
