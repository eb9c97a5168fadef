"""The network of a traced step as a picture: units with what they put out, lines with their weights. SVG, for slides and pages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise

import numpy as np

from chainrule.inspect.reading.notation import Numbers
from chainrule.inspect.step.trace import StepTrace, units_of
from chainrule.ir import Value

MOST_UNITS = 6
_ACROSS, _DOWN, _RADIUS = 230, 92, 30
_STYLE = """
.chainrule-network { font: 12px ui-sans-serif, system-ui, sans-serif; color: #1b1f24; }
.chainrule-network circle { fill: #fff; stroke: #57606a; stroke-width: 1.5; }
.chainrule-network text { fill: #1b1f24; text-anchor: middle; dominant-baseline: middle; }
.chainrule-network .small { font-size: 10px; fill: #57606a; }
.chainrule-network .weight { font-size: 10px; paint-order: stroke; stroke: #fff; stroke-width: 4px; }
.chainrule-network .plus { stroke: #0969da; } .chainrule-network .minus { stroke: #bc4c00; }
"""


@dataclass(frozen=True)
class Column:
    """One column of the picture: a layer's units that are drawn, their names and numbers, δ where it is known, and the bias."""

    title: str
    units: tuple[int, ...]
    names: tuple[str, ...]
    numbers: np.ndarray
    deltas: np.ndarray | None
    bias: np.ndarray | None
    weight: np.ndarray | None
    width: int


class Drawing:
    """Draws one row of a traced step.

    Args:
        trace: the step. ``row``: which row of its batch.
        digits: significant digits of each number.
    """

    def __init__(self, trace: StepTrace, row: int = 0, digits: int = 4) -> None:
        self.trace, self.row, self.numbers = trace, row, Numbers(digits)

    def svg(self) -> str:
        """Return the picture."""
        columns = list(self._columns())
        tall = max(len(column.units) for column in columns)
        width, height = _ACROSS * (len(columns) - 1) + 200, _DOWN * tall + 110
        body = [*self._lines(columns, tall), *self._units(columns, tall)]
        what = "each unit with its output, each line with its weight"
        title = f"The network of the step, row {self.row}: {what}; loss {self._show(self.trace.loss)}"
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="chainrule-network" viewBox="0 0 {width} {height}" width="{width}" '
            f'height="{height}" role="img" aria-label="{escape(title)}"><title>{escape(title)}</title><style>{_STYLE}</style>'
            f'<rect width="{width}" height="{height}" fill="#fff"/>'
            + "".join(body)
            + f'<text x="{width / 2}" y="{height - 18}">loss {escape(self._show(self.trace.loss))}</text></svg>\n'
        )

    def _show(self, number: float) -> str:
        return self.numbers.show(float(number))

    def _columns(self) -> Iterator[Column]:
        recording = self.trace.recording
        x = next(port.value for port in self.trace.program.by_role("x"))
        yield self._column("inputs", x, None, None, None, self._shown(np.abs(recording.values[x][self.row].astype(np.float64))))
        for path, weight in self.trace.parameters.items():
            if not path.endswith(".weight") or len(weight.type.shape) != 2:
                continue
            layer = path.removesuffix(".weight")
            outputs = [e.outputs[0] for e in self.trace.program.equations if e.phase == "forward" and e.layer == layer]
            outputs = [value for value in outputs if units_of(value) == weight.type.shape[1] and value.type.is_float]
            if not outputs:
                continue
            found = [value for value in (self.trace.cotangent(output) for output in outputs) if value is not None]
            bias = self.trace.parameters.get(f"{layer}.bias")
            ranked = [int(unit) for unit in self.trace.ranking((layer, units_of(outputs[-1])))[:MOST_UNITS]]
            yield self._column(layer, outputs[-1], found[0] if found else None, bias, weight, tuple(sorted(ranked)))

    def _shown(self, size: np.ndarray) -> tuple[int, ...]:
        return tuple(sorted(int(unit) for unit in np.argsort(-size, kind="stable")[:MOST_UNITS]))

    def _column(
        self, title: str, value: Value, delta: Value | None, bias: Value | None, weight: Value | None, units: tuple[int, ...]
    ) -> Column:
        recording = self.trace.recording
        names = self.trace.units.names(value, -1)
        width = recording.values[value].shape[-1]
        return Column(
            f"{title}" if len(units) == width else f"{title} ({len(units)} of {width:,})",
            units,
            tuple(names[unit] if names else str(unit) for unit in units),
            recording.values[value][self.row],
            None if delta is None else recording.values[delta][self.row],
            None if bias is None else recording.values[bias],
            None if weight is None else recording.values[weight],
            width,
        )

    def _place(self, column: int, unit: int, count: int, tall: int) -> tuple[float, float]:
        return 100 + column * _ACROSS, 60 + _DOWN * (unit + 0.5 + (tall - count) / 2)

    def _lines(self, columns: Sequence[Column], tall: int) -> Iterator[str]:
        for number, (before, after) in enumerate(pairwise(columns)):
            assert after.weight is not None  # only the inputs have none
            largest = float(np.abs(after.weight).max(initial=0.0)) or 1.0
            for i, source in enumerate(before.units):
                for j, target in enumerate(after.units):
                    weight = float(after.weight[source, target])
                    (x1, y1), (x2, y2) = self._place(number, i, len(before.units), tall), self._place(number + 1, j, len(after.units), tall)
                    at = 0.15 + 0.7 * (i + 0.5) / len(before.units)  # so that the numbers of lines that cross stand apart
                    kind = "minus" if weight < 0 else "plus"
                    thick = 0.5 + 3 * abs(weight) / largest
                    yield (
                        f'<line class="{kind}" x1="{x1 + _RADIUS:.0f}" y1="{y1:.0f}" x2="{x2 - _RADIUS:.0f}" y2="{y2:.0f}" '
                        f'stroke-width="{thick:.2f}" stroke-opacity="0.6"/>'
                    )
                    if len(before.units) * len(after.units) <= 16:
                        across, down = x1 + _RADIUS + at * (x2 - x1 - 2 * _RADIUS), y1 + at * (y2 - y1)
                        yield f'<text class="weight" x="{across:.0f}" y="{down:.0f}">{escape(self._show(weight))}</text>'

    def _units(self, columns: Sequence[Column], tall: int) -> Iterator[str]:
        for number, column in enumerate(columns):
            yield f'<text x="{100 + number * _ACROSS}" y="28" font-weight="600">{escape(column.title)}</text>'
            for place, (unit, name) in enumerate(zip(column.units, column.names, strict=True)):
                x, y = self._place(number, place, len(column.units), tall)
                short = name if len(name) <= 16 else f"{name[:15]}…"
                yield f'<circle cx="{x:.0f}" cy="{y:.0f}" r="{_RADIUS}"/>'
                yield f'<text x="{x:.0f}" y="{y:.0f}">{escape(self._show(column.numbers[unit]))}</text>'
                yield f'<text class="small" x="{x:.0f}" y="{y - _RADIUS - 8:.0f}">{escape(short)}</text>'
                below = []
                if column.bias is not None:
                    below.append(f"b {self._show(column.bias[unit])}")
                if column.deltas is not None:
                    below.append(f"∂L {self._show(column.deltas[unit])}")
                yield f'<text class="small" x="{x:.0f}" y="{y + _RADIUS + 9:.0f}">{escape("  ".join(below))}</text>'
