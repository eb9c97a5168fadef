"""Products of matrices."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.errors import TypeRuleError
from chainrule.ir import Type
from chainrule.ir.types import FLOATS, broadcast
from chainrule.ops.primitive import Domain, Primitive, primitive
from chainrule.ops.structure import transpose
from chainrule.ops.type_rules import same_dtype


def _matmul_type(x: Type, y: Type) -> Type:
    dtype = same_dtype(x, y, allowed=FLOATS)
    if len(x.shape) < 2 or len(y.shape) < 2:
        raise TypeRuleError(f"{x} @ {y}: both need two axes at least; reshape a vector to a row or a column")
    if x.shape[-1] != y.shape[-2]:
        raise TypeRuleError(f"{x} @ {y}: the inner sizes {x.shape[-1]} and {y.shape[-2]} differ")
    return Type(dtype, (*broadcast(x.shape[:-2], y.shape[:-2]), x.shape[-2], y.shape[-1]))


def _last_two_swapped(x: Any) -> Any:
    rank = len(x.shape)
    return transpose(x) if rank == 2 else transpose(x, axes=(*range(rank - 2), rank - 1, rank - 2))


def _matmul_vjp(ct: Any, out: Any, x: Any, y: Any) -> tuple[Any, Any]:
    return matmul(ct, _last_two_swapped(y)), matmul(_last_two_swapped(x), ct)


matmul: Primitive = primitive("matmul", _matmul_type, np.matmul, _matmul_vjp, Domain.real(2), "{0} @ {1}")
