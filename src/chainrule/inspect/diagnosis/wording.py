"""Numbers, names and rows in sentences."""

from __future__ import annotations

from collections.abc import Sequence

from chainrule.inspect.diagnosis.measurements import Rows


def percent(share: float) -> str:
    """Return a share as people say it: ``3.2 %``, ``97 %``, ``99.9 %``."""
    value = 100 * share
    return f"{value:.0f} %" if 9.95 <= value < 99 or value in (0, 100) else f"{value:.2g} %" if value < 9.95 else f"{value:.1f} %"


def listed(names: Sequence[str], most: int = 4) -> str:
    """Return names in a sentence: ``'a', 'b' and 3 more``."""
    shown = [f"'{name}'" for name in names[:most]]
    if len(names) > most:
        return f"{', '.join(shown)} and {len(names) - most} more"
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def places(rows: Rows, chosen: Sequence[int], count: int) -> str:
    """Return where some rows are, of so many: ``people.csv, line 7, line 9 and 12 more``."""
    words = [rows.place(row) for row in chosen]
    source = words[0].rpartition(", ")[0]
    shown = [words[0], *(word.removeprefix(f"{source}, ") for word in words[1:])]
    return ", ".join(shown) + (f" and {count - len(shown):,} more" if count > len(shown) else "")
