"""What is sure to be wrong while a run goes on: few rules, each told at most once a run, and silent on a run that learns."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from chainrule.training.events import EpochEnded, History, Warned
from chainrule.training.statistics.sample import StepSampled

_ROW = 3  # samples one after the other that must show it, each of other rows
_WORSE = 4.0  # times the loss of the untrained network
_RISES = 6  # sampled steps in a row that all made the loss of their own rows worse
_NEARLY_ALL = 0.9

Samples = Sequence[StepSampled]


@dataclass
class Watch:
    """Looks at the history after each epoch and each sampled step, and says what is sure by now, once for each code."""

    told: set[str] = field(default_factory=set)

    def look(self, history: History) -> Iterator[Warned]:
        """Yield what is new."""
        for rule in _RULES:
            found = rule(history.samples, history.epochs)
            if found is not None and found.code not in self.told:
                self.told.add(found.code)
                yield found


def same_units(samples: Samples, epochs: Sequence[EpochEnded]) -> Warned | None:
    """At the start all units of a hidden layer do the same: equal weights have equal gradients, and stay equal for ever."""
    if not samples or samples[0].step != 1:
        return None
    for name, layer in samples[0].layers.items():
        alike = len(layer.activity) > 1 and len(set(layer.activity)) == 1 and len(set(layer.open)) == 1
        if alike and layer.zero < 1:
            text = f"all {layer.units} units of {name} give the same at step 1: their weights are equal, and will stay so"
            return Warned("bad_initialization", name, 1, f"{text}; start from random weights.")
    return None


def dead_layer(samples: Samples, epochs: Sequence[EpochEnded]) -> Warned | None:
    """Nearly all units of a layer are shut in every row of some batches in a row: next to no gradient passes."""
    if len(samples) < _ROW:
        return None
    for name, last in samples[-1].layers.items():
        shares = [sample.layers[name].shut / last.units for sample in samples[-_ROW:] if name in sample.layers]
        if len(shares) == _ROW and min(shares) >= _NEARLY_ALL:
            code = "dead_units" if last.zero >= _NEARLY_ALL else "saturated_units"
            what = "give 0 for" if code == "dead_units" else "are saturated in"
            advice = "a smaller learning rate, or leaky_relu" if code == "dead_units" else "smaller initial weights or inputs, or relu"
            text = f"{last.shut} of the {last.units} units of {name} {what} every row of {_ROW} batches in a row, so they do not learn"
            return Warned(code, name, samples[-_ROW].step, f"{text}; try {advice}.")
    return None


def diverging(samples: Samples, epochs: Sequence[EpochEnded]) -> Warned | None:
    """The mean loss of an epoch is several times that of the untrained network."""
    if not samples or not epochs or samples[0].step != 1:
        return None
    start, now = samples[0].loss, epochs[-1].loss
    if not start > 0 or not math.isfinite(start) or not now > _WORSE * start:
        return None
    text = f"the loss of epoch {epochs[-1].epoch} is {now:.4g}, {now / start:.1f} times that of the untrained network ({start:.4g})"
    return Warned("diverged", "", (epochs[-1].epoch - 1) * epochs[-1].steps + 1, f"{text}; try a smaller learning rate.")


def overshooting(samples: Samples, epochs: Sequence[EpochEnded]) -> Warned | None:
    """Sampled steps in a row all made the loss of their own rows larger, and the loss is no better than at the start."""
    last = samples[-_RISES:]
    if len(last) < _RISES or not epochs or not all(sample.gained < 0 for sample in last) or not epochs[-1].loss >= samples[0].loss:
        return None
    worst = max(sample.loss_after - sample.loss for sample in last)
    text = f"each of the last {_RISES} sampled steps made the loss of its own rows larger, by up to {worst:.3g}"
    return Warned("rate_too_high", "", last[0].step, f"{text}; try a smaller learning rate.")


_RULES: tuple[Callable[[Samples, Sequence[EpochEnded]], Warned | None], ...] = (same_units, dead_layer, diverging, overshooting)
