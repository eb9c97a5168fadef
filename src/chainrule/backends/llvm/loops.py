"""The loops of a group, and what each turn computes and stores."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from llvmlite import ir

from chainrule.backends.llvm.code import I32, I64, PTR, SIZES, VOID, Code, Number, define
from chainrule.backends.llvm.emit import Emitter
from chainrule.backends.llvm.groups import Group, Grouped, reduced_axes
from chainrule.backends.llvm.index import ELEMENTWISE, ZERO, Index, Ix
from chainrule.backends.llvm.matmul import Kernels, Product, product, write_product
from chainrule.backends.llvm.target import Target
from chainrule.ir import Batch, Equation, Shape, Value
from chainrule.ir.types import Axis

_SUM_LANES = 16  # of horizontal sums, on every machine
_CACHE = 1 << 18  # bytes, beyond which memory is asked for ahead
_COLUMN_VECTORS = 4  # that a sum over rows runs side by side


@dataclass(frozen=True, eq=False)
class Written:
    """A group's function.

    Attributes:
        function: ``(places …, B, low, high, scratch, flag)``.
        places: the values whose memory it gets, in order.
        extent: the length of the axis that low and high are on; ``grain``: parts begin at multiples of it.
    """

    function: Any
    places: tuple[Value, ...]
    extent: Axis
    grain: int


class Writer:
    """Writes the functions of a module's groups.

    Attributes:
        place: a value → the key of the memory that it stands in (values of one key share it).
        partial: for each product with blocks of k, the value key of the memory of its sums.
    """

    def __init__(self, module: Any, grouped: Grouped, target: Target, place: Callable[[Value], Any], leaf: Callable[[Value], bool]) -> None:
        self.module = module
        self.grouped = grouped
        self.definitions = grouped.definitions
        self.target = target
        self.place = place
        self.leaf = leaf
        self.kernels = Kernels(module)

    def product(self, group: Group) -> Product | None:
        """Return how a group's product is computed, if it is a fast one."""
        assert group.equation is not None
        return product(group.equation, self.definitions, self.leaf, self.target)

    def write(self, group: Group, name: str, partial: Any = None) -> Written:
        """Write a group's function; ``partial`` is a key of memory for a product's sums."""
        return _GroupWriter(self, group, name, partial).written()


