"""A model's answers as a table, and as the objects of JSON.

The columns are ``prediction``, then ``probability_CLASS`` or, where several were learned, ``quantile_Q``. With several targets the name of
each comes in between: ``prediction_TARGET``, ``probability_TARGET_CLASS``, ``quantile_TARGET_Q``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from chainrule.data.target import Target
from chainrule.errors import OptionError
from chainrule.training.goal import Goal
from chainrule.words import setting


def answer_frame(goal: Goal, decided: Sequence[np.ndarray], answers: Sequence[np.ndarray], proba: bool) -> pl.DataFrame:
    """Return the answers as a table.

    Args:
        goal: what was learned. ``decided``, ``answers``: for each target what :meth:`Goal.decide` and :meth:`Goal.answers` give.
        proba: whether the probabilities of classes are wanted.

    Raises:
        OptionError: two columns would have one name.
    """
    columns: dict[str, pl.Series] = {}
    for target, chosen, part in zip(goal.targets, decided, answers, strict=True):
        middle = [target.column.name] if len(goal.targets) > 1 else []
        kind, own = _parts(goal, target, part, proba)
        named = {"_".join(["prediction", *middle]): chosen} | {"_".join([kind, *middle, word]): values for word, values in own.items()}
        for name, values in named.items():
            if name in columns:
                raise OptionError(f"two columns of the answers would be called '{name}'; write the answers with {setting('json', True)}.")
            columns[name] = pl.Series(name, values.tolist())
    return pl.DataFrame(list(columns.values()))


def answer_records(goal: Goal, decided: Sequence[np.ndarray], answers: Sequence[np.ndarray], proba: bool) -> list[dict[str, Any]]:
    """Return the answers as one object a row: ``prediction``, and ``probabilities`` or ``quantiles``; arguments as :func:`answer_frame`.

    With several targets each of these is an object by their names.
    """
    records: list[dict[str, Any]] = [{} for _ in range(len(decided[0]))]
    for target, chosen, part in zip(goal.targets, decided, answers, strict=True):
        kind, own = _parts(goal, target, part, proba)
        found: dict[str, list[Any]] = {"prediction": chosen.tolist()}
        if own:
            rows = zip(*(values.tolist() for values in own.values()), strict=True)
            found["probabilities" if kind == "probability" else "quantiles"] = [dict(zip(own, row, strict=True)) for row in rows]
        for key, values in found.items():
            for record, value in zip(records, values, strict=True):
                if len(goal.targets) == 1:
                    record[key] = value
                else:
                    record.setdefault(key, {})[target.column.name] = value
    return records


def _parts(goal: Goal, target: Target, answer: np.ndarray, proba: bool) -> tuple[str, dict[str, np.ndarray]]:
    """Return what an answer consists of by its words: probabilities by classes, or quantiles."""
    if goal.task == "classification":
        words = [spelled_class(label) for label in target.classes] if proba else []
        return "probability", {word: answer[:, place] for place, word in enumerate(words)}
    quantiles = goal.quantiles if answer.ndim == 2 else ()
    return "quantile", {f"{q:g}": answer[:, place] for place, q in enumerate(quantiles)}


def spelled_class(label: Any) -> str:
    """Return how a class is written in the name of a column or a key of JSON."""
    return str(label).lower() if isinstance(label, bool) else str(label)
