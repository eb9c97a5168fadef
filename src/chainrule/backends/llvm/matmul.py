"""Products of matrices: microkernels that keep a tile of the result in registers, and the loops and packing around them.

Each element is summed in one order, k ascending, by fused multiply-add, whatever tile, thread or block of k it falls into; where k is cut into
blocks the sum goes on from what was stored. Tile and blocks depend on fixed sizes only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from llvmlite import ir

from chainrule.backends.llvm.code import I64, PTR, SCALARS, SIZES, Code, Number, define
from chainrule.backends.llvm.target import Target
from chainrule.ir import Batch, Equation, Value
from chainrule.ir.types import Axis

_BLOCK = 1024  # products of k that are summed in one go
_PACKED_BLOCK = 512  # of these where B is packed
_WIDE = 512  # columns from which rows of B are copied next to each other
_TALL = 1024  # columns from which a transposed A is copied
_ROWS = 256  # rows of such an A at once


Finish = Callable[[Any, Number, Any, int, Number, Number], None]
Ahead = Callable[[Any, int, Number, int], None]


@dataclass(frozen=True)
class Product:
    """How a product of two stored matrices is computed.

    Attributes:
        x, y: the stored operands; ``x_turned``, ``y_turned``: whether each is stored transposed.
        rows, columns, depth: the sizes M, N and K of the product.
        dtype: of all three.
        lanes, mr, nv: the vector's lanes; the tile's rows and vectors.
        packed: whether B is copied into panels; ``packed_x``: whether A is.
        block: the most of K that is summed in one go; ``blocks``: whether there can be more than one such block.
    """

    x: Value
    y: Value
    x_turned: bool
    y_turned: bool
    rows: Axis
    columns: int
    depth: Axis
    dtype: str
    lanes: int
    mr: int
    nv: int
    packed: bool
    packed_x: bool
    block: int
    blocks: bool

    @property
    def width(self) -> int:
        """The columns of a panel."""
        return self.nv * self.lanes

    @property
    def padded(self) -> int:
        """The columns, rounded up to whole vectors."""
        return -(-self.columns // self.lanes) * self.lanes

    @property
    def x_strides(self) -> tuple[int, int]:
        """The steps in A from a row to the next, and from k to the next."""
        if self.x_turned:
            return 1, _fixed(self.rows)
        return _fixed(self.depth), 1

    def scratch(self) -> int:
        """The bytes of a thread's own memory that it needs."""
        size = SIZES[self.dtype]
        tile = self.mr * self.width
        panel = (self.block + self.lanes) * self.width if self.packed else 0
        own = (_ROWS + self.mr) * self.block if self.packed_x else 0
        return size * (tile + panel + own) + 3 * 64

    def panels(self) -> list[tuple[int, int, int]]:
        """Return the panels' kinds as (first column, vectors in a panel, number of panels); sizes differ by one vector at most."""
        vectors = self.padded // self.lanes
        number = -(-vectors // self.nv)
        wide, rest = divmod(vectors, number)
        kinds = [(0, wide + 1, rest), (rest * (wide + 1) * self.lanes, wide, number - rest)]
        return [kind for kind in kinds if kind[1] and kind[2]]


def _fixed(axis: Axis) -> int:
    assert isinstance(axis, int)
    return axis


def product(equation: Equation, definitions: Mapping[Value, Equation], stored: Callable[[Value], bool], target: Target) -> Product | None:
    """Return how a product is computed, or ``None`` if it is not of two stored matrices with rows of fixed length."""
    x, y = equation.inputs
    if len(x.type.shape) != 2 or len(y.type.shape) != 2:
        return None
    (x, x_turned), (y, y_turned) = (_stored(value, definitions, stored) for value in (x, y))
    (m, k), n = equation.inputs[0].type.shape, equation.inputs[1].type.shape[1]
    if isinstance(n, Batch) or not stored(x) or not stored(y):
        return None
    if isinstance(m if x_turned else k, Batch) or (y_turned and isinstance(k, Batch)) or n == 0:
        return None
    dtype = equation.outputs[0].type.dtype
    lanes = target.lanes(SIZES[dtype])
    mr, nv = target.tile
    fixed = None if isinstance(k, Batch) else k
    large = n >= _WIDE and (fixed is None or fixed >= 64) and (isinstance(m, Batch) or m >= 64)
    packed = y_turned or large
    packed_x = x_turned and isinstance(m, int) and m >= _TALL and n >= _WIDE
    block = _PACKED_BLOCK if packed and (large or fixed is None or fixed > _BLOCK) else _BLOCK
    if fixed is not None:
        number = max(-(-fixed // block), 1)
        block = max(-(-fixed // number), 1)
    blocks = fixed is None or fixed > block
    nv = min(nv, -(-n // lanes))
    return Product(x, y, x_turned, y_turned, m, n, k, dtype, lanes, mr, nv, packed, packed_x, block, blocks)


def _stored(value: Value, definitions: Mapping[Value, Equation], stored: Callable[[Value], bool]) -> tuple[Value, bool]:
    turned = False
    while not stored(value):
        e = definitions.get(value)
        if e is None or e.op.name != "transpose":
            break
        axes = e.attributes.get("axes")
        turned ^= axes is None or tuple(axis % 2 for axis in axes) == (1, 0)
        value = e.inputs[0]
    return value, turned


class Kernels:
    """The functions that a module's products share: microkernels and packing."""

    def __init__(self, module: Any) -> None:
        self.module = module
        self.made: dict[Any, Any] = {}

    def micro(self, p: Product, rows: int, vectors: int, edge: bool, steps: tuple[int, int, int] | None) -> Any:
        """Return ``kernel(A, B, C, a_row, a_k, b_k, c_row, k, goes_on, lanes)``: C = A·B, or C + A·B if it goes on.

        ``steps`` are a_row, a_k and b_k if they are known; ``edge``: whether B's last vector has so many lanes only.
        """
        key = ("micro", p.dtype, p.lanes, rows, vectors, edge, steps)
        if key in self.made:
            return self.made[key]
        name = ".".join(map(str, ("product", p.dtype, rows, vectors, "cut" if edge else "whole", *(steps or ("any",)))))
        code = define(self.module, name, [PTR, PTR, PTR, I64, I64, I64, I64, I64, I64, I64])
        self.made[key] = code.function
        A, Bp, C, a_row, a_k, b_k, c_row, depth, goes_on, lanes_left = code.function.args
        if steps is not None:
            a_row, a_k, b_k = steps
        b, lanes, dtype = code.b, p.lanes, p.dtype
        zero = code.number(0.0, code.type(dtype, lanes))
        places = [(r, v) for r in range(rows) for v in range(vectors)]
        start = b.block
        load, ready = code.function.append_basic_block("load"), code.function.append_basic_block("ready")
        b.cbranch(b.icmp_unsigned("!=", goes_on, ir.Constant(I64, 0)), load, ready)
        b.position_at_end(load)
        at = lambda r, v: code.add(code.mul(c_row, r), v * lanes)  # noqa: E731
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
        mask = code.first_lanes(lanes_left, lanes) if edge else None
        with code.loop(0, depth, 1, sums) as loop:
            k = loop.index
            row = [
                code.load(Bp, code.add(code.mul(k, b_k), v * lanes), dtype, lanes, mask if v == vectors - 1 else None) for v in range(vectors)
            ]
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
                part = code.load(source, code.add(code.mul(loop.index, row), v * p.lanes), p.dtype, p.lanes, mask if v == vectors - 1 else None)
                code.store(part, to, code.add(code.mul(loop.index, vectors * p.lanes), v * p.lanes), p.dtype)
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
        masks = [ir.Constant(ir.VectorType(ir.IntType(32), lanes), [ir.Constant(ir.IntType(32), i) for i in m]) for m in (keep, take)]
        result = list(vectors)
        for lane in range(lanes):
            if not lane & size:
                x, y = vectors[lane], vectors[lane + size]
                result[lane] = code.b.shuffle_vector(x, y, masks[0])
                result[lane + size] = code.b.shuffle_vector(x, y, masks[1])
        vectors, size = result, 2 * size
    return vectors


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
    with code.loop(low, high, _ROWS) as part:
        stop = code.minimum(code.add(part.index, _ROWS), high)
        source = code.at(x, code.add(code.mul(start, p.x_strides[1]), part.index), p.dtype)
        with code.loop(0, code.sub(stop, part.index), p.mr) as rows, code.loop(0, length) as k:
            mask = code.first_lanes(code.sub(code.sub(stop, part.index), rows.index), p.mr)
            numbers = code.load(source, code.add(code.mul(k.index, p.x_strides[1]), rows.index), p.dtype, p.mr, mask)
            code.store(numbers, own, code.add(code.mul(rows.index, length), code.mul(k.index, p.mr)), p.dtype)
        _panels(code, p, kernels, own, (-1, p.mr), y, partial, part.index, stop, part.index, start, length, block, tile, panel, finish, ahead)


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
                    row = _fixed(p.depth)
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
                _tiles(code, p, kernels, x, x_steps, right, b_step, vectors, kernel_edge, partial, low, high, origin, j, taken, start, length, block, tile, finish, ahead)


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


def element(dtype: str) -> Any:
    """Return the IR type of a matrix's elements."""
    return SCALARS[dtype]
