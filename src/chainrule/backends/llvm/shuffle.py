"""The shuffle of an epoch's rows as a function in LLVM IR: the numbers that ``data.batches.permutation`` defines."""

from __future__ import annotations

from typing import Any

from llvmlite import ir

from chainrule.backends.llvm.code import I64, PTR, define, text
from chainrule.backends.llvm.emit import philox
from chainrule.backends.llvm.order import LANES


def written() -> str:
    """Return a module in IR with the function ``shuffle``: addresses of the order and of rows + 2 · LANES words, rows, seed, epoch."""
    module = ir.Module("shuffle")
    _write(module)
    return text(module)


def _write(module: Any) -> None:
    code = define(module, "shuffle", [PTR, PTR, I64, I64, I64], internal=False)
    b = code.b
    order, chosen, rows, seed, epoch = code.function.args
    type = ir.VectorType(I64, LANES)
    shift = code.number(32, type)
    zero = code.number(0, type)
    with code.loop(0, rows, 2 * LANES) as loop:  # row i draws the words 2(i mod 2) and 2(i mod 2) + 1 of block ⌊i/2⌋
        blocks = b.add(code.splat(b.lshr(loop.index, ir.Constant(I64, 1)), LANES), code.places(LANES))
        words = philox(code, [code.splat(epoch, LANES), zero, blocks, zero], code.splat(seed, LANES), 0, loop=True)
        for odd in (0, 1):
            bound = b.add(b.mul(blocks, code.number(2, type)), code.number(1 + odd, type))
            low = b.lshr(b.mul(words[2 * odd], bound), shift)
            place = b.lshr(b.add(b.mul(words[2 * odd + 1], bound), low), shift)
            for lane in range(LANES):
                code.store(code.take(place, lane, 1), chosen, code.add(loop.index, 2 * lane + odd), "int64")
    with code.loop(0, rows) as loop:
        code.store(loop.index, order, loop.index, "int64")
    with code.loop(0, code.sub(rows, 1)) as loop:
        i = code.sub(code.sub(rows, 1), loop.index)
        j = code.load(chosen, i, "int64")
        ours, theirs = code.load(order, i, "int64"), code.load(order, j, "int64")
        code.store(theirs, order, i, "int64")
        code.store(ours, order, j, "int64")
    b.ret_void()
