from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk

from chainrule.training.metrics import METRICS, accuracy, evaluate_predictions, f1, log_loss, mse, r2, rmse, roc_auc


@st.composite
def classified(draw, classes=None):
    """Class indices, probabilities with ties among them, and positive weights or none."""
    classes = classes or draw(st.integers(2, 5))
    rows = draw(st.integers(classes, 40))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    target = np.concatenate([np.arange(classes), random.integers(0, classes, rows - classes)])
    probabilities = random.integers(1, 6, (rows, classes)).astype(np.float64)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    weights = random.integers(1, 4, rows).astype(np.float64) if draw(st.booleans()) else None
    return target, probabilities, weights


@given(classified())
def test_the_classification_metrics_are_scikit_learns(case) -> None:
    target, probabilities, weights = case
    measured = evaluate_predictions("classification", target, probabilities, weights)
    predicted = probabilities.argmax(axis=1)
    score = probabilities[:, 1] if probabilities.shape[1] == 2 else probabilities
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = {
            "accuracy": sk.accuracy_score(target, predicted, sample_weight=weights),
            "balanced_accuracy": sk.balanced_accuracy_score(target, predicted, sample_weight=weights),
            "f1": sk.f1_score(target, predicted, sample_weight=weights, average="macro"),
            "log_loss": sk.log_loss(target, probabilities, sample_weight=weights),
            "roc_auc": sk.roc_auc_score(target, score, sample_weight=weights, multi_class="ovr"),
            "pr_auc": sk.average_precision_score(target, score, sample_weight=weights),
            "brier": sk.brier_score_loss(target, score, sample_weight=weights),
            "mcc": sk.matthews_corrcoef(target, predicted, sample_weight=weights),
        }
    assert measured == pytest.approx(expected, rel=1e-12, abs=1e-15)


@given(st.integers(2, 50), st.integers(0, 2**32), st.booleans())
def test_the_regression_metrics_are_scikit_learns(rows: int, seed: int, weighted: bool) -> None:
    random = np.random.default_rng(seed)
    target, predicted = random.normal(50, 10, rows), random.normal(50, 10, rows)
    weights = random.uniform(0.1, 2, rows) if weighted else None
    measured = evaluate_predictions("regression", target, predicted, weights)
    expected = {
        "rmse": sk.root_mean_squared_error(target, predicted, sample_weight=weights),
        "mae": sk.mean_absolute_error(target, predicted, sample_weight=weights),
        "r2": sk.r2_score(target, predicted, sample_weight=weights),
        "mse": sk.mean_squared_error(target, predicted, sample_weight=weights),
        "mape": sk.mean_absolute_percentage_error(target, predicted, sample_weight=weights),
        "pinball": sk.mean_pinball_loss(target, predicted, sample_weight=weights),
        "poisson_deviance": sk.mean_poisson_deviance(target, predicted, sample_weight=weights),
    }
    assert measured == pytest.approx(expected, rel=1e-9)


@given(classified(), st.integers(0, 2**32))
def test_a_whole_weight_is_that_many_rows_and_a_weight_of_zero_is_none(case, seed: int) -> None:
    target, probabilities, _ = case
    times = np.random.default_rng(seed).integers(0, 3, len(target))
    times[0] = 1
    repeated = evaluate_predictions("classification", np.repeat(target, times), np.repeat(probabilities, times, axis=0))
    weighted = evaluate_predictions("classification", target, probabilities, times.astype(np.float64))
    assert weighted == pytest.approx(repeated)


def test_a_weight_of_zero_is_an_absent_row_in_regression_too() -> None:
    target, predicted = np.array([1.0, 2.0, 9.0, 4.0]), np.array([1.5, 2.0, -50.0, 3.0])
    kept = [0, 1, 3]
    weighted = evaluate_predictions("regression", target, predicted, np.array([1.0, 1.0, 0.0, 1.0]))
    assert weighted == pytest.approx(evaluate_predictions("regression", target[kept], predicted[kept]))


