"""What columns are judged to mean, from all of their cells, and how the table decides what one column leaves open."""

from __future__ import annotations

import datetime
import itertools
from collections.abc import Sequence

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule.data.cells import read_column
from chainrule.data.columns import judge_columns
from chainrule.data.table import Column, Note, Table
from chainrule.errors import DataError, OptionError

LETTERS = ["".join(letters) for letters in itertools.product("abcdefgh", repeat=3)]


def judge(columns: dict[str, Sequence[object]], delimiter: str = ",", **options: object) -> tuple[dict[str, Column], tuple[Note, ...]]:
    table = Table(pl.DataFrame(columns), "p.csv", lines=range(2, 10**6), delimiter=delimiter)
    judged, notes = judge_columns(table, **options)  # type: ignore[arg-type]
    assert [column.name for column in judged] == list(columns)
    return {column.name: column for column in judged}, notes


def judge_one(cells: Sequence[object], delimiter: str = ",", **options: object) -> tuple[Column, tuple[Note, ...]]:
    columns, notes = judge({"a": cells}, delimiter, **options)
    return columns["a"], notes


def values(cells: Sequence[object], column: Column) -> list[object]:
    return read_column(Table(pl.DataFrame({column.name: cells}), "p.csv"), column).to_list()


@pytest.mark.parametrize(
    ("cells", "decimal", "thousands", "affixes", "expected"),
    [
        (["1", "-2.5", ".5", "3."], ".", "", (), [1, -2.5, 0.5, 3]),
        (["1,5", "2"], ",", "", (), [1.5, 2]),
        (["1,234.5", "7"], ".", ",", (), [1234.5, 7]),
        (["1.234,5", "7"], ",", ".", (), [1234.5, 7]),
        (["1.234.567", "7"], ",", ".", (), [1234567, 7]),
        (["1 234", "12 345 678"], ".", " ", (), [1234, 12345678]),
        (["1\u00a0234,5", "1\u202f000"], ",", " ", (), [1234.5, 1000]),
        (["1'234.5", "1’000"], ".", "'", (), [1234.5, 1000]),
        (["1e5", "2.5E-3", "+4"], ".", "", (), [1e5, 2.5e-3, 4]),
        (["−5", "–6", "7"], ".", "", (), [-5, -6, 7]),
        (["(5)", "6.5"], ".", "", (), [-5, 6.5]),
        (["€ 5", "6.5 €", "-€7", "€-8"], ".", "", ("€",), [5, 6.5, -7, -8]),
        (["$1,234.50", "($3.00)"], ".", ",", ("$",), [1234.5, -3]),
        (["5 EUR", "6 €", "EUR 7"], ".", "", ("EUR", "€"), [5, 6, 7]),
        (["12%", "3.5 %", "0"], ".", "", ("%",), [12, 3.5, 0]),
    ],
)
def test_styles_of_numbers(cells: list[str], decimal: str, thousands: str, affixes: tuple[str, ...], expected: list[float]) -> None:
    column, _ = judge_one(cells)
    assert (column.kind, column.used) == ("number", True)
    assert (column.decimal, column.thousands, column.affixes) == (decimal, thousands, affixes)
    assert values(cells, column) == expected


def test_plain_numbers_need_no_note() -> None:
    assert judge({"a": ["1.5", "2"], "b": ["3", "-4"], "c": [1, 2]})[1] == ()


def test_each_style_is_noted_once() -> None:
    columns = {"a": ["1,5", "2"], "b": ["2,5", "3"], "c": ["3 %", "4 %"], "d": ["1.234,5", "1"]}
    assert judge(columns, ";")[1] == (
        Note("columns 'a', 'b': '1,5' is read as 1.5", "decimal"),
        Note("column 'c': '3 %' is read as 3, in percent", "categorical"),
        Note("column 'd': '1.234,5' is read as 1234.5", "decimal"),
    )


AMBIGUOUS = ["1.234", "5.678"]


