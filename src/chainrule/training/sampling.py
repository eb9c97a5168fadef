"""Sampled steps in a run: when the next one is due, and what it shows of the state and the batch at hand."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from chainrule.training.state import Arrays, State
from chainrule.training.statistics.measure import COMPILED_FROM, Sampler
from chainrule.training.statistics.sample import StepSampled
from chainrule.training.statistics.schedule import first_sample, next_sample
from chainrule.training.step import TrainingStep


class Sampling:
    """Samples the steps of one run. The state is only looked at: the step itself is taken as any other.

    Args:
        step: what is trained.
        batch: all rows, as the Program's inputs.
        steps: how many steps the run takes at most; a run of much work has the Program compiled, a small one uses the reference.
        rows_of: the order of the rows in the epoch of a state.
        size: rows a step.
    """

    def __init__(self, step: TrainingStep, batch: Arrays, steps: int, rows_of: Callable[[State], np.ndarray], size: int) -> None:
        self._batch, self._rows_of, self._size = batch, rows_of, size
        self._due: int | None = None
        work = step.work(batch) * size * steps
        self._sampler = Sampler(step.program_for(batch), step.backend if work >= COMPILED_FROM else "reference")

    def steps_before(self, count: int) -> int:
        """Return how many steps there are, after so many updates, until the next one that is sampled; 0 if it is the next one."""
        if self._due is None:
            self._due = first_sample(count)
        return max(self._due - count, 0)

    def sample(self, state: State) -> StepSampled:
        """Return the statistics of the step that comes next."""
        rows = self._rows_of(state)[state.step * self._size : (state.step + 1) * self._size]
        self._due = next_sample(state.count)
        return self._sampler.sample(state, {name: array[rows] for name, array in self._batch.items()})
