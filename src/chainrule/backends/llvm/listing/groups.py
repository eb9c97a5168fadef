"""The printed form of groups and stages: each equation where it is computed, with its phase and layer."""

from __future__ import annotations

import textwrap
from collections.abc import Collection, Mapping
from typing import Any

from chainrule.backends.llvm.groups import Group, Grouped
from chainrule.backends.llvm.index import is_scalar_constant
from chainrule.backends.llvm.module import Built
from chainrule.backends.llvm.product import Product, product
from chainrule.backends.llvm.target import Target
from chainrule.ir import Equation, Value
from chainrule.ir.listing import show_formula, value_names
from chainrule.ir.types import show_shape

_SHARED = {
    "rows": "each thread its rows",
    "parts": "each thread a part",
    "each": "every thread for itself",
    "one": "one thread",
}
_HOW = {"same": "at the same place", "row": "in the same row", "anywhere": "anywhere"}
_WIDTH = 100


def equations_of(grouped: Grouped, group: Group) -> list[Equation]:
    """Return the equations that a group computes, those in passing too, in the order of the program."""
    stored = {value for g in grouped.groups for value in g.roots}
    found: set[Equation] = set()
    waiting = list(group.roots)
    while waiting:
        e = grouped.definitions.get(waiting.pop())
        if e is None or e in found or (is_scalar_constant(e)):
            continue
        found.add(e)
        waiting += [value for value in e.inputs if value not in stored and value not in grouped.views]
    return [e for e in grouped.program.equations if e in found]


def describe(built: Built, target: Target, phases: Collection[str]) -> dict[str, Any]:
    """Return the stages with their groups."""
    grouped, staged = built.grouped, built.staged
    names = value_names(grouped.program)
    stages: list[dict[str, Any]] = [{"stage": number, "groups": []} for number in range(staged.stages)]
    for number, group in enumerate(grouped.groups):
        equations = equations_of(grouped, group)
        if not any(e.phase in phases for e in equations):
            continue
        stages[staged.stage[number]]["groups"].append(
            {
                "group": number,
                "kind": group.kind,
                "space": show_shape(group.space),
                "shared": staged.share[number],
                "product": _product(built, group, target),
                "equations": [_equation(e, group, names) for e in equations],
                "reads": {names[value]: how for value, how in group.reads.items()},
            }
        )
    return {"stages": stages}


def _product(built: Built, group: Group, target: Target) -> str:
    if group.kind != "matmul" or group.equation is None:
        return ""
    views = built.grouped.views
    p = product(group.equation, built.grouped.definitions, lambda value: value in built.places or value in views, target)
    return "element by element" if p is None else _how(p)


def _how(p: Product) -> str:
    parts = [f"tiles of {p.mr}×{p.width}"]
    if p.packed:
        parts.append("B copied into panels" + (" and turned" if p.y_turned else ""))
    if p.x_turned:
        parts.append("A copied and turned" if p.packed_x else "A read turned")
    if p.blocks:
        parts.append(f"k in blocks of {p.block}")
    return ", ".join(parts)


def _equation(e: Equation, group: Group, names: Mapping[Value, str]) -> dict[str, Any]:
    return {
        "phases": list(dict.fromkeys(origin.phase for origin in e.origins)),
        "layer": e.layer,
        "of": list(dict.fromkeys(names[o.source] for o in e.origins if o.source is not None and o.source in names)),
        "values": [f"{names[value]}: {value.type}" for value in e.outputs],
        "formula": show_formula(e, (names[value] for value in e.inputs)),
        "stored": any(value in group.stores for value in e.outputs),
    }


def lines(shown: Mapping[str, Any]) -> list[str]:
    """Return the text."""
    result = []
    seen: set[str] = set()  # what has been shown: a scalar is computed anew by each group that needs it
    for stage in shown["stages"]:
        if stage["groups"]:
            result.append(f"stage {stage['stage']}" + (", behind a barrier" if stage["stage"] else ""))
        for group in stage["groups"]:
            how = ", ".join(filter(None, (_SHARED[group["shared"]], group["product"])))
            result.append(f"  group {group['group']}: {group['kind']} {group['space']}, {how}")
            again = [e for e in group["equations"] if not e["stored"] and e["values"][0].endswith("[]") and e["values"][0] in seen]
            result += _table([e for e in group["equations"] if e not in again])
            seen.update(e["values"][0] for e in group["equations"])
            result += _names("computes again", [e["values"][0].split(":")[0] for e in again])
            for way, words in _HOW.items():
                result += _names(f"reads {words}", [name for name, how in group["reads"].items() if how == way])
    return result


def _names(what: str, names: list[str]) -> list[str]:
    text = f"{what}: {', '.join(names)}"
    return textwrap.wrap(text, _WIDTH, initial_indent=" " * 4, subsequent_indent=" " * 8, break_on_hyphens=False) if names else []


def _table(equations: list[dict[str, Any]]) -> list[str]:
    rows = [(", ".join(e["values"]), e["formula"], origin(e), "→" if e["stored"] else " ") for e in equations]
    left, middle = (min(max((len(row[column]) for row in rows), default=0), 34) for column in (0, 1))
    return [f"    {mark} {values:<{left}} = {formula:<{middle}}  # {where}" for values, formula, where, mark in rows]


def origin(equation: Mapping[str, Any]) -> str:
    """Return where an equation comes from, in words: its phases, its layer, whose derivative it is."""
    of = f", of {', '.join(equation['of'])}" if equation["of"] else ""
    return " ".join(filter(None, ("+".join(equation["phases"]), equation["layer"]))) + of
