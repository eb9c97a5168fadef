"""What is decided after training, on the validation rows: the temperature of the probabilities, and the threshold of an answer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from chainrule.training.calibration import best_threshold, fit_temperature
from chainrule.training.goal import TEMPERATURE, Goal
from chainrule.training.options import Options
from chainrule.training.prepare import Prepared
from chainrule.training.state import Arrays, State
from chainrule.training.step import TrainingStep


@dataclass(frozen=True)
class Calibrated:
    """The goal with its thresholds, and the temperature of each of the network's outputs; ``None`` where nothing was calibrated."""

    goal: Goal
    temperature: np.ndarray | None = None

    def buffers(self, at_start: bool = False) -> Arrays:
        """Return the buffers of the inference Program: the temperature, which is 1 before the first step."""
        if self.temperature is None:
            return {}
        return {TEMPERATURE: np.ones_like(self.temperature) if at_start else self.temperature.copy()}


def calibrate(prepared: Prepared, options: Options, step: TrainingStep, best: State) -> Calibrated:
    """Fit temperatures and thresholds to the validation rows, as far as the options ask for them."""
    goal, valid = prepared.goal, prepared.valid
    if goal.task == "regression":
        return Calibrated(goal)
    if valid is None:
        return Calibrated(goal)
    truth, logits = goal.truth(valid.table), step.predict(best, valid.x)
    temperature = None
    if options.calibrate:
        parts = np.split(logits, np.cumsum(goal.sizes)[:-1], axis=1)
        each = [fit_temperature(part, true, valid.weights) for part, true in zip(parts, truth, strict=True)]
        temperature = np.repeat(each, goal.sizes).astype(logits.dtype)
    found = Calibrated(goal, temperature)
    if not isinstance(options.threshold, str):
        return found
    answers = goal.answers(goal.head(logits, found.buffers()))
    thresholds = [best_threshold(options.threshold, true, part, valid.weights) for true, part in zip(truth, answers, strict=True)]
    return Calibrated(goal.with_thresholds(thresholds), temperature)
