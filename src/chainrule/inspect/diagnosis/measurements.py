"""What a diagnosis looks at: the course of a run, its weights, its rows, and what simple models make of the same rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from chainrule.data.measures.sampling import evenly_spaced
from chainrule.inspect.diagnosis.references import Reference, held_out_references
from chainrule.ir import Program
from chainrule.training.events import History
from chainrule.training.state import State
from chainrule.training.statistics.program import Activated, activations

Array = np.ndarray
MOST_ROWS = 4000  # of a part that is predicted or compared


@dataclass(frozen=True)
class Rows:
    """Rows that were trained on, or held out: x [rows, columns], y [rows] (class numbers) or [rows, outputs], and w or ``None``.

    ``numbers`` are their places in the whole table, and ``place`` says such a place in words.
    """

    x: Array
    y: Array
    w: Array | None = None
    numbers: Array | None = None
    place: Callable[[int], str] = lambda row: f"row {row}"

    def __len__(self) -> int:
        return len(self.y)

    def some(self, most: int = MOST_ROWS) -> Rows:
        """Return these rows, or so many of them at even distances."""
        if len(self) <= most:
            return self
        chosen = evenly_spaced(len(self), most)
        numbers = chosen if self.numbers is None else self.numbers[chosen]
        return Rows(self.x[chosen], self.y[chosen], None if self.w is None else self.w[chosen], numbers, self.place)

    def number(self, row: int) -> int:
        """Return the place of a row in the whole table."""
        return row if self.numbers is None else int(self.numbers[row])


@dataclass(frozen=True)
class Plan:
    """How the run was to go: rows a step, epochs at most, epochs without improvement after which it stops, and the optimizer's name."""

    batch_size: int
    epochs: int
    patience: int | None
    optimizer: str
    dropout: float = 0.0


