"""A step at the depth of layers as text: each array as a whole, with its formula and its statistics."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from chainrule.inspect.layout import FORMULA, HEAD, Block, Grid, Line, Part, Row
from chainrule.inspect.step.telling import Telling
from chainrule.inspect.step.tensors import Tensor
from chainrule.inspect.step.wording import Wording

_HEAD = ("", "shape", "min", "max", "mean", "std", "zeros")


class ArrayText:
    """Writes a step array by array."""

    def __init__(self, words: Wording) -> None:
        self.words, self.trace, self.telling = words, words.trace, Telling(words.trace)

    def phase(self, phase: str) -> Iterator[Part]:
        """Yield the arrays of a phase, layer by layer."""
        for (layer, _), quantities in self.trace.groups(phase).items():
            yield Line("")
            does = self.trace.about.layers.get(layer, "")
            yield Line(f"{layer or 'network'}   {does}".rstrip(), HEAD, 2)
            rows, scalars, formulas = [], [], []
            for quantity in quantities:
                event = self.telling.array(quantity)
                label = self.words.label(quantity)
                formula = self.words.short(event.operation, quantity.layer)
                if formula != label:
                    formulas.append(Row(label, f"= {formula}", style=FORMULA))
                if isinstance(event.result, Tensor):
                    rows.append((label, *self._cells(event.result)))
                else:
                    scalars.append(Row(label, "", self.words.show(event.result)))
            yield Block(tuple(formulas))
            if rows:
                yield Grid(_HEAD, tuple(rows))
            if scalars:
                yield Block(tuple(scalars))

    def _cells(self, tensor: Tensor) -> Sequence[str]:
        numbers = (tensor.smallest, tensor.largest, tensor.mean, tensor.std)
        zeros = f"{tensor.zeros:,}" + (f" ({tensor.nonfinite:,} not finite)" if tensor.nonfinite else "")
        return "×".join(map(str, tensor.shape)), *map(self.words.show, numbers), zeros
