"""A comparison as lines for a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

import numpy as np

from chainrule.inspect.comparison.comparison import Comparison
from chainrule.inspect.comparison.page import flips_text, setting_text, watched

_BLOCKS = "▁▂▃▄▅▆▇█"
_SHOWN_METRICS = ("test", "valid")
_WIDEST = 34
_CURVE = 32


def comparison_lines(found: Comparison, width: int = 80) -> Iterator[str]:
    """Yield the lines of a comparison, no longer than the width except for long names in the tables."""
    letters = [chr(ord("A") + place) if place < 26 else f"R{place + 1}" for place in range(len(found.runs))]
    yield from (f"{letter}  {name}" for letter, name in zip(letters, found.runs, strict=True))
    yield ""
    if found.settings:
        rows = [(setting.name, *(_short(setting_text(value)) for value in setting.values)) for setting in found.settings]
        yield from _table(("What differs", *letters), rows)
    else:
        yield "All options and versions are the same."
    for part in _SHOWN_METRICS:
        if part in found.metrics:
            yield ""
            own = {"test": "Test rows", "valid": "Validation rows"}[part]
            lines = found.metrics[part].items()
            yield from _table((own, *letters), [(name, *("–" if v is None else f"{v:.4g}" for v in values)) for name, values in lines])
            break
    yield from _curves(found, letters)
    for pair in found.pairs:
        for flips in pair.flips:
            yield ""
            of = f"{flips.target}: " if len(pair.flips) > 1 else ""
            yield from textwrap.wrap(of + flips_text(flips, pair), width, break_on_hyphens=False)
    yield ""
    for text in (*found.said, *map(str, found.spreads), *([pair.verdict for pair in found.pairs] or [found.verdict])):
        yield from textwrap.wrap(text, width, break_on_hyphens=False)


def _curves(found: Comparison, letters: Sequence[str]) -> Iterator[str]:
    courses = [watched(history) for history in found.histories]
    kinds = {kind for (kind, values) in courses if values}
    if not kinds:
        return
    known = np.array([v for _, values in courses for v in values if np.isfinite(v)])
    yield ""
    most = max(len(values) for _, values in courses)
    rows = []
    for letter, (_, values) in zip(letters, courses, strict=True):
        if not values:
            rows.append((letter, "no history", "", "", ""))
            continue
        best = int(np.nanargmin(values)) if np.isfinite(values).any() else len(values) - 1
        numbers = (f"{values[0]:.4g}", f"{values[best]:.4g} in {best + 1}", f"{values[-1]:.4g} in {len(values)}")
        rows.append((letter, _sparkline(values, known, most), *numbers))
    title = kinds.pop() if len(kinds) == 1 else "loss"
    yield from _table((title.capitalize(), "", "first", "least", "last epoch"), rows, left=2)


def _sparkline(values: Sequence[float], known: np.ndarray, most: int) -> str:
    """Return a line of blocks on the scale (by logarithms where all are positive) and over the epochs that all the runs share."""
    size = max(1, round(_CURVE * len(values) / most)) if most > _CURVE else len(values)
    means = [np.nanmean(part) if np.isfinite(part).any() else np.nan for part in np.array_split(np.array(values, np.float64), size)]
    change = np.log if (known > 0).all() else np.asarray
    low, high = float(change(known.min())), float(change(known.max()))
    shares = (change(np.array(means)) - low) / ((high - low) or 1.0)
    return "".join(" " if not np.isfinite(share) else _BLOCKS[min(7, max(0, int(8 * share)))] for share in shares)


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]], left: int = 1) -> Iterator[str]:
    sizes = [max(len(row[place]) for row in (heads, *rows)) for place in range(len(heads))]
    for row in (heads, *rows):
        cells = (
            f"{cell:<{size}}" if place < left else f"{cell:>{size}}" for place, (cell, size) in enumerate(zip(row, sizes, strict=True))
        )
        yield "  ".join(cells).rstrip()


def _short(text: str) -> str:
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 1]}…"
