"""Writing LLVM IR: the types of values, folded index arithmetic, loops, and loads and stores of whole or cut vectors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

from llvmlite import ir

I1, I8, I32, I64 = ir.IntType(1), ir.IntType(8), ir.IntType(32), ir.IntType(64)
F32, F64 = ir.FloatType(), ir.DoubleType()
PTR = ir.PointerType()
VOID = ir.VoidType()
SCALARS = {"float32": F32, "float64": F64, "int32": I32, "uint32": I32, "int64": I64, "uint64": I64, "bool": I1}
SIZES = {"float32": 4, "float64": 8, "int32": 4, "uint32": 4, "int64": 8, "uint64": 8, "bool": 1}

Number = Any  # an ir.Value of type i64, or a Python int that stands for one


def suffix(type: Any) -> str:
    """Return a type's part of an intrinsic's name: ``v16f32``."""
    if isinstance(type, ir.VectorType):
        return f"v{type.count}{suffix(type.element)}"
    if isinstance(type, ir.PointerType):
        return "p0"
    return {str(F32): "f32", str(F64): "f64"}.get(str(type)) or str(type)


@cache
def vector(element: Any, lanes: int) -> Any:
    """Return the type of so many numbers."""
    return ir.VectorType(element, lanes)


MARK = "\1"  # stands before a size, in the text of a function that is not shared yet; in strings it would be escaped


class Size(ir.Constant):  # type: ignore[misc] # llvmlite has no types
    """A whole number that may be another one in a function that does the same: see :mod:`~chainrule.backends.llvm.sharing`."""

    def _get_reference(self) -> str:
        return f"{MARK}{self.constant}"


class Whole(ir.Constant):  # type: ignore[misc] # llvmlite has no types
    """A constant vector that is written in one word."""

    def __init__(self, type: Any, text: str) -> None:
        self.type = type
        self.constant = text

    def _get_reference(self) -> str:
        return str(self.constant)


def same(type: Any, value: Any) -> Any:
    """Return a constant, the same in each lane."""
    if not isinstance(type, ir.VectorType):
        return ir.Constant(type, value)
    return Whole(type, f"splat ({ir.Constant(type.element, value)})")


@cache
def _first(lanes: int) -> Any:
    """Return the places of a vector's first number, for each lane."""
    return ir.Constant(vector(I32, lanes), [0] * lanes)


def undefined(type: Any) -> Any:
    """Return a vector of any numbers."""
    return Whole(type, "undef")


