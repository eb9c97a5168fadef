from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule.data.partition import apportion, grouped, shuffled, shuffled_order, stratified, timed

FRACTIONS = st.tuples(st.integers(1, 100), st.integers(0, 50), st.integers(0, 50)).map(lambda parts: tuple(p / sum(parts) for p in parts))


@given(st.integers(1, 1000), FRACTIONS)
def test_sizes_add_up_and_no_wanted_side_is_empty_while_there_are_rows(rows: int, fractions) -> None:
    sizes = apportion(rows, fractions)
    wanted = [side for side in range(3) if fractions[side] > 0]
    assert sum(sizes) == rows
    assert all(sizes[side] > 0 for side in wanted[:rows])
    assert all(sizes[side] == 0 for side in range(3) if side not in wanted)
    if all(fraction * rows >= 1 for fraction in fractions if fraction):
        assert all(abs(size - fraction * rows) < 1 for size, fraction in zip(sizes, fractions, strict=True))


@pytest.mark.parametrize(
    ("rows", "sizes"), [(1, (1, 0, 0)), (2, (1, 1, 0)), (3, (1, 1, 1)), (4, (2, 1, 1)), (100, (64, 16, 20)), (344, (220, 55, 69))]
)
def test_the_default_sizes_of_small_tables(rows: int, sizes) -> None:
    assert apportion(rows, (0.64, 0.16, 0.2)) == sizes


def test_whole_percentages_are_met_in_spite_of_binary_fractions() -> None:
    for percent in range(1, 99):
        assert apportion(100, (percent / 100, (99 - percent) / 100, 0.01)) == (percent, 99 - percent, 1)


def test_the_order_of_a_seed_is_part_of_the_meaning_and_never_changes() -> None:
    assert shuffled_order(10, 0).tolist() == [0, 2, 9, 1, 8, 5, 4, 3, 6, 7]
    assert shuffled_order(10, 1).tolist() == [3, 5, 2, 9, 7, 0, 8, 6, 1, 4]


def test_shuffling_meets_the_sizes_and_mixes_the_rows() -> None:
    sides = shuffled((600, 200, 200), 3)
    assert np.bincount(sides).tolist() == [600, 200, 200]
    assert 250 < np.count_nonzero(sides[:500] == 0) < 350
    assert (sides != shuffled((600, 200, 200), 4)).any()


@st.composite
def labelled(draw):
    counts = draw(st.lists(st.integers(1, 30), min_size=1, max_size=8))
    labels = np.repeat(np.arange(len(counts)), counts)
    return np.random.default_rng(draw(st.integers(0, 1000))).permutation(labels), np.array(counts)


@given(labelled(), FRACTIONS, st.integers(0, 5))
def test_every_class_is_in_training_and_near_its_share_everywhere(case, fractions, seed: int) -> None:
    labels, counts = case
    sizes = apportion(len(labels), fractions)
    sides = stratified(sizes, labels, seed)
    table = np.zeros((len(counts), 3), np.int64)
    np.add.at(table, (labels, sides), 1)
    assert (table[:, 0] > 0).all()
    assert table[:, 0].sum() <= max(sizes[0], len(counts))
    if table[:, 0].sum() == sizes[0]:
        assert table.sum(axis=0).tolist() == list(sizes)
    quotas = np.outer(counts, sizes) / len(labels)
    assert (np.abs(table - quotas) < 3).all() or len(counts) > min(size for size in sizes if size)


@given(st.lists(st.integers(3, 30), min_size=2, max_size=6), st.integers(0, 5))
def test_every_class_of_three_rows_or_more_is_on_each_side_that_has_room(counts, seed: int) -> None:
    labels = np.repeat(np.arange(len(counts)), counts)
    sizes = (len(labels) - 2 * len(counts), len(counts), len(counts))
    sides = stratified(sizes, labels, seed)
    for side in range(3):
        assert set(labels[sides == side]) == set(range(len(counts)))
    assert np.bincount(sides).tolist() == list(sizes)


