"""Calculations as aligned lines: a label, the calculation, ``=``, the result with decimal points below each other."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from rich.text import Text

TITLE, HEAD, FORMULA, RESULT, NOTE = "bold cyan", "bold", "dim", "bold", "dim italic"
NARROWEST = 40


@dataclass(frozen=True)
class Row:
    """One line of a calculation. ``factors`` stand in columns of their own (a · b); otherwise ``calculation`` is any text."""

    label: str
    calculation: str = ""
    result: str = ""
    factors: tuple[str, ...] = ()
    style: str = ""


@dataclass(frozen=True)
class Line:
    """A line of text that wraps under its first word, or ``hang`` columns further in."""

    text: str
    style: str = ""
    indent: int = 0
    hang: int = 0


@dataclass(frozen=True)
class Block:
    """Rows that are aligned with one another."""

    rows: tuple[Row, ...]
    indent: int = 4


@dataclass(frozen=True)
class Grid:
    """A table: the first column is text, the others numbers."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    indent: int = 4


Part = Line | Block | Grid


def lay_out(parts: Iterable[Part], width: int) -> Iterator[Text]:
    """Yield the lines for a terminal of that width."""
    width = max(width, NARROWEST)
    for part in parts:
        if isinstance(part, Line):
            yield from _line(part, width)
        elif isinstance(part, Block):
            yield from _block(part, width)
        else:
            yield from _grid(part, width)


def title(text: str, width: int) -> Line:
    """Return the heading of a phase: its text and a rule to the right edge."""
    return Line(f"━━ {text} " + "━" * max(width - len(text) - 4, 2), TITLE)


def _line(line: Line, width: int) -> Iterator[Text]:
    if not line.text:
        yield Text()
        return
    first, later = " " * line.indent, " " * (line.indent + line.hang)
    for text in textwrap.wrap(line.text, width, initial_indent=first, subsequent_indent=later, break_long_words=True, break_on_hyphens=False):
        yield Text(text, style=line.style)


def _block(block: Block, width: int) -> Iterator[Text]:
    room = width - block.indent
    labels = max((len(row.label) for row in block.rows), default=0)
    label_width = min(labels, max(room * 3 // 10, room - 46) if room > 60 else max(room * 3 // 10, 10))
    results = aligned([row.result for row in block.rows])
    result_width = max(map(len, results), default=0)
    calculations = _with_factors(block.rows)
    space = max(room - label_width - 2 - 3 - result_width, 12)
    middle = min(max((len(text) for text in calculations), default=0), space)
    for row, calculation, result in zip(block.rows, calculations, results, strict=True):
        pieces = _pieces(calculation, space) or [""]
        if not row.result:  # a formula may run on below the results
            pieces = _pieces(calculation, room - label_width - 2) or [""]
        for number, piece in enumerate(pieces):
            label = _cut(row.label, label_width) if number == 0 else ""
            line = Text(" " * block.indent + f"{label:<{label_width}}  ", style=row.style)
            line.append(piece)
            if row.result and number == len(pieces) - 1:
                line.append(" " * (middle - len(piece)) + f" = {result}".rstrip())
            line.rstrip()
            yield line


def _with_factors(rows: Sequence[Row]) -> list[str]:
    """Return the calculations, factors one below the other."""
    depth = max((len(row.factors) for row in rows), default=0)
    columns = [aligned([row.factors[i] if i < len(row.factors) else "" for row in rows]) for i in range(depth)]
    texts = []
    for number, row in enumerate(rows):
        cells = [f"{columns[i][number]:<{max(map(len, columns[i]))}}" for i in range(len(row.factors))]
        texts.append(" × ".join(cells).rstrip() if cells else row.calculation)
    return texts


def _grid(grid: Grid, width: int) -> Iterator[Text]:
    columns = [[head, *aligned([row[i] for row in grid.rows])] for i, head in enumerate(grid.head)][1:]
    widths = [max(map(len, column)) for column in columns]
    room = width - grid.indent - sum(w + 2 for w in widths)
    first = min(max(len(text) for text in (grid.head[0], *(row[0] for row in grid.rows))), max(room, 12))
    for number in range(len(grid.rows) + 1):
        label = grid.head[0] if number == 0 else grid.rows[number - 1][0]
        cells = [f"{column[number]:>{w}}" if number == 0 else f"{column[number]:<{max(map(len, column[1:]))}}".rjust(w) for column, w in zip(columns, widths, strict=True)]
        line = Text(" " * grid.indent + f"{_cut(label, first):<{first}}" + "".join(f"  {cell}" for cell in cells), style=FORMULA if number == 0 else "")
        line.rstrip()
        yield line


def aligned(numbers: Sequence[str]) -> list[str]:
    """Pad numbers so that their decimal points are below each other; texts that are no numbers stay as they are."""
    split = [_split(text) for text in numbers]
    whole = max((len(part) for part, _ in split), default=0)
    return [f"{head:>{whole}}{tail}" if text else "" for text, (head, tail) in zip(numbers, split, strict=True)]


def _split(text: str) -> tuple[str, str]:
    cut = next((place for place, mark in enumerate(text) if mark in ".e"), len(text))
    return (text[:cut], text[cut:]) if text[:1] in "−0123456789" else (text, "")


def _pieces(text: str, width: int) -> list[str]:
    """Break a calculation where an operation begins, or at any space."""
    pieces: list[str] = []
    line = ""
    for word in _operations(text):
        if line and len(line) + 1 + len(word) > width:
            pieces.append(line)
            line = word
        else:
            line = f"{line} {word}".strip() if line else word
    pieces.append(line)
    return [short for piece in pieces for short in (textwrap.wrap(piece, width, break_long_words=True, break_on_hyphens=False) or [""])]


def _operations(text: str) -> list[str]:
    """Return the words of a calculation, a sign of an operation together with what follows it."""
    found: list[str] = []
    words = text.split(" ")
    for number, word in enumerate(words):
        if number and words[number - 1] in ("+", "−", "·", "/", "×", "<", "if", "else"):
            found[-1] = f"{found[-1]} {word}"
        else:
            found.append(word)
    return found


def _cut(text: str, width: int) -> str:
    """Shorten a text; what follows the last comma, the output unit of a weight, stays."""
    if len(text) <= width:
        return text
    tail = text[text.rfind(",") :] if "," in text else ""
    tail = tail if len(tail) <= width // 2 else ""
    return f"{text[: width - 1 - len(tail)]}…{tail}"
