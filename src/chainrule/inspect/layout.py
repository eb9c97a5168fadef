"""Calculations as aligned lines: a label, the calculation, ``=``, the result with decimal points below each other."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from rich.text import Text

from chainrule.data.visible import visible

TITLE, HEAD, FORMULA, RESULT, NOTE = "bold cyan", "bold", "dim", "bold", "dim italic"
NARROWEST = 40
_READABLE = 26  # columns for a calculation that can run over several lines
_SIGNS = ("+", "−", "·", "/", "×", "<", "=", "if", "else")


@dataclass(frozen=True)
class Row:
    """One line of a calculation. ``factors`` stand in columns of their own (a · b); otherwise ``calculation`` is any text.

    ``partial`` is what a sum has come to with this line; it stands behind the result.
    """

    label: str
    calculation: str = ""
    result: str = ""
    factors: tuple[str, ...] = ()
    style: str = ""
    partial: str = ""

    def __post_init__(self) -> None:
        for name in ("label", "calculation", "result"):
            object.__setattr__(self, name, visible(getattr(self, name)))
        object.__setattr__(self, "factors", tuple(map(visible, self.factors)))


@dataclass(frozen=True)
class Line:
    """A line of text that wraps under its first word, or ``hang`` columns further in."""

    text: str
    style: str = ""
    indent: int = 0
    hang: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", visible(self.text))


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

    def __post_init__(self) -> None:
        object.__setattr__(self, "rows", tuple(tuple(map(visible, row)) for row in self.rows))


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
    wrapper = textwrap.TextWrapper(width, initial_indent=first, subsequent_indent=later, break_on_hyphens=False)
    yield from (Text(text, style=line.style) for text in wrapper.wrap(line.text))


def _block(block: Block, width: int) -> Iterator[Text]:
    room = width - block.indent
    results = aligned([row.result for row in block.rows])
    partials = aligned([row.partial for row in block.rows])
    room -= max((len(text) + 3 for text in partials if text), default=0)
    result_width = max(map(len, results), default=0)
    calculations = _with_factors(block.rows)
    labels = max((len(row.label) for row in block.rows), default=0)
    whole = max((len(text) for row, text in zip(block.rows, calculations, strict=True) if row.factors), default=0)
    needed = max(whole, min(max(map(len, calculations), default=0), _READABLE))
    label_width = min(labels, max(room - 5 - result_width - needed, 10 if whole else room * 3 // 10))
    space = max(room - label_width - 2 - 3 - result_width, 12)
    middle = min(max((len(text) for text in calculations), default=0), space)
    for row, calculation, result, partial in zip(block.rows, calculations, results, partials, strict=True):
        pieces = _pieces(calculation, space) or [""]
        if not row.result:  # a formula may run on below the results
            pieces = _pieces(calculation, room - label_width - 2) or [""]
        for number, piece in enumerate(pieces):
            label = _cut(row.label, label_width) if number == 0 else ""
            line = Text(" " * block.indent + f"{label:<{label_width}}  ", style=row.style)
            line.append(piece)
            if row.result and number == len(pieces) - 1:
                line.append(
                    " " * (middle - len(piece)) + (f" = {result:<{result_width}} Σ {partial}" if partial else f" = {result}".rstrip())
                )
            line.rstrip()
            yield line


def _with_factors(rows: Sequence[Row]) -> list[str]:
    """Return the calculations, factors one below the other."""
    depth = max((len(row.factors) for row in rows), default=0)
    columns = [_padded(aligned([row.factors[i] if i < len(row.factors) else "" for row in rows])) for i in range(depth)]
    texts = []
    for number, row in enumerate(rows):
        cells = [columns[i][number] for i in range(len(row.factors))]
        texts.append(" × ".join(cells).rstrip() if cells else row.calculation)
    return texts


def _grid(grid: Grid, width: int) -> Iterator[Text]:
    columns = [_padded(aligned([row[i] for row in grid.rows])) for i in range(1, len(grid.head))]
    widths = [max(map(len, (head, *column))) for head, column in zip(grid.head[1:], columns, strict=True)]
    room = width - grid.indent - sum(w + 2 for w in widths)
    names = [grid.head[0], *(row[0] for row in grid.rows)]
    first = min(max(map(len, names)), max(room, 12))
    for number, name in enumerate(names):
        cells = grid.head[1:] if number == 0 else [column[number - 1] for column in columns]
        text = f"{_cut(name, first):<{first}}" + "".join(f"  {cell:>{w}}" for cell, w in zip(cells, widths, strict=True))
        line = Text(" " * grid.indent + text, style="" if number else FORMULA)
        line.rstrip()
        yield line


def _padded(texts: Sequence[str]) -> list[str]:
    width = max(map(len, texts), default=0)
    return [f"{text:<{width}}" for text in texts]


def aligned(numbers: Sequence[str]) -> list[str]:
    """Pad numbers so that their decimal points are below each other; texts that are no numbers stay as they are."""
    split = [_split(text) for text in numbers]
    whole = max((len(part) for part, _ in split), default=0)
    return [f"{head:>{whole}}{tail}" if text else "" for text, (head, tail) in zip(numbers, split, strict=True)]


def _split(text: str) -> tuple[str, str]:
    cut = next((place for place, mark in enumerate(text) if mark in ".e"), len(text))
    return (text[:cut], text[cut:]) if text[:1] in "−0123456789" else (text, "")


def _pieces(text: str, width: int) -> list[str]:
    """Break a calculation that is too long: where an operation begins, outside of parentheses if that suffices."""
    if len(text) <= width:
        return [text] if text else []
    for deepest in (0, 1, 2, 9):
        words = _operations(text, deepest)
        if max(map(len, words)) <= width or deepest == 9:
            break
    pieces, line = [], ""
    for word in words:
        if line and len(line) + 1 + len(word) > width:
            pieces.append(line)
            line = word
        else:
            line = f"{line} {word}" if line else word
    return [short for piece in [*pieces, line] for short in textwrap.wrap(piece, width, break_on_hyphens=False)]


def _operations(text: str, deepest: int) -> list[str]:
    """Return the words of a calculation, a sign together with what follows it, and parentheses deeper than that in one piece."""
    found: list[str] = []
    depth, glued = 0, False
    for word in text.split(" "):
        if found and glued:
            found[-1] = f"{found[-1]} {word}"
        else:
            found.append(word)
        depth += word.count("(") - word.count(")")
        glued = depth > deepest or word in _SIGNS
    return found


def _cut(text: str, width: int) -> str:
    """Shorten a text; what stands in brackets, the place of a weight, stays as long as it can."""
    if len(text) <= width:
        return text
    tail = next((end for mark in "[," for end in [text[text.rfind(mark) :]] if mark in text and len(end) < width - 4), "")
    return f"{text[: width - 1 - len(tail)]}…{tail}"