@pytest.mark.parametrize(
    ("other", "delimiter", "options", "expected", "why"),
    [
        (["x", "y"], ",", {}, 1.234, "no other column shows a decimal comma"),
        (["x", "y"], ";", {}, 1234, "semicolons"),
        (["1,5", "2,5"], ",", {}, 1234, "other columns show a decimal comma"),
        (["1.5", "2.5"], ";", {}, 1.234, None),
        (["1.5", "2.5"], ",", {}, 1.234, None),
        (["x", "y"], ",", {"decimal": ","}, 1234, "decimal"),
        (["x", "y"], ";", {"decimal": "."}, 1.234, None),
    ],
)
def test_ambiguous_numbers_follow_the_table(
    other: list[str], delimiter: str, options: dict[str, str], expected: float, why: str | None
) -> None:
    columns, notes = judge({"a": AMBIGUOUS, "b": other}, delimiter, **options)
    assert values(AMBIGUOUS, columns["a"])[0] == expected
    about = [note for note in notes if "'a'" in note.text]
    assert len(about) == (why is not None)
    if why is not None:
        assert why in about[0].text and f"'1.234' is read as {expected}" in about[0].text and about[0].option == "decimal"


def test_an_ambiguous_comma_is_a_thousands_separator_by_default() -> None:
    cells = ["1,234", "5"]
    column, notes = judge_one(cells)
    assert values(cells, column) == [1234, 5]
    assert [note.option for note in notes] == ["decimal"]
    assert values(cells, judge_one(cells, decimal=",")[0]) == [1.234, 5]


def test_whole_numbers_take_the_decimal_mark_of_the_table() -> None:
    columns, _ = judge({"a": ["1", "2"], "b": ["1,5", "2,5"]}, ";")
    assert columns["a"].decimal == ","
    assert values(["1,5"], columns["a"]) == [1.5]


@pytest.mark.parametrize("cells", [["1,23,4", "5"], ["1.2.3", "4"], ["1 2", "3"], ["0x1", "2"], ["1_000", "2"], ["--5", "2"], ["5e", "1"]])
def test_what_is_no_number(cells: list[str]) -> None:
    assert judge_one(cells)[0].kind == "category"


def test_two_currencies_are_no_number() -> None:
    column, notes = judge_one(["$5", "€5", "€6"])
    assert column.kind == "category" and "more than one unit" in column.reason
    assert [note.option for note in notes] == ["numeric"]


def test_leading_zeros_are_codes() -> None:
    column, notes = judge_one(["01067", "80331", "01067"])
    assert column.kind == "category" and "01067" in column.reason
    assert [note.option for note in notes] == ["numeric"]
    forced, _ = judge_one(["01067", "80331", "01067"], numeric=["a"])
    assert values(["01067"], forced) == [1067]


def test_a_few_words_among_numbers_leave_the_column_out() -> None:
    cells = [str(n * 1.5) for n in range(50)]
    cells[7] = "n.d."
    columns, notes = judge({"weight": cells, "b": ["x", "y"] * 25})
    assert (columns["weight"].kind, columns["weight"].used) == ("number", False)
    assert columns["weight"].reason.startswith("1 of its 50 different values is no number ('n.d.' in p.csv, line 9)")
    assert [note.warning for note in notes if "'weight'" in note.text] == [True]
    assert [note.option for note in notes] == ["missing"]


def test_a_target_with_words_among_numbers_stays_and_its_cell_is_named() -> None:
    cells = [str(n * 1.5) for n in range(50)] + ["n.d."]
    column, notes = judge_one(cells, target="a")
    assert column.used and column.kind == "number"
    assert [note.option for note in notes] == ["missing"]
    with pytest.raises(DataError, match=r"row 50: column 'a' holds 'n\.d\.'"):
        values(cells, column)


def test_grades_with_a_plus_are_labels() -> None:
    for cells in (["0", "1", "2", "3+"], [*map(str, range(10)), "10+"]):
        column, notes = judge_one(cells * 10)
        assert (column.kind, column.used, notes) == ("category", True, ())


