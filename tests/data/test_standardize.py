from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule.data.standardize import mean_and_scale


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
