"""What y means to an estimator: the protocol that classes and quantities follow, and which losses fit."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from chainrule import losses
from chainrule.errors import OptionError, nearest

Array: TypeAlias = NDArray[Any]
Weights: TypeAlias = NDArray[np.float64] | None


class Answers(Protocol):
    """What y means: how many outputs the network needs, what y is to the loss, and what the outputs say. Plain data."""

    @property
    def losses(self) -> tuple[str, ...]:
        """Return the names of the losses that fit, the default first."""

    def fitted(self, y: Array, weights: Weights, rows: Array) -> Answers:
        """Return this with what belongs to the training rows, whose numbers are ``rows``."""

    def strata(self, y: Array) -> NDArray[np.int64] | None:
        """Return a class for each row whose proportions a split keeps, if y has such."""

    def outputs(self, loss: str) -> int:
        """Return how many outputs the network has for a loss."""

    def y_type(self, loss: str) -> str | None:
        """Return the type of y for a training step; ``None`` where it is that of the prediction."""

    @property
    def quantiles(self) -> tuple[float, ...]:
        """Return which quantiles the answers are, if they are such."""

    def truth(self, y: Array, rows: Array) -> list[Array]:
        """Return for each column of y what is true of these ``rows``, as metrics take it; raises as :meth:`encode`."""

    def judged(self, outputs: Array) -> list[Array]:
        """Return for each column of y what the network's outputs (rows, outputs) predict, as metrics take it."""

    def function(self, loss: str) -> Callable[..., Any]:
        """Return the loss of that name as a function of (prediction, y[, weights])."""

    def encode(self, y: Array, loss: str, dtype: str, rows: Array) -> Array:
        """Return y of these ``rows`` as the loss takes it; a class that is not known, or another number of columns, is a ``DataError``."""

    def decode(self, outputs: Array) -> Array:
        """Return the answers that the network's outputs (rows, outputs) mean."""


def loss_of(answers: Answers, loss: str | Callable[..., Any] | None) -> tuple[str, Callable[..., Any]]:
    """Return the name of a loss and its function: the one asked for, if it fits y, or the one that y has by default.

    Raises:
        OptionError: the loss is unknown or does not fit.
    """
    if callable(loss):
        return "", loss
    name = answers.losses[0] if loss is None else loss
    if name not in answers.losses:
        what = "does not fit this y" if name in losses.LOSSES else "is not a loss"
        raise OptionError(f"loss {name!r} {what}; choose one of {', '.join(answers.losses)}.{nearest(name, answers.losses)}")
    return name, answers.function(name)


def takes_weights(loss: Callable[..., Any]) -> bool:
    """Say whether a loss can be called with (prediction, target, weights)."""
    try:
        inspect.signature(loss).bind(None, None, None)
    except TypeError:
        return False
    except ValueError:  # it does not tell
        return True
    return True
