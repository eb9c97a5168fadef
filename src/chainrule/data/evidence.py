"""What the cells of one column show: its distinct values, and how they can be read."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import polars as pl

from chainrule.data.cells import spelled
from chainrule.data.dates import find_formats
from chainrule.data.numerals import Reading, find_reading

WORD_PAIRS = (("true", "false"), ("yes", "no"), ("y", "n"), ("t", "f"), ("on", "off"))


@dataclass(frozen=True)
class Evidence:
    """One column as its cells show it.

    ``cells`` are its present cells and ``distinct`` their different values; ``reading`` is there for text, ``formats`` are the date
    formats that read every cell of a text that is no number.
    """

    name: str
    cells: pl.Series
    distinct: pl.Series
    missing: int
    reading: Reading | None = None
    formats: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        """Return the number of different values."""
        return self.distinct.len()

    @property
    def is_text(self) -> bool:
        """Say whether the cells are strings."""
        return self.cells.dtype == pl.String

    @property
    def is_number(self) -> bool:
        """Say whether every cell is a number of one unit."""
        if self.reading is not None:
            return self.reading.share == 1.0 and len(self.reading.units) <= 1
        return self.cells.dtype.is_numeric()

    @property
    def texts(self) -> pl.Series:
        """Return the different values as text."""
        return spelled(self.distinct)

    def words(self) -> tuple[str, str] | None:
        """Return the spellings of true and false if the cells are such a pair of words; of several spellings the most frequent."""
        if not self.is_text or self.count < 2:
            return None
        lowered = set(self.distinct.str.to_lowercase().to_list())
        pair = next((pair for pair in WORD_PAIRS if lowered == set(pair)), None)
        if pair is None:
            return None
        counts = Counter(dict(self.cells.value_counts().iter_rows()))
        frequent = [word for word, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))]
        return next(w for w in frequent if w.lower() == pair[0]), next(w for w in frequent if w.lower() == pair[1])


def gather(name: str, column: pl.Series) -> Evidence:
    """Look through a column's cells."""
    cells = (column.fill_nan(None) if column.dtype.is_float() else column).drop_nulls()
    missing = column.len() - cells.len()
    nested = column.dtype.is_nested() or column.dtype in (pl.Object, pl.Binary)
    distinct = cells.head(0) if nested else cells.unique(maintain_order=True)
    if column.dtype != pl.String or distinct.is_empty():
        return Evidence(name, cells, distinct, missing)
    reading = find_reading(distinct)
    formats = () if reading.share == 1.0 else find_formats(distinct)
    return Evidence(name, cells, distinct, missing, reading, formats)
