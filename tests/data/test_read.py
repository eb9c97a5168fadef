"""Real files of every format, encoding and delimiter, and every way in which a file can be wrong."""

from __future__ import annotations

import csv
import datetime
import gzip
import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule.data import delimited
from chainrule.data.read import read_table
from chainrule.data.table import Table
from chainrule.errors import DataError, OptionError

PEOPLE = "name,age,city\nAda,36,London\nGrace,85,New York\n"
ROWS = [("Ada", "36", "London"), ("Grace", "85", "New York")]


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def flags(table: Table) -> list[str]:
    return [note.option for note in table.notes]


def refused(path: Path | str, **options: object) -> str:
    with pytest.raises(DataError) as caught:
        read_table(path, **options)  # type: ignore[arg-type]
    message = str(caught.value)
    assert "Traceback" not in message and "\n" not in message
    return message


@pytest.fixture
def standard_input(monkeypatch: pytest.MonkeyPatch) -> Callable[[bytes], None]:
    def provide(content: bytes) -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))

    return provide


def test_an_ordinary_file_needs_no_note(tmp_path: Path) -> None:
    table = read_table(write(tmp_path, "people.csv", PEOPLE))
    assert table.frame.columns == ["name", "age", "city"]
    assert table.frame.rows() == ROWS
    assert table.notes == ()
    assert table.source == "people.csv"
    assert table.delimiter == ","
    assert table.place(1) == "people.csv, line 3"


@pytest.mark.parametrize("name", ["p.csv", "p.tsv", "p.txt", "P.CSV"])
@pytest.mark.parametrize("packed", [False, True])
def test_text_files_plain_and_packed(tmp_path: Path, name: str, packed: bool) -> None:
    text = PEOPLE.replace(",", "\t" if name.endswith("tsv") else ",").encode()
    path = write(tmp_path, name + (".gz" if packed else ""), gzip.compress(text) if packed else text)
    table = read_table(str(path))
    assert table.frame.rows() == ROWS
    assert table.notes == ()


@pytest.mark.parametrize(("delimiter", "word"), [(";", "semicolons"), ("\t", "tabs"), ("|", "pipes")])
def test_other_delimiters_are_found_and_noted(tmp_path: Path, delimiter: str, word: str) -> None:
    table = read_table(write(tmp_path, "p.csv", PEOPLE.replace(",", delimiter)))
    assert table.frame.rows() == ROWS
    assert [(note.option, word in note.text) for note in table.notes] == [("delimiter", True)]


def test_decimal_commas_do_not_hide_the_semicolon(tmp_path: Path) -> None:
    table = read_table(write(tmp_path, "p.csv", "1,5;2,5\n3,5;4,5\n"), header=False)
    assert table.frame.rows() == [("1,5", "2,5"), ("3,5", "4,5")]


def test_a_given_decimal_comma_rules_the_comma_out(tmp_path: Path) -> None:
    text = "a,b|c\n1,5|2\n2,5|3\n"
    assert read_table(write(tmp_path, "p.csv", text), decimal=",").delimiter == "|"


def test_a_first_line_that_declares_the_delimiter(tmp_path: Path) -> None:
    table = read_table(write(tmp_path, "p.csv", "sep=;\r\na,b;c\r\n1,5;2\r\n"))
    assert table.frame.columns == ["a,b", "c"]
    assert table.place(0) == "p.csv, line 3"
    assert table.notes == ()


def test_only_line_feeds_end_lines(tmp_path: Path) -> None:
    table = read_table(write(tmp_path, "p.csv", "a;b\nx\x0cy;1\nu\u2028v;2\n"))
    assert table.frame.rows() == [("x\x0cy", "1"), ("u\u2028v", "2")]


def test_columns_lined_up_with_spaces(tmp_path: Path) -> None:
    table = read_table(write(tmp_path, "housing.txt", "  crim   zn  medv\n  0.006  18.0  24.0 \n 10.2    0.0  21.6\n"))
    assert table.frame.columns == ["crim", "zn", "medv"]
    assert table.frame.rows() == [("0.006", "18.0", "24.0"), ("10.2", "0.0", "21.6")]
    assert flags(table) == ["delimiter"]


