"""A network as scikit-learn's regressor."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
from sklearn.base import RegressorMixin

from chainrule.data.target_transform import COUNTS, OPTIONS, STANDARDIZE
from chainrule.errors import OptionError
from chainrule.estimators.base import NeuralNetwork
from chainrule.estimators.constraints import Each, Number, names
from chainrule.estimators.inputs import Array
from chainrule.estimators.parameters import constraints, parameter, with_hints
from chainrule.estimators.quantities import Quantities, judge_quantities, rates
from chainrule.estimators.steps import Head

LEVEL = Number(Real, 0, 1, closed="neither")


@with_hints
@dataclass(eq=False, repr=False, kw_only=True)
class NeuralNetworkRegressor(RegressorMixin, NeuralNetwork):  # type: ignore[misc]  # scikit-learn has no types
    """A multi-layer perceptron that predicts quantities, one or several.

    Inputs are standardized, categories and dates of data frames encoded, gaps filled with the mean and marked; targets are standardized,
    and predictions are in their own units.

    The parameters and attributes are those of :class:`NeuralNetworkClassifier`, but for ``class_weight`` and ``classes_``, and:

    Args:
        loss: ``mse``, ``half_squared_error``, ``mae``, ``huber``, ``pinball`` (quantiles), ``poisson`` (counts), or a function; it measures
            targets as they are learned: transformed and standardized.
        quantile: what ``pinball`` predicts, a number between 0 and 1 or several; ``None`` for 0.5. ``predict`` gives the one nearest to ½,
            :meth:`predict_quantiles` all of them.
        target_transform: what is done to y, and undone to predictions: ``standardize``, ``log``, ``log1p``, ``none``. Metrics are measured
            in y's own units.
    """

    quantile: Any = parameter(None, LEVEL, Each(LEVEL), None)
    target_transform: str = parameter(STANDARDIZE, names(OPTIONS))

    _task = "regression"

    def partial_fit(
        self, X: Any, y: Any, sample_weight: Any = None, *, X_val: Any = None, y_val: Any = None, sample_weight_val: Any = None
    ) -> NeuralNetworkRegressor:
        """Go on with one pass over some rows, at a constant rate; the first call decides how X and y are standardized.

        ``epochs``, ``until`` and ``plateau`` are for :meth:`fit`.

        Args:
            X, y, sample_weight: as for :meth:`fit`.
            X_val, y_val, sample_weight_val: rows to validate on, from this call on. Without them, where ``valid`` is a number, this share
                of the first call's rows is held out for that. With such rows the best weights so far are those that predict, and after
                ``patience`` calls without improvement no more is learned: ``stopped_`` then says why.

        Returns:
            The estimator itself.
        """
        self._partial_fit(X, y, sample_weight, None, X_val, y_val, sample_weight_val)
        return self

    def predict_quantiles(self, X: Any) -> Array:
        """Return the quantiles of ``pinball`` in ascending order: (rows, quantiles), or (rows, columns, quantiles) if y had two axes.

        Raises:
            OptionError: the network was trained with another loss.
        """
        outputs = self._outputs(X)
        answers: Quantities = self.answers_
        if not answers.quantiles:
            raise OptionError("the network was not trained for quantiles; use loss='pinball'.")
        values = answers.values(outputs)
        return np.asarray(values[:, 0] if answers.one else values)

    def _judge(self, y: Array, classes: Any = None) -> Quantities:
        return judge_quantities(y, self.loss, self.quantile, self.target_transform)

    def _head(self) -> Head | None:
        return rates if self.answers_.transform == COUNTS else None

    def _go_on(self) -> None:
        super()._go_on()
        learned: Quantities = self.answers_
        asked = judge_quantities(learned.mean[None], self.loss, self.quantile, self.target_transform)
        for name, was, now in (
            ("quantile", learned.quantiles, asked.quantiles),
            ("target_transform", learned.transform, asked.transform),
        ):
            if was != now:
                raise OptionError(f"{name} is {now!r} and was {was!r} when the network learned what y means: set it back, or fit anew.")


NeuralNetworkRegressor._parameter_constraints = constraints(NeuralNetworkRegressor, NeuralNetworkRegressor._task)
