"""The small networks of the exercises, and their real training steps in float64: done right, and with a slip made by the engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import Any

import numpy as np

from chainrule import losses, nn, ops, optim
from chainrule.inspect import StepTrace, trace_training_step
from chainrule.inspect.reading.recording import Recording
from chainrule.ir import Equation, Program, Value
from chainrule.learn.rewiring import rewire
from chainrule.nn.activations import leaky_relu
from chainrule.training.state import State
from chainrule.training.step import TrainingStep, training_step

SLOPE = 0.1
"""The slope of the leaky ReLU below 0: short, so that its derivative is short."""

_ACTIVATIONS: dict[str, Any] = {"leaky_relu": partial(leaky_relu, slope=SLOPE)}


def _opposite(loss: Callable[..., Any]) -> Callable[..., Any]:
    return lambda prediction, target: ops.negative(loss(prediction, target))


def _without_half(prediction: Any, target: Any) -> Any:
    return 2.0 * losses.half_squared_error(prediction, target)


def _half_absolute(prediction: Any, target: Any) -> Any:
    return 0.5 * ops.sum(ops.abs(prediction - target))


def _complement(prediction: Any, target: Any) -> Any:
    """−log(1 − p) of the true class: the probability that it is another one."""
    return ops.mean(ops.negative(ops.log(1.0 - ops.pick(ops.softmax(prediction), target))))


def _common_logarithm(prediction: Any, target: Any) -> Any:
    return losses.cross_entropy(prediction, target) / np.log(10.0)


LOSSES: dict[str, Callable[..., Any]] = {
    **losses.LOSSES,
    "mse without the mean": partial(losses.mse, reduction="sum"),
    "half_squared_error without the half": _without_half,
    "half_squared_error without the square": _half_absolute,
    "opposite of cross_entropy": _opposite(losses.cross_entropy),
    "cross_entropy of the complement": _complement,
    "cross_entropy by the common logarithm": _common_logarithm,
}
"""The losses of the library by name, and those that a slip makes of them."""


@dataclass(frozen=True)
class Shape:
    """What a small network is made of; ``sizes`` are its inputs, hidden units (0 without a hidden layer) and outputs."""

    sizes: tuple[int, int, int]
    hidden: str = "identity"
    output: str = "identity"
    loss: str = "half_squared_error"


@lru_cache(maxsize=64)
def step_of(shape: Shape) -> TrainingStep:
    """Return the training step of a small network, with gradient descent; it is traced once."""
    inputs, hidden, outputs = shape.sizes
    layers = {"output": nn.Dense(hidden or inputs, outputs, _ACTIVATIONS.get(shape.output, shape.output))}
    if hidden:
        layers = {"hidden": nn.Dense(inputs, hidden, _ACTIVATIONS.get(shape.hidden, shape.hidden)), **layers}
    target = "i64[B]" if "cross_entropy" in shape.loss else None
    return training_step(nn.Sequential(layers), LOSSES[shape.loss], optim.sgd(1.0), y=target, dtype="float64", backend="reference")


@dataclass(frozen=True)
class Names:
    """The values of a small network's training Program by name; the same ones for all numbers that it is run on."""

    program: Program
    forward: Mapping[str, Value]
    cotangents: Mapping[str, Value]

    def __getitem__(self, name: str) -> Value:
        """Return a value: ``hidden.sum`` and ``d_hidden.sum``, ``error``, ``loss``, a path, or ``new hidden.weight``."""
        if name.startswith("new "):
            return self.program.output(name.removeprefix("new ")).value
        return self.cotangents[name.removeprefix("d_")] if name.startswith("d_") else self.forward[name]


@lru_cache(maxsize=64)
def names_of(shape: Shape) -> Names:
    """Return the names of a network's values; a linear layer's sum is its output."""
    step = step_of(shape)
    x, y = (np.zeros((1, shape.sizes[0])), np.zeros((1, shape.sizes[2])))
    trace = trace_training_step(step, step.init(), (x, np.zeros(1, np.int64) if step.signature.y.dtype == "int64" else y))
    forward = {port.name: port.value for port in step.program.inputs}
    forward |= {value.name: value for e in step.program.equations if e.phase in ("forward", "loss") for value in e.outputs if value.name}
    for layer in ("hidden", "output"):
        if f"{layer}.output" in forward:
            forward.setdefault(f"{layer}.sum", forward[f"{layer}.output"])
    cotangents = {name: found for name, value in forward.items() if (found := trace.cotangent(value)) is not None}
    return Names(step.program, forward, cotangents)


