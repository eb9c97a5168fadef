import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from chainrule.training.trees import GrowingTrees

RNG = np.random.default_rng(0)
X = RNG.normal(size=(300, 4)).astype(np.float32)
TEST = RNG.normal(size=(50, 4)).astype(np.float32)
COUNTS = RNG.integers(0, 3, 300).astype(np.float64)


def test_values_are_those_of_scikit_learn_with_the_weights_of_the_rows() -> None:
    y = np.sin(X[:, 0] * 2) + X[:, 1]
    there = COUNTS > 0
    own = HistGradientBoostingRegressor(random_state=0).fit(X[there], y[there], COUNTS[there]).predict(TEST)
    assert GrowingTrees("regression", X, y, TEST, 0, COUNTS).predictions() == pytest.approx(own)


def test_a_class_without_rows_has_probability_zero() -> None:
    y = np.where(X[:, 0] > 0, 2, 0)
    found = GrowingTrees("classification", X, y, TEST, 4, None).predictions()
    own = HistGradientBoostingClassifier(random_state=0).fit(X, y).predict_proba(TEST)
    assert found is not None
    assert found[:, [0, 2]] == pytest.approx(own)
    assert not found[:, [1, 3]].any()


def test_one_class_is_certain_and_a_class_of_one_row_does_no_harm() -> None:
    one = GrowingTrees("classification", X, np.ones(300, np.int64), TEST, 2, None).predictions()
    assert one is not None
    assert (one == [0, 1]).all()
    many = RNG.normal(size=(10_001, 1))
    rare = np.zeros(10_001, np.int64)
    rare[0] = 1
    assert GrowingTrees("classification", many, rare, many[:5], 2, None).predictions() is not None


def test_trees_that_cannot_grow_are_absent_and_stopped_ones_leave_nothing() -> None:
    assert GrowingTrees("regression", X[:0], np.zeros(0), TEST, 0, None).predictions() is None
    growing = GrowingTrees("regression", X, X[:, 0], TEST, 0, None)
    growing.stop()
    assert growing._process.returncode
