"""A step told as events, at the depth that is asked for: each is made when it is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from chainrule.errors import OptionError, nearest
from chainrule.inspect.reading.expressions import whole_formula
from chainrule.inspect.reading.notation import Call, Leaf, Node, Total, leaves, operand_name, symbolic
from chainrule.inspect.reading.recording import Element, Index
from chainrule.inspect.step.events import DEPTHS, MOST_TERMS, Operand, Quantity, StepEvent
from chainrule.inspect.step.scalar import ScalarSum
from chainrule.inspect.step.tensors import Tensor
from chainrule.ir import Batch, Value
from chainrule.words import setting

if TYPE_CHECKING:
    from chainrule.inspect.step.trace import StepTrace


class Telling:
    """Tells a traced step."""

    def __init__(self, trace: StepTrace) -> None:
        self.trace, self.recording, self.expressions = trace, trace.recording, trace.expressions

    def iterate(self, everything: bool, phases: Sequence[str], depth: str) -> Iterator[StepEvent]:
        """Return the events; see :meth:`StepTrace.iterate`."""
        if depth not in DEPTHS:
            raise OptionError(f"{setting('depth', depth)}: there are {', '.join(DEPTHS)}.{nearest(depth, DEPTHS)}")
        return self._arrays(phases) if depth == "layer" else self._numbers(everything, phases, depth == "scalar")

    def _numbers(self, everything: bool, phases: Sequence[str], partials: bool) -> Iterator[StepEvent]:
        if "forward" in phases:
            yield from self.trace.about.inputs
        chosen = None if everything else self.trace.chosen_parameters()
        for quantity in self.trace.quantities:
            if quantity.phase in phases:
                picked = self.trace.indices(quantity) if chosen is None or not quantity.path else chosen.get(quantity.path, ())
                for index in picked:
                    if len(index) == len(quantity.value.type.shape):
                        yield self.event(quantity, index, None if everything else MOST_TERMS, partials)

    # whole arrays

    def _arrays(self, phases: Sequence[str]) -> Iterator[StepEvent]:
        return (self.array(quantity) for quantity in self.trace.quantities if quantity.phase in phases)

    def array(self, quantity: Quantity) -> StepEvent:
        """Return the event of a quantity as a whole; its operands are the arrays that it was computed from."""
        operation, read = self.formula(quantity)
        operands = tuple(Operand(self.expressions.symbol(value), self._measured(value)) for value in read)
        return StepEvent(quantity.phase, quantity.layer, None, operation, operands, self._measured(quantity.value), quantity.name)

    def _measured(self, value: Value) -> Tensor | float | int | bool:
        array = self.recording.values[value]
        return Tensor.of(array) if array.ndim else self.recording.number(Element(value, ()))

    def formula(self, quantity: Quantity) -> tuple[str, tuple[Value, ...]]:
        """Return what a quantity is in symbols, and the values that it is made of."""
        equation = self.recording.definitions[quantity.value]
        shape = self.recording.values[quantity.value].shape
        if 0 in shape:
            return self.expressions.symbol(quantity.value), ()
        node = self.trace.calculation(quantity, tuple(0 for _ in shape))
        if isinstance(node, Leaf) and node.element is not None and node.element.value is quantity.value:
            return whole_formula(equation, self.expressions), equation.inputs
        return symbolic(node), tuple(dict.fromkeys(leaf.element.value for leaf in _read(node) if leaf.element is not None))

    # single numbers

    def scalar(self, name: str, index: Sequence[int | str]) -> ScalarSum:
        """Return how a number was added up; see :meth:`StepTrace.scalar`."""
        found = [quantity for quantity in self.trace.quantities if quantity.name == name]
        if not found:
            known = [quantity.name for quantity in self.trace.quantities]
            raise OptionError(f"the step has no quantity '{name}'.{nearest(name, known)} `chainrule step --depth layer` lists them.")
        quantity = found[0]
        axes = quantity.value.type.shape
        alone = self.recording.rows == 1 and len(index) == len(axes) - 1 and bool(axes) and isinstance(axes[0], Batch)
        place = self.trace.units.find_place(name, quantity.value, self.recording.rows, [*([0] if alone else []), *index])
        node = self.trace.calculation(quantity, place)
        if not isinstance(node, Total):
            raise OptionError(f"{self.expressions.name(Element(quantity.value, place))} is no sum: it is {symbolic(node)}.")
        return ScalarSum(self.expressions.name(Element(quantity.value, place)), node, self.recording.values[quantity.value].dtype.name)

    def event(self, quantity: Quantity, index: Index, most_terms: int | None, partials: bool) -> StepEvent:
        """Return the event of one element; see :meth:`StepTrace.event`."""
        element = Element(quantity.value, index)
        node = self.expressions.calculation(element)
        equation = self.recording.definitions[quantity.value]
        whole = isinstance(node, Leaf) and node.element == element
        operation = whole_formula(equation, self.expressions) if whole else symbolic(node)
        if partials and isinstance(node, Total):
            added = ScalarSum(self.expressions.name(element), node, self.recording.values[quantity.value].dtype.name)
            operands = list(added.operands())
        else:
            operands = self._row_of(equation.inputs, index) if whole else self._operands(node, most_terms)
        place = self.trace.units.place(quantity.value, index)
        unit: str | int | None = ",".join(place) or None
        if quantity.path:
            unit = f"{quantity.path.removeprefix(f'{quantity.layer}.')}[{','.join(place)}]"
        elif isinstance(unit, str) and unit.isdigit():
            unit = int(unit)
        number = self.recording.number(element)
        return StepEvent(quantity.phase, quantity.layer, unit, operation, tuple(operands), number, self.expressions.name(element))

    def _operands(self, node: Node, most_terms: int | None) -> list[Operand]:
        if isinstance(node, Total):
            return [*self._terms(node, most_terms), *(_operand(part) for part in node.added)]
        if isinstance(node, Call):
            totals = [part for part in _parts(node) if isinstance(part, Total)]
            return [_operand(leaf) for leaf in leaves(node)] + [Operand(total.symbol, total.number) for total in totals]
        return [_operand(node)]

    def _terms(self, total: Total, most: int | None) -> list[Operand]:
        shown = largest_terms(total, most)
        operands = []
        for i in shown:
            factors = tuple(_operand(part) for part in total.term(i))
            one = len(factors) == 1
            operands.append(factors[0] if one else Operand(" · ".join(f.name for f in factors), float(total.terms[i]), factors))
        if len(shown) < len(total.terms):
            rest = np.delete(total.terms, shown)
            operands.append(Operand(f"{len(rest)} more terms", float(rest.sum())))
        return operands

    def _row_of(self, operands: Sequence[Value], index: Index) -> list[Operand]:
        """Return the elements of the operands of a whole-row operation: of each the row that the result is in."""
        found = []
        for value in operands:
            batched = bool(value.type.shape) and isinstance(value.type.shape[0], Batch) and bool(index)
            shape = self.recording.values[value].shape
            rows = [(index[0], *rest) for rest in np.ndindex(shape[1:])] if batched else list(np.ndindex(shape))
            found += [_operand(self.expressions.node(Element(value, row))) for row in rows[:1_000]]
        return found


def largest_terms(total: Total, most: int | None) -> list[int]:
    """Return which terms of a sum are listed: all, or the largest ones in their order, without those that are 0."""
    if most is None:
        return list(range(len(total.terms)))
    order = np.argsort(-np.abs(total.terms), kind="stable")[:most]
    return sorted(int(i) for i in order if total.terms[i] != 0)


def _parts(node: Node) -> list[Node]:
    if isinstance(node, Call):
        return [node, *(part for operand in node.operands for part in _parts(operand))]
    return [node]


def _read(node: Node) -> Iterator[Leaf]:
    """Yield the leaves of a node, of sums those of the first term."""
    if isinstance(node, Leaf):
        yield node
    elif isinstance(node, Total):
        for part in (*(node.term(0) if len(node.terms) else ()), *node.added):
            yield from _read(part)
    else:
        for part in node.operands:
            yield from _read(part)


def _operand(node: Node) -> Operand:
    return Operand(operand_name(node), node.number)
