"""Text of a table as it may be shown: what would steer a terminal, or break a line, is written out."""

from __future__ import annotations

_CODES = (*range(0x20), *range(0x7F, 0xA0), *range(0x2028, 0x202F), *range(0x2066, 0x206A))
_WRITTEN = {code: chr(code).encode("unicode_escape").decode() for code in _CODES}

CONTROLS = frozenset(map(chr, _CODES))
"""Control characters, ends of lines among them, and those that turn the direction of writing."""


def visible(text: str) -> str:
    """Return a text with its control characters written as in Python: ``\\x1b``, ``\\n``."""
    return text.translate(_WRITTEN)
