"""Everything that happens in a run, as plain data: the command line, the history and every other reader follow this one stream."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from chainrule.training.statistics.sample import StepSampled


@dataclass(frozen=True)
class RunStarted:
    """A run starts: how many rows it trains on, in batches of what size, for how many epochs at most.

    ``distinct`` are fewer than ``rows`` where equal rows are taken as one that weighs as much as they together.
    """

    rows: int
    batch_size: int
    epochs: int
    parameters: int
    distinct: int


@dataclass(frozen=True)
class StepsDone:
    """Some steps of an epoch (from 1) are done; ``loss`` is the mean over them."""

    epoch: int
    rows: int
    loss: float


@dataclass(frozen=True)
class EpochEnded:
    """An epoch (from 1) has ended: one line of the history.

    ``loss`` is the mean of the training losses of its rows, each before its update; ``valid`` holds the loss and the metrics on the
    validation rows; ``seconds`` counts from the start of the run; ``best`` says whether these weights are the best so far.
    """

    epoch: int
    steps: int
    loss: float
    valid: Mapping[str, float]
    seconds: float
    rows_per_second: float
    rate_scale: float
    best: bool


@dataclass(frozen=True)
class Warned:
    """Something is surely wrong with the run: its code (as in a diagnosis), the layer, since which step (from 1), and a sentence.

    A code is told at most once a run.
    """

    code: str
    layer: str
    since_step: int
    text: str


@dataclass(frozen=True)
class Stopped:
    """The run has stopped: the reason in words, the epochs done, and the epoch (from 1) whose weights are kept.

    Where the loss became NaN or infinite, ``error`` says where, and ``row`` is the row of the training data.
    """

    reason: str
    epochs: int
    best_epoch: int
    seconds: float
    interrupted: bool = False
    error: str = ""
    row: int | None = None


Event = RunStarted | StepsDone | StepSampled | EpochEnded | Warned | Stopped


@dataclass(repr=False)
class History:
    """The epochs of a run, in order; the steps that were sampled; and what was warned of."""

    epochs: list[EpochEnded] = field(default_factory=list)
    samples: list[StepSampled] = field(default_factory=list)
    warnings: list[Warned] = field(default_factory=list)

    def __repr__(self) -> str:
        return f"History({len(self.epochs)} epochs)"

    def rows(self) -> list[dict[str, float | int | bool]]:
        """Return one flat dict for each epoch, as ``history.jsonl`` holds it; validation values are called ``valid_NAME``."""
        return [
            {
                "epoch": e.epoch,
                "steps": e.steps,
                "loss": e.loss,
                **{f"valid_{name}": value for name, value in e.valid.items()},
                "seconds": e.seconds,
                "rows_per_second": e.rows_per_second,
                "rate_scale": e.rate_scale,
                "best": e.best,
            }
            for e in self.epochs
        ]

    def values(self, name: str) -> list[float]:
        """Return a value of each epoch: ``loss``, ``valid_loss``, or a metric, which is that of the validation rows."""
        return [float(row[name] if name in row else row[f"valid_{name}"]) for row in self.rows()]

    def names(self) -> list[str]:
        """Return the names that :meth:`values` knows."""
        names = [name for name in self.rows()[-1] if name != "best"] if self.epochs else []
        return names + [short for name in names if (short := name.removeprefix("valid_")) not in names]
