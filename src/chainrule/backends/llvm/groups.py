"""Which equations run together: a group is one loop nest, around a product, a reduction, or nothing, with all that is computed in passing.

Every value is a function of its index. A few are stored: what the program returns, what a product reads or gives, what a sum gives, and
what is dear and read by several groups. All others are written out in the loops that need them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from chainrule.backends.llvm.index import ELEMENTWISE, MOVING, ZERO, Index, Ix, is_scalar_constant, is_view, operands_at
from chainrule.backends.llvm.slopes import Slopes
from chainrule.ir import B, Batch, Equation, Program, Shape, Value
from chainrule.ir.types import count
from chainrule.transforms import expand

_DEAR = {"exp": 8, "expm1": 10, "log": 8, "log1p": 10, "sin": 10, "cos": 10, "tanh": 10, "sigmoid": 10, "erf": 12, "power": 20}
_DEAR |= {"normal_pdf": 10, "normal_cdf": 20}
_COST = _DEAR | {"random_bits": 40, "divide": 3, "sqrt": 3, "gather": 2, "pick": 2, "floor_divide": 5, "remainder": 5}
_STORE_ABOVE = 5  # what costs more than so many operations is not computed twice

_OTHER = Ix("other")


@dataclass
class Group:
    """One loop nest.

    Attributes:
        kind: ``map``, ``matmul``, ``reduce``, ``scatter`` or ``concatenate``.
        space: the shape that it runs over: that of each of its roots.
        equation: the product, reduction, scatter or concatenation at its heart, if there is one.
        roots: the values it computes, in order; ``stores`` are those of them that others read.
        reads: the stored values that it reads → how: at the same index, in the same row, or anywhere.
        watches: values on its way that it stores while someone watches; no other group reads them.
    """

    kind: str
    space: Shape
    equation: Equation | None
    roots: list[Value]
    reads: dict[Value, str] = field(default_factory=dict)
    stores: list[Value] = field(default_factory=list)
    watches: list[Value] = field(default_factory=list)

    @property
    def heart(self) -> Value | None:
        """What the loop computes before its elementwise part."""
        return self.equation.outputs[0] if self.equation is not None else None


@dataclass(frozen=True, eq=False)
class Grouped:
    """A program in groups.

    Attributes:
        program: the program, with composites written out.
        groups: in an order in which they can run.
        stored: the values that have memory; ``views``: reshaped values → the stored value whose memory they are.
    """

    program: Program
    groups: tuple[Group, ...]
    views: Mapping[Value, Value]

    @cached_property
    def definitions(self) -> dict[Value, Equation]:
        """The equation of each value."""
        return self.program.definitions()


def group(program: Program, watched: frozenset[str] = frozenset()) -> Grouped:
    """Return a program's groups.

    Args:
        program: any program.
        watched: the names of outputs that are stored while someone watches only: nothing else may depend on their memory.
    """
    return _Grouping(_prepared(program), watched).result()


def _prepared(program: Program) -> Program:
    """Write out composites, read a rectifier's sign from its result, and put what depends on scalars alone first (random bits too)."""
    program = expand(program)
    rectified = {
        e.inputs[1]: e.outputs[0] for e in program.equations if e.op.name == "maximum" and _is_zero(e.inputs[0], program.definitions())
    }
    equations: list[Equation] = []
    for e in program.equations:
        if e.op.name == "less" and e.inputs[1] in rectified and _is_zero(e.inputs[0], program.definitions()):
            done = {value for q in equations for value in q.outputs}
            if rectified[e.inputs[1]] in done:  # 0 < z is 0 < max(0, z), NaN included, and so z need not be kept
                e = replace(e, inputs=(e.inputs[0], rectified[e.inputs[1]]))
        equations.append(e)
    scalar = {port.value for port in program.inputs if not port.type.shape}
    first: list[Equation] = []
    rest: list[Equation] = []
    for e in equations:
        early = all(value in scalar for value in e.inputs)
        (first if early else rest).append(e)
        if early:
            scalar.update(e.outputs)
    return replace(program, equations=(*first, *rest))


def _is_zero(value: Value, definitions: Mapping[Value, Equation]) -> bool:
    e = definitions.get(value)
    return e is not None and e.op.name == "constant" and not value.type.shape and float(e.attributes["value"]) == 0.0


