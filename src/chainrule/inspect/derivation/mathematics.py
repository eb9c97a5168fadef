"""The chain rule of one weight as mathematics: the paths, and the same number by the reused δ."""

from __future__ import annotations

from collections.abc import Iterator

from chainrule.inspect.derivation.derive import Derivation
from chainrule.inspect.reading.notation import Leaf, Node, Numbers, Total
from chainrule.inspect.reading.recording import Element
from chainrule.inspect.reading.typeset import Latex, Markup, MathML, Typesetter
from chainrule.inspect.step.trace import StepTrace

MOST_PATHS = 6
MOST_LINES = 12

Equation = tuple[str | None, str]
"""The left and the right side; see :meth:`Markup.lines`."""


class DerivationMathematics:
    """Writes a derivation in a markup.

    Args:
        trace: the step. ``derivation``: the chain rule of a weight in it.
        markup: LaTeX or MathML. ``digits``: significant digits of each number.
    """

    def __init__(self, trace: StepTrace, derivation: Derivation, markup: Markup, digits: int = 6) -> None:
        self.trace, self.derivation, self.markup = trace, derivation, markup
        self.set = Typesetter(markup, Numbers(digits))

    def paths(self) -> str:
        """Return the gradient as a sum over paths: symbols, numbers, result."""
        return self.markup.lines(list(self._paths()))

    def reused(self) -> str:
        """Return the gradient by δ, and how each number in it was computed, back to the loss."""
        return self.markup.lines(list(self._reused()))

    def _gradient(self) -> str:
        return self.set.called(f"∂loss/∂{self.derivation.weight}")

    def _paths(self) -> Iterator[Equation]:
        d, markup = self.derivation, self.markup
        shown = d.paths[:MOST_PATHS]
        plus, dots = markup.sign("+"), markup.sign("…")
        more = [plus, dots] if d.count > len(shown) else []
        left: str | None = self._gradient()
        for place, path in enumerate(shown):
            symbols = self.set.product([self.set.called(factor.name) for factor in path.factors])
            yield left, markup.row([*([plus] * (place > 0)), symbols, *(more if place == len(shown) - 1 else [])])
            left = None
        for place, path in enumerate(shown):
            numbers = self.set.product_of_numbers([factor.value for factor in path.factors], first=not place)
            rest = [plus, self.set.number(d.total - sum(p.product for p in shown))] if more and place == len(shown) - 1 else []
            yield None if place else "", markup.row([*([plus] * (place > 0)), numbers, *rest])
        yield "" if shown else self._gradient(), self.set.number(d.total)

    def _reused(self) -> Iterator[Equation]:
        """Yield the gradient, then each derivative that it was made of: in symbols, in numbers, the result."""
        found = self.trace.cotangent(self.trace.parameters[self.derivation.path])
        assert found is not None  # the parameter is trained
        element: Element | None = Element(found, self.derivation.index)
        waiting, seen, lines = [element], set[str](), 0
        left = self._gradient()
        while waiting and lines < MOST_LINES:
            element = waiting.pop(0)
            assert element is not None
            node = self.trace.expressions.calculation(element)
            name = self.trace.expressions.name(element)
            if name in seen or isinstance(node, Leaf):
                continue
            seen.add(name)
            lines += 1
            yield left or self.set.called(name), self.set.symbols(node)
            yield "", self.set.numeric(node)
            yield "", self.set.number(float(node.number))
            left = ""
            waiting += [leaf.element for leaf in _leaves(node) if leaf.element is not None and self._is_derivative(leaf.element)]

    def _is_derivative(self, element: Element) -> bool:
        equation = self.trace.recording.definitions.get(element.value)
        return equation is not None and equation.phase == "backward"


def latex(trace: StepTrace, derivation: Derivation, digits: int = 6) -> str:
    """Return the derivation as LaTeX: two displays, for the package amsmath."""
    written = DerivationMathematics(trace, derivation, Latex(), digits)
    return f"\\[\n{written.paths()}\n\\]\n\\[\n{written.reused()}\n\\]\n"


def mathml(trace: StepTrace, derivation: Derivation, digits: int = 6) -> str:
    """Return the derivation as MathML: two elements ``math``."""
    written = DerivationMathematics(trace, derivation, MathML(), digits)
    return f"{written.paths()}\n{written.reused()}\n"


def _leaves(node: Node) -> Iterator[Leaf]:
    if isinstance(node, Leaf):
        yield node
    elif isinstance(node, Total):
        for i in range(min(len(node.terms), 8)):
            for part in node.term(i):
                yield from _leaves(part)
        for part in node.added:
            yield from _leaves(part)
    else:
        for part in node.operands:
            yield from _leaves(part)
