from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import chainrule
from chainrule.data.bundled import bundled
from chainrule.data.columns import judge_columns
from chainrule.data.encode import Encoder
from chainrule.data.read import read_table
from chainrule.data.table import Column, Table
from chainrule.errors import DataError, OptionError


def table_of(source: str = "people.csv", **columns) -> Table:
    frame = pl.DataFrame(columns)
    return Table(frame, source, lines=range(2, frame.height + 2))


def fitted(table: Table, kind: str, rows=None, **details) -> Encoder:
    columns = [Column(name, kind, **details) for name in table.frame.columns]
    return Encoder.fit(columns, table, np.arange(table.rows) if rows is None else np.array(rows))


def units_of(encoder: Encoder, table: Table) -> dict[str, list[float]]:
    return dict(zip(encoder.units, encoder.transform(table, "float64").T.tolist(), strict=True))


# --- numbers


def test_a_number_is_standardized_by_the_population_scale() -> None:
    table = table_of(age=["1", "2", "3", "4"])
    encoder = fitted(table, "number")
    assert encoder.units == ("age",)
    assert encoder.transform(table, "float64")[:, 0] == pytest.approx((np.arange(1, 5) - 2.5) / math.sqrt(1.25))


def test_missing_numbers_count_as_the_mean_and_have_an_indicator_if_training_had_some() -> None:
    table = table_of(age=["1", None, "3"])
    assert units_of(fitted(table, "number"), table) == {"age": [-1, 0, 1], "age missing": [0, 1, 0]}
    assert units_of(fitted(table, "number", rows=[0, 2]), table) == {"age": [-1, 0, 1]}


def test_a_constant_column_and_one_without_values_have_the_scale_one() -> None:
    assert units_of(fitted(table_of(age=["7", "7"]), "number"), table_of(age=["7", "9"])) == {"age": [0, 2]}
    empty = table_of(age=pl.Series([None, None], dtype=pl.String))
    assert units_of(fitted(empty, "number"), table_of(age=["7", None])) == {"age": [7, 0], "age missing": [0, 1]}


def test_numbers_too_far_from_training_are_named() -> None:
    encoder = fitted(table_of(age=["1", "2"]), "number")
    with pytest.raises(DataError, match=r"new.csv, line 3: column 'age' holds 1e300, too far from the training rows to be encoded"):
        encoder.transform(table_of("new.csv", age=["1", "1e300"]))
    assert encoder.transform(table_of(age=["1e300"]), "float64")[0, 0] == pytest.approx(2e300)


@pytest.mark.parametrize("row", [0, 4_000, 299_999])
@pytest.mark.parametrize(("cell", "said"), [(1e300, r"holds 1e\+300, too far"), (math.inf, "holds 'inf' which is infinite")])
def test_a_number_that_is_no_unit_is_named_wherever_it_stands(row: int, cell: float, said: str) -> None:
    ages = np.random.default_rng(0).normal(40, 10, 300_000)
    encoder = fitted(table_of(size=np.ones(9).cumsum(), age=ages[:9]), "number")
    ages[[1, 5_000]] = math.nan
    ages[row] = cell
    with pytest.raises(DataError, match=f"a data frame, row {row}: column 'age' {said}"):
        for cells in encoder.chunks(read_table(pl.DataFrame({"size": ages.argsort(), "age": ages}), levels={})):
            cells()


def test_a_number_that_is_missing_is_the_same_as_nan_and_as_null() -> None:
    trained = table_of(age=["1", None, "3"], born=["2020-01-01", "2020-01-03", None])
    columns = [Column("age", "number"), Column("born", "date", date_format="%Y-%m-%d")]
    encoder = Encoder.fit(columns, trained, np.arange(3))
    expected = encoder.transform(table_of(age=pl.Series([2.5, None]), born=trained.frame["born"][1:]))
    as_nan = table_of(age=pl.Series([2.5, math.nan]), born=trained.frame["born"][1:])
    np.testing.assert_array_equal(encoder.transform(as_nan), expected)
    assert expected[1].tolist() == [0, 1, 0, 1]


# --- booleans


def test_a_boolean_is_one_and_zero_and_missing_ones_the_share_in_training() -> None:
    table = table_of(smoker=["yes", "no", "yes", "yes", None])
    encoder = fitted(table, "boolean", true="yes", false="no")
    assert units_of(encoder, table) == {"smoker": [1, 0, 1, 1, 0.75], "smoker missing": [0, 0, 0, 0, 1]}
    known = fitted(table, "boolean", rows=[0, 1], true="yes", false="no")
    assert units_of(known, table) == {"smoker": [1, 0, 1, 1, 0.5]}


# --- categories


