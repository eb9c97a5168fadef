"""Optimizers driven by themselves: their update is traced once, with every scalar an input, and run by the reference."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from chainrule.backends.reference import Reference
from chainrule.ir import Program, Type
from chainrule.ops import scope, trace
from chainrule.optim.optimizer import Optimizer, Scalars
from chainrule.transforms import simplify

Arrays = dict[str, np.ndarray]


def update_program(optimizer: Optimizer, params: Mapping[str, np.ndarray]) -> Program:
    """Return the program (parameters, state, gradients ``d_PATH``, scalars) → (steps ``step_PATH``, state)."""
    types = {path: Type.of(array) for path, array in params.items()}
    slots = {name: Type.of(array) for name, array in optimizer.init(params).items()}
    scalars = ("t", "rate_scale", *optimizer.hyper)

    def update(inputs: dict[str, Any]) -> dict[str, Any]:
        with scope(phase="update"):
            steps, state = optimizer.update(
                {path: inputs[f"d_{path}"] for path in types},
                {name: inputs[name] for name in slots},
                {path: inputs[path] for path in types},
                Scalars({name: inputs[name] for name in scalars}),
            )
        assert list(steps) == list(types)
        assert set(state) == set(slots)
        return {f"step_{path}": step for path, step in steps.items()} | {f"new_{name}": value for name, value in state.items()}

    gradients = {f"d_{path}": type for path, type in types.items()}
    return simplify(trace(update, types | slots | gradients | {name: Type("float64") for name in scalars}))


class Drive:
    """Parameters under an optimizer; the hyper-parameters may be changed between steps."""

    def __init__(self, optimizer: Optimizer, params: Mapping[str, np.ndarray]) -> None:
        self.params: Arrays = dict(params)
        self.state: Arrays = optimizer.init(params)
        self.hyper = {"rate_scale": 1.0, **optimizer.hyper}
        self.t = 0
        self.program = update_program(optimizer, params)
        self._run = Reference(self.program)

    def step(self, gradients: Mapping[str, np.ndarray]) -> Arrays:
        """Take one step and return what was subtracted."""
        self.t += 1
        scalars = {name: np.asarray(value, np.float64) for name, value in ({"t": self.t} | self.hyper).items()}
        out = self._run(self.params | self.state | {f"d_{path}": g for path, g in gradients.items()} | scalars)
        steps = {path: out[f"step_{path}"] for path in self.params}
        self.state = {name: out[f"new_{name}"] for name in self.state}
        self.params = {path: array - steps[path] for path, array in self.params.items()}
        return steps
