"""Local derivatives as formulas: what a derivative rule says where its cotangent is 1 in one place and 0 in all others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce

from chainrule import ops
from chainrule.inspect.reading.notation import Call, Leaf, Node, Total, symbolic
from chainrule.ir import Equation
from chainrule.ir.program import Operation

MOST_TERMS = 12

IsSeed = Callable[[Leaf], bool]


def reduced(node: Node, is_seed: IsSeed, is_kept: IsSeed | None = None) -> Node:
    """Return a calculation without what the zeros and ones of the cotangent make superfluous: 1 · a is a, and a sum keeps the terms that
    are not multiplied by 0.

    Args:
        node: the calculation that a rule makes of a cotangent.
        is_seed: whether a number is one of the cotangent.
        is_kept: whether one of those is to stay nevertheless, where it is no term of a sum.
    """
    if isinstance(node, Leaf):
        is_number = is_seed(node) and not (is_kept and is_kept(node))
        return number(float(node.number)) if is_number else node
    if isinstance(node, Total):
        return _total(node, is_seed)
    parts = [reduced(part, is_seed, is_kept) for part in node.operands]
    name = node.equation.op.name
    if name == "multiply":
        return product(parts)
    if name == "add":
        return total(parts)
    if name == "subtract" and _is(parts[1], 0):
        return parts[0]
    if name == "subtract" and _is(parts[0], 0):
        return negative(parts[1])
    if name == "divide" and (_is(parts[0], 0) or _is(parts[1], 1)):
        return parts[0]
    if name == "negative":
        return negative(parts[0])
    return Call(node.equation, tuple(parts), node.number)


def number(value: float) -> Leaf:
    """Return a number that is called by what it is."""
    text = f"{value:g}"
    return Leaf(text, text, value)


def product(factors: Sequence[Node]) -> Node:
    """Return the product of numbers: 0 if one is the number 0, without those that are the number 1."""
    if any(_is(factor, 0) for factor in factors):
        return number(0.0)
    is_negative = False
    kept = []
    for factor in factors:
        if _is_negative(factor):
            is_negative, factor = not is_negative, negative(factor)
        if not _is(factor, 1):
            kept.append(factor)
    if is_negative:
        kept = [negative(kept[0]), *kept[1:]] if kept else [number(-1.0)]
    return reduce(lambda a, b: _call(ops.multiply, (a, b), float(a.number) * float(b.number)), kept) if kept else number(1.0)


def total(terms: Sequence[Node]) -> Node:
    """Return the sum of numbers, without those that are the number 0."""
    kept = [term for term in terms if not _is(term, 0)]
    if len(kept) == 2 and symbolic(kept[0], by_name=True) == symbolic(kept[1], by_name=True):
        return product([number(2.0), kept[0]])
    return reduce(lambda a, b: _call(ops.add, (a, b), float(a.number) + float(b.number)), kept) if kept else number(0.0)


def negative(node: Node) -> Node:
    """Return minus a number."""
    if isinstance(node, Leaf) and _is_written(node):
        return number(-float(node.number)) if node.number else node
    if isinstance(node, Call) and node.equation.op.name == "negative":
        return node.operands[0]
    return _call(ops.negative, (node,), -float(node.number))


def _total(node: Total, is_seed: IsSeed) -> Node:
    terms = []
    for i in range(len(node.terms)):
        term = product([reduced(part, is_seed) for part in node.term(i)])
        if not _is(term, 0):
            terms.append(term)
    terms += [part for part in (reduced(part, is_seed) for part in node.added) if not _is(part, 0)]
    return total(terms) if len(terms) <= MOST_TERMS else node


def _call(op: Operation, operands: tuple[Node, ...], number: float) -> Call:
    return Call(Equation(op, (), ()), operands, number)


def _is(node: Node, value: float) -> bool:
    return isinstance(node, Leaf) and _is_written(node) and float(node.number) == value


def _is_negative(node: Node) -> bool:
    return _is(node, -1) or (isinstance(node, Call) and node.equation.op.name == "negative")


def _is_written(leaf: Leaf) -> bool:
    """Return whether a leaf is called by its number: one of a formula, not one of the program that happens to be it."""
    return leaf.element is None and leaf.name == f"{float(leaf.number):g}"
