"""Scikit-learn's own checks of what an estimator is, at defaults."""

from __future__ import annotations

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from chainrule.estimators import HiddenActivations, NeuralNetworkClassifier, NeuralNetworkRegressor

ESTIMATORS = [
    NeuralNetworkClassifier(),
    NeuralNetworkRegressor(),
    HiddenActivations(NeuralNetworkRegressor(epochs=5)),
]


@pytest.mark.filterwarnings("ignore")  # the checks provoke warnings, and judge them themselves
@parametrize_with_checks(ESTIMATORS)
def test_scikit_learns_contract(estimator, check) -> None:
    check(estimator)
