"""Scikit-learn's own checks of what an estimator is, at defaults but for the number of epochs."""

from __future__ import annotations

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from chainrule.estimators import NeuralNetworkClassifier, NeuralNetworkRegressor


@pytest.mark.filterwarnings("ignore")  # the checks provoke warnings, and judge them themselves
@parametrize_with_checks([NeuralNetworkClassifier(epochs=50), NeuralNetworkRegressor(epochs=50)])
def test_scikit_learns_contract(estimator, check) -> None:
    check(estimator)
