"""Integrated gradients: the gradient by each unit, summed up along the straight line to a row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from chainrule.inspect.attributions.answers import Rows

TOLERANCE = 1e-3
"""The gap that is allowed, as a share of prediction − baseline."""
_PIECES = 8  # of each line, to begin with
_MOST_POINTS = 400_000
_MOST_NUMBERS = 40_000_000  # of the gradients that are held at once

WithGradient = Callable[[Rows], tuple[NDArray[np.float64], Rows]]
"""From rows [rows, units] to a number for each [rows], and its gradients [rows, units]."""


@dataclass(frozen=True)
class IntegratedGradients:
    """The contribution of each unit; ``gap`` is how much their sum misses prediction − baseline, ``points`` where gradients were taken."""

    values: NDArray[np.float64]
    gap: float
    points: int


def integrated_gradients(f: WithGradient, row: NDArray[np.float64], background: Rows, tolerance: float = TOLERANCE) -> IntegratedGradients:
    """Return for each unit (row − start) · ∫₀¹ ∂f/∂unit (start + t·(row − start)) dt, averaged over the background rows as starts.

    The integrals are cut into pieces, with the gradient in the middle of each. What f itself changes along a piece is known, and so is
    the error: pieces with a large one are halved, until the errors' sizes add up to at most ``tolerance`` · |prediction − baseline|. A
    network of relu units is made of straight parts, so the halving closes in on its kinks.

    Sources: Sundararajan, Taly and Yan (2017), Axiomatic attribution for deep networks; for the average over starts, Erion, Janizek,
    Sturmfels, Lundberg and Lee (2021), Improving performance of deep learning models with axiomatic attribution priors.
    """
    ways = row - background
    ends = f(row[None])[0][0]
    starts = f(background)[0]
    difference = ends - starts.mean()
    allowed = max(tolerance * abs(difference), 1e-9 * float(np.abs(ends - starts).mean())) * len(background)
    cuts = np.linspace(0, 1, _PIECES + 1)
    inner = f((background[:, None] + cuts[1:-1, None] * ways[:, None]).reshape(-1, len(row)))[0].reshape(len(background), -1)
    at_cuts = np.column_stack([starts, inner, np.full(len(background), ends)])
    line = np.repeat(np.arange(len(background)), _PIECES)
    start, stop = (np.tile(part, len(background)) for part in (cuts[:-1], cuts[1:]))
    before, after = at_cuts[:, :-1].ravel(), at_cuts[:, 1:].ravel()
    values, points = np.zeros(len(row)), 0
    while len(line):
        middle = (start + stop) / 2
        there, gradients = f(background[line] + middle[:, None] * ways[line])
        parts = (stop - start)[:, None] * gradients * ways[line]
        points += len(line)
        errors = np.abs(parts.sum(1) - (after - before))
        done = errors <= allowed / 2 * (stop - start) / len(background)
        if errors[~done].sum() <= allowed / 2 or points > _MOST_POINTS or 2 * len(line) * len(row) > _MOST_NUMBERS:
            done[:] = True
        values += parts[done].sum(0)
        line, start, middle, stop, before, there, after = (a[~done] for a in (line, start, middle, stop, before, there, after))
        line, before, after = np.tile(line, 2), np.concatenate([before, there]), np.concatenate([there, after])
        start, stop = np.concatenate([start, middle]), np.concatenate([middle, stop])
    values /= len(background)
    return IntegratedGradients(values, float(abs(values.sum() - difference)), points)