class _Grouping:
    def __init__(self, program: Program, watched: frozenset[str]) -> None:
        self.program = program
        self.watched = [port.value for port in program.outputs if port.name in watched]
        self.returned = [port.value for port in program.outputs if port.name not in watched]
        self.definitions = program.definitions()
        self.uses: dict[Value, list[Equation]] = {}
        for e in program.equations:
            for value in e.inputs:
                self.uses.setdefault(value, []).append(e)
        self.inputs = {port.value for port in program.inputs}
        self.views: dict[Value, Value] = {}
        self.roots: set[Value] = set()
        self._choose()

    # what is stored

    def leaf(self, value: Value) -> bool:
        """Whether a value is read from memory."""
        e = self.definitions.get(value)
        return (
            value in self.roots
            or value in self.inputs
            or value in self.views
            or (e is not None and e.op.name == "constant" and bool(value.type.shape))
        )

    def _choose(self) -> None:
        for value in self.returned:
            self._store(value)
        for e in reversed(self.program.equations):
            name, out = e.op.name, e.outputs[0]
            if name in ("matmul", "sum", "amax", "argmax", "scatter_add", "concatenate"):
                self.roots.add(out)
            if name == "matmul":
                for operand in e.inputs:
                    self._store(self._untransposed(operand))
            if is_view(e):
                self._store(e.inputs[0])
            if name == "less" and self._is_random(e.inputs[0]):
                self.roots.add(out)
            if name == "sum" and B in e.inputs[0].type.shape[:1] and not out.type.shape and self._cost(e.inputs[0], {}) > _STORE_ABOVE:
                self._store(e.inputs[0])
        cost: dict[Value, int] = {}
        for e in self.program.equations:
            out = e.outputs[0]
            if self.leaf(out) or is_scalar_constant(e) or e.op.name == "constant":
                continue
            if len(self.uses.get(out, [])) > 1 and self._worth_storing(e, cost):
                self._store(out)
        for value in Slopes(self.definitions, self.uses, self.roots, self.leaf, frozenset(self.returned)).chosen(self.program):
            self._store(value)
        for value in self.watched:
            if not self.leaf(value) and self._passing(value) is None:
                self._store(value)
        for e in self.program.equations:
            if is_view(e):
                source = e.inputs[0]
                self.views[e.outputs[0]] = self.views.get(source, source)

    def _worth_storing(self, e: Equation, cost: dict[Value, int]) -> bool:
        out = e.outputs[0]
        if e.op.name in MOVING or e.op.name in ("iota", "random_bits"):
            return False
        if not out.type.shape:
            return self._cost(out, cost) > 2
        if self._cost(out, cost) > _STORE_ABOVE and _elements(out.type.shape) > 1:
            return True
        return any(self._follows_product(value, out.type.shape) for value in e.inputs)

    def _follows_product(self, value: Value, shape: Shape) -> bool:
        """Whether a value is a product, or all that is made of one: what comes of it is then kept in its place."""
        e = self.definitions.get(value)
        if e is None or value.type.shape != shape or len(self.uses[value]) != 1:
            return False
        if e.op.name == "matmul":
            return True
        return e.op.name in ELEMENTWISE and not self.leaf(value) and any(self._follows_product(v, shape) for v in e.inputs)

    def _passing(self, value: Value) -> Value | None:
        """Return a root that is computed from a value at the root's own index."""
        for e in self.uses.get(value, []):
            out = e.outputs[0]
            if e.op.name in ELEMENTWISE and out.type.shape == value.type.shape:
                root = out if out in self.roots else None if self.leaf(out) else self._passing(out)
                if root is not None:
                    return root
        return None

    def _cost(self, value: Value, known: dict[Value, int]) -> int:
        if self.leaf(value) or value not in self.definitions:
            return 0
        if value not in known:
            e = self.definitions[value]
            own = 0 if e.op.name in (*MOVING, "constant", "dimension", "iota") else _COST.get(e.op.name, 1)
            known[value] = min(own + sum(self._cost(v, known) for v in e.inputs), 1000)
        return known[value]

    def _is_random(self, value: Value) -> bool:
        e = self.definitions.get(value)
        return e is not None and e.op.name == "random_bits"

    def _store(self, value: Value) -> None:
        e = self.definitions.get(value)
        if e is None:
            return
        if is_view(e):
            self._store(e.inputs[0])
            return
        if not (e.op.name == "constant" and value.type.shape):
            self.roots.add(value)

    def _untransposed(self, value: Value) -> Value:
        e = self.definitions.get(value)
        if e is not None and e.op.name == "transpose" and len(value.type.shape) == 2 and e.outputs[0] not in self.roots:
            return self._untransposed(e.inputs[0]) if _swaps(e) else value
        return value

    # groups

    def result(self) -> Grouped:
        self.groups: list[Group] = []
        self.home: dict[Value, int] = {}
        for e in self.program.equations:
            value = e.outputs[0]
            if value in self.roots:
                self._place(e, value)
        for group in self.groups:
            inside = set(group.roots)
            group.reads = {value: how for value, how in group.reads.items() if value not in inside}
        read = {value for group in self.groups for value in group.reads}
        outputs = {self.views.get(value, value) for value in self.returned}
        for group in self.groups:
            group.stores = [value for value in group.roots if value in read or value in outputs]
        for value in dict.fromkeys(self.views.get(value, value) for value in self.watched):
            root = value if value in self.home else self._passing(value)
            if root is not None and value not in self.groups[self.home[root]].stores:
                self.groups[self.home[root]].watches.append(value)
        return Grouped(self.program, tuple(self.groups), self.views)

    def _place(self, e: Equation, value: Value) -> None:
        name = e.op.name
        if name == "matmul":
            reads = self._matmul_reads(e)
            self._open(Group("matmul", value.type.shape, e, [value], reads))
        elif name in ("sum", "amax", "argmax"):
            x = e.inputs[0]
            kept = tuple(i for i in range(len(x.type.shape)) if i not in reduced_axes(e))
            at = [_OTHER] * len(x.type.shape)
            for place, axis in enumerate(kept):
                at[axis] = Ix(("axis", place)) if x.type.shape[axis] != 1 else ZERO
            self._open(Group("reduce", value.type.shape, e, [value], self.reads(x, tuple(at), value.type.shape)))
        elif name == "scatter_add":
            reads = {}
            for operand in e.inputs:
                merge(reads, self.reads(operand, tuple(_OTHER for _ in operand.type.shape), ()))
            self._open(Group("scatter", value.type.shape, e, [value], reads))
        elif name == "concatenate":
            axis = e.attributes["axis"] % len(value.type.shape)
            reads = {}
            for operand in e.inputs:
                index = tuple(_OTHER if i == axis else ix for i, ix in enumerate(own_index(operand.type.shape)))
                merge(reads, self.reads(operand, index, value.type.shape))
            self._open(Group("concatenate", value.type.shape, e, [value], reads))
        else:
            self._map(value)

    def _map(self, value: Value) -> None:
        shape = value.type.shape
        reads = self.reads(value, own_index(shape), shape, top=True)
        needed = {self.home[self.views.get(v, v)]: (v, how) for v, how in reads.items() if self.views.get(v, v) in self.home}
        candidates = sorted(needed, reverse=True)
        # it can join a group of its shape that comes after all others that it reads, and that it reads at its own index
        if candidates and not self._is_mask(value):
            last = self.groups[candidates[0]]
            own = set(last.roots)
            same = all(how == "same" for v, how in reads.items() if self.views.get(v, v) in own)
            if (
                same
                and last.space == shape
                and not (set(reads) & set(self.views)) & {v for v in reads if self.views.get(v) in own}
                and self._joins(last)
            ):
                self._join(candidates[0], value, reads)
                return
        for number in range(len(self.groups) - 1, candidates[0] if candidates else -1, -1):  # or one that shares what it reads
            group = self.groups[number]
            if (
                group.kind == "map"
                and group.space == shape
                and set(reads) & set(group.reads)
                and not self._is_mask(value)
                and not any(self._is_mask(v) for v in group.roots)
            ):
                self._join(number, value, reads)
                return
        self._open(Group("map", shape, None, [value], reads))

    def _is_mask(self, value: Value) -> bool:
        e = self.definitions[value]
        return e.op.name == "less" and self._is_random(e.inputs[0])

    def _joins(self, group: Group) -> bool:
        if group.kind == "map":
            return not any(self._is_mask(v) for v in group.roots)
        if group.kind == "matmul":
            return len(group.space) == 2
        if group.kind == "reduce":
            assert group.equation is not None
            if group.equation.op.name == "argmax":
                return False
            rank = len(group.equation.inputs[0].type.shape)
            return not group.space or rank - 1 not in reduced_axes(group.equation)
        return False

    def _open(self, group: Group) -> None:
        for value in group.roots:
            self.home[value] = len(self.groups)
        group.reads = {
            self.views.get(v, v): how if v not in self.views else _through_view(v, self.views[v], how) for v, how in group.reads.items()
        }
        self.groups.append(group)

    def _join(self, number: int, value: Value, reads: dict[Value, str]) -> None:
        group = self.groups[number]
        group.roots.append(value)
        merge(
            group.reads,
            {self.views.get(v, v): how if v not in self.views else _through_view(v, self.views[v], how) for v, how in reads.items()},
        )
        self.home[value] = number

    def _matmul_reads(self, e: Equation) -> dict[Value, str]:
        reads: dict[Value, str] = {}
        x, y = e.inputs
        space = e.outputs[0].type.shape
        rank = len(space)
        for operand, last in ((x, True), (y, False)):
            index = list(own_index(space))[rank - len(operand.type.shape) :]
            index[-1 if last else -2] = _OTHER
            if not last and rank == 2:
                index[-1] = _OTHER
            shape = operand.type.shape
            place = tuple(ZERO if axis == 1 and i < len(shape) - 2 else ix for i, (axis, ix) in enumerate(zip(shape, index, strict=True)))
            merge(reads, self.reads(operand, place, space))
        return reads

    def reads(self, value: Value, index: Index, space: Shape, *, top: bool = False) -> dict[Value, str]:
        """Return the stored values that a value at an index is computed from, and how they are read."""
        result: dict[Value, str] = {}
        seen: set[Any] = set()

        def walk(v: Value, at: Index, top: bool = False) -> None:
            key = (v, tuple(ix.key for ix in at))
            if key in seen:
                return
            seen.add(key)
            if not top and self.leaf(v):
                merge(result, {v: _access(v.type.shape, at, space)})
                return
            e = self.definitions.get(v)
            if e is None or e.op.name in ("constant", "dimension", "iota"):
                return
            if e.op.name in ELEMENTWISE or (e.op.name in MOVING and not is_view(e)):
                for operand, place in operands_at(e, at, _moved):
                    walk(operand, place)
            elif e.op.name == "random_bits":
                for operand in e.inputs:
                    walk(operand, ())
            elif e.op.name == "gather":
                table, where = e.inputs
                rank = len(where.type.shape)
                walk(where, tuple(at[:rank]))
                walk(table, (_OTHER, *at[rank:]))
            elif e.op.name == "pick":
                x, where = e.inputs
                own = at[len(at) - len(where.type.shape) :]
                walk(where, tuple(ZERO if axis == 1 else ix for axis, ix in zip(where.type.shape, own, strict=True)))
                walk(x, (*at, _OTHER))
            else:
                raise AssertionError(f"{e.op.name} is not stored")

        walk(value, index, top)
        return result


