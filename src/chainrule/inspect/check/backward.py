"""The backward pass inside of a training Program, as a Program of its own, and the same pass derived anew."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from chainrule.backends.reference import evaluate
from chainrule.inspect.check.witnesses import typed
from chainrule.ir import Port, Program
from chainrule.training.program import without_update
from chainrule.transforms import retype, reverse, simplify

Gradients = dict[str, np.ndarray]


@dataclass(frozen=True)
class Backward:
    """The gradients that a training Program computes."""

    training: Program

    @cached_property
    def loss(self) -> Program:
        """The forward and the loss phase."""
        return without_update(self.training)

    @property
    def trainable(self) -> list[str]:
        """The parameters that the Program updates."""
        return [port.name for port in self.training.outputs if port.role == "parameter"]

    @cached_property
    def stored(self) -> Program:
        """The Program whose outputs are the gradients as the training Program computes them, as far as it names them."""
        types = {port.name: port.type for port in self.training.inputs}
        named = {f"d_{path}": path for path in self.trainable}
        found: dict[str, Port] = {}
        for equation in self.training.equations:
            for value in equation.outputs:
                path = named.get(value.name)
                if equation.phase == "backward" and path is not None and value.type == types[path]:
                    found.setdefault(path, Port(path, "gradient", value))
        inputs = self.loss.inputs
        return simplify(Program(inputs, self.training.equations, tuple(found.values())))

    @cached_property
    def derived(self) -> Program:
        """The Program of the gradients as today's rules derive them from the loss."""
        program = reverse(self.loss, self.trainable)
        own = tuple(Port(f"{port.name.removeprefix('d_')}", port.role, port.value) for port in program.outputs if port.role == "gradient")
        return simplify(Program(program.inputs, program.equations, own))

    def gradients(self, program: Program, arrays: Mapping[str, np.ndarray], dtype: str) -> Gradients:
        """Run a Program of gradients in a float type."""
        program = retype(program, dtype)
        return evaluate(program, typed(program, arrays))
