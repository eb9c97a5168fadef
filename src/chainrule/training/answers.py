"""The answers of a model as a table, and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from chainrule.errors import OptionError
from chainrule.training.goal import Goal


def answer_table(
    goal: Goal, answers: Sequence[np.ndarray], decided: Sequence[np.ndarray], proba: bool
) -> tuple[pl.DataFrame, list[dict[str, Any]]]:
    """Return answers as columns and as JSON-ready records.

    The columns are ``prediction``, then ``probability_CLASS`` if asked for, or ``quantile_Q`` where several were trained. With several
    targets the name of each comes in between: ``prediction_TARGET``, ``probability_TARGET_CLASS``, ``quantile_TARGET_Q``.

    Args:
        answers: for each target its probabilities (rows, classes), or its values (rows,) or (rows, quantiles). ``decided``: for each
            target one answer a row.
        proba: whether probabilities are wanted.

    Raises:
        OptionError: two columns would have one name.
    """
    columns: dict[str, list[Any]] = {}
    records: list[dict[str, Any]] = [{} for _ in range(len(decided[0]))]
    for target, part, answer in zip(goal.targets, answers, decided, strict=True):
        name = target.column.name if len(goal.targets) > 1 else ""
        own: dict[str, list[Any]] = {}
        if proba:
            own = {_spelled(label): part[:, place].tolist() for place, label in enumerate(target.classes)}
        elif part.ndim == 2 and goal.task == "regression":
            own = {f"{q:g}": part[:, place].tolist() for place, q in enumerate(goal.quantiles)}
        chosen = answer.tolist()
        columns["_".join(("prediction", name) if name else ("prediction",))] = chosen
        kind = "probability" if proba else "quantile"
        for word, numbers in own.items():
            column = "_".join((kind, name, word) if name else (kind, word))
            if column in columns:
                raise OptionError(f"two columns of the answers would be called '{column}'; write them with --json.")
            columns[column] = numbers
        _add(records, name, "prediction", chosen)
        if own:
            plural = "probabilities" if proba else "quantiles"
            _add(records, name, plural, [dict(zip(own, row, strict=True)) for row in zip(*own.values(), strict=True)])
    return pl.DataFrame([pl.Series(name, values) for name, values in columns.items()]), records


def _add(records: list[dict[str, Any]], target: str, key: str, values: Sequence[Any]) -> None:
    """Add a value to each record, under the name of its target where there are several."""
    for record, value in zip(records, values, strict=True):
        if target:
            record.setdefault(key, {})[target] = value
        else:
            record[key] = value


def _spelled(label: Any) -> str:
    return str(label).lower() if isinstance(label, bool) else str(label)
