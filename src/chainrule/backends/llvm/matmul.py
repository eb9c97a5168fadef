"""The loops around a product's microkernels: rows that a cache holds, blocks of k, panels of columns, tiles."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from llvmlite import ir

from chainrule.backends.llvm.code import I1, I64, SIZES, VOID, Code, Number
from chainrule.backends.llvm.kernels import Kernels
from chainrule.backends.llvm.product import ROWS_AT_ONCE, Product, fixed

_FEW = 2  # tiles, up to which B is read where it stands: to copy it would take longer

Finish = Callable[[Any, Number, Any, int, Number, Number], None]
Ahead = Callable[[Any, int, Number, int], None]


@dataclass(frozen=True)
class Rows:
    """Rows of A as a kernel reads them, from row ``first`` on: by the row, or by tiles of [k][mr] if ``by_tiles``."""

    pointer: Any
    first: Number
    row: Number
    k: Number
    by_tiles: bool = False


@dataclass(frozen=True)
class Block:
    """A block of k: where it begins, its length, its number and whether it is the last; ``None`` for these where there is but one."""

    start: Number
    length: Number
    number: Any = None
    last: Any = None


class Loops:
    """Writes the loops of a product.

    Args:
        code: the function that is being written.
        p: how the product is computed.
        kernels: the module's kernels.
        x, y: pointers to the operands.
        depth: K.
        scratch: a pointer to a thread's own memory.
        finish: is called to write what becomes of a finished tile: (pointer, its row step, first row, rows, first column, columns).
        ahead: is called to write what is to be done before a tile is finished: (first row, rows, first column, columns).
    """

    def __init__(
        self, code: Code, p: Product, kernels: Kernels, x: Any, y: Any, depth: Number, scratch: Any, finish: Finish, ahead: Ahead | None
    ) -> None:
        self.code, self.p, self.kernels, self.x, self.y, self.depth = code, p, kernels, x, y, depth
        self.finish, self.ahead = finish, ahead
        offset, own = 0, {}
        for name, size in p.scratch().items():
            own[name] = code.at(scratch, offset // SIZES[p.dtype], p.dtype)
            offset += size
        self.tile, self.panel, self.own_rows, self.sums = own["tile"], own["panel"], own["rows"], own["sums"]

    def write(self, low: Any, high: Any) -> None:
        """Write the loops over the rows low … high − 1."""
        code, b, p = self.code, self.code.b, self.p
        if not (p.blocks or p.packed_x):
            self._blocks(low, high)
            return
        number = code.sub(high, low)
        parts = b.sdiv(code.add(number, ROWS_AT_ONCE - 1), ir.Constant(I64, ROWS_AT_ONCE))
        parts = b.select(b.icmp_signed("<", parts, ir.Constant(I64, 1)), ir.Constant(I64, 1), parts)
        share = b.sdiv(b.add(number, b.sub(parts, ir.Constant(I64, 1))), parts)
        share = b.and_(code.add(share, p.mr - 1), ir.Constant(I64, -p.mr))
        with code.loop(0, parts) as part:
            start = code.minimum(code.add(low, code.mul(part.index, share)), high)
            self._blocks(start, code.minimum(code.add(start, share), high))

    def _blocks(self, low: Any, high: Any) -> None:
        """All blocks of k for some rows."""
        code, b, p = self.code, self.code.b, self.p
        if not p.blocks:
            self._panels(low, high, Block(0, self.depth))
            return
        number = b.sdiv(code.i64(code.add(self.depth, p.block - 1)), ir.Constant(I64, p.block))
        number = b.select(b.icmp_signed("<", number, ir.Constant(I64, 1)), ir.Constant(I64, 1), number)
        with code.loop(0, number) as loop:
            start = code.mul(loop.index, p.block)
            last = b.icmp_signed("==", code.add(loop.index, 1), number)
            self._panels(low, high, Block(start, code.minimum(code.sub(self.depth, start), p.block), loop.index, last))

    def _left(self, low: Any, high: Any, block: Block) -> Rows:
        """Return the rows of A, copied if the product says so."""
        code, p = self.code, self.p
        row, k = p.x_strides
        source = code.at(self.x, code.add(code.mul(block.start, k), code.mul(low, row)), p.dtype)
        if not p.packed_x:
            return Rows(source, low, row, k)
        if p.x_turned:
            number = code.sub(high, low)
            code.b.call(self.kernels.rows(p), [source, code.i64(k), self.own_rows, code.i64(block.length), number])
            return Rows(self.own_rows, low, 1, p.mr, by_tiles=True)
        with code.loop(low, high) as loop:
            at = code.sub(loop.index, low)
            to = code.at(self.own_rows, code.mul(at, block.length), p.dtype)
            size = code.i64(code.mul(block.length, SIZES[p.dtype]))
            ends = to, code.at(source, code.mul(at, row), p.dtype)
            code.call("llvm.memcpy.p0.p0.i64", VOID, *ends, size, ir.Constant(I1, 0))
        return Rows(self.own_rows, low, block.length, 1)

    def _panels(self, low: Any, high: Any, block: Block) -> None:
        """All panels of columns for some rows and a block of k."""
        code, b, p = self.code, self.code.b, self.p
        left = self._left(low, high, block)
        many = b.icmp_signed(">", code.i64(code.sub(high, low)), ir.Constant(I64, _FEW * p.mr))
        edge = p.columns % p.lanes
        for first, vectors, number in p.panels():
            width = vectors * p.lanes
            whole = number - 1 if edge and first + number * width > p.columns else number
            for begin, amount, cut in ((first, whole, 0), (first + whole * width, number - whole, edge)):
                if not amount:
                    continue
                with code.loop(begin, begin + amount * width, width) as columns:
                    j = columns.index
                    right, step = self._right(j, vectors, cut, block, many)
                    self._tiles(left, right, step, vectors, cut, low, high, j, block)

    def _right(self, j: Any, vectors: int, cut: int, block: Block, many: Any) -> tuple[Any, Number]:
        """Return a panel of B and its step in k: a copy where many rows meet it, or its rows where they stand."""
        code, p = self.code, self.p
        width, taken = vectors * p.lanes, (vectors - 1) * p.lanes + cut if cut else vectors * p.lanes
        if p.y_turned:
            row = fixed(p.depth)
            source = code.at(self.y, code.add(code.mul(j, row), block.start), p.dtype)
            arguments = [source, row, self.panel, width, block.length, taken]
            code.b.call(self.kernels.turn(p), [*map(code.i64, arguments)])
            return self.panel, width
        source = code.at(self.y, code.add(code.mul(block.start, p.columns), j), p.dtype)
        if not p.packed:
            return source, p.columns
        copy = self.kernels.copy(p, vectors, cut)
        arguments = [source, p.columns, self.panel, block.length]
        if cut:  # a whole vector may reach beyond the last row
            code.b.call(copy, [*map(code.i64, arguments)])
            return self.panel, width
        with code.when(many):
            code.b.call(copy, [*map(code.i64, arguments)])
        return code.b.select(many, self.panel, source), code.b.select(many, ir.Constant(I64, width), ir.Constant(I64, p.columns))

    def _tiles(self, left: Rows, right: Any, step: Number, vectors: int, cut: int, low: Any, high: Any, j: Any, block: Block) -> None:
        """One panel: tiles of whole height, then the rows that are left in halves of it."""
        code, b, p = self.code, self.code.b, self.p
        whole = code.add(low, b.and_(code.sub(high, low), ir.Constant(I64, -p.mr)))
        with code.loop(low, whole, p.mr) as loop:
            self._tile(left, right, step, vectors, cut, loop.index, p.mr, j, block)
        rest, at, rows = code.sub(high, whole), whole, p.mr // 2
        while rows:
            if not isinstance(p.rows, int) or p.rows & rows:  # parts of a fixed number of rows begin at whole tiles
                bit = b.and_(rest, ir.Constant(I64, rows))
                with code.when(b.icmp_unsigned("!=", bit, ir.Constant(I64, 0))):
                    self._tile(left, right, step, vectors, cut, at, rows, j, block)
                at = code.add(at, bit)
            rows //= 2

    def _tile(self, left: Rows, right: Any, step: Number, vectors: int, cut: int, i: Any, rows: int, j: Any, block: Block) -> None:
        code, b, p = self.code, self.code.b, self.p
        width, taken = vectors * p.lanes, (vectors - 1) * p.lanes + cut if cut else vectors * p.lanes
        here = code.sub(i, left.first)
        if left.by_tiles:
            main = code.mul(b.and_(code.i64(here), ir.Constant(I64, -p.mr)), block.length)
            offset = code.add(main, b.and_(code.i64(here), ir.Constant(I64, p.mr - 1)))
        else:
            offset = code.mul(here, left.row)
        edge = cut if cut and not p.packed else 0
        place, row, goes_on = self.tile, ir.Constant(I64, width), ir.Constant(I64, 0)
        if block.number is not None:  # one block of k needs no memory for sums
            alone, goes_on = b.and_(b.icmp_signed("==", block.number, ir.Constant(I64, 0)), block.last), block.number
            sums = code.at(self.sums, code.add(code.mul(here, p.padded), j), p.dtype)
            place, row = b.select(alone, place, sums), b.select(alone, row, ir.Constant(I64, p.padded))
        kernel = self.kernels.micro(p, rows, vectors, edge > 0)
        pointer = code.at(left.pointer, offset, p.dtype)

        def compute() -> None:
            b.call(kernel, [pointer, right, place, *map(code.i64, (left.row, left.k, step, row, block.length, goes_on, edge))])

        if block.last is None:
            if self.ahead is not None:
                self.ahead(i, rows, j, taken)
            compute()
            self.finish(place, row, i, rows, j, taken)
            return
        if self.ahead is not None:
            with code.when(block.last):
                self.ahead(i, rows, j, taken)
        compute()
        with code.when(block.last):
            self.finish(place, row, i, rows, j, taken)
