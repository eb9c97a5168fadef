from __future__ import annotations

import time

import numpy as np
import polars as pl
import pytest
from sklearn import linear_model

import chainrule as cr
from chainrule.training.baselines import MOST_ENTRIES, baselines, constant_predictions, linear_predictions
from chainrule.training.linear import logistic_regression, poisson_regression, ridge_regression


def table(rows: int, units: int, classes: int, seed: int = 0):
    random = np.random.default_rng(seed)
    x = random.normal(size=(rows, units))
    y = (x @ random.normal(size=(units, classes)) + random.gumbel(size=(rows, classes))).argmax(axis=1)
    return x, y, random.uniform(0.5, 1.5, rows)


@pytest.mark.parametrize(("rows", "units"), [(60, 5), (20, 50)])
def test_ridge_is_scikit_learns_whichever_side_is_longer(rows: int, units: int) -> None:
    x, _, counts = table(rows, units, 2)
    y = 100 + x[:, 0] * 7 + np.random.default_rng(1).normal(size=rows)
    weight, bias = ridge_regression(x, y, counts)
    witness = linear_model.Ridge(alpha=1.0).fit(x, y, sample_weight=counts)
    assert weight == pytest.approx(witness.coef_, rel=1e-8, abs=1e-10)
    assert bias == pytest.approx(witness.intercept_)


def test_logistic_regression_finds_scikit_learns_probabilities() -> None:
    x, y, counts = table(300, 6, 4)
    weight, bias = logistic_regression(x, y, 4, counts)
    witness = linear_model.LogisticRegression(C=1.0, tol=1e-10, max_iter=10_000).fit(x, y, sample_weight=counts)
    assert weight == pytest.approx(witness.coef_.T, abs=1e-3)
    assert bias - bias.mean() == pytest.approx(witness.intercept_ - witness.intercept_.mean(), abs=1e-3)


@pytest.mark.parametrize("scale", [0.01, 1.0, 1e5])
def test_poisson_regression_finds_scikit_learns_rates(scale: float) -> None:
    x, _, counts = table(300, 6, 2)
    y = np.random.default_rng(1).poisson(scale * np.exp(x[:, 0] - x[:, 1])).astype(float)
    weight, bias = poisson_regression(x, y, counts)
    witness = linear_model.PoissonRegressor(alpha=1.0 / counts.sum(), solver="newton-cholesky", tol=1e-10).fit(x, y, sample_weight=counts)
    assert weight == pytest.approx(witness.coef_, abs=1e-3)
    assert bias == pytest.approx(witness.intercept_, abs=1e-3)


def test_the_linear_baseline_of_counts_predicts_rates() -> None:
    x = np.random.default_rng(0).normal(size=(500, 1))
    y = np.random.default_rng(1).poisson(np.exp(1.5 * x[:, 0] - 1)).astype(float)
    found = baselines("regression", x, y, x, y, counted=True)
    assert found["linear"]["poisson_deviance"] < 0.7 * found["constant"]["poisson_deviance"]
    assert "poisson_deviance" not in baselines("regression", x, y, x, y)["linear"]  # a straight line goes below 0


def test_separable_and_collinear_data_and_a_class_without_rows_stay_finite() -> None:
    x = np.repeat(np.array([[-1.0], [1.0]]), 50, axis=0) @ np.ones((1, 3)) * 100
    y = np.repeat([0, 1], 50)
    weight, bias = logistic_regression(x, y, 3, np.ones(100))
    assert np.isfinite(weight).all() and np.isfinite(bias).all()
    assert ((x @ weight + bias).argmax(axis=1) == y).all()


def test_the_constant_is_the_mean_and_the_frequencies() -> None:
    x = np.zeros((4, 0))
    values = constant_predictions("regression", x, np.array([1.0, 2.0, 3.0, 6.0]), x[:2], 0, np.array([1.0, 1.0, 1.0, 0.0]))
    assert values.tolist() == [2.0, 2.0]
    chances = constant_predictions("classification", x, np.array([0, 2, 2, 2]), x[:1], 3, None)
    assert chances.tolist() == [[0.25, 0.0, 0.75]]


def test_without_units_the_linear_model_is_the_constant() -> None:
    x, y = np.zeros((5, 0)), np.array([0, 1, 1, 0, 1])
    chances = constant_predictions("classification", x, y, x, 2, None)
    assert linear_predictions("classification", x, y, x, 2, None) == pytest.approx(chances, rel=1e-5)
    assert linear_predictions("regression", x, y * 10.0, x, 0, None) == pytest.approx(np.full(5, 6.0))


def test_both_baselines_are_measured_on_the_test_rows() -> None:
    x, y, _ = table(400, 3, 3)
    measured = baselines("classification", x[:300], y[:300], x[300:], y[300:], classes=3)
    assert set(measured) == {"constant", "linear"}
    assert measured["linear"]["accuracy"] > measured["constant"]["accuracy"]
    values = x[:, 0] * 1000
    regression = baselines("regression", x[:300].astype(np.float32), values[:300], x[300:].astype(np.float32), values[300:])
    assert regression["linear"]["rmse"] < 20 < 800 < regression["constant"]["rmse"]


def test_without_test_rows_the_validation_rows_judge(monkeypatch) -> None:
    monkeypatch.setattr("chainrule.training.trees.installed", lambda: True)
    x = np.random.default_rng(0).normal(size=200)
    data = pl.DataFrame({"x": x, "y": x**2})
    given = {"hidden": (4,), "epochs": 2, "valid": data[150:]}
    judged = cr.train(data[:150], "y", split="100", **given).report["baselines"]
    tested = cr.train(data[:150], "y", split="100", test=data[150:], **given).report["baselines"]
    assert judged == tested
    assert set(judged) == {"constant", "linear", "trees"}
    assert "trees" not in cr.train(data, "y", hidden=(4,), epochs=2, split="100").report["baselines"]


def test_test_weights_count_in_the_metrics() -> None:
    x, y = np.zeros((4, 1)), np.array([0, 0, 0, 1])
    measured = baselines("classification", x, y, x, y, classes=2, test_weights=np.array([0.0, 0.0, 1.0, 3.0]))
    assert measured["constant"]["accuracy"] == 0.25


def test_a_long_table_is_thinned_evenly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chainrule.training.baselines.MOST_ENTRIES", 40)
    x = np.arange(100.0)[:, None]
    assert linear_predictions("regression", x, 3 * x[:, 0], x, 0, None) == pytest.approx(3 * x[:, 0], abs=0.5)
    assert MOST_ENTRIES >= 20_000 * 100


def test_twenty_thousand_rows_of_a_hundred_units_are_quick() -> None:
    x, y, _ = table(20_000, 100, 3)
    started = time.perf_counter()
    baselines("classification", x, y, x, y, classes=3)
    assert time.perf_counter() - started < 5
