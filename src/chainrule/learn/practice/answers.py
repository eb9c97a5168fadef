"""Reading an answer as people write it; what could mean two things is asked for again."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from chainrule.errors import AnswerError

_SIGNS = str.maketrans(
    {"−": "-", "–": "-", "—": "-", "﹣": "-", "－": "-", "＋": "+", "⁄": "/", "∕": "/", "÷": "/", "\u00a0": " ", "\u202f": " "}
)
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
_FRACTIONS = {"½": "1/2", "⅓": "1/3", "⅔": "2/3", "¼": "1/4", "¾": "3/4", "⅕": "1/5", "⅛": "1/8"}
_PLAIN = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d{1,3})?", re.ASCII)
_POWER = re.compile(r"(?P<number>.+?)\s*[*·×x]\s*10\s*(?:\^|\*\*)?\s*(?P<exponent>[+-]?[0-9]{1,3})", re.ASCII)
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(?:,\d{3})+", re.ASCII)


def read_number(text: str) -> float:
    """Return the number that a text means: ``0.25``, ``0,25``, ``.25``, ``1/4``, ``2.5e-1``, ``2.5·10⁻¹``, ``25 %``, ``−0.25``.

    Raises:
        AnswerError: it is no number, not a finite one, or could be two.
    """
    words = text.strip().translate(_SIGNS).lower()
    for sign, spelled in _FRACTIONS.items():
        words = words.replace(sign, f" {spelled}")
    words = re.sub(r"^([+-])\s+", r"\1", re.sub(r"^[=≈~]\s*", "", words.strip()))
    percent = words.endswith(("%", "percent"))
    words = words.removesuffix("%").removesuffix("percent").strip()
    number = _fraction(words, text) if "/" in words else _decimal(words, text)
    if not math.isfinite(number):
        raise AnswerError(f"'{_quoted(text)}' is no finite number; write one such as −0.25.")
    return number / 100 if percent else number


def _fraction(words: str, text: str) -> float:
    above, _, below = words.partition("/")
    if " " in above.strip():
        raise AnswerError(f"'{_quoted(text)}' can be read in two ways; write a decimal number, or one fraction such as 7/4.")
    denominator = _decimal(below, text)
    if denominator == 0:
        raise AnswerError(f"'{_quoted(text)}' divides by 0; write a number such as −0.25.")
    return _decimal(above, text) / denominator


def _decimal(words: str, text: str) -> float:
    words = words.strip()
    if (power := _POWER.fullmatch(words.translate(_SUPERSCRIPTS))) is not None:
        mantissa = _decimal(power["number"], text)
        return mantissa * 10.0 ** int(power["exponent"])
    plain = _with_point(words, text)
    if _PLAIN.fullmatch(plain) is None:
        raise AnswerError(f"'{_quoted(text)}' is not a number; write one such as −0.25, 1/3 or 2e-3.")
    return float(plain)


def _with_point(words: str, text: str) -> str:
    """Return a number with a decimal point, whichever mark it was written with."""
    if "," not in words:
        return words
    if "." in words:  # the mark that comes last is the decimal one
        decimal, thousands = (",", ".") if words.rfind(",") > words.rfind(".") else (".", ",")
        if words.count(decimal) > 1:
            raise AnswerError(f"'{_quoted(text)}' is not a number; write one such as −0.25, 1/3 or 2e-3.")
        return words.replace(thousands, "").replace(decimal, ".")
    if _THOUSANDS.fullmatch(words) is not None:
        point, none = words.replace(",", ".", 1), words.replace(",", "")
        way = f"{point} or {none}" if words.count(",") == 1 else f"{none} or several numbers"
        raise AnswerError(f"'{_quoted(text)}' can be read as {way}; write a point for the decimals.")
    return words.replace(",", ".") if words.count(",") == 1 else words


def read_option(text: str, options: Sequence[str]) -> int:
    """Return which option a text means, counted from 1: by its number, its letter, or its own text.

    Raises:
        AnswerError: it is none of them.
    """
    words = text.strip().strip(".)(").lower()
    if words.isascii() and words.isdigit() and 1 <= int(words) <= len(options):
        return int(words)
    if len(words) == 1 and "a" <= words < chr(ord("a") + len(options)):
        return ord(words) - ord("a") + 1
    meant = [
        place for place, option in enumerate(options, 1) if words and option.lower().replace("_", " ").startswith(words.replace("_", " "))
    ]
    if len(meant) == 1:
        return meant[0]
    raise AnswerError(f"'{_quoted(text)}' is none of the options; write a number from 1 to {len(options)}.")


def read_order(text: str, count: int) -> tuple[int, ...]:
    """Return the order that a text means: ``3 1 2``, ``3,1,2``, ``3 > 1 > 2`` or ``312``.

    Raises:
        AnswerError: it does not name each number once.
    """
    words = re.findall(r"\d+", text, re.ASCII)
    if len(words) == 1 and count < 10:
        words = list(words[0])
    order = tuple(map(int, words)) if all(len(word) < 4 for word in words) else ()
    if sorted(order) != list(range(1, count + 1)) or re.search(r"[^\d\s,;>→.\-]", text):
        example = " ".join(map(str, range(1, count + 1)))
        raise AnswerError(f"'{_quoted(text)}' is not an order; write each number from 1 to {count} once, such as {example}.")
    return order


def _quoted(text: str) -> str:
    words = text.strip()
    return words if len(words) <= 30 else f"{words[:29]}…"
