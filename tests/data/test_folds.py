from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule.data.folds import fold_rows
from chainrule.data.split import Division
from chainrule.data.table import Column, Table
from chainrule.errors import DataError, OptionError


@given(st.integers(4, 200), st.integers(2, 10), st.integers(0, 3))
def test_each_row_is_a_test_row_once_and_never_trained_on_there(rows: int, folds: int, seed: int) -> None:
    if rows < folds:
        return
    made = fold_rows(rows, folds, by=Division(seed=seed))
    assert len(made.splits) == folds
    assert sorted(np.concatenate([split.test for split in made.splits])) == list(range(rows))
    for split in made.splits:
        assert sorted(np.concatenate([split.train, split.valid, split.test])) == list(range(rows))
        assert abs(len(split.test) - rows / folds) < 1


def test_classes_have_the_same_proportions_in_each_fold_and_rare_ones_are_noted() -> None:
    labels = np.repeat([0, 1, 2], [60, 30, 3])
    made = fold_rows(93, 5, by=Division(labels=labels, label="kind"))
    for split in made.splits:
        assert np.bincount(labels[split.test], minlength=3)[:2].tolist() == [12, 6]
    assert made.notes[0].text.startswith("1 of the 3 classes of 'kind' have fewer rows than folds")


def test_no_group_is_in_two_folds_or_on_both_sides() -> None:
    groups = [f"g{i % 12}" for i in range(120)]
    table = Table(pl.DataFrame({"g": groups}), "t.csv")
    made = fold_rows(table, 4, by=Division(group="g"))
    of = np.array(groups)
    tested = [set(of[split.test]) for split in made.splits]
    assert sum(map(len, tested)) == 12
    for split in made.splits:
        assert not set(of[split.test]) & (set(of[split.train]) | set(of[split.valid]))
        assert not set(of[split.train]) & set(of[split.valid])


def test_by_time_everything_is_learned_from_the_past() -> None:
    times = np.random.default_rng(0).permutation(100)
    table = Table(pl.DataFrame({"t": times}), "t.csv")
    made = fold_rows(table, 4, by=Division(time=Column("t", "number")))
    assert len(made.splits) == 4
    for split in made.splits:
        assert times[split.train].max() < times[split.valid].min() and times[split.valid].max() < times[split.test].min()


def test_only_the_given_rows_take_part_and_validation_may_have_a_file() -> None:
    made = fold_rows(50, 3, by=Division(rows=np.arange(10, 40), given={"valid": 7}))
    for split in made.splits:
        assert not len(split.valid)
        assert sorted(np.concatenate([split.train, split.test])) == list(range(10, 40))


@pytest.mark.parametrize("folds", [1, 0, -3])
def test_fewer_than_two_folds_are_refused(folds: int) -> None:
    with pytest.raises(OptionError, match="2 folds at least"):
        fold_rows(100, folds)


def test_more_folds_than_rows_groups_or_times_are_refused_by_number() -> None:
    table = Table(pl.DataFrame({"g": ["a", "b", "c"] * 5, "t": [1, 2, 3] * 5}), "t.csv")
    with pytest.raises(DataError, match="folds=20 needs 20 usable rows at least, and the data has 15"):
        fold_rows(15, 20)
    with pytest.raises(DataError, match=r"folds=5 needs 5 values of 'g' at least, and t.csv has 3"):
        fold_rows(table, 5, by=Division(group="g"))
    with pytest.raises(DataError, match=r"folds=3 needs 4 different values of 't' at least, and t.csv has 3"):
        fold_rows(table, 3, by=Division(time=Column("t", "number")))
