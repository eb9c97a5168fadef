"""Programs as JSON, there and back. Constants of more than 16 numbers travel beside it as tensors."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from chainrule.errors import FileFormatError, ProgramError
from chainrule.ir.program import Equation, Operation, Origin, Port, Program, Value
from chainrule.ir.types import Batch, Type
from chainrule.ir.verify import verify

FORMAT = 1
_INLINE = 16  # numbers of a constant that may stand in the JSON itself


def to_json(program: Program) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return the program as JSON-ready data, and its larger constants by the names that the data uses for them."""
    tensors: dict[str, np.ndarray] = {}
    values: dict[Value, int] = {}

    def define(value: Value) -> dict[str, Any]:
        values[value] = len(values)
        return {"type": str(value.type)} | ({"name": value.name} if value.name else {})

    inputs = [{**define(port.value), "name": port.name, "role": port.role} for port in program.inputs]
    equations = []
    for e in program.equations:
        equations.append(
            {
                "op": e.op.name,
                "version": e.op.version,
                "in": [values[value] for value in e.inputs],
                "out": [define(value) for value in e.outputs],
                "attributes": {name: _pack(value, tensors) for name, value in e.attributes.items()},
            }
        )
    for e, item in zip(program.equations, equations, strict=True):  # a merged equation can stand before what it is the derivative of
        item["origins"] = [[o.phase, o.layer, None if o.source is None else values[o.source]] for o in e.origins]
    outputs = [{"name": port.name, "role": port.role, "value": values[port.value]} for port in program.outputs]
    return {"format": FORMAT, "inputs": inputs, "equations": equations, "outputs": outputs}, tensors


def from_json(data: Mapping[str, Any], operations: Mapping[str, Operation], tensors: Mapping[str, np.ndarray]) -> Program:
    """Rebuild and verify a program.

    Raises:
        FileFormatError: the data is not a program, or needs an operation or a version that is not known here.
        ProgramError: it is a program, but breaks a rule.
    """
    if not isinstance(data, Mapping) or data.get("format") != FORMAT:
        found = data.get("format") if isinstance(data, Mapping) else data
        raise FileFormatError(f"the program has format {str(found)[:40]}; this version of Chainrule reads format {FORMAT}.")
    values: list[Value] = []

    def define(item: Mapping[str, Any]) -> Value:
        values.append(Value(Type.parse(item["type"]), _text(item.get("name", ""))))
        return values[-1]

    try:
        inputs = tuple(Port(_text(item["name"]), _text(item["role"]), define(item)) for item in data["inputs"])
        equations = []
        for item in data["equations"]:
            op = _operation(item, operations)
            operands = tuple(values[_index(number)] for number in item["in"])
            results = tuple(map(define, item["out"]))
            attributes = {name: _unpack(value, tensors) for name, value in item["attributes"].items()}
            equations.append(Equation(op, operands, results, attributes))
        for number, item in enumerate(data["equations"]):
            origins = tuple(Origin(p, _text(layer), None if s is None else values[_index(s)]) for p, layer, s in item["origins"])
            equations[number] = replace(equations[number], origins=origins)
        outputs = tuple(Port(_text(item["name"]), _text(item["role"]), values[_index(item["value"])]) for item in data["outputs"])
    except FileFormatError:
        raise
    except Exception as error:  # what is damaged can fail in any way: a missing key, a wrong type, endless nesting
        raise FileFormatError(f"the program in the file is damaged: {error!r}.") from error
    return verify(Program(inputs, tuple(equations), outputs))


def _operation(item: Mapping[str, Any], operations: Mapping[str, Operation]) -> Operation:
    op = operations.get(item["op"])
    if op is None or not 1 <= _index(item["version"]) <= op.version:
        raise FileFormatError(
            f"the file needs operation '{item['op']}' version {item['version']}, which this version of Chainrule does not know; "
            "install a newer Chainrule to read it."
        )
    return op


def _index(number: Any) -> int:
    if type(number) is not int or number < 0:
        raise ValueError(f"{number!r} is not a whole number")
    return number


def _text(text: Any) -> str:
    if not isinstance(text, str):
        raise ValueError(f"{text!r} is not a text")
    return text


def _pack(value: Any, tensors: dict[str, np.ndarray]) -> Any:
    if isinstance(value, Batch):
        return {"B": value.multiple}
    if isinstance(value, np.ndarray):
        if value.size > _INLINE:
            name = f"constant.{len(tensors)}"
            tensors[name] = value
            return {"tensor": name}
        return {"dtype": value.dtype.name, "shape": list(value.shape), "data": [_pack(item, tensors) for item in value.ravel().tolist()]}
    if isinstance(value, tuple):
        return [_pack(item, tensors) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": str(value)}  # JSON has no word for NaN and the infinities
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise ProgramError(f"an attribute of type {type(value).__name__} cannot be written to a file.")


def _unpack(value: Any, tensors: Mapping[str, np.ndarray]) -> Any:
    if isinstance(value, list):
        return tuple(_unpack(item, tensors) for item in value)
    if not isinstance(value, dict):
        return value
    if "B" in value:
        return Batch(value["B"])
    if "tensor" in value:
        return tensors[value["tensor"]]
    if "float" in value:
        return float(value["float"])
    numbers = Type(value["dtype"], tuple(value["shape"]))
    return np.array([_unpack(item, tensors) for item in value["data"]], dtype=numbers.dtype).reshape(value["shape"])
