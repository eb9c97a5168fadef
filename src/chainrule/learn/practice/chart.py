"""Curves of a training as characters, where there is nothing to draw on but text."""

from __future__ import annotations

from collections.abc import Sequence

MARKS = "●○"
"""The marks of the first and the second curve; told apart without color."""


def plot(curves: Sequence[tuple[str, Sequence[float]]], width: int = 60, height: int = 12) -> list[str]:
    """Return lines of text that show curves over the epochs, from 0 to their highest value; ``width`` counts the axis too."""
    highest = max(max(curve) for _, curve in curves)
    shown = (0, height // 2, height - 1)
    labels = [f"{highest * level / (height - 1):.2f}" if level in shown else "" for level in range(height)]
    margin = max(map(len, labels)) + 2
    epochs = max(len(curve) for _, curve in curves)
    columns = max(min(width - margin, epochs), 1)
    cells = [[" "] * columns for _ in range(height)]
    for (_, curve), mark in reversed(list(zip(curves, MARKS, strict=False))):  # the first one lies on top
        for column in range(columns):
            value = curve[round(column * (len(curve) - 1) / max(columns - 1, 1))]
            cells[round(value / highest * (height - 1)) if highest else 0][column] = mark
    lines = [f"{labels[level]:>{margin - 2}} │{''.join(cells[level])}".rstrip() for level in reversed(range(height))]
    legend = "   ".join(f"{mark} {name}" for (name, _), mark in zip(curves, MARKS, strict=False))
    ends = f"1{f'epoch {epochs}':>{max(columns - 1, 8)}}"
    return [legend, *lines, f"{'':>{margin - 1}}└{'─' * columns}", f"{'':>{margin}}{ends}"]
