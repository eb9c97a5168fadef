"""Reading a table from wherever it is: a file by its ending, standard input by its content, or a data frame."""

from __future__ import annotations

import gzip
import io
import os
import sys
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from chainrule.data.bundled import bundled_names
from chainrule.data.cells import listed
from chainrule.data.delimited import check_names, read_delimited
from chainrule.data.delimiters import NAMES, check_delimiter, find_delimiter, single_spaces, take_declaration
from chainrule.data.encodings import text_codec, to_utf8
from chainrule.data.frames import SOURCE, read_arrays, read_frame
from chainrule.data.json_lines import read_json_lines
from chainrule.data.missing import known_words, mark_missing
from chainrule.data.table import Note, Table
from chainrule.errors import DataError, OptionError, nearest
from chainrule.words import setting, word

STANDARD_INPUT = "standard input"

_FORMATS = {
    ".csv": "delimited",
    ".tsv": "delimited",
    ".txt": "delimited",
    ".jsonl": "json lines",
    ".ndjson": "json lines",
    ".parquet": "parquet",
    ".npz": "arrays",
}
_TEXTS = ("delimited", "json lines")
_ENDINGS = ".csv, .tsv, .txt, .jsonl, .ndjson (each also with .gz), .parquet or .npz"
_GZIP = b"\x1f\x8b"


def read_table(
    source: object,
    *,
    delimiter: str | None = None,
    decimal: str | None = None,
    encoding: str | None = None,
    missing: Sequence[str] | None = None,
    header: bool = True,
    levels: Mapping[str, Sequence[str]] | None = None,
) -> Table:
    """Read a table; what the options leave open is found out and noted where it is not ordinary.

    ``source`` is a path (``.csv .tsv .txt .jsonl .ndjson``, each also ``.gz``, ``.parquet``, ``.npz``), ``"-"`` for standard input, any
    data frame, or a dict of columns. ``delimiter`` is one character or its name (``tab``); ``decimal`` (``"."`` or ``","``) keeps a decimal
    comma from being taken for a delimiter; ``missing`` replaces the ordinary markers of missing cells; without ``header`` the columns
    of a delimited text are called ``column_0``, ``column_1``, …. Names and text cells are trimmed.
    ``levels`` gives words that columns of text are known to hold, see :func:`~chainrule.data.missing.mark_missing`.

    Raises :class:`OptionError` for an option that cannot be, and :class:`DataError`, with the file and the line, for a table that cannot be
    read: no such file, no rows, ragged rows, names that are empty or stand twice, damaged or foreign content.
    """
    if delimiter is not None:
        delimiter = check_delimiter(delimiter)
    if encoding is not None:
        text_codec(encoding)
    if decimal not in (None, ".", ","):
        raise OptionError(f"{setting('decimal', decimal)}: the decimal mark is '.' or ','")
    if isinstance(missing, str):
        raise OptionError(f"{word('missing')} takes a list of markers; for a single one, pass [{missing!r}]")
    if not isinstance(source, str | os.PathLike):
        levels = None if levels is None else known_words(levels, missing)
        try:
            frame = read_frame(source, levels)
        except UnicodeEncodeError as error:
            raise DataError(f"{SOURCE} holds {error.object[:40]!r}, which is no text; read its file in the encoding that it has") from None
        return _finished(frame, SOURCE, missing, levels)
    name, form, data, ordinary = _opened(source)
    if form == "parquet":
        return _finished(_read_parquet(data, name), name, missing, levels)
    if form == "arrays":
        return _finished(_read_npz(data, name), name, missing, levels)
    text, notes = to_utf8(data, name, encoding)
    if form == "json lines":
        frame, lines = read_json_lines(text, name)
        return _finished(frame, name, missing, levels, notes, lines)
    declared, text = take_declaration(text)
    found = delimiter is None and declared is None
    delimiter = delimiter or declared or find_delimiter(text, decimal)
    frame, lines = read_delimited(single_spaces(text) if delimiter == " " else text, name, delimiter, header)
    if found and delimiter != ordinary and frame.width > 1:
        notes = (*notes, Note(f"cells of {name} are separated by {NAMES[delimiter]}", "delimiter"))
    if header and pl.Series(frame.columns).cast(pl.Float64, strict=False).is_not_null().all():
        notes = (*notes, Note(f"the first line of {name} is taken for column names, and it holds numbers only", "header"))
    return _finished(frame, name, missing, levels, notes, lines, delimiter)


