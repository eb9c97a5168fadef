"""The innermost functions of products: microkernels that keep a tile of the result in registers, and the copying of operands."""

from __future__ import annotations

from typing import Any

from llvmlite import ir

from chainrule.backends.llvm.code import I32, I64, PTR, SIZES, VOID, Code, Number, define
from chainrule.backends.llvm.product import Product


class Kernels:
    """The functions that a module's products share: microkernels and packing."""

    def __init__(self, module: Any) -> None:
        self.module = module
        self.made: dict[Any, Any] = {}

    def micro(self, p: Product, rows: int, vectors: int) -> Any:
        """Return ``kernel(A, B, C, a_row, a_k, b_k, c_row, k, goes_on)``: C = A·B, or C + A·B if it goes on."""
        key = ("micro", p.dtype, p.lanes, rows, vectors)
        if key in self.made:
            return self.made[key]
        code = define(self.module, f"product.{p.dtype}.{rows}.{vectors}", [PTR, PTR, PTR, *[I64] * 6])
        self.made[key] = code.function
        A, Bp, C, a_row, a_k, b_k, c_row, depth, goes_on = code.function.args
        b, lanes, dtype = code.b, p.lanes, p.dtype
        zero = code.number(0.0, code.type(dtype, lanes))
        places = [(r, v) for r in range(rows) for v in range(vectors)]
        start = b.block
        load, ready = code.function.append_basic_block("load"), code.function.append_basic_block("ready")
        b.cbranch(b.icmp_unsigned("!=", goes_on, ir.Constant(I64, 0)), load, ready)
        b.position_at_end(load)

        def at(r: int, v: int) -> Number:
            return code.add(code.mul(c_row, r), v * lanes)

        before = [code.load(C, at(r, v), dtype, lanes) for r, v in places]
        loaded = b.block
        b.branch(ready)
        b.position_at_end(ready)
        sums = []
        for value in before:
            phi = b.phi(value.type)
            phi.add_incoming(zero, start)
            phi.add_incoming(value, loaded)
            sums.append(phi)
        with code.loop(0, depth, 1, sums, aligned=True) as loop:
            k = loop.index
            row = [code.load(Bp, code.add(code.mul(k, b_k), v * lanes), dtype, lanes) for v in range(vectors)]
            for r in range(rows):
                number = code.splat(code.load(A, code.add(code.mul(k, a_k), code.mul(a_row, r)), dtype), lanes)
                loop.next += [code.fma(number, row[v], loop.values[r * vectors + v]) for v in range(vectors)]
        for (r, v), value in zip(places, loop.last, strict=True):
            code.store(value, C, at(r, v), dtype)
        b.ret_void()
        return code.function

    def turn(self, p: Product) -> Any:
        """Return ``turn(from, row, to, width, depth, columns)``: to[k·width + j] = from[j·row + k], in square blocks of a vector's lanes.

        It writes up to a block beyond depth and columns.
        """
        key = ("turn", p.dtype, p.lanes)
        if key in self.made:
            return self.made[key]
        code = define(self.module, f"turn.{p.dtype}", [PTR, I64, PTR, I64, I64, I64])
        self.made[key] = code.function
        source, row, to, width, depth, columns = code.function.args
        b, lanes, dtype = code.b, p.lanes, p.dtype
        with code.loop(0, columns, lanes) as outer, code.loop(0, depth, lanes) as inner:
            j, k = outer.index, inner.index
            mask = code.first_lanes(code.sub(depth, k), lanes)
            last = code.sub(columns, 1)
            vectors = []
            for lane in range(lanes):
                place = code.minimum(code.add(j, lane), last)
                vectors.append(code.load(source, code.add(code.mul(place, row), k), dtype, lanes, mask))
            for lane, vector in enumerate(_transposed(code, vectors)):
                code.store(vector, to, code.add(code.mul(code.add(k, lane), width), j), dtype)
        b.ret_void()
        return code.function

    def copy(self, p: Product, vectors: int, edge: int) -> Any:
        """Return ``copy(from, row, to, depth)``: rows of some vectors, one after the other."""
        key = ("copy", p.dtype, p.lanes, vectors, edge)
        if key in self.made:
            return self.made[key]
        code = define(self.module, f"copy.{p.dtype}.{vectors}.{edge}", [PTR, I64, PTR, I64])
        self.made[key] = code.function
        source, row, to, depth = code.function.args
        mask = code.first_lanes(edge, p.lanes) if edge else None
        with code.loop(0, depth) as loop:
            for v in range(vectors):
                part = code.load(
                    source, code.add(code.mul(loop.index, row), v * p.lanes), p.dtype, p.lanes, mask if v == vectors - 1 else None
                )
                code.store(part, to, code.add(code.mul(loop.index, vectors * p.lanes), v * p.lanes), p.dtype)
        code.b.ret_void()
        return code.function

    def ahead(self, p: Product, *, to_write: bool) -> Any:
        """Return ``ahead(from, row, rows, last)``: asks for the memory of rows no wider than a panel, bytes 0 to ``last`` of each.

        To write them takes them away from other cores.
        """
        lines = -(-p.width * SIZES[p.dtype] // 64) + 1  # of a cache
        key = ("ahead", lines, to_write)
        if key in self.made:
            return self.made[key]
        code = define(self.module, f"ahead.{lines}.{'write' if to_write else 'read'}", [PTR, I64, I64, I64])
        self.made[key] = code.function
        source, row, rows, last = code.function.args
        places = [code.minimum(64 * line, last) for line in range(lines)]
        with code.loop(0, rows) as loop:
            start = code.at(source, code.mul(loop.index, row), "bool")
            for place in places:
                code.call("llvm.prefetch.p0", VOID, code.at(start, place, "bool"), *(ir.Constant(I32, n) for n in (int(to_write), 3, 1)))
        code.b.ret_void()
        return code.function

    def rows(self, p: Product) -> Any:
        """Return ``rows(from, row, to, depth, number)``: to[⌊i/mr⌋][k][i mod mr] = from[k·row + i] for i < number, rounded up to mr."""
        key = ("rows", p.dtype, p.mr)
        if key in self.made:
            return self.made[key]
        code = define(self.module, f"rows.{p.dtype}", [PTR, I64, PTR, I64, I64])
        self.made[key] = code.function
        source, row, to, depth, number = code.function.args
        line = max(64 // SIZES[p.dtype] // p.mr, 1)  # tiles whose numbers lie in one line of a cache
        whole = code.b.and_(number, ir.Constant(I64, -line * p.mr))
        for low, high, tiles in ((0, whole, line), (whole, number, 1)):
            with code.loop(low, high, tiles * p.mr) as i, code.loop(0, depth) as k:
                mask = code.first_lanes(code.sub(number, i.index), p.mr) if tiles == 1 else None
                for tile in range(tiles):
                    at = code.add(i.index, tile * p.mr)
                    numbers = code.load(source, code.add(code.mul(k.index, row), at), p.dtype, p.mr, mask)
                    code.store(numbers, to, code.add(code.mul(at, depth), code.mul(k.index, p.mr)), p.dtype)
        code.b.ret_void()
        return code.function


def _transposed(code: Code, vectors: list[Any]) -> list[Any]:
    """Transpose a square of vectors by exchanging ever larger blocks: log₂(lanes) rounds of shuffles."""
    lanes = len(vectors)
    if lanes == 1:
        return vectors
    size = 1
    while size < lanes:
        keep, take = [], []
        for lane in range(lanes):
            high = lane & size
            keep.append(lanes + lane - size if high else lane)
            take.append(lanes + lane if high else lane + size)
        masks = [ir.Constant(ir.VectorType(I32, lanes), [ir.Constant(I32, i) for i in m]) for m in (keep, take)]
        result = list(vectors)
        for lane in range(lanes):
            if not lane & size:
                x, y = vectors[lane], vectors[lane + size]
                result[lane] = code.b.shuffle_vector(x, y, masks[0])
                result[lane + size] = code.b.shuffle_vector(x, y, masks[1])
        vectors, size = result, 2 * size
    return vectors
