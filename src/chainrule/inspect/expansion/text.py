"""Composites written out, as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from chainrule.inspect.expansion.expansion import Expansion, Shown, Told
from chainrule.inspect.expansion.selection import FEW_OUTPUTS, Selection
from chainrule.inspect.layout import FORMULA, HEAD, NOTE, RESULT, Block, Grid, Line, Part, Row
from chainrule.inspect.reading.notation import Leaf, Numbers, symbolic
from chainrule.inspect.step.wording import Wording

_ONE_LINE = 44  # of a formula and its numbers in one line; in a narrow window half the width


class ExpansionText:
    """Writes expansions.

    Args:
        words: how the step that they belong to is written.
        units: for some layers the units that are told; those that count most unless given.
    """

    def __init__(self, words: Wording, units: Mapping[str, Sequence[int]] | None = None) -> None:
        self.words, self.selection = words, Selection(words.everything, units or {})

    def lines(self, expansions: Sequence[Expansion], width: int) -> Iterator[Part]:
        """Yield the expansions, for a terminal of that width."""
        told = (
            "A composite is one equation to the engine, with a derivative rule of its own. Here each is written as textbooks write it, and "
            "its derivative is the product of the derivatives on the way, in float64."
        )
        yield Line(told, NOTE, 2)
        for expansion in expansions:
            yield from self._one(expansion, width, "")
        if not expansions:
            yield Line("")
            yield Line("There is none in this step.", indent=2)

    def _one(self, expansion: Expansion, width: int, parent: str) -> Iterator[Part]:
        where = expansion.layer or "the loss"
        title = expansion.title or "no composite: the engine differentiates these primitives, too"
        yield Line("")
        yield Line(f"{where}   {self._short(title, expansion)}{f', inside of {parent}' if parent else ''}", HEAD, 2, 4)
        shown = self.selection.shown(expansion)
        yield Block(
            tuple(Row(self._short(n, expansion), f"= {self._short(f, expansion)}", style=FORMULA) for n, f in expansion.definitions())
        )
        if left := self.selection.left_out(expansion):
            yield Line(left, NOTE, 4, 2)
        yield from self._block([self._row(told, expansion, "", width) for told in expansion.forward(shown)], width)
        yield Line("back, one derivative at a time", FORMULA, 4)
        yield from self._matrices(expansion, width)
        back = []
        for partials, whole in expansion.backward(shown):
            back += [self._row(part, expansion, "", width) for part in partials]
            if not (len(partials) == 1 and partials[0].name == whole.name):
                back.append(self._row(whole, expansion, RESULT, width))
        yield from self._block(back, width)
        yield from self._both(expansion, shown)
        for inner in expansion.inside:
            yield from self._one(inner, width, expansion.title.partition("(")[0] or "the loss")

    def _block(self, told: Sequence[list[Row]], width: int) -> Iterator[Part]:
        """Yield numbers below each other; where their names would take too much of the width, each name in a line of its own."""
        if max((len(row.label) for rows in told for row in rows), default=0) <= width * 0.4:
            yield Block(tuple(row for rows in told for row in rows))
            return
        for rows in told:
            yield Line(rows[0].label, rows[0].style, 4, 4)
            yield Block(tuple(replace(row, label="") for row in rows), 4)

    def _row(self, told: Told, expansion: Expansion, style: str, width: int) -> list[Row]:
        name, result = self._short(told.name, expansion), self.words.show(float(told.node.number))
        if isinstance(told.node, Leaf) and told.node.name == told.name:
            return [Row(name, "", result, style=style)]
        formula, numbers = self._short(symbolic(told.node, by_name=True), expansion), self.words.numeric(told.node)
        if formula == numbers or numbers == result:
            return [Row(name, formula if formula != result else "", result, style=style)]
        if len(formula) + len(numbers) <= min(_ONE_LINE, width // 2):
            return [Row(name, f"{formula} = {numbers}", result, style=style)]
        return [Row(name, formula, style=style), Row("", numbers, result, style=style)]

    def _matrices(self, expansion: Expansion, width: int) -> Iterator[Part]:
        formulas = [
            Row(self._short(n, expansion), f"= {symbolic(node, by_name=True)}", style=FORMULA) for n, node in expansion.in_general()
        ]
        if not formulas:
            return
        yield Block(tuple(formulas))
        yield Line("where [i = j] is 1 for i = j and else 0", NOTE, 6)
        for value, source, names, matrix in expansion.jacobians(0, FEW_OUTPUTS):
            cells = [[self.words.show(number) for number in row] for row in matrix.tolist()]
            columns = zip(names, *cells, strict=True)
            needed = 30 + len(value) + sum(2 + max(map(len, column)) for column in columns)
            if needed <= width:
                head = (f"∂{value}[j] by {self._short(source, expansion)}[i]", *names)
                rows = tuple((f"{value}[{name}]", *row) for name, row in zip(names, cells, strict=True))
                yield Grid(head, rows)

    def _both(self, expansion: Expansion, shown: Shown) -> Iterator[Part]:
        fused = expansion.fused
        formula = self._short(fused.formula, expansion)
        yield Line(f"beside {fused.whose}{f': {formula}' if formula else ''}", FORMULA, 4, 2)
        small = Numbers(2)
        rows = [
            (self._short(both.name, expansion), self.words.show(both.primitives), self.words.show(both.fused), small.show(both.difference))
            for both in expansion.compared(shown)
        ]
        yield Grid(("", "in primitives", fused.whose.removeprefix("the "), "difference"), tuple(rows))
        yield Line(expansion.verdict, NOTE if expansion.is_equal else "bold", 4)

    def _short(self, text: str, expansion: Expansion) -> str:
        return self.words.short(text, expansion.names_of)
