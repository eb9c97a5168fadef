"""From a value and an index to its number: the expression of a group's inner loop, written for any number of lanes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from llvmlite import ir

from chainrule.backends.llvm import math as elementary
from chainrule.backends.llvm.code import I1, I32, I64, SCALARS, SIZES, Code, Number, define
from chainrule.backends.llvm.index import ELEMENTWISE, MOVING, ZERO, Index, Ix, is_view, operands_at
from chainrule.backends.llvm.integers import integer
from chainrule.ir import Batch, Equation, Shape, Value

_FLOATS = ("float32", "float64")
_COMPARISONS = {"equal": "==", "not_equal": "!=", "less": "<", "less_equal": "<="}
_ELEMENTARY = frozenset(("exp", "expm1", "log", "log1p", "sin", "cos", "tanh", "sigmoid", "erf", "normal_cdf", "normal_pdf"))
_M0, _M1, _W0, _W1 = 0xD2511F53, 0xCD9E8D57, 0x9E3779B9, 0xBB67AE85  # of Philox, as in ops.random


class Emitter:
    """Writes the values of one function.

    Attributes:
        stored: the values that stand in memory, each with its pointer (``None`` for scalar constants: they have no memory).
        watched: the values that are stored while someone watches, each with its pointer and −1, or 0 if nobody does.
        known: what the group at work has computed at the index of its loop: value → (key of the index, number).
        rows: B, an i64.
        bad: gives an i32 in memory that becomes 1 when an index is out of its range.
        flat: all values are read at one index, as if they were one long row.
        outside: gives scalars that are computed outside of the function; ``None`` if it computes its own.
    """

    def __init__(
        self,
        code: Code,
        definitions: Mapping[Value, Equation],
        stored: Mapping[Value, Any],
        rows: Any,
        bad: Callable[[], Any],
        *,
        hoist: Code | None = None,
        flat: bool = False,
    ) -> None:
        self.code = code
        self.definitions = definitions
        self.stored = stored
        self.watched: dict[Value, tuple[Any, Any]] = {}
        self.rows = rows
        self.bad = bad
        self.hoist = hoist  # where what no loop changes is computed
        self.flat = flat
        self.outside: Callable[[Value, str], Any] | None = None
        self.memo: dict[Any, Any] = {}
        self.scalars: dict[tuple[Value, str], Any] = {}
        self.vectors: dict[tuple[Value, str, int], Any] = {}  # of scalars
        self._held: list[Any] = []  # keeps what memo knows by identity alive

    # loops

    def fresh(self) -> None:
        """Forget what was computed: a new turn of a loop, or another block of code."""
        self.memo = {}

    def give(self, value: Value, index: Index, number: Any, lanes: int) -> None:
        """Tell what a value is at an index."""
        self.memo[self._key(value, index, lanes)] = number

    def size(self, axis: Any, code: Code | None = None) -> Number:
        """Return an axis' length."""
        code = code or self.code
        return code.mul(self.rows, axis.multiple) if isinstance(axis, Batch) else int(axis)

    def _key(self, value: Value, index: Index, lanes: int) -> tuple[Any, ...]:
        self._held.append(index)
        return (value, tuple(ix.key for ix in index), lanes)

    # values

    def value(self, value: Value, index: Index, lanes: int, mask: Any = None) -> Any:
        """Return the number at an index, or the numbers of all lanes."""
        key = self._key(value, index, lanes)
        if key in self.memo:
            return self.memo[key]
        if self.hoist is not None and not value.type.shape and (value in self.stored or value in self.definitions):
            result = self.splatted(value, lanes)
        elif lanes > 1 and all(ix.uniform for ix in index):
            result = self.code.splat(self.value(value, index, 1), lanes)
        elif value in self.stored:
            result = self._load(value, index, lanes, mask)
        else:
            equation = self.definitions[value]
            if is_view(equation):
                raise AssertionError(f"{value!r} is a view of what is not stored")
            result = self._compute(equation, index, lanes, mask)
        self.memo[key] = result
        return result

    def scalar(self, value: Value, part: str = "value") -> Any:
        """Return a scalar, computed once before the loops: its value, or the ``scale`` and ``reciprocal`` for a division by it."""
        if (value, part) not in self.scalars:
            if self.outside is not None:
                self.scalars[value, part] = self.outside(value, part)
            elif part == "value":
                assert self.hoist is not None
                inner = Emitter(self.hoist, self.definitions, self.stored, self.rows, self.bad)
                inner.scalars = self.scalars
                inner.memo = {self._key(v, (), 1): number for (v, part), number in self.scalars.items() if part == "value"}
                self.scalars[value, part] = inner.value(value, (), 1)
            else:
                self._factors(value)
        return self.scalars[value, part]

    def splatted(self, value: Value, lanes: int, part: str = "value") -> Any:
        """Return a scalar in each lane, before the loops as well; a constant is written where it stands."""
        equation = self.definitions.get(value)
        if part == "value" and equation is not None and equation.op.name == "constant":
            return self.constant(equation.attributes["value"], value.type.dtype, lanes)
        if lanes == 1 or self.hoist is None:
            return self.code.splat(self.scalar(value, part), lanes)
        if (value, part, lanes) not in self.vectors:
            self.vectors[value, part, lanes] = self.hoist.splat(self.scalar(value, part), lanes)
        return self.vectors[value, part, lanes]

    def _factors(self, value: Value) -> None:
        """Compute s and 1/(s·d), of which the product with x is x/d; the scale s keeps the reciprocal of any d a normal number."""
        assert self.hoist is not None
        code, divisor = self.hoist, self.scalar(value)
        one, least = code.number(1.0, divisor.type), float(np.finfo(value.type.dtype).tiny)
        size = code.intrinsic("fabs", divisor)
        small = code.b.fcmp_ordered("<", size, code.number(least, divisor.type))
        large = code.b.fcmp_ordered(">", size, code.number(1 / least, divisor.type))
        up, down = code.number(2.0**64, divisor.type), code.number(2.0**-64, divisor.type)
        scale = code.b.select(small, up, code.b.select(large, down, one))
        self.scalars[value, "scale"] = scale
        self.scalars[value, "reciprocal"] = code.b.fdiv(one, code.b.fmul(divisor, scale))

    def strides(self, shape: Shape) -> list[Number]:
        """Return the steps in memory from an index to the next, an axis each."""
        result: list[Number] = []
        step: Number = 1
        for axis in reversed(shape):
            result.append(step)
            step = self.code.mul(step, self.size(axis))
        return result[::-1]

    def _load(self, value: Value, index: Index, lanes: int, mask: Any) -> Any:
        code, pointer, dtype = self.code, self.stored[value], value.type.dtype
        if self.flat and index:
            return code.load(pointer, index[0].base, dtype, lanes, mask)
        offset, stride, spread = self.offset(value.type.shape, index, lanes)
        if spread is None and (stride == 0 or lanes == 1):
            return code.splat(code.load(pointer, offset, dtype), lanes)
        if spread is None and stride == 1:
            return code.load(pointer, offset, dtype, lanes, mask)
        if spread is None:
            spread = code.b.mul(code.places(lanes), code.splat(code.i64(stride), lanes))
        return code.gather(pointer, code.b.add(spread, code.splat(code.i64(offset), lanes)), dtype, mask)

    def offset(self, shape: Shape, index: Index, lanes: int) -> tuple[Number, Number, Any]:
        """Return the place in memory: of the first lane, the step a lane, and if the lanes go anywhere their further steps."""
        key = (shape, tuple(ix.key for ix in index), lanes)
        if key not in self.memo:
            self._held.append(index)
            self.memo[key] = self._offset(shape, index, lanes)
        found: tuple[Number, Number, Any] = self.memo[key]
        return found

    def _offset(self, shape: Shape, index: Index, lanes: int) -> tuple[Number, Number, Any]:
        code = self.code
        offset: Number = 0
        stride: Number = 0
        spread = None
        for ix, step in zip(index, self.strides(shape), strict=True):
            if ix.lanes is not None:
                part = code.b.mul(ix.lanes, code.splat(code.i64(step), lanes))
                spread = part if spread is None else code.b.add(spread, part)
            else:
                offset = code.add(offset, code.mul(ix.base, step))
                if ix.stride:
                    stride = code.add(stride, step)
        if spread is not None and not (isinstance(stride, int) and stride == 0):
            spread = code.b.add(spread, code.b.mul(code.places(lanes), code.splat(code.i64(stride), lanes)))
        return offset, stride, spread

    def _add(self, ix: Ix, start: Any) -> Ix:
        amount = self.size(start)
        if isinstance(amount, int) and amount == 0:
            return ix
        if ix.lanes is not None:
            return Ix(0, 0, self.code.b.add(ix.lanes, self.code.splat(self.code.i64(amount), ix.lanes.type.count)))
        return Ix(self.code.add(ix.base, amount), ix.stride)

    def numbers(self, ix: Ix, lanes: int) -> Any:
        """Return an index as i64, one a lane."""
        code = self.code
        if ix.lanes is not None:
            return ix.lanes
        base = code.splat(code.i64(ix.base), lanes)
        return code.b.add(base, code.places(lanes)) if ix.stride and lanes > 1 else base

    def _compute(self, equation: Equation, index: Index, lanes: int, mask: Any) -> Any:
        name, code = equation.op.name, self.code
        out = equation.outputs[0].type
        if name in ELEMENTWISE or name in MOVING:
            places = [(v, index if v.type.shape else ()) for v in equation.inputs] if self.flat else operands_at(equation, index, self._add)
            if name == "divide" and not equation.inputs[1].type.shape and equation.phase == "update" and self.hoist is not None:
                return self._divided(self.value(*places[0], lanes, mask), equation.inputs[1], lanes)
            if name == "multiply" and self._is_gelu(equation):
                return elementary.emit(code.b, "gelu", self.value(*places[0], lanes, mask))
            operands = [self.value(v, at, lanes, mask) for v, at in places]
            return operands[0] if name in MOVING else self._arithmetic(equation, operands, lanes)
        if name == "constant":
            return self.constant(equation.attributes["value"], out.dtype, lanes)
        if name == "dimension":
            return self.cast(code.splat(code.i64(self.size(equation.attributes["size"])), lanes), "int64", out.dtype, lanes)
        if name == "iota":
            return self.cast(self.numbers(index[0], lanes), "int64", out.dtype, lanes)
        if name == "random_bits":
            return self._random(equation, index, lanes, mask)
        if name == "gather":
            table, place = equation.inputs
            rank = len(place.type.shape)
            row = self._row(place, index[:rank], table.type.shape[0], lanes, mask)
            return self.value(table, (row, *index[rank:]), lanes, mask)
        if name == "pick":
            x, place = equation.inputs
            own = tuple(
                ZERO if axis == 1 else ix for axis, ix in zip(place.type.shape, index[len(index) - len(place.type.shape) :], strict=True)
            )
            column = self._row(place, own, x.type.shape[-1], lanes, mask)
            return self.value(x, (*index, column), lanes, mask)
        raise AssertionError(f"{name} is computed by a loop of its own")

    def _row(self, place: Value, index: Index, size: Any, lanes: int, mask: Any) -> Ix:
        """Return a checked index that is read from memory; out of range it is 0, and the function's flag is raised."""
        code, dtype = self.code, place.type.dtype
        uniform = lanes == 1 or all(ix.uniform for ix in index)
        width = 1 if uniform else lanes
        number = self.cast(self.value(place, index, width, mask), dtype, "int64", width)
        limit = code.splat(code.i64(self.size(size)), width)
        outside = code.b.icmp_unsigned(">=", number, limit)
        if width > 1:
            if mask is not None:
                outside = code.b.and_(outside, mask)
            found = code.call(f"llvm.vector.reduce.or.v{width}i1", I1, outside)
            inside = code.b.icmp_unsigned("<", number, limit)
        else:
            found, inside = outside, code.b.not_(outside)
        number = code.b.select(inside, number, code.number(0, number.type))
        bad = self.bad()
        code.b.store(code.b.or_(code.b.load(bad, typ=I32), code.b.zext(found, I32)), bad)
        return Ix(number) if width == 1 else Ix(0, 0, number)

    def _is_gelu(self, product: Equation) -> bool:
        """Whether it is x · Φ(x), which has a function of its own as Φ(x) may be denormal; LLVM merges what a Φ(x) beside it repeats."""
        x, factor = product.inputs
        made = self.definitions.get(factor)
        return made is not None and made.op.name == "normal_cdf" and made.inputs[0] is x

    def _divided(self, x: Any, divisor: Value, lanes: int) -> Any:
        """Divide by a scalar by multiplying, which is faster."""
        scale, reciprocal = (self.splatted(divisor, lanes, part) for part in ("scale", "reciprocal"))
        return self.code.b.fmul(self.code.b.fmul(x, scale), reciprocal)

    # arithmetic

    def constant(self, value: Any, dtype: str, lanes: int) -> Any:
        """Return a constant."""
        number = np.asarray(value, dtype=dtype).item()
        return self.code.number(int(number) if dtype == "bool" else number, self.code.type(dtype, lanes))

    def _arithmetic(self, equation: Equation, x: list[Any], lanes: int) -> Any:
        name, dtype = equation.op.name, equation.inputs[0].type.dtype
        b, code = self.code.b, self.code
        if name == "cast":
            return self.cast(x[0], dtype, equation.attributes["dtype"], lanes)
        if name == "where":
            return b.select(*x)
        if name in _COMPARISONS:
            if dtype in _FLOATS:
                compare = b.fcmp_unordered if name == "not_equal" else b.fcmp_ordered
                return compare(_COMPARISONS[name], *x)
            signed = dtype in ("int32", "int64")
            return (b.icmp_signed if signed else b.icmp_unsigned)(_COMPARISONS[name], *x)
        if name in ("maximum", "minimum"):
            return self.extreme(name, x[0], x[1], dtype)
        if dtype in _FLOATS:
            return self._floating(equation, x, lanes)
        return integer(code, name, x, dtype)

    def extreme(self, name: str, x: Any, y: Any, dtype: str) -> Any:
        """Return the larger or smaller number; NaN is larger and smaller than all."""
        b, sign = self.code.b, ">=" if name == "maximum" else "<="
        if dtype not in _FLOATS:
            signed = dtype in ("int32", "int64")
            return b.select((b.icmp_signed if signed else b.icmp_unsigned)(sign, x, y), x, y)
        first = b.fcmp_ordered(sign, x, y)
        if not isinstance(x, ir.Constant):  # a constant is no NaN
            first = b.or_(first, b.fcmp_unordered("uno", x, x))
        return b.select(first, x, y)

    def _floating(self, equation: Equation, x: list[Any], lanes: int) -> Any:
        name, b, code = equation.op.name, self.code.b, self.code

        def one(number: float) -> Any:
            return code.number(number, x[0].type)

        if name in ("add", "subtract", "multiply", "divide"):
            return {"add": b.fadd, "subtract": b.fsub, "multiply": b.fmul, "divide": b.fdiv}[name](*x)
        if name in _ELEMENTARY:
            return elementary.emit(b, name, x[0])
        if name == "power":
            return elementary.emit(b, name, *x) if lanes > 1 else _single_power(code, *x)
        if name == "negative":
            return b.fneg(x[0])
        if name in ("sqrt", "floor"):
            return code.intrinsic(name, x[0])
        if name == "abs":
            return code.intrinsic("fabs", x[0])
        if name == "is_finite":
            return b.fcmp_ordered("<", code.intrinsic("fabs", x[0]), one(math.inf))
        assert name == "sign", name
        zero = one(0.0)
        positive, less = b.fcmp_ordered(">", x[0], zero), b.fcmp_ordered("<", x[0], zero)
        rest = b.select(b.fcmp_ordered("==", x[0], zero), zero, x[0])
        return b.select(positive, one(1.0), b.select(less, one(-1.0), rest))

    def cast(self, x: Any, source: str, target: str, lanes: int) -> Any:
        """Convert a number to another dtype; floats out of an integer's range become its nearest."""
        b, code = self.code.b, self.code
        if source == target:
            return x
        type = code.type(target, lanes)
        if target == "bool":
            zero = code.number(0.0 if source in _FLOATS else 0, x.type)
            return b.fcmp_unordered("!=", x, zero) if source in _FLOATS else b.icmp_unsigned("!=", x, zero)
        if source in _FLOATS:
            if target in _FLOATS:
                return b.fpext(x, type) if target == "float64" else b.fptrunc(x, type)
            kind = "fptosi" if target in ("int32", "int64") else "fptoui"
            suffixes = [
                f"v{lanes}{text}" if lanes > 1 else text for text in (str(SCALARS[target]), {"float32": "f32", "float64": "f64"}[source])
            ]
            return code.call(f"llvm.{kind}.sat.{'.'.join(suffixes)}", type, x)
        signed = source in ("int32", "int64")
        if target in _FLOATS:
            return (b.sitofp if signed else b.uitofp)(x, type)
        if source == "bool" or SIZES[target] > SIZES[source]:
            return (b.sext if signed else b.zext)(x, type)
        return b.trunc(x, type) if SIZES[target] < SIZES[source] else x

    # random bits

    def _random(self, equation: Equation, index: Index, lanes: int, mask: Any) -> Any:
        """Philox4x32-10 by counter; where a group of four columns is whole, its four words are drawn at once."""
        code, b = self.code, self.code.b
        seed, epoch, step = (self.value(v, (), 1) for v in equation.inputs)
        purpose = equation.attributes["purpose"]
        row, column = index
        four = lanes % 4 == 0 and column.stride == 1 and column.lanes is None and row.uniform and self._multiple_of_four(column.base)
        width = lanes // 4 if four else lanes
        rows = self.numbers(row, width) if not four else code.splat(code.i64(row.base), width)
        if four:
            first = b.lshr(code.i64(column.base), ir.Constant(I64, 2))
            blocks = b.add(code.splat(first, width), code.places(width)) if width > 1 else first
        else:
            columns = self.numbers(column, lanes)
            blocks = b.lshr(columns, code.number(2, columns.type))

        def wide(number: Any) -> Any:
            return code.splat(b.zext(number, I64), width)

        low = code.number(0xFFFFFFFF, rows.type)
        words = philox(code, [wide(epoch), wide(step), b.and_(rows, low), b.and_(blocks, low)], wide(seed), purpose)
        narrow = code.type("uint32", width)
        cut = [b.trunc(word, narrow) for word in words]
        if not four:
            which = b.and_(columns, code.number(3, columns.type))
            result = cut[3]
            for number in (2, 1, 0):
                result = b.select(b.icmp_unsigned("==", which, code.number(number, which.type)), cut[number], result)
            return result
        if width == 1:
            result = ir.Constant(ir.VectorType(I32, 4), ir.Undefined)
            for number, word in enumerate(cut):
                result = b.insert_element(result, word, ir.Constant(I32, number))
            return result
        low_half, high_half = (_joined(code, *pair) for pair in (cut[:2], cut[2:]))
        both = ir.Constant(ir.VectorType(I32, lanes), [ir.Constant(I32, (lane % 4) * width + lane // 4) for lane in range(lanes)])
        return b.shuffle_vector(low_half, high_half, both)

    def _multiple_of_four(self, base: Any) -> bool:
        return base % 4 == 0 if isinstance(base, int) else base in self.aligned

    aligned: frozenset[Any] = frozenset()  # indices known to be multiples of four


def _joined(code: Code, x: Any, y: Any) -> Any:
    lanes = x.type.count
    order = ir.Constant(ir.VectorType(I32, 2 * lanes), [ir.Constant(I32, lane) for lane in range(2 * lanes)])
    return code.b.shuffle_vector(x, y, order)


def philox(code: Code, counter: list[Any], key: Any, purpose: Any, *, loop: bool = False) -> list[Any]:
    """Ten rounds on 32-bit words that stand in i64 numbers or vectors; see ``ops.random.philox4x32``.

    As a loop they compile in a third of the time; one after the other they are faster among other work.
    """
    b, type = code.b, counter[0].type

    def number(value: Any) -> Any:
        return code.number(value, type)

    low, shift = number(0xFFFFFFFF), number(32)

    def turn(c0: Any, c1: Any, c2: Any, c3: Any, k0: Any, k1: Any) -> list[Any]:
        p0, p1 = b.mul(number(_M0), c0), b.mul(number(_M1), c2)
        words = [b.xor(b.xor(b.lshr(p1, shift), c1), k0), b.and_(p1, low), b.xor(b.xor(b.lshr(p0, shift), c3), k1), b.and_(p0, low)]
        return [*words, b.and_(b.add(k0, number(_W0)), low), b.and_(b.add(k1, number(_W1)), low)]

    state = [*counter, key, purpose if not isinstance(purpose, int) else number(purpose)]
    if loop:
        with code.loop(0, 10, 1, state) as rounds:
            rounds.next = turn(*(b.and_(word, low) for word in rounds.values))  # which tells LLVM that they are short
        return rounds.last[:4]
    for _ in range(10):
        state = turn(*state)
    return state[:4]


def _single_power(code: Code, x: Any, y: Any) -> Any:
    """Return x^y of two numbers by a function that the module's others share: it is long, and an optimizer asks for several."""
    name = f"power.{x.type}"
    function = code.module.globals.get(name)
    if function is None:
        own = define(code.module, name, [x.type, y.type], result=x.type)
        own.b.ret(elementary.emit(own.b, "power", *own.function.args))
        function = own.function
    return code.b.call(function, [x, y])
