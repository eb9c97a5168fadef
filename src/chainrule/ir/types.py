"""The types of values: a dtype, and a shape whose axes are integers or whole multiples of the symbolic batch size ``B``."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from chainrule.errors import TypeRuleError

SHORT = {
    "float32": "f32",
    "float64": "f64",
    "int32": "i32",
    "int64": "i64",
    "uint32": "u32",
    "uint64": "u64",
    "bool": "bool",
    "complex128": "c128",  # only made by transforms.retype, for the complex step
}
LONG = {short: name for name, short in SHORT.items()}
FLOATS = frozenset({"float32", "float64", "complex128"})


@dataclass(frozen=True, order=True)
class Batch:
    """An axis of ``multiple`` × B rows, where B is the batch size that a program's inputs bind when it runs."""

    multiple: int = 1

    def __post_init__(self) -> None:
        if type(self.multiple) is not int or self.multiple < 1:
            raise TypeRuleError(f"an axis of {self.multiple!r} times B does not exist; the multiple is a whole number of at least 1.")

    def __str__(self) -> str:
        return "B" if self.multiple == 1 else f"{self.multiple}B"

    __repr__ = __str__


B = Batch()
Axis = int | Batch
Shape = tuple[Axis, ...]


@dataclass(frozen=True)
class Type:
    """The type of a value: a dtype by NumPy's name and a shape. ``Type("float32", (B, 4))`` is written ``f32[B,4]``."""

    dtype: str
    shape: Shape = ()

    def __post_init__(self) -> None:
        if self.dtype not in SHORT:
            raise TypeRuleError(f"dtype {self.dtype} is not one of {', '.join(SHORT)}; cast it first.")
        for axis in self.shape:
            if not isinstance(axis, Batch) and (type(axis) is not int or axis < 0):
                raise TypeRuleError(f"{axis!r} is not an axis; an axis is a whole number of elements or a multiple of B.")

    def __str__(self) -> str:
        return f"{SHORT[self.dtype]}[{','.join(map(str, self.shape))}]"

    __repr__ = __str__

    @property
    def is_float(self) -> bool:
        """Whether values of this type can have gradients."""
        return self.dtype in FLOATS

    @classmethod
    def parse(cls, text: str) -> Type:
        """Read a type as it is written: ``f32[B,4]``, ``i64[B]``, ``f64[]``, ``bool[2B]``."""
        match = re.fullmatch(r"\s*(\w+)\s*\[(.*)\]\s*", text)
        try:
            if match is None or match[1] not in LONG:
                raise ValueError
            axes = [axis.strip() for axis in match[2].split(",")] if match[2].strip() else []
            return cls(LONG[match[1]], tuple(Batch(int(a[:-1] or 1)) if a.endswith("B") else int(a) for a in axes))
        except (ValueError, TypeRuleError):
            raise TypeRuleError(f"'{text}' is not a type; write it like f32[B,4], i64[B] or f64[] ({', '.join(LONG)}).") from None

    @classmethod
    def of(cls, array: Any) -> Type:
        """Return the type of a NumPy array (or anything that NumPy takes for one)."""
        array = np.asarray(array)
        return _type_of(array.dtype, array.shape)


@lru_cache(1024)  # NumPy takes its time to name a dtype
def _type_of(dtype: np.dtype[Any], shape: Shape) -> Type:
    return Type(dtype.name, shape)


def broadcast(*shapes: Shape) -> Shape:
    """Return the common shape by NumPy's rules, decided by types: ``B`` meets ``B`` or 1, whatever number B will be."""
    if shapes and all(shape == shapes[0] for shape in shapes):
        return shapes[0]
    rank = max(map(len, shapes), default=0)
    result: list[Axis] = []
    for axes in zip(*((1,) * (rank - len(shape)) + shape for shape in shapes), strict=True):
        wide = {axis for axis in axes if axis != 1}
        if len(wide) > 1:
            raise TypeRuleError(f"shapes {' and '.join(map(show_shape, shapes))} do not broadcast")
        result.append(wide.pop() if wide else 1)
    return tuple(result)


def show_shape(shape: Sequence[Axis]) -> str:
    """Write a shape: ``[B,4]``."""
    return f"[{','.join(map(str, shape))}]"


def count(shape: Shape) -> tuple[int, int]:
    """Return the number of elements of a shape as (factor, power of B): ``[B,4]`` has 4·B¹."""
    factor = math.prod(axis.multiple if isinstance(axis, Batch) else axis for axis in shape)
    return factor, sum(isinstance(axis, Batch) for axis in shape)


def depends_on_batch(value: Any) -> bool:
    """Return whether an attribute, a shape, or anything in a tuple of them is a symbolic axis."""
    return isinstance(value, Batch) or (isinstance(value, tuple) and any(map(depends_on_batch, value)))


def bind_axes(value: Any, rows: int) -> Any:
    """Replace every symbolic axis in an attribute (or a tuple of them) by its number for a batch of ``rows``."""
    if isinstance(value, Batch):
        return value.multiple * rows
    if isinstance(value, tuple):
        return tuple(bind_axes(item, rows) for item in value)
    return value
