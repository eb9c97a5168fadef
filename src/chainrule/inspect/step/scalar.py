"""The finest answer: how one number of a step was added up, term by term in the engine's order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from chainrule.inspect.reading.notation import Node, Total, operand_name
from chainrule.inspect.reading.summation import Summation
from chainrule.inspect.step.events import Operand


@dataclass(frozen=True)
class ScalarSum:
    """How a sum came to its number.

    Attributes:
        name: what is summed up: ``hidden_1.sum[3]``. ``total``: the sum, as a calculation.
        dtype: the float type that it is added up in.
    """

    name: str
    total: Total
    dtype: str

    @cached_property
    def summation(self) -> Summation:
        """The partial sums, in the engine's order."""
        return self.total.added_up()

    @cached_property
    def joined(self) -> tuple[tuple[Node, float], ...]:
        """What joins the finished sum, such as the bias, with what it comes to then."""
        found, number = [], self.summation.result
        for node in self.total.added:
            number = float(np.dtype(self.dtype).type(number + float(node.number)))
            found.append((node, number))
        return tuple(found)

    @property
    def result(self) -> float:
        """What the last line comes to."""
        return self.joined[-1][1] if self.joined else self.summation.result

    @property
    def same_bits(self) -> bool:
        """Whether that is the number of the step, to the bit."""
        return bool(np.array_equal(self.result, float(self.total.number), equal_nan=True))

    def operands(self) -> Iterator[Operand]:
        """Yield the terms in the engine's order, each with its factors and the partial sum after it; then what joins them."""
        for i, partial in enumerate(self.summation.partials):
            parts = tuple(Operand(operand_name(part), part.number) for part in self.total.term(i))
            name = " · ".join(part.name for part in parts)
            yield Operand(name, float(self.total.terms[i]), parts if len(parts) > 1 else (), partial)
        for node, partial in self.joined:
            yield Operand(operand_name(node), node.number, (), partial)

    def to_json(self) -> dict[str, Any]:
        """Return the sum as JSON-ready data."""
        return {
            "name": self.name,
            "operation": self.total.symbol,
            "operands": [operand.to_json() for operand in self.operands()],
            "lanes": self.summation.lanes,
            "result": float(self.total.number),
            "same_bits": self.same_bits,
        }
