"""Which numbers of an expansion are told: of the first row, the units that count most."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from chainrule.inspect.expansion.expansion import Expansion, Shown
from chainrule.inspect.reading.recording import Index
from chainrule.ir import Batch, Value
from chainrule.words import setting

FEW_OUTPUTS, FEW_UNITS = 10, 3


@dataclass(frozen=True)
class Selection:
    """What is told of expansions.

    Attributes:
        everything: every row and unit. ``units``: of some layers the units that are told, whatever counts most.
    """

    everything: bool = False
    units: Mapping[str, Sequence[int]] = field(default_factory=dict)

    def shown(self, expansion: Expansion) -> Shown:
        """Return which elements of each value are told."""

        def indices(value: Value, shape: tuple[int, ...]) -> list[Index]:
            axes: list[Sequence[int]] = []
            for axis, size in enumerate(shape):
                if isinstance(value.type.shape[axis], Batch):
                    axes.append(range(size) if self.everything else range(min(size, 1)))
                else:
                    axes.append(self.of_width(expansion, size) if axis == len(shape) - 1 else range(size))
            return [tuple(axis[i] for axis, i in zip(axes, place, strict=True)) for place in np.ndindex(*map(len, axes))]

        return indices

    def of_width(self, expansion: Expansion, size: int) -> Sequence[int]:
        """Return the units that are told of an axis of that length."""
        own = self.units.get(expansion.layer, ())
        if own and max(own) < size:
            return own
        few = FEW_UNITS if expansion.layer else FEW_OUTPUTS
        if self.everything or size <= FEW_OUTPUTS // 2 or size <= few:
            return range(size)
        slope = next((np.abs(expansion.slopes[v]) for v in expansion.inputs if expansion.slopes[v].shape[-1:] == (size,)), None)
        if slope is None:
            return range(few)
        return sorted(int(i) for i in np.argsort(-slope.reshape(-1, size)[0], kind="stable")[:few])

    def left_out(self, expansion: Expansion) -> str:
        """Say what is not told; empty where everything is."""
        rows = expansion.recording.rows
        width = max((expansion.slopes[value].shape[-1] for value in expansion.inputs if expansion.slopes[value].ndim > 1), default=0)
        units = len(self.of_width(expansion, width)) if width else 0
        left = [f"{units} of {width:,} units"] if units < width else []
        left += [f"row 0 of {rows:,}"] if rows > 1 and not self.everything else []
        return f"{', '.join(left)}; {setting('everything', True)} tells every one, and the verdict is on all." if left else ""


@dataclass(frozen=True)
class Expanded:
    """Expansions that are told together, and which of their numbers."""

    expansions: tuple[Expansion, ...]
    selection: Selection

    def to_json(self) -> list[dict[str, Any]]:
        """Return them as JSON-ready data."""
        return [one.to_json(self.selection.shown) for one in self.expansions]
