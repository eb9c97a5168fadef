"""One real training step, with every number of it: the training Program is run on a batch, and its equations are read.

A trace consists of *quantities*, the values that are shown as steps of their own, and each element of a quantity is an event: what was
computed, from which numbers, with what result. Nothing is computed a second time; sums list their terms.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property, partial
from typing import Any

import numpy as np

from chainrule.errors import OptionError, nearest
from chainrule.inspect.reading.expressions import Expressions
from chainrule.inspect.reading.notation import Node
from chainrule.inspect.reading.recording import Element, Index
from chainrule.inspect.reading.units import Units
from chainrule.inspect.step.events import SMALL, Circumstances, Group, Quantity, StepEvent
from chainrule.inspect.step.scalar import ScalarSum
from chainrule.inspect.step.sources import engine, exact
from chainrule.inspect.step.telling import Telling
from chainrule.ir import PHASES, Program, Value
from chainrule.training.state import State


class StepTrace:
    """A training step that was run with every value kept.

    Args:
        program: a training Program.
        state: the state before the step.
        batch: x, y and, if the Program has row weights, w, by the names of its inputs.
        input_names: names of the columns of x. ``output_names``: names of the outputs of the network (its classes).
        about: what is known besides the numbers.
        source: ``engine``, the numbers of the training step to the bit, or ``exact``, the same Program in float64 by the reference.
        backend: what the engine is; as of :func:`chainrule.training_step`.

    Attributes:
        source: where the numbers come from.

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
        source: str = "engine",
        backend: str = "auto",
    ) -> None:
        self.state, self.about = state, about or Circumstances()
        self._again = partial(StepTrace, program, state, batch, input_names=input_names, output_names=output_names, about=self.about)
        inputs = state.inputs(batch)
        self.source, self.recording = engine(program, inputs, backend) if source == "engine" else exact(program, inputs)
        program = self.program = self.recording.program
        self.prediction = prediction_of(program)
        names = {}
        xs = [port for port in program.by_role("x") if len(port.type.shape) > 1]
        if input_names is not None and len(xs) == 1:
            names[xs[0].value, len(xs[0].type.shape) - 1] = tuple(input_names)
        if output_names is not None and self.prediction is not None and len(output_names) > 1:
            names[self.prediction, len(self.prediction.type.shape) - 1] = tuple(output_names)
        self.units = Units(program, self.recording.rows, names)
        self.expressions = Expressions(self.recording, self.units)

    def _repr_html_(self) -> str:
        from chainrule.inspect.notebook import html_of  # which imports this module

        return html_of(self)

    @cached_property
    def exact(self) -> StepTrace:
        """The same step in float64 by the reference."""
        return self if self.source.name == "exact" else self._again(source="exact")

    @cached_property
    def largest_difference(self) -> tuple[str, float]:
        """Where the engine is furthest from the exact step: the parameter, and its gradient's largest difference as a share of the largest
        exact gradient; ``("", 0.0)`` where nothing is trained."""
        shares = {"": 0.0}
        for path in self.trainable:
            ours, theirs = self.gradient(path).astype(np.float64), self.exact.gradient(path)
            scale = float(np.abs(theirs).max(initial=0.0))
            shares[path] = float(np.abs(ours - theirs).max(initial=0.0)) / scale if scale else 0.0
        worst = max(shares, key=lambda path: shares[path])
        return worst, shares[worst]

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
        """The events of the step, a number each: all of a small network, else the ones that matter."""
        return list(self.iterate(everything=self.is_small))

    def all_events(self) -> list[StepEvent]:
        """Return an event for each number of the step, sums with all their terms."""
        return list(self.iterate(everything=True))

    @property
    def is_small(self) -> bool:
        """Whether all gradients and updates of the network are told."""
        return sum(self.value(path).size for path in self.trainable) <= SMALL

    def iterate(self, *, everything: bool = False, phases: Sequence[str] = PHASES, depth: str = "unit") -> Iterator[StepEvent]:
        """Yield events in the order of the step, each when it is asked for.

        Args:
            everything: each element of every gradient and update, and each term of every sum; otherwise all sums, activations and δ, with
                their largest terms, and the gradients and updates of the weights that matter most.
            phases: the phases to yield.
            depth: ``layer`` for whole arrays with their statistics, ``unit`` for the numbers of units and weights, ``scalar`` for the same
                with every product and the partial sums after it, in the engine's order.

        Raises:
            OptionError: there is no such depth.
        """
        return Telling(self).iterate(everything, phases, depth)

    def event(self, quantity: Quantity, index: Index, most_terms: int | None = None, *, partials: bool = False) -> StepEvent:
        """Return the event of one element; ``most_terms`` bounds how many terms of a sum are listed, ``partials`` asks for all of them,
        with the partial sums."""
        return Telling(self).event(quantity, index, most_terms, partials)

    def scalar(self, name: str, *index: int | str) -> ScalarSum:
        """Return how a number that is a sum was added up: ``trace.scalar("hidden_1.sum", 0, 3)``, row 0 of unit 3.

        Args:
            name: of a quantity: a sum, an output, a gradient (``d_hidden_1.weight``).
            index: the place in it, by names or numbers; the row of a batch of one may be left out.

        Raises:
            OptionError: there is no such quantity or place, or the number is no sum.
        """
        return Telling(self).scalar(name, index)

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

    @cached_property
    def expansions(self) -> tuple[Any, ...]:
        """The loss, and each composite of the forward pass, written out in primitives beside the fused rule; see :class:`Expansion`."""
        from chainrule.inspect.expansion.of_step import expansions  # which imports this module

        return tuple(expansions(self))

    def expanded(self, everything: bool = False) -> Any:
        """Return the expansions with what is told of them: the units that count most in the first row, or everything."""
        from chainrule.inspect.expansion.selection import Expanded, Selection  # which imports this module

        return Expanded(self.expansions, Selection(everything))

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

    def derive(self, path: str, *units: int | str, expand: bool = False) -> Any:
        """Return the chain rule of one weight: ``trace.derive("hidden_1.weight", "age", 3)``; see :class:`Derivation`.

        Args:
            path: a parameter.
            units: its input unit and its output unit, by name or number; for a bias its unit.
            expand: composites on the way (activations, the loss) are written out in primitives, too; see :class:`Expansion`.

        Raises:
            OptionError: as :meth:`find_weight`.
        """
        from chainrule.inspect.derivation.derive import derive  # which imports this module

        return derive(self, *self.find_weight(f"{path}[{','.join(map(str, units))}]"), expand=expand)

    def derive_named(self, weight: str, *, expand: bool = False) -> Any:
        """Return the chain rule of a weight by its name: ``trace.derive_named("hidden_1.weight[age,3]")``; see :meth:`derive`."""
        from chainrule.inspect.derivation.derive import derive  # which imports this module

        return derive(self, *self.find_weight(weight), expand=expand)

    def weight_json(self, derivation: Any) -> dict[str, Any]:
        """Return the chain rule of a weight as JSON-ready data, with the events of its update."""
        update = [self.event(quantity, place).to_json() for quantity, place in self.update(derivation.path, derivation.index)]
        return {**self._json_head(), **derivation.to_json(), "events": update}

    def to_json(
        self, *, everything: bool = False, phases: Sequence[str] = PHASES, depth: str = "unit", expand: bool = False
    ) -> dict[str, Any]:
        """Return the step as JSON-ready data; see :meth:`iterate`. All events of a small network are there, with ``expand`` the composites
        in primitives."""
        events = self.iterate(everything=everything or self.is_small, phases=phases, depth=depth)
        expansions = {"expansions": self.expanded(everything).to_json()} if expand else {}
        return {**self._json_head(), "depth": depth, "events": [event.to_json() for event in events], **expansions}

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
            "source": {"name": self.source.name, "runs": self.source.runs, "dtype": self.source.dtype},
            "exact": {
                "loss": self.exact.loss,
                "loss_difference": self.loss - self.exact.loss,
                "largest_gradient_difference": {"parameter": self.largest_difference[0], "share": self.largest_difference[1]},
            },
        }


def prediction_of(program: Program) -> Value | None:
    """Return the value of a training Program that the network hands to the loss: the last one of the forward phase that the loss reads."""
    forward = [value for equation in program.equations if equation.phase == "forward" for value in equation.outputs]
    read = {value for equation in program.equations if equation.phase == "loss" for value in equation.inputs}
    found = [value for value in forward if value in read and value.type.is_float and value.type.shape]
    return found[-1] if found else None


def units_of(value: Value) -> int:
    """Return the number of units along the last axis of a value that has rows, else 0."""
    last = value.type.shape[-1] if len(value.type.shape) > 1 else 0
    return last if isinstance(last, int) else 0


def _parent(path: str) -> str:
    return path.rpartition(".")[0]
