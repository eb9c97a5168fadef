"""The graph of the numbers between one weight and the loss, and the paths through it.

The local derivatives along the paths come from the derivative rules of the program's own operations, run on the numbers of the trace; the
derivative of the loss by the network's outputs comes from ``reverse`` on the loss phase. Nothing is known here of any layer or activation.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from chainrule.backends.reference import Reference
from chainrule.inspect.reading.notation import Leaf, symbolic
from chainrule.inspect.reading.recording import Element, Index, alone, is_elementwise
from chainrule.inspect.step.trace import StepTrace
from chainrule.ir import Equation, Port, Program, Value
from chainrule.ir.types import Type, broadcast
from chainrule.transforms import reverse

MOST_PATHS = 20_000
"""So many paths are all listed; of more, the :data:`RANKED` largest."""

RANKED = 1_000


@dataclass(frozen=True)
class Factor:
    """One factor of a path: the derivative of one number by the one before it on the way."""

    name: str
    value: float


@dataclass(frozen=True)
class Path:
    """One way from a weight to the loss: its factors from the loss back to the weight, and their product.

    ``units`` names the units on the way, from the weight to the output.
    """

    factors: tuple[Factor, ...]
    product: float
    units: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the path as JSON-ready data."""
        return {"factors": [{"name": f.name, "value": f.value} for f in self.factors], "product": self.product, "units": list(self.units)}


@dataclass(frozen=True)
class Edge:
    """How elements of one value depend on those of another: ``factors[i]`` is d ``after[i]`` / d ``before[i]`` (flat places)."""

    source: Value
    target: Value
    equations: tuple[tuple[Equation, int], ...]
    before: np.ndarray
    after: np.ndarray
    factors: np.ndarray


