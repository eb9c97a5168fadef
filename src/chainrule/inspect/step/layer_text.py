"""One layer of a pass, forward or backward: its formulas, and the calculation of the units that matter."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from chainrule.inspect.layout import FORMULA, HEAD, NOTE, Block, Line, Part, Row
from chainrule.inspect.reading.notation import symbolic
from chainrule.inspect.step.events import Group, Quantity
from chainrule.inspect.step.wording import Wording
from chainrule.words import setting

FEW_UNITS = 10


class LayerText:
    """Writes the layers of a step."""

    def __init__(self, words: Wording) -> None:
        self.words, self.trace = words, words.trace

    def layer(self, group: Group, quantities: Sequence[Quantity]) -> Iterator[Part]:
        """Yield a layer: its name, its formulas, its units, and the gradients of its weights."""
        layer, width = group
        of_units = [q for q in quantities if not q.path and not (q.phase == "backward" and self.words.is_whole(q))]
        of_weights = [q for q in quantities if q.path]
        does = self.trace.about.layers.get(layer, "")
        if of_units or of_weights:
            yield Line("")
            yield Line(f"{layer or 'network'}   {does}".rstrip(), HEAD, 2)
        sums = any(self.words.is_sum(q) for q in of_units)
        shown = list(range(width)) if width <= FEW_UNITS and not sums else self.words.shown_units(group)
        formulas = [self.words.formula_row(q) for q in of_units if self._said(q)]
        if formulas:
            yield Block(tuple(formulas))
        yield from self._mask(of_units)
        if len(shown) < width and of_units:
            yield Line(
                f"{len(shown)} of {width} units, those that count most for the loss; {setting('everything', True)} shows every one", NOTE, 4
            )
        if sums:
            for unit in shown:
                yield from self._unit(group, of_units, unit)
        else:
            yield from self._by_quantity(of_units, shown)
        for quantity in of_weights:
            yield from self._gradient(quantity)

    def _said(self, quantity: Quantity) -> bool:
        """Return whether the formula of a quantity is written: not for random bits and for what is a row's operation."""
        return self.trace.recording.values[quantity.value].dtype.kind not in "ui"

    def _mask(self, quantities: Sequence[Quantity]) -> Iterator[Part]:
        """Say which units a random mask drops."""
        for quantity in quantities:
            definition = self.trace.recording.definitions[quantity.value]
            drawn = any(
                (source := self.trace.recording.definitions.get(value)) is not None and source.op.name == "random_bits"
                for value in definition.inputs
            )
            mask = self.trace.recording.values[quantity.value]
            if drawn and mask.dtype == bool and self.trace.recording.rows == 1:
                dropped = [int(i) for i in np.flatnonzero(~mask.reshape(-1))]
                names = ", ".join(map(str, dropped)) or "none"
                yield Line(f"dropped, {len(dropped)} of {mask.size}: {names}", "", 4, 2)

    def _unit(self, group: Group, quantities: Sequence[Quantity], unit: int) -> Iterator[Part]:
        rows: list[Row] = []
        for quantity in quantities:
            if self.trace.recording.values[quantity.value].dtype.kind in "ui":
                continue
            for index in self.words.places(quantity, unit):
                of_row = f", row {index[0]}" if self.trace.recording.rows > 1 and len(index) > 1 else ""
                rows += self.words.rows(quantity, index, self.words.label(quantity) + of_row)
        name = self.trace.units.place(quantities[-1].value, self.words.places(quantities[-1], unit)[0])
        yield Line(f"unit {name[-1] if name else unit}", "bold", 4)
        yield Block(tuple(rows), 6)

    def _by_quantity(self, quantities: Sequence[Quantity], shown: Sequence[int]) -> Iterator[Part]:
        """Yield one block for each quantity, a line for each unit."""
        for quantity in quantities:
            array = self.trace.recording.values[quantity.value]
            if array.dtype.kind in "uib":
                continue
            several = array.ndim > 1 and len(shown) > 0
            places = [place for unit in shown for place in self.words.places(quantity, unit)] if several else list(np.ndindex(array.shape))
            rows = []
            for place in places:
                name = ",".join(self.trace.units.place(quantity.value, place))
                label = self.words.label(quantity)
                rows += self.words.rows(quantity, place, f"{label}[{name}]" if name else label)
            yield Block(tuple(rows))

    def _gradient(self, quantity: Quantity) -> Iterator[Part]:
        chosen = list(self.trace.indices(quantity)) if self._all_of(quantity) else self.words.chosen[quantity.path]
        node = self.trace.calculation(quantity, self.words.first(quantity))
        symbol = self.words.short(symbolic(node), quantity.layer)
        left = self.trace.recording.values[quantity.value].size - len(chosen)
        note = f"   ({left:,} more, smaller or of other units)" if left else ""
        yield Line(f"gradient of {quantity.path} = {symbol}{note}", FORMULA, 4, 2)
        rows: list[Row] = []
        for index in chosen:
            label = f"[{','.join(self.trace.units.place(quantity.value, index))}]" if index else quantity.path
            rows += self.words.rows(quantity, index, label)
        yield Block(tuple(Row(row.label, row.calculation, row.result, row.factors) for row in rows), 6)

    def _all_of(self, quantity: Quantity) -> bool:
        return self.words.everything or self.trace.recording.values[quantity.value].size <= FEW_UNITS
