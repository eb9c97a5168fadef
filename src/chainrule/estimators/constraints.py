"""What a parameter of an estimator may be, in the words of scikit-learn's own constraints, which make the sentence of an error."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.utils._param_validation import (
    Interval,
    InvalidParameterError,
    Options,
    StrOptions,
    make_constraint,
    validate_parameter_constraints,
)

from chainrule.errors import OptionError, nearest


class ParameterError(OptionError, InvalidParameterError):  # type: ignore[misc]  # scikit-learn has no types
    """A parameter is out of range: this project's error, and scikit-learn's."""


class Number(Interval):  # type: ignore[misc]  # as above
    """A number of an interval, and no truth value."""

    def is_satisfied_by(self, val: Any) -> bool:
        """Say whether a value is such a number."""
        return not isinstance(val, bool | np.bool_) and bool(super().is_satisfied_by(val))


class Each(Options):  # type: ignore[misc]  # as above; of the classes that scikit-learn takes as they are, the one that asks for nothing
    """A list, or any other sequence, whose entries each are what one of these constraints says, called ``entries`` in the sentence."""

    def __init__(self, *may_be: Any, entries: str = "these") -> None:
        super().__init__(object, set())
        self.may_be, self.entries = [make_constraint(one) for one in may_be], entries

    def is_satisfied_by(self, val: Any) -> bool:
        """Say whether a value is such a sequence."""
        return is_sequence(val) and all(any(one.is_satisfied_by(entry) for one in self.may_be) for entry in val)

    def __str__(self) -> str:
        return f"a list of {self.entries}"


class Weights(Options):  # type: ignore[misc]  # as above
    """A dict whose values are finite numbers of at least 0."""

    def __init__(self) -> None:
        super().__init__(Mapping, set())

    def is_satisfied_by(self, val: Any) -> bool:
        """Say whether a value is such a dict."""
        return isinstance(val, Mapping) and all(isinstance(one, Real) and 0 <= float(one) < np.inf for one in val.values())

    def __str__(self) -> str:
        return "a dict of numbers of at least 0"


COUNT = Number(Integral, 1, None, closed="left")
SOME = Number(Integral, 0, None, closed="left")
POSITIVE = Number(Real, 0, None, closed="neither")


def names(known: Iterable[str]) -> StrOptions:
    """Return a constraint: one of these names, which the sentence lists in their order."""
    return StrOptions(dict.fromkeys(known).keys())


def is_sequence(value: Any) -> bool:
    """Say whether a value is a list, an array, an index of a data frame, or the like."""
    return bool(make_constraint("array-like").is_satisfied_by(value)) and not isinstance(value, Mapping | type | np.dtype)


def check(name: str, value: Any, may_be: list[Any], owner: str) -> None:
    """Refuse a parameter that is out of range, with the nearest of the names that it, or an entry of it, may have.

    Raises:
        ParameterError: in scikit-learn's sentence.
    """
    try:
        validate_parameter_constraints({name: may_be}, {name: value}, owner)
    except InvalidParameterError as error:
        known = [word for one in may_be if isinstance(one, StrOptions) for word in one.options]
        entries = [value] if isinstance(value, str) else list(value) if is_sequence(value) else []
        wrong = next((entry for entry in entries if isinstance(entry, str) and entry not in known), None)
        raise ParameterError(f"{error}{'' if wrong is None else nearest(wrong, known)}") from None
