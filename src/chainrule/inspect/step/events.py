"""What a traced step consists of: its events and their operands, and what is known around them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from chainrule.inspect.reading.recording import Number
from chainrule.ir import Value

MOST_TERMS = 16
"""An event lists at most so many terms of a sum, the largest ones, and adds the others up; unless everything is asked for."""

SMALL = 1_000
"""A network with at most so many parameters is small: all of its gradients and updates are events."""


@dataclass(frozen=True)
class Operand:
    """A number that an event was computed from; the term of a sum has the factors that it is the product of."""

    name: str
    value: Number | str
    factors: tuple[Operand, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the operand as JSON-ready data."""
        factors = {"factors": [factor.to_json() for factor in self.factors]} if self.factors else {}
        return {"name": self.name, "value": self.value, **factors}


@dataclass(frozen=True)
class StepEvent:
    """One number of a step: its phase, layer and unit, the operation in symbols, what it was computed from, and the result."""

    phase: str
    layer: str
    unit: str | int | None
    operation: str
    operands: tuple[Operand, ...]
    result: Number
    name: str

    def to_json(self) -> dict[str, Any]:
        """Return the event as JSON-ready data."""
        return {
            "phase": self.phase,
            "layer": self.layer,
            "unit": self.unit,
            "operation": self.operation,
            "operands": [operand.to_json() for operand in self.operands],
            "result": self.result,
            "name": self.name,
        }


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