def _swaps(e: Equation) -> bool:
    axes = e.attributes.get("axes")
    return axes is None or tuple(axis % 2 for axis in axes) == (1, 0)


def _moved(ix: Ix, start: Any) -> Ix:
    return ix if isinstance(start, int) and start == 0 else _OTHER


def own_index(shape: Shape) -> Index:
    """Return the symbolic index of a space: each axis its own."""
    return tuple(ZERO if axis == 1 else Ix(("axis", place)) for place, axis in enumerate(shape))


def _access(shape: Shape, index: Index, space: Shape) -> str:
    own = [ix.base for ix in index]
    if shape == space and all(axis == 1 or base == ("axis", place) for place, (axis, base) in enumerate(zip(shape, own, strict=True))):
        return "same"
    if shape and space and shape[0] == space[0] == B and own[0] == ("axis", 0):
        return "row"
    return "anywhere"


def _through_view(view: Value, stored: Value, how: str) -> str:
    rows = bool(view.type.shape and stored.type.shape) and view.type.shape[0] == stored.type.shape[0] == B
    return "row" if rows and how in ("same", "row") else "anywhere"


def merge(into: dict[Value, str], reads: Mapping[Value, str]) -> None:
    """Join two tables of reads; the wilder way counts."""
    order = ("same", "row", "anywhere")
    for value, how in reads.items():
        into[value] = max(into.get(value, "same"), how, key=order.index)


def reduced_axes(e: Equation) -> tuple[int, ...]:
    """Return the axes that a sum, a maximum or an argmax runs over."""
    if e.op.name == "argmax":
        return (e.attributes["axis"] % len(e.inputs[0].type.shape),)
    return tuple(e.attributes["axes"])


def _elements(shape: Shape) -> int:
    factor, power = count(shape)
    return factor + power


def batch_axes(shape: Shape) -> int:
    """Return how many axes are multiples of B."""
    return sum(isinstance(axis, Batch) for axis in shape)
