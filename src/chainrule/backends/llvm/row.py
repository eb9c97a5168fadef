"""A row alone times a matrix: there is little to do but to read the matrix once, in the order in which it lies in memory.

The sums stand in the nearest cache, and a few rows of the matrix are added at a time. Each element is summed in the order of every other
product, so that a row has the same bits alone and among others.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir

from chainrule.backends.llvm.code import I32, I64, PTR, SIZES, VOID, Code, Number, define
from chainrule.backends.llvm.kernels import Kernels
from chainrule.backends.llvm.product import Product

_AT_ONCE = 4  # rows of the matrix
_AHEAD = 8  # rows after which those lie that are asked for already
_LINE = 64

Finish = Callable[[Any, Number, Any, int, Number, Number], None]


def write_row(code: Code, p: Product, kernels: Kernels, x: Any, y: Any, i: Any, depth: Number, scratch: Any, finish: Finish) -> None:
    """Write row i of a product; the arguments are those of :class:`~chainrule.backends.llvm.matmul.Loops`."""
    left = code.at(x, code.mul(i, p.x_strides[0]), p.dtype)
    code.b.call(_kernel(kernels, p), [left, y, scratch, code.i64(depth)])
    finish(scratch, p.padded, i, 1, 0, p.columns)


def _kernel(kernels: Kernels, p: Product) -> Any:
    """Return ``kernel(A, B, C, k)``."""
    key = ("row", p.dtype, p.lanes, p.columns, p.x_strides[1])
    if key in kernels.made:
        return kernels.made[key]
    code = define(kernels.module, ".".join(map(str, key)), [PTR, PTR, PTR, I64])
    kernels.made[key] = code.function
    a, b, c, depth = code.function.args
    with code.loop(0, p.padded, p.lanes) as loop:
        code.store(code.number(0.0, code.type(p.dtype, p.lanes)), c, loop.index, p.dtype)
    whole = code.b.and_(depth, ir.Constant(I64, -_AT_ONCE))
    with code.loop(0, whole, _AT_ONCE) as loop:
        _add(code, p, a, b, c, loop.index, _AT_ONCE)
    with code.loop(whole, depth) as loop:
        _add(code, p, a, b, c, loop.index, 1)
    code.b.ret_void()
    return code.function


def _add(code: Code, p: Product, a: Any, b: Any, c: Any, k: Any, rows: int) -> None:
    """Add some rows of the matrix, each times its number, to the sums."""
    numbers = [code.splat(code.load(a, code.mul(code.add(k, r), p.x_strides[1]), p.dtype), p.lanes) for r in range(rows)]
    first = code.at(b, code.mul(k, p.columns), p.dtype)
    line = _LINE // SIZES[p.dtype]
    width = max(p.lanes, line)

    def turn(j: Number, vectors: int, cut: int) -> None:
        if not cut and vectors * p.lanes == width:
            for r in range(rows):
                place = code.at(first, code.add((_AHEAD + r) * p.columns, j), p.dtype)
                code.call("llvm.prefetch.p0", VOID, place, *(ir.Constant(I32, n) for n in (0, 3, 1)))
        for v in range(vectors):
            at = code.add(j, v * p.lanes)
            mask = code.first_lanes(cut, p.lanes) if cut and v == vectors - 1 else None
            total = code.load(c, at, p.dtype, p.lanes)
            for r in range(rows):
                part = code.load(first, code.add(at, r * p.columns), p.dtype, p.lanes, mask)
                total = code.fma(numbers[r], part, total)
            code.store(total, c, at, p.dtype)

    whole = p.columns // width * width
    with code.loop(0, whole, width) as loop:
        turn(loop.index, width // p.lanes, 0)
    if p.padded > whole:
        turn(whole, (p.padded - whole) // p.lanes, p.columns % p.lanes)
