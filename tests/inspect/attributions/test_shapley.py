"""Shapley values against their definition, and against what theory says of them."""

import math
from itertools import permutations

import numpy as np
import pytest

from chainrule.inspect.attributions.shapley import MOST_EXACT, exact, sampled, shapley_values

GENERATOR = np.random.default_rng(7)


def mixed(x):
    """A function with interactions: columns 0 and 1 multiply, 2 is squared, 3 saturates, 4 is not read."""
    return x[:, 0] * x[:, 1] + x[:, 2] ** 2 - np.tanh(x[:, 3]) * x[:, 0]


def singles(columns):
    return [np.array([column]) for column in range(columns)]


def by_definition(f, row, background, groups):
    """The mean over all orders of what a column adds to those before it."""
    values = np.zeros(len(groups))
    orders = list(permutations(range(len(groups))))
    for order in orders:
        rows = background.copy()
        before = f(rows).mean()
        for column in order:
            rows[:, groups[column]] = row[groups[column]]
            after = f(rows).mean()
            values[column] += after - before
            before = after
    return values / len(orders)


def test_exact_values_are_those_of_the_definition():
    background, row = GENERATOR.normal(size=(6, 5)), GENERATOR.normal(size=5)
    groups = [np.array([0]), np.array([1, 3]), np.array([2]), np.array([4])]
    found = exact(mixed, row, background, groups)
    np.testing.assert_allclose(found.values, by_definition(mixed, row, background, groups), rtol=0, atol=1e-13)
    assert found.errors is None
    assert (found.tried, found.baseline) == (16, pytest.approx(mixed(background).mean(), abs=1e-15))
    assert found.values.sum() == pytest.approx(found.prediction - found.baseline, abs=1e-13)


def test_a_column_that_is_not_read_has_exactly_nothing():
    background, row = GENERATOR.normal(size=(9, 5)), GENERATOR.normal(size=5)
    assert exact(mixed, row, background, singles(5)).values[4] == 0
    assert sampled(mixed, row, background, singles(5)).values[4] == 0
    assert sampled(mixed, row, background, singles(5)).errors[4] == 0


def test_columns_that_do_the_same_have_the_same_value():
    background = GENERATOR.normal(size=(8, 3))
    background[:, 1] = background[:, 0]
    row = np.array([0.7, 0.7, -1.2])
    found = exact(lambda x: np.exp(x[:, 0] + x[:, 1]) * x[:, 2], row, background, singles(3)).values
    assert found[0] == pytest.approx(found[1], rel=1e-12)


@pytest.mark.parametrize("columns", [1, 4, MOST_EXACT + 3])
def test_a_linear_function_has_a_closed_form(columns):
    weights, row, background = GENERATOR.normal(size=columns), GENERATOR.normal(size=columns), GENERATOR.normal(size=(11, columns))
    found = shapley_values(lambda x: x @ weights + 3, row, background, singles(columns))
    np.testing.assert_allclose(found.values, weights * (row - background.mean(0)), atol=1e-12)
    assert (found.errors is None) == (columns <= MOST_EXACT)


def test_sampled_values_agree_with_exact_ones_within_their_standard_errors():
    background, row = GENERATOR.normal(size=(12, 7)), 2 * GENERATOR.normal(size=7)

    def f(x):
        return np.maximum(x @ np.arange(-3.5, 3.5), 0) * x[:, 0] + np.sin(3 * x[:, 1] * x[:, 2])

    truth = exact(f, row, background, singles(7))
    runs = [sampled(f, row, background, singles(7), seed) for seed in range(40)]
    for found in runs:
        assert found.values.sum() == pytest.approx(found.prediction - found.baseline, abs=1e-12)
    off = np.array([found.values - truth.values for found in runs])
    said = np.sqrt(np.mean([found.errors**2 for found in runs], axis=0))
    assert 0.85 < math.sqrt(np.mean((off / said) ** 2)) < 1.15  # errors are neither too small nor too large
    assert (np.abs(off.mean(0)) < 4 * said / math.sqrt(40)).all()  # and not in one direction


def test_the_sample_is_the_seeds():
    background, row = GENERATOR.normal(size=(5, 7)), GENERATOR.normal(size=7)
    one, same, other = (sampled(lambda x: np.prod(x, axis=1), row, background, singles(7), seed).values for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()
