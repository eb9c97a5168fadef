"""The loops around a product's microkernels: rows that a cache holds, blocks of k, panels of columns, tiles."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

from llvmlite import ir

from chainrule.backends.llvm.code import I1, SIZES, VOID, Code, Number
from chainrule.backends.llvm.kernels import Kernels
from chainrule.backends.llvm.product import SECOND_CACHE, Product, fixed

_STRIP = 16  # rows of B whose panels are copied before those of the next ones
_FEW = 2  # tiles, up to which B is read where it stands: to copy it would take longer

Finish = Callable[[Any, Number, Any, Number, Number, Number], None]
Ahead = Callable[[Any, Number, Number, Number], None]


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
    """A block of k: where it begins, its length, and whether it is the last one; ``None`` for that where there is but one.

    ``first`` is the first row whose sums are kept from block to block.
    """

    start: Number
    length: Number
    first: Number
    last: Any = None


@dataclass(frozen=True)
class Panel:
    """A panel: its first column, its width in memory and in columns, and whether it is the last one.

    ``vectors``: how many it may have, each with a condition; the first one that holds counts.
    """

    first: Number
    width: Number
    taken: Number
    vectors: list[tuple[Any, int]]
    is_last: Any


class Loops:
    """Writes the loops of a product.

    Args:
        code: the function that is being written.
        p: how the product is computed.
        kernels: the module's kernels.
        x, y: pointers to the operands.
        depth: K.
        scratch: a pointer to a thread's own memory.
        finish: is called to write what becomes of finished tiles: (pointer, its row step, first row, rows, first column, columns).
        ahead: is called to write what is to be done before a tile is finished: (first row, rows, first column, columns).
        dense: whether rows of tiles should stand in their memory without gaps.
    """

    def __init__(
        self,
        code: Code,
        p: Product,
        kernels: Kernels,
        x: Any,
        y: Any,
        depth: Number,
        scratch: Any,
        finish: Finish,
        ahead: Ahead | None,
        *,
        dense: bool,
    ) -> None:
        self.row = p.columns if dense else p.padded  # of tiles that are finished together
        self.code, self.p, self.kernels, self.x, self.y, self.depth = code, p, kernels, x, y, depth
        self.finish, self.ahead = finish, ahead
        offset, own = 0, {}
        for name, size in p.scratch().items():
            own[name] = code.at(scratch, offset // SIZES[p.dtype], p.dtype)
            offset += size
        self.tile, self.panel, self.own_rows, self.sums = own["tile"], own["panel"], own["rows"], own["sums"]

    def write(self, low: Any, high: Any) -> None:
        """Write the loops over the rows low … high − 1."""
        if self.p.blocks:
            self._parts(low, high, self.code.i64(self.p.kept_rows), self._blocks)
        else:
            self._rows(low, high, Block(0, self.depth, low))

    def _blocks(self, low: Any, high: Any) -> None:
        """All blocks of k for some rows."""
        code, b, p = self.code, self.code.b, self.p
        length = code.maximum(code.parts(self.depth, p.block), 1)
        with code.loop(0, code.maximum(self.depth, 1), length) as loop:
            left = code.sub(self.depth, loop.index)
            last = b.icmp_signed("<=", code.i64(left), code.i64(length))
            self._rows(low, high, Block(loop.index, code.minimum(left, length), low, last))

    def _rows(self, low: Any, high: Any, block: Block) -> None:
        """Some rows for a block of k: as many at once as a cache holds."""
        code, b, p = self.code, self.code.b, self.p
        number = code.sub(high, low)
        most: Any = code.i64(p.rows_at_once(p.block))
        if not isinstance(self.depth, int):  # shorter blocks leave room for more rows
            for length in (p.block // 2, p.block // 4):
                short = b.icmp_signed("<=", code.i64(block.length), code.i64(length))
                most = b.select(short, code.i64(p.rows_at_once(length)), most)
        many = b.icmp_signed(">", number, code.i64(_FEW * p.mr))
        before = ir.Constant(I1, int(p.by_rows)) if p.by_rows or not p.all_panels else b.icmp_signed(">", number, most)
        if p.all_panels:
            with code.when(before):
                self._pack_all(block, many)
        if p.blocks or p.packed_x:
            self._parts(low, high, most, lambda first, end: self._panels(first, end, block, many, before))
        else:
            self._panels(low, high, block, many, before)

    def _parts(self, low: Any, high: Any, most: Any, write: Callable[[Any, Any], None]) -> None:
        """Parts of some rows, as equal as whole tiles allow."""
        code, b = self.code, self.code.b
        share = b.and_(code.add(code.parts(code.sub(high, low), most), self.p.mr - 1), code.i64(-self.p.mr))
        with code.loop(low, high, share) as part:
            write(part.index, code.minimum(code.add(part.index, share), high))

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

    def _panels(self, low: Any, high: Any, block: Block, many: Any, before: Any) -> None:
        """All panels of columns for some rows and a block of k; ``before``: whether all of them have been made."""
        code, p = self.code, self.p
        left = self._left(low, high, block)
        panels = sum(number for _, _, number in p.panels())
        if p.by_rows:
            with code.loop(low, high, p.together) as chunk:
                first, end = chunk.index, code.minimum(code.add(chunk.index, p.together), high)
                with code.loop(0, panels) as loop:  # from the last one: a vector that is cut is stored beyond its row
                    panel = self._panel(code.sub(panels - 1, loop.index))
                    right = self._right(panel, block, many, before)
                    with self._tiles(first, end) as (i, rows, heights):
                        self._tile(heights, left, right, panel, i, code.sub(i, first), block)
                sums = self._sums(first, 0, 0, p.padded, block)
                with self._at_last(block):
                    self.finish(*sums, first, code.sub(end, first), 0, p.columns)
            return
        each = self._rows_ahead(low, high, block)
        with code.loop(0, panels) as loop:
            panel = self._panel(loop.index)
            with code.when(code.b.not_(before)):
                self._pack(panel, block, self._copy(panel, block, before), many)
            right = self._right(panel, block, many, before)
            with self._tiles(low, high) as (i, rows, heights):
                if each is not None:
                    self._panel_ahead(panel, block, code.mul(code.sub(i, low), each), code.mul(rows, each), before)
                self._sums_ahead(panel, block, code.add(i, rows))
                if self.ahead is not None:
                    with self._at_last(block):
                        self.ahead(i, rows, panel.first, panel.taken)
                sums = self._tile(heights, left, right, panel, i, 0, block)
                with self._at_last(block):
                    self.finish(*sums, i, rows, panel.first, panel.taken)

    def _panel(self, number: Any) -> Panel:
        """Return the panel of a number; the first ones may be a vector wider than the others, and the last one cut."""
        code, b, p = self.code, self.code.b, self.p
        kinds = p.panels()
        (_, most, wide), (_, least, _) = kinds[0], kinds[-1]
        number = code.i64(number)
        is_last = b.icmp_signed("==", number, code.i64(sum(amount for _, _, amount in kinds) - 1))
        first, width = code.mul(number, least * p.lanes), least * p.lanes
        vectors: list[tuple[Any, int]] = [(None, least)]
        if len(kinds) > 1:
            is_wide = b.icmp_signed("<", number, code.i64(wide))
            first = code.add(first, code.mul(code.minimum(number, wide), p.lanes))
            width = b.select(is_wide, code.i64(most * p.lanes), code.i64(width))
            vectors = [(is_wide, most), *vectors]
        taken = code.minimum(width, code.sub(p.columns, first)) if p.columns % p.lanes else width
        return Panel(first, width, taken, vectors, is_last)

    def _pack_all(self, block: Block, many: Any) -> None:
        """Copy all panels of a block of k, where B lies by the row in strips of rows: memory is read from its start to its end."""
        code, p = self.code, self.p
        panels = sum(number for _, _, number in p.panels())
        before = ir.Constant(I1, 1)
        if p.y_turned:
            with code.loop(0, panels) as loop:
                panel = self._panel(loop.index)
                self._pack(panel, block, self._copy(panel, block, before), many)
            return
        with code.loop(0, block.length, _STRIP) as strip, code.loop(0, panels) as loop:
            panel = self._panel(loop.index)
            part = Block(code.add(block.start, strip.index), code.minimum(code.sub(block.length, strip.index), _STRIP), block.first)
            to = code.at(self._copy(panel, block, before), code.mul(strip.index, panel.width), p.dtype)
            self._pack(panel, part, to, many)

    def _pack(self, panel: Panel, block: Block, to: Any, many: Any) -> None:
        """Copy a panel of B where enough rows meet it."""
        code, b, p = self.code, self.code.b, self.p
        if p.y_turned:
            row = fixed(p.depth)
            source = code.at(self.y, code.add(code.mul(panel.first, row), block.start), p.dtype)
            b.call(self.kernels.turn(p), [*map(code.i64, [source, row, to, panel.width, block.length, panel.taken])])
        elif p.packed:
            with code.when(self._copied(panel, many)):
                copies = [(condition, self.kernels.copy(p, vectors, 0)) for condition, vectors in panel.vectors]
                if cut := p.columns % p.lanes:
                    _, least = panel.vectors[-1]
                    copies = [(panel.is_last, self.kernels.copy(p, least, cut)), *(copies if p.columns > p.width else [])]
                copy = self._choose(copies)
                b.call(copy, [*map(code.i64, [self._source(panel, block), p.columns, to, block.length])])

    def _right(self, panel: Panel, block: Block, many: Any, before: Any) -> tuple[Any, Number]:
        """Return where a panel stands, and its step in k: a copy, or the rows of B themselves."""
        code, b, p = self.code, self.code.b, self.p
        if p.y_turned:
            return self._copy(panel, block, before), panel.width
        if not p.packed:
            return self._source(panel, block), p.columns
        copied = self._copied(panel, many)
        place = b.select(copied, self._copy(panel, block, before), self._source(panel, block))
        return place, b.select(copied, code.i64(panel.width), code.i64(p.columns))

    def _rows_ahead(self, low: Any, high: Any, block: Block) -> Number | None:
        """Return how many rows of the next panel are asked for with each row of A, if a cache does not hold all of B."""
        code, p = self.code, self.p
        depth = p.depth if isinstance(p.depth, int) else p.block
        if not p.packed or depth * p.columns * SIZES[p.dtype] < SECOND_CACHE:
            return None
        number = code.maximum(code.sub(high, low), 1)
        return code.quotient(code.add(block.length, code.sub(number, 1)), number)

    def _panel_ahead(self, panel: Panel, block: Block, first: Any, rows: Any, before: Any) -> None:
        """Ask for rows of the next panel, or for those of B that it is copied from."""
        code, b, p = self.code, self.code.b, self.p
        size = SIZES[p.dtype]
        first = code.minimum(first, block.length)
        taken = code.minimum(rows, code.sub(block.length, first))
        if p.y_turned:
            taken = b.select(before, code.i64(taken), code.i64(0))
        copy = code.at(self._copy(panel, block, before), code.mul(panel.width, block.length), p.dtype)
        place = b.select(before, copy, code.at(self._source(panel, block), panel.width, p.dtype))
        step = b.select(before, code.i64(panel.width), code.i64(p.columns))
        bytes = code.sub(code.mul(code.minimum(panel.width, code.sub(p.columns, code.add(panel.first, panel.width))), size), 1)
        start = code.at(place, code.mul(first, step), p.dtype)
        b.call(self.kernels.ahead(p, to_write=False), [start, *map(code.i64, (code.mul(step, size), taken, bytes))])

    def _copied(self, panel: Panel, many: Any) -> Any:
        cut = self.p.columns % self.p.lanes  # a vector that is cut may reach beyond the last row
        return self.code.b.or_(many, panel.is_last) if cut else many

    def _source(self, panel: Panel, block: Block) -> Any:
        code, p = self.code, self.p
        return code.at(self.y, code.add(code.mul(block.start, p.columns), panel.first), p.dtype)

    def _copy(self, panel: Panel, block: Block, before: Any) -> Any:
        """Return where the copy of a panel stands: behind those of the panels to the left of it if all are made before, or alone."""
        code, p = self.code, self.p
        offset = code.i64(code.mul(panel.first, block.length))
        return code.at(self.panel, code.b.select(before, offset, code.i64(0)), p.dtype)

    def _choose(self, cases: list[tuple[Any, Any]]) -> Any:
        """Return the function of the first case whose condition holds; that of the last one is not asked for."""
        *others, (_, function) = cases
        for condition, other in reversed(others):
            function = self.code.b.select(condition, other, function)
        return function

    @contextmanager
    def _tiles(self, low: Any, high: Any) -> Iterator[tuple[Any, Any, list[tuple[Any, int]]]]:
        """A loop over tiles of whole height, then over the rows that are left in halves of it.

        Yields the first row, the rows, and each height that the tile may have with its condition.
        """
        code, b, p = self.code, self.code.b, self.p
        heights = [p.mr]  # parts of a fixed number of rows begin at whole tiles
        while heights[-1] > 1:
            heights.append(heights[-1] // 2)
        heights = [rows for rows in heights if rows == p.mr or not isinstance(p.rows, int) or p.rows & rows]
        number = code.sub(high, low)
        tiles = b.sdiv(code.i64(number), code.i64(p.mr))
        rest = b.and_(code.i64(number), code.i64(p.mr - 1))
        with code.loop(0, code.add(tiles, code.intrinsic("ctpop", rest)), 1, [code.i64(low)]) as loop:
            (i,) = loop.values
            rows: Any = code.i64(heights[-1])
            cases = []
            for height in heights[:-1]:
                fits = b.icmp_signed(">=", code.i64(code.sub(high, i)), code.i64(height))
                cases.append((fits, height))
            for fits, height in reversed(cases):
                rows = b.select(fits, code.i64(height), rows)
            yield i, rows, [*cases, (None, heights[-1])]
            loop.next = [code.add(i, rows)]

    def _tile(
        self, heights: list[tuple[Any, int]], left: Rows, right: tuple[Any, Number], panel: Panel, i: Any, within: Number, block: Block
    ) -> tuple[Any, Any]:
        """Compute a tile; return where its sums stand, and their row step."""
        code, b, p = self.code, self.code.b, self.p
        kernels = []
        for fits, height in heights:
            shapes = [(condition, self.kernels.micro(p, height, vectors)) for condition, vectors in panel.vectors]
            kernels.append((fits, self._choose(shapes)))
        here = code.sub(i, left.first)
        if left.by_tiles:
            main = code.mul(b.and_(code.i64(here), code.i64(-p.mr)), block.length)
            offset = code.add(main, b.and_(code.i64(here), code.i64(p.mr - 1)))
        else:
            offset = code.mul(here, left.row)
        a = code.at(left.pointer, offset, p.dtype)
        place, step = right
        sums = self._sums(i, within, panel.first, panel.width, block)
        goes_on = 0 if block.last is None else block.start
        numbers = (left.row, left.k, step, sums[1], block.length, goes_on)
        b.call(self._choose(kernels), [a, place, sums[0], *map(code.i64, numbers)])
        return sums

    def _sums(self, i: Any, within: Number, first: Number, width: Number, block: Block) -> tuple[Any, Any]:
        """Return where the sums of a tile stand, and their row step: in the tile's memory, or in that which blocks of k share."""
        code, b, p = self.code, self.code.b, self.p
        row = code.i64(self.row if p.by_rows else width)
        tile = code.at(self.tile, code.add(code.mul(within, self.row), first), p.dtype) if p.by_rows else self.tile
        if block.last is None:
            return tile, row
        alone = b.and_(b.icmp_signed("==", code.i64(block.start), code.i64(0)), block.last)  # one block of k needs no memory for sums
        sums = code.at(self.sums, code.add(code.mul(code.sub(i, block.first), p.padded), first), p.dtype)
        return b.select(alone, tile, sums), b.select(alone, row, code.i64(p.padded))

    def _sums_ahead(self, panel: Panel, block: Block, i: Any) -> None:
        """Ask for the sums that the next tile, from row i on, goes on with, if a cache does not hold all of them."""
        code, p = self.code, self.p
        size = SIZES[p.dtype]
        if block.last is None or p.rows_at_once(p.block) * p.padded * size < 2 * SECOND_CACHE:
            return
        sums = code.at(self.sums, code.add(code.mul(code.sub(i, block.first), p.padded), panel.first), p.dtype)
        last = code.sub(code.mul(panel.width, size), 1)
        code.b.call(self.kernels.ahead(p, to_write=True), [sums, *map(code.i64, (p.padded * size, p.mr, last))])

    def _at_last(self, block: Block) -> AbstractContextManager[Any]:
        return self.code.when(block.last) if block.last is not None else nullcontext()
