"""The Program of a sampled step: a training Program whose gradients, sums and δ are outputs too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from chainrule import ops
from chainrule.backends.reference import Reference
from chainrule.ir import B, Equation, Port, Program, Value
from chainrule.nn.activations import ACTIVATIONS
from chainrule.ops import trace
from chainrule.ops.composites import elu, leaky_relu
from chainrule.ops.primitive import Primitive
from chainrule.training.program import without_update
from chainrule.transforms import simplify

FLAT = 0.02
"""Where the slope of an activation is below this share of its steepest one, next to nothing comes through: tanh beyond ±2.65."""

_STEEPEST = {"sigmoid": 0.25}  # of the others it is near 1
_FAR = 32  # beyond ±32 an activation stays as flat or steep as it is there
_HALVINGS = 40
_ACTIVATIONS = {function.name for function in (*ACTIVATIONS.values(), elu, leaky_relu) if isinstance(function, Primitive)}


@dataclass(frozen=True)
class Activated:
    """An activation in the forward phase: its layer, its equation, and the cotangent of its operand, if there is one."""

    layer: str
    equation: Equation
    delta: Value | None

    @property
    def op(self) -> Primitive:
        """The activation function."""
        assert isinstance(self.equation.op, Primitive)
        return self.equation.op

    @property
    def ports(self) -> tuple[Port, Port]:
        """What it is applied to and what it gives, as ``sum.LAYER`` and ``result.LAYER``."""
        (z,), (out,) = self.equation.inputs, self.equation.outputs
        return Port(f"sum.{self.layer}", "statistic", z), Port(f"result.{self.layer}", "statistic", out)

    def flat(self, z: np.ndarray) -> np.ndarray:
        """Return where it is flat: its slope is below 2 % of its steepest one."""
        closed = np.zeros(z.shape, bool)
        for low, high in _flat_ranges(self.op, tuple(self.equation.attributes.items())):
            closed |= z <= high if low == -np.inf else (z >= low) & (z <= high)
        return closed


@lru_cache(64)
def _flat_ranges(op: Primitive, attributes: tuple[tuple[str, Any], ...]) -> list[tuple[float, float]]:
    """Return the ranges in which an activation is flat, found once: a comparison takes a tenth of the time of the slope."""

    def slope(z: Value, out: Value) -> Any:
        return op.vjp(ops.full(tuple(z.type.shape), 1.0, z.type.dtype), out, z, **dict(attributes))[0]

    derivative = Reference(trace(slope, "f64[B]", "f64[B]"))

    def flat(z: np.ndarray) -> np.ndarray:
        out = op.meaning(z, **dict(attributes))
        return np.asarray(np.abs(derivative({"z": z, "out": out})["out"]) < FLAT * _STEEPEST.get(op.name, 1.0))

    grid = np.linspace(-_FAR, _FAR, 64 * _FAR + 1)
    found = flat(grid)
    changes = np.flatnonzero(found[1:] != found[:-1])
    inside = np.where(found[changes], grid[changes], grid[changes + 1])  # flat; beside what is not
    outside = np.where(found[changes], grid[changes + 1], grid[changes])
    for _ in range(_HALVINGS):
        middle = (inside + outside) / 2
        closed = flat(middle)
        inside, outside = np.where(closed, middle, inside), np.where(closed, outside, middle)
    ends = [*([-np.inf] if found[0] else []), *inside.tolist(), *([np.inf] if found[-1] else [])]
    return list(zip(ends[::2], ends[1::2], strict=True))


@dataclass(frozen=True)
class Sampled:
    """A training Program that tells more.

    Attributes:
        program: the training Program, equation by equation, with outputs whose role is ``statistic``: ``gradient.PATH`` for each
            parameter, and for each hidden layer ``sum.LAYER`` (before the activation), ``result.LAYER`` and ``delta.LAYER`` (the
            derivative of the loss by the sum).
        parameters: the paths of the parameters that are trained. ``activations``: the activation of each hidden layer.
    """

    program: Program
    parameters: tuple[str, ...]
    activations: Mapping[str, Activated]


def sampled(training: Program) -> Sampled:
    """Return a training Program with further outputs."""
    gradients, activated = _gradients(training), activations(training)
    ports = [Port(f"gradient.{path}", "statistic", value) for path, value in gradients.items()]
    for layer, one in activated.items():
        ports += one.ports
        if one.delta is not None:
            ports.append(Port(f"delta.{layer}", "statistic", one.delta))
    return Sampled(replace(training, outputs=(*training.outputs, *ports)), tuple(gradients), activated)


def layers_program(training: Program) -> Program:
    """Return the Program of the hidden layers alone, in the forward phase of training: ``sum.LAYER`` and ``result.LAYER``."""
    needed = {port.name for port in without_update(training).inputs}
    outputs = tuple(port for one in activations(training).values() for port in one.ports)
    return simplify(Program(tuple(port for port in training.inputs if port.name in needed), training.equations, outputs))


def activations(training: Program) -> dict[str, Activated]:
    """Return the activations of the hidden layers, by layer: functions of [rows, units] in the forward phase, the last one of a layer."""
    found: dict[str, Activated] = {}
    for equation in training.equations:
        out = equation.outputs[0]
        if equation.phase == "forward" and equation.op.name in _ACTIVATIONS and len(out.type.shape) == 2 and out.type.shape[0] == B:
            layer = equation.layer or f"activation_{len(found) + 1}"
            found[layer] = Activated(layer, equation, _delta(training, out))
    return found


def _delta(training: Program, out: Value) -> Value | None:
    """Return the cotangent of what an activation is applied to: the last value that its derivative rule made, of its own type."""
    of_rule = (
        equation
        for equation in training.equations
        if any(origin.phase == "backward" and origin.source is out for origin in equation.origins)
    )
    deltas = [value for equation in of_rule for value in equation.outputs if value.type == out.type]
    return deltas[-1] if deltas else None


def _gradients(training: Program) -> dict[str, Value]:
    """Return the gradient of each parameter that is trained, by the name that the chain rule gave it."""
    trained = [port.name for port in training.outputs if port.role == "parameter"]
    paths = {f"d_{path}": path for path in trained}
    found: dict[str, Value] = {}
    for equation in training.equations:
        for value in equation.outputs:
            path = paths.get(value.name)
            if equation.phase == "backward" and path is not None and value.type == training.input(path).type:
                found[path] = value
    return {path: found[path] for path in trained if path in found}
