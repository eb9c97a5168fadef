"""Comparing runs: what differs in how they were made, in their metrics, their courses and their answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from chainrule.errors import OptionError
from chainrule.inspect.comparison.pairs import RESAMPLES, SEED, Pair, pair_of
from chainrule.training.events import History
from chainrule.training.metrics import METRICS
from chainrule.training.record import RunRecord, open_run

_NOT_LEARNED_BY = {"seed", "threads", "trees", "statistics"}  # options that the weights do not depend on, and the seed
_TEST_ROWS_BY = ("split_seed", "test", "time")  # options with which the seed does not decide which rows are test rows


@dataclass(frozen=True)
class Setting:
    """Something that differs: an option, or the version of something that the runs were made with; one value for each run."""

    name: str
    values: tuple[Any, ...]


@dataclass(frozen=True)
class Spread:
    """Runs that differ by their seed alone: the metric of each, and their mean and standard deviation (n − 1).

    ``same_rows`` says whether all were measured on the same test rows: what is left is the luck of weights and order.
    """

    runs: tuple[str, ...]
    metric: str
    values: tuple[float, ...]
    same_rows: bool = False

    @property
    def mean(self) -> float:
        """The mean over the seeds."""
        return float(np.mean(self.values))

    @property
    def deviation(self) -> float:
        """The standard deviation over the seeds."""
        return float(np.std(self.values, ddof=1))

    def __str__(self) -> str:
        rows = "all on the same test rows" if self.same_rows else "each on its own test rows"
        return (
            f"{', '.join(self.runs)} differ by their seed alone: {self.metric} is {self.mean:.4g} ± {self.deviation:.2g} over "
            f"{len(self.values)} seeds, {rows} ({min(self.values):.4g} to {max(self.values):.4g})."
        )


@dataclass(frozen=True)
class Comparison:
    """What was found out about runs; made by :func:`compare`.

    Attributes:
        runs: their names, as they were given. ``target``: what they predict. ``metric``: what they are judged by.
        settings: what differs in how they were made.
        metrics: by part (train, valid, test) and name, one value for each run, ``None`` where it was not measured.
        histories: the course of each.
        pairs: each further run beside the first. ``spreads``: of runs that differ by their seed alone.
        said: a sentence for each thing that could not be compared.
    """

    runs: tuple[str, ...]
    target: str
    metric: str
    settings: tuple[Setting, ...]
    metrics: Mapping[str, Mapping[str, tuple[float | None, ...]]]
    histories: tuple[History, ...]
    pairs: tuple[Pair, ...]
    spreads: tuple[Spread, ...]
    said: tuple[str, ...]

    @property
    def verdict(self) -> str:
        """What is better than the first run, with the numbers: a sentence for each further one that could be compared."""
        return (
            " ".join(pair.verdict for pair in self.pairs)
            or "Nothing can be said about which is better: no test row is known to be in both."
        )

    def __str__(self) -> str:
        return self.verdict

    def _repr_html_(self) -> str:
        from chainrule.inspect.notebook import html_of  # which imports this module

        return html_of(self)

    def to_json(self) -> dict[str, Any]:
        """Return the comparison as JSON-ready data."""
        pairs = []
        for pair in self.pairs:
            more = {"difference": pair.interval.difference, "better": pair.interval.better or None}
            interval = asdict(pair.interval) | more | {"resamples": RESAMPLES, "seed": SEED}
            pairs.append(asdict(pair) | {"interval": interval, "verdict": pair.verdict})
        return {
            "runs": list(self.runs),
            "target": self.target,
            "metric": self.metric,
            "settings": {setting.name: list(setting.values) for setting in self.settings},
            "metrics": self.metrics,
            "pairs": pairs,
            "seeds": [asdict(spread) | {"mean": spread.mean, "deviation": spread.deviation} for spread in self.spreads],
            "said": list(self.said),
            "verdict": self.verdict,
        }


def compare(*runs: str | Path | RunRecord, data: Any = None) -> Comparison:
    """Compare runs on the same table, each with the first.

    Args:
        runs: their folders, or what :func:`chainrule.open_run` returns of them; two at least.
        data: their table, where it is not where it was, or was read from standard input.

    Raises:
        OptionError: fewer than two, one of them twice, or runs on other tables or targets. FileFormatError: one is not a run.
    """
    if len(runs) < 2:
        raise OptionError(f"{len(runs)} run{'' if len(runs) == 1 else 's'} to compare; name two at least: chainrule compare RUN RUN.")
    records = [run if isinstance(run, RunRecord) else open_run(run, data) for run in runs]
    names = tuple(str(run.path if isinstance(run, RunRecord) else run) for run in runs)
    _check_alike(records, names)
    metric = _metric(records)
    said = [f"{name}: {text}" for name, record in zip(names, records, strict=True) for text in record.said]
    pairs = []
    for record, name in zip(records[1:], names[1:], strict=True):
        try:
            pairs.append(pair_of(records[0], record, (names[0], name), metric))
        except OptionError as error:
            said.append(str(error))
    return Comparison(
        names,
        _target(records[0]),
        metric,
        _settings(records),
        _metrics(records),
        tuple(record.history for record in records),
        tuple(pairs),
        _spreads(records, names, metric),
        tuple(said),
    )


def _check_alike(records: list[RunRecord], names: tuple[str, ...]) -> None:
    first = records[0]
    places: dict[Path, str] = {}
    for record, name in zip(records, names, strict=True):
        if (known := record.path.resolve()) in places:
            raise OptionError(f"{name} and {places[known]} are the same run; name different ones.")
        places[known] = name
        if _target(record) != _target(first):
            raise OptionError(f"{names[0]} predicts {_target(first)} and {name} {_target(record)}; compare runs of the same target.")
        one, other = (r.about.get("data", {}) for r in (first, record))
        if one.get("sha256") != other.get("sha256"):
            raise OptionError(
                f"{names[0]} was trained on {one.get('given')} (SHA-256 {_short(one)}) and {name} on {other.get('given')} "
                f"({_short(other)}): their figures do not say which is better; compare runs on the same table."
            )
        tasks = [r.report.get("task") for r in (first, record)]
        if None not in tasks and tasks[0] != tasks[1]:
            raise OptionError(f"{names[0]} is a {tasks[0]} and {name} a {tasks[1]}: they have no metric in common.")


def _short(data: Mapping[str, Any]) -> str:
    return f"{data['sha256'][:8]}…" if "sha256" in data else "not known"


def _target(record: RunRecord) -> str:
    given = record.about.get("target")
    return ", ".join(map(str, given)) if isinstance(given, list) else str(given)


def _metric(records: list[RunRecord]) -> str:
    asked = {str(record.about.get("options", {}).get("metric")) for record in records}
    if len(asked) == 1 and (name := asked.pop()) in METRICS:
        return name
    goals = [record.model.goal for record in records if record.model is not None]
    shared = {goal.headline for goal in goals}
    if len(shared) == 1:
        return shared.pop()
    return "rmse" if goals and goals[0].task == "regression" else "accuracy"


def _settings(records: list[RunRecord]) -> tuple[Setting, ...]:
    found = []
    for group in ("options", "made_with"):
        tables = [record.about.get(group, {}) for record in records]
        for name in dict.fromkeys(name for table in tables for name in table):
            values = tuple(table.get(name) for table in tables)
            if any(value != values[0] for value in values):
                found.append(Setting(name, values))
    return tuple(found)


def _metrics(records: list[RunRecord]) -> dict[str, dict[str, tuple[float | None, ...]]]:
    parts = {}
    for part in ("train", "valid", "test"):
        tables = [record.report.get(part) or {} for record in records]
        names = dict.fromkeys(name for table in tables for name in table)
        if names:
            parts[part] = {name: tuple(table.get(name) for table in tables) for name in names}
    return parts


def _spreads(records: list[RunRecord], names: tuple[str, ...], metric: str) -> tuple[Spread, ...]:
    groups: dict[str, dict[str, tuple[int, float]]] = {}
    same_rows: dict[str, bool] = {}
    for record, name in zip(records, names, strict=True):
        options = record.about.get("options", {})
        value = (record.report.get("test") or {}).get(metric)
        if value is not None:
            key = repr(sorted((option, repr(given)) for option, given in options.items() if option not in _NOT_LEARNED_BY))
            groups.setdefault(key, {})[name] = (options.get("seed", 0), value)
            same_rows[key] = any(options.get(option) is not None for option in _TEST_ROWS_BY)
    return tuple(
        Spread(tuple(group), metric, tuple(value for _, value in group.values()), same_rows[key])
        for key, group in groups.items()
        if len({seed for seed, _ in group.values()}) == len(group) > 1
    )
