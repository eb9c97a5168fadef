"""The model file: safetensors with JSON in its header. It holds data and never code.

Header ``chainrule``: format, the two Programs (the truth), the list of layers (a description for displays, checked against the Programs),
encoder and target, the states' scalars, and how it was made. Tensors: ``best/params/PATH``, ``best/optimizer/PATH.SLOT``,
``start/params/PATH``, and the larger constants of the Programs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

import numpy as np

from chainrule.data.encode import Encoder
from chainrule.data.table import Column
from chainrule.data.target import Target
from chainrule.errors import ChainruleError, FileFormatError
from chainrule.ir import Program, bind_axes
from chainrule.ir.program import Operation
from chainrule.ir.serialize import from_json, to_json
from chainrule.ops.tracing import OPERATIONS
from chainrule.training.files import write_atomically
from chainrule.training.model import Model
from chainrule.training.state import State

FORMAT = 1
_KEY = "chainrule"
_SCALARS = ("hyper", "rate_scale", "seed", "epoch", "step", "count")
_GROUPS = ("params", "optimizer", "buffers")


def save(model: Model, path: Path) -> None:
    """Write a model file.

    Raises:
        FileFormatError: the folder does not exist or cannot be written.
    """
    from safetensors.numpy import save as pack

    tensors: dict[str, np.ndarray] = {}
    header: dict[str, Any] = {"format": FORMAT, "kind": "model"}
    for name, program in (("training", model.training), ("inference", model.inference)):
        header[name], constants = to_json(program)
        tensors |= {f"{name}/{constant}": array for constant, array in constants.items()}
    for name, state in (("best", model.best), ("start", model.start)):
        header[name] = {scalar: getattr(state, scalar) for scalar in _SCALARS}
        tensors |= {f"{name}/{group}/{key}": array for group in _GROUPS for key, array in getattr(state, group).items()}
    header |= {
        "encoder": model.encoder.to_json(),
        "target": model.target.to_json(),
        "loss": model.loss,
        "optimizer": model.optimizer,
        "layers": model.layers,
        "reading": model.reading,
        "weight": None if model.weight is None else asdict(model.weight),
        "report": model.report,
    }
    data = pack({key: np.ascontiguousarray(array) for key, array in tensors.items()}, {_KEY: json.dumps(header, ensure_ascii=False)})
    try:
        write_atomically(path, data)
    except OSError as error:
        raise FileFormatError(f"{path} cannot be written: {error.strerror or error}.") from error


def load(path: str | Path) -> Model:
    """Read a model from its file or from the folder of its run; it takes raw rows.

    Raises:
        FileFormatError: there is no such file, or it is damaged, not a Chainrule model, or of a newer format.
    """
    place = Path(path)
    place = place / "model.safetensors" if place.is_dir() else place
    header, tensors = _read(place)
    if header.get("kind") != "model":
        raise FileFormatError(f"{place} is not a model file of Chainrule.")
    if header.get("format") != FORMAT:
        raise FileFormatError(f"{place} has format {header.get('format')!r} and this Chainrule reads format {FORMAT}: install a newer one.")
    try:
        programs = {name: _program(header[name], tensors, name) for name in ("training", "inference")}
        states = {name: _state(header[name], tensors, name) for name in ("best", "start")}
        model = Model(
            programs["training"],
            programs["inference"],
            states["best"],
            states["start"],
            Encoder.from_json(header["encoder"]),
            Target.from_json(header["target"]),
            header["loss"],
            header["optimizer"],
            header["layers"],
            header["report"],
            header["reading"],
            None if header["weight"] is None else Column.from_json(header["weight"]),
        )
        _check(model)
    except ChainruleError as error:
        raise FileFormatError(f"{place} is damaged: {error}") from error
    except Exception as error:  # a damaged header can fail anywhere on the way
        raise FileFormatError(f"{place} is damaged: {type(error).__name__} {error}.") from error
    return model


def _read(path: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise FileFormatError(f"there is no model file {path}; give a model.safetensors or the folder of a run.")
    try:
        with safe_open(str(path), framework="numpy") as file:
            metadata = file.metadata() or {}
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - not a dict
    except (SafetensorError, OSError, ValueError, TypeError) as error:
        raise FileFormatError(f"{path} is not a model file of Chainrule, or is damaged: {error}.") from error
    if _KEY not in metadata:
        raise FileFormatError(f"{path} is a safetensors file, but not one of Chainrule's.")
    try:
        header = json.loads(metadata[_KEY])
    except ValueError as error:
        raise FileFormatError(f"{path} is damaged: its header is not JSON.") from error
    if not isinstance(header, dict):
        raise FileFormatError(f"{path} is damaged: its header is not an object.")
    return header, tensors


def _program(data: Mapping[str, Any], tensors: Mapping[str, np.ndarray], name: str) -> Program:
    own = {key.removeprefix(f"{name}/"): array for key, array in tensors.items() if key.startswith(f"{name}/")}
    return from_json(data, cast(Mapping[str, Operation], OPERATIONS), own)


def _state(data: Mapping[str, Any], tensors: Mapping[str, np.ndarray], name: str) -> State:
    def group(prefix: str) -> dict[str, np.ndarray]:
        return {key.removeprefix(prefix): array for key, array in tensors.items() if key.startswith(prefix)}

    params, optimizer, buffers = (group(f"{name}/{part}/") for part in _GROUPS)
    return State(params, optimizer, buffers, *(data[scalar] for scalar in _SCALARS))


def _check(model: Model) -> None:
    """Check tensors, scalars and the list of layers against the Programs: a batch of no rows must fit both states."""
    for state in (model.best, model.start):
        for program in (model.training, model.inference):
            batch = {p.name: np.zeros([bind_axes(a, 0) for a in p.type.shape], p.type.dtype) for p in program.inputs if p.role in "xyw"}
            program.bind(state.inputs(batch))
    described = {path: tuple(shape) for layer in model.layers for path, shape in layer["parameters"].items()}
    if described != {port.name: port.type.shape for port in model.training.by_role("parameter")}:
        raise FileFormatError("its list of layers does not describe its Program.")
    units = model.inference.input("x").type.shape[-1]
    if units != len(model.encoder.units):
        raise FileFormatError(f"its encoder makes {len(model.encoder.units)} inputs and its Program takes {units}.")
