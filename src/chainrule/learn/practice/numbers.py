"""Numbers as exercises show and draw them: few digits, and exact."""

from __future__ import annotations

from random import Random


def short(value: float, decimals: int = 4) -> str:
    """Return a number with as many decimals as it needs and no more than so many: ``0.3``, ``−0.0312``."""
    text = f"{abs(value):.{decimals}f}".rstrip("0").rstrip(".")
    return text if text in ("0", "") or value > 0 else f"−{text}"


def shown(value: float, decimals: int = 4) -> str:
    """Return a number as :func:`short` does, with ``≈`` before it where digits were cut off."""
    return short(value, decimals) if abs(round(value, decimals) - value) < 1e-9 else f"≈ {short(value, decimals)}"


def equals(value: float, decimals: int = 4) -> str:
    """Return the end of an equation: ``= 0.3``, or ``≈ 0.8854`` where digits were cut off."""
    text = shown(value, decimals)
    return text if text.startswith("≈") else f"= {text}"


def within(value: float) -> str:
    """Return a number as a factor: in parentheses where it is negative."""
    text = short(value)
    return f"({text})" if text.startswith("−") else text


def tenths(random: Random, low: float, high: float, *, size: float = 0.1) -> float:
    """Draw a number of one decimal between two, at least ``size`` away from 0."""
    while True:
        value = random.randint(round(low * 10), round(high * 10)) / 10
        if abs(value) >= size - 1e-12:
            return value
