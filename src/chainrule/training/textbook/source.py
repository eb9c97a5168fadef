"""A TOML file whose values are asked for one by one, so that a message can say where the wrong one stands."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from chainrule.errors import InputError, OptionError, nearest

_HEADER = re.compile(r"\s*\[\[\s*layers\s*\]\]")


@dataclass(frozen=True)
class Source:
    """A table of a TOML file.

    Attributes:
        name: how messages call the file. ``lines``: the file's lines.
        values: the table. ``layer``: the number of a layer's table, from 1; 0 for the table of the whole file.
    """

    name: str
    lines: tuple[str, ...] = field(repr=False)
    values: Mapping[str, Any]
    layer: int = 0

    def layers(self) -> list[Source]:
        """Return the tables of the layers."""
        tables = self.values.get("layers")
        if not isinstance(tables, list) or not tables or not all(isinstance(table, dict) for table in tables):
            raise self.wrong("layers", "is missing or no list of tables; write [[layers]] above the keys of each layer")
        return [Source(self.name, self.lines, table, number) for number, table in enumerate(tables, 1)]

    def wrong(self, key: str, what: str) -> OptionError:
        """Return the error of a key: file, line, layer and key, and what is wrong."""
        line = self._line(key)
        place = f"{self.name}, line {line}" if line else self.name
        layer = f"layer {self.layer}, " if self.layer else ""
        return OptionError(f"{place}: {layer}{key} {what}.")

    def within(self, key: str, error: InputError | Exception) -> OptionError:
        """Return an error of the package as one of this file."""
        line = self._line(key)
        place = f"{self.name}, line {line}" if line else self.name
        return OptionError(f"{place}: {f'layer {self.layer}: ' if self.layer else ''}{error}")

    def check_keys(self, known: Iterable[str]) -> None:
        """Raise an :class:`OptionError` for a key that is not known."""
        known = tuple(known)
        for key in self.values:
            if key not in known:
                raise self.wrong(key, f"is not known; there are {', '.join(known)}.{nearest(key, known)}".removesuffix("."))

    def text(self, key: str, default: str = "") -> str:
        """Return a text."""
        value = self.values.get(key, default)
        if not isinstance(value, str):
            raise self.wrong(key, f"is {value!r} and must be a text in quotes")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a list of texts, empty where the key is missing."""
        value = self.values.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self.wrong(key, f'is {value!r} and must be a list of texts, such as ["a", "b"]')
        if len(set(value)) < len(value):
            raise self.wrong(key, f"names something twice: {', '.join(value)}")
        return tuple(value)

    def numbers(self, key: str, axes: int) -> np.ndarray | None:
        """Return an array of finite numbers with so many axes, float64; ``None`` where the key is missing."""
        if key not in self.values:
            return None
        value = self.values[key]
        flat = list(_flat(value))
        what = {1: "a list of numbers, such as [0.1, 0.2]", 2: "a list of rows, such as [[0.1, 0.2], [0.3, 0.4]]"}[axes]
        if not flat or any(isinstance(item, bool) or not isinstance(item, (int, float)) for item in flat):
            raise self.wrong(key, f"must be {what}")
        try:
            array = np.array(value, np.float64)
        except ValueError:
            lengths = ", ".join(str(len(row)) if isinstance(row, list) else "one number" for row in value)
            raise self.wrong(key, f"has rows of different lengths ({lengths})") from None
        if array.ndim != axes:
            raise self.wrong(key, f"must be {what}")
        if not np.isfinite(array).all():
            raise self.wrong(key, "holds a number that is not finite")
        return array

    def _line(self, key: str) -> int:
        """Return the line of a key, from 1; 0 where it is not found."""
        layer = 0
        for number, line in enumerate(self.lines, 1):
            layer += _HEADER.match(line) is not None
            if layer == self.layer and re.match(rf"\s*[\"']?{re.escape(key)}[\"']?\s*=", line):
                return number
        layer = 0
        for number, line in enumerate(self.lines, 1):  # what is missing is missed at the head of its layer
            layer += (found := _HEADER.match(line)) is not None
            if found and layer == self.layer:
                return number
        return 0


def read_source(path: Path, name: str) -> Source:
    """Read a TOML file.

    Raises:
        OptionError: it cannot be read, or is not TOML; the message has line and column.
    """
    try:
        text = path.read_text(encoding="utf-8")
        return Source(name, tuple(text.splitlines()), tomllib.loads(text))
    except OSError as error:
        raise OptionError(f"the example {name} cannot be read: {error.strerror or error}.") from error
    except ValueError as error:  # not UTF-8, or not TOML
        raise OptionError(f"the example {name} is not TOML: {error}.") from error


def _flat(value: Any) -> Iterable[Any]:
    if isinstance(value, list):
        for item in value:
            yield from _flat(item)
    else:
        yield value