class _GroupWriter:
    def __init__(self, writer: Writer, group: Group, name: str, partial: Any) -> None:
        self.writer = writer
        self.group = group
        self.name = name
        views = writer.grouped.views
        leaves = [*group.reads, *group.stores]
        keys: dict[Any, int] = {}
        self.places: list[Value] = []
        for value in leaves:
            if writer.place(value) not in keys:
                keys[writer.place(value)] = len(self.places)
                self.places.append(value)
        self.partial_at = len(self.places) if partial is not None else -1
        if partial is not None:
            self.places.append(partial)
        self.code = self.begin(name, [])
        function = self.code.function
        self.keys = keys
        self.pointers = list(function.args[: len(self.places)])
        self.rows, self.low, self.high, self.scratch, self.flag = function.args[len(self.places) :]
        self.views = views
        self.emitter = self.emitting(self.code, self.pointers, self.rows)

    def begin(self, name: str, more: list[Any]) -> Code:
        """Begin a function of the group, with room before its loops for what they do not change."""
        code = define(self.writer.module, name, [*[PTR] * len(self.places), I64, *(more or [I64, I64]), PTR, PTR])
        return code

    def emitting(self, code: Code, pointers: list[Any], rows: Any, *, flat: bool = False) -> Emitter:
        """Return an emitter for a function of the group; scalars go to the function's first block."""
        entry = code.b.block
        start = code.function.append_basic_block("start")
        bad = code.b.alloca(I32)
        code.b.store(ir.Constant(I32, 0), bad)
        hoist = Code(code.function, ir.IRBuilder(entry)) if self.group.space else None
        code.b.position_at_end(start)
        self.entry_of = getattr(self, "entry_of", {})
        self.entry_of[code] = (entry, start, bad)
        stored: dict[Value, Any] = {}
        keys = self.keys
        for value in [*self.group.reads, *self.group.stores]:
            stored[value] = pointers[keys[self.writer.place(value)]]
        for view, source in self.views.items():
            if source in stored:
                stored[view] = stored[source]
        return Emitter(code, self.writer.definitions, stored, rows, bad, hoist=hoist, flat=flat)

    def finish(self, code: Code, flag: Any) -> None:
        """End a function: raise the stage's flag if an index was out of range."""
        entry, start, bad = self.entry_of[code]
        ir.IRBuilder(entry).branch(start)
        found = code.b.icmp_unsigned("!=", code.b.load(bad, typ=I32), ir.Constant(I32, 0))
        with code.when(found):
            code.b.store(ir.Constant(I32, 1), flag)
        code.b.ret_void()

    def written(self) -> Written:
        """Write it all."""
        group, kind = self.group, self.group.kind
        grain, extent = 1, group.space[0] if group.space else 1
        if kind == "matmul":
            p = self.writer.product(group)
            if p is None:
                self.slow_product()
            else:
                self.fast_product(p)
                grain = p.mr
        elif kind == "reduce":
            grain = self.reduction()
        elif kind == "map":
            grain = self.map()
        elif kind == "scatter":
            self.scatter()
        else:
            self.concatenation()
        self.finish(self.code, self.flag)
        return Written(self.code.function, tuple(self.places), extent, grain)

    # what each turn does

    def compute(self, emitter: Emitter, value: Value, index: Index, lanes: int, mask: Any) -> Any:
        """Return a root's number, computed here although it has memory."""
        stored = emitter.stored
        emitter.stored = {v: p for v, p in stored.items() if v is not value}
        hoist, emitter.hoist = emitter.hoist, emitter.hoist if value.type.shape else None
        result = emitter.value(value, index, lanes, mask)
        emitter.stored, emitter.hoist = stored, hoist
        return result

    def finish_turn(self, emitter: Emitter, index: Index, lanes: int, mask: Any, heart: Any = None, store: Callable[[Value, Any], None] | None = None) -> None:
        """Compute and store the group's roots at an index; ``heart`` is the number of the first if a loop has made it."""
        roots = list(self.group.roots)
        if heart is not None:
            value = roots.pop(0)
            emitter.give(value, index, heart, lanes)
            if value in self.group.stores:
                self.store(emitter, value, heart, index, lanes, mask)
        for value in roots:
            number = self.compute(emitter, value, index, lanes, mask)
            if value in self.group.stores:
                (store or (lambda v, n: self.store(emitter, v, n, index, lanes, mask)))(value, number)

    def store(self, emitter: Emitter, value: Value, number: Any, index: Index, lanes: int, mask: Any) -> None:
        """Store numbers at an index."""
        if emitter.flat:
            emitter.code.store(number, emitter.stored[value], index[0].base, value.type.dtype, mask)
            return
        offset, _, _ = emitter.offset(value.type.shape, index, lanes)
        emitter.code.store(number, emitter.stored[value], offset, value.type.dtype, mask)

    # loops

    def lanes(self, size: Axis, wide: int = 1) -> int:
        """Return the lanes for an axis: a vector's, or fewer for a short axis."""
        bytes = max((SIZES[v.type.dtype] for v in self.group.roots if v.type.dtype != "bool"), default=4)
        lanes = self.writer.target.lanes(bytes) * wide
        return lanes if isinstance(size, Batch) else max(min(lanes, 1 << max(size - 1, 0).bit_length()), 1)

    def vectors(self, emitter: Emitter, low: Number, high: Number, lanes: int, body: Callable[[Ix, int, Any], None]) -> None:
        """Call ``body`` for whole vectors from low to high, and for the part of one that is left."""
        code = emitter.code
        if isinstance(low, int) and isinstance(high, int):
            whole = low + (high - low) // lanes * lanes
        elif lanes > 1:
            whole = code.add(low, code.b.and_(code.i64(code.sub(high, low)), ir.Constant(I64, -lanes)))
        else:
            whole = high
        if not (isinstance(whole, int) and isinstance(low, int) and whole <= low):
            with code.loop(low, whole, lanes) as loop:
                emitter.fresh()
                body(Ix(loop.index, int(lanes > 1)), lanes, None)
        if lanes == 1 or (isinstance(whole, int) and isinstance(high, int) and whole == high):
            return
        rest = code.sub(high, whole)
        if isinstance(rest, int):
            emitter.fresh()
            if rest == 1:
                body(Ix(whole), 1, None)
            else:
                width = 1 << (rest - 1).bit_length()
                body(Ix(whole, 1), width, code.first_lanes(rest, width) if width != rest else None)
            return
        with code.when(code.b.icmp_signed(">", rest, ir.Constant(I64, 0))):
            emitter.fresh()
            body(Ix(whole, 1), lanes, code.first_lanes(rest, lanes))

    def nest(self, emitter: Emitter, axes: list[tuple[Number, Number]], body: Callable[[list[Any]], None]) -> None:
        """Loops inside each other over ranges; ``body`` gets the indices."""

        def inside(depth: int, indices: list[Any]) -> None:
            if depth == len(axes):
                emitter.fresh()
                body(indices)
                return
            low, high = axes[depth]
            if low == 0 and high == 1 and isinstance(low, int) and isinstance(high, int):
                inside(depth + 1, [*indices, 0])
                return
            with emitter.code.loop(low, high) as loop:
                inside(depth + 1, [*indices, loop.index])

        inside(0, [])

    def ranges(self, emitter: Emitter, shape: Shape) -> list[tuple[Number, Number]]:
        """Return the ranges of a space's axes; the first one is the part that the function is called for."""
        ranges: list[tuple[Number, Number]] = [(0, emitter.size(axis)) for axis in shape]
        if ranges and shape[0] != 1:
            ranges[0] = (self.low, self.high)
        return ranges

    # maps

    def map(self) -> int:
        """A loop over the space; returns the grain of its parts."""
        space = self.group.space
        if self.is_flat() and len(space) > 0:
            inner: Number = 1
            self.emitter.flat = True
            for axis in space[1:]:
                inner = self.code.mul(inner, self.emitter.size(axis))
            low, high = self.code.mul(self.low, inner), self.code.mul(self.high, inner)
            if space[0] == 1:
                low, high = 0, inner
            lanes = self.lanes(Batch())
            self.vectors(self.emitter, low, high, lanes, lambda ix, n, mask: self.finish_turn(self.emitter, (ix,), n, mask))
            return 16 if len(space) == 1 else 1
        if not space:
            self.emitter.fresh()
            self.finish_turn(self.emitter, (), 1, None)
            return 1
        return self.space(space, lambda index, n, mask: self.finish_turn(self.emitter, index, n, mask))

    def space(self, space: Shape, body: Callable[[Index, int, Any], None]) -> int:
        """Loops over a space with vectors along its last axis of length other than 1."""
        emitter = self.emitter
        long = [place for place, axis in enumerate(space) if axis != 1]
        lane_axis = long[-1] if long else len(space) - 1
        ranges = self.ranges(emitter, space)
        random = any(self.writer.definitions[v].op.name == "less" and self._random(v) for v in self.group.roots)
        lanes = self.lanes(space[lane_axis], 4 if random and lane_axis else 1)

        def inside(indices: list[Any]) -> None:
            low, high = ranges[lane_axis]

            def turn(ix: Ix, n: int, mask: Any) -> None:
                if isinstance(low, int) and low == 0 and n % 4 == 0:
                    emitter.aligned = emitter.aligned | {ix.base}
                places = [*indices[:lane_axis], ix, *indices[lane_axis:]]
                body(tuple(ZERO if axis == 1 else place if isinstance(place, Ix) else Ix(place) for axis, place in zip(space, places, strict=True)), n, mask)

            self.vectors(emitter, low, high, lanes, turn)

        self.nest(emitter, [r for place, r in enumerate(ranges) if place != lane_axis], inside)
        return 16 if lane_axis == 0 else 1

    def _random(self, value: Value) -> bool:
        e = self.writer.definitions[value]
        made = self.writer.definitions.get(e.inputs[0]) if e.inputs else None
        return made is not None and made.op.name == "random_bits"

    def is_flat(self) -> bool:
        """Whether all that the group reads has its shape, or is a scalar."""
        space, definitions = self.group.space, self.writer.definitions
        stored = self.emitter.stored
        seen: set[Value] = set()

        def fits(value: Value, top: bool = False) -> bool:
            if value in seen or not value.type.shape:
                return True
            seen.add(value)
            if value.type.shape != space:
                return False
            if value in stored and not top:
                return True
            e = definitions.get(value)
            return e is not None and e.op.name in ELEMENTWISE and all(fits(v) for v in e.inputs)

        return all(fits(value, True) for value in self.group.roots)

    # products

    def fast_product(self, p: Product) -> None:
        """Tiles of a product, and what becomes of them."""
        finish = self.tile_function(p)
        emitter, code = self.emitter, self.code
        pointers = emitter.stored
        low, high = (0, 1) if self.group.space[0] == 1 else (self.low, self.high)
        partial = self.pointers[self.partial_at] if self.partial_at >= 0 else None

        def call(tile: Any, step: Number, i: Any, rows: int, j: Number, taken: Number) -> None:
            code.b.call(finish, [*self.pointers, self.rows, tile, *map(code.i64, (step, i, rows, j, taken)), self.scratch, self.flag])

        write_product(
            code, p, self.writer.kernels, pointers[p.x], pointers[p.y], partial,
            code.i64(low), code.i64(high), emitter.size(p.depth), self.scratch, call, self.prefetch(p),
        )  # fmt: skip

    def prefetch(self, p: Product) -> Callable[[Any, int, Number, int], None] | None:
        """Return what asks for the memory that a tile's end reads, while the tile is computed, if there is more of it than a cache holds."""
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

    # reductions

    def reduction(self) -> int:
        """Sums, maxima and their places; returns the grain of the parts."""
        e = self.group.equation
        assert e is not None
        x, axes = e.inputs[0], reduced_axes(e)
        shape = x.type.shape
        rank = len(shape)
        if e.op.name == "argmax":
            return self.space_of_scalars(lambda index: self.argmax(e, index))
        if rank - 1 not in axes and self.group.space:
            return self.columns(e)
        if not self.group.space and self.flat_operand(x):
            self.total(e)
            return 1
        return self.space_of_scalars(lambda index: self.across(e, index))

    def space_of_scalars(self, body: Callable[[Index], None]) -> int:
        """Loops over a space, one element after the other."""
        ranges = self.ranges(self.emitter, self.group.space)
        space = self.group.space
        self.nest(self.emitter, ranges, lambda at: body(tuple(ZERO if axis == 1 else Ix(i) for axis, i in zip(space, at, strict=True))))
        return 1

    def operand_index(self, e: Equation, out: Index, reduced: Mapping[int, Ix]) -> Index:
        """Return an operand's index from that of the result and those of the axes that are reduced."""
        shape = e.inputs[0].type.shape
        kept = iter(out)
        index = tuple(reduced[axis] if axis in reduced else next(kept) for axis in range(len(shape)))
        return tuple(ZERO if axis == 1 else ix for axis, ix in zip(shape, index, strict=True))

    def neutral(self, e: Equation, lanes: int) -> Any:
        """Return what a reduction begins with."""
        dtype = e.outputs[0].type.dtype
        type = self.code.type(dtype, lanes)
        if e.op.name == "sum":
            return self.code.number(0.0 if dtype in ("float32", "float64") else 0, type)
        return self.code.number(-math.inf if dtype in ("float32", "float64") else int(np.iinfo(dtype).min), type)

    def combine(self, e: Equation, x: Any, y: Any) -> Any:
        """Return the sum of two numbers, or the larger."""
        dtype = e.outputs[0].type.dtype
        if e.op.name == "sum":
            return self.code.b.fadd(x, y) if dtype in ("float32", "float64") else self.code.b.add(x, y)
        return self.emitter.extreme("maximum", x, y, dtype)

    def columns(self, e: Equation) -> int:
        """Lanes along the last axis, which is kept; the rest in order."""
        x, axes = e.inputs[0], reduced_axes(e)
        shape, emitter, code = x.type.shape, self.emitter, self.code
        space = self.group.space
        lane_axis = len(space) - 1
        ranges = self.ranges(emitter, space)
        lanes = self.lanes(space[-1], _COLUMN_VECTORS)
        single = self.lanes(space[-1])
        reduced = [axis for axis in axes if shape[axis] != 1]

        def inside(indices: list[Any]) -> None:
            def turn(ix: Ix, n: int, mask: Any) -> None:
                index = (*(ZERO if axis == 1 else Ix(i) for axis, i in zip(space, indices, strict=False)), ZERO if space[-1] == 1 else ix)

                def sums(depth: int, chosen: dict[int, Ix], value: Any) -> Any:
                    if depth == len(reduced):
                        emitter.fresh()
                        at = self.operand_index(e, index, {**dict.fromkeys(axes, ZERO), **chosen})
                        return self.combine(e, value, emitter.value(x, at, n, mask))
                    with code.loop(0, emitter.size(shape[reduced[depth]]), 1, [value]) as loop:
                        loop.next = [sums(depth + 1, {**chosen, reduced[depth]: Ix(loop.index)}, loop.values[0])]
                    return loop.last[0]

                result = sums(0, {}, self.neutral(e, n))
                emitter.fresh()
                self.finish_turn(emitter, index, n, mask, result)

            low, high = ranges[lane_axis]
            if isinstance(space[-1], int) and not isinstance(low, int) and lanes > single:  # parts: whole wide vectors, then single ones
                middle = code.add(low, code.b.and_(code.i64(code.sub(high, low)), ir.Constant(I64, -lanes)))
                with code.loop(low, middle, lanes) as loop:
                    turn(Ix(loop.index, 1), lanes, None)
                self.vectors(emitter, middle, high, single, turn)
            else:
                self.vectors(emitter, low, high, lanes if isinstance(low, int) else single, turn)

        self.nest(emitter, ranges[:lane_axis], inside)
        return 16 if lane_axis == 0 else 1

    def across(self, e: Equation, index: Index) -> None:
        """One element of a reduction whose last axis is reduced: 16 lanes along it, joined in a fixed tree."""
        x, axes = e.inputs[0], reduced_axes(e)
        shape, emitter, code = x.type.shape, self.emitter, self.code
        outer = [axis for axis in axes if axis != len(shape) - 1]
        size = emitter.size(shape[-1])
        lanes = _SUM_LANES

        def sums(depth: int, chosen: dict[int, Ix], value: Any) -> Any:
            if depth == len(outer):
                return self.along(e, size, value, lambda ix: self.operand_index(e, index, {**chosen, len(shape) - 1: ix}))
            with code.loop(0, emitter.size(shape[outer[depth]]), 1, [value]) as loop:
                loop.next = [sums(depth + 1, {**chosen, outer[depth]: Ix(loop.index)}, loop.values[0])]
            return loop.last[0]

        result = self.tree(e, sums(0, {}, self.neutral(e, lanes)))
        emitter.fresh()
        self.finish_turn(emitter, index, 1, None, result)

    def along(self, e: Equation, size: Number, value: Any, index: Callable[[Ix], Index]) -> Any:
        """Add an axis' elements to the lanes of a sum."""
        code, emitter, lanes, x = self.code, self.emitter, _SUM_LANES, e.inputs[0]
        whole = size // lanes * lanes if isinstance(size, int) else code.b.and_(size, ir.Constant(I64, -lanes))

        def cut(rest: Number, start: Number, value: Any) -> Any:
            mask = code.first_lanes(rest, lanes)
            emitter.fresh()
            number = emitter.value(x, index(Ix(start, 1)), lanes, mask)
            return self.combine(e, value, code.b.select(mask, number, self.neutral(e, lanes)))

        if not isinstance(whole, int) or whole > 0:
            with code.loop(0, whole, lanes, [value]) as loop:
                emitter.fresh()
                loop.next = [self.combine(e, loop.values[0], emitter.value(x, index(Ix(loop.index, 1)), lanes))]
            value = loop.last[0]
        rest = code.sub(size, whole)
        if isinstance(rest, int):
            return cut(rest, whole, value) if rest else value
        before = code.b.block
        some = code.b.icmp_signed(">", rest, ir.Constant(I64, 0))
        with code.when(some):
            added = cut(rest, whole, value)
            inside = code.b.block
        phi = code.b.phi(value.type)
        phi.add_incoming(value, before)
        phi.add_incoming(added, inside)
        return phi

    def tree(self, e: Equation, value: Any) -> Any:
        """Join 16 lanes: 8 with 8, 4 with 4, 2 with 2, 1 with 1."""
        code, lanes = self.code, _SUM_LANES
        while lanes > 1:
            lanes //= 2
            value = self.combine(e, code.take(value, 0, lanes), code.take(value, lanes, lanes))
        return value

    def flat_operand(self, x: Value) -> bool:
        """Whether a sum's operand can be read as one long row."""
        definitions, stored = self.writer.definitions, self.emitter.stored
        seen: set[Value] = set()

        def fits(value: Value) -> bool:
            if value in seen or not value.type.shape:
                return True
            seen.add(value)
            if value.type.shape != x.type.shape:
                return False
            if value in stored:
                return True
            e = definitions.get(value)
            return e is not None and e.op.name in ELEMENTWISE and all(fits(v) for v in e.inputs)

        return bool(x.type.shape) and fits(x)

    def total(self, e: Equation) -> None:
        """A sum of all elements, read as one long row."""
        emitter, code = self.emitter, self.code
        size: Number = 1
        for axis in e.inputs[0].type.shape:
            size = code.mul(size, emitter.size(axis))
        emitter.flat = True
        result = self.tree(e, self.along(e, size, self.neutral(e, _SUM_LANES), lambda ix: (ix,)))
        emitter.flat = False
        emitter.fresh()
        self.finish_turn(emitter, (), 1, None, result)

    def argmax(self, e: Equation, index: Index) -> None:
        """The place of the first of the largest elements; NaN is larger than all."""
        emitter, code, b = self.emitter, self.code, self.code.b
        x, (axis,) = e.inputs[0], reduced_axes(e)
        at = lambda k: self.operand_index(e, index, {axis: k})  # noqa: E731
        dtype = x.type.dtype
        emitter.fresh()
        first = emitter.value(x, at(ZERO), 1)
        with code.loop(1, emitter.size(x.type.shape[axis]), 1, [first, ir.Constant(I64, 0)]) as loop:
            emitter.fresh()
            number = emitter.value(x, at(Ix(loop.index)), 1)
            best, place = loop.values
            if dtype in ("float32", "float64"):
                larger = b.or_(b.fcmp_ordered(">", number, best), b.and_(b.fcmp_unordered("uno", number, number), b.fcmp_ordered("ord", best, best)))
            elif dtype == "bool":
                larger = b.icmp_unsigned(">", number, best)
            else:
                larger = (b.icmp_signed if dtype in ("int32", "int64") else b.icmp_unsigned)(">", number, best)
            loop.next = [b.select(larger, number, best), b.select(larger, loop.index, place)]
        emitter.fresh()
        self.finish_turn(emitter, index, 1, None, loop.last[1])

    # scattering and joining

    def scatter(self) -> None:
        """Add updates to rows, one after the other in the order of the index."""
        e = self.group.equation
        assert e is not None
        place, updates = e.inputs
        result = e.outputs[0]
        emitter, code = self.emitter, self.code
        dtype = result.type.dtype
        rank = len(place.type.shape)
        rest = updates.type.shape[rank:]
        pointer = emitter.stored[result]
        self.whole = [(0, emitter.size(axis)) for axis in result.type.shape]
        width: Number = 1
        for axis in rest:
            width = code.mul(width, emitter.size(axis))
        zero = code.number(0.0 if dtype in ("float32", "float64") else 0, code.type(dtype))
        with code.loop(0, code.mul(width, emitter.size(result.type.shape[0]))) as loop:
            code.store(zero, pointer, loop.index, dtype)

        def row(indices: list[Any]) -> None:
            at = tuple(ZERO if axis == 1 else Ix(i) for axis, i in zip(place.type.shape, indices, strict=True))
            target = emitter._row(place, at, result.type.shape[0], 1, None)
            start = code.mul(target.base, width)

            def element(inner: list[Any]) -> None:
                own = tuple(ZERO if axis == 1 else Ix(i) for axis, i in zip(rest, inner, strict=True))
                offset: Number = start
                for ix, step in zip(own, emitter.strides(rest), strict=True):
                    offset = code.add(offset, code.mul(ix.base, step))
                number = emitter.value(updates, (*at, *own), 1)
                before = code.load(pointer, offset, dtype)
                add = code.b.fadd if dtype in ("float32", "float64") else code.b.or_ if dtype == "bool" else code.b.add
                code.store(add(before, number), pointer, offset, dtype)

            self.nest(emitter, [(0, emitter.size(axis)) for axis in rest], element)

        self.nest(emitter, [(0, emitter.size(axis)) for axis in place.type.shape], row)

    def concatenation(self) -> None:
        """Copy each operand to its part of the result."""
        e = self.group.equation
        assert e is not None
        result = e.outputs[0]
        emitter, code = self.emitter, self.code
        axis = e.attributes["axis"] % len(result.type.shape)
        start: Number = 0
        for operand in e.inputs:
            shape = operand.type.shape
            ranges: list[tuple[Number, Number]] = [(0, emitter.size(size)) for size in shape]
            if axis != 0 and result.type.shape[0] != 1:
                ranges[0] = (self.low, self.high)
            lanes = self.lanes(shape[-1])

            def inside(indices: list[Any], ranges: Any = ranges, lanes: int = lanes, start: Number = start, operand: Value = operand) -> None:
                def turn(ix: Ix, n: int, mask: Any) -> None:
                    places = [*(Ix(i) for i in indices), ix]
                    own = tuple(ZERO if size == 1 else place for size, place in zip(operand.type.shape, places, strict=True))
                    number = emitter.value(operand, own, n, mask)
                    there = own[axis]
                    moved = Ix(code.add(there.base, start), there.stride)
                    into = tuple(moved if i == axis else ZERO if size == 1 else own[i] for i, size in enumerate(result.type.shape))
                    self.store(emitter, result, number, into, n, mask)

                self.vectors(emitter, *ranges[-1], lanes, turn)

            self.nest(emitter, ranges[:-1], inside)
            start = code.add(start, emitter.size(shape[axis]))
