"""Numbers that write LLVM IR when computed with: floats, their bits and truth values, one or a vector of them.

Every operation is one of IEEE 754 or on integers, without fast-math flags: the result's bits depend on neither the number of lanes nor
the machine. Only the sign and payload of a NaN are the machine's own.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from llvmlite import ir

from chainrule.backends.llvm.code import same


@dataclass(frozen=True)
class Format:
    """A float format: its width, the bits of its fraction, and constants split so that the parts add to more than its precision."""

    dtype: str
    width: int
    fraction: int
    ln2: tuple[float, float]
    half_pi: tuple[float, float, float]

    @property
    def bias(self) -> int:
        """The exponent bits of 1."""
        return (1 << (self.width - self.fraction - 2)) - 1

    @property
    def least_normal(self) -> float:
        """The smallest positive number that is not denormal."""
        return 2.0 ** (1 - self.bias)

    @property
    def element(self) -> ir.Type:
        """LLVM's type of one number."""
        return ir.FloatType() if self.width == 32 else ir.DoubleType()

    @property
    def magic(self) -> float:
        """1.5 · 2^fraction. x + magic rounds x to an integer, which then stands in the low bits of the sum."""
        return 1.5 * 2.0**self.fraction

    def bits(self, value: float) -> int:
        """Return the bits of a number, as an integer."""
        (bits,) = struct.unpack("<I" if self.width == 32 else "<Q", struct.pack("<f" if self.width == 32 else "<d", value))
        return int(bits)


FLOAT32 = Format(
    "float32", 32, 23, (0.6931471824645996, -1.904654299957768e-09), (1.5707963705062866, -4.371138828673793e-08, -1.7151245100058819e-15)
)
FLOAT64 = Format(
    "float64", 64, 52, (0.6931471805599453, 2.3190468138462996e-17), (1.5707963267948966, 6.123233995736766e-17, -1.4973849048591833e-33)
)


def _constant(type_: ir.Type, value: float | int) -> ir.Constant:
    return same(type_, value)


def _like(type_: ir.Type, element: ir.Type) -> ir.Type:
    """Return the type of as many of `element` as `type_` has lanes."""
    return ir.VectorType(element, type_.count) if isinstance(type_, ir.VectorType) else element


@dataclass(frozen=True)
class _Value:
    builder: ir.IRBuilder
    value: ir.Value
    format: Format

    def _lift(self, other: Any) -> ir.Value:
        return other.value if isinstance(other, _Value) else _constant(self.value.type, other)


class Mask(_Value):
    """Truth values."""

    def __and__(self, other: Mask) -> Mask:
        return Mask(self.builder, self.builder.and_(self.value, other.value), self.format)

    def __or__(self, other: Mask) -> Mask:
        return Mask(self.builder, self.builder.or_(self.value, other.value), self.format)

    def __invert__(self) -> Mask:
        return Mask(self.builder, self.builder.not_(self.value), self.format)

    def any(self) -> ir.Value:
        """Whether any lane is true, an i1."""
        type_ = self.value.type
        if not isinstance(type_, ir.VectorType):
            return self.value
        name, known = f"llvm.vector.reduce.or.v{type_.count}i1", self.builder.module.globals
        function = known.get(name) or ir.Function(self.builder.module, ir.FunctionType(type_.element, [type_]), name)
        return self.builder.call(function, [self.value])


class Bits(_Value):
    """Unsigned integers as wide as the float whose bits they are."""

    def _with(self, value: ir.Value) -> Bits:
        return Bits(self.builder, value, self.format)

    def __add__(self, other: Bits | int) -> Bits:
        return self._with(self.builder.add(self.value, self._lift(other)))

    def __sub__(self, other: Bits | int) -> Bits:
        return self._with(self.builder.sub(self.value, self._lift(other)))

    def __rsub__(self, other: int) -> Bits:
        return self._with(self.builder.sub(self._lift(other), self.value))

    def __and__(self, other: Bits | int) -> Bits:
        return self._with(self.builder.and_(self.value, self._lift(other)))

    def __or__(self, other: Bits | int) -> Bits:
        return self._with(self.builder.or_(self.value, self._lift(other)))

    def __xor__(self, other: Bits | int) -> Bits:
        return self._with(self.builder.xor(self.value, self._lift(other)))

    def __lshift__(self, count: int) -> Bits:
        return self._with(self.builder.shl(self.value, self._lift(count)))

    def __rshift__(self, count: int) -> Bits:
        return self._with(self.builder.lshr(self.value, self._lift(count)))

    def is_zero(self) -> Mask:
        """Where every bit is 0."""
        return Mask(self.builder, self.builder.icmp_unsigned("==", self.value, self._lift(0)), self.format)

    @property
    def real(self) -> Real:
        """The floats that these are the bits of."""
        return Real(self.builder, self.builder.bitcast(self.value, _like(self.value.type, self.format.element)), self.format)


