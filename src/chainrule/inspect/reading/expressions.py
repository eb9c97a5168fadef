"""The calculation of one number, as a tree: what the program's equations say of it, in symbols and in numbers.

Every tree is read off a :class:`Recording`. Values that somebody would want to see (named ones, outputs, the operands of matrix products)
are leaves of other trees and trees of their own; what lies between them is put into the formula: ``v16 = beta1 * m``, ``v17 =
one_minus_beta1 * g`` and ``m.new = v16 + v17`` are one tree, ``beta1·m + one_minus_beta1·g``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from chainrule.inspect.reading.notation import Call, Leaf, Node, Total, symbolic
from chainrule.inspect.reading.recording import Element, Index, Number, Recording, is_elementwise, written_out
from chainrule.inspect.reading.summation import of_products, of_terms
from chainrule.inspect.reading.units import Units
from chainrule.ir import Equation, Value
from chainrule.ir.listing import show_formula, value_names
from chainrule.ops.tracing import trace
from chainrule.transforms import expand

_AXES = re.compile(r", axes \[[\d, ]*\]")
_LONGEST, _LONGEST_SHARED = 40, 16  # operations in a formula, and in one that would be written more than once


class Expressions:
    """Reads the calculation of each number off a recording."""

    def __init__(self, recording: Recording, units: Units) -> None:
        self.recording = recording
        self.units = units
        self._names = self._value_names()
        self._symbols: dict[Value, str] = {}
        self._costs: dict[Value, int] = {}
        self._alone: dict[Value, bool] = {}
        self._read: dict[Value, list[Equation]] = {}

    def _value_names(self) -> dict[Value, str]:
        program = self.recording.program
        names = value_names(program)
        inputs = {port.name for port in program.inputs}
        for port in program.outputs:
            if port.name in inputs and port.value in self.recording.definitions:
                names[port.value] = f"{port.name}.new"
        return names

    # names

    def symbol(self, value: Value) -> str:
        """Return the name of a value, or its formula if it has none: ``hidden_1.sum``, ``softmax(output.output)``."""
        if value not in self._symbols:
            self._symbols[value] = self._symbol(value)
        return self._symbols[value]

    def _symbol(self, value: Value) -> str:
        root = self._root(value)
        if root in self.recording.definitions and not root.name and not self._is_output(root):
            equation = self.recording.definitions[root]
            if self._is_whole(equation) or not self.stands_alone(root):
                return self._formula_of(equation)
        return self._names[root]

    def _formula_of(self, equation: Equation) -> str:
        if self._is_whole(equation):
            return whole_formula(equation, self)
        return symbolic(self._define(equation, tuple(0 for _ in self.recording.values[equation.outputs[0]].shape)))

    def _root(self, value: Value) -> Value:
        """Return the value that moves and casts took this one's elements from; concatenations end the way."""
        while (equation := self.recording.definitions.get(value)) is not None:
            if not _is_cast(equation) and (self.recording.moves(equation) is None or equation.op.name == "concatenate"):
                break
            source = equation.inputs[0]
            if _is_cast(equation) and value.name and self._names.get(source, "").endswith(".new") and not source.type.is_float:
                break  # the number of the update is known as t
            value = source
        return value

    def name(self, element: Element) -> str:
        """Return the name of an element: ``hidden_1.weight[age,3]``."""
        place = self.units.place(element.value, element.index)
        symbol = self.symbol(element.value)
        return f"{symbol}[{','.join(place)}]" if place else symbol

    # what is shown as a step of its own

    def stands_alone(self, value: Value) -> bool:
        """Return whether a value is shown as a step of its own, and is a leaf of the formulas that read it."""
        if value not in self._alone:
            self._alone[value] = self._decide(value)
        return self._alone[value]

    def _decide(self, value: Value) -> bool:
        equation = self.recording.definitions.get(value)
        if equation is None:
            return True
        if _is_literal(equation):
            return False
        if _is_cast(equation) or (self.recording.moves(equation) is not None and equation.op.name != "concatenate"):
            return self._root(value) is value
        if self._only_cast(value) or self._is_fused_product(equation):
            return False
        if value.name or self._is_output(value) or equation.op.name == "matmul" or self._is_whole(equation):
            return True
        readers = self._readers(value)
        if any(reader.op.name == "matmul" for reader in readers):
            return True
        return self._cost(equation) > (_LONGEST if len(readers) < 2 else _LONGEST_SHARED)

    def _only_cast(self, value: Value) -> bool:
        readers = self.recording.users.get(value, [])
        return len(readers) == 1 and _is_cast(readers[0]) and self._root(readers[0].outputs[0]) is not value

    def _is_fused_product(self, equation: Equation) -> bool:
        """Return whether this is a product of matrices that one equation alone adds something to: ``x @ weight + bias``."""
        value = equation.outputs[0]
        if equation.op.name != "matmul" or self._is_output(value):
            return False
        readers = [reader for reader in self.recording.users.get(value, []) if reader.phase in ("forward", "loss")]
        return len(readers) == 1 == len(self.recording.users[value]) and readers[0].op.name == "add"

    def _is_whole(self, equation: Equation) -> bool:
        """Return whether an equation makes its elements of whole rows: softmax, a maximum, random bits."""
        return not (
            is_elementwise(equation)
            or _is_literal(equation)
            or equation.op.name in ("matmul", "sum")
            or self.recording.moves(equation) is not None
        )

    def _is_output(self, value: Value) -> bool:
        return any(port.value is value for port in self.recording.program.outputs)

    def _readers(self, value: Value) -> list[Equation]:
        """Return the equations that compute with a value, also where it was moved or cast before."""
        if value not in self._read:
            found = []
            for reader in self.recording.users.get(value, []):
                passed_on = _is_cast(reader) or self.recording.moves(reader) is not None
                found += self._readers(reader.outputs[0]) if passed_on else [reader]
            self._read[value] = found
        return self._read[value]

    def _cost(self, equation: Equation) -> int:
        value = equation.outputs[0]
        if value not in self._costs:
            roots = map(self._root, equation.inputs)
            inner = [self.recording.definitions.get(root) for root in roots if not self.stands_alone(root)]
            self._costs[value] = 1 + sum(self._cost(part) for part in inner if part is not None and not _is_literal(part))
        return self._costs[value]

    # trees

    def calculation(self, element: Element) -> Node:
        """Return how an element was calculated; a leaf if it is an input."""
        equation = self.recording.definitions.get(element.value)
        return self._leaf(element) if equation is None else self._define(equation, element.index)

    def node(self, element: Element) -> Node:
        """Return an element as it stands in the formulas that read it."""
        number = self.recording.number(element)
        while not self.stands_alone(element.value):
            equation = self.recording.definitions[element.value]
            if _is_cast(equation):
                element = Element(equation.inputs[0], element.index)
            elif self.recording.moves(equation) is not None:
                element = self.recording.moved_from(equation, element.index)
            else:
                return self._define(equation, element.index)
        return self._leaf(element, number)

    def _leaf(self, element: Element, number: Number | None = None) -> Leaf:
        return Leaf(self.name(element), self.symbol(element.value), self.recording.number(element) if number is None else number, element)

    def _define(self, equation: Equation, index: Index) -> Node:
        element = Element(equation.outputs[0], index)
        number = self.recording.number(element)
        if _is_literal(equation):
            text = show_formula(equation, ())
            return Leaf(text, text, number)
        if equation.op.name == "matmul":
            return self._product(equation, index, number)
        if equation.op.name == "sum":
            return self._sum(equation, index, number)
        if _is_cast(equation):
            return self.node(Element(equation.inputs[0], index))
        if is_elementwise(equation):
            operands = tuple(self.node(self.recording.operand_of(equation, i, index)) for i in range(len(equation.inputs)))
            return _flat_sum(equation, operands, number)
        return Leaf(self.name(element), self.symbol(element.value), number, element)

    def _product(self, equation: Equation, index: Index, number: Number) -> Node:
        left, right = equation.inputs
        *outer, row, column = index
        shape = self.recording.values[equation.outputs[0]].shape[:-2]
        a, b = (self.recording.values[value] for value in (left, right))
        ours = np.broadcast_to(a, (*shape, *a.shape[-2:]))[tuple(outer)][row]
        theirs = np.broadcast_to(b, (*shape, *b.shape[-2:]))[tuple(outer)][:, column]
        terms = ours.astype(np.float64) * theirs.astype(np.float64)

        def term(i: int) -> tuple[Node, ...]:
            return self.node(self._inner(left, (*outer, row, i))), self.node(self._inner(right, (*outer, i, column)))

        if len(terms) == 1:
            return Call(_times(equation), term(0), number)
        return Total(f"{self._matrix(left)} @ {self._matrix(right)}", terms, term, number, lambda: of_products(ours, theirs))

    def _inner(self, value: Value, index: Index) -> Element:
        shape = self.recording.values[value].shape
        own = index[len(index) - len(shape) :]
        return Element(value, tuple(0 if size == 1 else i for i, size in zip(own, shape, strict=True)))

    def _matrix(self, value: Value) -> str:
        turned = False
        symbol = self.symbol(value)
        while (equation := self.recording.definitions.get(value)) is not None and equation.op.name in ("transpose", "cast", "reshape"):
            turned ^= equation.op.name == "transpose"
            value = equation.inputs[0]
        return symbol + "ᵀ" * turned

    def _sum(self, equation: Equation, index: Index, number: Number) -> Node:
        operand, axes = equation.inputs[0], equation.attributes["axes"]
        array = self.recording.values[operand]
        where = iter(index)
        selection: tuple[Any, ...] = tuple(slice(None) if axis in axes else next(where) for axis in range(array.ndim))
        part = array[selection]
        summed = [array.shape[axis] for axis in axes]

        def element(i: int) -> Element:
            places = iter(np.unravel_index(i, summed))
            return Element(operand, tuple(int(next(places)) if isinstance(s, slice) else int(s) for s in selection))

        if part.size == 1:
            return self.node(element(0))
        kept = part.reshape([size if axis in axes else 1 for axis, size in enumerate(array.shape)])
        return Total(
            f"sum({self.symbol(operand)})",
            part.reshape(-1).astype(np.float64),
            lambda i: (self.node(element(i)),),
            number,
            lambda: of_terms(kept, axes, float(number)),
        )

    # composites

    def written_out(self, element: Element) -> tuple[Node, Expressions] | None:
        """Return the calculation of an element of a composite (cross-entropy, softmax …) down to primitives, or ``None`` for others.

        The composite's own definition is run on the numbers of the recording, so this is how its meaning comes to its number.
        """
        equation = self.recording.definitions.get(element.value)
        if equation is None or getattr(equation.op, "definition", None) is None:
            return None
        program = written_out(equation)
        arrays = {str(number): self.recording.values[value] for number, value in enumerate(equation.inputs)}
        inner = Recording(program, arrays)
        outer = {port.value: value for port, value in zip(program.inputs, equation.inputs, strict=True)}
        reading = Inside(self, inner, outer)
        return reading.calculation(Element(program.outputs[0].value, element.index)), reading


