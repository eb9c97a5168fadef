"""How much each class counts: alike for all of them, or as somebody says."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from chainrule.data.classes import Label
from chainrule.errors import OptionError, nearest

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
    named = _parsed(given) if isinstance(given, str) else given
    spelled = {_spelled(label): place for place, label in enumerate(classes)}
    weights = [1.0] * len(classes)
    for label, weight in named.items():
        place = spelled.get(_spelled(label))
        if place is None:
            known = ", ".join(spelled)
            raise OptionError(f"--class-weight: '{target}' has no class '{label}'; its classes are {known}.{nearest(str(label), spelled)}")
        if not isinstance(weight, (int, float)) or isinstance(weight, bool) or not 0 <= weight < math.inf:
            raise OptionError(f"--class-weight: the weight of '{label}' is {weight!r} and must be a number of at least 0.")
        weights[place] = float(weight)
    if not any(weights):
        raise OptionError("--class-weight: all classes have a weight of 0, so that no row counts.")
    return tuple(weights)


def _parsed(text: str) -> dict[str, Any]:
    named: dict[str, Any] = {}
    for part in next(csv.reader([text], skipinitialspace=True), []):
        label, equals, weight = part.rpartition("=")
        try:
            named[label.strip()] = float(weight)
        except ValueError:
            equals = ""
        if not equals or not label.strip():
            raise OptionError(f"--class-weight {text}: write 'balanced', or a weight for each class such as 'yes=2,no=1'.")
    return named


def _spelled(label: Any) -> str:
    return str(label).lower() if isinstance(label, (bool, np.bool_)) else str(label)
