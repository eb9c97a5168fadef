"""A network as scikit-learn's regressor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sklearn.base import RegressorMixin

from chainrule.estimators.base import NeuralNetwork
from chainrule.estimators.inputs import Array
from chainrule.estimators.parameters import constraints
from chainrule.estimators.targets import Quantities, judge_quantities


@dataclass(eq=False, repr=False)
class NeuralNetworkRegressor(RegressorMixin, NeuralNetwork):  # type: ignore[misc]  # scikit-learn has no types
    """A multi-layer perceptron that predicts quantities, one or several.

    Inputs are standardized, categories and dates of data frames encoded, gaps filled with the mean and marked; targets are standardized,
    and predictions are in their own units.

    The parameters and attributes are those of :class:`NeuralNetworkClassifier`, but for ``class_weight`` and ``classes_``; ``loss`` is
    ``mse``, ``half_squared_error``, ``mae``, ``huber``, or a function, and measures standardized targets.
    """

    _task = "regression"

    def partial_fit(
        self, X: Any, y: Any, sample_weight: Any = None, *, X_val: Any = None, y_val: Any = None, sample_weight_val: Any = None
    ) -> NeuralNetworkRegressor:
        """Go on with one pass over some rows, at a constant rate; the first call decides how X and y are standardized.

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

    def _judge(self, y: Array, classes: Any = None) -> Quantities:
        return judge_quantities(y)


NeuralNetworkRegressor._parameter_constraints = constraints(NeuralNetworkRegressor)
