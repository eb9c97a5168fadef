"""What a model file holds of an estimator's parameters: words, numbers, lists of them, and what classes weigh; no functions or objects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

_PAIRS = "pairs"  # JSON's objects have words as keys, and classes may be numbers
_DECIDES_NOTHING = ("on_event", "random_state")


def held(estimator: BaseEstimator) -> tuple[dict[str, Any], list[str]]:
    """Return an estimator's parameters as JSON-ready data, and the names of those that are no such data and decide what is learned."""
    given = estimator.get_params(deep=False)
    plain = {name: _plain(value) for name, value in given.items() if _is_plain(value)}
    return plain, [name for name in given if name not in plain and name not in _DECIDES_NOTHING]


def restored(plain: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters that :func:`held` has made plain."""
    return {name: _restored(value) for name, value in plain.items()}


def _is_plain(value: Any) -> bool:
    if isinstance(value, np.ndarray | list | tuple):
        return all(map(_is_plain, value))
    if isinstance(value, Mapping):
        return all(map(_is_plain, (*value, *value.values())))
    return value is None or isinstance(value, str | bool | int | float | np.bool_ | np.integer | np.floating)


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray | list | tuple):
        return [_plain(entry) for entry in value]
    if isinstance(value, Mapping):
        return {_PAIRS: [[_plain(key), _plain(one)] for key, one in value.items()]}
    return value.item() if isinstance(value, np.generic) else value


def _restored(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_restored(entry) for entry in value)
    return {key: _restored(one) for key, one in value[_PAIRS]} if isinstance(value, dict) else value