@dataclass
class Measurements:
    """Everything that a rule may look at. What is not known is ``None``, empty or 0, and the rules that need it are silent.

    Attributes:
        history: the epochs and the sampled steps.
        of_table: whether the run was made from a table, whose encoder standardizes numbers and whose target is standardized.
        program: the training Program. ``start``, ``best``: the state before the first step, and the one with the best weights.
        predict: x → the prediction of the best weights: logits or values.
        loss: the name of the loss, empty for one of the caller's own.
        train, held_out: rows by the name of their part (``valid``, ``test``).
        classes: how many there are; 0 where the target is a quantity.
        labels: what the classes are called.
        columns: the column of each place of x; one column can have several places.
        constant: columns of the table that hold one value and were left out.
        raw_target: a quantity in its own units.
        alone: of several targets, what is known of each one alone; its history is empty.
        target: the name of the target. ``forced_task``: the task, if the caller chose it.
        plan: how the run was to go.
        error, row: where the loss became NaN or infinite, in words, and the row, if it is known.
        stopped: why the run stopped.
        trees: the share of the guessing error on test rows that the baseline of trees takes away.
    """

    history: History
    of_table: bool = False
    program: Program | None = None
    start: State | None = None
    best: State | None = None
    predict: Callable[[Array], Array] | None = None
    loss: str = ""
    train: Rows | None = None
    held_out: Mapping[str, Rows] = field(default_factory=dict)
    classes: int = 0
    labels: Sequence[str] = ()
    columns: Sequence[str] = ()
    constant: Mapping[str, str] = field(default_factory=dict)
    raw_target: Array | None = None
    alone: Sequence[Measurements] = ()
    target: str = "the target"
    forced_task: str = ""
    plan: Plan | None = None
    error: str = ""
    row: int | None = None
    stopped: str = ""
    trees: float | None = None

    # the network

    @cached_property
    def activated(self) -> dict[str, Activated]:
        """The activations of the hidden layers."""
        return activations(self.program) if self.program is not None else {}

    @cached_property
    def weights(self) -> list[str]:
        """The paths of the weight matrices, the first layer first."""
        return [] if self.program is None else [p.name for p in self.program.by_role("parameter") if len(p.type.shape) == 2]

    @property
    def updates(self) -> int:
        """The updates that were done in whole epochs."""
        return sum(epoch.steps for epoch in self.history.epochs)

    def step_of_epoch(self, epoch: int) -> int:
        """Return the first step (from 1) of an epoch (from 1)."""
        return sum(e.steps for e in self.history.epochs[: epoch - 1]) + 1

    # the rows

    @cached_property
    def some(self) -> Rows | None:
        """The training rows, or 4,000 of them."""
        return None if self.train is None else self.train.some()

    @cached_property
    def column_view(self) -> tuple[Array, list[str]] | None:
        """The training rows with one place for each column of the table: a category is the number of its unit."""
        if self.some is None:
            return None
        x, names = self.some.x, list(self.columns) or [f"column {place}" for place in range(self.some.x.shape[1])]
        places: dict[str, list[int]] = {}
        for place, name in enumerate(names):
            places.setdefault(name, []).append(place)
        view = []
        for own in places.values():
            part = x[:, own]
            one_hot = len(own) > 1 and bool(((part == 0) | (part == 1)).all())
            view.append(part.argmax(axis=1) if one_hot else part[:, 0])
        return np.stack(view, axis=1).astype(np.float64), list(places)

    @cached_property
    def goal(self) -> Array | None:
        """The target of ``some`` rows as one number each: class numbers, or the quantity; ``None`` for several outputs."""
        return None if self.some is None else _goal(self.some.y, self.classes)

    # how well it is learned

    @cached_property
    def skill_train(self) -> float | None:
        """The share of the guessing error on training rows that the best weights take away; see :func:`skill`."""
        return self._skill_of(self.some)

    @cached_property
    def skill_held_out(self) -> float | None:
        """The same on the validation rows, or the test rows where there are none."""
        rows = self.held_out.get("valid") or self.held_out.get("test")
        return self._skill_of(None if rows is None else rows.some())

    @cached_property
    def learned(self) -> float | None:
        """How much of its own rows the network learned: by the best weights, or by the last ones, whose training loss is known."""
        if self.skill_train is None:
            return None
        losses = self.history.values("loss")
        last = 1 - losses[-1] / self.guess if losses and self.guess and np.isfinite(losses[-1]) else None
        return self.skill_train if last is None else max(self.skill_train, last)

    def _skill_of(self, rows: Rows | None) -> float | None:
        if rows is None or self.predict is None or len(rows) < 2:
            return None
        answers = self.answers(rows)
        goal = _goal(rows.y, self.classes)
        if answers is None or goal is None:
            return None
        if self.loss == "pinball":  # a quantile lies beside the mean, and that is no error
            answers = answers + np.mean(goal - answers)
        return skill(goal, answers, self.classes)

    def answers(self, rows: Rows) -> Array | None:
        """Return what the best weights answer for rows: class numbers, or values; ``None`` for several outputs."""
        if self.predict is None:
            return None
        raw = np.asarray(self.predict(rows.x))
        if not self.classes:
            values = raw.reshape(len(raw)) if raw.size == len(raw) else None
            with np.errstate(over="ignore"):
                return np.exp(values) if values is not None and self.loss == "poisson" else values
        if raw.ndim == 2 and raw.shape[1] > 1:
            return np.asarray(raw.argmax(axis=1))
        return (raw.reshape(len(raw)) > 0).astype(np.int64)

    @cached_property
    def references(self) -> list[Reference]:
        """What a linear model and the nearest neighbors answer for ``some`` rows, each row left out of what it is predicted from."""
        if self.some is None or self.goal is None or not np.isfinite(self.some.x).all():
            return []
        return held_out_references(self.some.x, self.goal, self.classes)

    @cached_property
    def reference(self) -> Reference | None:
        """The best of the references, the baseline of trees among them where the run has it."""
        none = np.zeros(0)
        trees = [] if self.trees is None else [Reference("trees", none, none, none, self.trees)]
        return max((*self.references, *trees), key=lambda one: one.skill, default=None)

    @cached_property
    def guess(self) -> float | None:
        """The loss of the best constant answer on the training rows."""
        if self.some is None or not self.loss:
            return None
        y = self.some.y
        if self.loss in ("cross_entropy", "binary_cross_entropy"):
            if not self.classes:
                return None
            counts = np.bincount(y.reshape(len(y)).astype(np.int64), minlength=self.classes)
            p = counts[counts > 0] / counts.sum()
            return float(-(p * np.log(p)).sum())
        if self.loss in ("mse", "half_squared_error"):
            squares = np.square(y - y.mean(axis=0)).reshape(len(y), -1)
            return float(squares.mean() if self.loss == "mse" else 0.5 * squares.sum(axis=1).mean())
        if self.loss == "mae":
            return float(np.abs(y - np.median(y, axis=0)).mean())
        return None


def skill(goal: Array, answers: Array, classes: int) -> float:
    """Return the share of the guessing error that is gone: 1 − error / error of the best constant answer.

    The error is the share of wrong classes, or the mean squared error. It is 1 for perfect answers, 0 for guessing, below 0 for worse.
    """
    if classes:
        guess = 1 - np.bincount(goal.astype(np.int64), minlength=classes).max() / len(goal)
        error = float(np.mean(goal != answers))
    else:
        guess = float(np.var(goal.astype(np.float64)))
        with np.errstate(over="ignore", invalid="ignore"):
            error = float(np.mean(np.square(answers.astype(np.float64) - goal)))
    return float(1 - error / guess) if guess > 0 else 0.0


def _goal(y: Array, classes: int) -> Array | None:
    flat = y.reshape(len(y), -1)
    if flat.shape[1] != 1:
        return None
    goal: Array = flat[:, 0]
    return goal.astype(np.int64) if classes else goal.astype(np.float64)
