"""The loops of sums, maxima and their places.

Along an axis that is kept, each lane has its own sum, in the order of the rows. Along one that is summed there are 16 lanes on every
machine, joined in a fixed tree.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from llvmlite import ir

from chainrule.backends.llvm.code import I64, PTR, Number
from chainrule.backends.llvm.groups import reduced_axes
from chainrule.backends.llvm.index import ELEMENTWISE, ZERO, Index, Ix
from chainrule.backends.llvm.nest import Nest
from chainrule.ir import Batch, Equation, Value

_SUM_LANES = 16  # of horizontal sums, on every machine
_COLUMN_VECTORS = 4  # that a sum over rows runs side by side


class Reduction(Nest):
    """Writes the function of a reduction."""

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
        single = self.lanes(space[-1])
        lanes = single * (_COLUMN_VECTORS if single == self.lanes(Batch()) else 1)
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
                if n > single and n % single == 0 and mask is None:
                    self.finish_apart(ix, index, result, single)
                else:
                    self.finish_turn(emitter, index, n, mask, result)

            low, high = ranges[lane_axis]
            if isinstance(space[-1], int) and not isinstance(low, int) and lanes > single:  # parts: whole wide vectors, then single ones
                middle = code.add(low, code.b.and_(code.i64(code.sub(high, low)), ir.Constant(I64, -lanes)))
                with code.loop(low, middle, lanes) as loop:
                    turn(Ix(loop.index, 1), lanes, None)
                self.vectors(emitter, middle, high, single, turn, self.edge(space, lane_axis, single) and None)
            else:
                wide = lanes if isinstance(low, int) else single
                self.vectors(emitter, low, high, wide, turn, self.edge(space, lane_axis, wide))

        self.nest(emitter, ranges[:lane_axis], inside)
        return 16 if lane_axis == 0 else 1

    def finish_apart(self, ix: Ix, index: Index, result: Any, lanes: int) -> None:
        """Finish several vectors one after the other, by one piece of code."""
        code, dtype = self.code, self.group.roots[0].type.dtype
        memory = self.entry_of[code][0].b.alloca(result.type)
        memory.type = PTR  # llvmlite takes it for the address of one vector
        code.store(result, memory, 0, dtype)
        with code.loop(0, result.type.count, lanes) as loop:
            self.emitter.fresh()
            here = (*index[:-1], Ix(code.add(ix.base, loop.index), int(lanes > 1)))
            self.finish_turn(self.emitter, here, lanes, None, code.load(memory, loop.index, dtype, lanes))

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

        def at(k: Ix) -> Index:
            return self.operand_index(e, index, {axis: k})

        dtype = x.type.dtype
        emitter.fresh()
        first = emitter.value(x, at(ZERO), 1)
        with code.loop(1, emitter.size(x.type.shape[axis]), 1, [first, ir.Constant(I64, 0)]) as loop:
            emitter.fresh()
            number = emitter.value(x, at(Ix(loop.index)), 1)
            best, place = loop.values
            if dtype in ("float32", "float64"):
                larger = b.or_(
                    b.fcmp_ordered(">", number, best), b.and_(b.fcmp_unordered("uno", number, number), b.fcmp_ordered("ord", best, best))
                )
            elif dtype == "bool":
                larger = b.icmp_unsigned(">", number, best)
            else:
                larger = (b.icmp_signed if dtype in ("int32", "int64") else b.icmp_unsigned)(">", number, best)
            loop.next = [b.select(larger, number, best), b.select(larger, code.i64(loop.index), place)]
        emitter.fresh()
        self.finish_turn(emitter, index, 1, None, loop.last[1])