def test_spaces_in_quotes_stay(tmp_path: Path) -> None:
    table = read_table(write(tmp_path, "p.txt", 'a  b\n"x  y"   2\n'), delimiter="space")
    assert table.frame.rows() == [("x  y", "2")]


def test_words_in_one_column_are_not_split(tmp_path: Path) -> None:
    table = read_table(write(tmp_path, "p.csv", "full name\nAda Lovelace\nGrace Hopper\n"))
    assert table.frame.rows() == [("Ada Lovelace",), ("Grace Hopper",)]
    assert table.notes == ()
    assert read_table(write(tmp_path, "q.csv", "street no\nMain 7\nHigh 9\n")).frame.rows() == [("Main 7",), ("High 9",)]


@pytest.mark.parametrize("spelled", ["|", "pipe", "PIPE"])
def test_a_given_delimiter_is_taken_without_a_note(tmp_path: Path, spelled: str) -> None:
    table = read_table(write(tmp_path, "p.csv", "a,b|c\n1,2|3\n"), delimiter=spelled)
    assert table.frame.columns == ["a,b", "c"]
    assert table.notes == ()


@pytest.mark.parametrize("delimiter", [",,", "", '"', "\n", "a", "7", "§", "tabs"])
def test_impossible_delimiters(tmp_path: Path, delimiter: str) -> None:
    with pytest.raises(OptionError, match="delimiter"):
        read_table(write(tmp_path, "p.csv", PEOPLE), delimiter=delimiter)


ACCENTED = "naïve,prix\ncafé,5 €\n"


@pytest.mark.parametrize(
    ("codec", "mark", "noted"),
    [
        ("utf-8", b"", []),
        ("utf-8", b"\xef\xbb\xbf", []),
        ("utf-16-le", b"\xff\xfe", ["encoding"]),
        ("utf-16-be", b"\xfe\xff", ["encoding"]),
        ("utf-32-le", b"\xff\xfe\0\0", ["encoding"]),
        ("utf-32-be", b"\0\0\xfe\xff", ["encoding"]),
        ("utf-16-le", b"", ["encoding"]),
        ("utf-16-be", b"", ["encoding"]),
        ("cp1252", b"", ["encoding"]),
    ],
)
def test_encodings_are_found(tmp_path: Path, codec: str, mark: bytes, noted: list[str]) -> None:
    table = read_table(write(tmp_path, "p.csv", mark + ACCENTED.encode(codec)))
    assert table.frame.columns == ["naïve", "prix"]
    assert table.frame.rows() == [("café", "5 €")]
    assert flags(table) == noted


@pytest.mark.parametrize("encoding", ["cp1251", "utf-8", "UTF8", "utf-16"])
def test_a_given_encoding(tmp_path: Path, encoding: str) -> None:
    table = read_table(write(tmp_path, "p.csv", "город,n\nМосква,1\n".encode(encoding)), encoding=encoding)
    assert table.frame.rows() == [("Москва", "1")]
    assert table.notes == ()


@pytest.mark.parametrize("encoding", ["utf-99", "hex", "", "base64"])
def test_encodings_that_do_not_exist(tmp_path: Path, encoding: str) -> None:
    with pytest.raises(OptionError, match="encoding"):
        read_table(write(tmp_path, "p.csv", PEOPLE), encoding=encoding)


def test_a_wrong_encoding_names_the_line(tmp_path: Path) -> None:
    message = refused(write(tmp_path, "p.csv", "a\nb\ncafé\n".encode("cp1252")), encoding="utf-8")
    assert "p.csv, line 3" in message and "0xe9" in message and "encoding" in message


def test_one_broken_byte_in_utf8_is_no_cp1252(tmp_path: Path) -> None:
    message = refused(write(tmp_path, "p.csv", "a\näöüß\n".encode() + b"\xff\n"))
    assert "line 3" in message and "0xff" in message


def test_a_broken_byte_is_found_across_blocks(tmp_path: Path) -> None:
    long = "a\n" + "é" * ((1 << 20) + 1) + "\n"
    message = refused(write(tmp_path, "p.csv", long.encode() + b"\xe9\n"))
    assert "line 3" in message and "0xe9" in message


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"a,b\n1,\x00\n", "0x00"),
        (b"a,b\n\xff\x01\n", "0x01"),
        (b"a\n\x81\x8d\n", "no encoding"),
        (b"%PDF-1.7 ...", "PDF"),
        (b"PK\x03\x04....", "Excel"),
        (b"\x1f\x8b\x08....", "gzip"),
        (b"\xff\xfea", "UTF-16"),
        ("\ufeffa,y\n1,\0\n".encode("utf-16-le"), "p.csv, line 2: holds zero characters"),
    ],
)
def test_what_is_no_text(tmp_path: Path, content: bytes, says: str) -> None:
    message = refused(write(tmp_path, "p.csv", content))
    assert "p.csv" in message and says in message