class Code:
    """A function that is being written: a builder with the idioms of this backend."""

    def __init__(self, function: Any, builder: Any | None = None) -> None:
        self.function = function
        self.module = function.module
        self.b = builder or ir.IRBuilder(function.append_basic_block("entry"))

    # types and constants

    def type(self, dtype: str, lanes: int = 1) -> Any:
        """Return the IR type of a number, or of a vector of them."""
        return SCALARS[dtype] if lanes == 1 else vector(SCALARS[dtype], lanes)

    def number(self, value: Any, type: Any) -> Any:
        """Return a constant, the same in each lane."""
        return same(type, value)

    def i64(self, number: Number) -> Any:
        """Return a number as an IR value."""
        return Size(I64, number) if isinstance(number, int) else number

    # index arithmetic, folded where both are Python ints

    def add(self, x: Number, y: Number) -> Number:
        """x + y."""
        if isinstance(x, int) and isinstance(y, int):
            return x + y
        if isinstance(y, int) and y == 0:
            return x
        if isinstance(x, int) and x == 0:
            return y
        return self.b.add(self.i64(x), self.i64(y), flags=("nsw",))

    def sub(self, x: Number, y: Number) -> Number:
        """x − y."""
        if isinstance(x, int) and isinstance(y, int):
            return x - y
        return x if isinstance(y, int) and y == 0 else self.b.sub(self.i64(x), self.i64(y), flags=("nsw",))

    def mul(self, x: Number, y: Number) -> Number:
        """x · y."""
        if isinstance(x, int) and isinstance(y, int):
            return x * y
        for one, other in ((x, y), (y, x)):
            if isinstance(one, int) and one in (0, 1):
                return other if one else 0
        return self.b.mul(self.i64(x), self.i64(y), flags=("nsw",))

    def minimum(self, x: Number, y: Number) -> Number:
        """The smaller one."""
        if isinstance(x, int) and isinstance(y, int):
            return min(x, y)
        x, y = self.i64(x), self.i64(y)
        return self.b.select(self.b.icmp_signed("<", x, y), x, y)

    def maximum(self, x: Number, y: Number) -> Number:
        """The larger one."""
        if isinstance(x, int) and isinstance(y, int):
            return max(x, y)
        x, y = self.i64(x), self.i64(y)
        return self.b.select(self.b.icmp_signed(">", x, y), x, y)

    def quotient(self, x: Number, y: Number) -> Number:
        """⌊x / y⌋ of numbers from 0 on, by a function of the module: LLVM writes each division twice, for short and for long numbers."""
        if isinstance(x, int) and isinstance(y, int):
            return x // y
        function = self.module.globals.get("quotient")
        if function is None:
            code = define(self.module, "quotient", [I64, I64], result=I64)
            function = code.function
            code.b.ret(code.b.udiv(*function.args))
        return self.b.call(function, [self.i64(x), self.i64(y)])

    def parts(self, number: Number, most: Number) -> Number:
        """Return the size of parts of a number that are as equal as can be, and none larger than ``most``."""
        parts = self.quotient(self.add(number, self.sub(most, 1)), most)
        parts = self.maximum(parts, 1)
        return self.quotient(self.add(number, self.sub(parts, 1)), parts)

    # vectors

    def splat(self, value: Any, lanes: int) -> Any:
        """Return a vector of one number (the number itself for one lane)."""
        if lanes == 1 or isinstance(value.type, ir.VectorType):
            return value
        if isinstance(value, ir.Constant):
            return same(vector(value.type, lanes), value.constant)
        nothing = undefined(vector(value.type, lanes))
        first = self.b.insert_element(nothing, value, ir.Constant(I32, 0))
        return self.b.shuffle_vector(first, nothing, _first(lanes))

    def places(self, lanes: int) -> Any:
        """Return the vector 0, 1, 2 …"""
        return ir.Constant(ir.VectorType(I64, lanes), [ir.Constant(I64, lane) for lane in range(lanes)])

    def first_lanes(self, count: Number, lanes: int) -> Any:
        """Return the mask of the first ``count`` lanes."""
        if lanes == 1:
            return ir.Constant(I1, 1)
        if isinstance(count, int):
            return ir.Constant(ir.VectorType(I1, lanes), [ir.Constant(I1, int(lane < count)) for lane in range(lanes)])
        return self.b.icmp_signed("<", self.places(lanes), self.splat(count, lanes))

    def take(self, vector: Any, start: int, count: int) -> Any:
        """Return lanes start … start + count − 1."""
        if count == 1:
            return self.b.extract_element(vector, ir.Constant(I32, start))
        lanes = ir.Constant(ir.VectorType(I32, count), [ir.Constant(I32, start + lane) for lane in range(count)])
        return self.b.shuffle_vector(vector, undefined(vector.type), lanes)

    def call(self, name: str, result: Any, *operands: Any) -> Any:
        """Call an intrinsic or function by its full name, declared on first use."""
        function = self.module.globals.get(name)
        if function is None:
            function = ir.Function(self.module, ir.FunctionType(result, [operand.type for operand in operands]), name)
        return self.b.call(function, operands)

    def intrinsic(self, name: str, *operands: Any) -> Any:
        """Call an LLVM intrinsic whose result has the type of its first operand: ``fma``."""
        return self.call(f"llvm.{name}.{suffix(operands[0].type)}", operands[0].type, *operands)

    def fma(self, x: Any, y: Any, z: Any) -> Any:
        """x · y + z, rounded once."""
        return self.intrinsic("fma", x, y, z)

    # memory

    def at(self, pointer: Any, offset: Number, dtype: str) -> Any:
        """Return the address of an element."""
        if isinstance(offset, int) and offset == 0:
            return pointer
        return self.b.gep(pointer, [self.i64(offset)], source_etype=I8 if dtype == "bool" else SCALARS[dtype])

    def load(self, pointer: Any, offset: Number, dtype: str, lanes: int = 1, mask: Any = None) -> Any:
        """Load numbers that are neighbors; booleans are bytes in memory and bits in registers."""
        place, size = self.at(pointer, offset, dtype), SIZES[dtype]
        stored = I8 if dtype == "bool" else SCALARS[dtype]
        type = stored if lanes == 1 else ir.VectorType(stored, lanes)
        if mask is None or lanes == 1:
            value = self.b.load(place, typ=type, align=size)
        else:
            nothing = self.number(0, type) if dtype not in ("float32", "float64") else self.number(0.0, type)
            value = self.call(f"llvm.masked.load.{suffix(type)}.p0", type, place, ir.Constant(I32, size), mask, nothing)
        return self.b.icmp_unsigned("!=", value, self.number(0, type)) if dtype == "bool" else value

    def store(self, value: Any, pointer: Any, offset: Number, dtype: str, mask: Any = None) -> None:
        """Store numbers to neighboring places."""
        place, size = self.at(pointer, offset, dtype), SIZES[dtype]
        lanes = value.type.count if isinstance(value.type, ir.VectorType) else 1
        if dtype == "bool":
            value = self.b.zext(value, I8 if lanes == 1 else ir.VectorType(I8, lanes))
        if mask is None or lanes == 1:
            self.b.store(value, place, align=size)
        else:
            self.call(f"llvm.masked.store.{suffix(value.type)}.p0", VOID, value, place, ir.Constant(I32, size), mask)

    def gather(self, pointer: Any, offsets: Any, dtype: str, mask: Any = None) -> Any:
        """Load numbers from any places, one a lane."""
        lanes, stored = offsets.type.count, I8 if dtype == "bool" else SCALARS[dtype]
        places = self.b.gep(pointer, [offsets], source_etype=stored)
        places.type = ir.VectorType(PTR, lanes)  # llvmlite takes the address of a vector of indices for a single one
        type = ir.VectorType(stored, lanes)
        nothing = self.number(0.0 if dtype in ("float32", "float64") else 0, type)
        mask = mask if mask is not None else self.first_lanes(lanes, lanes)
        name = f"llvm.masked.gather.{suffix(type)}.v{lanes}p0"
        value = self.call(name, type, places, ir.Constant(I32, SIZES[dtype]), mask, nothing)
        return self.b.icmp_unsigned("!=", value, self.number(0, type)) if dtype == "bool" else value

    # control

    @contextmanager
    def loop(self, start: Number, stop: Number, step: Number = 1, carried: Sequence[Any] = (), *, aligned: bool = False) -> Iterator[Loop]:
        """A loop over start ≤ i < stop that may run no time at all.

        ``carried`` are the values before the first turn; the body sets ``loop.next`` to those of the next one, and after the loop
        ``loop.last`` holds the values at its end. A single turn is written without a loop, and its index is a Python int. An aligned loop
        begins at a line of the cache: a processor reads a short one faster from there.
        """
        known = isinstance(start, int) and isinstance(stop, int)
        if known and isinstance(step, int) and 0 < stop - start <= step:  # one turn
            loop = Loop(start, list(carried))
            yield loop
            loop.last = loop.next
            return
        b, before = self.b, self.b.block
        body, after = self.function.append_basic_block("body"), self.function.append_basic_block("after")
        some = known and start < stop
        start_value, stop_value = self.i64(start), self.i64(stop)
        if some:
            b.branch(body)
        else:
            b.cbranch(b.icmp_signed("<", start_value, stop_value), body, after)
        b.position_at_end(body)
        index = b.phi(I64)
        index.add_incoming(start_value, before)
        values = [b.phi(value.type) for value in carried]
        loop = Loop(index, list(values))
        yield loop
        following = self.add(index, step)
        end = b.block
        index.add_incoming(following, end)
        for phi, first, value in zip(values, carried, loop.next, strict=True):
            phi.add_incoming(first, before)
            phi.add_incoming(value, end)
        back = b.cbranch(b.icmp_signed("<", following, stop_value), body, after)
        if aligned:
            back.set_metadata("llvm.loop", _aligned(self.module))
        b.position_at_end(after)
        loop.last = loop.next
        if not some:
            loop.last = [b.phi(value.type) for value in carried]
            for phi, first, value in zip(loop.last, carried, loop.next, strict=True):
                phi.add_incoming(first, before)
                phi.add_incoming(value, end)

    @contextmanager
    def when(self, condition: Any) -> Iterator[None]:
        """Code that runs only if the condition holds."""
        then, after = self.function.append_basic_block("then"), self.function.append_basic_block("after")
        self.b.cbranch(condition, then, after)
        self.b.position_at_end(then)
        yield
        if not self.b.block.is_terminated:
            self.b.branch(after)
        self.b.position_at_end(after)


