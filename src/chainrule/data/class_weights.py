"""How much each class counts: alike for all of them, or as somebody says."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from chainrule.data.cells import listed
from chainrule.data.classes import Label
from chainrule.errors import OptionError, nearest
from chainrule.words import setting, word

BALANCED = "balanced"


def balanced(counts: ArrayLike) -> NDArray[np.float64]:
    """Return weights (classes,) with which all classes count alike: n / (classes · n_c), where n_c rows (or their weight) are of class c.

    Classes without a row are not counted and get a weight of 1. Source: King and Zeng (2001), Logistic regression in rare events data;
    scikit-learn's ``balanced``.
    """
    rows = np.asarray(counts, np.float64)
    there = rows > 0
    return np.where(there, rows.sum() / (np.count_nonzero(there) * np.where(there, rows, 1.0)), 1.0)


def class_weights(given: str | Mapping[Any, float], classes: Sequence[Label], counts: ArrayLike, target: str) -> tuple[float, ...]:
    """Return the weight of each class, in their order.

    Args:
        given: ``balanced``; ``"yes=2,no=1"``; or a mapping from classes to weights. Classes that are not named count 1.
        classes: the labels. ``counts``: the training rows of each, or their weight. ``target``: the name of their column.

    Raises:
        OptionError: a class is not known, or a weight is not a number of at least 0, or all are 0.
    """
    if given == BALANCED:
        return tuple(balanced(counts).tolist())
    named = _parsed(given, _parts(given)) if isinstance(given, str) else given
    spelled = {_spelled(label): place for place, label in enumerate(classes)}
    weights = [1.0] * len(classes)
    for label, weight in named.items():
        place = spelled.get(_spelled(label))
        if place is None:
            known = ", ".join(spelled)
            raise OptionError(
                f"{word('class_weight')}: '{target}' has no class '{label}'; its classes are {known}.{nearest(str(label), spelled)}"
            )
        if not isinstance(weight, (int, float, np.number)) or isinstance(weight, bool) or not 0 <= weight < math.inf:
            raise OptionError(f"{word('class_weight')}: the weight of '{label}' is {weight!r} and must be a number of at least 0.")
        weights[place] = float(weight)
    if not any(weights):
        raise OptionError(f"{word('class_weight')}: all classes have a weight of 0, so that no row counts.")
    return tuple(weights)


def of_targets(given: str | Mapping[Any, Any] | None, names: Sequence[str]) -> list[str | Mapping[Any, float] | None]:
    """Return what is said of each target's classes.

    Args:
        given: of one target as :func:`class_weights` takes it. Of several ``balanced`` for all of them; ``"a=balanced,b:yes=2,b:no=1"``; or
            a mapping from some of the targets to ``balanced`` or to a mapping from classes to weights.
        names: the targets.

    Raises:
        OptionError: something else is said of several targets, or one that is not there is named.
    """
    if len(names) == 1 or given is None or given == BALANCED:
        return [given] * len(names)
    said = _parsed_of_targets(given, names) if isinstance(given, str) else given
    for name, weights in said.items():
        if name not in names:
            raise OptionError(f"{word('class_weight')}: '{name}' is not one of the targets {listed(names)}.{nearest(str(name), names)}")
        if weights != BALANCED and not isinstance(weights, Mapping):
            raise OptionError(f"{word('class_weight')}: {weights!r} for '{name}' must be 'balanced', or say a weight for each class.")
    return [said.get(name) for name in names]


def _parsed_of_targets(text: str, names: Sequence[str]) -> dict[str, Any]:
    said: dict[str, Any] = {}
    for part in _parts(text):
        label, _, weight = part.rpartition("=")
        if weight.strip() == BALANCED:
            said[label.strip()] = BALANCED
            continue
        name = max((name for name in names if label.strip().startswith(f"{name}:")), key=len, default=None)
        if name is None:
            raise OptionError(
                f"{word('class_weight')}: '{part}' names none of the targets {listed(names)}; write 'balanced', {names[0]}=balanced, "
                f"or a weight for a class such as {names[0]}:CLASS=2."
            )
        weights = said.setdefault(name, {})
        if weights == BALANCED:
            raise OptionError(f"{word('class_weight')}: '{name}' is balanced, and has weights for its classes; say one of both.")
        weights.update(_parsed(text, [part.strip().removeprefix(f"{name}:")]))
    return said


def _parts(text: str) -> list[str]:
    return next(csv.reader([text], skipinitialspace=True), [])


def _parsed(text: str, parts: Sequence[str]) -> dict[str, Any]:
    named: dict[str, Any] = {}
    for part in parts:
        label, equals, weight = part.rpartition("=")
        try:
            named[label.strip()] = float(weight)
        except ValueError:
            equals = ""
        if not equals or not label.strip():
            raise OptionError(f"{setting('class_weight', text)}: write 'balanced', or a weight for each class such as 'yes=2,no=1'.")
    return named


def _spelled(label: Any) -> str:
    return str(label).lower() if isinstance(label, (bool, np.bool_)) else str(label)
