"""The printed form of LLVM IR and of machine code: function by function, with what each computes."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from chainrule.backends.llvm.compile import assembly
from chainrule.backends.llvm.listing import groups
from chainrule.backends.llvm.module import Built
from chainrule.backends.llvm.target import Target
from chainrule.ir.program import PHASES

_SHARED = {
    "product": "a microkernel: a tile of a product",
    "row": "a row alone times a matrix",
    "turn": "copies a transposed operand into a panel",
    "copy": "copies an operand into a panel",
    "rows": "copies rows of an operand into tiles",
    "ahead": "asks for memory ahead",
    "quotient": "a whole number divided by another",
    "meet": "the barrier",
    "run": "the loop over steps and stages",
}
_DEFINE = re.compile(r'^define .*@"?([\w.]+)"?\(')
_LABEL = re.compile(r'^\s*\.type\s+"?([\w.]+)"?,\s*[@%]function|^"?_?((?:group|product|row|turn|copy|ahead|quotient|meet|run)[\w.]*)"?:')


def describe_ir(built: Built, target: Target, phases: Collection[str]) -> dict[str, Any]:
    """Return the functions in LLVM IR, as they were written, before LLVM's passes."""
    return {"comment": ";", "functions": _annotated(built, target, phases, _split(built.text, _DEFINE))}


def describe_assembly(built: Built, target: Target, phases: Collection[str]) -> dict[str, Any]:
    """Return the functions in the machine's assembly."""
    return {"comment": "#", "functions": _annotated(built, target, phases, _split(assembly(built.text, target), _LABEL))}


def _split(text: str, begins: re.Pattern[str]) -> Iterator[tuple[str, str]]:
    name, part = "", list[str]()
    for line in text.splitlines():
        found = begins.match(line)
        if found and (new := str(next(filter(None, found.groups())))) != name:
            yield name, "\n".join(part)
            name, part = new, []
        part.append(line)
    yield name, "\n".join(part)


def _annotated(built: Built, target: Target, phases: Collection[str], functions: Iterator[tuple[str, str]]) -> list[dict[str, Any]]:
    stages = groups.describe(built, target, PHASES)["stages"]
    known = {group["group"]: group for stage in stages for group in stage["groups"]}
    result = []
    for name, text in functions:
        kind = name.partition(".")[0]
        own = [known[number] for number in built.groups.get(name, [])]
        if len(phases) < len(PHASES) and not any(phase in phases for group in own for e in group["equations"] for phase in e["phases"]):
            continue
        what = [_SHARED[kind]] if kind in _SHARED else []
        for group in own:  # groups of equal layers share their functions
            part = "what becomes of tiles of the " if name.endswith(".tile") else ""
            what += [f"group {group['group']}: {part}{group['kind']} {group['space']}"]
            what += [f"{', '.join(e['values'])} = {e['formula']}  ({groups.origin(e)})" for e in group["equations"]]
        if text.strip():
            result.append({"name": name, "computes": what, "text": text.strip("\n")})
    return result


def lines(shown: Mapping[str, Any]) -> list[str]:
    """Return the text."""
    result: list[str] = []
    for function in shown["functions"]:
        result += [f"{shown['comment']} {line}" for line in function["computes"]]
        result += [*(line.expandtabs() for line in function["text"].splitlines()), ""]
    return result
