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
from typing import Any, cast, get_type_hints

import numpy as np

from chainrule.data.encode import Encoder
from chainrule.data.read import read_table
from chainrule.data.table import Column
from chainrule.data.typed import read_fields, read_value
from chainrule.errors import ChainruleError, FileFormatError
from chainrule.ir import Program
from chainrule.ir.program import Operation
from chainrule.ir.serialize import from_json, to_json
from chainrule.ops.tracing import OPERATIONS
from chainrule.training.files import write_atomically
from chainrule.training.goal import Goal
from chainrule.training.model import Model
from chainrule.training.model_check import check_fit
from chainrule.training.run_folder import RUN
from chainrule.training.state import State

FORMAT = 1
KEY = "chainrule"
_SCALARS = ("hyper", "rate_scale", "seed", "epoch", "step", "count")
_GROUPS = ("params", "optimizer", "buffers")
_READING = ("delimiter", "decimal", "encoding", "missing", "header")
_LAYER = {"layer": str, "does": str, "parameters": dict[str, list[int]], "count": int}
_PLAIN = {"optimizer": str, "layers": list[Any], "report": dict[str, Any], "weight": Column | None}


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
        header[name], parts = state_parts(state, name)
        tensors |= parts
    header |= {
        "encoder": model.encoder.to_json(),
        **model.goal.to_json(),
        "optimizer": model.optimizer,
        "layers": model.layers,
        "reading": model.reading,
        "weight": None if model.weight is None else asdict(model.weight),
        "report": model.report,
    }
    data = pack({key: np.ascontiguousarray(array) for key, array in tensors.items()}, {KEY: json.dumps(header, ensure_ascii=False)})
    try:
        write_atomically(path, data)
    except OSError as error:
        raise FileFormatError(f"{path} cannot be written: {error.strerror or error}.") from error


def state_parts(state: State, name: str) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return what a file holds of a state: the numbers for its header, and the tensors, whose names begin with ``name``."""
    tensors = {f"{name}/{group}/{key}": np.ascontiguousarray(a) for group in _GROUPS for key, a in getattr(state, group).items()}
    return {scalar: getattr(state, scalar) for scalar in _SCALARS}, tensors


def load(path: str | Path) -> Model:
    """Read a model from its file or from the folder of its run; it takes raw rows.

    Raises:
        FileFormatError: there is no such file, or it is damaged, not a Chainrule model, or of a newer format.
    """
    place = Path(path)
    place = place / "model.safetensors" if place.is_dir() else place
    header, tensors = read_tensors(place)
    if header.get("kind") != "model":
        raise FileFormatError(f"{place} is not a model file of Chainrule.")
    if header.get("format") != FORMAT:
        raise FileFormatError(f"{place} has format {header.get('format')!r} and this Chainrule reads format {FORMAT}: install a newer one.")
    try:
        programs: dict[str, Any] = {name: _program(header[name], tensors, name) for name in ("training", "inference")}
        states = {name: read_state(header[name], tensors, name) for name in ("best", "start")}
        plain = {name: read_value(header[name], hint, name) for name, hint in _PLAIN.items()}
        reading = read_fields(header["reading"], {name: get_type_hints(read_table)[name] for name in _READING}, "reading", set())
        layers = [read_fields(layer, _LAYER, f"layers[{number}]") for number, layer in enumerate(plain.pop("layers"))]
        encoder, goal = Encoder.from_json(header["encoder"]), Goal.from_json(header)
        parts: dict[str, Any] = programs | states | plain
        model = Model(**parts, encoder=encoder, goal=goal, layers=layers, reading=reading)
        check_fit(model)
    except ChainruleError as error:
        raise FileFormatError(f"{place} is damaged: {error}") from error
    except Exception as error:  # a damaged header can fail anywhere on the way
        raise FileFormatError(f"{place} is damaged: {type(error).__name__} {error}.") from error
    return model


def read_tensors(path: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return the header and the tensors of one of Chainrule's files; FileFormatError where that is not what it is."""
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        if (path.parent / RUN).is_file():
            raise FileFormatError(f"the run {path.parent} has no model yet: it is still going on, or was broken off before it wrote one.")
        raise FileFormatError(f"there is no model file {path}; give a model.safetensors or the folder of a run.")
    try:
        with safe_open(str(path), framework="numpy") as file:
            metadata = file.metadata() or {}
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - not a dict
    except (SafetensorError, OSError, ValueError, TypeError) as error:
        raise FileFormatError(f"{path} is not a model file of Chainrule, or is damaged: {error}.") from error
    if KEY not in metadata:
        raise FileFormatError(f"{path} is a safetensors file, but not one of Chainrule's.")
    try:
        header = json.loads(metadata[KEY])
    except (ValueError, RecursionError) as error:
        raise FileFormatError(f"{path} is damaged: its header is not JSON.") from error
    if not isinstance(header, dict):
        raise FileFormatError(f"{path} is damaged: its header is not an object.")
    return header, tensors


def _program(data: Mapping[str, Any], tensors: Mapping[str, np.ndarray], name: str) -> Program:
    own = {key.removeprefix(f"{name}/"): array for key, array in tensors.items() if key.startswith(f"{name}/")}
    return from_json(data, cast(Mapping[str, Operation], OPERATIONS), own)


def read_state(data: Mapping[str, Any], tensors: Mapping[str, np.ndarray], name: str) -> State:
    """Return a state of a file, see :func:`state_parts`; FileFormatError where it is none."""

    def group(prefix: str) -> dict[str, np.ndarray]:
        return {key.removeprefix(prefix): array for key, array in tensors.items() if key.startswith(prefix)}

    params, optimizer, buffers = (group(f"{name}/{part}/") for part in _GROUPS)
    scalars = read_fields({scalar: data[scalar] for scalar in _SCALARS}, get_type_hints(State), name, set(_SCALARS))
    if min(scalars["seed"], scalars["epoch"], scalars["step"], scalars["count"]) < 0:
        raise FileFormatError(f"its state '{name}' has a negative position.")
    return State(params, optimizer, buffers, **scalars)
