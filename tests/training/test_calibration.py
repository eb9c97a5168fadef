"""Temperature, thresholds and the calibration table, against independent ways to find them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from chainrule.training.calibration import best_threshold, calibration_of, fit_temperature, shares_below


def logits_and_classes(seed: int, rows: int, classes: int, heat: float) -> tuple[np.ndarray, np.ndarray]:
    """Logits that are ``heat`` times too large for the classes drawn from them."""
    random = np.random.default_rng(seed)
    logits = random.normal(size=(rows, classes)) * 2
    shares = np.exp(log_softmax(logits, axis=1)).cumsum(axis=1)
    return logits * heat, (random.uniform(size=(rows, 1)) > shares[:, :-1]).sum(axis=1)


@given(st.integers(0, 99), st.integers(2, 4), st.floats(0.3, 4), st.booleans())
@settings(max_examples=25)
def test_the_temperature_is_the_most_probable_one(seed: int, classes: int, heat: float, weighted: bool) -> None:
    logits, target = logits_and_classes(seed, 300, classes, heat)
    weights = np.random.default_rng(seed).integers(0, 3, 300).astype(float) if weighted else np.ones(300)

    def loss(log_temperature: float) -> float:
        p = log_softmax(logits / np.exp(log_temperature), axis=1)
        return log_temperature**2 / (2 * 0.25**2) - float(np.dot(weights, p[np.arange(300), target]))

    expected = np.exp(minimize_scalar(loss, bounds=(-3, 3), method="bounded", options={"xatol": 1e-9}).x)
    assert fit_temperature(logits, target, weights if weighted else None) == pytest.approx(expected, rel=1e-4)


def test_the_temperature_undoes_what_logits_were_multiplied_by() -> None:
    logits, target = logits_and_classes(0, 20_000, 3, 2.5)
    assert fit_temperature(logits, target) == pytest.approx(2.5, rel=0.05)


def test_one_logit_is_two_classes() -> None:
    logits, target = logits_and_classes(1, 200, 2, 3.0)
    assert fit_temperature(logits[:, 1:] - logits[:, :1], target) == pytest.approx(fit_temperature(logits, target), rel=1e-9)


def test_a_sample_without_a_mistake_gives_no_extreme_temperature() -> None:
    target = np.arange(30) % 2
    logits = np.where(target[:, None] == np.arange(2), 2.0, -2.0)
    assert 0.7 < fit_temperature(logits, target) < 1.0
    assert fit_temperature(np.zeros((3, 2)), np.zeros(3, np.int64)) == pytest.approx(1.0)
    assert fit_temperature(logits, target, np.zeros(30)) == pytest.approx(1.0)


def test_the_calibration_table_by_hand() -> None:
    probabilities = np.array([[0.9, 0.1], [0.95, 0.05], [0.4, 0.6], [0.3, 0.7]])
    found = calibration_of(np.array([0, 1, 1, 1]), probabilities, np.array([1.0, 1.0, 2.0, 0.0]), bins=10)
    assert [(one.low, one.high, one.rows, one.weight) for one in found.bins] == [(0.5, 0.6, 1, 2.0), (0.8, 0.9, 1, 1.0), (0.9, 1.0, 1, 1.0)]
    assert [one.accuracy for one in found.bins] == [1.0, 1.0, 0.0]
    assert found.ece == pytest.approx((2 * 0.4 + 0.1 + 0.95) / 4)


@given(st.integers(0, 99), st.integers(1, 60))
@settings(max_examples=30)
def test_the_calibration_error_is_that_of_its_definition(seed: int, rows: int) -> None:
    random = np.random.default_rng(seed)
    probabilities = random.dirichlet(np.ones(3), rows)
    target = random.integers(0, 3, rows)
    confidence, right = probabilities.max(1), probabilities.argmax(1) == target
    error = 0.0
    for low in np.arange(15) / 15:
        inside = (confidence > low) & (confidence <= low + 1 / 15)
        if inside.any():
            error += inside.mean() * abs(right[inside].mean() - confidence[inside].mean())
    assert calibration_of(target, probabilities).ece == pytest.approx(error, abs=1e-9)


def test_perfectly_confident_rows_have_a_bin() -> None:
    assert calibration_of(np.array([0, 0]), np.array([[1.0, 0.0], [1.0, 0.0]])).ece == 0.0


@given(st.integers(0, 99))
@settings(max_examples=20)
def test_no_threshold_is_better_than_the_best(seed: int) -> None:
    random = np.random.default_rng(seed)
    score = random.uniform(size=40).round(2)
    target = (random.uniform(size=40) < score**3).astype(np.int64)
    probabilities = np.stack([1 - score, score], axis=1)

    def reached(at: float) -> float:
        hit, said = (score >= at) == target, np.count_nonzero(score >= at)
        right, has = np.bincount(target[hit], minlength=2), np.bincount(target, minlength=2)
        either = has + np.array([len(target) - said, said])
        return float(np.mean(2 * right[either > 0] / either[either > 0]))

    at = best_threshold("f1", target, probabilities)
    assert reached(at) >= max(reached(other) for other in [*np.unique(score[score > 0]), 0.999]) - 1e-9


def test_the_share_below_a_quantile_counts_weights() -> None:
    predicted = np.array([[0.0, 2.0], [1.0, 1.0], [5.0, 9.0]])
    assert shares_below(np.array([1.0, 1.0, 7.0]), predicted) == pytest.approx([1 / 3, 1.0])
    assert shares_below(np.array([1.0, 1.0, 7.0]), predicted, np.array([1.0, 0.0, 3.0])) == [0.0, 1.0]