def test_the_area_counts_ties_half() -> None:
    scores = np.array([[0.6, 0.4], [0.5, 0.5], [0.5, 0.5], [0.3, 0.7]])
    assert roc_auc(np.array([0, 0, 1, 1]), scores) == pytest.approx(3.5 / 4)
    assert roc_auc(np.array([0, 1, 0, 1]), np.full((4, 2), 0.5)) == 0.5


def test_the_area_of_many_classes_leaves_out_those_without_rows() -> None:
    scores = np.array([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.2, 0.7, 0.1]])
    assert roc_auc(np.array([0, 1, 1]), scores) == 1.0


def test_a_sure_mistake_has_a_finite_loss() -> None:
    sure = np.array([[1.0, 0.0]])
    assert log_loss(np.array([1]), sure) == pytest.approx(-math.log(np.finfo(np.float64).eps))
    assert log_loss(np.array([1]), sure.astype(np.float32)) == pytest.approx(-math.log(np.finfo(np.float32).eps))


def test_what_is_undefined_is_left_out() -> None:
    one_class = evaluate_predictions("classification", np.array([0, 0]), np.array([[0.9, 0.1], [0.8, 0.2]]))
    assert set(one_class) == {"accuracy", "balanced_accuracy", "f1", "log_loss", "brier", "mcc"}
    one_row = evaluate_predictions("regression", np.array([3.0]), np.array([1.0]))
    assert set(one_row) == {"rmse", "mae", "mse", "mape", "pinball", "poisson_deviance"}
    assert evaluate_predictions("classification", np.zeros(0, np.int64), np.zeros((0, 3))) == {}
    assert evaluate_predictions("regression", np.ones(2), np.ones(2), np.zeros(2)) == {}


def test_r2_of_equal_targets_is_one_only_if_they_are_met() -> None:
    target = np.full(3, 0.1)
    assert r2(target, target) == 1.0
    assert r2(target, target + 1) == 0.0


def test_float32_predictions_are_measured_in_float64() -> None:
    predicted = np.full(1_000_001, 0.1, np.float32)
    assert mse(np.zeros(1_000_001, np.float32), predicted) == pytest.approx(float(np.float32(0.1)) ** 2, rel=1e-12)


def test_f1_of_two_classes_by_hand() -> None:
    target, predicted = np.array([0, 0, 1, 1, 1]), np.array([0, 1, 1, 1, 0])
    assert accuracy(target, predicted) == 0.6
    assert f1(target, predicted) == pytest.approx((2 * 1 / (2 + 2) + 2 * 2 / (3 + 3)) / 2)


def test_the_table_knows_which_way_is_better() -> None:
    falling = {name for name, metric in METRICS.items() if not metric.greater_is_better}
    assert falling == {"log_loss", "brier", "rmse", "mae", "mse", "mape", "pinball", "poisson_deviance"}
    assert all(name == metric.name for name, metric in METRICS.items())


@pytest.mark.parametrize("size", [1e-310, 1e-200, 1e200, 1e307])
@pytest.mark.parametrize("weights", [None, np.array([1.0, 2.0, 0.0, 3.0])])
def test_numbers_of_any_size_are_measured(size: float, weights: np.ndarray | None) -> None:
    target, predicted = np.array([1.0, 2.0, 4.0, 3.0]), np.array([1.5, 2.0, 3.0, 2.0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        measured = evaluate_predictions("regression", target * size, predicted * size, weights)
    plain = evaluate_predictions("regression", target, predicted, weights)
    assert measured["rmse"] == pytest.approx(plain["rmse"] * size, rel=1e-6)
    assert measured["mae"] == pytest.approx(plain["mae"] * size, rel=1e-6)
    assert measured["r2"] == pytest.approx(plain["r2"], rel=1e-6)
    assert ("mse" in measured) == (size < 1)  # the square of the largest is no number: there is nothing to compare


def test_what_is_not_finite_is_no_result_and_no_warning() -> None:
    target = np.array([1.7e308, -1.7e308, 0.0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert evaluate_predictions("regression", target, -target).keys() <= {"rmse"}
        assert rmse(target, -target) == math.inf
