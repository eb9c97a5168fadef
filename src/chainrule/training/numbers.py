"""Numbers and times as people read them."""

from __future__ import annotations


def number(value: float | None) -> str:
    """Return a number with four digits that count, and thousands with commas: ``0.0213``, ``12,345``."""
    if value is None:
        return "–"
    if value != value or value in (float("inf"), float("-inf")):
        return str(value)
    if 1e4 <= abs(value) < 1e15:
        return f"{value:,.0f}"
    return f"{value:.4g}"


def measure(value: float | None) -> str:
    """Return a metric with four decimals where that says something, so that the points of a column stand in line; 9 digits at most, so that
    a table of them is no wider than a terminal."""
    if value is not None and 1e7 <= abs(value) < 1e15:
        return f"{value:.4g}"
    return f"{value:.4f}" if value is not None and (value == 0 or 5e-4 <= abs(value) < 10) else number(value)


def duration(seconds: float) -> str:
    """Return seconds as people say them: ``0.4 s``, ``42 s``, ``3:05``, ``2:03:05``."""
    if seconds < 59.5:
        return f"{seconds:.1f} s" if seconds < 9.95 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
