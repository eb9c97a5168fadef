"""The words and rows in which a step is written: what quantities are called, which units and terms are shown."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from functools import cached_property

import numpy as np

from chainrule.inspect.layout import FORMULA, RESULT, Row
from chainrule.inspect.reading.expressions import definition_text, whole_formula
from chainrule.inspect.reading.notation import Call, Leaf, Node, Numbers, Total, numeric, symbolic
from chainrule.inspect.reading.recording import Index, Number
from chainrule.inspect.step.events import Group, Quantity
from chainrule.inspect.step.telling import largest_terms
from chainrule.inspect.step.trace import StepTrace
from chainrule.ir import Value

DIGITS = 6
FEW_LINES = 60  # a layer whose sums take no more is shown as a whole
SHOWN_UNITS, SHOWN_INPUTS = 3, 2
FEW_TERMS, SHOWN_TERMS = 8, 5


class Wording:
    """What a step's quantities are called, and the rows of their calculations.

    Args:
        trace: the step.
        digits: significant digits of each number.
        everything: every unit and every term, in place of those that matter most.
        partials: every term of the sums that are shown, with the partial sum after it.
    """

    def __init__(self, trace: StepTrace, *, digits: int = DIGITS, everything: bool = False, partials: bool = False) -> None:
        self.trace, self.numbers, self.everything, self.partials = trace, Numbers(digits), everything, partials

    def show(self, number: Number | str, result: float | None = None) -> str:
        """Write a number, with enough decimals for ``result``, which is a sum or difference of it."""
        return self.numbers.show(number, 0 if result is None else self.numbers.needed(result))

    def numeric(self, node: Node) -> str:
        """Write a calculation in numbers."""
        return numeric(node, self.numbers)

    def label(self, quantity: Quantity) -> str:
        """Return what a quantity is called inside of its layer: ``sum``, ``output``, ``δ``."""
        if quantity.phase == "backward" and quantity.value in self.deltas:
            return "δ"
        return self.short(quantity.name, quantity.layer)

    def short(self, text: str, layer: str) -> str:
        """Write a formula inside of a layer: its own names without the path, derivatives as ∂loss/∂name."""
        for delta, own in self.deltas.items():
            name = self.trace.expressions.symbol(delta)
            text = re.sub(rf"(?<![\w.]){re.escape(name)}(?![A-Za-z0-9_.])", "δ" if own == layer else f"(δ of {own})" if own else "δ", text)
        text = re.sub(r"(?<![\w.])d_(?=[A-Za-z])", "∂loss/∂", text)
        return re.sub(rf"(?<![\w.]){re.escape(layer)}\.", "", text) if layer else text

    @cached_property
    def deltas(self) -> dict[Value, str]:
        """The derivatives by the sums of units, the layers' products of matrices, and the layer of each."""
        layers = {quantity.value: quantity.layer for quantity in self.trace.quantities}
        sums = [q.value for q in self.trace.quantities if q.phase == "forward" and (self.is_sum(q) or self.is_product(q))]
        found = (self.trace.cotangent(value) for value in sums)
        return {value: layers.get(value, "") for value in found if value is not None}

    def is_product(self, quantity: Quantity) -> bool:
        """Return whether a quantity is a product of matrices of a single input, with or without a bias."""
        equation = self.trace.recording.definitions[quantity.value]
        sources = [self.trace.recording.definitions.get(value) for value in equation.inputs]
        has_product = any(source is not None and source.op.name == "matmul" for source in (equation, *sources))
        return has_product and equation.op.name in ("matmul", "add")

    def is_sum(self, quantity: Quantity) -> bool:
        """Return whether a quantity is a sum of terms, each element of it."""
        value = self.trace.recording.values[quantity.value]
        return value.size > 0 and isinstance(self.trace.calculation(quantity, self.first(quantity)), Total)

    def is_whole(self, quantity: Quantity) -> bool:
        """Return whether a quantity is made of whole rows (softmax, one-hot); its numbers stand in the formulas that read it."""
        return self.is_opaque(quantity, self.trace.calculation(quantity, self.first(quantity)))

    @staticmethod
    def is_opaque(quantity: Quantity, node: Node) -> bool:
        """Return whether a calculation is only the quantity itself: its equation makes it of whole rows."""
        return isinstance(node, Leaf) and node.element is not None and node.element.value is quantity.value

    def first(self, quantity: Quantity) -> Index:
        """Return the first index of a quantity."""
        return tuple(0 for _ in self.trace.recording.values[quantity.value].shape)

    def places(self, quantity: Quantity, unit: int) -> list[Index]:
        """Return the indices of a unit, one for each row."""
        shape = self.trace.recording.values[quantity.value].shape
        return [(*outer, unit) for outer in np.ndindex(shape[:-1])]

    def formula_row(self, quantity: Quantity) -> Row:
        """Return the formula of a quantity in symbols, with the definition of an activation."""
        equation = self.trace.recording.definitions[quantity.value]
        node = self.trace.calculation(quantity, self.first(quantity))
        formula = whole_formula(equation, self.trace.expressions) if self.is_opaque(quantity, node) else symbolic(node)
        formula = self.short(formula, quantity.layer)
        name = self.label(quantity)
        if isinstance(node, Call) and len(node.operands) == 1 and isinstance(node.operands[0], Leaf):
            meaning = definition_text(node.equation, self.short(node.operands[0].symbol, quantity.layer))
            formula += f" = {meaning}" if meaning else ""
        return Row(name, f"= {formula}" if name != formula else "", "", style=FORMULA)

    def rows(self, quantity: Quantity, index: Index, label: str) -> list[Row]:
        """Return the rows of one element: its terms if it is a sum, and its result."""
        node = self.trace.calculation(quantity, index)
        result = self.show(node.number)
        if isinstance(node, Total):
            return [*self.term_rows(node), Row(label, "", result, style=RESULT)]
        if isinstance(node, Leaf):
            return [Row(label, "" if self.is_opaque(quantity, node) else self.short(node.symbol, quantity.layer), result, style=RESULT)]
        return [Row(label, self.numeric(node), result, style=RESULT)]

    def term_rows(self, total: Total) -> list[Row]:
        """Return the terms of a sum: the largest ones, what the others add up to, and what joins them."""
        if self.partials:
            return self._added_up(total)
        nonzero = int(np.count_nonzero(total.terms))
        result = float(total.number)
        chosen = largest_terms(total, self.most(total))
        rows = []
        for i in chosen:
            rows.append(self._term_row(total, i))
        if not self.everything and len(chosen) < nonzero:
            rest = float(np.delete(total.terms, chosen).sum())
            rows.append(Row(f"{nonzero - len(chosen)} smaller terms", "", self.show(rest, result)))
        if not self.everything and nonzero < len(total.terms):
            zeros = len(total.terms) - nonzero
            rows.append(Row(f"{zeros} term{'s' * (zeros > 1)} of 0", "", "0"))
        return rows + [Row(_last_word(symbolic(part)), "", self.show(part.number, result)) for part in total.added]

    def _term_row(self, total: Total, i: int) -> Row:
        factors, number = total.term(i), self.show(float(total.terms[i]), float(total.number))
        if len(factors) == 2:
            return Row(_place_of(factors), "", number, tuple(self.show(part.number) for part in factors))
        return Row(self.short(symbolic(factors[0], by_name=True), ""), "", number)

    def _added_up(self, total: Total) -> list[Row]:
        """Return every term of a sum in the engine's order, with the partial sum after it."""
        added, result = total.added_up(), float(total.number)
        rows = [replace(self._term_row(total, i), partial=self.show(sum, result)) for i, sum in enumerate(added.partials)]
        if added.lanes > 1:
            rows.append(Row(f"{added.lanes} lanes joined", "", self.show(added.result, result)))
        return rows + [Row(_last_word(symbolic(part)), "", self.show(part.number, result)) for part in total.added]

    def most(self, total: Total) -> int | None:
        """Return how many terms of a sum are written."""
        return None if self.everything else FEW_TERMS if np.count_nonzero(total.terms) <= FEW_TERMS else SHOWN_TERMS

    def shown_units(self, group: Group) -> list[int]:
        """Return the units of a layer that are written out: all of a small layer, or those that matter most."""
        width = group[1]
        if self.everything or width * (1 + min(self.depth(group), FEW_TERMS)) <= FEW_LINES:
            return list(range(width))
        return sorted(int(unit) for unit in self.trace.ranking(group)[:SHOWN_UNITS])

    def depth(self, group: Group) -> int:
        """Return how many terms the sums of a layer have, the largest number of them that is not 0."""
        depth = 0
        for quantity in self.trace.groups("forward").get(group, []):
            places = list(self.trace.indices(quantity))[: group[1]] if self.is_sum(quantity) else []
            nodes = (self.trace.calculation(quantity, place) for place in places)
            depth = max([depth, *(int(np.count_nonzero(node.terms)) for node in nodes if isinstance(node, Total))])
        return depth

    @cached_property
    def chosen(self) -> dict[str, list[Index]]:
        """The weights of each parameter whose gradients are written out."""
        return self.trace.chosen_parameters(units=SHOWN_UNITS, inputs=SHOWN_INPUTS)


def _place_of(factors: Iterable[Node]) -> str:
    """Name a term of a sum: the unit that it comes from."""
    first = next(iter(factors))
    if isinstance(first, Leaf):
        name = first.name
        place = name.removeprefix(f"{first.symbol}[").removesuffix("]") if name.startswith(f"{first.symbol}[") else name
        return f"unit {place}" if place.isdigit() else place
    return symbolic(first)


def _last_word(text: str) -> str:
    return text.rpartition(".")[2] or text