def test_text_with_some_numbers_is_text() -> None:
    column, notes = judge_one([*LETTERS[:30], *map(str, range(30))] * 2)
    assert (column.kind, column.used, notes) == ("category", True, ())


def test_a_group_of_digits_after_a_zero_is_a_fraction() -> None:
    for cells, delimiter in ((["0.123", "1.234"], ";"), (["0,123", "1,234"], ",")):
        assert values(cells, judge_one(cells, delimiter)[0]) == [0.123, 1.234]


@pytest.mark.parametrize(
    ("cells", "true", "false"),
    [
        (["yes", "no", "Yes", "yes"], "yes", "no"),
        (["N", "Y"], "Y", "N"),
        (["TRUE", "FALSE"], "TRUE", "FALSE"),
        (["f", "t"], "t", "f"),
        ([True, False], "true", "false"),
    ],
)
def test_booleans(cells: list[object], true: str, false: str) -> None:
    column, notes = judge_one(cells)
    assert (column.kind, column.true, column.false, notes) == ("boolean", true, false, ())


@pytest.mark.parametrize(
    ("cells", "kind"), [(["m", "f"], "category"), (["0", "1"], "number"), ([0, 1], "number"), (["y", "z"], "category")]
)
def test_what_is_no_boolean(cells: list[object], kind: str) -> None:
    assert judge_one(cells)[0].kind == kind


@pytest.mark.parametrize(
    ("cells", "form"),
    [
        (["2020-01-31", "1999-12-01"], "%Y-%m-%d"),
        (["2020-01-31 10:30", "1999-12-01 00:00"], "%Y-%m-%d %H:%M"),
        (["2020-01-31T10:30:00", "1999-12-01T00:00:00.25"], "%Y-%m-%dT%H:%M:%S%.f"),
        (["2020-01-31T10:30:00Z", "1999-12-01T00:00:00+02:00"], "%Y-%m-%dT%H:%M:%S%.f%z"),
        (["31.1.2020", "1.2.2020"], "%d.%m.%Y"),
        (["2020.01.31", "1999.12.01"], "%Y.%m.%d"),
        (["31/1/2020", "1/2/2020"], "%d/%m/%Y"),
        (["1/31/2020", "1/2/2020"], "%m/%d/%Y"),
        (["31 Jan 2020", "1 Feb 2020"], "%d %b %Y"),
    ],
)
def test_dates(cells: list[str], form: str) -> None:
    column, notes = judge_one(cells)
    assert (column.kind, column.date_format, column.used) == ("date", form, True)
    assert [note.option for note in notes] == ["time"]


@pytest.mark.parametrize("cells", [["1.2.3", "1.4.0"], ["1.2.3", "1.4.10"], ["1.10.12", "1.11.13"], ["2/1/20", "10/11/20"]])
def test_years_of_two_digits_are_dates_only_beside_padded_days_and_months(cells: list[str]) -> None:
    assert judge_one(cells)[0].kind == "category"
    assert judge_one(["01.02.20", "31.12.21"])[0].date_format == "%d.%m.%y"
    assert judge_one(["1.2.20", "31.12.21"], date=["a"])[0].date_format == "%d.%m.%y"


def test_dates_need_no_note_where_rows_are_in_order() -> None:
    dates = ["2020-01-31", "1999-12-01"]
    for options in ({}, {"date": ["a"]}):
        assert [note.option for note in judge({"a": dates, "b": [1.5, 2.5]}, **options)[1]] == ["time"]
        assert judge({"a": dates, "b": [1.5, 2.5]}, in_order=True, **options)[1] == ()


def test_typed_dates() -> None:
    column, notes = judge_one([datetime.date(2020, 1, 31), datetime.date(2020, 2, 1)])
    assert (column.kind, column.date_format) == ("date", "")
    assert "time='a'" in notes[0].text


