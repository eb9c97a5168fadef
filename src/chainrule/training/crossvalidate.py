"""Cross-validation: the same training for each fold, measured on rows that it has not seen; every row is such a row once."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import polars as pl

from chainrule.data.folds import Folds
from chainrule.training.answers import answer_frame
from chainrule.training.goal import Goal
from chainrule.training.measures import Beside
from chainrule.training.model import Assessment, Model
from chainrule.training.options import Options
from chainrule.training.prepare import Judged, Prepared, encode

Metrics = Mapping[str, float]


@dataclass(frozen=True)
class FoldEnded:
    """A fold (from 1) was trained and measured: its test rows, the epochs, the seconds, and the metrics of network and baselines.

    ``targets`` holds the metrics (``test``) and ``baselines`` of each, where there are several.
    """

    fold: int
    folds: int
    rows: int
    epochs: int
    seconds: float
    test: Metrics
    baselines: Mapping[str, Metrics]
    targets: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True, eq=False, repr=False)
class CrossValidation:
    """What cross-validation found.

    Attributes:
        folds: the folds, in order.
        how: how the rows were divided, in one line.
        rows: the rows of the table that were test rows (ascending), and ``fold``: for each the fold (from 1) that tested it.
        decided: for each target the answers for these rows by the network that had not seen them, as :meth:`Goal.decide` gives them.
        answers: the same as numbers, as :meth:`Goal.answers` gives them.
    """

    folds: tuple[FoldEnded, ...]
    how: str
    rows: np.ndarray
    fold: np.ndarray
    decided: list[np.ndarray]
    answers: list[np.ndarray]
    goal: Goal

    def __repr__(self) -> str:
        return f"CrossValidation({len(self.folds)} folds, {len(self.rows):,} rows)"

    @property
    def predictions(self) -> Any:
        """The answers for these rows, in the form of :meth:`Model.predict`."""
        return self.goal.by_target(self.decided)

    @property
    def outputs(self) -> Any:
        """The answers as numbers, in the form of :meth:`Model.outputs`."""
        return self.goal.by_target(self.answers)

    @property
    def mean(self) -> dict[str, float]:
        """The mean of each metric over the folds that have it."""
        return _means([fold.test for fold in self.folds])

    @property
    def deviation(self) -> dict[str, float]:
        """The standard deviation of each metric over the folds (n − 1 in the denominator)."""
        by_name = _by_name([fold.test for fold in self.folds])
        return {name: float(np.std(values, ddof=1)) for name, values in by_name.items() if len(values) > 1}

    @property
    def baselines(self) -> dict[str, dict[str, float]]:
        """The means of the baselines' metrics over the folds."""
        return _means_of_each([fold.baselines for fold in self.folds])

    @property
    def targets(self) -> dict[str, dict[str, Any]]:
        """For each of several targets the means over the folds: the network's (``cross_validation``) and those of the ``baselines``."""
        by_target = {name: [fold.targets[name] for fold in self.folds] for name in self.folds[0].targets}
        return {
            name: {
                "cross_validation": _means([one["test"] for one in found]),
                "baselines": _means_of_each([one["baselines"] for one in found]),
            }
            for name, found in by_target.items()
        }

    def frame(self) -> pl.DataFrame:
        """Return the answers as a table: ``row`` (from 0), ``fold``, ``prediction``, and for classes ``probability_CLASS``."""
        answers = answer_frame(self.goal, self.decided, self.answers, self.goal.task == "classification")
        return answers.select(pl.Series("row", self.rows), pl.Series("fold", self.fold), *answers.columns)

    def report(self) -> dict[str, Any]:
        """Return what ``chainrule train --json`` prints of it."""
        folds = [{name: value for name, value in asdict(fold).items() if name != "folds"} for fold in self.folds]
        return {"how": self.how, "mean": self.mean, "deviation": self.deviation, "folds": folds}


def cross_validate(
    judged: Judged, folds: Folds, options: Options, train_fold: Callable[[Prepared], tuple[Model, Beside]]
) -> Generator[FoldEnded, None, CrossValidation]:
    """Train and measure once for each fold; yield each fold as it is done, and return what was found.

    Args:
        judged: the table, its columns and its rows. ``folds``: how these are divided.
        options: the options of each training.
        train_fold: trains on what was prepared, and returns the model and the baselines beside it.

    Raises:
        InputError: a fold cannot be encoded.
    """
    ended: list[FoldEnded] = []
    predictions, outputs = [], []
    for number, split in enumerate(folds.splits, 1):
        prepared = encode(judged, split, options)
        model, beside = train_fold(prepared)
        assert prepared.test is not None  # a fold is never empty
        tested = prepared.test.table
        outputs.append(model.answers(tested))
        predictions.append(model.goal.decide(outputs[-1]))
        measured = model.assess(tested, np.arange(tested.rows))
        spent = model.report["epochs"], model.report["seconds"]
        ended.append(FoldEnded(number, len(folds.splits), tested.rows, *spent, measured.metrics, beside.mean, _of_each(measured, beside)))
        yield ended[-1]
    rows = np.concatenate([split.test for split in folds.splits])
    fold = np.repeat(np.arange(1, len(folds.splits) + 1), [len(split.test) for split in folds.splits])
    order = np.argsort(rows, kind="stable")
    answers, numbers = ([np.concatenate(of_target)[order] for of_target in zip(*parts, strict=True)] for parts in (predictions, outputs))
    return CrossValidation(tuple(ended), folds.how, rows[order], fold[order], answers, numbers, judged.goal)


def _of_each(measured: Assessment, beside: Beside) -> dict[str, dict[str, Any]]:
    if len(measured.targets) == 1:
        return {}
    both = zip(measured.targets.items(), beside.of_each, strict=True)
    return {name: {"test": metrics, "baselines": baselines} for (name, metrics), baselines in both}


def _means(measured: list[Metrics]) -> dict[str, float]:
    """Return the mean of each metric over the folds that have it."""
    return {name: float(np.mean(values)) for name, values in _by_name(measured).items()}


def _means_of_each(measured: list[Mapping[str, Metrics]]) -> dict[str, dict[str, float]]:
    """Return for each baseline the means over the folds that have it."""
    names = dict.fromkeys(name for fold in measured for name in fold)
    return {name: _means([fold[name] for fold in measured if name in fold]) for name in names}


def _by_name(measured: list[Metrics]) -> dict[str, list[float]]:
    names = dict.fromkeys(name for metrics in measured for name in metrics)
    return {name: [metrics[name] for metrics in measured if name in metrics] for name in names}