def test_a_single_row_of_a_class_is_for_training_and_a_pair_for_validation_too() -> None:
    labels = np.array([0] * 50 + [1] * 50 + [2, 3, 3])
    for seed in range(20):
        sides = stratified((66, 16, 21), labels, seed)
        assert sides[100] == 0
        assert sorted(sides[101:])[0] == 0


@given(labelled(), st.integers(1, 30), st.integers(0, 5))
def test_folds_are_as_large_as_they_should_be_whatever_the_classes(case, folds: int, seed: int) -> None:
    labels, _ = case
    sizes = apportion(len(labels), (1 / folds,) * folds)
    sides = stratified(sizes, labels, seed, training=False)
    assert np.bincount(sides, minlength=folds).tolist() == list(sizes)


def test_labels_may_be_any_integers_and_the_order_of_the_rows_does_not_bias() -> None:
    labels = np.array([-7, 1000] * 50)
    sides = stratified((60, 20, 20), labels, 0)
    assert [np.count_nonzero(labels[sides == side] == 1000) for side in range(3)] == [30, 10, 10]


@given(st.lists(st.integers(1, 20), min_size=1, max_size=40), FRACTIONS, st.integers(0, 5))
def test_no_group_is_on_two_sides_and_no_wanted_side_is_empty(counts, fractions, seed: int) -> None:
    groups = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(counts)), counts))
    sizes = apportion(len(groups), fractions)
    sides = grouped(sizes, groups, seed)
    assert all(len(set(sides[groups == group])) == 1 for group in range(len(counts)))
    wanted = [side for side in range(3) if sizes[side]]
    assert all((sides == side).any() for side in wanted[: len(counts)])
    assert set(sides) <= set(wanted)


def test_small_groups_meet_the_sizes_nearly() -> None:
    groups = np.repeat(np.arange(100), 3)
    assert np.bincount(grouped((192, 48, 60), groups, 0)).tolist() == [192, 48, 60]
    assert (grouped((192, 48, 60), groups, 0) != grouped((192, 48, 60), groups, 1)).any()


def test_two_equal_groups_become_training_and_validation() -> None:
    sides = grouped((64, 16, 20), np.repeat([0, 1], 50), 0)
    assert set(sides) == {0, 1}


@given(st.lists(st.integers(0, 12), min_size=3, max_size=60), FRACTIONS)
def test_no_training_row_is_later_than_a_test_row_and_ties_stay_together(times, fractions) -> None:
    times = np.array(times)
    sizes = apportion(len(times), fractions)
    sides, together = timed(sizes, times)
    order = np.argsort(times, kind="stable")
    assert (np.diff(sides[order]) >= 0).all()
    wanted = [side for side in range(3) if sizes[side]]
    assert together == (len(set(times)) >= len(wanted))
    if together:
        assert all(len(set(sides[times == time])) == 1 for time in times)
        assert set(sides) == set(wanted)
    else:
        assert np.bincount(sides, minlength=3).tolist() == list(sizes)


def test_cuts_move_to_the_nearest_change_of_time() -> None:
    times = np.array([0, 0, 0, 0, 1, 1, 2, 2, 2, 3])
    assert timed((5, 2, 3), times)[0].tolist() == [0, 0, 0, 0, 1, 1, 2, 2, 2, 2]


def test_rows_that_draw_one_number_stay_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    class Drawn:
        def __init__(self, key: int) -> None:
            self.key = key

        def random_raw(self, rows: int) -> np.ndarray:
            return np.arange(rows, dtype=np.uint64) // 100 * 7 % 5

    monkeypatch.setattr(np.random, "Philox", Drawn)
    numbers = Drawn(0).random_raw(1_000)
    assert shuffled_order(1_000, 0).tolist() == sorted(range(1_000), key=lambda row: (numbers[row], row))
