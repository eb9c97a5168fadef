"""The network as a picture: its layers with their units, and the largest weights between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from chainrule.inspect.pictures.kinds import Column, Drawing, Link
from chainrule.training.model import Model

MOST_UNITS, MOST_LINKS = 10, 60


def drawing_of(model: Model) -> Drawing:
    """Return the picture of a model's network."""
    outputs = model.goal.output_names or model.goal.names
    return network_drawing(model.layers, model.best.params, model.encoder.units, outputs, model.goal.title)


def network_drawing(
    layers: Sequence[Mapping[str, Any]], params: Mapping[str, np.ndarray], inputs: Sequence[str], outputs: Sequence[str], target: str
) -> Drawing:
    """Return the picture of a network.

    Of a layer with more than 10 units those with the largest outgoing weights are drawn, and of the weights between two layers the 60
    largest.

    Args:
        layers: as ``Model.layers`` describes them. ``params``: the weights, by path.
        inputs, outputs: their names, or none. ``target``: what is predicted.
    """
    names = [layer["layer"] for layer in layers if f"{layer['layer']}.weight" in layer["parameters"]]
    weights = [params[f"{name}.weight"].astype(np.float64) for name in names]
    sizes = [weights[0].shape[0], *(weight.shape[1] for weight in weights)]
    chosen = [_largest(weights[place] if place < len(weights) else None, size) for place, size in enumerate(sizes)]
    links = []
    for number, weight in enumerate(weights):
        inside = weight[np.ix_(chosen[number], chosen[number + 1])]
        largest = float(np.abs(inside).max()) or 1.0
        strongest = np.argsort(-np.abs(inside), axis=None)[:MOST_LINKS]
        for i, j in zip(*np.unravel_index(strongest, inside.shape), strict=True):
            links.append(Link(number, int(i), int(j), bool(inside[i, j] >= 0), float(abs(inside[i, j]) / largest)))
    columns = [Column(title, size, tuple(units)) for title, size, units in zip(["inputs", *names], sizes, chosen, strict=True)]
    for place, named in ((0, inputs), (-1, outputs)):
        if len(named) == columns[place].size:
            columns[place] = Column(columns[place].title, columns[place].size, columns[place].units, tuple(named[i] for i in chosen[place]))
    widths = " → ".join(f"{size:,}" for size in sizes)
    title = f"The network: {widths} units, from {sizes[0]:,} inputs to {target}."
    says = (
        f"{title} Of larger layers the {MOST_UNITS} units with the largest weights are drawn, and between two layers the {MOST_LINKS} "
        "largest weights: solid where they are positive, dashed where negative, the thicker the larger."
    )
    return Drawing(tuple(columns), tuple(links), title, says)


def _largest(weight: np.ndarray | None, size: int) -> list[int]:
    """Return the units to draw: those with the largest outgoing weights, in order."""
    if size <= MOST_UNITS:
        return list(range(size))
    if weight is None:
        return list(range(MOST_UNITS))
    return sorted(int(unit) for unit in np.argsort(-np.abs(weight).max(axis=1), kind="stable")[:MOST_UNITS])
