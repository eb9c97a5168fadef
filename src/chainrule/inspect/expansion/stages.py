"""A part of a program written out: the values that a reader is to see, and the derivative of each by those that it is made of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from chainrule.backends.reference import Reference
from chainrule.inspect.expansion.algebra import IsSeed, reduced
from chainrule.inspect.expansion.region import region
from chainrule.inspect.reading.expressions import Expressions, Inside
from chainrule.inspect.reading.notation import Call, Leaf, Node
from chainrule.inspect.reading.recording import Element, Index, Recording, is_elementwise
from chainrule.ir import Program, Value
from chainrule.transforms import reverse

SEED = "seed"


class Written(Inside):
    """Expressions in which every value that has a name is shown as a step of its own, and every result of a composite."""

    def _decide(self, value: Value) -> bool:
        equation = self.recording.definitions.get(value)
        named = bool(value.name) or self._is_output(value) or value in self._outer
        return super()._decide(value) or named or getattr(equation.op if equation else None, "definition", None) is not None


@dataclass(frozen=True)
class Partial:
    """The derivative of one number by another: of element ``of`` by element ``by``."""

    of: Element
    by: Element
    node: Node


class Stage:
    """One value that is shown, and its derivatives by the values that it is made of.

    Args:
        reading: the expressions of the program that it is a value of. ``value``: the value.
        active: the values that the derivative is to be known by, and all that depend on them.
    """

    def __init__(self, reading: Written, value: Value, active: set[Value]) -> None:
        self.reading, self.value = reading, value
        program = reading.recording.program
        definitions = reading.recording.definitions
        inside, waiting = [definitions[value]], [definitions[value]]
        while waiting:
            for operand in waiting.pop().inputs:
                equation = definitions.get(operand)
                if equation is not None and not reading.stands_alone(operand) and equation not in inside:
                    inside.append(equation)
                    waiting.append(equation)
        self.region = region(program, inside, value)
        self.sources = tuple(source for source in self.region.outer[:-1] if source in active)
        self._names = [self.region.name_of(source) for source in self.sources]
        self._arrays = self.region.inputs(reading.recording.values)
        self._known: dict[Index, Recording] = {}

    @cached_property
    def backward(self) -> Program:
        """The derivative: the cotangent of the value, ``seed`` → ``d_NAME`` by each source."""
        return reverse(self.region.program, self._names, of="out", cotangent=SEED)

    def cotangents(self, cotangent: np.ndarray) -> dict[Value, np.ndarray]:
        """Return the cotangent of each source, from that of the value."""
        if not self.sources:
            return {}
        results = Reference(self.backward)(self._arrays | {SEED: cotangent})
        return {source: results[f"d_{name}"] for source, name in zip(self.sources, self._names, strict=True)}

    def slopes(self, index: Index, source: Value) -> np.ndarray:
        """Return the derivatives of one element of the value by all elements of a source."""
        return self._at(index).outputs[f"d_{self._names[self.sources.index(source)]}"]

    def partial(self, index: Index, source: Value, place: Index) -> Partial:
        """Return the derivative of one element of the value by one of a source, as its rule calculates it."""
        rule, gradient = self._rule(index, source)
        node = reduced(rule.node(Element(gradient, place)), rule.is_seed)
        return Partial(Element(self.value, index), Element(source, place), node)

    @cached_property
    def is_elementwise(self) -> bool:
        """Return whether each element of the value depends on the same element of each source."""
        shape = self.reading.recording.values[self.value].shape
        same = all(self.reading.recording.values[source].shape == shape for source in self.sources)
        return same and all(not e.inputs or is_elementwise(e) for e in self.region.program.equations)

    def in_general(self, source: Value) -> Node | None:
        """Return ∂value[j]/∂source[i] for any i and j, where elements of rows depend on each other; ``None`` for other stages."""
        shape = self.reading.recording.values[self.value].shape
        wide = len(shape) > 1 and shape[-1] > 1 and self.reading.recording.values[source].shape == shape
        if not wide or self.is_elementwise:
            return None
        i, j = (*(0 for _ in shape[1:]), 0), (*(0 for _ in shape[1:]), 1)
        rule, gradient = self._rule(j, source)
        if not self.slopes(j, source)[i]:
            return None
        own = lambda leaf: leaf.element is not None and leaf.element.index == i  # noqa: E731 - an argument
        node = reduced(rule.node(Element(gradient, i)), rule.is_seed, own)
        return _with_letters(node, shape[-1], rule.is_seed)

    def _rule(self, index: Index, source: Value) -> tuple[Rule, Value]:
        recording = self._at(index)
        inner = {port.value: value for port, value in zip(recording.program.inputs, self.region.outer[:-1], strict=False)}
        inner[recording.program.output("out").value] = self.value
        gradient = recording.program.output(f"d_{self._names[self.sources.index(source)]}").value
        return Rule(self.reading, recording, inner, recording.program.input(SEED).value), gradient

    def _at(self, index: Index) -> Recording:
        if index not in self._known:
            cotangent = np.zeros(self.reading.recording.values[self.value].shape)
            cotangent[index] = 1.0
            self._known[index] = Recording(self.backward, self._arrays | {SEED: cotangent})
        return self._known[index]


class Rule(Inside):
    """Expressions of a derivative rule; the values of the program that it belongs to stand alone."""

    def __init__(
        self, outside: Expressions, recording: Recording, outer: Mapping[Value, Value], seed: Value, seed_name: str = SEED
    ) -> None:
        super().__init__(outside, recording, outer)
        self.seed, self.seed_name = seed, seed_name

    def _symbol(self, value: Value) -> str:
        return self.seed_name if self._root(value) is self.seed else super()._symbol(value)

    def _decide(self, value: Value) -> bool:
        return value in self._outer or super()._decide(value)

    def is_seed(self, leaf: Leaf) -> bool:
        """Return whether a number is one of the cotangent, or as plainly 0 or 1 as these."""
        if leaf.element is None:
            return False
        equation = self.recording.definitions.get(leaf.element.value)
        return leaf.element.value is self.seed or (equation is not None and equation.op.name == "one_hot")


def _with_letters(node: Node, width: int, is_seed: IsSeed) -> Node:
    """Return a calculation of ∂value[1]/∂source[0] with the letters j and i in place of 1 and 0."""
    if isinstance(node, Call):
        return replace(node, operands=tuple(_with_letters(part, width, is_seed) for part in node.operands))
    if not isinstance(node, Leaf) or node.element is None:
        return node
    if is_seed(node):
        return replace(node, name="[i = j]")
    shape, index = node.element.value.type.shape, node.element.index
    letter = f"[{'ij'[index[-1]]}]" if shape and shape[-1] == width else ""
    return replace(node, name=f"{node.symbol}{letter}")


def stages(reading: Written, wrt: set[Value]) -> Iterator[Stage]:
    """Yield the stages of a program that depend on the values ``wrt``, in its order."""
    active = set(wrt)
    for equation in reading.recording.program.equations:
        value = equation.outputs[0]
        if not value.type.is_float or active.isdisjoint(equation.inputs):
            continue
        active.add(value)
        if reading.stands_alone(value):
            yield Stage(reading, value, active)