class Ways:
    """The graph of the numbers between one weight and the loss, and the paths through it.

    Args:
        trace: a traced step.
        start: a parameter. ``index``: the place of the weight in it.

    Attributes:
        total: d loss / d weight, summed over the paths. ``count``: the paths; ``nonzero``: those whose product is not 0.
        factors: the factors of all paths together. ``reused``: the multiplications where each sum of paths is made once and used again.
    """

    def __init__(self, trace: StepTrace, start: Value, index: Index) -> None:
        self.trace, self.recording = trace, trace.recording
        self.start = start
        self.origin = int(np.ravel_multi_index(index, self.recording.values[start].shape)) if index else 0
        self.ends = self._ends()
        self._named: dict[tuple[int, int, int], tuple[Factor | None, str | None]] = {}
        self.edges = self._follow()
        self._measure()

    # building

    def _ends(self) -> dict[Value, np.ndarray]:
        """Return d loss / d value for each value that the loss phase reads: the network's outputs, weights with a penalty."""
        own = self.trace.program
        loss_port = own.output("loss")
        equations = [equation for equation in own.equations if equation.phase == "loss"]
        defined = {value for equation in equations for value in equation.outputs}
        if loss_port.value not in defined:
            return {loss_port.value: np.ones((), np.float64)}
        read = dict.fromkeys(value for equation in equations for value in equation.inputs if value not in defined)
        needed = [e for e in own.equations if e.phase == "loss" or (e.outputs[0] in read and not e.inputs)]  # B and constants with it
        free = [value for value in read if value not in {v for e in needed for v in e.outputs}]
        inputs = tuple(Port(f"in{number}", "value", value) for number, value in enumerate(free))
        tail = Program(inputs, tuple(needed), (Port("loss", "loss", loss_port.value),))
        active = self._depends_on_parameters()
        wrt = [port.name for port in inputs if port.value.type.is_float and (port.value in active)]
        arrays = {port.name: self.recording.values[port.value] for port in inputs}
        results = Reference(reverse(tail, wrt))(arrays)
        return {port.value: results[f"d_{port.name}"].astype(np.float64) for port in inputs if port.name in wrt}

    def _depends_on_parameters(self) -> set[Value]:
        active = set(self.trace.parameters.values())
        for equation in self.trace.program.equations:
            if equation.phase == "forward" and any(value in active for value in equation.inputs):
                active.update(equation.outputs)
        return active

    def _follow(self) -> list[Edge]:
        """Return the edges that the weight's changes run along, in the order of the program."""
        reached: dict[Value, np.ndarray] = {self.start: np.array([self.origin])}
        edges: list[Edge] = []
        for equation in self.trace.program.equations:
            if equation.phase != "forward" or len(equation.outputs) != 1 or not equation.outputs[0].type.is_float:
                continue
            found: dict[Value, list[Edge]] = {}
            for number, value in enumerate(equation.inputs):
                if value in reached and value.type.is_float:
                    found.setdefault(value, []).append(self._edge(equation, number, reached[value]))
            merged = [_merge(parts) for parts in found.values()]
            edges += merged
            if merged:
                reached[equation.outputs[0]] = np.unique(np.concatenate([edge.after for edge in merged]))
        self.reached = reached
        return edges

    def _edge(self, equation: Equation, number: int, places: np.ndarray) -> Edge:
        source, target = equation.inputs[number], equation.outputs[0]
        shape, out_shape = self.recording.values[source].shape, self.recording.values[target].shape
        own = np.arange(math.prod(shape)).reshape(shape)
        moves = self.recording.moves(equation)
        if moves is not None:
            before_all = moves.reshape(-1) - sum(self.recording.values[value].size for value in equation.inputs[:number])
            after = np.flatnonzero(np.isin(before_all, places))
            before, factors = before_all[after], np.ones(len(after))
        elif equation.op.name == "sum":
            kept = tuple(1 if axis in equation.attributes["axes"] else size for axis, size in enumerate(shape))
            after_all = np.broadcast_to(np.arange(math.prod(out_shape)).reshape(kept), shape).reshape(-1)
            before, after, factors = places, after_all[places], np.ones(len(places))
        elif equation.op.name == "matmul" and len(shape) == 2 == len(self.recording.values[equation.inputs[1 - number]].shape):
            before, after, factors = self._product(equation, number, places)
        elif is_elementwise(equation):
            before_all = np.broadcast_to(own, out_shape).reshape(-1)
            after = np.flatnonzero(np.isin(before_all, places))
            before, factors = before_all[after], self._slopes(equation, number, out_shape).reshape(-1)[after]
        else:
            before, after, factors = self._rows(equation, number, places)
        return Edge(source, target, ((equation, number),), before, after, factors.astype(np.float64))

    def _product(self, equation: Equation, number: int, places: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        left, right = (self.recording.values[value].astype(np.float64) for value in equation.inputs)
        rows, columns = left.shape[0], right.shape[1]
        if number == 0:
            row, inner = np.divmod(places, left.shape[1])
            before = np.repeat(places, columns)
            after = (row[:, None] * columns + np.arange(columns)).reshape(-1)
            return before, after, right[inner].reshape(-1)
        inner, column = np.divmod(places, columns)
        before = np.repeat(places, rows)
        after = (np.arange(rows) * columns + column[:, None]).reshape(-1)
        return before, after, left[:, inner].T.reshape(-1)

    def _slopes(self, equation: Equation, number: int, shape: tuple[int, ...]) -> np.ndarray:
        """Return for each element of an elementwise result its derivative by the element of an operand that it was computed from."""
        wide = broadcast(*(value.type.shape for value in equation.inputs))
        spread = tuple(Value(Type(value.type.dtype, wide), value.name) for value in equation.inputs)
        program = alone(Equation(equation.op, spread, (Value(Type(equation.outputs[0].type.dtype, wide)),), equation.attributes))
        arrays = {str(i): np.broadcast_to(self.recording.values[value], shape) for i, value in enumerate(equation.inputs)}
        backward = reverse(program, [str(number)], of="out", cotangent="ct")
        dtype = equation.outputs[0].type.dtype
        slopes: np.ndarray = Reference(backward)(arrays | {"ct": np.ones(shape, dtype)})[f"d_{number}"]
        return slopes

    def _rows(self, equation: Equation, number: int, places: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the derivatives of any operation, one element of its result after the other."""
        backward = Reference(reverse(alone(equation), [str(number)], of="out", cotangent="ct"))
        arrays = {str(i): self.recording.values[value] for i, value in enumerate(equation.inputs)}
        out = self.recording.values[equation.outputs[0]]
        rows = []
        for place in range(out.size):
            cotangent = np.zeros(out.size, out.dtype)
            cotangent[place] = 1
            rows.append(backward(arrays | {"ct": cotangent.reshape(out.shape)})[f"d_{number}"].reshape(-1)[places])
        after, column = np.nonzero(np.array(rows))
        return places[column], after, np.array(rows)[after, column]

    # measuring

    def _measure(self) -> None:
        """From the loss back to the weight: the derivative by each number, the largest product of a path, the number of paths."""
        sizes = {value: self.recording.values[value].size for value in self.reached}
        self._slope = {value: np.zeros(size) for value, size in sizes.items()}
        self._best = {value: np.zeros(size) for value, size in sizes.items()}
        counts: dict[Value, Any] = {value: np.full(size, 0, dtype=object) for value, size in sizes.items()}  # Python's never overflow
        alive: dict[Value, Any] = {value: np.full(size, 0, dtype=object) for value, size in sizes.items()}
        for value, end in self.ends.items():
            if value in self.reached:
                flat = end.reshape(-1)
                self._slope[value] += flat
                self._best[value] = np.maximum(self._best[value], np.abs(flat))
                counts[value] += 1
                alive[value] += (flat != 0).astype(int)
        for edge in reversed(self.edges):
            np.add.at(self._slope[edge.source], edge.before, edge.factors * self._slope[edge.target][edge.after])
            np.maximum.at(self._best[edge.source], edge.before, np.abs(edge.factors) * self._best[edge.target][edge.after])
            np.add.at(counts[edge.source], edge.before, counts[edge.target][edge.after])
            np.add.at(alive[edge.source], edge.before, (edge.factors != 0).astype(int) * alive[edge.target][edge.after])
        multiplied: dict[Value, Any] = {value: np.full(size, 0, dtype=object) for value, size in sizes.items()}
        for value in self.ends:
            if value in self.reached:
                multiplied[value] += 1
        used = 0
        for edge in reversed(self.edges):
            times = int(self._multiplies(edge))
            np.add.at(multiplied[edge.source], edge.before, multiplied[edge.target][edge.after] + times * counts[edge.target][edge.after])
            used += times * len(edge.before)
        self.factors = int(multiplied[self.start][self.origin])
        self.reused = used
        self.total = float(self._slope[self.start][self.origin])
        self.count = int(counts[self.start][self.origin])
        self.nonzero = int(alive[self.start][self.origin])

    def slope(self, value: Value) -> np.ndarray:
        """Return d loss / d value for the elements that the weight reaches, summed over paths."""
        return self._slope[value].reshape(self.recording.values[value].shape)

    # enumerating

    @cached_property
    def _outgoing(self) -> dict[Value, list[tuple[Edge, np.ndarray, np.ndarray]]]:
        outgoing: dict[Value, list[tuple[Edge, np.ndarray, np.ndarray]]] = {}
        for edge in self.edges:
            order = np.argsort(edge.before, kind="stable")
            outgoing.setdefault(edge.source, []).append((edge, order, edge.before[order]))
        return outgoing

    def _steps(self, value: Value, place: int) -> Iterator[tuple[Edge, int, float]]:
        for edge, order, before in self._outgoing.get(value, ()):
            for i in order[np.searchsorted(before, place) : np.searchsorted(before, place, "right")]:
                if edge.factors[i]:
                    yield edge, int(edge.after[i]), float(edge.factors[i])

    def paths(self) -> list[Path]:
        """Return the paths whose product is not 0, largest first: all of them up to :data:`MOST_PATHS`, else the largest."""
        limit = self.nonzero if self.nonzero <= MOST_PATHS else RANKED
        # Best first: a way begun waits with the largest product that any continuation of it has, so ways end in the order of products.
        tick = 0
        waiting: list[tuple[float, int, Value | None, int, tuple[Any, ...], float]] = []
        heapq.heappush(waiting, (-float(self._best[self.start][self.origin]), tick, self.start, self.origin, (), 1.0))
        found: list[Path] = []
        while waiting and len(found) < limit:
            _, _, value, place, trail, product = heapq.heappop(waiting)
            if value is None:
                found.append(self._path(trail))
                continue
            if value in self.ends and (end := float(self.ends[value].reshape(-1)[place])):
                tick += 1
                heapq.heappush(waiting, (-abs(product * end), tick, None, 0, (trail, (None, value, place, place, end)), product * end))
            for edge, after, factor in self._steps(value, place):
                best = abs(product * factor) * float(self._best[edge.target][after])
                if best or self._best[edge.target][after]:
                    tick += 1
                    step = (edge, value, place, after, factor)
                    heapq.heappush(waiting, (-best, tick, edge.target, after, (trail, step), product * factor))
        return sorted(found, key=lambda path: -abs(path.product))

    def _path(self, trail: tuple[Any, ...]) -> Path:
        factors: list[Factor] = []
        units: list[str] = []
        while trail:
            trail, (edge, value, before, after, factor) = trail
            key = id(value if edge is None else edge), before, after
            if key not in self._named:
                self._named[key] = self._said(edge, value, before, after, factor)
            found, unit = self._named[key]
            factors += [found] if found else []
            units += [unit] if unit is not None else []
        return Path(tuple(factors), math.prod(factor.value for factor in factors), tuple(reversed(units)))

    # names

    def _said(self, edge: Edge | None, value: Value, before: int, after: int, number: float) -> tuple[Factor | None, str | None]:
        """Return the factor of one step of a path, and the unit that the step leads to, if it is one from units to units."""
        if edge is None:
            return Factor(f"∂loss/∂{self._name(value, before)}", number), None
        name = self._factor_name(edge, before, after)
        unit = self._unit(edge.target, after) if self._is_product(edge) else None
        return None if name is None else Factor(name, number), unit

    def _name(self, value: Value, place: int) -> str:
        return self.trace.expressions.name(self._element(value, place))

    def _element(self, value: Value, place: int) -> Element:
        return Element(value, tuple(int(i) for i in np.unravel_index(place, self.recording.values[value].shape)))

    def _unit(self, value: Value, place: int) -> str:
        words = self.trace.units.place(value, self._element(value, place).index)
        return ",".join(words)

    def _multiplies(self, edge: Edge) -> bool:
        """Return whether an edge's factor is a number to multiply by, and not 1 whatever the numbers."""
        equation, number = edge.equations[0]
        op = equation.op.name
        one = self.recording.moves(equation) is not None or op in ("add", "sum", "cast") or (op == "subtract" and number == 0)
        return len(edge.equations) > 1 or not one

    @staticmethod
    def _is_product(edge: Edge) -> bool:
        return any(equation.op.name == "matmul" for equation, _ in edge.equations)

    def _factor_name(self, edge: Edge, before: int, after: int) -> str | None:
        """Name a factor by where it comes from; ``None`` for factors that are 1 whatever the numbers."""
        equation, number = edge.equations[0]
        op = equation.op.name
        if len(edge.equations) > 1:
            return f"∂{self._name(edge.target, after)}/∂{self._name(edge.source, before)}"
        if not self._multiplies(edge):
            return None
        if op == "matmul":
            return self._weight_name(equation, number, before, after)
        if not is_elementwise(equation):
            return f"∂{self._name(edge.target, after)}/∂{self._name(edge.source, before)}"
        index = self._element(edge.target, after).index
        if op == "multiply":
            return self._operand_name(equation, 1 - number, index)
        if op == "where":
            return self._operand_name(equation, 0, index)
        operand = self._operand_name(equation, number, index)
        return f"{op}'({operand})" if len(equation.inputs) == 1 else f"∂{self._name(edge.target, after)}/∂{operand}"

    def _operand_name(self, equation: Equation, number: int, index: Index) -> str:
        return self._term_name(self.recording.operand_of(equation, number, index))

    def _term_name(self, element: Element) -> str:
        node = self.trace.expressions.node(element)
        return node.name if isinstance(node, Leaf) else symbolic(node)

    def _weight_name(self, equation: Equation, number: int, before: int, after: int) -> str:
        left, right = equation.inputs
        a, b = self._element(equation.inputs[number], before).index, self._element(equation.outputs[0], after).index
        other = Element(right, (*a[:-2], a[-1], b[-1])) if number == 0 else Element(left, (*a[:-2], b[-2], a[-2]))
        return self._term_name(other)


def _merge(edges: list[Edge]) -> Edge:
    """Join the edges of an operand that stands in several places of one equation: x·x has the derivative x + x."""
    if len(edges) == 1:
        return edges[0]
    numbers: dict[tuple[int, int], float] = {}
    for edge in edges:
        for before, after, factor in zip(edge.before.tolist(), edge.after.tolist(), edge.factors.tolist(), strict=True):
            numbers[before, after] = numbers.get((before, after), 0.0) + factor
    places = np.array(list(numbers), dtype=int).reshape(-1, 2)
    equations = tuple(pair for edge in edges for pair in edge.equations)
    return Edge(edges[0].source, edges[0].target, equations, places[:, 0], places[:, 1], np.array(list(numbers.values())))
