"""What a table is: the cells as they were read, and what was found out about each column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from chainrule.data.typed import read_record

Kind = Literal["number", "category", "boolean", "date", "constant", "identifier"]


@dataclass(frozen=True)
class Note:
    """Something that was found out or left out, and the option that changes it (``decimal``), if there is one.

    A ``warning`` is something to look at before a result is trusted.
    """

    text: str
    option: str = ""
    warning: bool = False


@dataclass(frozen=True)
class Table:
    """The cells of a table as they were read, before any column is judged.

    ``frame`` holds text columns as trimmed strings (null where the cell is empty or a missing marker), ``pl.Enum`` where
    their words were known, and typed columns (Parquet, a data frame of the caller's) as they came.
    ``source`` is how messages call it: a file name, ``standard input``, ``a data frame``.
    ``lines`` gives the 1-based file line of a row where rows are lines of a file, and ``None`` elsewhere. ``delimiter`` is what separates
    the cells of a delimited text, empty elsewhere. ``numbers`` are the numbers of the rows in the table that these were taken from.
    ``categories`` are the columns whose type said that they hold categories, whatever their cells look like.
    """

    frame: pl.DataFrame
    source: str
    notes: tuple[Note, ...] = ()
    lines: tuple[int, ...] | range | None = None
    delimiter: str = ""
    numbers: tuple[int, ...] | range | None = None
    categories: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        """Return the number of rows."""
        return self.frame.height

    def take(self, rows: Sequence[int] | NDArray[np.integer[Any]]) -> Table:
        """Return a table of these rows (from 0), in this order; each still knows its line and number."""
        chosen = [int(row) for row in rows]
        numbers = tuple(chosen if self.numbers is None else (self.numbers[row] for row in chosen))
        lines = None if self.lines is None else tuple(self.lines[row] for row in chosen)
        return replace(self, frame=self.frame[chosen], lines=lines, numbers=numbers)

    def part(self, start: int, stop: int) -> Table:
        """Return a table of the rows from ``start`` up to ``stop``, without copying them; each still knows its line and number."""
        numbers = (range(self.rows) if self.numbers is None else self.numbers)[start:stop]
        return replace(self, frame=self.frame[start:stop], lines=None if self.lines is None else self.lines[start:stop], numbers=numbers)

    def place(self, row: int) -> str:
        """Say where a row (from 0) is: ``people.csv, line 7``, or ``a data frame, row 5`` where there are no lines."""
        if self.lines is not None:
            return f"{self.source}, line {self.lines[row]}"
        return f"{self.source}, row {row if self.numbers is None else self.numbers[row]}"


@dataclass(frozen=True)
class Column:
    """What one column means: its kind, why, and how its cells are read; plain data, stored in the model file.

    ``decimal`` and ``thousands`` are the separators of numbers written as text; ``affixes`` are the currency or percent signs that are
    taken off; ``true`` is the spelling of a boolean's true value; ``date_format`` is a strptime format. ``used`` is false for columns
    that are left out (constants, identifiers, dropped ones).
    """

    name: str
    kind: Kind
    reason: str = ""
    used: bool = True
    decimal: str = "."
    thousands: str = ""
    affixes: tuple[str, ...] = ()
    true: str = ""
    false: str = ""
    date_format: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the column as JSON-ready data."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Column:
        """Rebuild a column from :meth:`to_json`'s data; raises :class:`FileFormatError` where they are damaged."""
        return read_record(cls, data, "column")
