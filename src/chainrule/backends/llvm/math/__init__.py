"""Elementary functions as IR, for one number or a vector of any number of lanes, in float32 and float64.

They are branch-free: polynomials in fused multiply-add, integer operations on the bits, and choices at the ends. So they can stand in
any loop, and their results have the same bits on every machine and for every number of lanes. Zeros, infinities, NaN and denormals are
as in NumPy.
"""

from __future__ import annotations

from collections.abc import Callable

from llvmlite import ir

from chainrule.backends.llvm.math.exponential import exp, expm1, sigmoid, tanh
from chainrule.backends.llvm.math.lanes import Real
from chainrule.backends.llvm.math.logarithm import log, log1p

__all__ = ["ERRORS", "FUNCTIONS", "emit"]

FUNCTIONS: dict[str, Callable[..., Real]] = {
    "abs": abs,
    "exp": exp,
    "expm1": expm1,
    "floor": lambda x: x.intrinsic("floor"),
    "log": log,
    "log1p": log1p,
    "sigmoid": sigmoid,
    "sqrt": lambda x: x.intrinsic("sqrt"),
    "tanh": tanh,
}

# The largest errors, in units of the last place of the correct result. The tests measure them.
ERRORS: dict[tuple[str, str], float] = {}


def emit(builder: ir.IRBuilder, name: str, *values: ir.Value) -> ir.Value:
    """Append a function of `FUNCTIONS` to the builder's block.

    Args:
        builder: Where to write. No block is added.
        name: The function, such as "exp"; see `FUNCTIONS`.
        values: Its arguments: float, double or vectors of them, all of one type, which is the result's type too.

    Raises:
        KeyError: There is no function of this name.
        TypeError: An argument is not a float.
    """
    return FUNCTIONS[name](*(Real.of(builder, value) for value in values)).value
