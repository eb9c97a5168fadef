"""Records from JSON that may be damaged: every value must be of the type that its field declares."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from chainrule.errors import FileFormatError

Record = TypeVar("Record")


def read_record(cls: type[Record], data: Any, where: str) -> Record:
    """Make a dataclass of a JSON object: its fields and no others, each of its declared type; ``where`` is what messages call it.

    Raises :class:`FileFormatError` naming the field.
    """
    assert is_dataclass(cls)
    declared, hints = fields(cls), get_type_hints(cls)
    required = {field.name for field in declared if field.default is MISSING and field.default_factory is MISSING}
    return cls(**read_fields(data, {field.name: hints[field.name] for field in declared}, where, required))


def read_fields(data: Any, hints: Mapping[str, Any], where: str, required: set[str] | None = None) -> dict[str, Any]:
    """Return the entries of a JSON object, each of the type in ``hints``, all of which must be there unless ``required`` says less.

    Raises :class:`FileFormatError` as :func:`read_record` does.
    """
    if not isinstance(data, dict):
        raise _wrong(data, where, "an object")
    if lacking := (hints.keys() if required is None else required) - data.keys():
        raise FileFormatError(f"its {where} has no '{min(lacking)}'.")
    if surplus := data.keys() - hints.keys():
        raise FileFormatError(f"its {where} has an unknown entry '{min(surplus)[:40]}'.")
    return {name: read_value(value, hints[name], f"{where}.{name}") for name, value in data.items()}


def read_value(value: Any, hint: Any, where: str) -> Any:
    """Return a JSON value as the type that ``hint`` declares: lists become tuples, objects records, whole numbers floats where asked for.

    Raises :class:`FileFormatError` as :func:`read_record` does.
    """
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        for choice in inner:
            try:
                return read_value(value, choice, where)
            except FileFormatError:
                continue
    elif origin is Literal:
        if isinstance(value, str) and value in inner:
            return value
    elif origin in (tuple, list, Sequence):
        if isinstance(value, list | tuple):
            items = [read_value(item, inner[0], f"{where}[{number}]") for number, item in enumerate(value)]
            return tuple(items) if origin is tuple else items
    elif origin is dict:
        if isinstance(value, dict):  # the names of JSON are texts
            return {name: read_value(item, inner[1], f"{where}.{name}") for name, item in value.items()}
    elif is_dataclass(hint) and isinstance(hint, type):
        return read_record(hint, value, where)
    elif hint is Any or (hint in (bool, int, str, NoneType) and type(value) is hint):
        return value
    elif hint is float and type(value) in (int, float) and abs(value) < math.inf:
        return float(value)
    raise _wrong(value, where, getattr(hint, "__name__", str(hint)) if origin is None else str(hint).replace("typing.", ""))


def _wrong(value: Any, where: str, expected: str) -> FileFormatError:
    return FileFormatError(f"its {where} is {repr(value)[:40]} and should be {expected}.")
