"""What arrays show before any training."""

from __future__ import annotations

import numpy as np
import pytest

from chainrule.data.measures.columns import constant_columns, is_picture_like, scales, twin_columns
from chainrule.data.measures.rows import repeated_rows, rows_in_both
from chainrule.data.measures.target import alone, class_shares

RANDOM = np.random.default_rng(7)
X = RANDOM.normal(size=(400, 5)) * [1, 10, 1000, 0.001, 1] + [0, 5, 0, 0, 100]


def test_constant_columns_are_found_whatever_their_value():
    x = X.copy()
    x[:, 1], x[:, 3] = 0.0, 7.5
    assert constant_columns(x) == [1, 3]
    x[17, 3] = np.nextafter(7.5, 8)
    assert constant_columns(x) == [1]
    assert constant_columns(x[:1]) == []


def test_pictures_have_many_columns_with_a_background():
    pictures = np.maximum(RANDOM.normal(size=(100, 64)), 0)
    assert is_picture_like(pictures)
    assert is_picture_like((pictures - pictures.mean(0)) / pictures.std(0))
    assert not is_picture_like(pictures[:, :20])
    assert not is_picture_like(RANDOM.normal(size=(100, 64)))


@pytest.mark.parametrize("factor, shift", [(1, 0), (-3, 2), (1e-6, 0), (1e6, -1e6)])
def test_a_column_that_is_another_one_in_other_units_is_found(factor, shift):
    x = np.c_[X, X[:, 1] * factor + shift, X[:, 2] + 0.02 * X[:, 2].std() * RANDOM.normal(size=400)]
    (twins,) = twin_columns(x)
    assert (twins.first, twins.second) == (1, 5)
    assert twins.correlation == pytest.approx(np.sign(factor), abs=1e-6)


def test_two_words_that_exclude_each_other_are_no_twins():
    yes = RANDOM.random(400) < 0.4
    assert twin_columns(np.c_[X, yes, ~yes]) == []
    assert [(t.first, t.second) for t in twin_columns(np.c_[X, yes, yes])] == [(5, 6)]


def test_columns_that_are_nearly_always_the_same_are_not_compared():
    rare = np.zeros(400)
    rare[3] = 1
    assert twin_columns(np.c_[X, rare, rare]) == []


def test_scales_are_those_that_the_first_layer_feels():
    found = scales(np.tile([[3.0, -4.0, 0.0], [3.0, 4.0, 0.0]], (10, 1)))
    assert (found.largest, found.column) == (4.0, 1)
    assert found.whole == pytest.approx(np.sqrt((9 + 16) / 3))


def test_repeated_rows_and_rows_that_agree_by_nature():
    x = np.r_[X, X[:40]]
    found = repeated_rows(x)
    assert found.again.tolist() == list(range(400, 440))
    assert found.first.tolist() == list(range(40))
    assert found.near == 0
    assert not found.by_nature
    dice = RANDOM.integers(1, 7, size=(300, 2))
    thrown = repeated_rows(dice)
    assert len(thrown.again) == 300 - len(np.unique(dice, axis=0))
    assert thrown.by_nature


def test_rows_that_stand_in_both_parts():
    found = rows_in_both(X[:300], np.r_[X[300:], X[5:7]])
    assert found.again.tolist() == [100, 101]
    assert found.first.tolist() == [5, 6]
    assert rows_in_both(X[:300], X[300:]).again.size == 0
    assert rows_in_both(np.array([[0.0]]), np.array([[-0.0]])).again.tolist() == [0]


@pytest.mark.parametrize("classes", [2, 5])
def test_a_column_that_gives_the_class_away_is_first(classes):
    y = RANDOM.integers(classes, size=400)
    found = alone(np.c_[X, (classes - y) * 3.0], y, classes=classes)
    assert found[0].column == 5
    assert found[0].share == 1.0
    assert found[1].share < 0.2


def test_a_column_that_gives_the_quantity_away_is_first_whatever_its_shape():
    y = RANDOM.gamma(2.0, size=1000)
    x = np.c_[RANDOM.normal(size=(1000, 3)), 1000 / (1 + y), y + RANDOM.normal(size=1000)]
    found = alone(x, y)
    assert found[0].column == 3
    assert found[0].share > 0.98
    assert found[1].share < 0.8


def test_noise_says_nothing_alone():
    for y, classes in ((RANDOM.normal(size=400), 0), (RANDOM.integers(3, size=400), 3)):
        assert max(one.share for one in alone(X, y, classes=classes)) < 0.2
    assert alone(X[:20], np.arange(20.0)) == []


def test_class_shares():
    shares = class_shares(np.array([0, 0, 0, 1, 2, 2]), 4)
    assert shares.counts == (3, 1, 2, 0)
    assert (shares.ratio, shares.rarest) == (3.0, 3)
