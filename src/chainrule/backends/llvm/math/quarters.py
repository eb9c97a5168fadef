"""Angles in quarters of a turn: the multiple of π/2 nearest to a number, and what is left of the number, for every finite one."""

from __future__ import annotations

import math
from typing import Any

from llvmlite import ir

from chainrule.backends.llvm.code import F64, I8, I32, I64, PTR, Code, define, suffix
from chainrule.backends.llvm.math.lanes import FLOAT64, Bits, Mask, Real, fma, quick_two_sum, two_product, where

# Up to here the three parts of π/2 are exact enough; of a larger number the product with 2/π is computed in integers.
_NEAR = {"float32": 5e5, "float64": 1e14}
_LEAST = -34  # a larger number is m · 2^e, m being whole and of 53 bits, and e no less than this
_BYTES = 149  # of it, as one number, with the zeros before its first bit
_TWO_OVER_PI = int(  # its first 1156 bits after the point
    "a2f9836e4e441529fc2757d1f534ddc0db6295993c439041fe5163abdebbc561b7246e3a424dd2e006492eea09d1921cfe1deb1cb129a73ee88235f52ebb4484e99c"
    "7026b45f7e413991d639835339f49c845f8bbdf9283b1ff897ffde05980fef2f118b5a0a6d1f6d367ecf27cb09b74f463f669e5fea2d7527bac7ebe5f17b3d0739f7"
    "8a5292ea6bfb5fb11f8d5d085",
    16,
)
_I128 = ir.IntType(128)


def quarters(x: Real) -> tuple[Bits, Real]:
    """Return n in the low two bits of an integer, n the whole number nearest to x / (π/2), and r = x − n · π/2, NaN if x is not finite.

    The product with the first part of π/2 is subtracted without error, as both are multiples of that part's last bit, and the difference is
    below 1 (Cody and Waite 1980). If a lane holds a number too large for that, a function does such lanes once more; the others stay
    as they are, so that no result depends on a lane's neighbors.
    """
    form, b = x.format, x.builder
    shifted = fma(x, 2 / math.pi, form.magic)
    n = shifted - form.magic
    r = x
    for part in form.half_pi:
        r = fma(n, -part, r)
    near = [shifted.bits.value, r.value]
    before, again, after = b.block, b.append_basic_block("far"), b.append_basic_block("near")
    b.cbranch((abs(x) > _NEAR[form.dtype]).any(), again, after).set_weights([1, 1 << 20])
    b.position_at_end(again)
    both = b.call(_lanes_again(b.module, x), [x.value, *near])
    far = [b.extract_value(both, place) for place in (0, 1)]
    b.branch(after)
    b.position_at_end(after)
    chosen = [b.phi(value.type) for value in near]
    for phi, values in zip(chosen, zip(near, far, strict=True), strict=True):
        for value, block in zip(values, (before, again), strict=True):
            phi.add_incoming(value, block)
    return Bits(b, chosen[0], form), Real(b, chosen[1], form)


def _lanes_again(module: Any, x: Real) -> Any:
    """Return the function (x, n, r) → (n, r) that computes n and r anew where x is finite and not near."""
    name, dtype = f"quarters.{suffix(x.value.type)}", x.format.dtype
    if name in module.globals:
        return module.globals[name]
    types = [x.value.type, x.bits.value.type, x.value.type]
    code = define(module, name, types, result=ir.LiteralStructType(types[1:]))
    b = code.b
    numbers, turns, rests = (b.alloca(type_) for type_ in types)
    for value, place in zip(code.function.args, (numbers, turns, rests), strict=True):
        b.store(value, place)
        place.type = PTR  # llvmlite takes it for the address of one vector
    lanes = x.value.type.count if isinstance(x.value.type, ir.VectorType) else 1
    with code.loop(0, lanes) as loop:
        number = Real.of(b, code.load(numbers, loop.index, dtype))
        size = abs(number)
        with code.when(((size > _NEAR[dtype]) & (size < math.inf)).value):
            n, r = _exactly(code, number if dtype == "float64" else number.widened())
            code.store(n if dtype == "float64" else b.trunc(n, I32), turns, loop.index, f"int{x.format.width}")
            code.store((r if dtype == "float64" else r.narrowed()).value, rests, loop.index, dtype)
    results = [b.load(place, typ=type_) for place, type_ in zip((turns, rests), types[1:], strict=True)]
    b.ret(b.insert_value(b.insert_value(ir.Constant(code.function.ftype.return_type, ir.Undefined), results[0], 0), results[1], 1))
    return code.function