def _finished(
    frame: pl.DataFrame,
    name: str,
    missing: Sequence[str] | None,
    levels: Mapping[str, Sequence[str]] | None,
    notes: tuple[Note, ...] = (),
    lines: tuple[int, ...] | range | None = None,
    delimiter: str = "",
) -> Table:
    """Check and trim the names, refuse a table without rows, and mark the missing cells."""
    names = [column.strip() for column in frame.columns]
    check_names(names, name)
    if frame.width == 0 or frame.height == 0:
        raise DataError(f"{name} has no {'rows' if frame.width else 'columns'}; a table has named columns and at least one row")
    frame.columns = names
    categories = [column for column, dtype in frame.schema.items() if isinstance(dtype, pl.Categorical | pl.Enum)]
    frame, in_seconds = _in_seconds(frame)
    frame, found = mark_missing(frame, missing, levels)
    return Table(frame, name, (*notes, *in_seconds, *found), lines, delimiter, categories=tuple(categories))


def _in_seconds(frame: pl.DataFrame) -> tuple[pl.DataFrame, tuple[Note, ...]]:
    """Return a frame whose durations and times of day are numbers of seconds, and a note of which they are."""
    types = frame.schema
    spans = [column for column, dtype in types.items() if isinstance(dtype, pl.Duration)]
    times = [column for column, dtype in types.items() if dtype == pl.Time]
    seconds = [pl.col(spans).dt.total_nanoseconds() / 1e9, pl.col(times).cast(pl.Int64) / 1e9]
    if not spans and not times:
        return frame, ()
    what = "durations" if not times else "times of day" if not spans else "durations or times of day"
    return frame.with_columns(seconds), (Note(f"{what}, read as seconds: {listed([*spans, *times])}"),)


def _opened(source: str | os.PathLike[str]) -> tuple[str, str, bytes, str]:
    """Return how messages call the source, its format, its bytes (unpacked), and the delimiter that is ordinary for it."""
    if source == "-":
        data = sys.stdin.buffer.read()
        if data.startswith(_GZIP):
            data = _unpacked(data, STANDARD_INPUT)
        return STANDARD_INPUT, _format_of_content(data), data, ","
    path = Path(source)
    endings = [ending.lower() for ending in path.suffixes]
    packed = endings[-1:] == [".gz"]
    ending = endings[-2:-1] if packed else endings[-1:] or [""]
    form = _FORMATS.get(ending[0] if ending else "", "")
    data = _bytes_of(path, known=bool(form) and not (packed and form not in _TEXTS))
    if packed:
        data = _unpacked(data, path.name)
    return path.name, form, data, "\t" if ending == [".tsv"] else ","


def _bytes_of(path: Path, known: bool) -> bytes:
    """Read a file; every way in which that fails is a :class:`DataError` (``known``: whether its ending is one that is read)."""
    try:
        if path.is_dir():
            raise DataError(f"{path} is a folder; name a file in it")
        if not path.exists():
            if not path.parent.is_dir():
                raise DataError(f"there is no folder {path.parent}, so no file {path} in it")
            others = {other.name for other in path.parent.iterdir()} | set(bundled_names() if path.name == str(path) else ())
            raise DataError(f"there is no file {path}.{nearest(path.name, others)}")
        if not known:
            ending = f"files that end in {''.join(path.suffixes)}" if path.suffix else "files without an ending"
            raise DataError(f"{path.name}: {ending} are not read; use {_ENDINGS}, or pass the content on standard input as '-'")
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from None


def _unpacked(data: bytes, name: str) -> bytes:
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        if not data.startswith(_GZIP):
            raise DataError(f"{name} is not gzip data; take .gz off its name if it is not compressed") from None
        raise DataError(f"{name} is damaged gzip data ({str(error).rstrip('.')}); compress or download it again") from None


def _format_of_content(data: bytes) -> str:
    if data.startswith(b"PAR1"):
        return "parquet"
    if data.startswith(b"PK\x03\x04"):
        return "arrays"
    start = data[:4096].removeprefix(b"\xef\xbb\xbf").lstrip()
    return "json lines" if start.startswith(b"{") else "delimited"


def _read_parquet(data: bytes, name: str) -> pl.DataFrame:
    try:
        return pl.read_parquet(io.BytesIO(data))
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError) as error:  # damaged pages make polars panic
        raise DataError(f"{name} is not a Parquet file, or it is damaged ({str(error).splitlines()[0]}); write it again") from None


def _read_npz(data: bytes, name: str) -> pl.DataFrame:
    try:
        loaded = np.load(io.BytesIO(data), allow_pickle=False)
        arrays = dict(loaded) if isinstance(loaded, np.lib.npyio.NpzFile) else None
    except Exception:  # zipfile and NumPy meet damaged bytes with a dozen types of error
        raise DataError(f"{name} is no file of arrays, holds Python objects, or is damaged; save plain arrays with numpy.savez") from None
    if arrays is None:
        raise DataError(f"{name} holds one array and no names; save it with numpy.savez(file, x=..., y=...)")
    return read_arrays(arrays, name)
