"""Where an element stands: one index an axis, and what an operation asks of its operands at an index of its result."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chainrule.ir import Equation, Shape, Value

Add = Callable[["Ix", Any], "Ix"]


class Ix:
    """An index along one axis: the first lane's number, plus ``stride`` a lane; or any number a lane (``lanes``)."""

    __slots__ = ("base", "lanes", "stride")

    def __init__(self, base: Any, stride: int = 0, lanes: Any = None) -> None:
        self.base = base
        self.stride = stride
        self.lanes = lanes

    @property
    def key(self) -> tuple[Any, ...]:
        """Equal for indices that are the same."""
        return (self.base if isinstance(self.base, int) else id(self.base), self.stride, id(self.lanes) if self.lanes is not None else 0)

    @property
    def uniform(self) -> bool:
        """Whether all lanes have the same index."""
        return self.stride == 0 and self.lanes is None


ZERO = Ix(0)
Index = tuple[Ix, ...]

ELEMENTWISE = frozenset(
    [
        "add",
        "subtract",
        "multiply",
        "divide",
        "negative",
        "power",
        "exp",
        "expm1",
        "log",
        "log1p",
        "sqrt",
        "sin",
        "cos",
        "tanh",
        "sigmoid",
        "erf",
        "normal_cdf",
        "normal_pdf",
        "abs",
        "sign",
        "maximum",
        "minimum",
        "floor",
        "equal",
        "not_equal",
        "less",
        "less_equal",
        "is_finite",
        "where",
        "floor_divide",
        "remainder",
        "bitwise_and",
        "bitwise_or",
        "bitwise_xor",
        "bitwise_not",
        "shift_left",
        "shift_right",
        "cast",
    ]
)
MOVING = frozenset(("broadcast_to", "transpose", "slice", "reshape"))  # each element is an element of the operand


def is_scalar_constant(equation: Equation | None) -> bool:
    """Whether an equation is a number, or B as a number."""
    return equation is not None and equation.op.name in ("constant", "dimension") and not equation.outputs[0].type.shape


def is_view(equation: Equation) -> bool:
    """Whether a reshape moves elements between axes, so that it is another view of the memory of a stored operand."""
    if equation.op.name != "reshape":
        return False
    before, after = equation.inputs[0].type.shape, equation.outputs[0].type.shape
    return [axis for axis in before if axis != 1] != [axis for axis in after if axis != 1]


def operands_at(equation: Equation, index: Index, add: Add) -> list[tuple[Value, Index]]:
    """Return for an elementwise or moving operation the operands, each with the index at which it is needed."""
    name, attributes = equation.op.name, equation.attributes
    if name in ELEMENTWISE or name == "broadcast_to":
        return [(value, _aligned(value.type.shape, index)) for value in equation.inputs]
    (x,) = equation.inputs
    rank = len(x.type.shape)
    if name == "transpose":
        axes = attributes.get("axes")
        order = range(rank)[::-1] if axes is None else [axis % rank for axis in axes]
        places = dict(zip(order, index, strict=True))
        return [(x, tuple(places[axis] for axis in range(rank)))]
    if name == "slice":
        axis = attributes["axis"] % rank
        moved = add(index[axis], attributes["start"])
        return [(x, _aligned(x.type.shape, (*index[:axis], moved, *index[axis + 1 :])))]
    kept = iter(ix for ix, axis in zip(index, equation.outputs[0].type.shape, strict=True) if axis != 1)
    return [(x, tuple(ZERO if axis == 1 else next(kept) for axis in x.type.shape))]


def _aligned(shape: Shape, index: Index) -> Index:
    own = index[len(index) - len(shape) :]
    return tuple(ZERO if axis == 1 else ix for axis, ix in zip(shape, own, strict=True))
