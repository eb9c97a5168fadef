"""Bars and curves of characters, and numbers below one another."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.text import Text

UP, DOWN = "cyan", "magenta"  # told apart without seeing red or green, and without color by sign and side
_STEPS = " ▁▂▃▄▅▆▇█"


def decimals_for(largest: float, digits: int = 3) -> int:
    """Return the decimals with which the largest of some numbers has so many digits that count."""
    return min(max(digits - 1 - math.floor(math.log10(largest)), 0), 9) if largest > 0 else 0


def number(value: float, decimals: int, *, sign: bool = False) -> str:
    """Write a number with so many decimals; ``sign`` writes a plus as well, and 0 without one."""
    text = f"{abs(value):,.{decimals}f}"
    if not float(text.replace(",", "")):
        return text
    return f"−{text}" if value < 0 else f"+{text}" if sign else text


def signed_bars(values: Sequence[float], width: int) -> list[Text]:
    """Return a bar for each value on one scale, to the right of an axis where it moves up and to the left where it moves down."""
    highest, lowest = max(0.0, *values, 0.0), -min(0.0, *values, 0.0)
    room = max(width - 1, 4)
    span = highest + lowest or 1.0
    left = min(max(math.ceil(room * lowest / span), 1 if lowest else 0), room - 1 if highest else room)
    scale = min(left / lowest if lowest else math.inf, (room - left) / highest if highest else math.inf)
    scale = 0.0 if math.isinf(scale) else scale
    return [_bar(value * scale, left) for value in values]


def _bar(length: float, left: int) -> Text:
    halves = min(round(abs(length) * 2), 10_000)
    whole, half = divmod(halves, 2)
    if length < 0:
        return Text.assemble(" " * (left - whole - half), ("▐" * half + "█" * whole, DOWN), ("│", "dim"))
    return Text.assemble(" " * left, ("│", "dim"), ("█" * whole + "▌" * half, UP))


def curve(values: Sequence[float], low: float, high: float, height: int = 1) -> list[str]:
    """Return a row of columns whose heights are the values between ``low`` and ``high``: so many lines of text, the top one first."""
    steps = len(_STEPS) - 1
    share = [(value - low) / (high - low) if high > low else 0.0 for value in values]
    filled = [min(max(round(part * steps * height), 1), steps * height) for part in share]
    return ["".join(_STEPS[min(max(fill - line * steps, 0), steps)] for fill in filled) for line in reversed(range(height))]


def cut(text: str, width: int) -> str:
    """Shorten a text to a width."""
    return text if len(text) <= width else f"{text[: width - 1]}…"
