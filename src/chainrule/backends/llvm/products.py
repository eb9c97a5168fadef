"""The loops of products, with what becomes of each tile while it is in the nearest cache."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir

from chainrule.backends.llvm.code import I64, PTR, SIZES, Code, Number, define
from chainrule.backends.llvm.index import ZERO, Index, Ix
from chainrule.backends.llvm.matmul import Loops
from chainrule.backends.llvm.nest import Nest
from chainrule.backends.llvm.product import SECOND_CACHE, Product
from chainrule.backends.llvm.row import write_row
from chainrule.ir import Batch, Value


class Products(Nest):
    """Writes the function of a product."""

    def fast_product(self, p: Product) -> None:
        """Tiles of a product, and what becomes of them."""
        flat = self.is_flat()
        finish, outside = self.tile_function(p, flat)
        emitter, code = self.emitter, self.code
        low, high = (0, 1) if self.group.space[0] == 1 else (self.low, self.high)
        frame = self.frame(outside)

        def call(tile: Any, step: Number, i: Any, rows: Number, j: Number, taken: Number) -> None:
            if flat and p.by_rows:  # rows that follow each other without a gap are one long row
                dense = code.b.icmp_signed("==", code.i64(step), code.i64(p.columns))
                taken = code.b.select(dense, code.i64(code.mul(rows, taken)), code.i64(taken))
                rows = code.b.select(dense, code.i64(1), code.i64(rows))
            code.b.call(finish, [frame, tile, *map(code.i64, (step, i, rows, j, taken))])

        pointers, depth, ahead = emitter.stored, emitter.size(p.depth), self.prefetch(p)
        loops = Loops(code, p, self.writer.kernels, pointers[p.x], pointers[p.y], depth, self.scratch, call, ahead, dense=flat)
        if self.writer.training or p.y_turned or not (p.rows == 1 or isinstance(p.rows, Batch)):
            loops.write(code.i64(low), code.i64(high))
            return
        alone = code.b.icmp_signed("==", code.sub(code.i64(high), code.i64(low)), code.i64(1))
        with code.b.if_else(alone) as (then, otherwise):
            with then:
                write_row(code, p, self.writer.kernels, pointers[p.x], pointers[p.y], code.i64(low), depth, self.scratch, call)
            with otherwise:
                loops.write(code.i64(low), code.i64(high))

    def frame(self, outside: list[tuple[Value, str]]) -> Any:
        """Return memory with what the end of each tile needs: the places, B, the flag, and scalars that no tile changes."""
        entry, emitter = self.emitter.hoist or self.code, self.emitter
        arguments = dict(zip(self.places, self.code.function.args, strict=False))
        words = [*(arguments[value] for value in self.arrays()), self.rows, self.flag, *(emitter.scalar(*wanted) for wanted in outside)]
        memory = entry.b.alloca(I64, len(words))
        memory.type = PTR  # llvmlite takes it for the address of one word
        for number, value in enumerate(words):
            entry.b.store(value, entry.at(memory, number, "int64"))
        return memory

    def arrays(self) -> list[Value]:
        """Return the values whose memory the end of a tile needs."""
        return [value for value in self.places if value.type.shape or value in self.group.watches]

    def prefetch(self, p: Product) -> Callable[[Any, Number, Number, Number], None] | None:
        """Return what asks for the memory that a tile's end reads while the tile is computed, if a cache does not hold it."""
        space, code, size = self.group.space, self.code, SIZES[p.dtype]
        values = [v for v, how in self.group.reads.items() if how == "same" and v.type.shape == space and v.type.dtype == p.dtype]
        if p.by_rows or isinstance(p.rows, Batch) or p.rows * p.columns * size * len(values) < SECOND_CACHE:
            return None

        def ahead(i: Any, rows: Number, j: Number, taken: Number) -> None:
            for value in values:
                start = code.at(self.emitter.stored[value], code.add(code.mul(i, p.columns), j), p.dtype)
                numbers = p.columns * size, rows, code.sub(code.mul(taken, size), 1)
                code.b.call(self.writer.kernels.ahead(p, to_write=True), [start, *map(code.i64, numbers)])

        return ahead

    def tile_function(self, p: Product, flat: bool) -> tuple[Any, list[tuple[Value, str]]]:
        """Write ``(frame, tile, row step, first row, rows, first column, columns)``; return it and the scalars it wants in the frame.

        If it is flat, the columns may go on into the rows that follow.
        """
        code = define(self.writer.module, f"{self.name}.tile", [PTR, PTR, *[I64] * 5])
        frame, tile, step, i, height, j, taken = code.function.args
        arrays = self.arrays()
        number = len(arrays)
        entry = Code(code.function, ir.IRBuilder(code.b.block))

        def word(at: int, type: Any = PTR) -> Any:
            return entry.b.load(entry.at(frame, at, "int64"), typ=type, align=8)

        pointers = {self.writer.place(value): word(at) for at, value in enumerate(arrays)}
        rows, flag = word(number, I64), word(number + 1)
        emitter = self.emitting(code, pointers, rows, flat=flat)
        outside: list[tuple[Value, str]] = []

        def scalar(value: Value, part: str) -> Any:
            outside.append((value, part))
            entry = self.entry_of[code][0]
            return entry.load(entry.at(frame, number + 1 + len(outside), "int64"), 0, value.type.dtype)

        emitter.outside = scalar
        m, n = self.group.space
        lanes = 1 if n == 1 and not flat else p.lanes
        edge = p.columns % lanes
        whole = code.b.and_(taken, code.i64(-lanes)) if lanes > 1 else taken

        def turn(r: Any, c: Any, width: int, mask: Any) -> None:
            number = code.load(tile, code.add(code.mul(r, step), c), p.dtype, width)
            row, column = code.add(i, r), code.add(j, c)
            index: Index = (ZERO if m == 1 else Ix(row), ZERO if n == 1 else Ix(column, int(width > 1)))
            if flat:
                index = (Ix(code.add(code.mul(row, p.columns), column), int(width > 1)),)
            self.finish_turn(emitter, index, width, mask, number)

        with code.loop(0, height) as outer:
            with code.loop(0, whole, lanes) as inner:
                emitter.fresh()
                turn(outer.index, inner.index, lanes, None)
            if edge:
                with code.when(code.b.icmp_signed("<", whole, taken)):
                    emitter.fresh()
                    turn(outer.index, whole, lanes, code.first_lanes(code.sub(taken, whole) if flat else edge, lanes))
        self.finish(code, flag)
        self.writer.whole(code.function)
        return code.function, outside

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
