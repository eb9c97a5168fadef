"""The order of an epoch's rows in native code: the numbers that ``data.batches.permutation`` defines."""

from __future__ import annotations

import ctypes
import hashlib
from functools import lru_cache
from typing import Any

import numpy as np
from llvmlite import ir

from chainrule.backends.llvm import cache
from chainrule.backends.llvm.code import I64, PTR, define
from chainrule.backends.llvm.compile import load, object_code
from chainrule.backends.llvm.emit import philox
from chainrule.backends.llvm.plan import Plan
from chainrule.backends.llvm.target import Target

_LANES = 8  # blocks of random words that are drawn at once


def permutation(seed: int, epoch: int, rows: int) -> np.ndarray:
    """Return the order of the rows in an epoch (from 0): int64 [rows]."""
    order = np.empty(rows, np.int64)
    chosen = np.empty(rows + 2 * _LANES, np.int64)
    _native()(order.ctypes.data, chosen.ctypes.data, rows, seed, epoch)
    return order


@lru_cache(1)
def _native() -> Any:
    target = Target.host()
    module = ir.Module("shuffle")
    _write(module)
    text = str(module)
    name = hashlib.sha256(f"{text} {target}".encode()).hexdigest()
    kept = cache.load(name)
    code = kept[1] if kept is not None else object_code(text, target)
    if kept is None:
        cache.store(name, Plan(), code)
    return ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * 5)(load(code, target, "shuffle"))


def _write(module: Any) -> None:
    code = define(module, "shuffle", [PTR, PTR, I64, I64, I64], internal=False)
    b = code.b
    order, chosen, rows, seed, epoch = code.function.args
    type = ir.VectorType(I64, _LANES)
    shift = code.number(32, type)
    zero = code.number(0, type)
    with code.loop(0, rows, 2 * _LANES) as loop:  # row i draws the words 2(i mod 2) and 2(i mod 2) + 1 of block ⌊i/2⌋
        blocks = b.add(code.splat(b.lshr(loop.index, ir.Constant(I64, 1)), _LANES), code.places(_LANES))
        words = philox(code, [code.splat(epoch, _LANES), zero, blocks, zero], code.splat(seed, _LANES), 0)
        for odd in (0, 1):
            bound = b.add(b.mul(blocks, code.number(2, type)), code.number(1 + odd, type))
            low = b.lshr(b.mul(words[2 * odd], bound), shift)
            place = b.lshr(b.add(b.mul(words[2 * odd + 1], bound), low), shift)
            for lane in range(_LANES):
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
