"""The loops of products, with what becomes of each tile while it is in the nearest cache."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir

from chainrule.backends.llvm.code import I32, I64, PTR, SIZES, VOID, Number
from chainrule.backends.llvm.index import ZERO, Index, Ix
from chainrule.backends.llvm.matmul import write_product
from chainrule.backends.llvm.nest import Nest
from chainrule.backends.llvm.product import Product
from chainrule.backends.llvm.row import write_row
from chainrule.ir import Batch, Value

_CACHE = 1 << 18  # bytes, beyond which memory is asked for ahead


class Products(Nest):
    """Writes the function of a product."""

    def fast_product(self, p: Product) -> None:
        """Tiles of a product, and what becomes of them."""
        finish = self.tile_function(p)
        emitter, code = self.emitter, self.code
        pointers = emitter.stored
        low, high = (0, 1) if self.group.space[0] == 1 else (self.low, self.high)
        partial = self.pointers[self.partial_at] if self.partial_at >= 0 else None

        def call(tile: Any, step: Number, i: Any, rows: int, j: Number, taken: Number) -> None:
            code.b.call(finish, [*self.pointers, self.rows, tile, *map(code.i64, (step, i, rows, j, taken)), self.scratch, self.flag])

        def many() -> None:
            write_product(
                code, p, self.writer.kernels, pointers[p.x], pointers[p.y], partial,
                code.i64(low), code.i64(high), emitter.size(p.depth), self.scratch, call, self.prefetch(p),
            )  # fmt: skip

        if p.y_turned or not (p.rows == 1 or isinstance(p.rows, Batch)):
            many()
            return
        alone = code.b.icmp_signed("==", code.sub(code.i64(high), code.i64(low)), ir.Constant(I64, 1))
        with code.b.if_else(alone) as (then, otherwise):
            with then:
                x, y, depth = pointers[p.x], pointers[p.y], emitter.size(p.depth)
                write_row(code, p, self.writer.kernels, x, y, code.i64(low), depth, self.scratch, call)
            with otherwise:
                many()

    def prefetch(self, p: Product) -> Callable[[Any, int, Number, int], None] | None:
        """Return what asks for the memory that a tile's end reads while the tile is computed, if a cache does not hold it."""
        space, code, size = self.group.space, self.code, SIZES[p.dtype]
        values = [v for v, how in self.group.reads.items() if how == "same" and v.type.shape == space and v.type.dtype == p.dtype]
        if isinstance(p.rows, Batch) or p.rows * p.columns * size * len(values) < _CACHE:
            return None
        line = 64 // size

        def ahead(i: Any, rows: int, j: Number, taken: int) -> None:
            for value in values:
                start = code.at(self.emitter.stored[value], code.add(code.mul(i, p.columns), j), p.dtype)
                with code.loop(0, rows) as loop:
                    row = code.at(start, code.mul(loop.index, p.columns), p.dtype)
                    for column in range(0, taken + line - 1, line):
                        place = code.at(row, min(column, taken - 1), p.dtype)
                        code.call("llvm.prefetch.p0", VOID, place, *(ir.Constant(I32, n) for n in (1, 3, 1)))

        return ahead

    def tile_function(self, p: Product) -> Any:
        """Write ``(places …, B, tile, row step, first row, rows, first column, columns, scratch, flag)``."""
        code = self.begin(f"{self.name}.tile", [PTR, *[I64] * 5])
        arguments = list(code.function.args)
        pointers, rows = arguments[: len(self.places)], arguments[len(self.places)]
        tile, step, i, height, j, taken, _, flag = arguments[len(self.places) + 1 :]
        emitter = self.emitting(code, pointers, rows)
        m, n = self.group.space
        lanes = 1 if n == 1 else p.lanes
        edge = p.columns % lanes
        whole = code.b.and_(taken, ir.Constant(I64, -lanes)) if lanes > 1 else taken

        def turn(r: Any, c: Any, width: int, mask: Any) -> None:
            number = code.load(tile, code.add(code.mul(r, step), c), p.dtype, width)
            row, column = code.add(i, r), code.add(j, c)
            index = (ZERO if m == 1 else Ix(row), ZERO if n == 1 else Ix(column, int(width > 1)))
            self.finish_turn(emitter, index, width, mask, number)

        with code.loop(0, height) as outer:
            with code.loop(0, whole, lanes) as inner:
                emitter.fresh()
                turn(outer.index, inner.index, lanes, None)
            if edge:
                with code.when(code.b.icmp_signed("<", whole, taken)):
                    emitter.fresh()
                    turn(outer.index, whole, lanes, code.first_lanes(edge, lanes))
        self.finish(code, flag)
        return code.function

    def slow_product(self) -> None:
        """A product of anything: each element a sum in the order of k."""
        e = self.group.equation
        assert e is not None
        x, y = e.inputs
        emitter, code = self.emitter, self.code
        depth = emitter.size(x.type.shape[-1])

        def element(index: Index, lanes: int, mask: Any) -> None:
            def part(operand: Value, last: Index) -> Index:
                own = index[len(index) - len(operand.type.shape) : -2] + last
                return tuple(ZERO if axis == 1 else ix for axis, ix in zip(operand.type.shape, own, strict=True))

            zero = code.number(0.0, code.type(x.type.dtype, lanes))
            with code.loop(0, depth, 1, [zero]) as loop:
                k = Ix(loop.index)
                left = emitter.value(x, part(x, (index[-2], k)), lanes, mask)
                right = emitter.value(y, part(y, (k, index[-1])), lanes, mask)
                loop.next = [code.fma(left, right, loop.values[0])]
            emitter.fresh()
            self.finish_turn(emitter, index, lanes, mask, loop.last[0])

        self.space(self.group.space, element)