class Real(_Value):
    """Floats of one format."""

    @classmethod
    def of(cls, builder: ir.IRBuilder, value: ir.Value) -> Real:
        """Take an IR value: float or double, or a vector of them."""
        element = value.type.element if isinstance(value.type, ir.VectorType) else value.type
        if not isinstance(element, ir.FloatType | ir.DoubleType):
            raise TypeError(f"an elementary function is computed in float or double, or in vectors of them; this value is {value.type}")
        return cls(builder, value, FLOAT32 if isinstance(element, ir.FloatType) else FLOAT64)

    def _with(self, value: ir.Value) -> Real:
        return Real(self.builder, value, self.format)

    def __neg__(self) -> Real:
        return self._with(self.builder.fneg(self.value))

    def __add__(self, other: Real | float) -> Real:
        return self._with(self.builder.fadd(self.value, self._lift(other)))

    def __sub__(self, other: Real | float) -> Real:
        return self._with(self.builder.fsub(self.value, self._lift(other)))

    def __rsub__(self, other: float) -> Real:
        return self._with(self.builder.fsub(self._lift(other), self.value))

    def __mul__(self, other: Real | float) -> Real:
        return self._with(self.builder.fmul(self.value, self._lift(other)))

    def __truediv__(self, other: Real | float) -> Real:
        return self._with(self.builder.fdiv(self.value, self._lift(other)))

    def __rtruediv__(self, other: float) -> Real:
        return self._with(self.builder.fdiv(self._lift(other), self.value))

    def _compare(self, how: str, other: Real | float) -> Mask:
        return Mask(self.builder, self.builder.fcmp_ordered(how, self.value, self._lift(other)), self.format)

    def __lt__(self, other: Real | float) -> Mask:
        return self._compare("<", other)

    def __gt__(self, other: Real | float) -> Mask:
        return self._compare(">", other)

    def equals(self, other: Real | float) -> Mask:
        """Where the numbers are equal; a NaN equals nothing."""
        return self._compare("==", other)

    def unordered(self, other: Real) -> Mask:
        """Where one of two is NaN."""
        return Mask(self.builder, self.builder.fcmp_unordered("uno", self.value, other.value), self.format)

    @property
    def bits(self) -> Bits:
        """The bits of the numbers."""
        return Bits(self.builder, self.builder.bitcast(self.value, _like(self.value.type, ir.IntType(self.format.width))), self.format)

    def at_most(self, bound: float) -> Real:
        """Return the smaller of each number and the bound; a NaN stays."""
        return where(self > bound, bound, self)

    def at_least(self, bound: float) -> Real:
        """Return the larger of each number and the bound; a NaN stays."""
        return where(self < bound, bound, self)

    def intrinsic(self, name: str, *others: Real | float) -> Real:
        """Call LLVM's intrinsic of this name for this number of lanes, such as fma, sqrt, trunc."""
        type_ = self.value.type
        lanes = f"v{type_.count}" if isinstance(type_, ir.VectorType) else ""
        full = f"llvm.{name}.{lanes}f{self.format.width}"
        known = self.builder.module.globals
        function = known.get(full) or ir.Function(self.builder.module, ir.FunctionType(type_, [type_] * (1 + len(others))), full)
        return self._with(self.builder.call(function, [self.value, *map(self._lift, others)]))

    def __abs__(self) -> Real:
        return self.intrinsic("fabs")

    def with_sign_of(self, other: Real) -> Real:
        """Return the magnitudes with the signs of the others."""
        return self.intrinsic("copysign", other)

    def widened(self) -> Real:
        """Return float32 numbers in float64."""
        return Real(self.builder, self.builder.fpext(self.value, _like(self.value.type, FLOAT64.element)), FLOAT64)

    def narrowed(self) -> Real:
        """Return float64 numbers rounded to float32."""
        return Real(self.builder, self.builder.fptrunc(self.value, _like(self.value.type, FLOAT32.element)), FLOAT32)


def fma(x: Real, y: Real | float, z: Real | float) -> Real:
    """x · y + z, rounded once."""
    return x.intrinsic("fma", y, z)


def where(condition: Mask, x: Real | float, y: Real | float) -> Real:
    """Return x where the condition holds, y elsewhere."""
    form, type_ = condition.format, _like(condition.value.type, condition.format.element)
    chosen = (each.value if isinstance(each, Real) else _constant(type_, each) for each in (x, y))
    return Real(condition.builder, condition.builder.select(condition.value, *chosen), form)


def polynomial(x: Real, coefficients: Sequence[float]) -> Real:
    """c₀ + c₁·x + c₂·x² + …, by Horner's rule in fma."""
    *rest, second, last = coefficients
    result = fma(x, last, second)
    for c in reversed(rest):
        result = fma(result, x, c)
    return result


def two_sum(x: Real, y: Real | float) -> tuple[Real, Real]:
    """x + y and the error of its rounding (Knuth, The Art of Computer Programming, volume 2, 4.2.2)."""
    total = x + y
    second = total - x
    return total, (x - (total - second)) + (y - second)


def quick_two_sum(x: Real | float, y: Real) -> tuple[Real, Real]:
    """x + y and the error of its rounding, for |x| ≥ |y| (Dekker 1971)."""
    total = y + x
    return total, y - (total - x)


def two_product(x: Real, y: Real | float) -> tuple[Real, Real]:
    """x · y and the error of its rounding."""
    product = x * y
    return product, fma(x, y, -product)
