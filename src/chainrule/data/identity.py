"""Columns that name a row, or what a row belongs to, instead of describing it."""

from __future__ import annotations

import re

import polars as pl

# Below this many rows, that all values differ is no evidence: ten measurements differ, too.
MANY_ROWS = 20
MOSTLY_DIFFERENT = 0.95

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_NAMES = frozenset({"id", "ids", "uid", "uuid", "guid", "identifier", "rowid", "rownames", "rowname"})
_WHOLE_NAMES = frozenset({"index", "idx", "row", "key", "nr", "no", "unnamed"})
_LAST_NAMES = frozenset({"key", "nr", "no", "idx"})
_WHO = frozenset({"patient", "subject", "participant", "person", "customer", "user", "household"})
_ORDERED = frozenset({"year", "month", "week", "day", "hour", "minute", "second", "time", "t", "x", "age", "step", "order", "rank"})
_CODES = frozenset({"zip", "zipcode", "postcode", "postal", "plz", "code"})
_LONG_TEXT, _MANY_WORDS = 40, 5


def words_of(name: str) -> list[str]:
    """Return the words of a column name in lower case: ``PatientID`` and ``patient_id`` give ``patient, id``."""
    return [word.lower() for word in _WORDS.findall(name)]


def names_an_identifier(name: str, different: bool) -> bool:
    """Say whether a column name says identifier: ``id``, ``PatientId``, ``customer_no``, ``Unnamed: 0``.

    In front, the word counts where the values are ``different``: ``id_client`` is an identifier, and ``id_type`` of three values is not.
    """
    words = words_of(name)
    named = [word for word in words if not word.isdigit()]
    if not named:
        return False
    if len(named) == 1:
        return named[0] in _NAMES | _WHOLE_NAMES
    return words[-1] in _NAMES | _LAST_NAMES or (different and words[0] in _NAMES)


def names_a_subject(name: str) -> bool:
    """Say whether a column name is what measurements are repeated on: ``patient``, ``subject``."""
    words = words_of(name)
    return len(words) == 1 and words[0].removesuffix("s") in _WHO


def names_an_order(name: str) -> bool:
    """Say whether a column name is a quantity that counts up in ordinary data: ``year``, ``day``, ``x``."""
    return not _ORDERED.isdisjoint(words_of(name))


def names_a_code(name: str) -> bool:
    """Say whether a column name is one of codes that are written as numbers: ``zip``, ``postcode``."""
    return not _CODES.isdisjoint(words_of(name))


def running_sequence(distinct: pl.Series, rows: int) -> range | None:
    """Return the range that a column's distinct whole numbers make up if they are as many as its rows and have no gap."""
    if distinct.len() != rows or rows <= MANY_ROWS:
        return None
    low, high = int(distinct.to_numpy().min()), int(distinct.to_numpy().max())
    return range(low, high + 1) if high - low + 1 == rows else None


def is_free_text(texts: pl.Series, distinct: int) -> bool:
    """Say whether a text column holds sentences: long cells of many words, more than half of them different."""
    if texts.len() <= MANY_ROWS or 2 * distinct <= texts.len():
        return False
    length = texts.str.len_chars().mean()
    words = texts.str.count_matches(r"\S+").mean()
    return (isinstance(length, float) and length > _LONG_TEXT) or (isinstance(words, float) and words >= _MANY_WORDS)
