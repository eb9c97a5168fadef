from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest

from chainrule.data.split import Division, Split, parse_split, split_rows
from chainrule.data.table import Column, Table
from chainrule.errors import DataError, OptionError


def people(rows: int = 100) -> Table:
    frame = pl.DataFrame({"age": [str(row) for row in range(rows)], "patient": [f"p{row // 4}" for row in range(rows)]})
    return Table(frame, "people.csv", lines=range(2, rows + 2))


def sizes(split: Split) -> list[int]:
    return [len(split.train), len(split.valid), len(split.test)]


@pytest.mark.parametrize(
    ("said", "fractions"),
    [
        ("64,16,20", (0.64, 0.16, 0.2)),
        ("0.64, 0.16, 0.2", (0.64, 0.16, 0.2)),
        ("80,20", (0.8, 0.2, 0)),
        ((0.5, 0.25, 0.25), (0.5, 0.25, 0.25)),
        ([70, 0, 30], (0.7, 0, 0.3)),
        ("100", (1, 0, 0)),
        ("1", (1, 0, 0)),
        ("33.3,33.3,33.4", (0.333, 0.333, 0.334)),
    ],
)
def test_parts_are_percentages_or_fractions(said, fractions) -> None:
    assert parse_split(said) == pytest.approx(fractions)


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("64,16", r"split='64,16': the parts add up to 80; they must add up to 100 \(or to 1\), such as 64,16,20"),
        ("a,b", r"split='a,b': give the parts for training, validation and test, such as 64,16,20"),
        ("25,25,25,25", r"split='25,25,25,25': give the parts for training, validation and test"),
        ("120,-20", r"split='120,-20': give the parts for training, validation and test"),
        ("nan,1", r"split='nan,1': give the parts"),
        ("", r"split='': give the parts"),
        ((0, 100), r"split='0,100': the training part is empty; give it a share, such as 64,16,20"),
    ],
)
def test_other_splits_are_refused(said, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        parse_split(said)


def test_every_row_is_in_one_part_in_ascending_order() -> None:
    split = split_rows(people())
    assert sizes(split) == [64, 16, 20]
    assert sorted(np.concatenate([split.train, split.valid, split.test])) == list(range(100))
    for part in (split.train, split.valid, split.test):
        assert part.dtype == np.int64 and (np.diff(part) > 0).all()
    assert split.how == "64 train, 16 valid, 20 test rows; shuffled, seed 0"


def test_a_number_of_rows_is_split_as_a_table_is_and_the_seed_decides() -> None:
    assert split_rows(100).train.tolist() == split_rows(people()).train.tolist()
    assert split_rows(100, by=Division(seed=1)).train.tolist() != split_rows(100).train.tolist()


def test_only_the_given_rows_take_part() -> None:
    rows = np.arange(10, 90, 2)
    split = split_rows(people(), by=Division(rows=rows, labels=np.arange(40) % 2, label="smoker"))
    assert sorted(np.concatenate([split.train, split.valid, split.test])) == rows.tolist()
    assert split.how == "26 train, 6 valid, 8 test rows; shuffled, stratified by smoker, seed 0"
    assert np.count_nonzero(split.train % 4 == 0) == 13


def test_no_group_is_in_two_parts_and_rows_without_one_stand_alone() -> None:
    table = people()
    cells = table.frame["patient"].to_list()
    cells[50] = cells[99] = None
    table = Table(table.frame.with_columns(pl.Series("patient", cells)), "people.csv")
    split = split_rows(table, by=Division(group="patient"))
    groups = [{cells[row] for row in part} - {None} for part in (split.train, split.valid, split.test)]
    assert not groups[0] & groups[1] and not groups[1] & groups[2] and not groups[0] & groups[2]
    assert split.how == "64 train, 16 valid, 20 test rows; no patient in two parts, seed 0"
    assert [note.text for note in split.notes] == ["each of the 2 rows without 'patient' is a group of its own"]


def test_groups_may_be_of_any_type() -> None:
    frame = pl.DataFrame({"day": [datetime(2020, 1, 1) + timedelta(days=row // 10) for row in range(50)]})
    split = split_rows(Table(frame, "a data frame"), by=Division(group="day"))
    assert {row // 10 for row in split.train}.isdisjoint(row // 10 for row in [*split.valid, *split.test])


def test_by_time_the_latest_rows_are_the_test_rows() -> None:
    table = people()
    split = split_rows(table, by=Division(time=Column("age", "number")))
    assert split.train.tolist() == list(range(64))
    assert split.test.tolist() == list(range(80, 100))
    assert split.how == "64 train, 16 valid, 20 test rows; in the order of age, the latest rows last"


def test_dates_are_put_in_order_and_ties_that_must_be_cut_are_noted() -> None:
    frame = pl.DataFrame({"joined": [datetime(2020, 1, 1)] * 10})
    split = split_rows(Table(frame, "a data frame"), by=Division(time=Column("joined", "date")))
    assert sizes(split) == [6, 2, 2]
    assert "rows of the same 'joined' are on two sides" in split.notes[0].text


def test_a_part_with_a_file_of_its_own_takes_no_rows() -> None:
    both = split_rows(people(), by=Division(given={"valid": 7, "test": 9}))
    assert sizes(both) == [100, 0, 0]
    assert both.how == (
        "100 train, 7 valid, 9 test rows; all rows of the table are training rows; "
        "valid rows from a file of their own; test rows from a file of their own"
    )
    one = split_rows(people(), by=Division(given={"test": 9}))
    assert sizes(one) == [80, 20, 0]
    assert one.how == "80 train, 20 valid, 9 test rows; shuffled, seed 0; test rows from a file of their own"


def test_four_rows_can_all_be_trained_on() -> None:
    split = split_rows(4, "100")
    assert split.train.tolist() == [0, 1, 2, 3]
    assert split.how == "4 train, 0 valid, 0 test rows; all rows of the table are training rows"


def test_two_rows_are_training_and_validation() -> None:
    assert sizes(split_rows(2)) == [1, 1, 0]


def test_what_cannot_be_split_is_refused() -> None:
    table = people()
    alone = Table(pl.DataFrame({"a": ["1", None], "g": ["x", "x"], "s": ["m", "n"]}), "tiny.csv", lines=(2, 3))
    with pytest.raises(DataError, match=r"the data has 1 usable row, too few for a training and a validation part: .* split='100'"):
        split_rows(1)
    with pytest.raises(DataError, match=r"people.csv has no usable rows to train on"):
        split_rows(table, by=Division(rows=np.zeros(0, np.int64)))
    with pytest.raises(DataError, match=r"people.csv has no column 'patent' to group by. Did you mean 'patient'\?"):
        split_rows(table, by=Division(group="patent"))
    with pytest.raises(DataError, match=r"tiny.csv has 1 g to group by, too few"):
        split_rows(alone, by=Division(group="g"))
    with pytest.raises(DataError, match=r"column 's' of tiny.csv holds neither dates nor numbers: time= needs a column that has an order"):
        split_rows(alone, by=Division(time=Column("s", "category")))
    with pytest.raises(DataError, match=r"column 'a' is missing in 1 of 2 rows \(first tiny.csv, line 3\): time= needs all of them"):
        split_rows(alone, by=Division(time=Column("a", "number")))
    with pytest.raises(OptionError, match=r"group and time exclude each other"):
        split_rows(alone, by=Division(group="g", time=Column("a", "number")))
    with pytest.raises(OptionError, match=r"seed=-1: a seed is a whole number from 0"):
        split_rows(10, by=Division(seed=-1))