def test_a_category_has_a_unit_for_each_level_of_training() -> None:
    table = table_of(island=["Dream", "Biscoe", None, "Dream"])
    encoder = fitted(table, "category")
    assert units_of(encoder, table) == {"island=Biscoe": [0, 1, 0, 0], "island=Dream": [1, 0, 0, 1], "island missing": [0, 0, 1, 0]}


def test_unknown_and_newly_missing_categories_are_zeros_where_no_unit_is_for_them() -> None:
    encoder = fitted(table_of(island=["a", "b"]), "category")
    assert units_of(encoder, table_of(island=["c", None, "b"])) == {"island=a": [0, 0, 0], "island=b": [0, 0, 1]}
    nothing = fitted(table_of(island=pl.Series([None, None], dtype=pl.String)), "category")
    assert units_of(nothing, table_of(island=["c", None])) == {"island missing": [0, 1]}


def test_many_levels_share_a_unit_and_so_do_unknown_ones() -> None:
    levels = [f"city {i}" for i in range(100)]
    table = table_of(city=[level for i, level in enumerate(levels) for _ in range(100 - i)])
    encoder = fitted(table, "category")
    assert encoder.units == (*(f"city={level}" for level in levels[:64]), "city=other")
    assert [note.text for note in encoder.notes] == ["the 36 least frequent of the 100 levels of column 'city' share the unit 'city=other'"]
    new = encoder.transform(table_of(city=["city 3", "city 99", "Atlantis", None]))
    assert [np.flatnonzero(row).tolist() for row in new] == [[3], [64], [64], []]


def test_levels_of_too_few_rows_share_a_unit_unless_it_is_one_alone() -> None:
    often = ["a"] * 3000 + ["b"] * 3000
    assert fitted(table_of(c=[*often, *["x"] * 5, *["y"] * 5, *["z"] * 7]), "category").units == ("c=a", "c=b", "c=z", "c=other")
    assert fitted(table_of(c=[*often, *["x"] * 5]), "category").units == ("c=a", "c=b", "c=x")
    assert fitted(table_of(c=["a", "b", "c"]), "category").units == ("c=a", "c=b", "c=c")


# --- dates


def days(*numbers: float) -> list[datetime]:
    return [datetime(1970, 1, 1) + timedelta(days=number) for number in numbers]


def test_a_date_is_its_standardized_days_since_1970() -> None:
    encoder = fitted(table_of(joined=days(1, 2, 6)), "date")
    later = table_of(joined=[*days(3, 10), None])
    assert units_of(encoder, later) == {"joined": [0, pytest.approx(7 / np.std([1, 2, 6])), 0]}


def test_cycles_are_there_if_training_spans_a_round_and_differs_in_it() -> None:
    def cycles(*numbers: float) -> set[str]:
        return {unit.split()[1] for unit in fitted(table_of(joined=days(*numbers)), "date").units[1:]}

    assert cycles(0, 0.5) == set()
    assert cycles(0, 1.5) == {"hour"}
    assert cycles(0, 1, 2, 6) == set()
    assert cycles(0, 1, 7) == {"weekday"}
    assert cycles(0, 7, 14, 399) == {"month"}
    assert cycles(0, 7, 14, 371) == set()
    assert cycles(0, 40, 400.25) == {"month", "weekday", "hour"}


def test_places_on_the_circles_are_where_they_belong() -> None:
    table = table_of(joined=[*days(0, 40, 400.25), None])
    encoder = fitted(table, "date")
    assert encoder.units == (
        *("joined", "joined month sin", "joined month cos", "joined weekday sin", "joined weekday cos"),
        *("joined hour sin", "joined hour cos", "joined missing"),
    )
    wednesday_in_april = table_of(joined=[datetime(2020, 4, 1, 6, 0), None])
    april, none = encoder.transform(wednesday_in_april, "float64")[:, 1:]
    assert april == pytest.approx([1, 0, math.sin(4 * math.pi / 7), math.cos(4 * math.pi / 7), 1, 0, 0], abs=1e-15)
    assert none.tolist() == [0, 0, 0, 0, 0, 0, 1]


# --- all of them


@st.composite
def mixed(draw):
    """A table with a column of each kind, some cells missing, and the training rows."""
    rows = draw(st.integers(2, 30))

    def cells(values):
        return draw(st.lists(st.one_of(st.none(), values), min_size=rows, max_size=rows))

    table = table_of(
        n=pl.Series(cells(st.floats(-1e6, 1e6).map(lambda x: round(x, 6))), dtype=pl.Float64),  # spreads below that overflow float32
        b=pl.Series(cells(st.booleans()), dtype=pl.Boolean),
        c=pl.Series(cells(st.sampled_from("abcdef")), dtype=pl.String),
        d=pl.Series(cells(st.datetimes(datetime(1960, 1, 1), datetime(2040, 1, 1))), dtype=pl.Datetime("ms")),
    )
    return table, np.array(draw(st.lists(st.integers(0, rows - 1), min_size=1, unique=True).map(sorted)))


