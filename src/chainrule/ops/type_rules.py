"""The type rules that several primitives share."""

from __future__ import annotations

from collections.abc import Callable

from chainrule.errors import TypeRuleError
from chainrule.ir import Type
from chainrule.ir.types import FLOATS, broadcast

INTEGERS = frozenset({"int32", "int64", "uint32", "uint64"})
NUMBERS = FLOATS | INTEGERS
BITS = INTEGERS | {"bool"}
ANY = NUMBERS | BITS


def same_dtype(*types: Type, allowed: frozenset[str] = ANY) -> str:
    """Return the one dtype of all operands; anything else is an error, since casts are equations of their own."""
    dtypes = {type.dtype for type in types}
    if len(dtypes) > 1:
        raise TypeRuleError(f"operands of different dtypes, {' and '.join(map(str, types))}; cast one of them first")
    dtype = dtypes.pop()
    if dtype not in allowed:
        raise TypeRuleError(f"not defined for {dtype} ({' and '.join(map(str, types))})")
    return dtype


def elementwise(operands: int, allowed: frozenset[str] = FLOATS, result: str | None = None) -> Callable[..., Type]:
    """So many operands of one dtype that broadcast, to a result of that dtype (or of ``result``)."""

    def rule(*types: Type) -> Type:
        if len(types) != operands:  # NumPy would take one more for the array to write to
            raise TypeRuleError(f"it takes {operands} operand{'s' * (operands > 1)} and was given {len(types)}")
        dtype = same_dtype(*types, allowed=allowed)
        return Type(result or dtype, broadcast(*(type.shape for type in types)))

    return rule


def axis_number(axis: int, type: Type) -> int:
    """Return the axis counted from the front; it may be given from the back."""
    rank = len(type.shape)
    if not isinstance(axis, int) or isinstance(axis, bool) or not -rank <= axis < rank:
        raise TypeRuleError(f"axis {axis} does not exist in {type}")
    return axis % rank
