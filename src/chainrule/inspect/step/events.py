"""What a traced step consists of: its events and their operands, and what is known around them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from chainrule.inspect.reading.recording import Number
from chainrule.inspect.step.tensors import Tensor
from chainrule.ir import Value

DEPTHS = ("layer", "unit", "scalar")
"""How far a step is taken apart: whole arrays, the sum and δ of each unit, each product."""

FEW_ROWS = 4
"""A batch of at most so many rows is told number by number, unless something else is asked for."""

MOST_TERMS = 16
"""An event lists at most so many terms of a sum, the largest ones, and adds the others up; unless everything is asked for."""

SMALL = 1_000
"""A network with at most so many parameters is small: all of its gradients and updates are events."""


@dataclass(frozen=True)
class Operand:
    """A number that an event was computed from, or a whole array of them; the term of a sum has the factors that it is the product of,
    and at the depth of scalars the partial sum after it."""

    name: str
    value: Number | str | Tensor
    factors: tuple[Operand, ...] = ()
    partial: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the operand as JSON-ready data."""
        factors = {"factors": [factor.to_json() for factor in self.factors]} if self.factors else {}
        partial = {} if self.partial is None else {"partial": self.partial}
        return {"name": self.name, "value": _plain(self.value), **factors, **partial}


@dataclass(frozen=True)
class StepEvent:
    """One number of a step, or one array: its phase, layer and unit, the operation in symbols, what it was computed from, the result."""

    phase: str
    layer: str
    unit: str | int | None
    operation: str
    operands: tuple[Operand, ...]
    result: Number | Tensor
    name: str

    def to_json(self) -> dict[str, Any]:
        """Return the event as JSON-ready data."""
        return {
            "phase": self.phase,
            "layer": self.layer,
            "unit": self.unit,
            "operation": self.operation,
            "operands": [operand.to_json() for operand in self.operands],
            "result": _plain(self.result),
            "name": self.name,
        }


def _plain(value: Number | str | Tensor) -> Any:
    return value.to_json() if isinstance(value, Tensor) else value


@dataclass(frozen=True)
class Quantity:
    """A value that is shown as a step of its own. ``path`` is the parameter that it belongs to, empty for what belongs to units."""

    value: Value
    name: str
    phase: str
    layer: str
    path: str = ""


Group = tuple[str, int]
"""A layer and its number of units; a layer whose values differ in width has several."""


@dataclass(frozen=True)
class Answer:
    """What the network said and what was true, in the target's meaning; ``probabilities`` by class for a classification.

    ``undropped`` is the answer of the prediction Program, where the step drops units and the prediction does not. ``temperature`` is what
    the model divides the network's outputs by before it makes probabilities of them.
    """

    prediction: Any
    truth: Any
    probabilities: dict[str, float] | None = None
    undropped: Answer | None = None
    temperature: float | None = None


@dataclass(frozen=True)
class Circumstances:
    """What is known of the step besides its numbers, for headings.

    ``row`` is the row's number and ``place`` where it stands (``penguins.csv, line 14``); ``title`` says what an example is; ``at`` is
    start or best, or empty. ``rule`` is the optimizer's name, ``own_rule`` whether the run used it, and ``own_rate`` its rate where another
    one is tried. ``inputs`` are the events of encoding. ``scaling`` is mean and scale of the target of a regression.
    """

    row: int | None = None
    place: str = ""
    title: str = ""
    at: str = ""
    rule: str = ""
    own_rule: bool = True
    own_rate: float | None = None
    batch_size: int | None = None
    target: str = ""
    layers: Mapping[str, str] = field(default_factory=dict)
    inputs: tuple[Any, ...] = ()
    scaling: tuple[float, float] | None = None
    answer: Answer | None = None