def test_a_broken_byte_right_at_the_end_of_a_block(tmp_path: Path) -> None:
    start = "éé\n".encode()
    message = refused(write(tmp_path, "p.csv", start + b"a" * ((1 << 20) - 1 - len(start)) + b"\xc3(\n"))
    assert "line 2: byte 0xc3" in message


def test_trimming_comes_before_judging(tmp_path: Path) -> None:
    table = read_table(write(tmp_path, "p.csv", ' a , b\n x ,  NA\n\u00a0y\u00a0,""\n'))
    assert table.frame.columns == ["a", "b"]
    assert table.frame.rows() == [("x", None), ("y", None)]
    assert [note.text for note in table.notes] == ["1 cell marked as missing: 'NA' (1)"]


@pytest.mark.parametrize("marker", ["NA", "n/a", "NaN", "nan", "null", "None", "-", "?", "#N/A"])
def test_ordinary_markers(tmp_path: Path, marker: str) -> None:
    table = read_table(write(tmp_path, "p.csv", f"a,b\n{marker},1\n"))
    assert table.frame.rows() == [(None, "1")]
    assert flags(table) == ["missing"]


@pytest.mark.parametrize("word", ["Na", "No", "no", "nano", "0", "--", "-1"])
def test_words_that_are_no_markers(tmp_path: Path, word: str) -> None:
    assert read_table(write(tmp_path, "p.csv", f"a,b\n{word},1\n")).frame.rows() == [(word, "1")]


def test_given_markers_replace_the_ordinary_ones(tmp_path: Path) -> None:
    table = read_table(write(tmp_path, "p.csv", "a,b\nNA,1\n-999,2\n,3\n"), missing=["-999"])
    assert table.frame["a"].to_list() == ["NA", None, None]


def test_numeric_markers_in_typed_columns() -> None:
    table = read_table({"a": [1.5, -999.0], "b": [-999, 2], "c": ["x", "-999"]}, missing=["-999"])
    assert table.frame.rows() == [(1.5, None, "x"), (None, 2, None)]
    assert "'-999' (3)" in table.notes[0].text


def test_missing_as_one_string_is_refused() -> None:
    with pytest.raises(OptionError, match="list"):
        read_table({"a": [1]}, missing="NA")


def test_no_header(tmp_path: Path) -> None:
    table = read_table(write(tmp_path, "p.csv", "1,2\n3,4\n"), header=False)
    assert table.frame.columns == ["column_0", "column_1"]
    assert table.frame.rows() == [("1", "2"), ("3", "4")]
    assert table.place(0) == "p.csv, line 1"
    assert table.notes == ()


def test_names_that_are_numbers_are_noted(tmp_path: Path) -> None:
    assert flags(read_table(write(tmp_path, "p.csv", "1,2.5\n3,4\n"))) == ["header"]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("last", [True, False])
def test_line_ends(tmp_path: Path, end: str, last: bool) -> None:
    text = PEOPLE if last else PEOPLE.removesuffix("\n")
    assert read_table(write(tmp_path, "p.csv", text.replace("\n", end))).frame.rows() == ROWS


def test_mixed_line_ends(tmp_path: Path) -> None:
    table = read_table(write(tmp_path, "p.csv", "\ra,b\r\n1,2\r3,4\n"))
    assert table.frame.rows() == [("1", "2"), ("3", "4")]
    assert table.place(1) == "p.csv, line 4"


def test_blank_lines_are_skipped_and_lines_stay_right(tmp_path: Path) -> None:
    table = read_table(write(tmp_path, "p.csv", "\n \na,b\n\n1,2\n\r\n   \n3,4\n\n\n"))
    assert table.frame.rows() == [("1", "2"), ("3", "4")]
    assert [table.place(row) for row in (0, 1)] == ["p.csv, line 5", "p.csv, line 8"]


