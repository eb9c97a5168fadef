"""Placeholders: where a text of the course says a number, it names a value of the engine instead.

``{hidden_1.sum[0]}`` is the value of that name in the step of the text's own example, by the names that ``chainrule step`` prints;
``{bread/loss}`` is one of another example; ``{bread@3/loss}`` is one of the step after three updates, ``{bread@end/loss}`` one of the first
step that meets the example's goal. ``{loss:.6f}`` asks for six decimals, by Python's format. Without a format a number that is exact with
four decimals is written as it is, and every other one with four decimals, or three digits that count where four decimals hold fewer.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from math import floor, log10

from chainrule.errors import InputError
from chainrule.learn.examples import find_example

_PLACEHOLDER = re.compile(r"\{(?:(?P<example>[a-z_]+)?(?:@(?P<when>\w+))?/)?(?P<name>[^{}/:]+)(?::(?P<format>[^{}]+))?\}")
_BEFORE = re.compile(r"[·+×/−^] ?$")
_DECIMALS, _DIGITS, _EXACT = 4, 3, 1e-12


def render(text: str, example: str = "", write: Callable[[float, str], str] | None = None) -> str:
    """Return a text with the engine's numbers in place of its placeholders.

    Args:
        text: the text.
        example: the example that placeholders mean which name none.
        write: writes a number by its format; by default :func:`write_number`.

    Raises:
        InputError: a placeholder means no value.
    """
    writer = write or write_number

    def replaced(match: re.Match[str]) -> str:
        alias = match["example"] or example
        if not alias:
            raise InputError(f"'{match[0]}' names no example, and the text has none of its own.")
        written = writer(find_example(alias).number(match["name"], match["when"] or "0"), match["format"] or "")
        negative_factor = written.startswith("−") and (_BEFORE.search(text[: match.start()]) or text[match.end() :].startswith("²"))
        return f"({written})" if negative_factor else written

    return _PLACEHOLDER.sub(replaced, text)


def write_number(value: float, format: str = "") -> str:
    """Write a number by a format of Python's, or by the rule of this module, with a minus sign that is one."""
    return (f"{value:{format}}" if format else _plain(value)).replace("-", "−")


def _plain(value: float) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    if abs(value - round(value, _DECIMALS)) < _EXACT:
        return f"{value + 0.0:.{_DECIMALS}f}".rstrip("0").rstrip(".")
    decimals = max(_DECIMALS, _DIGITS - 1 - floor(log10(abs(value))))
    return f"{value:.{decimals}f}"
