from __future__ import annotations

import json
from datetime import date

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule.data.columns import judge_columns
from chainrule.data.table import Table
from chainrule.data.target import Target, judge_target, rows_with_target
from chainrule.errors import DataError, OptionError


def text_table(cells, source: str = "people.csv") -> Table:
    """A table as it is read from a file: text, with lines."""
    return Table(pl.DataFrame({"y": pl.Series(cells, dtype=pl.String)}), source, lines=range(2, len(cells) + 2))


def frame_table(cells) -> Table:
    """A table as it is read from a data frame: typed, without lines."""
    return Table(pl.DataFrame({"y": cells}), "a data frame")


def judged(table: Table, task=None, rows=None, **options) -> Target:
    (column,) = judge_columns(table, target="y", **options)[0]
    return judge_target(table, column, task=task, rows=rows)


@pytest.mark.parametrize(
    ("table", "task", "reason", "classes"),
    [
        (text_table(["b", "a", "b", "a"]), "classification", "it holds labels and no numbers", ("a", "b")),
        (text_table(["yes", "no", "YES", "yes"]), "classification", "it is 'yes' or 'no'", ("no", "yes")),
        (text_table(["True", "False", "True"]), "classification", "it is 'True' or 'False'", ("False", "True")),
        (text_table(["0", "1", "1", "0"]), "classification", "it holds 2 different whole numbers, each of them repeated", (0, 1)),
        (text_table(["1.0", "2.0"] * 3), "classification", "it holds 2 different whole numbers, each of them repeated", (1.0, 2.0)),
        (text_table(["01", "02"] * 3), "classification", "it holds labels and no numbers", ("01", "02")),
        (text_table(["0.5", "1.5", "0.5"]), "regression", "it holds numbers with decimals", ()),
        (text_table(["1", "2", "2", "1", "3"]), "regression", "it holds whole numbers that are not all repeated", ()),
        (text_table([str(i) for i in range(21)] * 2), "regression", "it holds 21 different whole numbers", ()),
        (text_table([str(i) for i in range(20)] * 2), "classification", "it holds 20 different whole numbers", tuple(range(20))),
        (text_table(["1,5", "2,25"]), "regression", "it holds numbers with decimals", ()),
        (frame_table([True, False, True]), "classification", "it is true or false", (False, True)),
        (frame_table([3, -1, 3, -1]), "classification", "it holds 2 different whole numbers", (-1, 3)),
        (frame_table([1.0, 0.0, 1.0, 0.0]), "classification", "it holds 2 different whole numbers", (0.0, 1.0)),
        (frame_table(["10", "9"] * 3), "classification", "it holds 2 different whole numbers", ("9", "10")),
        (frame_table(["2", "12", "7"]), "regression", "it holds whole numbers that are not all repeated", ()),
    ],
)
def test_the_task_is_judged_by_the_values_and_classes_keep_their_type(table, task, reason, classes) -> None:
    target = judged(table)
    assert (target.task, target.classes) == (task, classes)
    assert target.reason.startswith(reason)
    assert [type(label) for label in target.classes] == [type(label) for label in classes]


def test_the_task_can_be_chosen() -> None:
    numbers = judged(text_table(["0", "1", "1", "0"]), task="regression")
    assert (numbers.task, numbers.reason, numbers.classes) == ("regression", "it was chosen with task=", ())
    classes = judged(text_table(["0.5", "2.5", "0.5"]), task="classification")
    assert classes.classes == (0.5, 2.5)


def test_named_categories_are_labels_in_their_own_type() -> None:
    assert judged(text_table(["10", "9"] * 30), categorical=["y"]).classes == (9, 10)
    assert judged(frame_table([10, 9] * 30), categorical=["y"]).classes == (9, 10)


def test_words_are_in_natural_order() -> None:
    cells = ["class 10", "class 2", "class 02", "Class 2", "b", "A", "a", ""] * 2
    assert judged(text_table(cells)).classes == ("", "A", "a", "b", "Class 2", "class 02", "class 2", "class 10")


@pytest.mark.parametrize(
    "table",
    [
        text_table(["Gentoo", "Adelie", "Gentoo"]),
        text_table(["yes", "no", "No"]),
        text_table(["7", "-3", "7", "-3"]),
        frame_table([True, False]),
        frame_table([0.5, 2.0, 0.5, 2.0]),
    ],
)
def test_classes_are_decoded_to_what_was_written(table: Table) -> None:
    target = judged(table, task="classification").fit(table, np.arange(table.rows))
    indices = target.encode(table)
    assert indices.dtype == np.int64 and indices.shape == (table.rows,)
    back = target.decode_classes(indices).tolist()
    assert [str(label).lower() for label in back] == [str(cell).lower() for cell in table.frame["y"].to_list()]
    assert target.decode_classes(np.zeros(0, np.int64)).shape == (0,)


