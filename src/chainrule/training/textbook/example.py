"""A textbook example: everything that one training step is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from chainrule import nn
from chainrule.errors import OptionError
from chainrule.optim import Optimizer
from chainrule.training.state import State
from chainrule.training.step import TrainingStep, training_step
from chainrule.words import setting


@dataclass(frozen=True, eq=False)
class Example:
    """A network with its weights, a batch, a loss and a rule.

    Attributes:
        name: how messages call it. ``title``: what it is. ``source``: where it comes from.
        network: the layers. ``params``: the weights before the step, by path. ``loss``, ``optimizer``: of the step.
        frozen: paths, or patterns such as ``"*.bias"``, of what is held fixed.
        x, y: the batch, rows first; y has class numbers, or the outputs' own numbers.
        input_names, output_names: names of the columns of x and of the outputs; empty where the file has none.
        loss_name: the name of the loss. ``dtype``: float64 or float32. ``seed``: of weights that are not given.
    """

    name: str
    title: str
    source: str
    network: nn.Sequential
    params: Mapping[str, np.ndarray]
    loss: Callable[..., Any]
    optimizer: Optimizer
    frozen: tuple[str, ...]
    x: np.ndarray
    y: np.ndarray
    input_names: tuple[str, ...]
    output_names: tuple[str, ...]
    loss_name: str
    dtype: str = "float64"
    seed: int = 0

    @cached_property
    def step(self) -> TrainingStep:
        """The training step."""
        y = f"{'f32' if self.dtype == 'float32' else 'f64'}[B,{self.y.shape[1]}]" if self.y.ndim == 2 else None
        return training_step(self.network, self.loss, self.optimizer, params=dict(self.params), y=y, dtype=self.dtype, frozen=self.frozen)

    @property
    def state(self) -> State:
        """The state before the step, anew each time."""
        return self.step.init(self.seed)

    @property
    def batch(self) -> tuple[np.ndarray, np.ndarray]:
        """The rows: (x, y)."""
        return self.x, self.y

    def rows(self, chosen: Any) -> Example:
        """Return the example with some of its rows.

        Args:
            chosen: row numbers from 0.

        Raises:
            OptionError: there is no such row.
        """
        places = np.atleast_1d(np.asarray(chosen))
        for place in places:
            if not 0 <= place < len(self.x):
                raise OptionError(
                    f"{setting('row', place)}: {self.name} has {len(self.x):,} row{'s' * (len(self.x) > 1)}, 0 to {len(self.x) - 1}."
                )
        return replace(self, x=self.x[places], y=self.y[places])
