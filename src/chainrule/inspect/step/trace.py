"""One real training step, with every number of it: the training Program is run on a batch, and its equations are read.

A trace consists of *quantities*, the values that are shown as steps of their own, and each element of a quantity is an event: what was
computed, from which numbers, with what result. Nothing is computed a second time; sums list their terms.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from chainrule.errors import OptionError, nearest
from chainrule.inspect.reading.expressions import Expressions, whole_formula
from chainrule.inspect.reading.notation import Call, Leaf, Node, Total, leaves, symbolic
from chainrule.inspect.reading.recording import Element, Index, Recording
from chainrule.inspect.reading.units import Units
from chainrule.inspect.step.events import MOST_TERMS, SMALL, Circumstances, Group, Operand, Quantity, StepEvent
from chainrule.ir import PHASES, Batch, Program, Value
from chainrule.training.state import State


class StepTrace:
    """A training step that was run with every value kept.

    Args:
        program: a training Program.
        state: the state before the step.
        batch: x, y and, if the Program has row weights, w, by the names of its inputs.
        input_names: names of the columns of x. ``output_names``: names of the outputs of the network (its classes).
        about: what is known besides the numbers.

    Raises:
        TypeRuleError: the batch has other types than the Program needs.
    """

    def __init__(
        self,
        program: Program,
        state: State,
        batch: Mapping[str, np.ndarray],
        *,
        input_names: Sequence[str] | None = None,
        output_names: Sequence[str] | None = None,
        about: Circumstances | None = None,
    ) -> None:
        self.program, self.state, self.about = program, state, about or Circumstances()
        self.recording = Recording(program, state.inputs(batch))
        self.prediction = prediction_of(program)
        names = {}
        xs = [port for port in program.by_role("x") if len(port.type.shape) > 1]
        if input_names is not None and len(xs) == 1:
            names[xs[0].value, len(xs[0].type.shape) - 1] = tuple(input_names)
        if output_names is not None and self.prediction is not None and len(output_names) > 1:
            names[self.prediction, len(self.prediction.type.shape) - 1] = tuple(output_names)
        self.units = Units(program, self.recording.rows, names)
        self.expressions = Expressions(self.recording, self.units)

    # numbers

    @property
    def loss(self) -> float:
        """The loss of the batch, before the update."""
        return float(self.recording.outputs["loss"])

    @cached_property
    def parameters(self) -> dict[str, Value]:
        """The parameters by path, those that stand still too."""
        return {port.name: port.value for port in self.program.by_role("parameter")}

    @cached_property
    def trainable(self) -> tuple[str, ...]:
        """The paths of the parameters that the step changes."""
        return tuple(port.name for port in self.program.outputs if port.role == "parameter")

    def value(self, path: str) -> np.ndarray:
        """Return a parameter before the step."""
        return self.recording.values[self.parameters[path]]

    def updated(self, path: str) -> np.ndarray:
        """Return a parameter after the step."""
        return self.recording.outputs[path]

    def gradient(self, path: str) -> np.ndarray:
        """Return the gradient of the loss by a parameter that is trained, as the step computed it."""
        found = self.cotangent(self.parameters[path])
        if found is None:
            raise OptionError(f"{path} has no gradient in this step.")
        return self.recording.values[found]

    # the program's values

    @cached_property
    def _by_name(self) -> dict[str, list[Value]]:
        found: dict[str, list[Value]] = {}
        for equation in self.program.equations:
            if equation.phase == "backward":
                for value in equation.outputs:
                    found.setdefault(value.name, []).append(value)
        return found

    def cotangent(self, value: Value) -> Value | None:
        """Return the value of the backward phase that is d loss / d ``value``, or ``None`` if the step did not compute it.

        Where a value is only added to something, the derivative is that of the sum, and the step computes it once.
        """
        named = [found for found in self._by_name.get(f"d_{value.name}", ()) if found.type == value.type] if value.name else []
        if named:
            return named[0]
        readers = [reader for reader in self.recording.users.get(value, ()) if reader.phase in ("forward", "loss")]
        if len(readers) != 1 or readers[0].op.name not in ("add", "subtract") or readers[0].outputs[0].type != value.type:
            return None
        passes_on = readers[0].op.name == "add" or readers[0].inputs[0] is value
        return self.cotangent(readers[0].outputs[0]) if passes_on and readers[0].inputs.count(value) == 1 else None

    @cached_property
    def quantities(self) -> tuple[Quantity, ...]:
        """The values that are shown as steps of their own, phase by phase in the order of the program."""
        shown: dict[str, list[Quantity]] = {phase: [] for phase in PHASES}
        layers = self._layers_of_cotangents()
        gradients = {found: path for path in self.trainable if (found := self.cotangent(self.parameters[path])) is not None}
        for equation in self.program.equations:
            for value in equation.outputs:
                if not self.expressions.stands_alone(value):
                    continue
                layer, path = equation.layer, ""
                if equation.phase == "backward":
                    path = gradients.get(value, "")
                    layer = _parent(path) if path else layers.get(value, layer)
                elif equation.phase == "update" and layer in self.parameters:
                    layer, path = _parent(layer), layer
                shown[equation.phase].append(Quantity(value, self.expressions.symbol(value), equation.phase, layer, path))
        return tuple(quantity for phase in PHASES for quantity in shown[phase])

    def _layers_of_cotangents(self) -> dict[Value, str]:
        """Return for each derivative the layer of the value that it is the derivative by."""
        layers: dict[Value, str] = {}
        for equation in self.program.equations:
            if equation.phase in ("forward", "loss"):
                for value in equation.outputs:
                    if (found := self.cotangent(value)) is not None:
                        layers.setdefault(found, equation.layer)
        return layers

    def groups(self, phase: str) -> dict[Group, list[Quantity]]:
        """Return the quantities of a phase by layer and number of units, in the order in which the phase comes to the layers.

        A layer's parameters belong to its units where their last axis has as many places. What is not of units has the number 0.
        """
        found: dict[Group, list[Quantity]] = {}
        for quantity in self.quantities:
            if quantity.phase == phase:
                found.setdefault(self._group(quantity), []).append(quantity)
        return found

    def _group(self, quantity: Quantity) -> Group:
        shape = quantity.value.type.shape
        width = units_of(quantity.value)
        if quantity.path:
            last = shape[-1] if shape else 0
            width = last if isinstance(last, int) and (quantity.layer, last) in self._unit_groups else 0
        return quantity.layer, width

    @cached_property
    def _unit_groups(self) -> set[Group]:
        forward = (equation for equation in self.program.equations if equation.phase == "forward")
        return {(equation.layer, units_of(value)) for equation in forward for value in equation.outputs}

    def indices(self, quantity: Quantity) -> Iterator[Index]:
        """Yield the index of each element of a quantity."""
        return iter(np.ndindex(self.recording.values[quantity.value].shape))

    def calculation(self, quantity: Quantity, index: Index) -> Node:
        """Return how an element was calculated."""
        return self.expressions.calculation(Element(quantity.value, index))

    # which units matter

    def ranking(self, group: Group) -> np.ndarray:
        """Return the units of a layer, first those that matter most for the loss of this step: by \\|output · d loss / d output\\|, in the
        last layer by \\|d loss / d output\\|."""
        layer, width = group
        for equation in reversed(self.program.equations):
            value = equation.outputs[0]
            if equation.phase != "forward" or equation.layer != layer or units_of(value) != width:
                continue
            if (found := self.cotangent(value)) is not None:
                output = self.recording.values[value].astype(np.float64).reshape(-1, width)
                slope = self.recording.values[found].astype(np.float64).reshape(-1, width)
                return np.argsort(-np.abs(slope if value is self.prediction else output * slope).sum(0), kind="stable")
        return np.arange(width)

    def group_of(self, path: str) -> Group:
        """Return the layer of a parameter and the number of units that its last axis belongs to, 0 if to none."""
        return self._group(Quantity(self.parameters[path], path, "backward", _parent(path), path))

    # events

    @property
    def events(self) -> list[StepEvent]:
        """The events of the step: those of :meth:`all_events` for a small network, else the ones that matter."""
        return list(self.iterate(everything=sum(self.value(path).size for path in self.trainable) <= SMALL))

    def all_events(self) -> list[StepEvent]:
        """Return an event for each number of the step, sums with all their terms."""
        return list(self.iterate(everything=True))

    def iterate(self, *, everything: bool = False, phases: Sequence[str] = PHASES) -> Iterator[StepEvent]:
        """Yield events in the order of the step.

        Args:
            everything: each element of every gradient and update, and each term of every sum; otherwise all sums, activations and δ, with
                their largest terms, and the gradients and updates of the weights that matter most.
            phases: the phases to yield.
        """
        if "forward" in phases:
            yield from self.about.inputs
        chosen = None if everything else self.chosen_parameters()
        for quantity in self.quantities:
            if quantity.phase in phases:
                picked = self.indices(quantity) if chosen is None or not quantity.path else chosen.get(quantity.path, ())
                for index in picked:
                    if len(index) == len(quantity.value.type.shape):
                        yield self.event(quantity, index, None if everything else MOST_TERMS)

    def chosen_parameters(self, units: int = 4, inputs: int = 3) -> dict[str, list[Index]]:
        """Return for each trained parameter the indices that matter: for the units that matter most, the largest gradients."""
        chosen: dict[str, list[Index]] = {}
        for path in self.trainable:
            gradient = np.abs(self.gradient(path).astype(np.float64))
            group = self.group_of(path)
            top = sorted(int(unit) for unit in self.ranking(group)[:units])
            best: list[Index]
            if gradient.ndim == 2 and group[1]:
                best = [(int(i), unit) for unit in top for i in np.argsort(-gradient[:, unit], kind="stable")[:inputs]]
            elif gradient.ndim == 1 and group[1]:
                best = [(unit,) for unit in top]
            else:
                flat = np.argsort(-gradient, axis=None, kind="stable")[: units * inputs]
                best = [tuple(map(int, np.unravel_index(place, gradient.shape))) for place in flat]
            chosen[path] = best
        return chosen

    def event(self, quantity: Quantity, index: Index, most_terms: int | None = None) -> StepEvent:
        """Return the event of one element; ``most_terms`` bounds how many terms of a sum are listed."""
        element = Element(quantity.value, index)
        node = self.expressions.calculation(element)
        equation = self.recording.definitions[quantity.value]
        whole = isinstance(node, Leaf) and node.element == element
        operation = whole_formula(equation, self.expressions) if whole else symbolic(node)
        operands = self._row_of(equation.inputs, index) if whole else self._operands(node, most_terms)
        place = self.units.place(quantity.value, index)
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

    # one parameter

    def find_weight(self, text: str) -> tuple[str, Index]:
        """Return the path and index that a text such as ``hidden_1.weight[age,3]`` names.

        Raises:
            OptionError: there is no such parameter or unit, or it is not trained; the message has the nearest name.
        """
        path, bracket, rest = text.strip().partition("[")
        path = path.strip()
        if path not in self.parameters:
            known = ", ".join(self.parameters)
            raise OptionError(f"there is no parameter '{path}'; there are {known}.{nearest(path, self.parameters)}")
        if bracket and not rest.rstrip().endswith("]"):
            raise OptionError(f"'{text}' lacks the closing bracket: {path}[…].")
        index = self.units.find_element(path, self.parameters[path], rest.rstrip().removesuffix("]") if bracket else "")
        if path not in self.trainable:
            raise OptionError(f"{path} is frozen: the step has no gradient for it and leaves it as it is.")
        return path, index

    def parameter_name(self, path: str, index: Index) -> str:
        """Return the name of one weight: ``hidden_1.weight[age,3]``."""
        return self.expressions.name(Element(self.parameters[path], index))

    def update(self, path: str, index: Index) -> list[tuple[Quantity, Index]]:
        """Return the steps of the update of one weight, those that all weights share first."""
        steps = []
        for quantity in self.quantities:
            shape = self.recording.values[quantity.value].shape
            if quantity.phase == "update" and quantity.path in ("", path) and len(shape) in (0, len(index)):
                steps.append((quantity, index if shape else ()))
        return [(quantity, place) for quantity, place in steps if quantity.path == path or not place]

    def derive(self, path: str, *units: int | str) -> Any:
        """Return the chain rule of one weight: ``trace.derive("hidden_1.weight", "age", 3)``; see :class:`Derivation`.

        Args:
            path: a parameter.
            units: its input unit and its output unit, by name or number; for a bias its unit.

        Raises:
            OptionError: as :meth:`find_weight`.
        """
        from chainrule.inspect.derivation.derive import derive  # which imports this module

        return derive(self, *self.find_weight(f"{path}[{','.join(map(str, units))}]"))

    def derive_named(self, weight: str) -> Any:
        """Return the chain rule of a weight by its name: ``trace.derive_named("hidden_1.weight[age,3]")``; see :meth:`derive`."""
        from chainrule.inspect.derivation.derive import derive  # which imports this module

        return derive(self, *self.find_weight(weight))

    def weight_json(self, derivation: Any) -> dict[str, Any]:
        """Return the chain rule of a weight as JSON-ready data, with the events of its update."""
        update = [self.event(quantity, place).to_json() for quantity, place in self.update(derivation.path, derivation.index)]
        return {**self._json_head(), **derivation.to_json(), "events": update}

    def to_json(self, *, everything: bool = False, phases: Sequence[str] = PHASES) -> dict[str, Any]:
        """Return the step as JSON-ready data; see :meth:`iterate`. All events of a small network are there."""
        everything |= sum(self.value(path).size for path in self.trainable) <= SMALL
        return {**self._json_head(), "events": [event.to_json() for event in self.iterate(everything=everything, phases=phases)]}

    def _json_head(self) -> dict[str, Any]:
        about, answer = self.about, self.about.answer
        rows = [] if answer is None or answer.probabilities is None else [("probabilities", answer.probabilities)]
        return {
            "format": 1,
            "row": about.row,
            "at": about.at,
            "optimizer": about.rule,
            "loss": self.loss,
            "prediction": None if answer is None else answer.prediction,
            "truth": None if answer is None else answer.truth,
            **dict(rows),
            "epoch": self.state.epoch,
            "updates": self.state.count,
            "batch_size": about.batch_size,
        }


def prediction_of(program: Program) -> Value | None:
    """Return the value of a training Program that the network hands to the loss: the last one of the forward phase that the loss reads."""
    forward = [value for equation in program.equations if equation.phase == "forward" for value in equation.outputs]
    read = {value for equation in program.equations if equation.phase == "loss" for value in equation.inputs}
    found = [value for value in forward if value in read and value.type.is_float and value.type.shape]
    return found[-1] if found else None


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


def _operand(node: Node) -> Operand:
    if isinstance(node, Leaf):
        return Operand(node.name, node.number)
    return Operand(symbolic(node), node.number)


def units_of(value: Value) -> int:
    """Return the number of units along the last axis of a value that has rows, else 0."""
    last = value.type.shape[-1] if len(value.type.shape) > 1 else 0
    return last if isinstance(last, int) else 0


def _parent(path: str) -> str:
    return path.rpartition(".")[0]
