"""The loops around a product's microkernels: blocks of k, parts of rows, panels of columns, tiles."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir

from chainrule.backends.llvm.code import I64, SIZES, Code, Number
from chainrule.backends.llvm.kernels import Kernels
from chainrule.backends.llvm.product import ROWS_AT_ONCE, Product, fixed

Finish = Callable[[Any, Number, Any, int, Number, Number], None]
Ahead = Callable[[Any, int, Number, int], None]


def write_product(
    code: Code,
    p: Product,
    kernels: Kernels,
    x: Any,
    y: Any,
    partial: Any,
    low: Any,
    high: Any,
    depth: Number,
    scratch: Any,
    finish: Finish,
    ahead: Ahead | None,
) -> None:
    """Write the loops of a product over the rows low … high − 1.

    Args:
        code: the function that is being written.
        p: how the product is computed.
        kernels: the module's kernels.
        x, y: pointers to the operands.
        partial: a pointer to [M, padded N] where sums stand between blocks of k; ``None`` if there is one block.
        low, high: i64.
        depth: K.
        scratch: a pointer to a thread's own memory.
        finish: is called to write what becomes of a finished tile: (pointer, its row step, first row, rows, first column, columns).
        ahead: is called to write what is to be done before a tile is computed: (first row, rows, first column, columns).
    """
    size = SIZES[p.dtype]
    tile_bytes = -(-p.mr * p.width * size // 64) * 64
    panel_bytes = -(-(p.block + p.lanes) * p.width * size // 64) * 64 if p.packed else 0
    tile = scratch
    panel = code.at(scratch, tile_bytes // size, p.dtype)
    own = code.at(scratch, (tile_bytes + panel_bytes) // size, p.dtype)
    if not p.blocks:
        _rows(code, p, kernels, x, y, None, low, high, 0, depth, None, tile, panel, own, finish, ahead)
        return
    steps = code.b.sdiv(code.b.add(code.i64(depth), ir.Constant(I64, p.block - 1)), ir.Constant(I64, p.block))
    steps = code.b.select(code.b.icmp_signed("<", steps, ir.Constant(I64, 1)), ir.Constant(I64, 1), steps)
    with code.loop(0, steps) as loop:
        start = code.mul(loop.index, p.block)
        length = code.minimum(code.sub(depth, start), p.block)
        last = code.b.icmp_signed("==", code.add(loop.index, 1), steps)
        _rows(code, p, kernels, x, y, partial, low, high, start, length, (loop.index, last), tile, panel, own, finish, ahead)


def _rows(
    code: Code,
    p: Product,
    kernels: Kernels,
    x: Any,
    y: Any,
    partial: Any,
    low: Any,
    high: Any,
    start: Number,
    length: Number,
    block: tuple[Any, Any] | None,
    tile: Any,
    panel: Any,
    own: Any,
    finish: Finish,
    ahead: Ahead | None,
) -> None:
    """One block of k: all rows, in parts if A is packed."""
    if not p.packed_x:
        _panels(code, p, kernels, x, p.x_strides, y, partial, low, high, 0, start, length, block, tile, panel, finish, ahead)
        return
    with code.loop(low, high, ROWS_AT_ONCE) as part:
        stop = code.minimum(code.add(part.index, ROWS_AT_ONCE), high)
        source = code.at(x, code.add(code.mul(start, p.x_strides[1]), part.index), p.dtype)
        with code.loop(0, code.sub(stop, part.index), p.mr) as rows, code.loop(0, length) as k:
            mask = code.first_lanes(code.sub(code.sub(stop, part.index), rows.index), p.mr)
            numbers = code.load(source, code.add(code.mul(k.index, p.x_strides[1]), rows.index), p.dtype, p.mr, mask)
            code.store(numbers, own, code.add(code.mul(rows.index, length), code.mul(k.index, p.mr)), p.dtype)
        _panels(
            code, p, kernels, own, (-1, p.mr), y, partial, part.index, stop, part.index, start, length, block, tile, panel, finish, ahead
        )


def _panels(
    code: Code,
    p: Product,
    kernels: Kernels,
    x: Any,
    x_steps: tuple[int, int],
    y: Any,
    partial: Any,
    low: Any,
    high: Any,
    origin: Number,
    start: Number,
    length: Number,
    block: tuple[Any, Any] | None,
    tile: Any,
    panel: Any,
    finish: Finish,
    ahead: Ahead | None,
) -> None:
    """All panels of columns for some rows; ``origin`` is the row at which a packed A begins."""
    edge = p.columns % p.lanes
    for first, vectors, number in p.panels():
        width = vectors * p.lanes
        whole = number - 1 if edge and first + number * width > p.columns else number
        for begin, amount, cut in ((first, whole, 0), (first + whole * width, number - whole, edge)):
            if not amount:
                continue
            with code.loop(begin, begin + amount * width, width) as columns:
                j = columns.index
                taken = (vectors - 1) * p.lanes + cut if cut else width
                if p.y_turned:
                    row = fixed(p.depth)
                    source = code.at(y, code.add(code.mul(j, row), start), p.dtype)
                    code.b.call(kernels.turn(p), [source, code.i64(row), panel, code.i64(width), code.i64(length), code.i64(taken)])
                    right, b_step = panel, width
                elif p.packed:
                    source = code.at(y, code.add(code.mul(start, p.columns), j), p.dtype)
                    code.b.call(kernels.copy(p, vectors, cut), [source, code.i64(p.columns), panel, code.i64(length)])
                    right, b_step = panel, width
                else:
                    right, b_step = code.at(y, code.add(code.mul(start, p.columns), j), p.dtype), p.columns
                kernel_edge = 0 if p.packed or not edge or first + number * width <= p.columns else (cut or p.lanes)
                _tiles(
                    code,
                    p,
                    kernels,
                    x,
                    x_steps,
                    right,
                    b_step,
                    vectors,
                    kernel_edge,
                    partial,
                    low,
                    high,
                    origin,
                    j,
                    taken,
                    start,
                    length,
                    block,
                    tile,
                    finish,
                    ahead,
                )


def _tiles(
    code: Code,
    p: Product,
    kernels: Kernels,
    x: Any,
    x_steps: tuple[int, int],
    right: Any,
    b_step: int,
    vectors: int,
    edge: int,
    partial: Any,
    low: Any,
    high: Any,
    origin: Number,
    j: Any,
    taken: int,
    start: Number,
    length: Number,
    block: tuple[Any, Any] | None,
    tile: Any,
    finish: Finish,
    ahead: Ahead | None,
) -> None:
    """One panel: tiles of whole height, then the rows that are left in halves of it."""
    b = code.b
    packed_x = x_steps[0] < 0

    def compute(i: Any, rows: int) -> None:
        if packed_x:  # [rows / mr][k][mr]
            row = code.sub(i, origin)
            main = code.mul(b.and_(code.i64(row), ir.Constant(I64, -p.mr)), length)
            rest = b.and_(code.i64(row), ir.Constant(I64, p.mr - 1))
            left = code.at(x, code.add(main, rest), p.dtype)
            steps = (1, p.mr)
        else:
            left = code.at(x, code.add(code.mul(i, x_steps[0]), code.mul(start, x_steps[1])), p.dtype)
            steps = x_steps
        known = (*steps, b_step) if rows == p.mr else None
        kernel = kernels.micro(p, rows, vectors, edge > 0, known)
        if block is None:
            place, step, goes_on = tile, vectors * p.lanes, ir.Constant(I64, 0)
        else:  # one block of k needs no memory for sums
            alone, goes_on = b.and_(b.icmp_signed("==", block[0], ir.Constant(I64, 0)), block[1]), block[0]
            place = b.select(alone, tile, code.at(partial, code.add(code.mul(i, p.padded), j), p.dtype))
            step = b.select(alone, ir.Constant(I64, vectors * p.lanes), ir.Constant(I64, p.padded))
        if ahead is not None:
            ahead(i, rows, j, taken)
        b.call(kernel, [left, right, place, *map(code.i64, (*steps, b_step, step, length)), goes_on, ir.Constant(I64, edge)])
        if block is None:
            finish(place, step, i, rows, j, taken)
        else:
            with code.when(block[1]):
                finish(place, step, i, rows, j, taken)

    whole = code.add(low, b.and_(code.sub(high, low), ir.Constant(I64, -p.mr)))
    with code.loop(low, whole, p.mr) as loop:
        compute(loop.index, p.mr)
    rest, at = code.sub(high, whole), whole
    rows = p.mr // 2
    while rows:
        if isinstance(p.rows, int) and not p.rows & rows:  # parts of a fixed number of rows begin at whole tiles
            rows //= 2
            continue
        with code.when(b.icmp_unsigned("!=", b.and_(rest, ir.Constant(I64, rows)), ir.Constant(I64, 0))):
            compute(at, rows)
        at = code.add(at, b.and_(rest, ir.Constant(I64, rows)))
        rows //= 2
