"""Which character separates the cells of a delimited text."""

from __future__ import annotations

import csv
import io
import re

from chainrule.errors import OptionError
from chainrule.words import setting

NAMES = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "pipes", " ": "spaces"}

_SPELLED = {"comma": ",", "semicolon": ";", "tab": "\t", "\\t": "\t", "pipe": "|", "space": " "}
# A decimal comma makes commas as regular as the semicolons between the cells, so of equally regular ones the comma comes last.
_PREFERENCE = ("\t", ";", "|", ",")
_DECLARATION = re.compile(rb"(?i)sep=([,;|\t])(?=\r?\n)")
_SAMPLE = 1 << 16
_NUMBER = re.compile(r"[+-]?[\d.,]+([eE][+-]?\d+)?")
_QUOTED_OR_SPACES = re.compile(rb'"(?:[^"]|"")*"| {2,}')


def check_delimiter(delimiter: str) -> str:
    """Return the delimiter as one character; ``tab``, ``comma``, ``semicolon``, ``pipe`` and ``space`` may be spelled out.

    Raises :class:`OptionError` for anything that is not a single ASCII character, and for quotes, line ends, letters and digits.
    """
    character = _SPELLED.get(delimiter.strip().lower() or delimiter, delimiter)
    if len(character) != 1:
        raise OptionError(f"{setting('delimiter', delimiter)}: a delimiter is one character, such as ',' or ';', or the word tab")
    if not character.isascii() or character.isalnum() or character in '"\r\n\0':
        raise OptionError(f"{setting('delimiter', delimiter)}: this character cannot separate cells; use ',', ';', tab, '|' or a space")
    return character


def find_delimiter(data: bytes, decimal: str | None = None) -> str:
    """Return the delimiter of a UTF-8 text: the one that splits most of its first lines into as many cells as the first line.

    A decimal comma (``decimal=","``) rules the comma out where another delimiter is possible. Spaces are only taken where no other
    delimiter is possible, every line agrees, and most cells are numbers, because spaces stand in ordinary text too. A text of one column
    gives the comma.
    """
    lines = _sample(data)
    agreement = {character: _agreement(_split(lines, character)) for character in _PREFERENCE}
    possible = [character for character in _PREFERENCE if agreement[character] > 0]
    if decimal == "," and len(possible) > 1:
        possible = [character for character in possible if character != ","]
    if possible:
        return max(possible, key=lambda character: agreement[character])
    return " " if _separated_by_spaces(lines) else ","


def take_declaration(data: bytes) -> tuple[str | None, bytes]:
    """Return the delimiter that a first line ``sep=;`` declares (spreadsheets write it), and the text with that line left blank."""
    declaration = _DECLARATION.match(data)
    return (declaration[1].decode(), data[declaration.end() :]) if declaration else (None, data)


def single_spaces(data: bytes) -> bytes:
    """Return a text that spaces separate with one space between cells and none at the ends of its lines; quoted cells stay."""
    squeezed = _QUOTED_OR_SPACES.sub(lambda match: b" " if match[0].startswith(b" ") else match[0], data)
    return re.sub(rb"(?m)^ | (?=\r?$)", b"", squeezed)


def _sample(data: bytes) -> list[str]:
    """Return the first lines of the text, without a last one that the end of the sample may have cut."""
    lines = list(io.StringIO(data[:_SAMPLE].decode(errors="replace"), newline=""))
    whole = lines[:-1] if len(data) > _SAMPLE and len(lines) > 1 else lines
    return [line for line in whole if line.strip()]


def _split(lines: list[str], character: str) -> list[list[str]]:
    try:
        return list(csv.reader(lines, delimiter=character, skipinitialspace=True))
    except csv.Error:  # an open quote swallows the sample: this delimiter says nothing about it
        return []


def _agreement(records: list[list[str]]) -> float:
    """Return the share of records with as many cells as the first; 0 where the first is not split at all."""
    if not records or len(records[0]) < 2:
        return 0.0
    return sum(len(record) == len(records[0]) for record in records) / len(records)


def _separated_by_spaces(lines: list[str]) -> bool:
    records = [line.split() for line in lines]
    if len(records) < 2 or _agreement(records) < 1.0:
        return False
    cells = [cell for record in records[1:] for cell in record]
    return 2 * sum(_NUMBER.fullmatch(cell) is not None for cell in cells) > len(cells)
