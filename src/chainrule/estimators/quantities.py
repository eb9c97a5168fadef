"""What a regressor's y means: numbers, counts, or numbers whose quantiles are asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule import losses, ops
from chainrule.data.target_transform import COUNTS, STANDARDIZE, TRANSFORMS
from chainrule.errors import DataError, OptionError
from chainrule.estimators.targets import Array, Weights
from chainrule.training.metrics import middle
from chainrule.training.tasks import LOSSES_OF


@dataclass(frozen=True)
class Quantities:
    """Numbers, of which (``transform``(y) − mean) / scale is learned, with a mean and a scale for each column.

    ``one`` says that y had a single axis. ``quantiles`` are those that ``pinball`` learns, in ascending order, for each column.
    """

    mean: Array
    scale: Array
    one: bool
    transform: str = STANDARDIZE
    quantiles: tuple[float, ...] = ()
    losses: tuple[str, ...] = field(default=LOSSES_OF["regression"], init=False)

    def truth(self, y: Array, rows: Array) -> list[Array]:
        """Return for each column its values (rows,), in y's own units."""
        return list(self._within(y, rows).T)

    def judged(self, outputs: Array) -> list[Array]:
        """Return for each column answers (rows,) or (rows, quantiles), in y's own units."""
        with np.errstate(over="ignore"):  # what no number can say is infinite
            answers = rates(outputs, {})["prediction"] if self.transform == COUNTS else outputs
        return list(self.values(answers).swapaxes(0, 1))

    def function(self, loss: str) -> Callable[..., Any]:
        """Return the loss; OptionError if the numbers were understood for another one."""
        if (loss == "pinball") != bool(self.quantiles) or (loss == "poisson") != (self.transform == COUNTS):
            raise OptionError(f"loss {loss!r} is another one than the estimator was trained with: set it back, or fit without warm_start.")
        return partial(losses.pinball, quantile=self.quantiles * len(self.mean)) if self.quantiles else losses.LOSSES[loss]

    def fitted(self, y: Array, weights: Weights, rows: Array) -> Quantities:
        """Return this with the (weighted) mean and scale of each column."""
        transform = TRANSFORMS[self.transform]
        columns = transform.forward(self._within(y, rows)).T
        means, scales = zip(*(transform.fit(column, weights) for column in columns), strict=True)
        return replace(self, mean=np.array(means), scale=np.array(scales))

    def strata(self, y: Array) -> NDArray[np.int64] | None:
        """Return nothing: rows are held out at random."""
        return None

    def outputs(self, loss: str) -> int:
        """Return one output a column, or one for each of its quantiles."""
        return len(self.mean) * (len(self.quantiles) or 1)

    def y_type(self, loss: str) -> str | None:
        """Return the type of the prediction."""
        return None

    def encode(self, y: Array, loss: str, dtype: str, rows: Array) -> Array:
        """Return standardized numbers (rows, outputs); DataError for numbers that the transform does not take."""
        if y.ndim > 2 or y[:1].size != len(self.mean):
            raise DataError(f"y should have {len(self.mean)} columns, and has {y[:1].size}.")
        numbers = (TRANSFORMS[self.transform].forward(self._within(y, rows)) - self.mean) / self.scale
        standardized: Array = np.repeat(numbers, len(self.quantiles) or 1, axis=1).astype(dtype)
        return standardized

    def values(self, outputs: Array) -> Array:
        """Return outputs (of counts their rates) in y's own units (rows, columns), or (rows, columns, quantiles) with those in order."""
        if not self.quantiles:
            return self._undone(outputs)
        parts = outputs.reshape(len(outputs), len(self.mean), -1)
        return np.sort(np.stack([self._undone(parts[:, :, q]) for q in range(parts.shape[2])], axis=2), axis=2)

    def decode(self, outputs: Array) -> Array:
        """Return the answers (rows, columns), (rows,) if y had a single axis; of quantiles the one nearest to ½."""
        values = self.values(outputs)
        values = values[:, :, middle(self.quantiles)] if self.quantiles else values
        return values[:, 0] if self.one else values

    def _undone(self, numbers: Array) -> Array:
        """Return learned numbers (rows, columns) in y's own units."""
        with np.errstate(over="ignore"):
            values: Array = TRANSFORMS[self.transform].backward(numbers.astype(np.float64) * self.scale + self.mean)
        return values

    def _within(self, y: Array, rows: Array) -> NDArray[np.float64]:
        """Return y (rows, columns) as float64, all of which the transform takes."""
        values, transform = np.asarray(y, np.float64).reshape(len(y), -1), TRANSFORMS[self.transform]
        if (first := transform.first_outside(values.ravel())) is not None:
            row, value = rows[first // values.shape[1]], values.ravel()[first]
            if self.transform == COUNTS:
                raise DataError(f"row {row}: y is {value:g}, and counts are at least 0; choose another loss than poisson.")
            raise DataError(f"row {row}: y is {value:g}, and target_transform={self.transform!r} takes numbers {transform.domain}.")
        return values


def rates(prediction: Any, buffers: Mapping[str, Any]) -> dict[str, Any]:
    """Return the rates of counts, whose logarithms a network puts out."""
    return {"prediction": ops.exp(prediction)}


def judge_quantities(y: Array, loss: Any, quantile: Any, target_transform: str) -> Quantities:
    """Return what a regressor's y means; mean and scale come later, from :meth:`Quantities.fitted`.

    Raises:
        OptionError: quantiles without ``pinball``, or none; or a transform that does not go with ``poisson``.
    """
    columns = 1 if y.ndim == 1 else y.shape[1]
    if quantile is not None and loss != "pinball":
        raise OptionError(f"quantile={quantile!r} belongs to loss='pinball'; give both.")
    if loss == "poisson" and target_transform != STANDARDIZE:
        raise OptionError("loss='poisson' predicts counts through a logarithm of its own; leave target_transform out.")
    quantiles = tuple(sorted({float(q) for q in np.atleast_1d(0.5 if quantile is None else quantile)})) if loss == "pinball" else ()
    if loss == "pinball" and not quantiles:
        raise OptionError("quantile is empty; give a number between 0 and 1, or several of them.")
    transform = COUNTS if loss == "poisson" else target_transform
    return Quantities(np.zeros(columns), np.ones(columns), y.ndim == 1, transform, quantiles)
