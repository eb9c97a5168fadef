"""Calculations as mathematics: LaTeX, or MathML, which browsers show by themselves."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from html import escape
from typing import Protocol

from chainrule.inspect.reading.notation import Leaf, Node, Numbers, Total, symbolic

_SIGNS = {"add": "+", "subtract": "−", "multiply": "·", "less": "<", "less_equal": "≤", "equal": "=", "not_equal": "≠"}
_STRENGTH = {"add": 1, "subtract": 1, "multiply": 2, "divide": 9, "negative": 1, "power": 4}
_NEGATIVE = 0.5  # how strongly a negative number holds together: it stands in parentheses behind any sign
_MOST_TERMS = 8
_POWER_OF_TEN = re.compile(r"^(.+?)e([+−-]?)0*(\d+)$")
_NAME = re.compile(r"^([^\[\]]+?)(?:\[(.*)\])?$")


class Markup(Protocol):
    """A way to write mathematics; all parts are pieces of it."""

    def number(self, text: str) -> str:
        """Write a number."""

    def name(self, symbol: str, place: str) -> str:
        """Write a name with what stands below it."""

    def sign(self, sign: str) -> str:
        """Write an operator."""

    def row(self, parts: Iterable[str]) -> str:
        """Write parts one behind the other."""

    def brackets(self, part: str) -> str:
        """Write a part in parentheses."""

    def fraction(self, above: str, below: str) -> str:
        """Write a quotient."""

    def power(self, base: str, exponent: str) -> str:
        """Write a power."""

    def text(self, text: str) -> str:
        """Write words."""

    def lines(self, rows: Sequence[tuple[str | None, str]]) -> str:
        """Write equations, a left and a right side each, with the signs of equality below each other. Where the left side is ``None``
        the line goes on with the one before, without a sign of its own."""


class Latex:
    """LaTeX with the package amsmath; KaTeX and MathJax read it too."""

    def number(self, text: str) -> str:
        """Write a number."""
        text = text.replace("−", "-")
        found = _POWER_OF_TEN.match(text)
        if found:
            return f"{found[1]} \\cdot 10^{{{found[2].replace('+', '')}{found[3]}}}"
        return {"∞": "\\infty", "-∞": "-\\infty", "NaN": "\\mathrm{NaN}"}.get(text, text)

    def name(self, symbol: str, place: str) -> str:
        """Write a name with what stands below it."""
        below = f"_{{{self.text(place)}}}" if place else ""
        return f"\\mathrm{{{escape_latex(symbol)}}}{below}" if len(symbol) > 1 else f"{symbol}{below}"

    def sign(self, sign: str) -> str:
        """Write an operator."""
        words = {"−": "-", "·": "\\cdot", "≤": "\\le", "≠": "\\ne", "∂": "\\partial", "…": "\\dots", "→": "\\to"}
        return words.get(sign, sign)

    def row(self, parts: Iterable[str]) -> str:
        """Write parts one behind the other."""
        return " ".join(parts)

    def brackets(self, part: str) -> str:
        """Write a part in parentheses."""
        return f"\\left({part}\\right)"

    def fraction(self, above: str, below: str) -> str:
        """Write a quotient."""
        return f"\\frac{{{above}}}{{{below}}}"

    def power(self, base: str, exponent: str) -> str:
        """Write a power."""
        return f"{{{base}}}^{{{exponent}}}"

    def text(self, text: str) -> str:
        """Write words."""
        return f"\\text{{{escape_latex(text)}}}"

    def lines(self, rows: Sequence[tuple[str | None, str]]) -> str:
        """Write equations."""
        written = (f"  & \\quad {right}" if left is None else f"  {left} &= {right}" for left, right in rows)
        return "\\begin{aligned}\n" + " \\\\\n".join(written) + "\n\\end{aligned}"


class MathML:
    """MathML Core, as browsers show it."""

    def number(self, text: str) -> str:
        """Write a number."""
        found = _POWER_OF_TEN.match(text)
        if found:
            exponent = f"<mn>{found[2].replace('+', '').replace('-', '−')}{found[3]}</mn>"
            return f"<mrow>{self.number(found[1])}<mo>·</mo><msup><mn>10</mn>{exponent}</msup></mrow>"
        return f"<mn>{escape(text)}</mn>"

    def name(self, symbol: str, place: str) -> str:
        """Write a name with what stands below it."""
        own = f"<mi>{escape(symbol)}</mi>"
        return f"<msub>{own}<mtext>{escape(place)}</mtext></msub>" if place else own

    def sign(self, sign: str) -> str:
        """Write an operator."""
        return f"<mo>{escape(sign)}</mo>"

    def row(self, parts: Iterable[str]) -> str:
        """Write parts one behind the other."""
        return f"<mrow>{''.join(parts)}</mrow>"

    def brackets(self, part: str) -> str:
        """Write a part in parentheses."""
        return f"<mrow><mo>(</mo>{part}<mo>)</mo></mrow>"

    def fraction(self, above: str, below: str) -> str:
        """Write a quotient."""
        return f"<mfrac>{above}{below}</mfrac>"

    def power(self, base: str, exponent: str) -> str:
        """Write a power."""
        return f"<msup>{base}{exponent}</msup>"

    def text(self, text: str) -> str:
        """Write words."""
        return f"<mtext>{escape(text).replace(' ', '&#xa0;')}</mtext>"  # a browser drops spaces at the ends

    def lines(self, rows: Sequence[tuple[str | None, str]]) -> str:
        """Write equations."""
        left_side, right_side = ' style="text-align: right"', ' style="text-align: left"'
        body = "".join(
            f"<mtr><mtd{left_side}>{left or ''}</mtd><mtd>{'' if left is None else '<mo>=</mo>'}</mtd><mtd{right_side}>{right}</mtd></mtr>"
            for left, right in rows
        )
        return f'<math xmlns="http://www.w3.org/1998/Math/MathML" display="block"><mtable displaystyle="true">{body}</mtable></math>'


class Typesetter:
    """Writes calculations in a markup, in symbols or in numbers."""

    def __init__(self, markup: Markup, numbers: Numbers) -> None:
        self.markup, self.numbers = markup, numbers

    def number(self, number: float) -> str:
        """Write a number."""
        return self.markup.number(self.numbers.show(number))

    def symbols(self, node: Node) -> str:
        """Write a calculation in symbols."""
        return self._part(node, lambda leaf: self.called(leaf.name), numeric=False)[0]

    def numeric(self, node: Node) -> str:
        """Write a calculation in numbers."""
        return self._part(node, lambda leaf: self.number(float(leaf.number)), numeric=True)[0]

    def called(self, name: str) -> str:
        """Write what a number is called: ``d_hidden_1.sum[3]`` is ∂L/∂hidden_1.sum with 3 below it, ``relu'(…)`` a derivative."""
        markup = self.markup
        name = re.sub(r"^d_", "∂loss/∂", name)
        if name.startswith("∂") and "/∂" in name:
            above, _, below = name[1:].partition("/∂")
            return markup.fraction(markup.row((markup.sign("∂"), self.called(above))), markup.row((markup.sign("∂"), self.called(below))))
        if (found := re.match(r"^(\w+)'\((.*)\)$", name)) is not None:
            return markup.row((markup.name(f"{found[1]}′", ""), markup.brackets(self.called(found[2]))))
        if re.match(r"^[−-]?[\d.]+(e[−+-]?\d+)?$", name):
            return markup.number(name)
        found = _NAME.match(name)
        if found is None or any(sign in found[1] for sign in (" + ", " · ", " − ", "(")):
            return markup.text(name)
        return markup.name("L" if found[1] == "loss" else found[1], found[2] or "")

    def product(self, factors: Sequence[str]) -> str:
        """Write a product of pieces."""
        signed = [part for factor in factors for part in (self.markup.sign("·"), factor)]
        return self.markup.row(signed[1:])

    def product_of_numbers(self, numbers: Sequence[float], *, first: bool = True) -> str:
        """Write a product of numbers; negative ones stand in parentheses, but for the first one where nothing stands before it."""
        return self.product([self._factor(number, first=first and not place) for place, number in enumerate(numbers)])

    def _factor(self, number: float, *, first: bool) -> str:
        text = self.number(number)
        return text if first or number >= 0 else self.markup.brackets(text)

    def _part(self, node: Node, leaf: Callable[[Leaf], str], *, numeric: bool) -> tuple[str, float]:
        """Return a part and how strongly it holds together."""
        markup = self.markup
        if isinstance(node, Leaf):
            return leaf(node), _NEGATIVE if numeric and float(node.number) < 0 else 9
        if isinstance(node, Total):
            return self._total(node, leaf, numeric=numeric)
        name = node.equation.op.name
        parts = [self._part(operand, leaf, numeric=numeric) for operand in node.operands]
        if name == "divide":
            return markup.fraction(parts[0][0], parts[1][0]), 9
        if name == "power" or (name == "multiply" and _same(node.operands)):
            exponent = markup.number("2") if name == "multiply" else parts[1][0]
            return markup.power(self._held(*parts[0], 9), exponent), 4
        if name in _SIGNS:
            strength = _STRENGTH.get(name, 0)
            left = parts[0][0] if parts[0][1] == _NEGATIVE else self._held(*parts[0], strength)
            right = self._held(*parts[1], strength + (name == "subtract"))
            return markup.row((left, markup.sign(_SIGNS[name]), right)), strength
        if name == "negative":
            return markup.row((markup.sign("−"), self._held(*parts[0], 3))), 1
        if name == "where":
            condition, yes, no = (text for text, _ in parts)
            return markup.brackets(markup.row((yes, markup.text(" if "), condition, markup.text(" else "), no))), 9
        between = [piece for text, _ in parts for piece in (markup.sign(","), text)][1:]
        return markup.row((markup.name(name, ""), markup.brackets(markup.row(between)))), 9

    def _held(self, text: str, holds: float, strength: float) -> str:
        return self.markup.brackets(text) if holds < strength else text

    def _total(self, total: Total, leaf: Callable[[Leaf], str], *, numeric: bool) -> tuple[str, float]:
        """Write a sum: its terms, or the first of them and dots."""
        markup = self.markup
        count = len(total.terms)
        pieces = []
        for i in range(min(count, _MOST_TERMS)):
            factors = [self._part(part, leaf, numeric=numeric) for part in total.term(i)]
            first = 0 if i == 0 else 1  # a sum may begin with a minus
            pieces.append(self.product([self._held(text, holds, 2 if place else first) for place, (text, holds) in enumerate(factors)]))
        if count > _MOST_TERMS:
            pieces.append(markup.sign("…"))
        pieces += [self._held(*self._part(part, leaf, numeric=numeric), 2) for part in total.added]
        signed = [part for piece in pieces for part in (markup.sign("+"), piece)][1:]
        return markup.row(signed), 1 if len(pieces) > 1 else 2


def _same(operands: Sequence[Node]) -> bool:
    return len({symbolic(operand, by_name=True) for operand in operands}) == 1 and isinstance(operands[0], Leaf)


def escape_latex(text: str) -> str:
    """Return words for LaTeX, with its special characters written out."""
    special = {"\\": "\\textbackslash{}", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}", "′": "'", "−": "-", "·": "$\\cdot$"}
    return "".join(special.get(letter, f"\\{letter}" if letter in "_#$%&{}" else letter) for letter in text)
