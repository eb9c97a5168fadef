"""Cells as typed values, read by a column's record from text and from typed tables alike."""

from __future__ import annotations

import datetime
import decimal
from collections.abc import Sequence

import polars as pl
import pytest

from chainrule.data.cells import read_column
from chainrule.data.table import Column, Table
from chainrule.errors import DataError


def read(column: Column, cells: Sequence[object] | pl.Series, dtype: pl.DataType | type[pl.DataType] | None = None) -> pl.Series:
    table = Table(pl.DataFrame({column.name: pl.Series(cells, dtype=dtype)}), "p.csv", lines=range(2, 100))
    values = read_column(table, column)
    assert values.len() == len(cells)
    return values


def refused(column: Column, cells: Sequence[object], dtype: pl.DataType | type[pl.DataType] | None = None) -> str:
    with pytest.raises(DataError) as caught:
        read(column, cells, dtype)
    return str(caught.value)


NUMBER = Column("a", "number")
CATEGORY = Column("a", "category")
BOOLEAN = Column("a", "boolean", true="Ja", false="Nein")
DATE = Column("a", "date", date_format="%d.%m.%Y")


@pytest.mark.parametrize(
    ("cells", "dtype", "expected"),
    [
        (["1", "-2.5", None, "(3)", "−4"], pl.String, [1, -2.5, None, -3, -4]),
        ([1, None], pl.Int8, [1, None]),
        ([1.5, float("nan"), None], pl.Float32, [1.5, None, None]),
        ([True, False], pl.Boolean, [1, 0]),
        ([decimal.Decimal("1.50")], pl.Decimal(10, 2), [1.5]),
        ([None, None], pl.Null, [None, None]),
        ([None, None], pl.String, [None, None]),
    ],
)
def test_numbers(cells: list[object], dtype: pl.DataType, expected: list[float | None]) -> None:
    values = read(NUMBER, cells, dtype)
    assert values.dtype == pl.Float64
    assert values.to_list() == expected


def test_a_number_keeps_the_style_of_its_record() -> None:
    column = Column("a", "number", decimal=",", thousands=".", affixes=("€",))
    assert read(column, ["1.234,5 €", "7", "-€ 3"]).to_list() == [1234.5, 7, -3]
    assert read(column, [1.5]).to_list() == [1.5]
    assert "line 2: column 'a' holds '$5' where a number" in refused(column, ["$5"])
    assert "'1.5'" in refused(column, ["1.5"])


def test_text_where_numbers_were() -> None:
    message = refused(NUMBER, ["1", None, "abc", "def"])
    assert message == (
        "p.csv, line 4: column 'a' holds 'abc' where a number is expected; correct the cell, or name the marker with missing="
    )
    assert "…" in refused(NUMBER, ["x" * 100])
    assert "'nan'" in refused(NUMBER, ["1", "nan"])


@pytest.mark.parametrize("cells", [["1", "inf"], ["1", "-Infinity"], ["1", "1e999"], [1.0, float("inf")]])
def test_infinite_numbers(cells: list[object]) -> None:
    assert "p.csv, line 3: column 'a'" in (message := refused(NUMBER, cells)) and "infinite" in message


def test_categories_are_spelled_as_they_were_written() -> None:
    assert read(CATEGORY, ["01", "x", None]).to_list() == ["01", "x", None]
    assert read(CATEGORY, [1, None, 3]).to_list() == ["1", None, "3"]
    assert read(CATEGORY, [1.0, 2.5, None, float("nan"), -0.0, 1e20]).to_list() == ["1", "2.5", None, None, "0", "1e+20"]
    assert read(CATEGORY, [True, None]).to_list() == ["true", None]
    assert read(CATEGORY, [datetime.date(2020, 1, 31)]).to_list() == ["2020-01-31"]
    assert read(CATEGORY, [None], pl.Null).dtype == pl.String
    assert read(CATEGORY, ["x"], pl.Categorical).dtype == pl.String


