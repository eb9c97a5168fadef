"""The Program of a sampled step: a training Program whose gradients, sums and δ are outputs too, with the loss after the update."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from chainrule import ops
from chainrule.ir import B, Equation, Port, Program, Value
from chainrule.nn.activations import ACTIVATIONS
from chainrule.ops import scope, trace
from chainrule.ops.composites import elu, leaky_relu
from chainrule.ops.primitive import Primitive
from chainrule.training.program import without_update
from chainrule.transforms import simplify

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


@dataclass(frozen=True)
class Sampled:
    """A training Program that tells more.

    Attributes:
        program: the outputs of the training Program, then ``sampled.loss`` (after the update), ``gradient.PATH`` for each parameter,
            ``sum.LAYER`` (before the activation), ``result.LAYER``, ``slope.LAYER`` (the activation's derivative there) and
            ``delta.LAYER`` (the derivative of the loss by the sum) for each hidden layer.
        parameters: the paths of the parameters that are trained. ``activations``: the activation of each hidden layer.
    """

    program: Program
    parameters: tuple[str, ...]
    activations: Mapping[str, str]


def sampled(training: Program) -> Sampled:
    """Return a training Program with further outputs; the step itself is written as it was."""
    gradients, activated, loss = _gradients(training), activations(training), without_update(training)

    def whole(*arguments: Any) -> dict[str, Any]:
        env: dict[Value, Any] = {}
        outputs = dict(zip((port.name for port in training.outputs), ops.inline(training, arguments, env), strict=True))
        after = {port.name: outputs.get(port.name, given) for port, given in zip(training.inputs, arguments, strict=True)}
        found = {f"gradient.{path}": env[value] for path, value in gradients.items()}
        for layer, one in activated.items():
            found |= _around(one, env)
            if one.delta is not None:
                found[f"delta.{layer}"] = env[one.delta]
        with scope(phase="update"):
            found["sampled.loss"] = ops.inline(loss, [after[port.name] for port in loss.inputs])[0]
        return outputs | found

    program = trace(whole, *(port.type for port in training.inputs))
    roles = {port.name: port.role for port in training.outputs}
    inputs = tuple(replace(old, value=new.value) for old, new in zip(training.inputs, program.inputs, strict=True))
    for port in inputs:
        port.value.name = port.name
    ports = tuple(Port(port.name, roles.get(port.name, "statistic"), port.value) for port in program.outputs)
    return Sampled(simplify(Program(inputs, program.equations, ports)), tuple(gradients), {a: one.op.name for a, one in activated.items()})


def slopes_program(training: Program) -> Program:
    """Return the Program of the hidden layers alone, in the forward phase of training: ``sum.LAYER``, ``result.LAYER``, ``slope.LAYER``."""
    activated, loss = activations(training), without_update(training)

    def around(*arguments: Any) -> dict[str, Any]:
        env: dict[Value, Any] = {}
        ops.inline(training, arguments, env)
        return {name: value for one in activated.values() for name, value in _around(one, env).items()}

    program = trace(around, *(port.type for port in training.inputs))
    ports = tuple(replace(old, value=new.value) for old, new in zip(training.inputs, program.inputs, strict=True))
    needed = {port.name for port in loss.inputs}
    whole = simplify(Program(ports, program.equations, program.outputs))
    return Program(tuple(port for port in whole.inputs if port.name in needed), whole.equations, whole.outputs)


def _around(one: Activated, env: Mapping[Value, Any]) -> dict[str, Any]:
    """Return what an activation is applied to, what it gives, and its derivative there."""
    z, out = env[one.equation.inputs[0]], env[one.equation.outputs[0]]
    with scope(phase="update"):
        slope = one.op.vjp(ops.full(tuple(z.shape), 1.0, str(z.dtype)), out, z, **one.equation.attributes)[0]
    return {f"sum.{one.layer}": z, f"result.{one.layer}": out, f"slope.{one.layer}": slope}


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
