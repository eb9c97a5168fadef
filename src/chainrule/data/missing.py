"""Which cells are missing: text is trimmed, and empty cells and markers such as ``NA`` become null."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import polars as pl

from chainrule.data.table import Note

# Spelled out instead of compared without case: "Na" is sodium and "No" an answer, but nobody writes "na" or "NONE" for a value.
MARKERS = (
    *("NA", "na", "N/A", "n/a", "#N/A", "<NA>"),
    *("NaN", "nan", "NAN", "null", "Null", "NULL", "None", "none", "NONE"),
    *("-", "?"),
)


def mark_missing(
    frame: pl.DataFrame, missing: Sequence[str] | None = None, levels: Mapping[str, Sequence[str]] | None = None
) -> tuple[pl.DataFrame, tuple[Note, ...]]:
    """Return the frame with trimmed text and null for every missing cell, and a note of the markers that were met.

    ``missing`` replaces the ordinary markers and is compared exactly; an empty cell is always missing. In columns of numbers the markers
    that are numbers (``-999``) count. Categorical columns become text.

    ``levels`` gives words that some columns of text or categories are known to hold: such a column becomes a ``pl.Enum`` of the words that
    it may hold, and only its other cells are trimmed and looked at.
    """
    markers = _markers(missing)
    codes = [] if missing is None else [code for code in map(_number, markers) if code is not None]
    types = dict(frame.schema)
    texts = [name for name, dtype in types.items() if dtype == pl.String or isinstance(dtype, (pl.Categorical, pl.Enum))]
    met: Counter[str] = Counter()
    changes: list[pl.Expr | pl.Series] = []
    known = {name: words for name, words in known_words(levels or {}, missing).items() if name in texts}
    matched = frame.select(pl.col(name).cast(pl.Enum(words), strict=False) for name, words in known.items())
    for column in matched.get_columns():
        completed, found = _completed(column, frame[column.name], known[column.name], [*markers, ""])
        met.update(found)
        changes.append(completed)
    texts = [name for name in texts if name not in known]
    frame = frame.with_columns(pl.col(texts).cast(pl.String).str.strip_chars())
    marked = [pl.col(texts).is_in([*markers, ""])] if texts else []
    for name, is_marked in zip(texts, frame.select(marked).get_columns(), strict=True):
        if is_marked.any():
            met.update(frame[name].filter(is_marked).to_list())
            changes.append(frame[name].set(is_marked, None))
    if codes:
        for name in (name for name, dtype in frame.schema.items() if dtype.is_numeric()):
            values = frame[name].cast(pl.Float64)
            met.update(f"{value:g}" for value in values.filter(values.is_in(codes)).to_list())
            changes.append(pl.when(pl.col(name).cast(pl.Float64).is_in(codes)).then(None).otherwise(pl.col(name)).alias(name))
    del met[""]
    return frame.with_columns(changes), _note(met)


def known_words(levels: Mapping[str, Sequence[str]], missing: Sequence[str] | None = None) -> dict[str, list[str]]:
    """Return of each column's words those that stand for themselves: they are not trimmed and are no markers."""
    markers = {*_markers(missing), ""}
    return {name: [word for word in words if word.strip() == word and word not in markers] for name, words in levels.items()}


def _markers(missing: Sequence[str] | None) -> list[str]:
    return [marker.strip() for marker in (MARKERS if missing is None else missing)]


def _completed(matched: pl.Series, cells: pl.Series, words: list[str], markers: Sequence[str]) -> tuple[pl.Series, list[str]]:
    """Return the enumeration with the cells, too, that are no known word, null where one is missing; and the markers that were met."""
    if matched.null_count() == cells.null_count():
        return matched, []
    others = matched.is_null() & cells.is_not_null()
    trimmed = cells.filter(others).cast(pl.String).str.strip_chars()
    is_marked = trimmed.is_in(markers)
    enumeration = pl.Enum(pl.concat([pl.Series(words, dtype=pl.String), trimmed.filter(~is_marked)]).unique(maintain_order=True))
    completed = matched.cast(enumeration).scatter(others.arg_true(), trimmed.set(is_marked, None).cast(enumeration))
    return completed, trimmed.filter(is_marked).to_list()


def _number(marker: str) -> float | None:
    try:
        return float(marker)
    except ValueError:
        return None


def _note(met: Counter[str]) -> tuple[Note, ...]:
    if not met:
        return ()
    often = sorted(met.items(), key=lambda item: (-item[1], item[0]))  # one order, however the words were met
    spelled = ", ".join(f"'{marker}' ({count})" for marker, count in often)
    return (Note(f"{met.total()} {'cell' if met.total() == 1 else 'cells'} marked as missing: {spelled}", "missing"),)
