"""Numbers written as text: decimal marks, thousands separators, currency and percent signs, accounting parentheses.

A sign is taken off and nothing else: ``12%`` is read as 12, in percent, and ``€ 3`` as 3, so that a column keeps its own unit.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

SYMBOLS = {"€": "EUR", "$": "USD", "£": "GBP", "¥": "JPY", "₹": "INR", "%": "%"}
CODES = (
    *("EUR", "USD", "GBP", "JPY", "CHF", "CNY", "INR", "CAD", "AUD", "NZD", "SEK", "NOK"),
    *("DKK", "PLN", "CZK", "HUF", "RON", "TRY", "BRL", "MXN", "ZAR", "KRW", "SGD", "HKD", "ILS"),
)

_AFFIX = "|".join([*map(re.escape, SYMBOLS), *CODES])
_CORE = r"(?:\d[\d.,' ]*|[.,]\d+)(?:[eE][+-]?\d+)?|(?i:inf|infinity)"
_STYLES = ((".", ""), (",", ""), (".", ","), (",", "."), (".", " "), (",", " "), (".", "'"), (",", "'"))


@dataclass(frozen=True)
class Reading:
    """How the numbers of a text column can be read.

    ``styles`` are the (decimal, thousands) pairs that fit every cell: one where the cells decide, two where only the rest of the table
    can. ``shown`` are the separators that stand in the cells, and ``example`` is a cell with one of them. ``share`` is the share of the
    distinct texts that are numbers; below 1 the styles are those that fit the most texts, and ``other`` is one that does not fit.
    """

    styles: tuple[tuple[str, str], ...]
    affixes: tuple[str, ...]
    shown: frozenset[str]
    example: str
    share: float
    other: str = ""

    @property
    def units(self) -> frozenset[str]:
        """Return what the affixes stand for, once each: ``€`` and ``EUR`` are one currency."""
        return frozenset(SYMBOLS.get(affix, affix) for affix in self.affixes)

    @property
    def ambiguous(self) -> bool:
        """Say whether the styles give different numbers: ``1.234`` has either three decimals or four digits."""
        return len(self.styles) > 1 and not self.shown.isdisjoint(".,")

    @property
    def decimal(self) -> str:
        """Return the decimal mark that the cells themselves show, or an empty string."""
        return self.styles[0][0] if len(self.styles) == 1 and not self.shown.isdisjoint(".,") else ""

    def settle(self, decimal: str) -> tuple[str, str]:
        """Return the (decimal, thousands) pair to use in a table whose decimal mark is ``decimal``."""
        return next((style for style in self.styles if style[0] == decimal), self.styles[0])


def find_reading(texts: pl.Series) -> Reading:
    """Find how a column's distinct texts can be read as numbers; see :class:`Reading`."""
    plain = texts.cast(pl.Float64, strict=False)
    if plain.is_not_null().all() and not plain.is_nan().any() and not _grouped(texts, ".").all():
        point = texts.filter(texts.str.contains(".", literal=True)).head(1)
        if point.len():
            return Reading(((".", ""),), (), frozenset("."), str(point[0]), 1.0)
        return Reading(((".", ""), (",", "")), (), frozenset(), str(texts[0]), 1.0)
    unified = _unify(texts)
    affixes = tuple(sorted(_affixes(unified)))
    cores = _take_off(unified, affixes)
    fits = {style: cores.str.contains(_pattern(*style)) for style in _STYLES}
    most = max(int(fit.sum()) for fit in fits.values())
    best = [style for style, fit in fits.items() if int(fit.sum()) == most]
    numbers = cores.filter(fits[best[0]])
    # A separator that no number shows says nothing: the style without it stands for both.
    shown = {mark for mark in ".,' " if numbers.str.contains(mark, literal=True).any()}
    styles = [style for style in best if style[1] in shown or not style[1]]
    telling = texts.filter(fits[best[0]] & cores.str.contains(r"\d[.,' ]")) if shown else texts.filter(fits[best[0]])
    return Reading(
        styles=tuple(styles),
        affixes=affixes,
        shown=frozenset(shown),
        example=_first(telling) or _first(texts),
        share=most / texts.len(),
        other=_first(texts.filter(~fits[best[0]])),
    )


def parse_numbers(texts: pl.Series, decimal: str, thousands: str, affixes: Sequence[str]) -> pl.Series:
    """Return the numbers of a text column as Float64; null where a cell is null or is no number in this style."""
    if (decimal, thousands, tuple(affixes)) != (".", "", ()):
        return _cast(_take_off(_unify(texts), affixes), decimal, thousands)
    values = texts.cast(pl.Float64, strict=False).fill_nan(None)
    if values.null_count() == texts.null_count():
        return values
    return _cast(_unify(texts), decimal, thousands)  # a Unicode minus, or parentheses


def _cast(cores: pl.Series, decimal: str, thousands: str) -> pl.Series:
    fitting = cores.set(~cores.str.contains(_pattern(decimal, thousands)), None)
    if thousands:
        fitting = fitting.str.replace_all(thousands, "", literal=True)
    if decimal != ".":
        fitting = fitting.str.replace(decimal, ".", literal=True)
    return fitting.cast(pl.Float64, strict=False)


def _pattern(decimal: str, thousands: str) -> str:
    whole = r"\d+" + (rf"|[1-9]\d{{0,2}}(?:{re.escape(thousands)}\d{{3}})+" if thousands else "")
    mark = re.escape(decimal)
    return rf"^[+-]?(?:(?:(?:{whole})(?:{mark}\d*)?|{mark}\d+)(?:[eE][+-]?\d+)?|(?i:inf|infinity))$"


def _grouped(texts: pl.Series, mark: str) -> pl.Series:
    """Say which texts could show the mark between groups of three digits, or do not show it."""
    mark = re.escape(mark)
    grouped = texts.str.contains(rf"^[+-]?[1-9]\d{{0,2}}(?:{mark}\d{{3}})+$")
    return grouped | ~texts.str.contains(mark) if grouped.any() else grouped


def _unify(texts: pl.Series) -> pl.Series:
    """Write the special spaces, minus signs and apostrophes as ASCII, and ``(5)`` as ``-5``."""
    return (
        texts.str.replace_all("[\u00a0\u2009\u202f]", " ")
        .str.replace_all("[\u2212\u2013]", "-")
        .str.replace_all("\u2019", "'", literal=True)
        .str.replace(r"^\(\s*([^()+-]+?)\s*\)$", "-$1")
    )


def _affixes(unified: pl.Series) -> set[str]:
    """Return the currency and percent signs that stand before or after a number."""
    number = rf"^[+-]?\s*({_AFFIX})?\s*[+-]?\s*(?:{_CORE})\s*({_AFFIX})?$"
    return {affix for group in (1, 2) for affix in unified.str.extract(number, group).unique().drop_nulls().to_list()}


def _take_off(unified: pl.Series, affixes: Sequence[str]) -> pl.Series:
    if not affixes:
        return unified
    known = "|".join(map(re.escape, affixes))
    return unified.str.replace(rf"^([+-]?)\s*(?:{known})?\s*([+-]?)\s*((?:{_CORE})?)\s*(?:{known})?$", "$1$2$3").str.strip_chars()


def _first(texts: pl.Series) -> str:
    return str(texts[0]) if texts.len() else ""
