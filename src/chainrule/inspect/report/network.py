"""A drawn network as SVG."""

from __future__ import annotations

from html import escape

import numpy as np

from chainrule.inspect.pictures.kinds import Drawing

_WIDTH, _ROW, _TOP = 640, 26, 46


def network_svg(picture: Drawing) -> str:
    """Return the network as SVG."""
    columns = picture.columns
    height = _TOP + _ROW * max(len(column.units) for column in columns) + 10
    across = np.linspace(150, _WIDTH - 120, len(columns))
    places = [[_place(number, len(column.units), height) for number in range(len(column.units))] for column in columns]
    lines = [
        f'<path class="{"plus" if link.positive else "minus"}" stroke-width="{0.4 + 2.2 * link.share:.1f}" '
        f'stroke-opacity="{0.15 + 0.75 * link.share:.2f}" d="M{across[link.column]:.0f} {places[link.column][link.start]:.0f}'
        f'L{across[link.column + 1]:.0f} {places[link.column + 1][link.end]:.0f}"/>'
        for link in picture.links
    ]
    parts = []
    for x, ys, column in zip(across, places, columns, strict=True):
        parts += [f'<circle class="unit" cx="{x:.0f}" cy="{y:.0f}" r="7"/>' for y in ys]
        parts += [_text(x, 14, column.title, "middle"), _text(x, 30, f"{column.size:,} units", "middle")]
        shift, anchor = (-14, "end") if column is columns[0] else (14, "start")
        parts += [_text(x + shift, y + 4, _shortened(name), anchor) for y, name in zip(ys, column.names, strict=False)]
    inside = "".join(lines + parts)
    return f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{escape(picture.title)}">{inside}</svg>'


def _place(number: int, count: int, height: float) -> float:
    return (_TOP + height - 10) / 2 + (number - (count - 1) / 2) * _ROW


def _shortened(name: str) -> str:
    return name if len(name) <= 18 else f"{name[:17]}…"


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text class="label" x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}">{escape(text)}</text>'