@pytest.mark.parametrize(
    ("other", "delimiter", "form"),
    [
        (["x", "y"], ",", "%m/%d/%Y"),
        (["x", "y"], ";", "%d/%m/%Y"),
        (["31/1/2020", "1/2/2020"], ",", "%d/%m/%Y"),
        (["1/31/2020", "1/2/2020"], ";", "%m/%d/%Y"),
        (["1,5", "2,5"], ",", "%d/%m/%Y"),
    ],
)
def test_ambiguous_dates_follow_the_table(other: list[str], delimiter: str, form: str) -> None:
    columns, notes = judge({"when": ["1/2/2020", "3/4/2020"], "b": other}, delimiter)
    assert columns["when"].date_format == form
    note = next(note for note in notes if note.option == "date")
    opposite = "%d/%m/%Y" if form == "%m/%d/%Y" else "%m/%d/%Y"
    assert f"date='when={opposite}'" in note.text
    assert ("read as 2020-01-02" if form == "%m/%d/%Y" else "read as 2020-02-01") in note.text


def test_a_date_with_its_format() -> None:
    columns, _ = judge({"when": ["1/2/2020"] * 2, "b": ["20200131", "20200201"], "c": ["2020", "2021"]}, date=["when=%d/%m/%Y", "b", "c"])
    assert [column.date_format for column in columns.values()] == ["%d/%m/%Y", "%Y%m%d", "%Y"]
    assert values(["20200131"], columns["b"]) == [datetime.datetime(2020, 1, 31)]


def test_typed_whole_numbers_as_dates() -> None:
    cells = [20200131, 20200201]
    column, _ = judge_one(cells, date=["a"])
    assert values(cells, column)[1] == datetime.datetime(2020, 2, 1)


@pytest.mark.parametrize(
    ("cells", "reason"), [(["x"] * 3, "'x'"), ([1, 1], "'1'"), ([1.0, 1.0], "'1'"), ([None, None], "missing"), ([True] * 2, "'true'")]
)
def test_constants(cells: list[object], reason: str) -> None:
    columns, notes = judge({"a": cells, "b": [str(n) for n in range(len(cells))]})
    assert (columns["a"].kind, columns["a"].used) == ("constant", False)
    assert reason in columns["a"].reason
    assert notes == (Note("left out, because every cell is the same: 'a'"),)


def test_one_value_or_missing_is_no_constant() -> None:
    column, _ = judge_one(["x", None])
    assert (column.kind, column.used, column.reason) == ("category", True, "one value, or missing")


@pytest.mark.parametrize("name", ["id", "PassengerId", "row_id", "customer_no", "UUID", "Unnamed: 0", "id_client"])
def test_identifiers_by_name(name: str) -> None:
    columns, notes = judge({name: [7, 3, 99], "b": ["x", "y", "x"]})
    assert (columns[name].kind, columns[name].used) == ("identifier", False)
    assert "3 different values in 3 rows" in columns[name].reason
    assert [note.option for note in notes] == ["numeric"]


@pytest.mark.parametrize("name", ["paid", "Idaho", "grid", "width", "number_of_rooms", "uv_index"])
def test_names_that_are_no_identifiers(name: str) -> None:
    assert judge({name: [7, 3, 99]})[0][name].kind == "number"


def test_running_numbers_are_an_identifier_where_there_is_something_else() -> None:
    running = list(range(100, 130))
    columns, notes = judge({"n": running, "b": [1.5, 2.5] * 15})
    assert (columns["n"].kind, columns["n"].used) == ("identifier", False)
    assert [note.option for note in notes] == ["numeric"]
    assert "from 100 to 129" in columns["n"].reason
    assert judge({"n": running, "y": [1.5, 2.5] * 15}, target="y")[0]["n"].kind == "number"
    assert judge({"day": running, "b": [1.5, 2.5] * 15})[0]["day"].kind == "number"
    assert judge({"n": running[:20], "b": [1.5, 2.5] * 10})[0]["n"].kind == "number"
    assert judge({"n": [f"{n} €" for n in running], "b": [1.5, 2.5] * 15})[0]["n"].kind == "number"
    assert judge({"n": [*running[:-1], 131], "b": [1.5, 2.5] * 15})[0]["n"].kind == "number"


