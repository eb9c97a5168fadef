"""When a network is good enough: a condition on the history, written as in ``--until "accuracy >= 0.97 and epoch >= 5"``."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Sequence
from typing import Any

from chainrule.errors import OptionError, nearest
from chainrule.training.events import History
from chainrule.words import setting, word

Predicate = Callable[[History], bool]

_LONGEST, _LARGEST = 500, 1e300  # a condition in characters; a number in it

_COMPARE: dict[type[ast.AST], Callable[[Any, Any], bool]] = {
    ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge, ast.Eq: operator.eq, ast.NotEq: operator.ne,
}  # fmt: skip
_ARITHMETIC: dict[type[ast.AST], Callable[[Any, Any], float]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: lambda a, b: a / b if b else math.nan,
}  # fmt: skip
_OVER_EPOCHS: dict[str, Callable[[list[float], int], float]] = {
    "best": lambda values, n: max(values[-n:]),
    "least": lambda values, n: min(values[-n:]),
    "mean": lambda values, n: sum(values[-n:]) / len(values[-n:]),
    "change": lambda values, n: float("inf") if len(values) <= n else abs(values[-1] - values[-1 - n]),
}


def until(condition: str) -> Predicate:
    """Read a condition: comparisons of names and numbers with ``and``, ``or``, ``not`` and arithmetic.

    Names are those of the history: ``loss`` (training), ``valid_loss``, a validation metric such as ``accuracy``, ``epoch``,
    ``seconds``. ``best(NAME)``, ``least(NAME)``, ``mean(NAME, n)`` and ``change(NAME, n)`` look at all or the last n epochs.

    Raises:
        OptionError: it is not such a condition; at its first use also: a name that the history does not have.
    """
    tree = _parsed(condition)
    if tree is None:
        shown = condition if len(condition) <= 80 else f"{condition[:80]}…"
        raise OptionError(
            f"{setting('until', shown)} cannot be read; write it like 'accuracy >= 0.97' or 'valid_loss < 0.1 and epoch >= 5'."
        )
    return lambda history: bool(history.epochs) and bool(_evaluate(tree, history))


def names_in(condition: str) -> set[str]:
    """Return the names of values that a condition speaks of."""
    names = {node.id for node in ast.walk(ast.parse(condition.strip(), mode="eval")) if isinstance(node, ast.Name)}
    return names - set(_OVER_EPOCHS)


def check_names(condition: str, known: Sequence[str]) -> None:
    """Raise an OptionError if a condition speaks of a value that there will not be."""
    for name in sorted(names_in(condition) - set(known)):
        raise OptionError(f"{word('until')} speaks of '{name}'; known are {', '.join(known)}.{nearest(name, known)}")


def _parsed(condition: str) -> ast.expr | None:
    if len(condition) > _LONGEST:
        return None
    try:
        tree = ast.parse(condition.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # the last three are for nonsense: a null byte, endless brackets
        return None
    return tree if _is_condition(tree) else None


def _is_condition(node: ast.AST) -> bool:
    match node:
        case ast.BoolOp(values=values):
            return all(map(_is_condition, values))
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return _is_condition(operand)
        case ast.Compare(left=left, ops=ops, comparators=comparators):
            return all(type(op) in _COMPARE for op in ops) and all(map(_is_number, (left, *comparators)))
    return False


def _is_number(node: ast.AST) -> bool:
    match node:
        case ast.Constant(value=value):
            return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= _LARGEST
        case ast.Name():
            return True
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return _is_number(operand)
        case ast.BinOp(left=left, op=op, right=right):
            return type(op) in _ARITHMETIC and _is_number(left) and _is_number(right)
        case ast.Call(func=ast.Name(id=name), args=[ast.Name(), *rest], keywords=[]):
            return name in _OVER_EPOCHS and len(rest) <= 1 and all(map(_is_count, rest))
    return False


def _is_count(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and type(node.value) is int and node.value >= 1


def _evaluate(node: ast.AST, history: History) -> Any:
    match node:
        case ast.BoolOp(op=ast.And(), values=values):
            return all(_evaluate(value, history) for value in values)
        case ast.BoolOp(values=values):
            return any(_evaluate(value, history) for value in values)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return not _evaluate(operand, history)
        case ast.UnaryOp(operand=operand):
            return -_evaluate(operand, history)
        case ast.Compare(left=left, ops=ops, comparators=comparators):
            numbers = [_evaluate(item, history) for item in (left, *comparators)]
            return all(_COMPARE[type(op)](a, b) for op, a, b in zip(ops, numbers, numbers[1:], strict=False))
        case ast.BinOp(left=left, op=operation, right=right):
            return _ARITHMETIC[type(operation)](_evaluate(left, history), _evaluate(right, history))
        case ast.Call(func=ast.Name(id=name), args=[ast.Name(id=value), *rest]):
            count = rest[0].value if rest and isinstance(rest[0], ast.Constant) else len(history.epochs)
            return _OVER_EPOCHS[name](_values(value, history), int(count))  # type: ignore[arg-type]
        case ast.Name(id=name):
            return _values(name, history)[-1]
        case ast.Constant(value=int() | float() as number):
            return float(number)
    raise AssertionError(node)


def _values(name: str, history: History) -> list[float]:
    check_names(name, history.names())
    return history.values(name)