def _exactly(code: Code, x: Real) -> tuple[Any, Real]:
    """Return n and r of a number of float64 that is finite and not near (Payne and Hanek 1983).

    x = m · 2^e. Of m · 2^e · 2/π the digits count that are worth less than 4, and so much of 2/π is read as is multiplied to them: 192 bits
    from a whole byte on. A float64 comes no nearer to a multiple of π/2 than 2^-62 of it, so that more than 60 bits of r are right.
    """
    b = code.b

    def wide(value: Any) -> Any:
        return b.zext(value, _I128)

    def part(value: Any, low: int) -> Real:  # 42 bits, which a float holds exactly, of a fraction of 128
        bits = b.and_(b.trunc(b.lshr(value, _I128(low)), I64), I64((1 << 42) - 1))
        return Real.of(b, b.fmul(b.sitofp(bits, F64), F64(2.0 ** (low - 128))))

    bits, fraction = x.bits.value, FLOAT64.fraction
    place = b.sub(b.and_(b.lshr(bits, I64(fraction)), I64(2 * FLOAT64.bias + 1)), I64(FLOAT64.bias + fraction + _LEAST))
    m = b.or_(b.and_(bits, I64((1 << fraction) - 1)), I64(1 << fraction))
    m = b.shl(m, b.and_(place, I64(7)))
    first = b.sub(I64(_BYTES - 24), b.lshr(place, I64(3)))
    low, middle, high = (b.load(code.at(_table(code.module), b.add(first, I64(8 * word)), "bool"), typ=I64, align=1) for word in range(3))
    product = b.add(b.shl(wide(b.mul(high, m)), _I128(64)), b.mul(wide(middle), wide(m)))
    product = b.add(product, b.lshr(b.mul(wide(low), wide(m)), _I128(64)))  # quarters · 2^126, without those beyond 4
    n = b.trunc(b.lshr(b.add(product, _I128(1 << 125)), _I128(126)), I64)
    rest = b.shl(product, _I128(2))  # from −½ to ½
    below = b.icmp_signed("<", rest, _I128(0))
    rest = b.select(below, b.neg(rest), rest)
    turned, turned_low = quick_two_sum(part(rest, 86), part(rest, 44))
    turned_low = turned_low + part(rest, 2)
    half_pi, half_pi_low, _ = FLOAT64.half_pi
    r, r_low = two_product(turned, half_pi)
    r = r + fma(turned, half_pi_low, fma(turned_low, half_pi, r_low))
    negative = b.icmp_signed("<", bits, I64(0))
    flipped = Mask(b, b.xor(below, negative), FLOAT64)
    return b.select(negative, b.neg(n), n), where(flipped, -r, r)


def _table(module: Any) -> Any:
    """Return the bytes of 2/π in a module, the lowest first, with zeros before its first bit."""
    if "two_over_pi" not in module.globals:
        content = bytearray(_TWO_OVER_PI.to_bytes(_BYTES, "little"))
        table = ir.GlobalVariable(module, ir.ArrayType(I8, _BYTES), "two_over_pi")
        table.initializer = ir.Constant(table.value_type, content)
        table.global_constant, table.linkage = True, "internal"
        table.type = PTR
    return module.globals["two_over_pi"]
