"""Composites written out, as mathematics."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from chainrule.inspect.expansion.expansion import Expansion, Told
from chainrule.inspect.expansion.selection import Expanded, Selection
from chainrule.inspect.reading.notation import Leaf, Numbers
from chainrule.inspect.reading.typeset import Markup, MathML, Typesetter

Equation = tuple[str | None, str]
"""The left and the right side; see :meth:`Markup.lines`."""


class ExpansionMathematics:
    """Writes expansions in a markup.

    Args:
        markup: LaTeX or MathML. ``digits``: significant digits of each number.
        selection: what is told.
    """

    def __init__(self, markup: Markup, digits: int = 6, selection: Selection | None = None) -> None:
        self.markup, self.set, self.selection = markup, Typesetter(markup, Numbers(digits)), selection or Selection()

    def parts(self, expansions: Sequence[Expansion]) -> Iterator[tuple[str, str, str]]:
        """Yield for each expansion its title, its equations, and the verdict; those inside of it behind it."""
        for expansion in expansions:
            where = f"{expansion.layer}: " if expansion.layer else ""
            yield f"{where}{expansion.title or 'the loss'}", self.markup.lines(list(self._equations(expansion))), expansion.verdict
            yield from self.parts(expansion.inside)

    def _equations(self, expansion: Expansion) -> Iterator[Equation]:
        shown = self.selection.shown(expansion)
        for told in expansion.forward(shown):
            yield from self._told(told)
        for name, node in expansion.in_general():
            yield self.set.called(name), self.set.symbols(node)
        for partials, whole in expansion.backward(shown):
            for part in partials:
                yield from self._told(part)
            if not (len(partials) == 1 and partials[0].name == whole.name):
                yield from self._told(whole)
        for both in expansion.compared(shown):
            fused = self.markup.row((self.set.number(both.fused), self.markup.text(f" by {expansion.fused.whose}")))
            yield self.set.called(both.name), self.set.number(both.primitives)
            yield "", fused

    def _told(self, told: Told) -> Iterator[Equation]:
        if isinstance(told.node, Leaf) and told.node.name == told.name:
            yield self.set.called(told.name), self.set.number(float(told.node.number))
            return
        symbols, numbers, result = self.set.symbols(told.node), self.set.numeric(told.node), self.set.number(float(told.node.number))
        yield self.set.called(told.name), symbols
        if numbers not in (symbols, result):
            yield "", numbers
        if result != symbols:
            yield "", result


def expansions_mathml(expanded: Expanded | None, digits: int = 6) -> str:
    """Return expansions as MathML, an element ``math`` each; empty without them."""
    if expanded is None:
        return ""
    return "".join(f"{math}\n" for _, math, _ in ExpansionMathematics(MathML(), digits, expanded.selection).parts(expanded.expansions))
