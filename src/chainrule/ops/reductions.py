"""Sums, largest elements, and what follows from them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.errors import TypeRuleError
from chainrule.ir import Batch, Shape, Type
from chainrule.ir.types import count
from chainrule.ops.elementwise import cast, equal, real
from chainrule.ops.primitive import Domain, Primitive, primitive, stepwise
from chainrule.ops.structure import broadcast_to, dimension, reshape
from chainrule.ops.type_rules import NUMBERS, axis_number, same_dtype

Axes = int | tuple[int, ...] | None


def normalize(x: Any, axis: Axes) -> tuple[int, ...]:
    """Return the axes as sorted numbers from the front; ``None`` means all."""
    rank = len(x.shape)
    axes = range(rank) if axis is None else (axis,) if isinstance(axis, int) else axis
    return tuple(sorted({axis_number(a, Type("float32", tuple(x.shape))) for a in axes}))


def kept(shape: Shape, axes: tuple[int, ...]) -> Shape:
    """Return the shape with the reduced axes kept at length 1."""
    return tuple(1 if i in axes else size for i, size in enumerate(shape))


def _reduced(x: Type, *, axes: tuple[int, ...]) -> Type:
    same_dtype(x, allowed=NUMBERS)
    if axes != tuple(sorted({axis_number(axis, x) for axis in axes})):
        raise TypeRuleError(f"axes {axes} of {x} are not counted from the front, in order, each once")
    return Type(x.dtype, tuple(size for i, size in enumerate(x.shape) if i not in axes))


def spread(reduced: Any, x: Any, axes: tuple[int, ...]) -> Any:
    """Undo a reduction's loss of shape: repeat its result along the axes that it reduced."""
    inserted = reduced if not reduced.shape else reshape(reduced, shape=kept(x.shape, axes))  # a scalar broadcasts as it is
    return broadcast_to(inserted, shape=tuple(x.shape))


def _sum_vjp(ct: Any, out: Any, x: Any, axes: tuple[int, ...]) -> tuple[Any]:
    return (spread(ct, x, axes),)


_sum: Primitive = primitive(
    "sum", _reduced, lambda x, axes: np.sum(x, axis=axes, dtype=x.dtype), _sum_vjp, Domain.real(), "sum({0}, axes {axes})"
)


def _amax(x: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    if x.dtype.kind != "c":
        lowest = -np.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min
        return np.asarray(np.max(x, axis=axes, initial=lowest))  # of no elements, the lowest number
    rest = [i for i in range(x.ndim) if i not in axes]
    flat = np.transpose(x, (*rest, *axes)).reshape(*(x.shape[i] for i in rest), math.prod(x.shape[i] for i in axes))
    flat = np.insert(flat, 0, -np.inf, -1)
    return np.take_along_axis(flat, flat.real.argmax(-1)[..., None], -1)[..., 0]


def _amax_vjp(ct: Any, out: Any, x: Any, axes: tuple[int, ...]) -> tuple[Any]:
    largest = cast(equal(x, spread(out, x, axes)), dtype=x.dtype)  # elements that tie share the cotangent
    return (spread(ct, x, axes) * largest / spread(_sum(largest, axes=axes), x, axes),)


_max: Primitive = primitive("amax", _reduced, _amax, _amax_vjp, Domain.real(), "max({0}, axes {axes})")


def _reducer(primitive: Primitive) -> Callable[..., Any]:
    def reduce(x: Any, axis: Axes = None, *, keepdims: bool = False) -> Any:
        axes = normalize(x, axis)
        out = primitive(x, axes=axes) if axes else x
        return reshape(out, shape=kept(tuple(x.shape), axes)) if keepdims else out

    return reduce


sum = _reducer(_sum)
sum.__doc__ = "Sum over one axis, several, or all."
amax = _reducer(_max)
amax.__doc__ = "Return the largest element over one axis, several, or all; equal elements share the gradient."


def mean(x: Any, axis: Axes = None, *, keepdims: bool = False) -> Any:
    """Return the mean over one axis, several, or all: the sum, divided by the number of elements."""
    return sum(x, axis, keepdims=keepdims) / size(x, axis)


def size(x: Any, axis: Axes = None) -> Any:
    """Return the number of elements along the axes: a Python number, or a traced scalar if B is among them."""
    factor, power = count(tuple(x.shape[a] for a in normalize(x, axis)))
    if power == 0:
        return factor
    if power > 1:
        raise TypeRuleError(f"the number of elements of {x!r} is not a multiple of B.")
    return dimension(size=Batch(factor), dtype=str(x.dtype))


def _argmax_type(x: Type, *, axis: int) -> Type:
    axis = axis_number(axis, x)
    return Type("int64", x.shape[:axis] + x.shape[axis + 1 :])


argmax: Primitive = stepwise("argmax", _argmax_type, lambda x, axis: np.argmax(real(x), axis=axis), "argmax({0}, axis {axis})")
