"""Dates and times written as text."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import polars as pl

# The order is the order of trust: ISO first; of two formats that read every cell, the day stands first here and the caller decides.
_DAYS = (
    *("%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y"),
    *("%d.%m.%y", "%d/%m/%y", "%m/%d/%y", "%d %b %Y", "%d-%b-%Y", "%b %d, %Y", "%d %B %Y", "%B %d, %Y"),
)
_TIMES = ("", " %H:%M", " %H:%M:%S%.f", "T%H:%M", "T%H:%M:%S%.f", "T%H:%M:%S%.f%z", " %H:%M:%S%.f%z", " %I:%M %p", " %I:%M:%S %p")
FORMATS = tuple(day + time for day, time in product(_DAYS, _TIMES) if not time.startswith("T") or day.startswith("%Y"))
# Read as dates only where a person says that they are: 2019 and 20190131 are numbers, too.
COMPACT = ("%Y%m%d", "%Y-%m", "%Y")
ISO = tuple(form for form in FORMATS if form.startswith("%Y-"))

_SAMPLE = 50
_PADDED = r"^\d\d[./]\d\d[./]"
_LIKE_A_DATE = r"^[^ ]*\d[-/.: ]|[A-Za-z]{3,} \d"


def find_formats(texts: pl.Series, formats: Sequence[str] = FORMATS) -> tuple[str, ...]:
    """Return the formats that read every one of a column's distinct texts, in the order of trust.

    By themselves, years of two digits make a date only beside days and months of two digits: ``1.10.12`` is a version.
    """
    sample = texts.head(_SAMPLE)
    if formats is FORMATS:
        if not sample.str.contains(_LIKE_A_DATE).all():
            return ()  # saves a hundred attempts on words
        if not texts.str.contains(_PADDED).all():
            formats = [form for form in FORMATS if "%y" not in form]
    possible = [form for form in formats if parse_dates(sample, form).is_not_null().all()]
    return tuple(form for form in possible if parse_dates(texts, form).is_not_null().all())


def other_order(form: str) -> str:
    """Return the format with day and month exchanged (``%d/%m/%Y`` for ``%m/%d/%Y``), or an empty string where there is no such format."""
    exchanged = form.replace("%d", "\0").replace("%m", "%d").replace("\0", "%m")
    return exchanged if exchanged != form and exchanged in FORMATS and not form.startswith("%Y") else ""


def day_first(form: str) -> bool:
    """Say whether a format has the day before the month."""
    return form.index("%d") < form.index("%m")


def parse_dates(texts: pl.Series, form: str) -> pl.Series:
    """Return a text column as Datetime in milliseconds without a zone (UTC where the texts give one); null where a cell does not fit.

    An empty ``form`` takes the ISO formats: a column that was typed at training may be text later.
    """
    if not form:
        found = find_formats(texts.drop_nulls().unique(), ISO)
        form = found[0] if found else ISO[0]
    if "%z" in form:
        texts = texts.str.replace("[Zz]$", "+00:00")
        return texts.str.to_datetime(form, time_unit="ms", time_zone="UTC", strict=False).dt.replace_time_zone(None)
    dates = texts.str.to_datetime(form, time_unit="ms", strict=False)
    # %Y takes the year 19 for what is 2019 written short, which %y is for.
    return dates.set(dates.dt.year() < 1000, None) if "%Y" in form else dates