def test_text_of_different_values_is_an_identifier() -> None:
    columns, notes = judge({"a": LETTERS[:40], "b": [1, 2] * 20})
    assert (columns["a"].kind, columns["a"].used, columns["a"].reason) == ("identifier", False, "40 different values in 40 rows")
    assert [note.option for note in notes] == ["categorical"]
    assert judge_one(LETTERS[:20])[0].kind == "category"
    assert judge_one(LETTERS[:30] + LETTERS[:10])[0].kind == "category"


def test_free_text_is_left_out() -> None:
    column, _ = judge_one([f"the {word} was not so good after all" for word in LETTERS[:30]] + ["it was good and I liked it"] * 20)
    assert (column.kind, column.used) == ("identifier", False)
    assert "free text" in column.reason
    answers = ["I agree with the statement as it stands", "I do not agree with the statement at all"]
    assert judge_one(answers * 20)[0].kind == "category"


@pytest.mark.parametrize("cells", [[1, 1, 2, 2, 3, 3], ["p1", "p1", "p2", "p2", "p3", "p3"]])
def test_a_repeated_identifier_suggests_groups(cells: list[object]) -> None:
    columns, notes = judge({"patient_id": cells, "b": [1.5] * 5 + [2.5]})
    assert (columns["patient_id"].kind, columns["patient_id"].used) == ("identifier", False)
    assert [note.option for note in notes] == ["group"]
    assert "group='patient_id'" in notes[0].text and "3 different values in 6 rows" in notes[0].text