@given(st.lists(st.floats(-1e9, 1e9), min_size=3, max_size=30), st.integers(0, 1000))
def test_numbers_are_standardized_by_the_training_rows_alone_and_come_back(cells, seed: int) -> None:
    table = frame_table([*cells, 1.5, 2.5])
    rows = np.sort(np.random.default_rng(seed).permutation(table.rows)[: table.rows // 2 + 1])
    target = judged(table, task="regression").fit(table, rows)
    changed = table.frame["y"].to_numpy(writable=True)
    changed[np.setdiff1d(np.arange(table.rows), rows)] = 12345.0
    assert judged(table, task="regression").fit(frame_table(changed), rows) == target
    encoded = target.encode(table, "float64")
    assert encoded.shape == (table.rows, 1)
    values = table.frame["y"].to_numpy()
    assert (target.values(table, rows) == values[rows]).all()
    size = max(1.0, np.abs(values).max())
    assert target.decode_values(encoded) == pytest.approx(values, abs=1e-9 * size)
    assert encoded[rows].mean() == pytest.approx(0, abs=1e-6) and target.encode(table).dtype == np.float32


def test_a_number_that_is_too_far_from_the_training_rows_is_infinite() -> None:
    table = frame_table([0.0, 1e-235, 2.5])
    target = judged(table, task="regression").fit(table, np.array([0, 1]))
    assert target.encode(table)[:, 0].tolist() == [-1.0, 1.0, np.inf]


def test_decoding_takes_a_column_or_a_row_of_outputs() -> None:
    target = Target(judge_columns(frame_table([1.5, 2.5]), target="y")[0][0], "regression", "", mean=10.0, scale=2.0)
    assert target.decode_values(np.array([[1.0], [-1.0]], np.float32)).tolist() == [12.0, 8.0]
    assert target.decode_values(np.array([1.0, -1.0])).tolist() == [12.0, 8.0]


@pytest.mark.parametrize(
    "table", [text_table(["1.5", "2.25", "3"]), text_table(["1", "2"] * 3), frame_table([True, False]), frame_table(["a", "b"])]
)
def test_a_target_comes_back_from_json(table: Table) -> None:
    target = judged(table).fit(table, np.arange(table.rows))
    back = Target.from_json(json.loads(json.dumps(target.to_json())))
    assert back == target
    assert (back.encode(table) == target.encode(table)).all()


def test_rows_with_a_target_are_those_without_a_missing_cell() -> None:
    assert rows_with_target(text_table(["a", None, "b"]), "y").tolist() == [0, 2]
    assert rows_with_target(frame_table([1.0, None, float("nan"), 4.0]), "y").tolist() == [0, 3]
    assert rows_with_target(text_table(["a"]), "y").dtype == np.int64
    with pytest.raises(DataError, match=r"people.csv has no column 'yy', the target. Did you mean 'y'\?"):
        rows_with_target(text_table(["a"]), "yy")


def test_rows_without_a_target_can_be_left_out() -> None:
    table = text_table(["a", None, "b", "a"])
    rows = rows_with_target(table, "y")
    target = judged(table, rows=rows).fit(table, rows)
    assert target.encode(table, rows=rows).tolist() == [0, 1, 0]


@pytest.mark.parametrize(
    ("table", "options", "message"),
    [
        (
            text_table(["a", None, "b", None, None, None]),
            {},
            r"the target 'y' of people.csv is missing in 4 of 6 rows \(line 3, line 5, line 6, …\): .* with drop_missing_target=True",
        ),
        (frame_table([1.5, float("nan")]), {}, r"is missing in 1 of 2 rows \(row 1\): fill it in, or leave those rows out"),
        (text_table(["a", "a"]), {}, r"the target 'y' of people.csv has the same value in every row \('a'\): there is nothing to learn"),
        (
            text_table(["ann", "bob", "eve"]),
            {},
            r"people.csv has 3 different values in 3 rows: classes that occur once cannot be learned; choose another target$",
        ),
        (frame_table([1.5, 2.5, 3.5]), {"task": "classification"}, r"choose another target, or task='regression'"),
        (frame_table([date(2020, 1, 1), date(2020, 1, 2)]), {}, r"the target 'y' of a data frame holds dates, which cannot be predicted"),
        (frame_table([1.5, float("inf")]), {}, r"a data frame, row 1: column 'y' holds 'inf' which is infinite"),
    ],
)
def test_what_cannot_be_a_target_is_refused(table, options, message: str) -> None:
    with pytest.raises(DataError, match=message):
        judged(table, **options)


def test_a_task_that_does_not_fit_is_refused() -> None:
    with pytest.raises(OptionError, match=r"task='regression': the target 'y' holds no numbers \('b' in people.csv, line 2\); leave"):
        judged(text_table(["b", "a", "b"]), task="regression")
    with pytest.raises(OptionError, match=r"task='regresion': there are classification and regression. Did you mean 'regression'\?"):
        judged(text_table(["1", "2"]), task="regresion")


def test_training_rows_that_teach_nothing_are_refused() -> None:
    table = text_table(["a", "a", "b", "c", "c"])
    target = judged(table)
    with pytest.raises(DataError, match=r"all training rows of people.csv have the same 'y' \('a'\): split another way"):
        target.fit(table, np.array([0, 1]))
    with pytest.raises(DataError, match=r"the 2 training rows of people.csv are fewer than the 3 classes of 'y': add rows"):
        target.fit(table, np.array([0, 2]))


def test_a_class_without_a_training_row_is_noted() -> None:
    table = text_table(["a", "a", "b", "c", "c"])
    (note,) = judged(table).fit(table, np.array([0, 1, 2])).notes
    assert note.text == "no training row has the class 'c' of 'y': it cannot be learned"
    assert judged(table).fit(table, np.arange(5)).notes == ()


@pytest.mark.parametrize(("rare", "common", "metric"), [("yes", "no", "pr_auc"), ("fraud", "ok", "f1")])
def test_a_rare_class_is_told_by_a_metric_that_is_about_it(rare: str, common: str, metric: str) -> None:
    cells = text_table([rare] * 12 + [common] * 388)
    (note,) = judged(cells).fit(cells, np.arange(400)).notes
    assert f"have the class '{rare}' of 'y' (3.0%): look at balanced_accuracy and {metric} beside accuracy" in note.text


def test_many_classes_of_a_few_rows_each_are_warned_of() -> None:
    few = text_table([f"k{n % 30}" for n in range(90)])
    (note,) = judged(few).fit(few, np.arange(90)).notes
    assert note.text.startswith("the 30 classes of 'y' have 3.0 training rows each, on average: too few to learn from")
    assert note.warning
    enough = text_table([f"k{n % 30}" for n in range(300)])
    assert judged(enough).fit(enough, np.arange(300)).notes == ()


@pytest.mark.parametrize(
    ("training", "later", "message"),
    [
        (
            text_table(["a", "b"]),
            text_table(["a", "c"], "new.csv"),
            r"new.csv, line 3: the class 'c' of 'y' was not in training \('a', 'b'\)",
        ),
        (
            text_table(["yes", "no"]),
            text_table(["no", "maybe"], "new.csv"),
            r"new.csv, line 3: the class 'maybe' of 'y' was not in training",
        ),
        (
            text_table(["1", "2"] * 2),
            text_table(["2", "3"], "new.csv"),
            r"new.csv, line 3: the class '3' of 'y' was not in training \('1', '2'\)",
        ),
        (
            text_table(["1", "2"] * 2),
            text_table(["2", "x"], "new.csv"),
            r"new.csv, line 3: column 'y' holds 'x' where a number is expected",
        ),
        (text_table(["1.5", "2"]), text_table(["2", "x"], "new.csv"), r"new.csv, line 3: column 'y' holds 'x' where a number is expected"),
        (text_table(["1.5", "2"]), text_table(["2", None], "new.csv"), r"the target 'y' of new.csv is missing in 1 of 2 rows \(line 3\)"),
    ],
)
def test_what_training_did_not_know_is_named(training: Table, later: Table, message: str) -> None:
    target = judged(training).fit(training, np.arange(training.rows))
    with pytest.raises(DataError, match=message):
        target.encode(later)


def test_a_later_file_may_be_typed_otherwise() -> None:
    table = text_table(["1", "2"] * 2)
    assert judged(table).encode(frame_table([2.0, 1.0])).tolist() == [1, 0]
    words = text_table(["yes", "no"])
    assert judged(words).encode(frame_table([True, False])).tolist() == [1, 0]
