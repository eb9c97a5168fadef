"""Pictures as SVG texts, whose colors are those of the page that holds them, light or dark.

A chart is ``role="img"`` with a text that says what is to be seen. Classes ``s0`` … ``s5`` are the colors of series; the page's style sheet
gives them and ``axis``, ``grid`` and ``label`` their looks.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from html import escape

import numpy as np
from numpy.typing import NDArray

from chainrule.inspect.pictures.kinds import Bars, Floats, Lines, Points, Raster

WIDTH, HEIGHT = 640, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 14, 12, 40
_TICKS = 5
COLORS = 6
"""How many series have a color of their own."""


@dataclass(frozen=True)
class Scale:
    """Takes values from ``low`` to ``high`` to places from ``start`` to ``stop``, evenly or, if ``logarithmic``, by their logarithms."""

    low: float
    high: float
    start: float
    stop: float
    logarithmic: bool = False

    def __call__(self, values: Floats) -> Floats:
        """Return the places of values."""
        low, high = self._of(np.array([self.low, self.high]))
        share = (self._of(np.asarray(values, np.float64)) - low) / (high - low)
        places: Floats = self.start + share * (self.stop - self.start)
        return places

    def _of(self, values: Floats) -> Floats:
        return np.log10(np.maximum(values, 1e-300)) if self.logarithmic else values

    def ticks(self) -> list[float]:
        """Return round values between the ends: powers of ten, or multiples of 1, 2 or 5 times one."""
        if self.logarithmic:
            exponents = range(math.ceil(math.log10(self.low) - 1e-9), math.floor(math.log10(self.high) + 1e-9) + 1)
            every = max(1, math.ceil(len(exponents) / _TICKS))
            return [10.0**exponent for exponent in exponents][::every] or [self.low, self.high]
        rough = (self.high - self.low) / _TICKS
        unit = 10.0 ** math.floor(math.log10(rough))
        step = next(factor * unit for factor in (1, 2, 5, 10) if factor * unit >= rough * (1 - 1e-9))
        first = math.ceil(self.low / step - 1e-9)
        return [number * step for number in range(first, math.floor(self.high / step + 1e-9) + 1)]


def scale(values: Floats, start: float, stop: float, *, logarithmic: bool = False, zero: bool = False) -> Scale:
    """Return a scale on which all finite values have a place; with ``zero``, 0 too."""
    finite = np.asarray(values, np.float64)
    finite = finite[np.isfinite(finite) & ((finite > 0) | (not logarithmic))]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (1.0, 10.0) if logarithmic else (0.0, 1.0)
    if zero and not logarithmic:
        low, high = min(low, 0.0), max(high, 0.0)
    if logarithmic:
        return Scale(low / 1.1, high * 1.1, start, stop, True)
    margin = 0.04 * (high - low) or abs(high) or 1.0
    return Scale(low if zero and low == 0 else low - margin, high + margin, start, stop)


def line_charts(picture: Lines) -> str:
    """Return charts of lines, each of at most so many as there are colors, with their legends."""
    names = list(picture.series)
    groups = [names[at : at + COLORS] for at in range(0, len(names), COLORS)] or [[]]
    return "".join(_line_chart(replace(picture, series={name: picture.series[name] for name in group})) for group in groups)


def _line_chart(picture: Lines) -> str:
    series = picture.series
    everywhere = np.concatenate([xs for xs, _ in series.values()] or [np.zeros(0)])
    across = scale(everywhere, _LEFT, WIDTH - _RIGHT)
    values = np.concatenate([ys for _, ys in series.values()] or [np.zeros(0)])
    logarithmic = picture.logarithmic and bool((values[np.isfinite(values)] > 0).all())
    up = scale(values, HEIGHT - _BOTTOM, _TOP, logarithmic=logarithmic)
    parts = [_axes(across, up, picture.x, picture.y)]
    if picture.mark is not None:
        at, name = picture.mark
        place = float(across(np.array([at]))[0])
        parts.append(f'<line class="mark" x1="{place:.1f}" x2="{place:.1f}" y1="{_TOP}" y2="{HEIGHT - _BOTTOM}"/>')
        anchor = "end" if place > WIDTH / 2 else "start"
        shift = -4 if anchor == "end" else 4
        parts.append(f'<text class="label" x="{place + shift:.1f}" y="{_TOP + 10}" text-anchor="{anchor}">{escape(name)}</text>')
    for number, (xs, ys) in enumerate(series.values()):
        parts.append(f'<path class="line s{number % COLORS}" d="{_path(across(xs), up(ys), np.isfinite(ys))}"/>')
    return _svg("".join(parts), picture.says) + legend(list(series))


def scatter(picture: Points) -> str:
    """Return a chart of points."""
    xs, ys = picture.xs, picture.ys
    both = np.concatenate([xs, ys])
    across = scale(both if picture.diagonal else xs, _LEFT, WIDTH - _RIGHT)
    up = scale(both if picture.diagonal else ys, HEIGHT - _BOTTOM, _TOP)
    parts = [_axes(across, up, picture.x, picture.y)]
    if picture.diagonal:
        ends = np.array([across.low, across.high])
        (x1, x2), (y1, y2) = across(ends), up(ends)
        parts.append(f'<line class="mark" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>')
    places = list(zip(across(xs), up(ys), strict=True))
    if picture.shares is None:
        points = "".join(f"M{px:.1f} {py:.1f}h0" for px, py in places)
        parts.append(f'<path class="points s0" d="{points}"/>')
    else:
        parts.append(f'<path class="line s0" stroke-opacity=".4" d="{_path(across(xs), up(ys), np.isfinite(ys))}"/>')
        radii = 3 + 9 * np.sqrt(picture.shares)
        circles = zip(places, radii, strict=True)
        parts += [f'<circle class="bar" fill-opacity=".75" cx="{px:.1f}" cy="{py:.1f}" r="{r:.1f}"/>' for (px, py), r in circles]
    return _svg("".join(parts), picture.says)


def bars(picture: Bars) -> str:
    """Return horizontal bars: a length and its spread for each name."""
    row, left, right = 24, 190, 70
    height = row * len(picture.values) + 8
    lengths = np.array([end for value, spread in picture.values.values() for end in (value - spread, value + spread)])
    across = scale(lengths, left, WIDTH - right, zero=True)
    zero = float(across(np.array([0.0]))[0])
    parts = []
    for number, (name, (value, spread)) in enumerate(picture.values.items()):
        top = 4 + number * row
        at, low, high = (float(place) for place in across(np.array([value, value - spread, value + spread])))
        shown = name if len(name) <= 26 else f"{name[:25]}…"
        parts.append(f'<text class="label" x="{left - 8}" y="{top + 16}" text-anchor="end">{escape(shown)}</text>')
        parts.append(f'<rect class="bar" x="{min(zero, at):.1f}" y="{top + 3}" width="{abs(at - zero):.1f}" height="{row - 6}"/>')
        parts.append(f'<line class="mark" x1="{low:.1f}" x2="{high:.1f}" y1="{top + row / 2}" y2="{top + row / 2}"/>')
        parts.append(f'<text class="label" x="{WIDTH - right + 8}" y="{top + 16}">{value:.3g}</text>')
    longest = ", ".join(f"{name} {value:.3g}" for name, (value, _) in list(picture.values.items())[:5])
    return _svg("".join(parts), f"{picture.x}: {longest}", height)


def raster(picture: Raster) -> str:
    """Return a picture of shares, the darker the larger; the first row is at the bottom."""
    columns, rows = picture.shares.shape
    height = 170
    wide, high = (WIDTH - _LEFT - _RIGHT) / columns, (height - _TOP - _BOTTOM) / rows
    darkest = float(picture.shares.max(initial=0.0)) or 1.0
    levels: dict[int, list[str]] = {}
    for column in range(columns):
        for place in range(rows):
            level = round(9 * picture.shares[column, place] / darkest)
            if level:
                left, top = _LEFT + column * wide, height - _BOTTOM - (place + 1) * high
                levels.setdefault(level, []).append(f"M{left:.1f} {top:.1f}h{wide:.1f}v{high:.1f}h{-wide:.1f}z")
    parts = [f'<path class="cell" fill-opacity="{level / 9:.2f}" d="{"".join(cells)}"/>' for level, cells in sorted(levels.items())]
    bottom = height - _BOTTOM
    parts.append(f'<path class="axis" d="M{_LEFT} {_TOP}V{bottom}H{WIDTH - _RIGHT}"/>')
    parts += [
        _label(_LEFT, bottom + 16, picture.x_ends[0], "start"),
        _label(WIDTH - _RIGHT, bottom + 16, picture.x_ends[1], "end"),
        _label((WIDTH + _LEFT) / 2, bottom + 32, picture.x, "middle"),
        _label(_LEFT - 6, bottom, number_text(picture.y_ends[0]), "end"),
        _label(_LEFT - 6, _TOP + 10, number_text(picture.y_ends[1]), "end"),
        _up((bottom + _TOP) / 2, picture.y),
    ]
    return _svg("".join(parts), picture.says, height)


def legend(names: Sequence[str]) -> str:
    """Return the names of series beside their colors."""
    marks = (f'<li><span class="key k{number % COLORS}"></span>{escape(name)}</li>' for number, name in enumerate(names))
    return f'<ul class="legend">{"".join(marks)}</ul>'


def number_text(value: float) -> str:
    """Return a number as it stands at an axis."""
    return f"{value:.4g}" if abs(value) < 1e5 else f"{value:.3g}"


def _axes(across: Scale, up: Scale, x: str, y: str) -> str:
    parts = []
    bottom = HEIGHT - _BOTTOM
    for value in up.ticks():
        place = float(up(np.array([value]))[0])
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{place:.1f}" y2="{place:.1f}"/>')
        parts.append(_label(_LEFT - 6, place + 4, number_text(value), "end"))
    for value in across.ticks():
        place = float(across(np.array([value]))[0])
        parts.append(_label(place, bottom + 16, number_text(value), "middle"))
    parts.append(f'<path class="axis" d="M{_LEFT} {_TOP}V{bottom}H{WIDTH - _RIGHT}"/>')
    parts.append(_label((WIDTH + _LEFT) / 2, HEIGHT - 6, x, "middle"))
    parts.append(_up((bottom + _TOP) / 2, y))
    return "".join(parts)


def _label(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text class="label" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _up(y: float, text: str) -> str:
    """Return the name of the y axis."""
    return f'<text class="label up" transform="translate(14 {y}) rotate(-90)" text-anchor="middle">{escape(text)}</text>'


def _path(xs: Floats, ys: Floats, there: NDArray[np.bool_]) -> str:
    """Return a line through points, broken where one is missing; of many points on one place of the screen the extremes are kept."""
    words, pen = [], False
    for x, y, is_there in zip(*_thinned(xs, ys, there), strict=True):
        words.append(f"{'L' if pen else 'M'}{x:.1f} {y:.1f}" if is_there else "")
        pen = bool(is_there)
    return "".join(words)


def _thinned(xs: Floats, ys: Floats, there: NDArray[np.bool_]) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    most = 2 * WIDTH
    if len(xs) <= most:
        return xs, ys, there
    kept: list[int] = []
    for part in np.array_split(np.arange(len(xs)), WIDTH):
        known = part[there[part]]
        kept += sorted({int(known[ys[known].argmin()]), int(known[ys[known].argmax()])}) if len(known) else [int(part[0])]
    return xs[kept], ys[kept], there[kept]


def _svg(inside: str, says: str, height: float = HEIGHT) -> str:
    return f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-label="{escape(says)}">{inside}</svg>'