def test_blank_lines_in_one_column(tmp_path: Path) -> None:
    assert read_table(write(tmp_path, "p.csv", "a\r\n\r\n1\r\n\n2\r\n")).frame.rows() == [("1",), ("2",)]


@pytest.mark.parametrize("block", [1, 2, 3, 5, 8])
def test_blocks_do_not_show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    monkeypatch.setattr(delimited, "_BLOCK", block)
    table = read_table(write(tmp_path, "p.csv", 'a,b\n\n1,"x,\n\n""y"""\n   \n\n2,z\n"",q'))
    assert table.frame.rows() == [("1", 'x,\n\n"y"'), ("2", "z"), (None, "q")]
    assert table.lines == (3, 8, 9)


def test_a_row_of_empty_cells_is_a_row(tmp_path: Path) -> None:
    table = read_table(write(tmp_path, "p.tsv", "a\tb\n\t\n1\t2\n"))
    assert table.frame.rows() == [(None, None), ("1", "2")]


def test_quoted_cells(tmp_path: Path) -> None:
    table = read_table(write(tmp_path, "p.csv", '"a ""x""","b"\r\n"1,5","two\r\nlines"\r\n"","z"\r\n'))
    assert table.frame.columns == ['a "x"', "b"]
    assert table.frame.rows() == [("1,5", "two\r\nlines"), (None, "z")]
    assert table.place(1) == "p.csv, line 4"


def test_stray_quotes_are_text(tmp_path: Path) -> None:
    table = read_table(write(tmp_path, "p.csv", 'size,n\n5" pipe,2\n"two\nlines" , 3\n x, "a, b"\n'))
    assert table.frame.rows() == [('5" pipe', "2"), ("two\nlines", "3"), ("x", "a, b")]
    assert [table.place(row) for row in range(3)] == ["p.csv, line 2", "p.csv, line 3", "p.csv, line 5"]


@pytest.mark.parametrize(
    ("text", "line", "cells", "width"),
    [
        ("a,b\n1,2\n3\n", 3, "1 cell ", 2),
        ("a,b\n1,2,3\n", 2, "3 cells", 2),
        ('a,b\n"x\n\ny",2\n1,2\n4,5,6\n', 6, "3 cells", 2),
        ('a,b\n"x,y",2\n\n"p\nq"\n', 4, "1 cell ", 2),
        ('a,b\n5" x,"p\nq"\n1,2,3\n', 4, "3 cells", 2),
        ("a;b;c\n1;2\n", 2, "2 cells", 3),
    ],
)
def test_ragged_rows_name_the_line(tmp_path: Path, text: str, line: int, cells: str, width: int) -> None:
    message = refused(write(tmp_path, "p.csv", text))
    assert f"p.csv, line {line}: {cells}" in message and f"has {width}" in message


def test_ragged_rows_are_found_in_a_later_block(tmp_path: Path) -> None:
    rows = 1_200_000
    message = refused(write(tmp_path, "p.csv", "a,b\n" + "12,34567\n" * rows + "1,2,3\n"))
    assert f"line {rows + 2}: 3 cells" in message


@pytest.mark.parametrize("text", ['a,b\n1,"x\n2,3\n4,5\n', 'a,b\n5" x,1\n2,"open\n3,4\n'])
def test_a_quote_that_never_closes(tmp_path: Path, text: str) -> None:
    message = refused(write(tmp_path, "p.csv", text))
    assert "never ends" in message and f"line {text[: text.rindex(chr(34))].count(chr(10)) + 1}:" in message


def test_a_quote_that_swallows_a_long_file(tmp_path: Path) -> None:
    assert "line 2: a quoted cell" in refused(write(tmp_path, "p.csv", 'a,b\n1,"x\n' + "2,3\n" * 50_000))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is empty"),
        (" \n\n", "is empty"),
        ("a,b\n", "no rows"),
        ("a,b\n\n", "no rows"),
        ('"a",5" b\n', "no rows"),
        ("a,b,a\n1,2,3\n", "'a' stands 2 times (columns 1 and 3)"),
        ("a, a\n1,2\n", "'a' stands 2 times"),
        ("a,,c\n1,2,3\n", "column 2 of 3 has no name"),
        (",a\n0,1\n", "row index"),
        ('a, "a"\n1,2\n', "'a' stands 2 times"),
    ],
)
def test_tables_without_rows_or_names(tmp_path: Path, text: str, says: str) -> None:
    message = refused(write(tmp_path, "p.csv", text))
    assert message.startswith("p.csv") and says in message


