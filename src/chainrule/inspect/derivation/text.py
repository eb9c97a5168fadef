"""The chain rule of one weight as text."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence

from rich.text import Text

from chainrule.inspect.derivation.derive import Derivation
from chainrule.inspect.derivation.paths import Path
from chainrule.inspect.expansion.selection import Expanded
from chainrule.inspect.expansion.text import ExpansionText
from chainrule.inspect.layout import FORMULA, HEAD, NOTE, RESULT, Block, Grid, Line, Part, Row, lay_out, title
from chainrule.inspect.reading.notation import Numbers, numeric
from chainrule.inspect.step.events import Quantity
from chainrule.inspect.step.text import EXPANDED, StepText
from chainrule.inspect.step.trace import StepTrace
from chainrule.inspect.step.wording import DIGITS

SHOWN_PATHS = 8


class DerivationText:
    """Writes the chain rule of one weight.

    Args:
        trace: the step. ``derivation``: the chain rule of a weight in it.
        digits: significant digits of each number.
        everything: every path, in place of the largest.
    """

    def __init__(self, trace: StepTrace, derivation: Derivation, *, digits: int = DIGITS, everything: bool = False) -> None:
        self.trace, self.derivation, self.everything = trace, derivation, everything
        self.step = StepText(trace, digits=digits, everything=everything)

    def lines(self, width: int) -> Iterator[Text]:
        """Yield the lines, for a terminal of that width."""
        d = self.derivation
        parts: list[Part] = [*self.step.heading(), Line("")]
        parts.append(title(f"The chain rule of {d.weight}", width))
        parts += [*self._paths(), *self._reused(), *self._checked()]
        if d.expanded is not None:
            parts += [Line(""), title(EXPANDED, width), *self._expanded(d.expanded, width)]
        parts += [Line(""), title("Its update", width), *self.step.update.shared_update(d.path, d.index)]
        parts += [Line(""), Line(d.weight, HEAD, 2), *self.step.update.weight_update(d.path, d.index)]
        parts += [Line(""), Line("what it does to the loss", HEAD, 2), *self._changed()]
        return lay_out(parts, width)

    def _show(self, number: float) -> str:
        return self.step.words.show(number)

    def _paths(self) -> Iterator[Part]:
        d = self.derivation
        yield Line("")
        if d.count == 0:
            yield Line("No path leads from this weight to the loss: its gradient is 0.", indent=2)
            return
        told = "is a sum over the ways from the weight to the loss, each a product of one derivative for every step of the way:"
        yield Line(f"∂loss/∂{d.weight} {told}", indent=2)
        kinds = dict.fromkeys(_kind(path) for path in d.paths)
        for kind in list(kinds)[:4]:
            yield Line(kind, FORMULA, 4, 2)
        ways = f"{d.count:,} path{'s' * (d.count != 1)}"
        if d.zeros:
            ways += f", {d.zeros:,} of them 0: a weight, an input or a unit's derivative on the way is 0"
        yield Line("")
        yield Line(ways, HEAD, 2, 2)
        if not d.paths:
            yield Line("All are 0, and so is the gradient.", indent=4)
            return
        first = d.paths[0]
        yield Line(f"the largest{self._way(first)}" if d.count > 1 else "written out", FORMULA, 4)
        rows = [Row(factor.name, "", self._show(factor.value)) for factor in first.factors]
        yield Block((*rows, Row("product", "", self._show(first.product), style=RESULT)), 6)
        if len(d.paths) > 1:
            yield from self._ranked()

    def _ranked(self) -> Iterator[Part]:
        d = self.derivation
        shown = d.paths if self.everything else d.paths[:SHOWN_PATHS]
        products = ([factor.value for factor in path.factors] for path in shown)
        rows = [Row("→".join(path.units), self._product(p), self._show(path.product)) for path, p in zip(shown, products, strict=True)]
        rest = d.total - sum(path.product for path in shown)
        left = d.count - d.zeros - len(shown)
        if left:
            rows.append(Row(f"{left:,} more", "", self._show(rest)))
        if d.zeros:
            rows.append(Row(f"{d.zeros:,} of 0", "", "0"))
        yield Line("all, by the units on the way" if not left else "the largest ones, by the units on the way", FORMULA, 4)
        yield Block((*rows, Row("sum", "", self._show(d.total), style=RESULT)), 6)

    def _product(self, numbers: Sequence[float]) -> str:
        texts = map(self._show, numbers)
        return " · ".join(f"({text})" if place and text.startswith("−") else text for place, text in enumerate(texts))

    def _way(self, path: Path) -> str:
        return f", by the units {' → '.join(path.units)}" if len(path.units) > 1 else ""

    def _reused(self) -> Iterator[Part]:
        d = self.derivation
        yield Line("")
        yield Line("the same in one product: what the step does", HEAD, 2)
        told = "Backpropagation sums up the ways from a unit to the loss once, as its δ, and uses it for each weight of the unit."
        yield Line(told, NOTE, 4)
        rows: list[Row] = []
        for term in d.reused:
            numbers = [factor.value for factor in term]
            names = [_derivative(factor.name) for factor in term]
            delta = self._calculation_of(term[-1].name)
            if delta is not None:
                rows += [Row("δ", f"= {names[-1]}", style=FORMULA), Row("", delta, self._show(term[-1].value))]
                names[-1] = "δ"
            rows.append(Row("gradient" if len(d.reused) == 1 else "term", f"= {' · '.join(names)}", style=FORMULA))
            rows.append(Row("", self._product(numbers), self._show(math.prod(numbers)), style=RESULT if len(d.reused) == 1 else ""))
        if len(d.reused) > 1:
            rows.append(Row("gradient", "the sum of the terms", self._show(d.gradient), style=RESULT))
        yield Block(tuple(rows))
        by_paths, reused = d.multiplications
        if by_paths > reused:
            saved = f"{by_paths:,} for the paths one by one, {reused:,} with δ: {by_paths - reused:,} saved"
            yield Line(f"Multiplications: {saved}, and the δ of a unit serves all of its weights.", NOTE, 4)

    def _calculation_of(self, name: str) -> str | None:
        """Return how a number of the backward phase was calculated, ``None`` for any other."""
        for quantity in self.trace.quantities:
            if quantity.phase == "backward" and name.startswith(quantity.name):
                found = self._element(quantity, name)
                if found is not None:
                    return found
        return None

    def _element(self, quantity: Quantity, name: str) -> str | None:
        for index in self.trace.indices(quantity):
            node = self.trace.calculation(quantity, index)
            place = ",".join(self.trace.units.place(quantity.value, index))
            if name == (f"{quantity.name}[{place}]" if place else quantity.name):
                return numeric(node, self.step.words.numbers)
        return None

    def _expanded(self, expanded: Expanded, width: int) -> Iterator[Part]:
        yield from ExpansionText(self.step.words, expanded.selection.units).lines(expanded.expansions, width)
        yield Line("")
        yield Line("the gradient of the weight, by the chain rule through all primitives", HEAD, 2)
        primitives = self.derivation.in_primitives
        assert primitives is not None  # they were expanded
        rows = (
            Row("in primitives", "float64", self._show(primitives)),
            Row("gradient of the step", self.trace.source.name, self._show(self.derivation.gradient), style=RESULT),
            Row("difference", "", Numbers(3).show(primitives - self.derivation.gradient)),
        )
        yield Block(rows)

    def _changed(self) -> Iterator[Part]:
        head = ("", "predicted", "actual")
        names = ("this weight alone", "all weights")
        rows = [(name, self._show(c.predicted), self._show(c.actual)) for name, c in zip(names, self.derivation.changes, strict=True)]
        yield Grid(head, tuple(rows))
        yield Line("Predicted is the gradient times the change of the weight; actual is the loss computed anew, in float64.", NOTE, 4)

    def _checked(self) -> Iterator[Part]:
        d = self.derivation
        yield Line("")
        yield Line("three ways to the same number", HEAD, 2)
        rows = [
            Row("sum over the paths", "", self._show(d.total)),
            Row("gradient of the step", self.trace.source.name, self._show(d.gradient), style=RESULT),
            Row("exact", "float64", self._show(d.exact)),
            Row("difference", "", Numbers(3).show(d.gradient - d.exact)),
            Row("measured", "", self._show(d.finite_difference)),
        ]
        yield Block(tuple(rows))
        losses = tuple(Numbers(13).show(loss) for loss in d.losses)
        yield Line(
            "Measured as (L(w + h) − L(w − h)) / 2h, the loss L being computed anew, in float64, with the weight w a little changed: "
            f"L(w − h) = {losses[0]}, L(w + h) = {losses[1]}, h = {Numbers(6).show(d.step)}.",
            NOTE,
            4,
        )
        if self.trace.recording.values[self.trace.parameters[d.path]].dtype == "float32":
            told = "The step itself runs in float32, with about 7 digits; a difference of two numbers near each other keeps fewer."
            yield Line(told, NOTE, 4)


def _derivative(name: str) -> str:
    return f"∂loss/∂{name.removeprefix('d_')}" if name.startswith("d_") else name


def _kind(path: Path) -> str:
    """Return the product that a path is, without the units: ``∂loss/∂output · output.weight · x``."""
    return " · ".join(re.sub(r"\[.*\](?=\)?$)", "", factor.name) for factor in path.factors)
