"""Two runs on the test rows that they have in common: where their answers differ, and how sure the difference of a metric is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.data.table import Table
from chainrule.errors import OptionError
from chainrule.training.goal import Goal
from chainrule.training.metrics import METRICS, decide, middle
from chainrule.training.record import RunRecord
from chainrule.words import setting

RESAMPLES, SEED = 2000, 0
LISTED = 10
"""Of the rows with other answers so many are listed."""
FEW = 50
"""With fewer common rows an interval says little: it is told."""

Array = np.ndarray


@dataclass(frozen=True)
class Flips:
    """The rows of one target on which the answers differ.

    Of classes: ``first`` and ``second`` count the rows on which only the one or the other is right, ``neither`` those on which both are
    wrong, each in its own way. Of quantities, where hardly any two answers are equal: the rows on which one is nearer to the truth, and
    ``neither`` those where both are as near. ``rows`` lists some, as (row, truth, first answer, second answer).
    """

    target: str
    of_classes: bool
    differ: int
    first: int
    second: int
    neither: int
    rows: tuple[tuple[str, str, str, str], ...]


@dataclass(frozen=True)
class Interval:
    """The difference of a metric, second − first, with the ends of its 95 % interval by a paired bootstrap.

    The same rows are drawn for both, 2,000 times with replacement, and the ends are the quantiles 0.025 and 0.975 of the differences.
    Source: Efron and Tibshirani (1993), An Introduction to the Bootstrap, chapter 13.
    """

    metric: str
    greater_is_better: bool
    first: float
    second: float
    low: float
    high: float

    @property
    def difference(self) -> float:
        """Second − first."""
        return self.second - self.first

    @property
    def sure(self) -> bool:
        """Whether 0 is outside of the interval."""
        return self.low > 0 or self.high < 0

    @property
    def better(self) -> str:
        """Which of them is better: ``first``, ``second``, or nothing where the interval holds 0."""
        return "" if not self.sure else "second" if (self.low > 0) == self.greater_is_better else "first"


@dataclass(frozen=True)
class Pair:
    """Two runs: how many test rows both have, the flips of each target, and the interval of the metric that they are judged by."""

    first: str
    second: str
    rows: int
    flips: tuple[Flips, ...]
    interval: Interval

    @property
    def verdict(self) -> str:
        """One sentence with its numbers."""
        found = self.interval
        on = f"on the {self.rows:,} test rows of both"
        numbers = f"{found.metric} {found.second:.4g} against {found.first:.4g} {on}"
        spread = f"the 95 % interval of the difference, {found.low:+.3g} to {found.high:+.3g},"
        if not found.sure:
            few = ", and so few rows can hardly tell" if self.rows < FEW else ""
            return f"{self.second} cannot be told from {self.first}: {numbers}; {spread} holds 0{few}."
        word = "better" if found.better == "second" else "worse"
        return f"{self.second} is {word} than {self.first}: {numbers}; {spread} does not hold 0."


def pair_of(first: RunRecord, second: RunRecord, names: tuple[str, str], metric: str) -> Pair:
    """Compare the answers of two runs on the test rows of both.

    Raises:
        OptionError: there are none, or one of the runs has no model or no rows to look at; says which.
    """
    table, weights = _common(first, second, names)
    assert first.model is not None and second.model is not None  # or there were no common rows
    goals = first.model.goal, second.model.goal
    truth = goals[0].truth(table)
    answers = first.model.answers(table), second.model.answers(table)
    flips = tuple(_flips(goals, place, table, truth[place], (answers[0][place], answers[1][place])) for place in range(len(truth)))
    return Pair(*names, table.rows, flips, _interval(metric, goals, truth, answers, weights))


def _common(first: RunRecord, second: RunRecord, names: tuple[str, str]) -> tuple[Table, Array | None]:
    for record, name in zip((first, second), names, strict=True):
        if record.model is None:
            raise OptionError(f"{name} has no model yet, so its answers cannot be compared.")
        if record.prepared is None or record.prepared.test is None:
            what = (
                f"its table is not where it was; give {setting('data')}" if record.prepared is None else "it was trained without test rows"
            )
            raise OptionError(f"the answers of {name} are not compared: {what}.")
    assert first.prepared is not None and second.prepared is not None and first.model is not None and second.model is not None
    one, other = first.prepared.test, second.prepared.test
    assert one is not None and other is not None
    if _own_test(first) != _own_test(second):
        raise OptionError(f"{names[0]} and {names[1]} have other files of test rows, so no row is in both.")
    classes = ([target.classes for target in record.model.goal.targets] for record in (first, second) if record.model is not None)
    if first.model.goal.task == "classification" and next(classes) != next(classes):
        raise OptionError(f"{names[0]} and {names[1]} know other classes, so their answers cannot be compared.")
    _, places, _ = np.intersect1d(one.rows, other.rows, return_indices=True)
    if len(places) < 2:
        raise OptionError(
            f"{names[0]} and {names[1]} have {len(places)} test rows in common; {setting('test', 'FILE')} gives runs the same test rows."
        )
    return one.table.take(places), None if one.weights is None else one.weights[places]


def _own_test(record: RunRecord) -> Any:
    return record.about.get("files", {}).get("test", {}).get("sha256")


def _flips(goals: tuple[Goal, Goal], place: int, table: Table, truth: Array, answers: tuple[Array, Array]) -> Flips:
    target = goals[0].targets[place]
    name = target.column.name
    if goals[0].task == "classification":
        one, other = (decide(answer, goal.targets[place].threshold) for answer, goal in zip(answers, goals, strict=True))
        differ = np.flatnonzero(one != other)
        counts = (one[differ] == truth[differ]).sum(), (other[differ] == truth[differ]).sum()
        words = [str(label) for label in target.classes]
        rows = ((table.place(int(i)), words[truth[i]], words[one[i]], words[other[i]]) for i in differ[:LISTED])
        return Flips(name, True, len(differ), int(counts[0]), int(counts[1]), int(len(differ) - sum(counts)), tuple(rows))
    one, other = (answer[:, middle(goal.quantiles)] if answer.ndim == 2 else answer for answer, goal in zip(answers, goals, strict=True))
    errors = np.abs(one - truth), np.abs(other - truth)
    first, second = int((errors[0] < errors[1]).sum()), int((errors[1] < errors[0]).sum())
    order = np.argsort(-np.abs(one - other), kind="stable")[:LISTED]
    listed = ((table.place(int(i)), f"{truth[i]:.6g}", f"{one[i]:.6g}", f"{other[i]:.6g}") for i in order)
    return Flips(name, False, int((one != other).sum()), first, second, len(truth) - first - second, tuple(listed))


def _interval(
    metric: str, goals: tuple[Goal, Goal], truth: list[Array], answers: tuple[list[Array], list[Array]], weights: Array | None
) -> Interval:
    def measured(rows: Array | slice) -> Iterator[float]:
        of_rows = [part[rows] for part in truth]
        own = None if weights is None else weights[rows]
        for goal, answer in zip(goals, answers, strict=True):
            yield goal.metric(metric, of_rows, [part[rows] for part in answer], own)

    count = len(truth[0])
    random = np.random.default_rng(SEED)
    first, second = measured(slice(None))
    drawn = (tuple(measured(random.integers(count, size=count))) for _ in range(RESAMPLES))
    differences = np.array([other - one for one, other in drawn])
    known = differences[np.isfinite(differences)]  # a draw may hold one class alone
    low, high = np.quantile(known, [0.025, 0.975]) if len(known) else (np.nan, np.nan)
    return Interval(metric, METRICS[metric].greater_is_better, first, second, float(low), float(high))