def test_no_such_file_names_the_nearest(tmp_path: Path) -> None:
    write(tmp_path, "people.csv", PEOPLE)
    assert "Did you mean 'people.csv'?" in refused(tmp_path / "poeple.csv")
    assert "no folder" in refused(tmp_path / "nowhere" / "people.csv")
    assert "is a folder" in refused(tmp_path)
    assert "cannot be read" in refused(tmp_path / ("x" * 300 + ".csv"))


@pytest.mark.parametrize("name", ["p.xlsx", "p.dat", "p", "p.parquet.gz", "p.gz"])
def test_unknown_endings(tmp_path: Path, name: str) -> None:
    message = refused(write(tmp_path, name, "a\n1\n"))
    assert name in message and ".parquet" in message


def test_broken_gzip(tmp_path: Path) -> None:
    packed = gzip.compress(PEOPLE.encode() * 100)
    assert "is not gzip" in refused(write(tmp_path, "a.csv.gz", PEOPLE))
    assert "damaged gzip" in refused(write(tmp_path, "b.csv.gz", packed[:-20]))
    assert "damaged gzip" in refused(write(tmp_path, "c.csv.gz", packed[:40] + b"\xff\xff" + packed[42:]))


def test_json_lines_keep_their_types(tmp_path: Path) -> None:
    text = '{"a": 1, "b": "x ", "c": true}\n\n{"a": 2.5, "b": "NA", "d": "late"}\n'
    table = read_table(write(tmp_path, "p.jsonl", text))
    assert table.frame.schema == {"a": pl.Float64, "b": pl.String, "c": pl.Boolean, "d": pl.String}
    assert table.frame.rows() == [(1.0, "x", True, None), (2.5, None, None, "late")]
    assert table.place(1) == "p.jsonl, line 3"


def test_json_lines_of_mixed_types_become_text(tmp_path: Path) -> None:
    table = read_table(write(tmp_path, "p.ndjson", '{"a": 1}\n{"a": true}\n{"a": NaN}\n{"a": "x"}\n'))
    assert table.frame["a"].to_list() == ["1", "true", None, "x"]


def test_packed_json_lines_in_utf16(tmp_path: Path) -> None:
    path = write(tmp_path, "p.jsonl.gz", gzip.compress('{"a": "é"}\n'.encode("utf-16")))
    assert read_table(path).frame.rows() == [("é",)]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"a": 1}\n\n{"a": \n', "line 3: this is not JSON"),
        ('{"a": 1}\n[1]\n', "line 2: a JSON list"),
        ("1\n", "line 1: a JSON number"),
        ("", "is empty"),
        ("{}\n{}\n", "no keys"),
    ],
)
def test_broken_json_lines_name_the_line(tmp_path: Path, text: str, says: str) -> None:
    message = refused(write(tmp_path, "p.jsonl", text))
    assert message.startswith("p.jsonl") and says in message


def test_parquet(tmp_path: Path) -> None:
    frame = pl.DataFrame({"n": [1, 2], " t ": ["x ", "NA"], "when": [None, datetime.date(2020, 1, 31)]})
    frame.write_parquet(tmp_path / "p.parquet")
    table = read_table(tmp_path / "p.parquet")
    assert table.frame.columns == ["n", "t", "when"]
    assert table.frame["t"].to_list() == ["x", None]
    assert table.frame["n"].dtype == pl.Int64
    assert table.place(1) == "p.parquet, row 1"


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1" + b"x" * 100 + b"PAR1", b"a,b\n1,2\n"])
def test_broken_parquet(tmp_path: Path, content: bytes) -> None:
    assert "p.parquet is not a Parquet file" in refused(write(tmp_path, "p.parquet", content))


