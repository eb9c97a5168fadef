"""The training Program of four phases, and the inference Program, from a network, a loss and an optimizer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from chainrule import ops
from chainrule.errors import OptionError
from chainrule.ir import B, Port, Program, Type
from chainrule.nn import Context
from chainrule.ops import named, scope, trace
from chainrule.optim.optimizer import Optimizer, Scalars
from chainrule.transforms import reverse, simplify

Network = Callable[..., Any]
Types = Mapping[str, Type]
POSITION = {"seed": Type("uint32"), "epoch": Type("uint32"), "step": Type("uint32")}


@dataclass(frozen=True)
class Signature:
    """The types that a training Program is made for: x is one type, or a dict of them by column; w is ``None`` without row weights."""

    x: Type | tuple[tuple[str, Type], ...]
    y: Type
    w: Type | None = None

    def inputs(self) -> dict[str, tuple[str, Type]]:
        """Return for each input its role and type, under its name in the Program: ``x`` or ``x.COLUMN``, ``y``, ``w``."""
        x = {"x": ("x", self.x)} if isinstance(self.x, Type) else {f"x.{name}": ("x", type) for name, type in self.x}
        return x | {"y": ("y", self.y)} | ({"w": ("w", self.w)} if self.w else {})


def signature_of(batch: Mapping[str, np.ndarray]) -> Signature:
    """Return the types of a batch of arrays by the names of the Program's inputs."""
    return Signature(x_signature(batch), row_type(batch["y"]), row_type(batch["w"]) if "w" in batch else None)


def x_signature(arrays: Mapping[str, np.ndarray]) -> Type | tuple[tuple[str, Type], ...]:
    """Return the type of x among arrays, or those of its columns."""
    if "x" in arrays:
        return row_type(arrays["x"])
    return tuple((name.removeprefix("x."), row_type(array)) for name, array in arrays.items() if name.startswith("x."))


def row_type(array: np.ndarray) -> Type:
    """Return the type of an array whose first axis is B."""
    return _rows_of(array.dtype, array.shape[1:])


@lru_cache(256)  # NumPy takes its time to name a dtype
def _rows_of(dtype: np.dtype[Any], shape: tuple[int, ...]) -> Type:
    return Type(dtype.name, (B, *shape))


def call_network(network: Network, params: Mapping[str, Any], x: Any, context: Context) -> Any:
    """Call a network: a layer with its context, any other function as ``f(params, x)``."""
    return network(params, x, context) if hasattr(network, "parameters") else network(params, x)


def loss_program(
    network: Network,
    loss: Callable[..., Any],
    params: Types,
    buffers: Types,
    signature: Signature,
    penalty: Callable[[Mapping[str, Any], Any], Any] | None = None,
) -> Program:
    """Return the Program of the forward and the loss phase: parameters, buffers, x, y, w, seed, epoch, step → ``loss``, buffers.

    Raises:
        TypeRuleError: shapes or dtypes do not fit; the message names the layer.
    """
    roles = _joined(
        {name: ("parameter", type) for name, type in params.items()},
        {name: ("buffer", type) for name, type in buffers.items()},
        signature.inputs(),
        {name: (name, type) for name, type in POSITION.items()},
    )

    def forward_and_loss(inputs: dict[str, Any]) -> dict[str, Any]:
        weights = {name: inputs[name] for name in params}
        key = inputs["seed"], inputs["epoch"], inputs["step"]
        context = Context(True, key, "", {name: inputs[name] for name in buffers})
        prediction = call_network(network, weights, _x(inputs, signature), context)
        with scope(phase="loss"):
            value = loss(prediction, inputs["y"]) if signature.w is None else loss(prediction, inputs["y"], inputs["w"])
            if penalty is not None:
                value = named(value, "data_loss") + named(penalty(weights, ops.size(prediction, 0)), "penalty")
            return {"loss": named(value, "loss"), **{name: context.new_buffers.get(name, inputs[name]) for name in buffers}}

    return _traced(forward_and_loss, roles)