@dataclass(frozen=True)
class Change:
    """What is done otherwise when a slip is made: the step is run with it, and gives the number that the slip leads to.

    Attributes:
        wires: for a value, by name, the name of the value that is read in its place, or the array.
        of: the value, by name, whose equation and whose derivative read otherwise; if empty, all equations of ``phases`` do.
        phases: the phases that read otherwise.
        loss: another loss. ``inputs``: other inputs, by name.
    """

    wires: Mapping[str, str | np.ndarray] = field(default_factory=dict)
    of: str = ""
    phases: tuple[str, ...] = ("backward", "update")
    loss: str = ""
    inputs: Mapping[str, float | np.ndarray] = field(default_factory=dict)


class Numbers:
    """The numbers of one step, by the names of :class:`Names`."""

    def __init__(self, names: Names, recording: Recording, wires: Mapping[Value, Value]) -> None:
        self._names, self._recording, self._wires = names, recording, wires

    def __getitem__(self, name: str) -> np.ndarray:
        value = self._names[name]
        return self._recording.values[self._wires.get(value, value)]

    def at(self, name: str, *index: int) -> float:
        """Return one number: ``numbers.at("d_hidden.sum", 0, 1)``."""
        return float(self[name][index])

    @property
    def updated(self) -> dict[str, np.ndarray]:
        """The parameters after the step, by path."""
        return {port.name: self._recording.outputs[port.name] for port in self._names.program.outputs if port.role == "parameter"}


@dataclass(frozen=True)
class Problem:
    """A small network with its numbers: parameters by path, rows, targets and the learning rate."""

    shape: Shape
    params: Mapping[str, np.ndarray]
    x: np.ndarray
    y: np.ndarray
    lr: float = 0.5

    def _state(self, step: TrainingStep) -> State:
        state = step.init(params=self.params)
        state.hyper["lr"] = self.lr
        return state

    def trace(self) -> StepTrace:
        """Return the step, done right, with every number of it."""
        step = step_of(self.shape)
        return trace_training_step(step, self._state(step), (self.x, self.y))

    def run(self, change: Change | None = None) -> Numbers:
        """Return the numbers of the step: done right, or with a change."""
        change = change or Change()
        shape = Shape(self.shape.sizes, self.shape.hidden, self.shape.output, change.loss or self.shape.loss)
        names, step = names_of(shape), step_of(shape)
        inputs = self._state(step).inputs(step.batch((self.x, self.y)))
        inputs |= {name: np.asarray(value, inputs[name].dtype) for name, value in change.inputs.items()}
        if not change.wires:
            return Numbers(names, Recording(names.program, inputs), {})
        kinds = tuple((name, other if isinstance(other, str) else None) for name, other in change.wires.items())
        program, wires = _slipped(shape, kinds, change.of, change.phases)
        arrays = [np.asarray(other, np.float64) for other in change.wires.values() if not isinstance(other, str)]
        inputs |= {f"wire_{number}": array for number, array in enumerate(arrays, 1)}
        return Numbers(names, Recording(program, inputs), {} if change.of else wires)

    def after(self, change: Change | None = None) -> float:
        """Return the loss after the step: its new parameters are used in a further forward pass."""
        moved = Problem(self.shape, self.run(change).updated, self.x, self.y, self.lr)
        return float(moved.run()["loss"])


@lru_cache(maxsize=512)
def _slipped(
    shape: Shape, kinds: tuple[tuple[str, str | None], ...], of: str, phases: tuple[str, ...]
) -> tuple[Program, dict[Value, Value]]:
    """Return a network's Program with wires put elsewhere, and the wires; ``None`` stands for an array, which becomes an input."""
    names = names_of(shape)
    wires = {names[name]: names[other] if other else Value(names[name].type, f"another {name}") for name, other in kinds}
    source = names[of] if of else None

    def reads(equation: Equation) -> bool:
        if source is None:
            return equation.phase in phases
        return source in equation.outputs or any(origin.source is source for origin in equation.origins)

    return rewire(names.program, wires, reads), wires
