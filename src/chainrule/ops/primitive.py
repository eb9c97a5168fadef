"""What a primitive is: one record with everything that anybody needs to know of an operation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from chainrule.ir import Type
from chainrule.ops.tracing import OPERATIONS, apply

Vjp = Callable[..., tuple[Any, ...]]


@dataclass(frozen=True)
class Domain:
    """Where derivatives are tested: each operand is drawn from its interval; ``None`` marks operands without gradients (indices, masks)."""

    intervals: tuple[tuple[float, float] | None, ...]

    @classmethod
    def real(cls, operands: int = 1, low: float = -2.0, high: float = 2.0) -> Domain:
        """Return the same interval for each of the operands."""
        return cls(((low, high),) * operands)


NOWHERE = Domain(())  # of operations whose results are not floats or do not depend on their operands smoothly


def no_gradient(ct: Any, out: Any, *operands: Any, **attributes: Any) -> tuple[None, ...]:
    """The rule of operations that are constant wherever they are smooth: no operand gets a cotangent."""
    return (None,) * len(operands)


@dataclass(frozen=True, eq=False)
class Primitive:
    """An operation. Every field must be given; a primitive is called like a function, on traced values or on arrays.

    Attributes:
        name: unique among primitives.
        type_rule: types of the operands, attributes → type of the output (or a tuple of types); raises TypeRuleError.
        meaning: the definition on NumPy arrays. On complex arrays it is the analytic continuation, so that the complex step
            f'(x) = Im f(x + ih)/h (Squire and Trapp 1998) holds: comparisons and maxima by the real part, no conjugation.
        vjp: ``(cotangent of the output, output, *operands, **attributes)`` → one cotangent per operand, or None, written in
            operations, so that a gradient is a program again. Broadcasting is undone by ``transforms.reverse``, not here.
        domain: where derivatives are tested.
        formula: as text, ``{0}``, ``{1}`` for the operands and ``{name}`` for attributes.
        version: of the meaning; stored in files.
        definition: for a composite, its meaning as a function in other operations; ``None`` for what is not composed.
    """

    name: str
    type_rule: Callable[..., Type | tuple[Type, ...]]
    meaning: Callable[..., Any]
    vjp: Vjp
    domain: Domain
    formula: str
    version: int
    definition: Callable[..., Any] | None

    def __post_init__(self) -> None:
        if OPERATIONS.setdefault(self.name, self) is not self:
            raise ValueError(f"there is a primitive named '{self.name}' already.")

    def __call__(self, *operands: Any, **attributes: Any) -> Any:
        """Apply the operation to traced values or arrays; a Python number takes the dtype of the other operands."""
        return apply(self, operands, attributes)

    def __repr__(self) -> str:
        return f"<primitive {self.name}>"


def primitive(
    name: str, type_rule: Callable[..., Any], meaning: Callable[..., Any], vjp: Vjp, domain: Domain, formula: str, version: int = 1
) -> Primitive:
    """Make a primitive that is not composed of others."""
    return Primitive(name, type_rule, meaning, vjp, domain, formula, version, None)


def stepwise(name: str, type_rule: Callable[..., Any], meaning: Callable[..., Any], formula: str, version: int = 1) -> Primitive:
    """Make a primitive that is constant wherever it is smooth, or whose result is no float: no operand gets a cotangent."""
    return Primitive(name, type_rule, meaning, no_gradient, NOWHERE, formula, version, None)


def composite(
    name: str, definition: Callable[..., Any], *, type_rule: Callable[..., Type], vjp: Vjp, domain: Domain, formula: str, version: int = 1
) -> Primitive:
    """Make a primitive whose meaning is a function in other operations, with a derivative rule of its own that is numerically better
    or easier to read; tests compare the two."""
    return Primitive(name, type_rule, definition, vjp, domain, formula, version, definition)
