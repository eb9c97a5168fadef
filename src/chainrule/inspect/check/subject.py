"""What is put to the test: a training Program at a state, on a batch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chainrule.ir import Program
from chainrule.training.state import Arrays, State


@dataclass(frozen=True, eq=False)
class Subject:
    """A training Program at a state, on a batch, with what is known around it.

    Attributes:
        training, inference: the Programs of a step and of prediction.
        state: the state that the step is taken from. ``batch``: x, y and, if the Program has row weights, w.
        optimizer: the name of the rule. ``layers``: what each layer does, for displays.
        input_names, output_names: names of the columns of x and of the outputs; empty where they have none.
    """

    training: Program
    inference: Program
    state: State
    batch: Arrays
    optimizer: str
    layers: tuple[Mapping[str, Any], ...]
    input_names: tuple[str, ...] = ()
    output_names: tuple[str, ...] = ()

    @property
    def dtype(self) -> str:
        """The float type of the parameters: float32 or float64."""
        return next(iter(self.training.by_role("parameter"))).type.dtype