KINDS = [Column("n", "number"), Column("b", "boolean"), Column("c", "category"), Column("d", "date")]


@given(mixed(), mixed())
@settings(max_examples=40)
def test_statistics_come_from_the_training_rows_alone(case, elsewhere) -> None:
    table, rows = case
    encoder = Encoder.fit(KINDS, table, rows)
    fill = elsewhere[0].frame[np.arange(table.rows) % elsewhere[0].rows]
    outside = ~pl.int_range(table.rows, eager=True).is_in(rows)
    changed = table.frame.with_columns(table.frame[name].zip_with(~outside, fill[name]) for name in table.frame.columns)
    assert Encoder.fit(KINDS, Table(changed, table.source, lines=table.lines), rows) == encoder
    alone = Table(table.frame[rows], table.source)
    assert Encoder.fit(KINDS, alone, np.arange(len(rows))) == encoder


@given(mixed(), mixed())
@settings(max_examples=40)
def test_any_row_can_be_encoded_and_does_not_depend_on_its_neighbors(case, later) -> None:
    encoder = Encoder.fit(KINDS, *case)
    table = later[0]
    x = encoder.transform(table, "float64")
    assert np.isfinite(x).all() and x.shape == (table.rows, len(encoder.units))
    assert (encoder.transform(table) == x.astype(np.float32)).all()
    for row in range(table.rows):
        traces = encoder.explain(table, row)
        assert [trace.result for trace in traces] == x[row].tolist()
        assert tuple(trace.unit for trace in traces) == encoder.units
        for trace in traces:
            assert trace.column == encoder.sources[trace.unit]
            if trace.scale is not None and trace.value is not None:
                assert (trace.value - trace.mean) / trace.scale == trace.result


@given(mixed())
@settings(max_examples=40)
def test_an_encoder_comes_back_from_json(case) -> None:
    encoder = Encoder.fit(KINDS, *case)
    back = Encoder.from_json(json.loads(json.dumps(encoder.to_json())))
    assert back == encoder
    assert (back.transform(case[0]) == encoder.transform(case[0])).all()


def test_an_encoder_works_in_another_process(tmp_path) -> None:
    table = read_table(bundled("penguins").path)
    columns = [column for column in judge_columns(table, target="species")[0] if column.name != "species"]
    encoder = Encoder.fit(columns, table, np.arange(0, table.rows, 2))
    (tmp_path / "encoder.json").write_text(json.dumps(encoder.to_json()))
    code = (
        "import json, sys, pathlib, numpy\n"
        "from chainrule.data.encode import Encoder\n"
        "from chainrule.data.read import read_table\n"
        "encoder = Encoder.from_json(json.loads(pathlib.Path(sys.argv[1]).read_text()))\n"
        "numpy.save(sys.argv[3], encoder.transform(read_table(sys.argv[2])))\n"
    )
    paths = [str(path) for path in (tmp_path / "encoder.json", bundled("penguins").path, tmp_path / "x.npy")]
    environment = {**os.environ, "PYTHONPATH": str(Path(chainrule.__file__).parents[1])}
    subprocess.run([sys.executable, "-c", code, *paths], check=True, env=environment)
    assert (np.load(tmp_path / "x.npy") == encoder.transform(table)).all()


def test_the_trace_of_a_row_can_be_checked_by_hand() -> None:
    table = table_of(
        age=["20", "40", None], smoker=["yes", "no", None], island=["Dream", "Biscoe", None], joined=["2020-01-01", "2021-04-01", None]
    )
    columns = [
        Column("age", "number"),
        Column("smoker", "boolean", true="yes", false="no"),
        Column("island", "category"),
        Column("joined", "date", date_format="%Y-%m-%d"),
    ]
    encoder = Encoder.fit(columns, table, np.arange(3))
    told = {trace.unit: (trace.cell, trace.how, trace.result) for trace in encoder.explain(table, 1)}
    assert told["age"] == ("40", "(40 − 30) / 10", 1.0)
    assert told["age missing"] == ("40", "not missing: 0", 0.0)
    assert told["smoker"] == ("no", "false: 0", 0.0)
    assert told["island=Biscoe"] == ("Biscoe", "'Biscoe' is 'Biscoe': 1", 1.0)
    assert told["island=Dream"] == ("Biscoe", "'Biscoe' is not 'Dream': 0", 0.0)
    assert told["joined"] == ("2021-04-01", "(18718 − 18490) / 228", 1.0)
    assert told["joined month sin"] == ("2021-04-01", "sin(2π · 3 / 12)", 1.0)
    missing = {trace.unit: (trace.cell, trace.how, trace.result) for trace in encoder.explain(table, 2)}
    assert missing["age"] == (None, "missing, so the training mean: 0", 0.0)
    assert missing["age missing"] == (None, "missing: 1", 1.0)
    assert missing["smoker"] == (None, "missing, so the share of true ones in training: 0.5", 0.5)
    assert missing["island=Biscoe"] == (None, "missing is not 'Biscoe': 0", 0.0)
    assert missing["joined month sin"] == (None, "missing, so the middle of the circle: 0", 0.0)


