"""A group's function: the memory that it gets, its loops and their vectors, and what each turn computes and stores."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from llvmlite import ir

from chainrule.backends.llvm.code import I32, I64, PTR, SIZES, Code, Function, Number, define
from chainrule.backends.llvm.emit import Emitter
from chainrule.backends.llvm.groups import Group, Grouped
from chainrule.backends.llvm.index import ELEMENTWISE, ZERO, Index, Ix
from chainrule.backends.llvm.kernels import Kernels
from chainrule.backends.llvm.product import Product
from chainrule.backends.llvm.target import Target
from chainrule.ir import Batch, Equation, Shape, Value
from chainrule.ir.types import Axis


class Shared(Protocol):
    """What the functions of a module share."""

    module: Any
    grouped: Grouped
    definitions: dict[Value, Equation]
    target: Target
    place: Callable[[Value], Any]
    own: Callable[[Value], int | None]
    leaf: Callable[[Value], bool]
    kernels: Kernels
    training: bool

    def product(self, group: Group) -> Product | None:
        """Return how a group's product is computed, if it is a fast one."""

    def whole(self, function: Function) -> None:
        """Tell that a function is whole."""


class Nest:
    """Writes a group's function: its places, its loops, and the end of each turn."""

    def __init__(self, writer: Shared, group: Group, name: str) -> None:
        self.writer = writer
        self.group = group
        self.name = name
        self.places: list[Value] = []  # whose memory the function is given
        own: dict[Any, int] = {}  # where the others stand in the thread's own memory
        keys = set[Any]()
        for value in [*group.reads, *group.stores, *group.watches]:
            key = writer.place(value)
            if key not in keys:
                keys.add(key)
                offset = writer.own(value)
                if offset is None:
                    self.places.append(value)
                else:
                    own[key] = offset
        self.entry_of: dict[Code, tuple[Code, Any]] = {}  # what writes its first block, and the one behind it
        self.bad_of: dict[Code, Any] = {}  # an i32 that becomes 1 when an index is out of its range, where there are indices
        self.code = define(writer.module, name, [*[PTR] * len(self.places), *[I64] * 3, *[PTR] * 3])
        self.rows, self.low, self.high, mine, self.scratch, self.flag = self.code.function.args[len(self.places) :]
        self.views = writer.grouped.views
        pointers = {writer.place(value): pointer for value, pointer in zip(self.places, self.code.function.args, strict=False)}
        pointers |= {key: self.code.at(mine, offset, "bool") for key, offset in own.items()}
        self.emitter = self.emitting(self.code, pointers, self.rows)

    def emitting(self, code: Code, pointers: Mapping[Any, Any], rows: Any, *, flat: bool = False) -> Emitter:
        """Return an emitter for a function of the group; scalars go to the function's first block."""
        before = Code(code.function, ir.IRBuilder(code.b.block))  # only this one writes there: builders don't know of each other
        hoist = before if self.group.space else None
        code.b.position_at_end(code.function.append_basic_block("start"))
        self.entry_of[code] = (before, code.b.block)
        place = self.writer.place
        stored = {value: pointers.get(place(value)) for value in [*self.group.reads, *self.group.stores]}
        for view, source in self.views.items():
            if source in stored:
                stored[view] = stored[source]
        emitter = Emitter(code, self.writer.definitions, stored, rows, lambda: self.bad(code), hoist=hoist, flat=flat)
        for value in self.group.watches:
            emitter.watched[value] = _watched(before, pointers[place(value)])
        return emitter

    def bad(self, code: Code) -> Any:
        """Return what tells that an index is out of its range."""
        if code not in self.bad_of:
            before = self.entry_of[code][0].b
            self.bad_of[code] = before.alloca(I32)
            before.store(ir.Constant(I32, 0), self.bad_of[code])
        return self.bad_of[code]

    def finish(self, code: Code, flag: Any) -> None:
        """End a function: raise the stage's flag if an index was out of range."""
        before, start = self.entry_of[code]
        before.b.branch(start)
        if code in self.bad_of:
            found = code.b.icmp_unsigned("!=", code.b.load(self.bad_of[code], typ=I32), ir.Constant(I32, 0))
            with code.when(found):
                code.b.store(ir.Constant(I32, 1), flag)
        code.b.ret_void()

    # what each turn does

    def compute(self, emitter: Emitter, value: Value, index: Index, lanes: int, mask: Any) -> Any:
        """Return a root's number, computed here although it has memory."""
        stored = emitter.stored
        emitter.stored = {v: p for v, p in stored.items() if v is not value}
        hoist, emitter.hoist = emitter.hoist, emitter.hoist if value.type.shape else None
        result = emitter.value(value, index, lanes, mask)
        emitter.stored, emitter.hoist = stored, hoist
        return result

    def finish_turn(
        self, emitter: Emitter, index: Index, lanes: int, mask: Any, heart: Any = None, store: Callable[[Value, Any], None] | None = None
    ) -> None:
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
        for value in self.group.watches:
            self.store(emitter, value, emitter.value(value, index, lanes, mask), index, lanes, mask)

    def store(self, emitter: Emitter, value: Value, number: Any, index: Index, lanes: int, mask: Any) -> None:
        """Store numbers at an index."""
        offset = index[0].base if emitter.flat else emitter.offset(value.type.shape, index, lanes)[0]
        pointer = emitter.stored.get(value)
        if pointer is None:
            pointer, watching = emitter.watched[value]
            offset = emitter.code.b.and_(emitter.code.i64(offset), watching)
        emitter.code.store(number, pointer, offset, value.type.dtype, mask)

    # loops

    def lanes(self, size: Axis, wide: int = 1) -> int:
        """Return the lanes for an axis: a vector's, or fewer for a short axis."""
        bytes = max((SIZES[v.type.dtype] for v in self.group.roots if v.type.dtype != "bool"), default=4)
        lanes = self.writer.target.lanes(bytes) * wide
        return lanes if isinstance(size, Batch) else max(min(lanes, 1 << max(size - 1, 0).bit_length()), 1)

    def vectors(
        self, emitter: Emitter, low: Number, high: Number, lanes: int, body: Callable[[Ix, int, Any], None], edge: int | None = None
    ) -> None:
        """Call ``body`` for whole vectors from low to high, and for the part of one that is left.

        Args:
            emitter, body: what is written for an index, so many lanes, and a mask.
            low, high, lanes: the range, and the lanes of a whole vector.
            edge: how many lanes the part that is left has if there is one; ``None`` if that is not known.
        """
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
        if lanes == 1 or edge == 0 or (isinstance(whole, int) and isinstance(high, int) and whole == high):
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
            body(Ix(whole, 1), lanes, code.first_lanes(edge or rest, lanes))

    def edge(self, space: Shape, axis: int, lanes: int) -> int | None:
        """Return the lanes that whole vectors leave over on an axis; parts of the first one begin at multiples of 16."""
        size = space[axis]
        return size % lanes if isinstance(size, int) and (axis > 0 or 16 % lanes == 0) else None

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
                body(
                    tuple(
                        ZERO if axis == 1 else place if isinstance(place, Ix) else Ix(place)
                        for axis, place in zip(space, places, strict=True)
                    ),
                    n,
                    mask,
                )

            self.vectors(emitter, low, high, lanes, turn, self.edge(space, lane_axis, lanes))

        self.nest(emitter, [r for place, r in enumerate(ranges) if place != lane_axis], inside)
        return 16 if lane_axis == 0 else 1

    def _random(self, value: Value) -> bool:
        e = self.writer.definitions[value]
        made = self.writer.definitions.get(e.inputs[0]) if e.inputs else None
        return made is not None and made.op.name == "random_bits"

    def is_flat(self) -> bool:
        """Whether all that the group reads beside its heart has its shape, or is a scalar."""
        space, definitions = self.group.space, self.writer.definitions
        stored = self.emitter.stored
        seen: set[Value] = set()

        def fits(value: Value, top: bool = False) -> bool:
            if value in seen or not value.type.shape:
                return True
            seen.add(value)
            if value.type.shape != space:
                return False
            if value is self.group.heart or (value in stored and not top):
                return True
            e = definitions.get(value)
            return e is not None and e.op.name in ELEMENTWISE and all(fits(v) for v in e.inputs)

        return all(fits(value, True) for value in [*self.group.roots, *self.group.watches])


def _watched(code: Code, pointer: Any) -> tuple[Any, Any]:
    """Return the address that a watched value is stored from, and −1 if it is watched.

    Its lowest bit says that nobody watches: then all numbers go, without a branch, to one place of the thread's own, and the second is 0.
    """
    unwatched = code.b.and_(code.b.ptrtoint(pointer, I64), ir.Constant(I64, 1))
    return code.at(pointer, code.b.neg(unwatched), "bool"), code.b.sub(unwatched, ir.Constant(I64, 1))
