from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule.data.standardize import mean_and_scale, means_and_scales, of_columns


@given(st.lists(st.integers(-1000, 1000), min_size=2, max_size=30).filter(lambda values: len(set(values)) > 1), st.integers(-1000, 990))
def test_the_moments_scale_exactly_with_powers_of_two(values, exponent: int) -> None:
    plain = np.array(values, np.float64)
    mean, scale = mean_and_scale(plain)
    assert mean == pytest.approx(plain.mean(), rel=1e-12, abs=1e-12)
    assert scale == pytest.approx(plain.std(), rel=1e-12)
    assert mean_and_scale(np.ldexp(plain, exponent)) == (np.ldexp(mean, exponent), np.ldexp(scale, exponent))


def test_equal_values_and_no_values_have_the_scale_one() -> None:
    assert mean_and_scale(np.full(3, 0.1)) == (0.1, 1.0)
    assert mean_and_scale(np.zeros(0)) == (0.0, 1.0)


def test_the_largest_and_the_smallest_numbers_neither_overflow_nor_vanish() -> None:
    largest = np.finfo(np.float64).max
    mean, scale = mean_and_scale(np.array([largest, -largest]))
    assert (mean, scale) == (0.0, largest)
    assert mean_and_scale(np.array([0.0, 5e-324]))[1] > 0


@given(st.lists(st.tuples(st.integers(-50, 50), st.integers(0, 4)), min_size=2, max_size=20).filter(lambda rows: any(w for _, w in rows)))
def test_a_weight_counts_like_so_many_equal_values(rows) -> None:
    values, weights = np.array(rows, np.float64).T
    mean, scale = mean_and_scale(values, weights)
    assert (mean, scale) == pytest.approx(mean_and_scale(values.repeat(weights.astype(int))), rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_moments_of_columns_come_from_blocks_of_rows_in_any_layout(dtype: str) -> None:
    columns = np.random.default_rng(0).normal(size=(2500, 5)) * [1, 1e-3, 1e5, 1, 1] + [0, 5, -1e6, 0, 0]
    columns[:, 3], columns[7, 4] = 0.1, np.nan
    X = columns.astype(dtype)
    means, scales = means_and_scales(X[start : start + 1024] for start in range(0, 2500, 1024))
    for column in range(4):
        assert (means[column], scales[column]) == pytest.approx(mean_and_scale(X[:, column].astype(np.float64)), rel=1e-11, abs=1e-16)
    assert np.isnan(means[4])
    other = means_and_scales(np.asfortranarray(X)[start : start + 1024] for start in range(0, 2500, 1024))
    np.testing.assert_array_equal(other, (means, scales))


def test_the_moments_of_numbers_without_squares_are_left_to_others() -> None:
    means, _ = means_and_scales([np.array([[1e300, 1e-300, 1.0], [0.0, 2e-300, 1.0]])])
    np.testing.assert_array_equal(np.isnan(means), [True, True, False])


@pytest.mark.parametrize("rows", [1, 15, 16, 48, 50])
@pytest.mark.parametrize("order", ["C", "F"])
def test_what_is_reduced_by_columns_is_the_same_however_rows_are_taken(rows: int, order: str) -> None:
    block = np.asarray(np.random.default_rng(rows).standard_normal((rows, 3)), order=order)
    block[rows // 2, 1] = np.nan
    for function in (np.minimum, np.maximum, np.fmin, np.fmax):
        np.testing.assert_array_equal(of_columns(function, block), function.reduce(block, axis=0))
