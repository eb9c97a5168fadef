"""Programs: equations between typed values, in four phases, each knowing where it comes from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Protocol

import numpy as np

from chainrule.errors import InputError, TypeRuleError
from chainrule.ir.types import Batch, Type

PHASES = ("forward", "loss", "backward", "update")


class Operation(Protocol):
    """What a program needs to know of a primitive; the records themselves are in :mod:`chainrule.ops`."""

    @property
    def name(self) -> str:
        """The name, unique among primitives."""

    @property
    def version(self) -> int:
        """The version of the meaning; a file says which it was written with."""

    @property
    def formula(self) -> str:
        """The equation as text, with ``{0}``, ``{1}`` for the inputs and ``{name}`` for attributes."""

    @property
    def type_rule(self) -> Callable[..., Type | tuple[Type, ...]]:
        """Types of the inputs and the attributes → type or types of the outputs."""

    @property
    def meaning(self) -> Callable[..., Any]:
        """Arrays and the attributes → array or arrays."""


class Value:
    """One typed value of a program. Equality is identity; ``name`` is a hint for people and need not be unique."""

    __slots__ = ("name", "type")

    def __init__(self, type: Type, name: str = "") -> None:
        self.type = type
        self.name = name

    def __repr__(self) -> str:
        return f"{self.name or 'value'}: {self.type}"


@dataclass(frozen=True)
class Origin:
    """Where an equation comes from: its phase, the path of its layer (``hidden_1``), and for an equation of the backward phase the
    value whose defining equation it is the derivative of."""

    phase: str = "forward"
    layer: str = ""
    source: Value | None = None

    def moved(self, place: Callable[[Value], Value | None]) -> Origin:
        """Return the origin with its source put elsewhere: in another program, or in the value that it was merged into."""
        return self if self.source is None else Origin(self.phase, self.layer, place(self.source))


@dataclass(frozen=True, eq=False)
class Equation:
    """``outputs = op(inputs, **attributes)``. It has one origin, or several if equal equations were merged into it."""

    op: Operation
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    attributes: Mapping[str, Any] = field(default_factory=dict)
    origins: tuple[Origin, ...] = (Origin(),)

    @property
    def phase(self) -> str:
        """The phase that first needs this equation."""
        return self.origins[0].phase

    @property
    def layer(self) -> str:
        """The path of the layer that first needs this equation, or an empty string."""
        return self.origins[0].layer


@dataclass(frozen=True)
class Port:
    """An input or output of a program: its name, its role (``parameter``, ``x``, ``y``, ``hyper`` …) and its value."""

    name: str
    role: str
    value: Value

    @property
    def type(self) -> Type:
        """The type of the value."""
        return self.value.type


@dataclass(frozen=True, eq=False, repr=False)
class Program:
    """Inputs, equations in an order that can be executed, outputs. ``str(program)`` is the listing."""

    inputs: tuple[Port, ...]
    equations: tuple[Equation, ...]
    outputs: tuple[Port, ...]

    def __str__(self) -> str:
        from chainrule.ir.listing import listing  # the listing imports this module

        return listing(self)

    def _repr_html_(self) -> Any:
        return import_module("chainrule.inspect.notebook").html_of(self)  # a room above this one, opened on demand

    def input(self, name: str) -> Port:
        """Return the input of that name; ``InputError`` if there is none."""
        return next((port for port in self.inputs if port.name == name), None) or _missing(name)

    def output(self, name: str) -> Port:
        """Return the output of that name; ``InputError`` if there is none."""
        return next((port for port in self.outputs if port.name == name), None) or _missing(name)

    def by_role(self, role: str) -> Iterator[Port]:
        """Yield the inputs of a role."""
        return (port for port in self.inputs if port.role == role)

    def definitions(self) -> dict[Value, Equation]:
        """Return the equation that defines each value that is not an input."""
        return {value: equation for equation in self.equations for value in equation.outputs}

    def bind(self, arrays: Mapping[str, np.ndarray]) -> int:
        """Check arrays against the inputs and return the batch size B that they bind (0 if no input has a symbolic axis).

        Raises:
            TypeRuleError: an input is missing or has another dtype or shape; the message names it and what it should be.
        """
        rows: int | None = None
        for port in self.inputs:
            if port.name not in arrays:
                raise TypeRuleError(f"input '{port.name}' ({port.type}) is missing.")
            array = arrays[port.name]
            fits = array.dtype.name == port.type.dtype and len(array.shape) == len(port.type.shape)
            for size, axis in zip(array.shape, port.type.shape, strict=False):
                if isinstance(axis, Batch):
                    rows = size // axis.multiple if rows is None else rows
                    fits &= size == axis.multiple * rows
                else:
                    fits &= size == axis
            if not fits:
                bound = "" if rows is None else f" with B = {rows}"
                raise TypeRuleError(f"input '{port.name}' has type {Type.of(array)} and should have {port.type}{bound}.")
        return rows or 0


def _missing(name: str) -> Port:
    raise InputError(f"the program has no input or output named '{name}'.")
