"""Composites written out as textbooks write them: each value, each local derivative, their product, and the fused rule beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from chainrule.inspect.expansion.algebra import product, total
from chainrule.inspect.expansion.region import Region, region
from chainrule.inspect.expansion.stages import SEED, Rule, Stage, Written, stages
from chainrule.inspect.expansion.textbook import TEXTBOOK
from chainrule.inspect.reading.expressions import Expressions, whole_formula
from chainrule.inspect.reading.notation import Leaf, Node, symbolic
from chainrule.inspect.reading.recording import Element, Index, Recording
from chainrule.ir import Equation, Program, Value
from chainrule.transforms import expand, reverse

MOST_TERMS = 8
"""So many terms of a derivative's sum over paths are written, the largest ones."""

TOLERANCE = {"float64": 1e-12, "float32": 1e-5}
"""How far the two ways may be apart, relative to the largest number, for the float type of the fused one."""


@dataclass(frozen=True)
class Told:
    """A number with its calculation, which is a leaf of its own name where it is made of whole rows."""

    name: str
    node: Node


@dataclass(frozen=True)
class Compared:
    """One derivative both ways: as the product of the local derivatives, and by the fused rule."""

    name: str
    primitives: float
    fused: float

    @property
    def difference(self) -> float:
        """By how much the first is larger."""
        return self.primitives - self.fused

    def to_json(self) -> dict[str, Any]:
        """Return the two as JSON-ready data."""
        return {"name": self.name, "primitives": self.primitives, "fused": self.fused, "difference": self.difference}


@dataclass(frozen=True)
class Fused:
    """What the engine makes of it: by which value the derivatives are, the derivatives, their float type, whose they are, the rule."""

    slopes: Mapping[Value, np.ndarray]
    dtype: str
    whose: str
    formula: str


Shown = Callable[[Value, tuple[int, ...]], list[Index]]
"""The indices that are told of a value, whose array has that shape."""


