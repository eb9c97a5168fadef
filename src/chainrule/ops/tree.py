"""Nested dicts, tuples and lists of arrays, taken apart into named leaves and put together again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any


def leaves(tree: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield (dotted path, leaf) in a fixed order: dicts by their own order, tuples and lists by position."""
    if isinstance(tree, dict):
        items: Iterable[tuple[Any, Any]] = tree.items()
    elif isinstance(tree, (tuple, list)):
        items = enumerate(tree)
    else:
        yield path, tree
        return
    for key, item in items:
        yield from leaves(item, f"{path}.{key}" if path else str(key))


def rebuild(tree: Any, new_leaves: Iterable[Any]) -> Any:
    """Return a tree of the same structure with other leaves, taken in the order of :func:`leaves`."""
    supply = iter(new_leaves)
    return convert(lambda _: next(supply), tree)


def convert(function: Callable[[Any], Any], tree: Any) -> Any:
    """Apply a function to each leaf."""
    if isinstance(tree, dict):
        return {key: convert(function, item) for key, item in tree.items()}
    if isinstance(tree, (tuple, list)):
        return type(tree)(convert(function, item) for item in tree)
    return function(tree)