def test_arrays(tmp_path: Path) -> None:
    np.savez(
        tmp_path / "p.npz",
        x=np.arange(6.0).reshape(2, 3).astype(">f8"),
        y=np.array([1, 2], np.int8),
        s=np.array(["a ", "NA"]),
        b=np.array([b"u", b"v"]),
        h=np.array([0.5, 1], np.float16),
        d=np.array(["2020-01-31", "2020-02-01"], "datetime64[D]"),
        image=np.zeros((2, 2, 2), np.float32),
    )
    frame = read_table(tmp_path / "p.npz").frame
    assert frame.select("x_0", "x_1", "x_2", "y", "s", "b", "h").rows() == [(0, 1, 2, 1, "a", "u", 0.5), (3, 4, 5, 2, None, "v", 1)]
    assert frame.columns[-4:] == ["image_0", "image_1", "image_2", "image_3"]
    assert frame["d"].dt.year().to_list() == [2020, 2020]


@pytest.mark.parametrize(
    ("arrays", "says"),
    [
        ({"x": np.zeros(3), "y": np.zeros(2)}, "'y' has 2 rows and 'x' has 3"),
        ({"x": np.array(5.0)}, "a single value"),
        ({"x": np.zeros(2, complex)}, "complex128"),
        ({"x": np.array([{}, []], object)}, "no file of arrays"),
        ({"x": np.zeros(0)}, "no rows"),
        ({"x": np.zeros((2, 2)), "x_1": np.zeros(2)}, "'x_1' stands more than once"),
    ],
)
def test_arrays_that_are_no_columns(tmp_path: Path, arrays: dict[str, np.ndarray], says: str) -> None:
    np.savez(tmp_path / "p.npz", **arrays)
    message = refused(tmp_path / "p.npz")
    assert message.startswith("p.npz") and says in message


def test_broken_arrays(tmp_path: Path) -> None:
    np.savez(tmp_path / "p.npz", x=np.arange(100))
    whole = (tmp_path / "p.npz").read_bytes()
    assert "no file of arrays" in refused(write(tmp_path, "q.npz", whole[:200]))
    assert "no file of arrays" in refused(write(tmp_path, "r.npz", b"hello"))
    np.save(tmp_path / "s.npy", np.zeros(2))
    assert "one array" in refused(write(tmp_path, "s.npz", (tmp_path / "s.npy").read_bytes()))


def test_standard_input_is_known_by_its_content(standard_input: Callable[[bytes], None]) -> None:
    parquet, arrays = io.BytesIO(), io.BytesIO()
    pl.DataFrame({"a": ["1"]}).write_parquet(parquet)
    np.savez(arrays, a=np.array(["1"]))
    for content in (b"a\n1\n", gzip.compress(b"a\n1\n"), b' {"a": "1"}\n', parquet.getvalue(), arrays.getvalue()):
        standard_input(content)
        table = read_table("-")
        assert table.frame.rows() == [("1",)]
        assert table.source == "standard input"


def test_empty_standard_input(standard_input: Callable[[bytes], None]) -> None:
    standard_input(b"")
    assert "standard input is empty" in refused("-")


PANDAS = pd.DataFrame(
    {
        "f": [1.5, None],
        "i": [1, 2],
        "n": pd.array([3, None], dtype="Int64"),
        "t": ["x ", None],
        "c": pd.Categorical(["u", "v"]),
        "b": [True, False],
        "m": [1, "z"],
        "d": pd.to_datetime(["2020-01-31", None]),
        "z": pd.to_datetime(["2020-01-31", None], utc=True),
    }
)


def test_pandas_frames() -> None:
    table = read_table(PANDAS)
    assert table.source == "a data frame" and table.lines is None
    assert table.frame.select("f", "i", "n", "t", "c", "b", "m").rows() == [
        (1.5, 1, 3, "x", "u", True, "1"),
        (None, 2, None, None, "v", False, "z"),
    ]
    assert table.frame["n"].dtype == pl.Int64
    assert [table.frame[name].dt.day().to_list() for name in "dz"] == [[31, None]] * 2
    assert table.place(1) == "a data frame, row 1"


@pytest.mark.parametrize("dtype", [object, pd.StringDtype("python"), pd.StringDtype("python", na_value=np.nan), "category"])
@pytest.mark.parametrize("cells", [["a", None, " b"], ["a", "b", "a"], [None, None, None]])
def test_pandas_frames_need_no_pyarrow(monkeypatch: pytest.MonkeyPatch, dtype: object, cells: list[str | None]) -> None:
    frame = pd.DataFrame({"m": pd.Series(cells, dtype=dtype)})
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.compute", None)
    expected = [cell and cell.strip() for cell in cells]
    assert read_table(frame).frame["m"].to_list() == expected
    assert read_table(pd.concat([frame] * 5_000), levels={"m": ["a", "b"]}).frame["m"].cast(pl.String).to_list() == expected * 5_000