def test_the_trace_of_a_level_without_a_unit_says_so() -> None:
    table = table_of(c=[f"level {i}" for i in range(70)])
    encoder = fitted(table, "category")
    assert encoder.explain(table_of(c=["new"]), 0)[-1].how == "'new' is none of the levels with a unit of their own: 1"
    assert encoder.explain(table_of(c=["level 1"]), 0)[-1].how == "'level 1' is one of the levels with a unit of their own: 0"


def test_units_have_names_of_their_own() -> None:
    table = table_of(**{"age": ["1", None], "age missing": ["3", "4"]})
    encoder = fitted(table, "number")
    assert encoder.sources == {"age": "age", "age missing": "age", "age missing (2)": "age missing"}
    other = table_of(c=[*["other"] * 100, *(f"level {i}" for i in range(80))])
    assert fitted(other, "category").units[-2:] == ("c=other", "c=other (2)")


def test_columns_that_are_not_used_are_not_needed() -> None:
    table = table_of(age=["1", "2"], name=["a", "b"])
    encoder = Encoder.fit([Column("age", "number"), Column("name", "identifier", used=False)], table, np.arange(2))
    assert encoder.units == ("age",)
    assert encoder.transform(table_of(more=["x"], age=["1"])).shape == (1, 1)


def test_what_cannot_be_encoded_is_refused() -> None:
    table = table_of(age=["1", "2"], size=["3", "4"])
    encoder = fitted(table, "number")
    with pytest.raises(DataError, match=r"new.csv has no column 'age'. Did you mean 'Age'\?"):
        encoder.transform(table_of("new.csv", Age=["1"], size=["3"]))
    with pytest.raises(DataError, match=r"new.csv has no columns 'age', 'size', which the model was trained with"):
        encoder.transform(table_of("new.csv", weight=["1"]))
    with pytest.raises(DataError, match=r"new.csv, line 3: column 'size' holds 'x' where a number is expected"):
        encoder.transform(table_of("new.csv", age=["1", "2"], size=["3", "x"]))
    with pytest.raises(OptionError, match=r"row=2: people.csv has 2 rows, 0 to 1"):
        encoder.explain(table, 2)
    with pytest.raises(DataError, match=r"people.csv has no training rows"):
        fitted(table, "number", rows=np.zeros(0, np.int64))
    with pytest.raises(DataError, match=r"people.csv has no column to learn from: besides the target, every one is left out"):
        Encoder.fit([Column("age", "constant", used=False)], table, np.arange(2))


def test_a_million_rows_are_quick() -> None:
    rows = 1_000_000
    random = np.random.default_rng(0)
    table = Table(pl.DataFrame({"n": random.normal(size=rows), "c": random.choice(list("abcdefgh"), rows)}), "a data frame")
    started = time.perf_counter()
    encoder = Encoder.fit([Column("n", "number"), Column("c", "category")], table, np.arange(rows))
    assert encoder.transform(table).shape == (rows, 9)
    assert time.perf_counter() - started < 3


def test_weights_weight_the_statistics() -> None:
    dates = pl.Series([0, 86_400_000, None]).cast(pl.Datetime("ms"))
    frame = pl.DataFrame({"n": [1.0, 2.0, None], "b": [True, False, None], "d": dates, "c": ["a", "b", None]})
    columns = [Column(name, kind) for name, kind in (("n", "number"), ("b", "boolean"), ("d", "date"), ("c", "category"))]
    table, rows = Table(frame, "frame"), np.arange(3)
    weighted = Encoder.fit(columns, table, rows, np.array([3.0, 1.0, 2.0]))
    repeated = Encoder.fit(columns, table, np.repeat(rows, [3, 1, 2]))
    assert [code.units for code in weighted.codes] == [code.units for code in repeated.codes]
    np.testing.assert_allclose(weighted.transform(table, "float64"), repeated.transform(table, "float64"), rtol=1e-12)
