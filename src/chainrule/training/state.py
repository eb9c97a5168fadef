"""The state of a training: everything that a step reads and replaces."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from numbers import Real

import numpy as np

from chainrule.errors import OptionError, StateError

Arrays = dict[str, np.ndarray]


@dataclass(repr=False)
class State:
    """What a step takes over and returns anew.

    Attributes:
        params: parameters by path.
        optimizer: the optimizer's state, by path and slot (``hidden_1.weight.m``).
        buffers: running statistics by path.
        hyper: the values of the hyper-parameters; they may be changed between steps.
        rate_scale: a factor of the learning rate, for what depends on validation or a person's hand.
        seed: of the batch order and of every random bit, 0 to 2³² − 1.
        epoch: epochs completed.
        step: steps done in the current epoch.
        count: updates done in all.
    """

    params: Arrays
    optimizer: Arrays
    buffers: Arrays
    hyper: dict[str, float]
    rate_scale: float = 1.0
    seed: int = 0
    epoch: int = 0
    step: int = 0
    count: int = 0
    _taken: bool = field(default=False, repr=False)

    def __repr__(self) -> str:
        parameters = sum(array.size for array in self.params.values())
        return f"State(epoch={self.epoch}, step={self.step}, count={self.count}, seed={self.seed}; {parameters:,} parameters)"

    def copy(self) -> State:
        """Return a state that shares nothing with this one and can be used after this one was taken over."""
        self.check()
        params, optimizer, buffers = (
            {path: array.copy() for path, array in arrays.items()} for arrays in (self.params, self.optimizer, self.buffers)
        )
        return replace(self, params=params, optimizer=optimizer, buffers=buffers, hyper=dict(self.hyper))

    def check(self) -> None:
        """Raise ``StateError`` if a step has taken this state over."""
        if self._taken:
            raise StateError("this state was taken over by a step; use the state that the step returned, or copy() before it.")

    def inputs(self, batch: Mapping[str, np.ndarray]) -> Arrays:
        """Return all inputs of a training Program for this state and a batch of arrays by the names of the Program's inputs.

        Raises:
            OptionError: a hyper-parameter is no number.
        """
        numbers = {name: _number(name, value) for name, value in (self.hyper | {"rate_scale": self.rate_scale}).items()}
        position = {name: np.asarray(getattr(self, name), np.uint32) for name in ("seed", "epoch", "step")}
        return {**self.params, **self.optimizer, **self.buffers, **batch, **numbers, **position, "count": np.asarray(self.count, np.int64)}

    def take(self) -> State:
        """Mark this state as taken over, and return one with the same arrays."""
        self.check()
        successor = replace(self)
        self._taken = True
        return successor


def _number(name: str, value: float) -> np.ndarray:
    if type(value) is not float and (not isinstance(value, Real) or isinstance(value, bool)):
        where = "state.rate_scale" if name == "rate_scale" else f"state.hyper['{name}']"
        raise OptionError(f"{where} is {value!r} and must be a number.")
    return np.asarray(value, np.float64)
