"""Arithmetic and elementary functions, element by element, with broadcasting."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from chainrule.errors import TypeRuleError
from chainrule.ir import Type
from chainrule.ir.types import FLOATS, broadcast
from chainrule.ops.primitive import Domain, Primitive, Vjp, primitive, stepwise
from chainrule.ops.tracing import known_number
from chainrule.ops.type_rules import ANY, BITS, INTEGERS, NUMBERS, elementwise, same_dtype
from chainrule.special import erf as _erf
from chainrule.special import normal_cdf as _cdf
from chainrule.special import normal_pdf as _pdf

_POSITIVE = Domain.real(1, 0.3, 2.0)


def _unary(name: str, meaning: Any, vjp: Vjp, formula: str, domain: Domain | None = None, allowed: frozenset[str] = FLOATS) -> Primitive:
    return primitive(name, elementwise(1, allowed), meaning, vjp, domain or Domain.real(), formula)


def _binary(name: str, meaning: Any, vjp: Vjp, formula: str, domain: Domain | None = None, allowed: frozenset[str] = NUMBERS) -> Primitive:
    return primitive(name, elementwise(2, allowed), meaning, vjp, domain or Domain.real(2), formula)


def real(x: np.ndarray) -> np.ndarray:
    """Return the real part, by which complex numbers are compared (and real numbers as they are)."""
    return x.real if x.dtype.kind == "c" else x


def _compare(name: str, meaning: Any, formula: str, allowed: frozenset[str] = NUMBERS) -> Primitive:
    by_real_part = lambda x, y: meaning(real(x), real(y))  # noqa: E731 - a record's field
    return stepwise(name, elementwise(2, allowed, "bool"), by_real_part, formula)


# arithmetic

add: Primitive = _binary("add", np.add, lambda ct, out, x, y: (ct, ct), "{0} + {1}")
subtract: Primitive = _binary("subtract", np.subtract, lambda ct, out, x, y: (ct, -ct), "{0} - {1}")
multiply: Primitive = _binary("multiply", np.multiply, lambda ct, out, x, y: (ct * y, ct * x), "{0} * {1}")
divide: Primitive = _binary(
    "divide", np.divide, lambda ct, out, x, y: (ct / y, -(ct * out / y)), "{0} / {1}", Domain(((-2.0, 2.0), (0.5, 2.0))), FLOATS
)
negative: Primitive = _unary("negative", np.negative, lambda ct, out, x: (-ct,), "-{0}", allowed=NUMBERS)


def _power_vjp(ct: Any, out: Any, x: Any, y: Any) -> tuple[Any, Any]:
    number = known_number(y)
    if number is not None:
        return (ct * (number * (x if number == 2 else power(x, number - 1.0))) if number != 0 else None), None
    # where y = 0, x may be 0 and y·x^(y-1) the product 0·∞; where x = 0, out·log(x) is 0·(-∞), whose limit is 0 for positive exponents
    by_x = y * power(x, where(equal(y, 0.0), 1.0, y - 1.0))
    by_y = where(equal(x, 0.0), 0.0, out * log(where(equal(x, 0.0), 1.0, x)))
    return ct * by_x, ct * by_y


power: Primitive = _binary("power", np.power, _power_vjp, "{0} ** {1}", Domain(((0.3, 2.0), (-2.0, 2.0))), FLOATS)

# elementary functions

exp: Primitive = _unary("exp", np.exp, lambda ct, out, x: (ct * out,), "exp({0})")
expm1: Primitive = _unary("expm1", np.expm1, lambda ct, out, x: (ct * (out + 1.0),), "expm1({0})")
log: Primitive = _unary("log", np.log, lambda ct, out, x: (ct / x,), "log({0})", _POSITIVE)
log1p: Primitive = _unary("log1p", np.log1p, lambda ct, out, x: (ct / (1.0 + x),), "log1p({0})", Domain.real(1, -0.5, 2.0))
sqrt: Primitive = _unary("sqrt", np.sqrt, lambda ct, out, x: (ct / (2.0 * out),), "sqrt({0})", _POSITIVE)
sin: Primitive = _unary("sin", np.sin, lambda ct, out, x: (ct * cos(x),), "sin({0})")
cos: Primitive = _unary("cos", np.cos, lambda ct, out, x: (-(ct * sin(x)),), "cos({0})")
tanh: Primitive = _unary("tanh", np.tanh, lambda ct, out, x: (ct * (1.0 - out * out),), "tanh({0})")


def _sigmoid(x: np.ndarray) -> Any:
    """1 / (1 + e^−x), and for x < 0 both multiplied by e^x, so that nothing overflows and small results are right."""
    left = real(x) < 0
    powers = np.exp(np.where(left, x, -x))
    return np.where(left, powers, 1) / (1 + powers)


sigmoid: Primitive = _unary("sigmoid", _sigmoid, lambda ct, out, x: (ct * (out * (1.0 - out)),), "sigmoid({0})")


def _smooth(name: str, meaning: Any, slope: Any, vjp: Vjp) -> Primitive:
    """Record a function with its continuation in the imaginary direction, to first order."""

    def continued(x: np.ndarray) -> Any:
        return meaning(x.real) + 1j * x.imag * slope(x.real) if x.dtype.kind == "c" else np.asarray(meaning(x)).astype(x.dtype)

    return _unary(name, continued, vjp, f"{name}({{0}})")


_ERF_0 = 2 / math.sqrt(math.pi)
erf: Primitive = _smooth("erf", _erf, lambda x: _ERF_0 * np.exp(-x * x), lambda ct, out, x: (ct * (_ERF_0 * exp(-(x * x))),))
normal_pdf: Primitive = _smooth("normal_pdf", _pdf, lambda x: -x * _pdf(x), lambda ct, out, x: (-(ct * (x * out)),))
normal_cdf: Primitive = _smooth("normal_cdf", _cdf, _pdf, lambda ct, out, x: (ct * normal_pdf(x),))

# kinks: the derivative is one-sided where two pieces meet

abs: Primitive = _unary(
    "abs",
    lambda x: np.where(x.real < 0, -x, x) if x.dtype.kind == "c" else np.abs(x),
    lambda ct, out, x: (ct * sign(x),),
    "abs({0})",
    Domain.real(1, 0.2, 2.0),
    NUMBERS,
)
sign: Primitive = stepwise("sign", elementwise(1, NUMBERS), lambda x: np.sign(real(x)).astype(x.dtype), "sign({0})")
maximum: Primitive = _binary(
    "maximum",
    lambda x, y: np.where(np.isnan(real(x)) | (real(x) >= real(y)), x, y),
    lambda ct, out, x, y: (where(greater_equal(x, y), ct, 0.0), where(greater_equal(x, y), 0.0, ct)),
    "max({0}, {1})",
)
minimum: Primitive = _binary(
    "minimum",
    lambda x, y: np.where(np.isnan(real(x)) | (real(x) <= real(y)), x, y),
    lambda ct, out, x, y: (where(less_equal(x, y), ct, 0.0), where(less_equal(x, y), 0.0, ct)),
    "min({0}, {1})",
)
floor: Primitive = stepwise("floor", elementwise(1), lambda x: np.floor(real(x)).astype(x.dtype), "floor({0})")

# comparisons and choice

equal: Primitive = _compare("equal", np.equal, "{0} == {1}", ANY)
not_equal: Primitive = _compare("not_equal", np.not_equal, "{0} != {1}", ANY)
less: Primitive = _compare("less", np.less, "{0} < {1}")
less_equal: Primitive = _compare("less_equal", np.less_equal, "{0} <= {1}")


def greater(x: Any, y: Any) -> Any:
    """x > y, written as y < x."""
    return less(y, x)


def greater_equal(x: Any, y: Any) -> Any:
    """x ≥ y, written as y ≤ x."""
    return less_equal(y, x)


def _is_finite(x: Type) -> Type:
    return Type("bool", elementwise(1)(x).shape)


is_finite: Primitive = stepwise("is_finite", _is_finite, np.isfinite, "is_finite({0})")


def _where_type(condition: Type, x: Type, y: Type) -> Type:
    if condition.dtype != "bool":
        raise TypeRuleError(f"the condition is {condition} and should be bool")
    return Type(same_dtype(x, y), broadcast(condition.shape, x.shape, y.shape))


def _where_vjp(ct: Any, out: Any, condition: Any, x: Any, y: Any) -> tuple[None, Any, Any]:
    return None, where(condition, ct, 0.0), where(condition, 0.0, ct)


where: Primitive = primitive("where", _where_type, np.where, _where_vjp, Domain((None, (-2.0, 2.0), (-2.0, 2.0))), "where({0}, {1}, {2})")

# integers and bits

floor_divide: Primitive = stepwise("floor_divide", elementwise(2, INTEGERS), np.floor_divide, "{0} // {1}")
remainder: Primitive = stepwise("remainder", elementwise(2, INTEGERS), np.remainder, "{0} % {1}")
bitwise_and: Primitive = stepwise("bitwise_and", elementwise(2, BITS), np.bitwise_and, "{0} & {1}")
bitwise_or: Primitive = stepwise("bitwise_or", elementwise(2, BITS), np.bitwise_or, "{0} | {1}")
bitwise_xor: Primitive = stepwise("bitwise_xor", elementwise(2, BITS), np.bitwise_xor, "{0} ^ {1}")
bitwise_not: Primitive = stepwise("bitwise_not", elementwise(1, BITS), np.bitwise_not, "~{0}")
shift_left: Primitive = stepwise("shift_left", elementwise(2, INTEGERS), np.left_shift, "{0} << {1}")
shift_right: Primitive = stepwise("shift_right", elementwise(2, INTEGERS), np.right_shift, "{0} >> {1}")


def _cast_type(x: Type, *, dtype: str) -> Type:
    if x.dtype == "complex128" and dtype in FLOATS - {x.dtype}:
        raise TypeRuleError(f"a complex number cannot be cast to {dtype}")
    return Type(dtype, x.shape)


def _cast(x: np.ndarray, dtype: str) -> Any:
    return (x if dtype in FLOATS else real(x)).astype(dtype)


def _cast_vjp(ct: Any, out: Any, x: Any, dtype: str) -> tuple[Any]:
    return (cast(ct, dtype=x.type.dtype) if x.type.is_float and out.type.is_float else None,)


cast: Primitive = primitive("cast", _cast_type, _cast, _cast_vjp, Domain.real(), "{dtype}({0})")
