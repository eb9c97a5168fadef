"""Words that an encoder knows are matched as they are; what enters the network is the same to the bit."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from chainrule.data.columns import judge_columns
from chainrule.data.encode import Encoder
from chainrule.data.missing import mark_missing
from chainrule.data.read import read_table
from chainrule.errors import DataError
from chainrule.training.train import train

MET = ["red", "green ", " blue", "NA", "?", "", "  ", None, "purple", " purple ", "\tred\n", "Red", "green"]


@pytest.mark.parametrize("with_missing", [False, True])
@pytest.mark.parametrize("with_rare", [False, True])
def test_units_are_the_same_whether_or_not_the_words_are_known(with_missing: bool, with_rare: bool) -> None:
    colors = [*["red", "green", "blue"] * 400, *[None] * (50 * with_missing), *["rare", "rarer"] * with_rare]
    trained = read_table(pl.DataFrame({"color": colors, "size": np.arange(len(colors)) % 7}))
    encoder = Encoder.fit(judge_columns(trained)[0], trained, np.arange(trained.rows))
    assert set(encoder.levels) == {"color"}
    for cells in (MET, ["red", "blue", "green"], ["red", None], [None], ["NA"], ["new", "newer"]):
        frame = pl.DataFrame({"color": pl.Series(cells, dtype=pl.String), "size": [1.5] * len(cells)})
        plain, known = read_table(frame), read_table(frame, levels=encoder.levels)
        assert known.frame["color"].cast(pl.String).to_list() == plain.frame["color"].to_list()
        assert known.notes == plain.notes
        for dtype in ("float32", "float64"):
            np.testing.assert_array_equal(encoder.transform(known, dtype), encoder.transform(plain, dtype))
            np.testing.assert_array_equal(
                np.concatenate([cells().units(dtype) for cells in encoder.chunks(known, dtype)]), encoder.transform(plain, dtype)
            )
        for row in range(len(cells)):
            assert encoder.explain(known, row) == encoder.explain(plain, row)


def test_a_known_word_that_is_a_marker_or_not_trimmed_does_not_count() -> None:
    frame = pl.DataFrame({"word": ["NA", " a ", "b", None]})
    marked, notes = mark_missing(frame, None, {"word": ["NA", " a ", "b"]})
    assert marked["word"].cast(pl.String).to_list() == [None, "a", "b", None]
    assert notes == mark_missing(frame)[1]
    tied = pl.DataFrame({"first": ["?", "a"], "second": ["NA", "a"]})
    assert mark_missing(tied, None, {"second": ["a"]})[1] == mark_missing(tied, None, {"first": ["a"]})[1]


def test_columns_that_are_no_text_are_left_as_they_are() -> None:
    frame = pl.DataFrame({"word": [1, 2, None]})
    assert mark_missing(frame, None, {"word": ["1"], "absent": ["x"]})[0].equals(frame)


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_the_words_of_a_file_are_known_as_those_of_a_frame(ending: str, tmp_path: Path) -> None:
    frame, path = pl.DataFrame({"word": [*"abab", " a ", "NA", "new", None], "size": range(8)}), tmp_path / f"table.{ending}"
    {"csv": frame.write_csv, "jsonl": frame.write_ndjson, "parquet": frame.write_parquet}[ending](path)
    plain, known = read_table(path), read_table(path, levels={"word": ["a", "b"]})
    assert known.frame["word"].dtype == pl.Enum(["a", "b", "new"])
    assert known.frame.cast({"word": pl.String}).equals(plain.frame)
    assert (known.notes, known.lines) == (plain.notes, plain.lines)


def test_a_model_answers_the_same_for_a_table_whose_words_it_did_not_know() -> None:
    rows = np.arange(300)
    frame = pl.DataFrame({"color": np.array(["red", "green", "blue"])[rows % 3], "size": rows % 7, "y": rows % 3 == 0})
    model = train(frame, "y", epochs=2, hidden=(4,))
    for data in (frame, frame.with_columns(color=pl.Series([*MET, *["new"] * 287], dtype=pl.String))):
        np.testing.assert_array_equal(model.predict_proba(data), model.predict_proba(read_table(data)))


def pandas_kinds() -> dict[str, Callable[[list[str | None]], Any]]:
    """Return what makes a data frame of words, for each way in which pandas, polars and pyarrow hold words."""
    return {
        "text": lambda cells: pd.DataFrame({"word": pd.Series(cells, dtype="str")}),
        "nullable text": lambda cells: pd.DataFrame({"word": pd.Series(cells, dtype="string[python]")}),
        "objects": lambda cells: pd.DataFrame({"word": pd.Series(cells, dtype=object)}),
        "categories": lambda cells: pd.DataFrame({"word": pd.Categorical(cells, [*dict.fromkeys(filter(None, cells)), "unused"])}),
        "polars": lambda cells: pl.DataFrame({"word": cells}),
        "polars' categories": lambda cells: pl.DataFrame({"word": pl.Series(cells, dtype=pl.Categorical)}),
        "polars' enumeration": lambda cells: pl.DataFrame({"word": pl.Series(cells, dtype=pl.Enum([*dict.fromkeys(filter(None, cells))]))}),
        "pyarrow": lambda cells: pa.table({"word": pa.array(cells, pa.string())}),
        "pyarrow's dictionary": lambda cells: pa.table({"word": pa.array(cells, pa.string()).dictionary_encode()}),
    }


@pytest.mark.parametrize("kind", pandas_kinds())
@pytest.mark.parametrize("cells", [[*"abba", None], [*"abba", " a ", "NA", "new", None], ["new"] * 3, [None, "a"]])
@pytest.mark.parametrize("rows", [1, 10_000])
def test_words_are_known_however_a_frame_holds_them(kind: str, cells: list[str | None], rows: int) -> None:
    make = pandas_kinds()[kind]
    plain, known = read_table(make(cells * rows)), read_table(make(cells * rows), levels={"word": ["a", "NA", "b", "c"]})
    assert isinstance(known.frame["word"].dtype, pl.Enum)
    assert known.frame["word"].dtype.categories[:3].to_list() == ["a", "b", "c"]
    assert known.frame["word"].cast(pl.String).equals(plain.frame["word"])
    assert known.notes == plain.notes


@pytest.mark.parametrize("kind", ["text", "nullable text", "categories", "polars' categories", "pyarrow", "pyarrow's dictionary"])
def test_words_may_all_be_missing(kind: str) -> None:
    for rows in (1, 10_000):
        known = read_table(pandas_kinds()[kind]([None] * rows), levels={"word": ["a", "b"]})
        assert (known.frame["word"].dtype, known.frame["word"].null_count()) == (pl.Enum(["a", "b"]), rows)


@pytest.mark.parametrize("odd", [1, 2.5, True])
def test_words_may_have_something_else_among_them_late(odd: object) -> None:
    for rows in (100, 5_000):
        frame = pd.DataFrame({"word": pd.Series([*["a", None] * rows, odd], dtype=object)})  # pandas looks at the first ones alone
        for levels in (None, {"word": ["a", "b"]}):
            words = read_table(frame, levels=levels).frame["word"].cast(pl.String)
            assert (words[0], words[-1], words.null_count()) == ("a", str(odd).lower(), rows)


def test_half_a_character_is_refused() -> None:
    for data in (pd.DataFrame({"word": pd.Series(["a", "\ud800b"], dtype=object)}), {"word": ["a", "\ud800b"]}):
        with pytest.raises(DataError, match=r"a data frame holds '\\ud800b', which is no text; read its file in the encoding that it has"):
            read_table(data)


def test_what_a_column_is_does_not_depend_on_how_many_gaps_come_first() -> None:
    cells = {
        "number": [1, 2],
        "truth": [True, False],
        "day": [dt.date(2020, 1, 1)],
        "span": [dt.timedelta(1)],
        "word": ["a"],
        "list": [[1]],
    }
    for name, values in cells.items():
        few, many = (read_table(pd.DataFrame({name: pd.Series([None] * gaps + values, dtype=object)})).frame for gaps in (1, 200))
        assert many[199:].equals(few)
        assert many.schema == few.schema


def test_a_number_is_one_label_however_a_frame_holds_it() -> None:
    codes = np.array([0, 1, 2, 10] * 50)
    kinds: dict[str, Any] = {
        "whole": codes,
        "float": codes.astype(float),
        "text": codes.astype(str),
        "categories of whole numbers": pd.Categorical(codes),
        "categories of floats": pd.Categorical(codes.astype(float)),
        "floats among words": pd.Series([*codes[:-1].astype(float), "10"], dtype=object),
    }
    size = np.arange(200.0) % 7
    for cells in kinds.values():
        table = read_table(pd.DataFrame({"code": cells, "size": size}))
        encoder = Encoder.fit(judge_columns(table, categorical=["code"])[0], table, np.arange(200))
        assert encoder.levels["code"] == ("0", "1", "2", "10")
        units = encoder.transform(table)
        for other in kinds.values():
            known = read_table(pd.DataFrame({"code": other, "size": size}), levels=encoder.levels)
            np.testing.assert_array_equal(encoder.transform(known), units)
