"""The loss over two weights as a map with contour lines, and the path that gradient descent takes on it, as SVG."""

from __future__ import annotations

from html import escape

import contourpy
import numpy as np

from chainrule.backends.reference import Reference
from chainrule.learn.examples import Example
from chainrule.learn.placeholders import write_number
from chainrule.training.program import without_update

_WIDTH, _HEIGHT, _MARGIN = 560, 420, 56
_STYLE = """text { font-family: system-ui, sans-serif; fill: #1b1b1f; font-size: 13px } .level { fill: none; stroke: #7b8194 }
.path { fill: none; stroke: #b3431b; stroke-width: 2 } .dot { fill: #b3431b } .axis { fill: none; stroke: #1b1b1f }
.value { font-size: 11px; fill: #4a5068; paint-order: stroke; stroke: #fff; stroke-width: 4px }"""


def draw_surface(example: Example, across: str, up: str, x_range: tuple[float, float], y_range: tuple[float, float], updates: int) -> str:
    """Return the map of an example's loss.

    Args:
        example: one whose loss depends on two weights alone, or which is cut along two of them.
        across, up: the paths of the parameters; the first number of each is moved.
        x_range, y_range: what is shown of them.
        updates: how many steps of the path are drawn.
    """
    trace = example.trace()
    program, arrays = Reference(without_update(trace.program)), dict(trace.recording.inputs)
    xs, ys = np.linspace(*x_range, 61), np.linspace(*y_range, 61)

    def loss(x: float, y: float) -> float:
        moved = {across: np.full_like(arrays[across], x), up: np.full_like(arrays[up], y)}
        return float(program(arrays | moved)["loss"])

    heights = np.array([[loss(x, y) for x in xs] for y in ys])
    levels = np.geomspace(heights.min() * 1.3, heights.max() * 0.8, 9)

    def place(x: float, y: float) -> tuple[float, float]:
        across_share = (x - x_range[0]) / (x_range[1] - x_range[0])
        up_share = (y - y_range[0]) / (y_range[1] - y_range[0])
        return _MARGIN + across_share * (_WIDTH - 1.5 * _MARGIN), _HEIGHT - _MARGIN - up_share * (_HEIGHT - 1.5 * _MARGIN)

    parts, labels = [], []
    lines = contourpy.contour_generator(xs, ys, heights)
    for level in levels:
        for line in lines.lines(level):
            parts.append(f'<path class="level" d="{_path([place(x, y) for x, y in line])}"/>')
        longest = max(lines.lines(level), key=len, default=None)
        if longest is not None:
            x, y = place(*longest[len(longest) // 5])
            labels.append(f'<text class="value" x="{x:.1f}" y="{y:.1f}">{level:.2g}</text>')
    points = [place(*(float(example.trace(n).value(path).flat[0]) for path in (across, up))) for n in range(updates + 1)]
    parts += labels
    parts.append(f'<path class="path" d="{_path(points)}"/>')
    parts += [f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="{5 if n == 0 else 3}"/>' for n, (x, y) in enumerate(points)]
    parts += _axes(across, up, x_range, y_range)
    title = f"The loss of {example.name} over {across} and {up}, with the path of {updates} updates"
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(title)}">'
    style = f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>"
    return "\n".join([head, style, '<rect width="100%" height="100%" fill="#fff"/>', *parts, "</svg>", ""])


def _path(points: list[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)


def _axes(across: str, up: str, x_range: tuple[float, float], y_range: tuple[float, float]) -> list[str]:
    left, right, top, bottom = _MARGIN, _WIDTH - _MARGIN / 2, _MARGIN / 2, _HEIGHT - _MARGIN
    middle = (top + bottom) / 2
    return [
        f'<path class="axis" d="M{left} {top}V{bottom}H{right}"/>',
        f'<text x="{(left + right) / 2}" y="{_HEIGHT - 14}" text-anchor="middle">{across}</text>',
        f'<text x="18" y="{middle}" text-anchor="middle" transform="rotate(-90 18 {middle})">{up}</text>',
        *(
            f'<text x="{x}" y="{bottom + 18}" text-anchor="middle">{write_number(v)}</text>'
            for x, v in zip((left, right), x_range, strict=True)
        ),
        *(
            f'<text x="{left - 8}" y="{y + 4}" text-anchor="end">{write_number(v)}</text>'
            for y, v in zip((bottom, top), y_range, strict=True)
        ),
    ]
