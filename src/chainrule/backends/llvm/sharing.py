"""Functions that do the same with other sizes become one, which gets the sizes as arguments: most of the time to compile is LLVM's, and
goes with the number of instructions.

A function's text has a mark before each number that may be another one in a function like it (:class:`~chainrule.backends.llvm.code.Size`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from chainrule.backends.llvm.code import MARK, Function

_SIZE = re.compile(rf"{MARK}(-?\d+)")
_CALL = re.compile(r'call void @"([\w.]+)"\((.*)\)$', re.MULTILINE)


def share(functions: Sequence[Function]) -> dict[str, str]:
    """Write the text of each function; return the name of the function that does its work: its own, or that of one like it."""
    calls: dict[str, tuple[str, list[str]]] = {}  # instead of a call of each function: whose, and the sizes that it gets

    def call(found: re.Match[str]) -> str:
        name, arguments = found.groups()
        shared, sizes = calls.get(name, (name, []))
        return f'call void @"{shared}"({arguments}{"".join(f", i64 {MARK}{size}" for size in sizes)})'

    for function in functions:
        function.whole = str(function)
    waiting = list(functions)
    while waiting:
        names = {function.name for function in waiting}
        ready = [f for f in waiting if names.isdisjoint(match[0] for match in _CALL.findall(str(f)))]
        waiting = [f for f in waiting if f not in ready]
        alike: dict[str, list[tuple[Function, list[str]]]] = {}
        for f in ready:
            f.whole = _CALL.sub(call, str(f))
            without = f.whole.replace(f'"{f.name}"', "", 1)
            alike.setdefault(_SIZE.sub(MARK, without), []).append((f, _SIZE.findall(without)))
        for members in alike.values():
            _merge(members, calls)
    return {name: shared for name, (shared, _) in calls.items()}


def _merge(members: list[tuple[Function, list[str]]], calls: dict[str, tuple[str, list[str]]]) -> None:
    """Write the function that does what some functions do; tell what stands instead of their calls."""
    first = members[0][0]
    places = list(zip(*(sizes for _, sizes in members), strict=True))
    wanted = list(dict.fromkeys(place for place in places if len(set(place)) > 1))
    for number, (f, _) in enumerate(members):
        calls[f.name] = first.name, [sizes[number] for sizes in wanted]
    if not wanted:
        return
    left = iter(places)

    def size(found: re.Match[str]) -> str:
        place = next(left)
        return f'%"size.{wanted.index(place)}"' if place in wanted else found[0]

    head, line, body = _SIZE.sub(size, str(first)).partition("\n")
    inside, end, attributes = head.rpartition(")")
    first.whole = inside + "".join(f', i64 %"size.{number}"' for number in range(len(wanted))) + end + attributes + line + body
