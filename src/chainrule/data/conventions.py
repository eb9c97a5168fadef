"""How a table writes its numbers and dates, where a single column leaves it open, and the columns read that way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import polars as pl

from chainrule.data.cells import listed
from chainrule.data.dates import day_first, other_order, parse_dates
from chainrule.data.evidence import Evidence
from chainrule.data.numerals import Reading, parse_numbers
from chainrule.data.table import Column, Note, Table
from chainrule.words import setting


@dataclass(frozen=True)
class Conventions:
    """A table's decimal mark and whether the day comes before the month, each with the reason; ``certain``: no guess is in the mark."""

    decimal: str
    decimal_reason: str
    certain: bool
    day_first: bool
    day_reason: str


def find_conventions(table: Table, columns: Iterable[Evidence], decimal: str | None) -> Conventions:
    """Decide the table's decimal mark and order of day and month: by the option, by what other columns show, by the delimiter."""
    columns = list(columns)
    mark, mark_reason, certain = _decimal(table, columns, decimal)
    decided = (c.formats[0] for c in columns if c.formats and other_order(c.formats[0]) and other_order(c.formats[0]) not in c.formats)
    orders = Counter(day_first(form) for form in decided)
    if orders[True] != orders[False]:
        return Conventions(mark, mark_reason, certain, orders[True] > orders[False], "another column shows that order")
    if mark == "," or table.delimiter == ";":
        return Conventions(mark, mark_reason, certain, True, "the table is written with decimal commas or semicolons")
    return Conventions(mark, mark_reason, certain, False, "no other column shows the order")


def _decimal(table: Table, columns: list[Evidence], decimal: str | None) -> tuple[str, str, bool]:
    if decimal is not None:
        return decimal, f"{setting('decimal')} says so", True
    shown = Counter(column.reading.decimal for column in columns if column.reading is not None and column.is_number)
    if shown["."] != shown[","]:
        mark = "." if shown["."] > shown[","] else ","
        return mark, f"other columns show a decimal {'point' if mark == '.' else 'comma'}", not (shown["."] and shown[","])
    if table.delimiter == ";":
        return ",", "cells separated by semicolons mostly have decimal commas", False
    return ".", "no other column shows a decimal comma", False


def number_column(seen: Evidence, shared: Conventions, reason: str) -> Column:
    """Return the record of a number column, in the style of its cells or, where they leave it open, the table's."""
    if seen.reading is None:
        return Column(seen.name, "number", reason)
    decimal, thousands = seen.reading.settle(shared.decimal)
    return Column(seen.name, "number", reason, decimal=decimal, thousands=thousands, affixes=seen.reading.affixes)


def date_column(seen: Evidence, shared: Conventions, reason: str) -> tuple[Column, tuple[Note, ...]]:
    """Return the record of a date column and, where day and month can be exchanged in every cell, a note of the choice."""
    if not seen.formats:
        return Column(seen.name, "date", reason), ()
    form = seen.formats[0]
    notes: tuple[Note, ...] = ()
    if (other := other_order(form)) in seen.formats:
        form, other = (form, other) if day_first(form) == shared.day_first else (other, form)
        example = seen.texts[0]
        read = parse_dates(pl.Series([example]), form)[0]
        why = f"{shared.day_reason}; otherwise pass {setting('date', f'{seen.name}={other}')}"
        notes = (Note(f"column '{seen.name}': '{example}' is read as {read:%Y-%m-%d}, because {why}", "date"),)
    return Column(seen.name, "date", f"{reason}, written as {form}", date_format=form), notes


def time_note(name: str) -> Note:
    """Return the note that a column of dates could order the split."""
    return Note(f"column '{name}' holds dates; {setting('time', name)} trains on the earlier rows and tests on the later ones", "time")


def style_notes(columns: Iterable[Column], readings: Mapping[str, Reading | None], shared: Conventions) -> list[Note]:
    """Note once for each style of numbers which columns are written in it, where it is not the plain one or was not certain."""
    groups: dict[tuple[str, str, tuple[str, ...], bool], list[tuple[Column, Reading]]] = {}
    for column in columns:
        reading = readings.get(column.name)
        if column.kind != "number" or reading is None:
            continue
        separated = bool(reading.shown) and (column.decimal, column.thousands) != (".", "")
        if separated or column.affixes or (reading.ambiguous and not shared.certain):
            groups.setdefault((column.decimal, column.thousands, column.affixes, reading.ambiguous), []).append((column, reading))
    return [_style_note(members, shared) for members in groups.values()]


def _style_note(members: list[tuple[Column, Reading]], shared: Conventions) -> Note:
    column, reading = members[0]
    value = parse_numbers(pl.Series([reading.example]), column.decimal, column.thousands, column.affixes)[0]
    which = f"column{'s' if len(members) > 1 else ''} {listed(one.name for one, _ in members)}"
    unit = ", in percent" if "%" in column.affixes else ""
    why = f", because {shared.decimal_reason}" if reading.ambiguous else ""
    separated = reading.ambiguous or (reading.shown and (column.decimal, column.thousands) != (".", ""))
    return Note(f"{which}: '{reading.example}' is read as {value:.15g}{unit}{why}", "decimal" if separated else "categorical")