def test_a_column_of_subjects_suggests_groups() -> None:
    assert judge({"subject": LETTERS[:30] * 4})[1][0].option == "group"


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (["new", "returning"] * 20, "category"),
        (LETTERS[:30] + LETTERS[:10], "category"),
        (["001", "002"] * 20, "category"),
        ([*range(1, 16)] * 4, "number"),
        ([*range(1, 9)] * 40, "number"),
    ],
)
def test_few_subjects_are_trained_on_and_warned_about(cells: list[object], kind: str) -> None:
    columns, notes = judge({"patient": cells, "b": [0.5, 1.5] * (len(cells) // 2)})
    assert (columns["patient"].kind, columns["patient"].used) == (kind, True)
    (note,) = [note for note in notes if note.option == "group"]
    assert f"{len(set(cells))} different values in {len(cells)} rows" in note.text
    assert "group='patient' keeps" in note.text and "drop='patient'" in note.text
    assert not [note for note in judge({"patient": cells}, target="patient")[1] if note.option == "group"]


@pytest.mark.parametrize("cells", [["1"] * 30, [2.0] * 30, [*range(30)]])
def test_the_weight_is_judged_by_its_cells_alone(cells: list[object]) -> None:
    columns, notes = judge({"w": cells, "x": [*range(30)], "y": [0.5, 1.5] * 15}, target="y", weight="w")
    assert (columns["w"].kind, notes) == ("number", ())
    assert columns["x"].used  # nothing else is there to learn from


def test_the_target_is_judged_by_its_cells_alone() -> None:
    for cells, kind in (([3] * 4, "number"), (["x"] * 4, "category"), (list(range(30)), "number"), (LETTERS[:30], "category")):
        columns, notes = judge({"id": cells, "b": [1.5, 2.5] * (len(cells) // 2)}, target="id")
        assert (columns["id"].kind, columns["id"].used, notes) == (kind, True, ())


def test_a_target_that_is_always_the_same_or_missing_is_left_to_its_reader() -> None:
    reasons = {("x", "x"): "every cell is 'x'", ("x", None): "one value, or missing", (None, None): "every cell is missing"}
    for cells, reason in reasons.items():
        column, notes = judge_one(cells, target="a")
        assert (column.kind, column.used, column.reason, notes) == ("category", True, reason, ())


def test_all_missing_columns_can_be_named_numbers() -> None:
    for dtype in (pl.String, pl.Null, pl.Float64):
        cells = pl.Series([None, None], dtype=dtype)
        assert judge_one(cells, numeric=["a"])[0].kind == "number"


def test_few_whole_numbers_stay_numbers_and_the_reason_says_how_to_change_it() -> None:
    column, notes = judge_one([1, 2, 3] * 30)
    assert (column.kind, notes) == ("number", ())
    assert "3 different whole numbers; categorical=" in column.reason


def test_names_of_codes_are_noted() -> None:
    columns, notes = judge({"zip_code": [80331, 10115, 80331]})
    assert columns["zip_code"].kind == "number"
    assert [note.option for note in notes] == ["categorical"]


def test_nested_columns_are_left_out() -> None:
    columns, notes = judge({"a": [[1], [2]], "b": [{"x": 1}, {"x": 2}], "c": [1.5, 2.5]})
    assert [column.used for column in columns.values()] == [False, False, True]
    assert [note.text for note in notes] == ["column 'a' is left out: holds lists", "column 'b' is left out: holds nested objects"]


def test_the_options_settle_a_kind() -> None:
    columns, notes = judge(
        {"a": [1, 2, 3], "b": ["1", "2", "x"], "c": ["x", "y", "z"], "id": [1, 2, 3], "k": ["x"] * 3},
        categorical=["a", "id", "k"],
        numeric=["b"],
        drop=["c"],
    )
    assert [column.kind for column in columns.values()] == ["category", "number", "category", "category", "category"]
    assert [column.used for column in columns.values()] == [True, True, False, True, True]
    assert columns["c"].reason == "dropped by drop="
    assert notes == ()


def test_a_column_of_times_or_weights_has_its_kind_even_where_it_is_no_input() -> None:
    cells = {"no": list(range(1, 61)), "day": ["2024-01-05", "2024-01-06"] * 30, "heavy": [1.5, 2.5] * 30, "x": [0.5, 0.25, 0.1] * 20}
    for name, kind, options in (("no", "number", {}), ("no", "number", {"drop": ["no"]}), ("day", "date", {"drop": ["day"]})):
        columns, _ = judge(cells, time=name, **options)
        assert (columns[name].kind, columns[name].used) == (kind, False)
    columns, _ = judge(cells, weight="heavy", drop=["heavy"])
    assert (columns["heavy"].kind, columns["heavy"].reason) == ("number", "dropped by drop=")


@pytest.mark.parametrize("option", ["target", "categorical", "numeric", "date", "drop"])
def test_unknown_columns(option: str) -> None:
    with pytest.raises(DataError, match=rf"p.csv has no column 'inccome' \({option}=\)\. Did you mean 'income'\?"):
        judge({"income": [1, 2], "b": [1, 2]}, **{option: "inccome" if option == "target" else ["inccome"]})


def test_an_unknown_column_without_a_near_one_lists_the_columns() -> None:
    with pytest.raises(DataError, match="Its columns: 'income', 'b'"):
        judge({"income": [1, 2], "b": [1, 2]}, target="zzz")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"drop": ["a"], "numeric": ["a"]}, "both drop and numeric;"),
        ({"categorical": ["a"], "date": ["a=%Y"]}, "both categorical and date;"),
        ({"drop": ["a"], "target": "a"}, "target"),
        ({"decimal": ";"}, "decimal"),
    ],
)
def test_options_that_exclude_each_other(options: dict[str, object], says: str) -> None:
    with pytest.raises(OptionError, match=says):
        judge({"a": [1, 2]}, **options)


@pytest.mark.parametrize(
    ("cells", "options", "says"),
    [
        (["x", "y"], {"numeric": ["a"]}, "no numbers but 'x'"),
        ([datetime.date(2020, 1, 1)], {"numeric": ["a"]}, "no numbers but dates"),
        ([[1]], {"numeric": ["a"]}, "no numbers but lists"),
        (["x", "y"], {"date": ["a"]}, "such as 'x', are not all dates in a form that is recognized"),
        (["1/13/2020"], {"date": ["a=%d/%m/%Y"]}, "written as %d/%m/%Y"),
        ([True, False], {"date": ["a"]}, "holds no dates but true and false"),
        ([[1]], {"date": ["a"]}, "holds no dates but lists"),
        ([b"x"], {"date": ["a"]}, "holds no dates but raw bytes"),
        ([None], {"date": ["a"]}, "holds no dates but empty cells"),
        ([datetime.time(1)], {"categorical": ["a"]}, "times of day"),
        ([datetime.timedelta(1)], {"target": "a"}, "durations"),
        ([[1]], {"categorical": ["a"]}, "holds lists"),
        ([[1]], {"target": "a"}, "target 'a' holds lists"),
    ],
)
def test_cells_that_are_not_what_an_option_says(cells: list[object], options: dict[str, object], says: str) -> None:
    with pytest.raises(DataError) as caught:
        judge({"a": cells}, **options)
    assert says in str(caught.value) and "p.csv" in str(caught.value)


def write_number(value: int, decimals: int, decimal: str, thousands: str, affix: str, parentheses: bool) -> str:
    whole, fraction = divmod(abs(value), 10**decimals)
    text = f"{whole:,}".replace(",", thousands) + (decimal + str(fraction).zfill(decimals) if decimals else "")
    text = {"": text, "€": f"{text} €", "$": f"${text}", "%": f"{text}%", "USD": f"USD {text}"}[affix]
    return text if value >= 0 else (f"({text})" if parentheses else f"-{text}")


@settings(max_examples=300)
@given(
    numbers=st.lists(st.integers(-(10**9), 10**9), min_size=1, max_size=8),
    decimals=st.integers(0, 4),
    separators=st.sampled_from([(".", ""), (",", ""), (".", ","), (",", "."), (".", " "), (",", " "), (".", "'"), (",", "'")]),
    affix=st.sampled_from(["", "€", "$", "%", "USD"]),
    parentheses=st.booleans(),
)
def test_numbers_in_every_style_come_back(
    numbers: list[int], decimals: int, separators: tuple[str, str], affix: str, parentheses: bool
) -> None:
    cells = [write_number(number, decimals, *separators, affix, parentheses) for number in numbers]
    column, _ = judge_one(cells, decimal=separators[0], target="a")
    assert column.kind == "number"
    assert values(cells, column) == pytest.approx([number / 10**decimals for number in numbers], rel=1e-12, abs=0)


@settings(max_examples=100)
@given(
    moments=st.lists(st.datetimes(datetime.datetime(1900, 1, 1), datetime.datetime(2100, 1, 1)), min_size=1, max_size=8),
    form=st.sampled_from(["%Y-%m-%d", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y %H:%M", "%d %b %Y"]),
)
def test_dates_in_every_style_come_back(moments: list[datetime.datetime], form: str) -> None:
    cells = [moment.strftime(form) for moment in moments]
    column, _ = judge_one(cells, date=[f"a={form}"])
    assert values(cells, column) == [datetime.datetime.strptime(cell, form) for cell in cells]


def test_whole_numbers_that_would_become_the_same_are_left_out() -> None:
    column, notes = judge_one([str(10**17 + 3 * i) for i in (5, 1, 4, 2, 8, 6)])
    assert (column.kind, column.used) == ("identifier", False)
    assert notes[0].option == "categorical"
    assert judge_one([str(10**17 * i) for i in (5, 1, 4, 2, 8, 6)])[0].used
    assert judge_one([str(10**17 + 3 * i) for i in range(6)], target="a")[0].kind == "number"