class Expansion:
    """Some equations of a program written out, with the way back through them.

    Args:
        program: the program. ``equations``: those that are written out. ``output``: the value that they compute.
        outside: how the program's values are called. ``arrays``: what they are.
        cotangent: the derivative of the loss by the output.
        wrt: the values that the derivative is to be known by.
        fused: the same derivatives in the engine's way, or what the rule of the equations says unless given.
        layer: the layer that they belong to, empty for the loss. ``names_of``: the layer whose names go without its path.
    """

    def __init__(
        self,
        program: Program,
        equations: Sequence[Equation],
        output: Value,
        *,
        outside: Expressions,
        arrays: Mapping[Value, np.ndarray],
        cotangent: np.ndarray,
        wrt: Sequence[Value],
        fused: Fused | None = None,
        layer: str = "",
        names_of: str = "",
    ) -> None:
        self.part = region(program, equations, output)
        self.layer, self.names_of, self.outside, self.equations = layer, names_of or layer, outside, tuple(equations)
        written = expand(self.part.program, TEXTBOOK, whole=False)
        outer = dict(zip((port.value for port in (*written.inputs, *written.outputs)), self.part.outer, strict=True))
        self.recording = Recording(written, self.part.inputs(arrays))
        self.reading = Written(outside, self.recording, outer)
        self.inputs = [value for value, theirs in outer.items() if any(theirs is one for one in wrt)]
        self.output = written.outputs[0].value
        self.outer = outer
        self.stages = tuple(stages(self.reading, set(self.inputs)))
        self.slopes = self._slopes(cotangent.astype(np.float64))
        self.fused = fused or self._by_rule(self.part, wrt, arrays, cotangent)

    def _slopes(self, cotangent: np.ndarray) -> dict[Value, np.ndarray]:
        """Return the derivative of the loss by each value that is shown, by the chain rule through the stages."""
        slopes = {self.output: cotangent}
        for stage in reversed(self.stages):
            if stage.value in slopes:
                for source, slope in stage.cotangents(slopes[stage.value]).items():
                    slopes[source] = slopes[source] + slope if source in slopes else slope
        return slopes

    def _by_rule(self, part: Region, wrt: Sequence[Value], arrays: Mapping[Value, np.ndarray], cotangent: np.ndarray) -> Fused:
        names = [part.name_of(value) for value in wrt]
        backward = reverse(part.program, names, of="out", cotangent=SEED)
        recording = Recording(backward, part.inputs(arrays) | {SEED: cotangent.astype(np.float64)})
        outer = dict(zip((port.value for port in (*backward.inputs[:-1], backward.output("out"))), part.outer, strict=True))
        by = f"∂loss/∂{self.outside.symbol(part.outer[-1])}"
        rule = Rule(self.outside, recording, outer, backward.input(SEED).value, by)
        gradients = [backward.output(f"d_{name}").value for name in names]
        first = Element(gradients[0], tuple(0 for _ in recording.values[gradients[0]].shape))
        formula = symbolic(rule.node(first)) if len(names) == 1 and recording.values[gradients[0]].size else ""
        slopes = {value: recording.values[gradient] for value, gradient in zip(wrt, gradients, strict=True)}
        return Fused(slopes, "float64", "the fused rule", formula)

    # what it is

    @cached_property
    def title(self) -> str:
        """What is written out: ``cross_entropy(output.output, label y)``; empty where there is no composite."""
        composites = [e for e in self.equations if getattr(e.op, "definition", None) is not None and e.outputs[0].type.is_float]
        return ", ".join(dict.fromkeys(whole_formula(equation, self.outside) for equation in composites))

    @cached_property
    def inside(self) -> tuple[Expansion, ...]:
        """The composites that the written-out form is written in (softmax), each written out in its turn."""
        found = []
        for equation in self.recording.program.equations:
            active = [v for v in equation.inputs if v in self._active]
            output = equation.outputs[0]
            if getattr(equation.op, "definition", None) is None or not active or output not in self.slopes:
                continue
            inner = Expansion(
                self.recording.program,
                [equation],
                output,
                outside=self.reading,
                arrays=self.recording.values,
                cotangent=self.slopes[output],
                wrt=active,
                layer=self.layer,
                names_of=self.names_of,
            )
            found.append(inner)
        return tuple(found)

    @cached_property
    def _active(self) -> set[Value]:
        active = set(self.inputs)
        for equation in self.recording.program.equations:
            if not active.isdisjoint(equation.inputs):
                active.update(value for value in equation.outputs if value.type.is_float)
        return active

    # the numbers

    def definitions(self) -> Iterator[tuple[str, str]]:
        """Yield the name and the formula of each value, in symbols."""
        for stage in self.stages:
            index = tuple(0 for _ in self.recording.values[stage.value].shape)
            node = self.reading.calculation(Element(stage.value, index))
            equation = self.recording.definitions[stage.value]
            opaque = isinstance(node, Leaf) and node.element is not None and node.element.value is stage.value
            yield self.reading.symbol(stage.value), whole_formula(equation, self.reading) if opaque else symbolic(node)

    def forward(self, shown: Shown) -> Iterator[Told]:
        """Yield the values, each with its calculation."""
        for stage in self.stages:
            for index in shown(stage.value, self.recording.values[stage.value].shape):
                element = Element(stage.value, index)
                yield Told(self.reading.name(element), self.reading.calculation(element))

    def backward(self, shown: Shown) -> Iterator[tuple[list[Told], Told]]:
        """Yield for each value, last one first, the derivatives of what was made of it, and that of the loss: the sum of their products
        with the derivatives of the loss that are known already. Numbers that the loss does not depend on are left out."""
        values = [stage.value for stage in reversed(self.stages) if stage.value is not self.output]
        for value in (*values, *self.inputs):
            if value not in self.slopes:
                continue
            for index in shown(value, self.slopes[value].shape):
                if self.slopes[value][index] != 0:
                    yield self._back(value, index)

    def _back(self, value: Value, index: Index) -> tuple[list[Told], Told]:
        slope, name = float(self.slopes[value][index]), self.reading.name(Element(value, index))
        partials, terms, rest = [], [], slope
        for stage in self.stages:
            if value not in stage.sources or stage.value not in self.slopes:
                continue
            for place in self._readers(stage, value, index):
                found = stage.partial(place, value, index)
                above = self.reading.name(found.of)
                partials.append(Told(f"∂{above}/∂{name}", found.node))
                before = float(self.slopes[stage.value][place])
                known = Leaf("1", "1", 1.0) if stage.value is self.output and before == 1 else Leaf(f"∂loss/∂{above}", "", before)
                number = float(found.node.number)
                terms.append(product([known, Leaf(partials[-1].name, "", number)]))
                rest -= before * number
        if len(terms) > MOST_TERMS:
            order = sorted(range(len(terms)), key=lambda i: -abs(float(terms[i].number)))[:MOST_TERMS]
            rest = slope - sum(float(terms[i].number) for i in order)
            left = len(terms) - len(order)
            partials, terms = ([kept[i] for i in sorted(order)] for kept in (partials, terms))  # type: ignore[assignment] # of two types
            terms.append(Leaf(f"{left} smaller ones", "", rest))
        return partials, Told(f"∂loss/∂{name}", total(terms))

    def _readers(self, stage: Stage, source: Value, index: Index) -> list[Index]:
        """Return the elements of a stage's value that depend on one of a source and that the loss depends on, the largest 64."""
        slopes = self.slopes[stage.value]
        if stage.is_elementwise:
            return [index] if slopes[index] != 0 else []
        batched = slopes.ndim > 0 and slopes.shape[0] == self.slopes[source].shape[0] == self.recording.rows
        places = [place for place in np.ndindex(slopes.shape) if slopes[place] != 0 and (not batched or place[0] == index[0])]
        places = sorted(places, key=lambda place: -abs(float(slopes[place])))[:64]
        return sorted(place for place in places if stage.slopes(place, source)[index] != 0)

    def jacobians(self, row: int, most: int) -> Iterator[tuple[str, str, list[str], np.ndarray]]:
        """Yield for each value whose elements depend on several of a row its name, that of the row's value, the names of the places, and
        the matrix ∂value[j]/∂source[i] of a row, if it has no more than ``most`` columns."""
        for stage in self.stages:
            for source in stage.sources:
                shape = self.recording.values[stage.value].shape
                if stage.in_general(source) is None or shape[-1] > most or len(shape) != 2:
                    continue
                matrix = np.array([stage.slopes((row, j), source)[row] for j in range(shape[-1])])
                names = [self.reading.units.place(stage.value, (row, j))[-1] for j in range(shape[-1])]
                yield self.reading.symbol(stage.value), self.reading.symbol(source), names, matrix

    def in_general(self) -> Iterator[tuple[str, Node]]:
        """Yield the formulas of derivatives between the elements of a row: ∂p[j]/∂z[i]."""
        for stage in self.stages:
            for source in stage.sources:
                node = stage.in_general(source)
                if node is not None:
                    yield f"∂{self.reading.symbol(stage.value)}[j]/∂{self.reading.symbol(source)}[i]", node

    # both ways

    def compared(self, shown: Shown) -> list[Compared]:
        """Return the derivatives of the loss by the inputs, both ways."""
        rows = []
        for value in self.inputs:
            fused = self.fused.slopes[self.outer[value]]
            for index in shown(value, fused.shape):
                name = f"∂loss/∂{self.reading.name(Element(value, index))}"
                rows.append(Compared(name, float(self.slopes[value][index]), float(fused[index])))
        return rows

    @cached_property
    def largest_difference(self) -> float:
        """The largest difference of the two ways among all numbers of all rows; NaN where one of them is not finite."""
        pairs = [(self.slopes[value], self.fused.slopes[self.outer[value]].astype(np.float64)) for value in self.inputs]
        if not all(np.isfinite(ours).all() and np.isfinite(theirs).all() for ours, theirs in pairs):
            return float("nan")
        return max((float(np.abs(ours - theirs).max(initial=0.0)) for ours, theirs in pairs), default=0.0)

    @cached_property
    def scale(self) -> float:
        """The largest derivative, of the loss by what comes in and by what goes out."""
        arrays = [self.slopes[self.output], *(self.fused.slopes[self.outer[value]] for value in self.inputs)]
        return max(float(np.abs(array).max(initial=0.0)) for array in arrays)

    @property
    def is_equal(self) -> bool:
        """Whether the two ways come to the same numbers, but for rounding."""
        return bool(self.largest_difference <= TOLERANCE[self.fused.dtype] * max(self.scale, 1e-300))

    @property
    def verdict(self) -> str:
        """What the comparison says, in a sentence."""
        if np.isnan(self.largest_difference):
            return (
                "Written out like this it comes to no finite number here: an exponential overflows, or the logarithm of 0 is taken. "
                "The fused rule divides by nothing, and that is why the engine uses it."
            )
        numbers = sum(array.size for array in self.fused.slopes.values())
        both = f"the two ways to {f'these {numbers:,} numbers' if numbers > 1 else 'this number'}"
        if self.largest_difference == 0:
            return f"Equal: {both} agree to the last bit."
        apart = f"{self.largest_difference:.2g}".replace("-", "−")
        if self.is_equal:
            return f"Equal: {both} differ by {apart} at most, which is the rounding of {self.fused.dtype}."
        return f"Not equal: {both} differ by up to {apart}, which is more than the rounding of {self.fused.dtype}."

    def to_json(self, select: Callable[[Expansion], Shown]) -> dict[str, Any]:
        """Return the expansion as JSON-ready data; ``select`` says which of its elements are told."""
        shown = select(self)
        return {
            "layer": self.layer,
            "of": self.title,
            "definitions": [{"name": name, "formula": formula} for name, formula in self.definitions()],
            "values": [_told(told) for told in self.forward(shown)],
            "derivatives": [{**_told(whole), "local": [_told(part) for part in parts]} for parts, whole in self.backward(shown)],
            "compared": [both.to_json() for both in self.compared(shown)],
            "largest_difference": None if np.isnan(self.largest_difference) else self.largest_difference,
            "equal": self.is_equal,
            "verdict": self.verdict,
            "inside": [inner.to_json(select) for inner in self.inside],
        }


def _told(told: Told) -> dict[str, Any]:
    return {"name": told.name, "formula": symbolic(told.node, by_name=True), "value": float(told.node.number)}
