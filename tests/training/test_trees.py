import contextlib
from pathlib import Path

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

import chainrule as cr
from chainrule.cli import main
from chainrule.errors import InputError
from chainrule.training.trees import Trees

RNG = np.random.default_rng(0)
X = RNG.normal(size=(300, 4)).astype(np.float32)
TEST = RNG.normal(size=(50, 4)).astype(np.float32)
COUNTS = RNG.integers(0, 3, 300).astype(np.float64)


@pytest.fixture(scope="module")
def trees():
    with Trees() as trees:
        yield trees


def test_values_are_those_of_scikit_learn_with_the_weights_of_the_rows(trees) -> None:
    y = np.sin(X[:, 0] * 2) + X[:, 1]
    there = COUNTS > 0
    own = HistGradientBoostingRegressor(random_state=0).fit(X[there], y[there], COUNTS[there]).predict(TEST)
    trees.grow("regression", X, y, TEST, 0, COUNTS)
    assert trees.predictions() == pytest.approx(own)


def test_counts_are_grown_as_rates(trees) -> None:
    y = np.random.default_rng(1).poisson(np.exp(X[:, 0])).astype(float)
    trees.grow("regression", X, y, TEST, 0, None, counted=True)
    found = trees.predictions()
    assert found == pytest.approx(HistGradientBoostingRegressor(loss="poisson", random_state=0).fit(X, y).predict(TEST))
    assert (found > 0).all()


def test_a_class_without_rows_has_probability_zero(trees) -> None:
    y = np.where(X[:, 0] > 0, 2, 0)
    own = HistGradientBoostingClassifier(random_state=0).fit(X, y).predict_proba(TEST)
    trees.grow("classification", X, y, TEST, 4, None)
    found = trees.predictions()
    assert found[:, [0, 2]] == pytest.approx(own)
    assert not found[:, [1, 3]].any()


def test_one_class_is_certain_and_a_class_of_one_row_does_no_harm(trees) -> None:
    trees.grow("classification", X, np.ones(300, np.int64), TEST, 2, None)
    assert (trees.predictions() == [0, 1]).all()
    many = RNG.normal(size=(10_001, 1))
    rare = np.zeros(10_001, np.int64)
    rare[0] = 1
    trees.grow("classification", many, rare, many[:5], 2, None)
    assert trees.predictions() is not None


def test_trees_that_cannot_grow_are_absent() -> None:
    with Trees() as trees:
        for _ in range(2):  # the process has ended when it is asked again
            trees.grow("regression", X[:0], np.zeros(0), TEST, 0, None)
            assert trees.predictions() is None


def test_trees_that_nobody_waits_for_leave_nothing() -> None:
    with Trees() as trees:
        trees.grow("regression", X, X[:, 0], TEST, 0, None)
    assert trees._process.returncode
    assert not Path(trees._folder.name).exists()


@pytest.fixture
def started(monkeypatch):
    """The processes in which trees could grow."""
    monkeypatch.setattr("chainrule.training.trees.installed", lambda: True)
    processes = []
    monkeypatch.setattr(Trees, "__init__", lambda self, begin=Trees.__init__: (begin(self), processes.append(self._process))[0])
    return processes


@pytest.mark.parametrize("train", [lambda path: cr.train(path, "y"), lambda path: main(["train", path, "--target", "y"])])
def test_a_table_that_is_refused_leaves_no_process(started, train, tmp_path) -> None:
    with contextlib.suppress(InputError):
        train(str(tmp_path / "nowhere.csv"))
    assert len(started) == 1 and started[0].returncode is not None