def test_names_of_a_frame_become_text() -> None:
    assert read_table(pd.DataFrame({0: [1], 1: [2]})).frame.columns == ["0", "1"]


def test_other_frames() -> None:
    expected = [(1, "x"), (2, None)]
    columns = {"a": [1, 2], "b": ["x", "?"]}
    categorical = pl.DataFrame(columns, schema_overrides={"b": pl.Categorical})
    for frame in (pl.DataFrame(columns), pl.LazyFrame(columns), pa.table(columns), categorical):
        assert read_table(frame).frame.rows() == expected


def test_a_dict_of_columns() -> None:
    columns = {
        "a": [1, None],
        "t": ("x", 2.5),
        "p": pd.Series([1.0, float("nan")]),
        "l": pl.Series([1, 2]),
        "x": np.eye(2),
        "g": (value for value in (1, 2)),
    }
    table = read_table(columns)
    assert table.frame.rows() == [(1, "x", 1.0, 1, 1.0, 0.0, 1), (None, "2.5", None, 2, 0.0, 1.0, 2)]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({"a": [1, 2], "b": [1]}, "'b' has 1 rows and 'a' has 2"),
        ({"a": 3}, "column 'a' is a value of type int"),
        ({"a": "text"}, "column 'a' is a value of type str"),
        ({}, "has no columns"),
        ({"a": []}, "has no rows"),
        ({"a": [1], " a": [2]}, "'a' stands 2 times"),
        (42, "and not a value of type int"),
        (None, "and not None"),
        (np.zeros((2, 2)), "type ndarray"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "'a' stands more than once"),
        (pd.DataFrame({"a": []}), "has no rows"),
    ],
)
def test_what_is_no_table(data: object, says: str) -> None:
    with pytest.raises(DataError) as caught:
        read_table(data)
    assert says in str(caught.value)


cell = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Z"], exclude_characters="-?"), min_size=1, max_size=6)
messy = st.lists(cell | st.sampled_from(["a b", 'q"q', "x,y", "x;y", "p|q", "two\nlines", "", "t\tt"]), min_size=2, max_size=2)


@settings(max_examples=150)
@given(rows=st.lists(messy, min_size=1, max_size=6), delimiter=st.sampled_from(",;\t|"), end=st.sampled_from(["\n", "\r\n"]))
def test_what_is_written_comes_back(tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]], delimiter: str, end: str) -> None:
    path = tmp_path_factory.mktemp("written") / "p.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter=delimiter, lineterminator=end).writerows([["first", "second"], *rows])
    table = read_table(path, delimiter=delimiter, missing=[])
    assert table.frame.rows() == [tuple(cell or None for cell in row) for row in rows]


@settings(max_examples=60)
@given(
    rows=st.lists(st.tuples(st.integers(), st.sampled_from(["red", "blue", "x,y", "p;q"])), min_size=2, max_size=8),
    delimiter=st.sampled_from(",;\t|"),
    codec=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_delimiter_and_encoding_are_found(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[int, str]], delimiter: str, codec: str
) -> None:
    path = tmp_path_factory.mktemp("found") / "p.csv"
    with path.open("w", encoding=codec, newline="") as file:
        csv.writer(file, delimiter=delimiter).writerows([("number", "color"), *rows])
    table = read_table(path)
    assert table.frame.rows() == [(str(number), color) for number, color in rows]
    assert table.delimiter == delimiter


@settings(max_examples=60)
@given(
    st.lists(
        st.fixed_dictionaries({}, optional={"a": st.integers(-(2**40), 2**40), "b": st.booleans(), "c": cell}), min_size=1, max_size=6
    ).filter(lambda rows: any(rows))
)
def test_json_lines_come_back(tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, object]]) -> None:
    path = write(tmp_path_factory.mktemp("json"), "p.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    frame = read_table(path, missing=[]).frame
    for name in frame.columns:
        assert frame[name].to_list() == [row.get(name) for row in rows]