def test_identifiers_and_constants_are_read_as_labels() -> None:
    assert read(Column("a", "identifier", used=False), [7, 8]).to_list() == ["7", "8"]
    assert read(Column("a", "constant", used=False), ["x"]).to_list() == ["x"]


def test_booleans() -> None:
    assert read(BOOLEAN, ["Ja", "NEIN", "vielleicht", None]).to_list() == [True, False, None, None]
    assert read(BOOLEAN, [True, None]).to_list() == [True, None]
    assert read(BOOLEAN, [1, 0, 2]).to_list() == [True, False, None]
    assert read(BOOLEAN, [1.0, 0.0, float("nan")]).to_list() == [True, False, None]
    assert read(BOOLEAN, [None], pl.Null).dtype == pl.Boolean
    assert read(Column("a", "boolean"), ["true", "False"]).to_list() == [True, False]


def test_dates() -> None:
    moment = datetime.datetime(2020, 1, 31)
    expected = [moment, None]
    assert read(DATE, ["31.1.2020", None]).to_list() == expected
    assert read(DATE, [datetime.date(2020, 1, 31), None]).to_list() == expected
    assert read(DATE, [moment, None], pl.Datetime("ns")).dtype == pl.Datetime("ms")
    assert read(Column("a", "date"), ["2020-01-31", None]).to_list() == expected
    assert read(Column("a", "date"), ["2020-01-31 10:30"]).to_list() == [datetime.datetime(2020, 1, 31, 10, 30)]
    assert read(DATE, [None], pl.Null).dtype == pl.Datetime("ms")


def test_zones_are_taken_to_utc() -> None:
    zone = datetime.timezone(datetime.timedelta(hours=2))
    expected = [datetime.datetime(2020, 1, 31, 8)]
    assert read(DATE, [datetime.datetime(2020, 1, 31, 10, tzinfo=zone)]).to_list() == expected
    assert read(DATE, pl.Series([datetime.datetime(2020, 1, 31, 9)]).dt.replace_time_zone("Europe/Berlin")).to_list() == expected
    assert read(Column("a", "date", date_format="%Y-%m-%dT%H:%M:%S%.f%z"), ["2020-01-31T10:00:00+02:00"]).to_list() == expected
    assert read(Column("a", "date", date_format="%Y-%m-%dT%H:%M:%S%.f%z"), ["2020-01-31T08:00:00Z"]).to_list() == expected


def test_unreadable_dates() -> None:
    assert "line 3: column 'a' holds '31.2.2020' where a date written as %d.%m.%Y" in refused(DATE, ["31.1.2020", "31.2.2020"])
    assert "'soon' where a date such as 2020-01-31" in refused(Column("a", "date"), ["soon"])
    assert "'1.2.20'" in refused(DATE, ["1.2.20"])


@pytest.mark.parametrize(
    ("column", "cells", "says"),
    [
        (NUMBER, [datetime.date(2020, 1, 1)], "where numbers are expected"),
        (DATE, [True], "where dates are expected"),
        (NUMBER, [[1]], "holds lists"),
        (CATEGORY, [{"x": 1}], "holds nested objects"),
        (CATEGORY, [b"x"], "holds raw bytes"),
    ],
)
def test_cells_of_another_type(column: Column, cells: list[object], says: str) -> None:
    message = refused(column, cells)
    assert message.startswith("p.csv: column 'a'") and says in message


def test_a_missing_column_names_the_nearest() -> None:
    table = Table(pl.DataFrame({"income": [1]}), "p.csv")
    with pytest.raises(DataError, match=r"p.csv has no column 'incme'\. Did you mean 'income'\?"):
        read_column(table, Column("incme", "number"))


def test_a_record_survives_json() -> None:
    column = Column("a", "number", decimal=",", thousands=".", affixes=("€", "EUR"))
    assert read(Column.from_json(column.to_json()), ["1.000 EUR"]).to_list() == [1000]
