"""Calculations as trees of numbers, and how they are written: in symbols, or in numbers that a reader can check."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from chainrule.inspect.reading.recording import Element, Number
from chainrule.inspect.reading.summation import Summation
from chainrule.ir import Equation
from chainrule.ir.listing import show_formula

_INFIX = {
    "add": ("+", 1),
    "subtract": ("−", 1),
    "multiply": ("·", 2),
    "divide": ("/", 2),
    "power": ("^", 4),
    "less": ("<", 0),
    "less_equal": ("≤", 0),
    "equal": ("=", 0),
    "not_equal": ("≠", 0),
}
_PREFIX_STRENGTH = 3
_ATOM = 9
_MOST_DIGITS = 17
WRITTEN_TERMS = 12
"""A sum of at most so many terms is written out in a formula."""


@dataclass(frozen=True)
class Leaf:
    """A number that is not taken apart: its name (``hidden_1.weight[age,3]``), the name of its value (``hidden_1.weight``), where it is."""

    name: str
    symbol: str
    number: Number
    element: Element | None = None


@dataclass(frozen=True)
class Call:
    """An operation on numbers."""

    equation: Equation
    operands: tuple[Node, ...]
    number: Number


@dataclass(frozen=True)
class Total:
    """A sum of many terms, of which each can be looked at; ``added`` are single numbers (a bias) that join them.

    ``terms`` are the numbers of the terms, products already multiplied; ``term(i)`` gives the factors of one of them, and ``added_up()``
    how the engine comes to the sum.
    """

    symbol: str
    terms: np.ndarray
    term: Callable[[int], tuple[Node, ...]]
    number: Number
    added_up: Callable[[], Summation]
    added: tuple[Node, ...] = ()


Node = Leaf | Call | Total


class Writer(Protocol):
    """How leaves and sums are written; ``decimals`` asks for so many decimals at least."""

    def leaf(self, leaf: Leaf, decimals: int) -> str:
        """Write a leaf."""

    def total(self, total: Total, decimals: int) -> str:
        """Write a sum of terms."""

    def needed(self, result: Number) -> int:
        """Return how many decimals the operands of a sum or difference need for its result to come out."""


@dataclass(frozen=True)
class Symbols:
    """Writes names: of values, or of single numbers."""

    by_name: bool = False

    def leaf(self, leaf: Leaf, decimals: int) -> str:
        """Write the name."""
        return leaf.name if self.by_name else leaf.symbol

    def total(self, total: Total, decimals: int) -> str:
        """Write the formula of the sum."""
        return total.symbol

    def needed(self, result: Number) -> int:
        """Names have no decimals."""
        return 0


@dataclass(frozen=True)
class Numbers:
    """Writes numbers with so many significant digits; where two numbers nearly cancel, with as many as their difference needs."""

    digits: int

    def show(self, number: Number | str, decimals: int = 0) -> str:
        """Write one number, with ``decimals`` decimals at least; ``yes`` and ``no`` for masks."""
        if isinstance(number, str):
            return number
        if isinstance(number, bool):
            return "yes" if number else "no"
        if isinstance(number, int):
            return str(number).replace("-", "−")
        if not math.isfinite(number):
            return "NaN" if math.isnan(number) else "∞" if number > 0 else "−∞"
        digits = max(self.digits, min(decimals + _magnitude(number) + 1, _MOST_DIGITS))
        return f"{number:.{digits}g}".replace("-", "−") if number else "0"

    def leaf(self, leaf: Leaf, decimals: int) -> str:
        """Write the number."""
        return self.show(leaf.number, decimals)

    def total(self, total: Total, decimals: int) -> str:
        """Write the terms of a short sum, and the number of a long one."""
        if len(total.terms) > WRITTEN_TERMS:
            return self.show(total.number, decimals)
        texts = []
        for i in range(len(total.terms)):
            parts = [_text(part, self, 0) for part in total.term(i)]
            alone = len(parts) == 1
            texts.append(parts[0][0] if alone else " · ".join(_wrapped(*part, 2, first=not n) for n, part in enumerate(parts)))
        texts += [_text(node, self, decimals)[0] for node in total.added]
        return " + ".join(f"({text})" if place and text.startswith("−") else text for place, text in enumerate(texts))

    def needed(self, result: Number) -> int:
        """Return the decimals of a result that is written with all its digits."""
        return self.digits - 1 - _magnitude(result) if isinstance(result, float) and result and math.isfinite(result) else 0


def _magnitude(number: float) -> int:
    return math.floor(math.log10(abs(number))) if number and math.isfinite(number) else 0


def symbolic(node: Node, *, by_name: bool = False) -> str:
    """Write a node in symbols: ``beta1 · m + one_minus_beta1 · gradient``; ``by_name`` says of single numbers which element they are."""
    return _text(node, Symbols(by_name), 0)[0]


def numeric(node: Node, numbers: Numbers) -> str:
    """Write a node in numbers."""
    return _text(node, numbers, 0)[0]


def _text(node: Node, writer: Writer, decimals: int) -> tuple[str, int]:
    """Return a node's text and how strongly it holds together."""
    if isinstance(node, Leaf):
        text = writer.leaf(node, decimals)
        text = f"−{text[1:]}" if text.startswith("-") else text  # a constant is called by its number
        return text, _PREFIX_STRENGTH if text.startswith("−") else _ATOM
    if isinstance(node, Total):
        text = writer.total(node, decimals)
        simple = not any(mark in text for mark in (" + ", " @ ", " · "))
        return text, _ATOM if simple and not text.startswith("−") else 1
    name = node.equation.op.name
    decimals = max(decimals, writer.needed(node.number)) if name in ("add", "subtract") else 0
    parts = [_text(operand, writer, decimals) for operand in node.operands]
    if name in _INFIX:
        sign, strength = _INFIX[name]
        if name == "multiply" and _same(*node.operands):
            return f"{_wrapped(*parts[0], 4, first=True)}²", 4
        left = _wrapped(*parts[0], strength, first=True)
        right = _wrapped(*parts[1], strength + (name in ("subtract", "divide", "power")), first=False)
        return f"{left} {sign} {right}" if name != "power" else f"{left}^{right}", strength
    if name == "negative":
        return f"−{_wrapped(*parts[0], _PREFIX_STRENGTH + 1, first=False)}", _PREFIX_STRENGTH
    if name == "where":
        condition, yes, no = (text for text, _ in parts)
        return f"({yes} if {condition} else {no})", _ATOM
    return show_formula(node.equation, (text for text, _ in parts)), _ATOM


def _same(one: Node, other: Node) -> bool:
    return isinstance(one, Leaf) and isinstance(other, Leaf) and one.name == other.name


def _wrapped(text: str, holds: int, strength: int, *, first: bool) -> str:
    """Put a part in parentheses if it would fall apart beside a sign of that strength, or begins with a minus in the middle."""
    negative = text.startswith("−") and strength > 0
    loose = holds < strength or (negative and (not first or strength == 4))
    return f"({text})" if loose else text


def leaves(node: Node) -> list[Leaf]:
    """Return the leaves of a node in order, each once; those of long sums are left out."""
    if isinstance(node, Leaf):
        return [node]
    parts = node.added if isinstance(node, Total) else node.operands
    found = {leaf.name: leaf for part in parts for leaf in leaves(part)}
    return list(found.values())


def operand_name(node: Node) -> str:
    """Return what a node is called as an operand: its name, or its formula."""
    return node.name if isinstance(node, Leaf) else symbolic(node)
