"""Formulas of the course as MathML: from a line of Unicode, as a terminal shows it, to what a browser sets.

``∂L/∂w₀ = h₀·δ`` becomes a fraction, subscripts and a product. The grammar is as small as the formulas of the course need: sums and
products of factors; a factor is a number, a name with indices in small type, a function or a group in parentheses; words are text.
"""

from __future__ import annotations

import re
from html import escape

_TOKEN = re.compile(r"\s+|(?P<number>\d[\d,]*(?:\.\d+)?)|(?P<word>[A-Za-z]{2,}|[A-Za-zΑ-Ωα-ω]\u0302?)|(?P<other>.)")
_SUBSCRIPTS = dict(zip("₀₁₂₃₄₅₆₇₈₉ᵢⱼₖₙ", "0123456789ijkn", strict=True))
_SUPERSCRIPTS = {"²": "<mn>2</mn>", "ᵀ": "<mi>T</mi>"}
_FUNCTIONS = {"tanh", "ln", "max", "loss", "network"}
_CLOSING = {"(": ")", "‖": "‖"}
_LETTER = re.compile(r"\w")
_LAYER = re.compile(r"\((l(?: ?[+−] ?1)?|last|[0-2])\)")


def mathml(formula: str) -> str:
    """Return a formula as an element ``math``."""
    return f'<math display="block">{_Parser(formula.strip()).row("")}</math>'


class _Parser:
    """Reads a formula from left to right; each method returns the MathML of what it read."""

    def __init__(self, text: str) -> None:
        self.text, self.place = text, 0

    def row(self, end: str) -> str:
        """Read until the closing sign."""
        parts: list[str] = []
        while self.place < len(self.text) and not (end and self.text.startswith(end, self.place)):
            parts.append(self.fraction())
        self.place += len(end)
        return f"<mrow>{''.join(parts)}</mrow>"

    def fraction(self) -> str:
        """Read a factor, and the denominator below it if a slash follows."""
        above = self.factor()
        match = re.compile(r" ?/ ?").match(self.text, self.place)
        if match is None or not above:
            return above
        self.place = match.end()
        below = self.factor()
        if "∑" in below:  # a sum goes on
            self.place += self.text.startswith(" ", self.place)
            below = f"<mrow>{below}{self.factor()}</mrow>"
        return f"<mfrac>{_unwrapped(above)}{_unwrapped(below)}</mfrac>"

    def factor(self) -> str:
        """Read a number, name, function, group or sign, with what is written small beside it."""
        match = _TOKEN.match(self.text, self.place)
        if match is None:
            return ""
        token = match[0]
        self.place = match.end()
        if not token.strip():
            return '<mspace width="2em"/>' if len(token) > 2 else ""
        if match["number"]:
            return self.scripts(f"<mn>{token}</mn>")
        if token == "Σ":
            return self.scripts("<mo>∑</mo>")
        if match["word"]:
            return self.name(token)
        if token == "∂":
            return f"<mrow><mo>∂</mo>{self.factor()}</mrow>"
        if token in _CLOSING:
            return self.scripts(self.group(token))
        if token == "½":
            return "<mfrac><mn>1</mn><mn>2</mn></mfrac>"
        if token == "√":
            return f"<msqrt>{self.factor()}</msqrt>"
        return f"<mo>{escape(token)}</mo>" + ('<mspace width="0.2em"/>' if token == "," else "")

    def group(self, opening: str) -> str:
        """Read what stands in parentheses or bars; they are as high as a fraction in them."""
        closing = _CLOSING[opening]
        inner = self.row(closing)
        stretchy = "" if "<mfrac>" in inner else ' stretchy="false"'
        return f'<mrow><mo fence="true"{stretchy}>{opening}</mo>{inner}<mo fence="true"{stretchy}>{closing}</mo></mrow>'

    def name(self, token: str) -> str:
        """Read a letter with its indices and arguments, a function, or words that follow each other as one text."""
        if len(token.replace("\u0302", "")) == 1:
            name = self.scripts(f"<mi>{token}</mi>")
            return self.applied(name)
        if token in _FUNCTIONS:
            space = '<mspace width="0.2em"/>' if self.text.startswith(" ", self.place) else ""
            return self.applied(self.scripts(f"<mi>{token}</mi>")) + space
        match = re.compile(r"(?: (?:[a-z]{2,}|a)(?![\w(]))*:?").match(self.text, self.place)
        assert match is not None  # it matches nothing too
        begin, self.place = match.start() - len(token), match.end()
        before = "\xa0" if _LETTER.match(self.text[max(begin - 2, 0) : begin][::-1].strip()) and begin > 1 else ""
        after = "\xa0" if re.compile(r" [\w∂Σ(]").match(self.text, self.place) or match[0].endswith(":") else ""
        return f"<mtext>{before}{escape(token + match[0]).replace(' ', chr(160))}{after}</mtext>"

    def applied(self, name: str) -> str:
        """Read the arguments of a function, or the place in a matrix, if they follow at once."""
        if not self.text.startswith("(", self.place):
            return name
        self.place += 1
        return f"<mrow>{name}{self.scripts(self.group('('))}</mrow>"

    def scripts(self, base: str) -> str:
        """Read the indices and exponents of what was just read."""
        below, above = "", ""
        while self.place < len(self.text):
            sign = self.text[self.place]
            layer = _LAYER.match(self.text, self.place)
            if sign in _SUBSCRIPTS:
                below += f"<mn>{_SUBSCRIPTS[sign]}</mn>" if _SUBSCRIPTS[sign].isdigit() else f"<mi>{_SUBSCRIPTS[sign]}</mi>"
                self.place += 1
            elif sign in _SUPERSCRIPTS:
                above += _SUPERSCRIPTS[sign]
                self.place += 1
            elif sign == "′":  # it is raised by itself
                base = f'{base}<mo lspace="0" rspace="0">′</mo>'
                self.place += 1
            elif layer is not None and base.startswith("<mi>"):
                self.place = layer.end()
                above += f'<mo stretchy="false">(</mo>{_Parser(layer[1]).row("")}<mo stretchy="false">)</mo>'
            elif sign == "^":
                self.place += 1
                above += _unwrapped(self.factor())
            else:
                break
        below, above = (f"<mrow>{part}</mrow>" if part else "" for part in (below, above))
        base = f"<mrow>{base}</mrow>" if base.endswith("′</mo>") else base
        if below and above:
            return f"<msubsup>{base}{below}{above}</msubsup>"
        if below:
            return f"<msub>{base}{below}</msub>"
        return f"<msup>{base}{above}</msup>" if above else base


def _unwrapped(part: str) -> str:
    """Return a group without its parentheses, where a bar or a raised place says as much."""
    match = re.fullmatch(r'<mrow><mo fence="true"[^>]*>\(</mo>(<mrow>.*</mrow>)<mo fence="true"[^>]*>\)</mo></mrow>', part)
    return match[1] if match is not None else part
