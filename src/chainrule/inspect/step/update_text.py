"""The update of weights, line by line as the program's equations say."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np

from chainrule.inspect.layout import FORMULA, HEAD, RESULT, Block, Grid, Line, Part, Row
from chainrule.inspect.reading.notation import Leaf, symbolic
from chainrule.inspect.reading.recording import Element, Index
from chainrule.inspect.step.events import SMALL, Quantity
from chainrule.inspect.step.wording import SHOWN_UNITS, Wording


class UpdateText:
    """Writes the update of a step."""

    def __init__(self, words: Wording) -> None:
        self.words, self.trace = words, words.trace

    def lines(self) -> Iterator[Part]:
        """Yield the update: what all weights share, a weight and a bias line by line, and the old and new values of some."""
        paths = [path for path in self.trace.trainable if self.trace.value(path).size]
        if not paths:
            return
        shared = [step for step in self.trace.update(paths[0], _zero_index(self.trace.value(paths[0]).ndim)) if not step[0].path]
        rows = [row for quantity, place in shared for row in self._update_rows(quantity, place, "")]
        yield from _shared(rows)
        for path, index in self._written_out(paths):
            yield Line("")
            yield Line(f"{self.trace.parameter_name(path, index)}   {self._why(path)}".rstrip(), HEAD, 2)
            yield from self.weight_update(path, index)
        yield Line("")
        yield from self._table(paths)

    def _says_all(self, paths: Sequence[str]) -> bool:
        """Return whether the update of each weight is written line by line; of large networks a table says enough."""
        return self.words.everything and sum(self.trace.value(path).size for path in paths) <= SMALL

    def _why(self, path: str) -> str:
        what = "weights" if self.trace.value(path).ndim > 1 else "biases"
        return "" if self._says_all(self.trace.trainable) else f"the largest gradient among all {what}"

    def _written_out(self, paths: Sequence[str]) -> list[tuple[str, Index]]:
        """Return which weights' updates are written out: the weight and the bias with the largest gradient, or all of them."""
        if self._says_all(paths):
            return [(path, tuple(map(int, index))) for path in paths for index in np.ndindex(self.trace.value(path).shape)]
        found = []
        for is_weight in (True, False):
            own = [path for path in paths if (self.trace.value(path).ndim > 1) == is_weight]
            if own:
                best = max(own, key=lambda path: float(np.abs(self.trace.gradient(path)).max()))
                gradient = np.abs(self.trace.gradient(best))
                found.append((best, tuple(int(i) for i in np.unravel_index(int(gradient.argmax()), gradient.shape))))
        return found

    def shared_update(self, path: str, index: Index) -> Iterator[Part]:
        """Yield the numbers that the updates of all weights share."""
        shared = [step for step in self.trace.update(path, index) if not step[0].path]
        yield from _shared([row for quantity, place in shared for row in self._update_rows(quantity, place, "")])

    def weight_update(self, path: str, index: Index) -> Iterator[Part]:
        """Yield the update of one weight, line by line."""
        rows = [Row("gradient", "", self.words.show(self.trace.gradient(path)[index].item()))]
        for quantity, place in self.trace.update(path, index):
            if quantity.path:
                rows += self._update_rows(quantity, place, path)
        yield Block(tuple(rows))

    def _update_rows(self, quantity: Quantity, place: Index, path: str) -> list[Row]:
        node = self.trace.calculation(quantity, place)
        if self.trace.recording.values[quantity.value].dtype.kind in "ui":
            return []  # the count of updates; where a rule reads it, it is t
        label = _in_update(quantity.name, path)
        formula = _in_update(symbolic(node), path)
        calculation = self.words.numeric(node)
        result = self.words.show(self.trace.recording.number(Element(quantity.value, place)))
        style = RESULT if label == "new weight" else ""
        if isinstance(node, Leaf):
            return [Row(label, formula, result, style=style)]
        if not path and len(formula) + len(calculation) <= 40:
            return [Row(label, f"{formula} = {calculation}", result)]
        return [Row(label, formula, "", style=FORMULA), Row("", calculation, result, style=style)]

    def _table(self, paths: Sequence[str]) -> Iterator[Part]:
        if self._says_all(paths):
            return
        rows = []
        every = sum(self.trace.value(path).size for path in paths)
        few = self.trace.chosen_parameters(units=SHOWN_UNITS, inputs=1)
        for path in paths:
            for index in np.ndindex(self.trace.value(path).shape) if every <= 40 or self.words.everything else few[path]:
                numbers = (array[index].item() for array in (self.trace.gradient(path), self.trace.value(path), self.trace.updated(path)))
                rows.append((self.trace.parameter_name(path, index), *map(self.words.show, numbers)))
        yield Line(f"{len(rows)} of {every:,} weights and biases" if len(rows) < every else "all weights and biases", HEAD, 2)
        yield Grid(("", "gradient", "old", "new"), tuple(rows))


def _shared(rows: Sequence[Row]) -> Iterator[Part]:
    if rows:
        yield Line("")
        yield Line("for all weights", HEAD, 2)
        yield Block(tuple(rows))


def _in_update(text: str, path: str) -> str:
    """Write a formula of the update of one parameter: ``hidden_1.weight.m.new`` is ``m.new`` there."""
    if not path:
        return text
    own = re.escape(path)
    text = re.sub(rf"(?<![\w.])d_{own}(?![A-Za-z0-9_.])", "gradient", text)
    text = re.sub(rf"(?<![\w.]){own}\.new(?![A-Za-z0-9_.])", "new weight", text)
    text = re.sub(rf"(?<![\w.]){own}\.(?=\w)", "", text)
    return re.sub(rf"(?<![\w.]){own}(?![A-Za-z0-9_.])", "weight", text)


def _zero_index(axes: int) -> Index:
    return (0,) * axes
