"""The explanation of a row, written for a terminal."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from rich.text import Text

from chainrule.data.cells import listed
from chainrule.inspect.attributions.of_row import NEIGHBORS_AMONG, RowExplanation, probability
from chainrule.inspect.attributions.pictures import DOWN, UP, cut, decimals_for, number, signed_bars
from chainrule.inspect.layout import HEAD, NARROWEST, NOTE, Line, Part, lay_out, title
from chainrule.words import setting

_SHOWN = 16
_MISSING = "missing"
_STYLES = {"+": f"bold {UP}", "−": f"bold {DOWN}"}
_WIDEST = 100  # bars do not become clearer by being longer


def row_text(explanation: RowExplanation, width: int, *, everything: bool = False) -> Iterator[Text]:
    """Yield the lines of an explanation for a terminal of that width; ``everything`` shows every column."""
    width = max(width, NARROWEST)
    text = _RowText(explanation, width, everything)
    yield from lay_out(text.heading(), width)
    yield from text.sums()
    yield Text()
    yield from text.bars()
    yield Text()
    yield from lay_out(text.notes(), width)
    if explanation.neighbors:
        yield from lay_out(text.neighbors_heading(), width)
        yield from text.neighbors()


class _RowText:
    def __init__(self, explanation: RowExplanation, width: int, everything: bool) -> None:
        self.all, self.width = explanation, width
        ranked = sorted(explanation.contributions, key=lambda part: -abs(part.shapley))
        self.shown = ranked if everything or len(ranked) <= _SHOWN + 1 else ranked[:_SHOWN]
        self.rest = ranked[len(self.shown) :]
        largest = abs(ranked[0].shapley) or abs(explanation.prediction)
        self.decimals = max(decimals_for(largest), decimals_for(max(part.error or 0.0 for part in ranked), 1))

    def heading(self) -> Iterator[Part]:
        all = self.all
        yield title(f"Why this prediction: row {all.row}", self.width)
        said = f"{all.target}: {self._answer(all.answer)}"
        if all.label is not None:
            said += f", with probability {_share(all.prediction)}"
        yield Line(f"{all.place}", "dim")
        yield Line(said, HEAD, hang=2)
        if all.truth is not None:
            yield Line(f"In the table it is {all.truth}.", hang=2)
        yield from beside(all.others)
        yield Line("")

    def sums(self) -> Iterator[Text]:
        all = self.all
        unit = f"log-odds of {all.label}" if all.label is not None else f"in the units of {all.target}"
        chances = ("", "") if all.label is None else (f"probability {_share(all.prediction)}", f"probability {_share(all.baseline)}")
        texts = [number(all.prediction, self.decimals), number(all.baseline, self.decimals)]
        texts.append(number(all.difference, self.decimals, sign=True))
        wide = max(map(len, texts))
        notes = [
            [unit, chances[0]],
            [f"the mean of {all.rows:,} rows of {all.source}", chances[1]],
            ["what the cells below add up to"],
        ]
        for name, text, said, style in zip(("prediction", "baseline", "difference"), texts, notes, (HEAD, "", ""), strict=True):
            for note, more in enumerate(_fitted([part for part in said if part], self.width - 12 - wide - 2)):
                start = f"{name:<12}{text:>{wide}}" if note == 0 else " " * (12 + wide)
                yield Text.assemble((start, style), ("  " + more, "dim"))

    def bars(self) -> Iterator[Text]:
        names = ["column", *(part.column for part in self.shown), *[f"{len(self.rest)} smaller"] * bool(self.rest)]
        cells = ["cell", *(_MISSING if part.cell is None else " ".join(part.cell.split()) for part in self.shown), *[""] * bool(self.rest)]
        columns = self._numbers()
        widths = [max(map(len, column)) for column in columns]
        bar = 10 if self.width < 80 else 24
        name_width, cell_width = _shared(names, cells, self.width - sum(wide + 2 for wide in widths) - bar - 4)
        used = name_width + cell_width + sum(wide + 2 for wide in widths) + 4
        pictures = [Text(), *signed_bars([part.shapley for part in self.shown], max(min(self.width, _WIDEST) - used, 8)), Text()]
        for line, (name, cell, picture) in enumerate(zip(names, cells, pictures, strict=False)):
            text = Text(f"{cut(name, name_width):<{name_width}}  ", "" if line else "dim")
            text.append(f"{cut(cell, cell_width):<{cell_width}}", "dim italic" if cell == _MISSING else "dim")
            for place, (column, wide) in enumerate(zip(columns, widths, strict=True)):
                text.append(f"  {column[line]:>{wide}}", "dim" if place else _STYLES.get(column[line][0], "dim"))
            text.append("  ").append_text(picture)
            text.rstrip()
            yield text
        totals = (f"{column[-1]:>{wide}}" for column, wide in zip(columns, widths, strict=True))
        yield Text("  ".join([f"{'all together':<{name_width + 2 + cell_width}}", *totals]), HEAD)

    def _numbers(self) -> list[list[str]]:
        """Return the columns of numbers, each from its head to its total."""

        def column(head: str, values: list[float], rest: float, total: float) -> list[str]:
            return [head, *(number(value, self.decimals, sign=True) for value in [*values, *[rest] * bool(self.rest), total])]

        moves = column("moves by", [p.shapley for p in self.shown], sum(p.shapley for p in self.rest), self.all.difference)
        whole = sum(p.gradients for p in self.all.contributions)
        gradients = column("gradients", [p.gradients for p in self.shown], sum(p.gradients for p in self.rest), whole)
        if self.all.exact:
            return [moves, gradients]
        errors = ["", *(f"± {number(part.error or 0.0, self.decimals)}" for part in self.shown), *[""] * bool(self.rest), ""]
        return [moves, errors, gradients]

    def notes(self) -> Iterator[Part]:
        all = self.all
        what = "the log-odds" if all.label is not None else "the prediction"
        columns = len(all.contributions)
        sets = f"all {all.tried:,} sets of the {columns} columns" if columns > 1 else "the only column"
        how = f"exact, over {sets}" if all.exact else f"sampled, {all.tried:,} orders of the {columns} columns, ± standard error"
        yield Line(
            f"A cell moves {what} by its Shapley value: what it adds, in all orders, when cells of background rows are exchanged "
            f"for the row's own ({how}).",
            NOTE,
        )
        gap = f"{all.gap:.2g} ({_percent(all.gap_share)} of it)"
        yield Line(
            f"Gradients are integrated along the straight lines from the background to the row, {all.points:,} points in all; "
            f"they miss the difference by {gap}.",
            NOTE,
        )
        if all.label is not None:
            yield Line(
                "Log-odds are ln(p / (1 − p)). Contributions add up there; a probability is flat near 0 and 1, where its gradients vanish.",
                NOTE,
            )
        yield Line("This is how the model answers, and not what would happen if a cell were changed in the world.", NOTE)

    def neighbors_heading(self) -> Iterator[Part]:
        yield Line("")
        among = f"the first {NEIGHBORS_AMONG:,} rows" if self.all.searched == NEIGHBORS_AMONG else "the rows"
        yield Line(f"Of {among} of {self.all.table}, the most alike to the last hidden layer", HEAD)

    def neighbors(self) -> Iterator[Text]:
        found = self.all.neighbors
        decimals = decimals_for(max(neighbor.distance for neighbor in found))
        lines = [("row", "distance", "prediction", "in the table")]
        lines += [(str(n.row), number(n.distance, decimals), self._answer(n.answer), n.truth or _MISSING) for n in found]
        if all(neighbor.truth is None for neighbor in found):
            lines = [(row, distance, answer, "") for row, distance, answer, _ in lines]
        row, distance, answer, _ = (max(map(len, column)) for column in zip(*lines, strict=True))
        answer = min(answer, max((self.width - row - distance - 6) // 2, 8))
        for line, cells in enumerate(lines):
            said = f"{cells[0]:>{row}}  {cells[1]:>{distance}}  {cut(cells[2], answer):<{answer}}  {cells[3]}"
            yield Text(cut(said.rstrip(), self.width), "" if line else "dim")

    def _answer(self, answer: object) -> str:
        return number(answer, self.decimals) if self.all.label is None and isinstance(answer, float) else str(answer)


def beside(others: Sequence[str]) -> Iterator[Part]:
    """Yield the line that says which other targets the model has."""
    if others:
        yield Line(f"The model predicts {listed(others)} as well: {setting('of', others[0])} explains that.", "dim", hang=2)


def _shared(names: list[str], cells: list[str], room: int) -> tuple[int, int]:
    """Return the widths of the columns' names and of their cells, which share the room that the numbers leave."""
    name, cell = max(map(len, names)), max(map(len, cells))
    name = min(name, max(room - min(cell, room // 2), 8))
    return name, max(min(cell, room - name), 4)


def _share(log_odds: float) -> str:
    """Write a probability, and of one that is nearly 0 or 1 just that."""
    share = probability(log_odds)
    if share > 0.9995:
        return "more than 0.9995"
    return "less than 0.0005" if share < 0.0005 else f"{share:.3f}"


def _percent(share: float) -> str:
    if math.isinf(share):
        return "more than all"
    return f"{100 * share:.2g} %" if share >= 1e-6 else "less than 0.0001 %"


def _fitted(parts: list[str], width: int) -> list[str]:
    """Join parts with commas where they fit in a line, or give each a line of its own."""
    joined = ", ".join(parts)
    return [joined] if len(joined) <= width else [cut(part, max(width, 8)) for part in parts]
