"""Whole numbers and bits: their arithmetic, with an answer where a machine has none."""

from __future__ import annotations

from typing import Any

from chainrule.backends.llvm.code import SIZES, Code


def integer(code: Code, name: str, x: list[Any], dtype: str) -> Any:
    """Integers and bits, with NumPy's answers where a machine has none: 0 for a division by 0, 0 for a shift by all bits or more."""
    b, type = code.b, x[0].type

    def number(value: Any) -> Any:
        return code.number(value, type)

    signed, bits = dtype in ("int32", "int64"), 8 * SIZES[dtype]
    simple = {"add": b.add, "subtract": b.sub, "multiply": b.mul, "bitwise_and": b.and_, "bitwise_or": b.or_, "bitwise_xor": b.xor}
    if name in simple:
        return simple[name](*x)
    if name == "negative":
        return b.sub(number(0), x[0])
    if name == "bitwise_not":
        return b.xor(x[0], number(1 if dtype == "bool" else -1))
    if name in ("abs", "sign") and not signed:
        return x[0] if name == "abs" else b.select(b.icmp_unsigned("!=", x[0], number(0)), number(1), number(0))
    if name == "abs":
        return b.select(b.icmp_signed("<", x[0], number(0)), b.sub(number(0), x[0]), x[0])
    if name == "sign":
        negative = b.select(b.icmp_signed("<", x[0], number(0)), number(-1), number(0))
        return b.select(b.icmp_signed(">", x[0], number(0)), number(1), negative)
    if name in ("shift_left", "shift_right"):
        fits = b.icmp_unsigned("<", x[1], number(bits))
        amount = b.select(fits, x[1], number(0))
        if name == "shift_left":
            return b.select(fits, b.shl(x[0], amount), number(0))
        if not signed:
            return b.select(fits, b.lshr(x[0], amount), number(0))
        return b.ashr(x[0], b.select(fits, x[1], number(bits - 1)))
    assert name in ("floor_divide", "remainder"), name
    nothing = b.icmp_unsigned("==", x[1], number(0))
    if not signed:
        divisor = b.select(nothing, number(1), x[1])
        result = b.udiv(x[0], divisor) if name == "floor_divide" else b.urem(x[0], divisor)
        return b.select(nothing, number(0), result)
    least = b.icmp_signed("==", x[0], number(-(2 ** (bits - 1))))
    overflow = b.and_(least, b.icmp_signed("==", x[1], number(-1)))
    divisor = b.select(b.or_(nothing, overflow), number(1), x[1])
    quotient, rest = b.sdiv(x[0], divisor), b.srem(x[0], divisor)
    crossed = b.and_(b.icmp_signed("!=", rest, number(0)), b.icmp_signed("<", b.xor(rest, divisor), number(0)))
    if name == "floor_divide":
        result = b.select(crossed, b.sub(quotient, number(1)), quotient)
    else:
        result = b.select(crossed, b.add(rest, divisor), rest)
    return b.select(nothing, number(0), result)
