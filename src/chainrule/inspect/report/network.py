"""The network as a picture: its layers with their units, and the largest weights between them."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np

from chainrule.training.model import Model

_MOST_UNITS, _MOST_LINES = 10, 60
_WIDTH, _ROW, _TOP = 640, 26, 46


def network_picture(model: Model) -> tuple[str, str]:
    """Return an SVG of the network and a sentence that says what it shows.

    Of a layer with more than 10 units those with the largest outgoing weights are drawn, and the number of all is written above.
    """
    weights = [model.best.params[f"{layer['layer']}.weight"] for layer in model.layers if f"{layer['layer']}.weight" in layer["parameters"]]
    names = [layer["layer"] for layer in model.layers if f"{layer['layer']}.weight" in layer["parameters"]]
    sizes = [weights[0].shape[0], *(weight.shape[1] for weight in weights)]
    chosen = [_largest(weights[place] if place < len(weights) else None, size) for place, size in enumerate(sizes)]
    height = _TOP + _ROW * max(len(units) for units in chosen) + 10
    across = np.linspace(150, _WIDTH - 120, len(sizes))
    places = [_column(len(units), height) for units in chosen]
    lines, circles = [], []
    for number, weight in enumerate(weights):
        inside = weight[np.ix_(chosen[number], chosen[number + 1])].astype(np.float64)
        largest = float(np.abs(inside).max()) or 1.0
        strongest = np.argsort(-np.abs(inside), axis=None)[:_MOST_LINES]
        for i, j in zip(*np.unravel_index(strongest, inside.shape), strict=True):
            kind, share = "plus" if inside[i, j] >= 0 else "minus", abs(inside[i, j]) / largest
            lines.append(
                f'<path class="{kind}" stroke-width="{0.4 + 2.2 * share:.1f}" stroke-opacity="{0.15 + 0.75 * share:.2f}" '
                f'd="M{across[number]:.0f} {places[number][i]:.0f}L{across[number + 1]:.0f} {places[number + 1][j]:.0f}"/>'
            )
    for number, title in enumerate(["inputs", *names]):
        circles += [f'<circle class="unit" cx="{across[number]:.0f}" cy="{y:.0f}" r="7"/>' for y in places[number]]
        circles.append(_text(across[number], 14, title, "middle"))
        circles.append(_text(across[number], 30, f"{sizes[number]:,} units", "middle"))
    circles += _names(across[0] - 14, places[0], [model.encoder.units[i] for i in chosen[0]], "end")
    outputs = model.goal.output_names or model.goal.names
    circles += _names(across[-1] + 14, places[-1], [outputs[i] for i in chosen[-1]], "start")
    widths = " → ".join(f"{size:,}" for size in sizes)
    says = f"The network: {widths} units, from {len(model.encoder.units):,} inputs to {model.goal.title}."
    svg = f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{escape(says)}">{"".join(lines)}{"".join(circles)}</svg>'
    explained = (
        f"{says} Of larger layers the {_MOST_UNITS} units with the largest weights are drawn, and between two layers the {_MOST_LINES} "
        "largest weights: solid where they are positive, dashed where negative, the thicker the larger."
    )
    return svg, explained


def _largest(weight: np.ndarray | None, size: int) -> list[int]:
    """Return the units to draw: those with the largest outgoing weights, in order."""
    if size <= _MOST_UNITS:
        return list(range(size))
    if weight is None:
        return list(range(_MOST_UNITS))
    return sorted(int(unit) for unit in np.argsort(-np.abs(weight).max(axis=1), kind="stable")[:_MOST_UNITS])


def _column(count: int, height: float) -> list[float]:
    middle = (_TOP + height - 10) / 2
    return [middle + (number - (count - 1) / 2) * _ROW for number in range(count)]


def _names(x: float, places: Sequence[float], names: Sequence[str], anchor: str) -> list[str]:
    return [_text(x, y + 4, name if len(name) <= 18 else f"{name[:17]}…", anchor) for y, name in zip(places, names, strict=True)]


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text class="label" x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}">{escape(text)}</text>'
