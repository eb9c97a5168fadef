"""Whether the parts of a model from a file fit each other: Programs, states, encoder, target and the list of layers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from chainrule.errors import FileFormatError
from chainrule.ir import B, Port, Program, Type, bind_axes
from chainrule.training.model import Model
from chainrule.training.program import POSITION
from chainrule.training.state import State

_REPLACED = ("parameter", "optimizer", "buffer", "count")  # roles of the inputs that a step gives anew


def check_fit(model: Model) -> None:
    """Check what the types of the parts cannot say.

    Raises:
        ChainruleError: two parts do not fit; a sentence says which.
    """
    if model.weight is not None and model.weight.kind != "number":
        raise FileFormatError(f"its weight column is of kind {model.weight.kind}.")
    if not isinstance(model.report.get("batch_size", 0), int):
        raise FileFormatError("its report has no batch size.")
    data, answers = _data_types(model), _answer_types(model)
    for state in (model.best, model.start):
        _check_ports(model.training, state, data)
        _check_ports(model.inference, replace(state, optimizer={}, hyper={}), {"x": data["x"]})
    replaced = {port.name: port.type for port in model.training.inputs if port.role in _REPLACED}
    _check_types("training", model.training.outputs, {"loss": Type(data["x"].dtype)} | replaced)
    _check_types("inference", model.inference.outputs, answers)
    described = {path: tuple(shape) for layer in model.layers for path, shape in layer["parameters"].items()}
    if described != {port.name: port.type.shape for port in model.training.by_role("parameter")}:
        raise FileFormatError("its list of layers does not describe its Program.")


def _data_types(model: Model) -> dict[str, Type]:
    """Return the types of x, y and, with row weights, w that the encoder, the target and the loss make."""
    dtype = model.inference.input("x").type.dtype
    if dtype not in ("float32", "float64"):
        raise FileFormatError(f"its Program takes {dtype}.")
    weighted = model.weight is not None or any(target.class_weights for target in model.goal.targets)
    x = Type(dtype, (B, len(model.encoder.units)))
    return {"x": x, "y": model.goal.y_type(dtype)} | ({"w": Type(dtype, (B,))} if weighted else {})


def _answer_types(model: Model) -> dict[str, Type]:
    answers = {"prediction": Type(model.dtype, (B, model.goal.outputs))}
    if model.goal.task == "classification":
        answers["probabilities"] = Type(model.dtype, (B, sum(len(target.classes) for target in model.goal.targets)))
    return answers


def _check_ports(program: Program, state: State, data: dict[str, Type]) -> None:
    """Check names, roles and types of the inputs: a batch of no rows must fit."""
    groups: dict[str, Iterable[str]] = {
        "parameter": state.params,
        "optimizer": state.optimizer,
        "buffer": state.buffers,
        "hyper": state.hyper,
    }
    roles = {name: role for role, names in groups.items() for name in names} | {name: name for name in data}
    if state.hyper:
        roles |= {"rate_scale": "hyper", "count": "count"} | {name: name for name in POSITION}
    for port in program.inputs:
        if port.role != roles.get(port.name):
            raise FileFormatError(f"its Program has an input '{port.name}' of role '{port.role[:40]}', which nothing gives.")
    given = tuple(port for port in program.inputs if port.name in data)
    _check_types("Program", given, {name: data[name] for name in {"x", *(port.name for port in given)}})
    program.bind(state.inputs({name: np.zeros([bind_axes(axis, 0) for axis in type.shape], type.dtype) for name, type in data.items()}))


def _check_types(what: str, ports: tuple[Port, ...], expected: dict[str, Type]) -> None:
    found = {port.name: port.type for port in ports}
    if found != expected:
        wrong = min(name for name in found.keys() | expected.keys() if found.get(name) != expected.get(name))
        raise FileFormatError(f"'{wrong[:40]}' of its {what} has type {found.get(wrong)} and should have {expected.get(wrong)}.")
