"""Elementary functions as IR, for one number or a vector of any number of lanes, in float32 and float64.

They are polynomials in fused multiply-add, integer operations on the bits, and choices at the ends; only sin and cos have a branch, to what
numbers of more than 5e5 (float32) and 1e14 (float64) need. Their results have the same bits on every machine, for every number of lanes and
beside any others. Zeros, infinities, NaN and denormals are as in NumPy.
"""

from __future__ import annotations

from collections.abc import Callable

from llvmlite import ir

from chainrule.backends.llvm.math.error_function import erf
from chainrule.backends.llvm.math.exponential import exp, expm1, sigmoid, tanh
from chainrule.backends.llvm.math.lanes import Real
from chainrule.backends.llvm.math.logarithm import log, log1p
from chainrule.backends.llvm.math.normal import gelu, normal_cdf, normal_pdf
from chainrule.backends.llvm.math.power import power
from chainrule.backends.llvm.math.trigonometric import cos, sin

__all__ = ["ERRORS", "FUNCTIONS", "emit"]

FUNCTIONS: dict[str, Callable[..., Real]] = {
    "abs": abs,
    "cos": cos,
    "erf": erf,
    "exp": exp,
    "expm1": expm1,
    "floor": lambda x: x.intrinsic("floor"),
    "gelu": gelu,
    "log": log,
    "log1p": log1p,
    "normal_cdf": normal_cdf,
    "normal_pdf": normal_pdf,
    "power": power,
    "sigmoid": sigmoid,
    "sin": sin,
    "sqrt": lambda x: x.intrinsic("sqrt"),
    "tanh": tanh,
}

# No error is larger, in units of the last place of the correct result: measured in the tests.
ERRORS: dict[tuple[str, str], float] = {
    ("abs", "float32"): 0.0,
    ("cos", "float32"): 1.7,
    ("erf", "float32"): 1.0,
    ("exp", "float32"): 1.0,
    ("expm1", "float32"): 1.7,
    ("floor", "float32"): 0.0,
    ("gelu", "float32"): 1.8,
    ("log", "float32"): 1.0,
    ("log1p", "float32"): 1.5,
    ("normal_cdf", "float32"): 1.6,
    ("normal_pdf", "float32"): 1.7,
    ("power", "float32"): 0.6,
    ("sigmoid", "float32"): 2.0,
    ("sin", "float32"): 1.7,
    ("sqrt", "float32"): 0.5,
    ("tanh", "float32"): 2.0,
    ("abs", "float64"): 0.0,
    ("cos", "float64"): 1.7,
    ("erf", "float64"): 1.0,
    ("exp", "float64"): 1.0,
    ("expm1", "float64"): 2.0,
    ("floor", "float64"): 0.0,
    ("gelu", "float64"): 2.2,
    ("log", "float64"): 1.0,
    ("log1p", "float64"): 1.5,
    ("normal_cdf", "float64"): 2.2,
    ("normal_pdf", "float64"): 2.0,
    ("power", "float64"): 1.2,
    ("sigmoid", "float64"): 1.0,
    ("sin", "float64"): 1.7,
    ("sqrt", "float64"): 0.5,
    ("tanh", "float64"): 1.5,
}


def emit(builder: ir.IRBuilder, name: str, *values: ir.Value) -> ir.Value:
    """Append a function of `FUNCTIONS` to the builder's block.

    Args:
        builder: Where to write; sin and cos go on in a new block.
        name: The function, such as "exp"; see `FUNCTIONS`.
        values: Its arguments: float, double or vectors of them, all of one type, which is the result's type too.

    Raises:
        KeyError: There is no function of this name.
        TypeError: An argument is not a float.
    """
    return FUNCTIONS[name](*(Real.of(builder, value) for value in values)).value