class Inside(Expressions):
    """Expressions of a program that was made of a part of another; some of its values, its inputs above all, are values of that one.

    Args:
        outside: the expressions of the other program.
        recording: a run of this one.
        outer: what values of this program are in the other; they have their names.
    """

    def __init__(self, outside: Expressions, recording: Recording, outer: Mapping[Value, Value]) -> None:
        self._outside, self._outer = outside, outer
        names = {
            (value, axis): known
            for value, theirs in outer.items()
            for axis in range(len(value.type.shape))
            if (known := outside.units.names(theirs, axis)) is not None
        }
        super().__init__(recording, Units(recording.program, recording.rows, names))

    def _symbol(self, value: Value) -> str:
        root = self._root(value)
        return self._outside.symbol(self._outer[root]) if root in self._outer else super()._symbol(value)

    def name(self, element: Element) -> str:
        """Return the name of an element, that of the other program where it is a value of it."""
        if element.value in self._outer:
            return self._outside.name(Element(self._outer[element.value], element.index))
        return super().name(element)

    def _decide(self, value: Value) -> bool:
        equation = self.recording.definitions.get(value)
        return equation is None or self._is_whole(equation) or equation.op.name == "matmul"


def definition_text(equation: Equation, argument: str) -> str:
    """Return the definition of an elementwise composite in terms of its argument: ``max(0, sum)`` for relu; empty if it has none."""
    definition = getattr(equation.op, "definition", None)
    if definition is None or len(equation.inputs) != 1 or not is_elementwise(equation):
        return ""
    program = expand(trace(lambda x: definition(x, **equation.attributes), "f64[]"))
    program.inputs[0].value.name = argument
    recording = Recording(program, {program.inputs[0].name: np.asarray(0.5)})
    reading = Inside(Expressions(recording, Units(program, 0, {})), recording, {})
    reading._names[program.inputs[0].value] = argument
    return symbolic(reading.calculation(Element(program.outputs[0].value, ())))


def whole_formula(equation: Equation, expressions: Expressions) -> str:
    """Return the formula of an equation with the names of its operands, and without the axes of a reduction."""
    return _AXES.sub("", show_formula(equation, map(expressions.symbol, equation.inputs)))


def _is_literal(equation: Equation) -> bool:
    return equation.op.name in ("constant", "dimension") and not equation.outputs[0].type.shape


def _is_cast(equation: Equation) -> bool:
    return equation.op.name == "cast" and equation.inputs[0].type.dtype != "bool"


def _times(equation: Equation) -> Equation:
    from chainrule.ops import multiply

    return Equation(multiply, equation.inputs, equation.outputs, {}, equation.origins)


def _flat_sum(equation: Equation, operands: tuple[Node, ...], number: Number) -> Node:
    """Return a node; where something is added to a sum of many terms, it joins them."""
    if equation.op.name == "add":
        for position in (0, 1):
            one, other = operands[position], operands[1 - position]
            if isinstance(one, Total) and not isinstance(other, Total):
                return Total(f"{one.symbol} + {symbolic(other)}", one.terms, one.term, number, one.added_up, (*one.added, other))
    return Call(equation, operands, number)