def _aligned(module: Any) -> Any:
    """Return what tells LLVM that a loop is to be aligned; a loop's node begins with itself."""
    align = module.add_metadata(["llvm.loop.align", ir.Constant(I32, 64)])
    node = module.add_metadata([align])
    node.operands = node, align
    return node


class Loop:
    """A loop that is being written: its index, its carried values in this turn, the next, and after the last."""

    def __init__(self, index: Any, values: list[Any]) -> None:
        self.index = index
        self.values = values
        self.next: list[Any] = []
        self.last: list[Any] = []


class Function(ir.Function):  # type: ignore[misc]  # llvmlite has no types
    """A function whose text is kept when it is whole."""

    whole: str | None = None

    def __str__(self) -> str:
        return self.whole or str(super().__str__())


def define(module: Any, name: str, arguments: Sequence[Any], *, result: Any = VOID, internal: bool = True, distinct: bool = True) -> Code:
    """Begin a function; ``distinct`` says that no two of its pointers lead to the same memory."""
    function = Function(module, ir.FunctionType(result, list(arguments)), name)
    if internal:
        function.linkage = "internal"
        function.attributes.add("noinline")
    for argument in function.args:
        if distinct and isinstance(argument.type, ir.PointerType):
            argument.add_attribute("noalias")
    return Code(function)


def text(module: Any) -> str:
    """Return a module's text."""
    return str(module).replace(MARK, "")
