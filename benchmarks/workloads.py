"""What is timed: each workload is a network, a batch size, a loss and an optimizer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from itertools import pairwise
from typing import Literal

Loss = Literal["cross_entropy", "mse"]
Optimizer = Literal["sgd", "momentum", "adam", "adamw_clip"]

# The hyper-parameters, the same for everyone.
RATES: dict[Optimizer, float] = {"sgd": 0.05, "momentum": 0.01, "adam": 1e-3, "adamw_clip": 1e-3}
MOMENTUM = 0.9
BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8
WEIGHT_DECAY = 0.01  # of weights, not of biases
CLIP_NORM = 0.5
# In float32, other roundings grow to some 0.3 % of the final loss over an epoch; float64 shows that the methods are the same.
RELATIVE_TOLERANCE = {"float32": 1e-2, "float64": 1e-6}
DROPOUT_TOLERANCE = 0.1  # everyone draws other random numbers


@dataclass(frozen=True)
class Workload:
    """A training of one epoch, or the prediction of many rows.

    Attributes:
        name: as ``--only`` takes it.
        widths: inputs, hidden layers (ReLU), outputs.
        batch: rows a step; in prediction, rows a call.
        steps: steps in the epoch that is timed; in prediction, calls.
        loss: its name in ``chainrule.losses``.
        optimizer: see ``RATES``.
        dropout: the rate after each hidden layer.
        dtype: of data and weights.
        predicts: whether prediction is timed, and not training.
    """

    name: str
    widths: tuple[int, ...]
    batch: int
    steps: int
    loss: Loss = "cross_entropy"
    optimizer: Optimizer = "adam"
    dropout: float = 0.0
    dtype: str = "float32"
    predicts: bool = False

    @property
    def rows(self) -> int:
        """The number of rows of the data."""
        return self.batch * self.steps

    @property
    def flops(self) -> int:
        """Floating-point operations of the matrix products of one step or call; the first layer needs no gradient of its input."""
        products = [1 if self.predicts else 2 if first else 3 for first in (True, *[False] * (len(self.widths) - 2))]
        return sum(2 * a * b * self.batch * n for (a, b), n in zip(pairwise(self.widths), products, strict=True))

    @property
    def tolerance(self) -> float:
        """How far a rival's final loss may be from ours, as a fraction."""
        return DROPOUT_TOLERANCE if self.dropout else RELATIVE_TOLERANCE[self.dtype]

    @property
    def description(self) -> str:
        """The workload in words."""
        inner = self.widths[1:-1]
        hidden = f"{len(inner)}×{inner[0]}" if len(inner) > 4 else "-".join(map(str, inner))
        network = f"{self.widths[0]}-{hidden}-{self.widths[-1]}"
        special = [] if self.dtype == "float32" else [self.dtype]
        if self.predicts:
            return ", ".join([network, f"{self.batch:,} {'row' if self.batch == 1 else 'rows'}", *special])
        special += [f"dropout {self.dropout:g}"] if self.dropout else []
        return ", ".join([network, self.loss.replace("_", "-"), OPTIMIZER_NAMES[self.optimizer], f"batch {self.batch}", *special])


OPTIMIZER_NAMES = {"sgd": "SGD", "momentum": "momentum", "adam": "Adam", "adamw_clip": "AdamW with clipping"}
_TAB = Workload("tab", (30, 128, 128, 128, 2), 256, 64)
_MNIST = (784, 300, 100, 10)

WORKLOADS: tuple[Workload, ...] = (
    Workload("tiny", (8, 16, 16, 1), 32, 1024, "mse"),
    *(Workload(f"square_{w}", (10, w, w, 10), 128, 256) for w in (32, 45, 46, 64, 256)),
    _TAB,
    *(replace(_TAB, name=f"tab_{name}", optimizer=name) for name in ("sgd", "momentum", "adamw_clip")),
    replace(_TAB, name="tab_dropout", dropout=0.2),
    replace(_TAB, name="tab_float64", dtype="float64"),
    Workload("mnist", _MNIST, 128, 64),
    Workload("mnist_shallow", (784, 128, 10), 128, 64),
    Workload("single_row", (30, 64, 64, 2), 1, 1024),
    Workload("wide_outputs", (64, 128, 2000), 128, 32),
    Workload("deep", (64, *[64] * 20, 10), 128, 64),
    Workload("large", (1024, 2048, 2048, 1024), 1024, 3, "mse"),
    *(
        Workload(f"predict_{rows}_{name}", widths, batch, calls, predicts=True)
        for name, widths in (("tab", _TAB.widths), ("mnist", _MNIST))
        for rows, batch, calls in (("row", 1, 1000), ("million", 1_000_000, 1))
    ),
)


def select(patterns: Sequence[str], quick: bool) -> list[Workload]:
    """Return the workloads whose names match one of the patterns (all if there is none); ``quick`` ones are an eighth as long.

    Raises:
        ValueError: a pattern matches no workload.
    """
    for pattern in patterns:
        if not any(fnmatch(workload.name, pattern) for workload in WORKLOADS):
            raise ValueError(f"there is no workload '{pattern}'; there are {', '.join(workload.name for workload in WORKLOADS)}.")
    chosen = [workload for workload in WORKLOADS if not patterns or any(fnmatch(workload.name, p) for p in patterns)]
    return [_shorter(workload) for workload in chosen] if quick else chosen


def _shorter(workload: Workload) -> Workload:
    if workload.steps == 1:
        return replace(workload, batch=workload.batch // 50)
    return replace(workload, steps=max(workload.steps // 8, 2))