def training_program(forward: Program, optimizer: Optimizer, trainable: Sequence[str]) -> Program:
    """Return the Program of one training step: a loss Program, its gradients, and the optimizer's update.

    Further inputs: the optimizer's state, count and hyper-parameters, each with its role. Outputs: ``loss``, then buffers, parameters,
    optimizer state and count under the names of the inputs that they replace.
    """
    backward = reverse(forward, trainable, of="loss")
    slots = {f"{path}.{slot}": forward.input(path).type for path in trainable for slot in optimizer.slots}
    roles = _joined(
        {port.name: (port.role, port.type) for port in forward.inputs},
        {name: ("optimizer", type) for name, type in slots.items()},
        {"count": ("count", Type("int64"))},
        dict.fromkeys(("rate_scale", *optimizer.hyper), ("hyper", Type("float64"))),
    )

    def whole_step(inputs: dict[str, Any]) -> dict[str, Any]:
        results = ops.inline(backward, [inputs[port.name] for port in backward.inputs])
        outputs = dict(zip((port.name for port in backward.outputs), results, strict=True))
        gradients = {path: outputs.pop(f"d_{path}") for path in trainable}
        with scope(phase="update"):
            count = named(inputs["count"] + 1, "count.new")
            t = named(ops.cast(count, dtype="float64"), "t")
            scalars = Scalars({"t": t} | {name: inputs[name] for name in ("rate_scale", *optimizer.hyper)})
            before = {name: inputs[name] for name in slots}
            steps, after = optimizer.update(gradients, before, {path: inputs[path] for path in trainable}, scalars)
            for path in trainable:
                with scope(layer=path):
                    outputs[path] = named(inputs[path] - steps[path], "new")
        return outputs | after | {"count": count}

    return simplify(_traced(whole_step, roles))


def without_update(program: Program) -> Program:
    """Return the loss Program inside of a training Program: its first two phases."""
    kept = {"parameter", "buffer", "x", "y", "w", *POSITION}
    outputs = tuple(port for port in program.outputs if port.role in ("loss", "buffer"))
    return simplify(Program(tuple(port for port in program.inputs if port.role in kept), program.equations, outputs))


def inference_program(
    network: Network,
    params: Types,
    buffers: Types,
    signature: Signature,
    head: Callable[[Any, Mapping[str, Any]], dict[str, Any]] | None = None,
) -> Program:
    """Return the Program of prediction: parameters, buffers, x → ``prediction``, and what ``head`` makes of it and the buffers."""
    roles = _joined(
        {name: ("parameter", type) for name, type in params.items()},
        {name: ("buffer", type) for name, type in buffers.items()},
        {name: (role, type) for name, (role, type) in signature.inputs().items() if role == "x"},
    )

    def forward(inputs: dict[str, Any]) -> dict[str, Any]:
        context = Context(False, None, "", {name: inputs[name] for name in buffers})
        prediction = call_network(network, {name: inputs[name] for name in params}, _x(inputs, signature), context)
        return {"prediction": prediction, **(head(prediction, {name: inputs[name] for name in buffers}) if head else {})}

    return simplify(_traced(forward, roles))


def _x(inputs: Mapping[str, Any], signature: Signature) -> Any:
    return inputs["x"] if isinstance(signature.x, Type) else {name: inputs[f"x.{name}"] for name, _ in signature.x}


def _joined(*groups: Mapping[str, tuple[str, Type]]) -> dict[str, tuple[str, Type]]:
    """Join groups of inputs by name.

    Raises:
        OptionError: two inputs have one name, or one has that of the loss.
    """
    roles: dict[str, tuple[str, Type]] = {}
    for group in groups:
        for name, (role, _) in group.items():
            if name in roles or name == "loss":
                taken = roles[name][0] if name in roles else role
                raise OptionError(f"the {taken} '{name}' has the name of another value of the Program; call it otherwise.")
        roles |= group
    return roles


def _traced(function: Callable[[dict[str, Any]], dict[str, Any]], roles: Mapping[str, tuple[str, Type]]) -> Program:
    """Trace a function of a flat dict of inputs, and give each input, and each output that replaces one, its role."""
    program = trace(function, {name: type for name, (_, type) in roles.items()})
    inputs = tuple(Port(port.name, roles[port.name][0], port.value) for port in program.inputs)
    outputs = tuple(Port(port.name, roles[port.name][0] if port.name in roles else port.name, port.value) for port in program.outputs)
    return replace(program, inputs=inputs, outputs=outputs)
