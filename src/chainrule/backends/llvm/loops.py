"""The functions of a module's groups: which kind of loop each one is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from chainrule.backends.llvm.code import Function, Number
from chainrule.backends.llvm.groups import Group, Grouped
from chainrule.backends.llvm.index import ZERO, Ix
from chainrule.backends.llvm.kernels import Kernels
from chainrule.backends.llvm.nest import Nest
from chainrule.backends.llvm.product import Product, product
from chainrule.backends.llvm.products import Products
from chainrule.backends.llvm.reductions import Reduction
from chainrule.backends.llvm.target import Target
from chainrule.ir import Batch, Value
from chainrule.ir.types import Axis


@dataclass(frozen=True, eq=False)
class Written:
    """A group's function.

    Attributes:
        function: ``(places …, B, low, high, the thread's own memory, scratch, flag)``.
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
        own: a value → where it stands in the thread's own memory, if it does.
        leaf: whether a value stands in memory. training: whether the program takes many rows at once, most of the time.
        functions: those that are whole; ``groups``: the number of the group that each is for, by its name.
    """

    def __init__(
        self,
        module: Any,
        grouped: Grouped,
        target: Target,
        place: Callable[[Value], Any],
        own: Callable[[Value], int | None],
        leaf: Callable[[Value], bool],
        training: bool,
    ) -> None:
        self.module = module
        self.grouped = grouped
        self.definitions = grouped.definitions
        self.target = target
        self.place = place
        self.own = own
        self.leaf = leaf
        self.training = training
        self.kernels = Kernels(module)
        self.functions: list[Function] = []
        self.groups: dict[str, int] = {}
        self._number = 0

    def whole(self, function: Function) -> None:
        """Tell that a function is whole."""
        self.functions.append(function)
        self.groups[function.name] = self._number

    def product(self, group: Group) -> Product | None:
        """Return how a group's product is computed, if it is a fast one."""
        assert group.equation is not None
        return product(group.equation, self.definitions, self.leaf, self.target)

    def write(self, group: Group, number: int) -> Written:
        """Write a group's function."""
        self._number = number
        return GroupWriter(self, group, f"group.{number}").written()


class GroupWriter(Products, Reduction, Nest):
    """Writes the function of a group of any kind."""

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
        self.writer.whole(self.code.function)
        return Written(self.code.function, tuple(self.places), extent, grain)

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

            def inside(
                indices: list[Any], ranges: Any = ranges, lanes: int = lanes, start: Number = start, operand: Value = operand
            ) -> None:
                def turn(ix: Ix, n: int, mask: Any) -> None:
                    places = [*(Ix(i) for i in indices), ix]
                    own = tuple(ZERO if size == 1 else place for size, place in zip(operand.type.shape, places, strict=True))
                    number = emitter.value(operand, own, n, mask)
                    there = own[axis]
                    moved = Ix(code.add(there.base, start), there.stride)
                    into = tuple(moved if i == axis else ZERO if size == 1 else own[i] for i, size in enumerate(result.type.shape))
                    self.store(emitter, result, number, into, n, mask)

                self.vectors(emitter, ranges[-1][0], ranges[-1][1], lanes, turn)

            self.nest(emitter, ranges[:-1], inside)
            start = code.add(start, emitter.size(shape[axis]))
