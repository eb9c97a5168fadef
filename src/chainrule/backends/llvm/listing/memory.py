"""The printed form of a plan of memory: what stands where, and for how long."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from chainrule.backends.llvm.listing.groups import equations_of
from chainrule.backends.llvm.module import Built
from chainrule.backends.llvm.target import Target
from chainrule.ir import Value
from chainrule.ir.listing import value_names

_ROWS = (1, 32, 256)  # of the examples of an arena's size


def describe(built: Built, target: Target, phases: Collection[str]) -> dict[str, Any]:
    """Return the places with what they hold."""
    plan, grouped = built.plan, built.grouped
    names = value_names(grouped.program)
    holds: dict[int, list[Value]] = {}
    for value, number in built.places.items():
        holds.setdefault(number, []).append(value)
    inputs = {port.value for port in grouped.program.inputs}
    equations = [e for group in grouped.groups for e in equations_of(grouped, group) if e.phase in phases]
    chosen = {value for e in equations for value in (*e.inputs, *e.outputs)}
    chosen |= {grouped.views[value] for value in chosen if value in grouped.views}
    places = []
    for number, place in enumerate(plan.places):
        values = holds.get(number, [])
        if not chosen.isdisjoint(values) or (not any(value in names for value in values) and len(phases) > 1):
            made = [e for e in (grouped.definitions.get(value) for value in values if value not in inputs) if e is not None]
            places.append(
                {
                    "place": number,
                    "kind": place.kind,
                    "type": str(place.type),
                    "holds": [names[value] for value in values if value in names] or ["sums of a product between blocks of k"],
                    "stages": [place.first, place.last] if place.kind == "temporary" else None,
                    "made": list(dict.fromkeys(" ".join(filter(None, (e.phase, e.layer))) for e in made)),
                }
            )
    return {
        "places": places,
        "copied": [[source, to] for source, to in plan.commits],
        "arena": {str(rows): plan.arena(rows)[1] for rows in _ROWS},
        "thread": plan.private,
        "row_local": plan.row_local,
    }


def lines(shown: Mapping[str, Any]) -> list[str]:
    """Return the text."""
    rows = [("place", "kind", "type", "stages", "holds")]
    for place in shown["places"]:
        first, last = place["stages"] or ("", "")
        when = "" if first == "" else str(first) if first == last else f"{first} to {last}"
        made = f"  # {', '.join(place['made'])}" if place["made"] else ""
        rows.append((str(place["place"]), place["kind"], place["type"], when, ", then ".join(place["holds"]) + made))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    result = ["  ".join((*(text.ljust(width) for text, width in zip(row, widths, strict=False)), row[4])).rstrip() for row in rows]
    if shown["copied"]:
        result.append("copied at the end of a step: " + ", ".join(f"{source} to {to}" for source, to in shown["copied"]))
    sizes = ", ".join(f"{size:,} for {rows} row{'s' if rows != '1' else ''}" for rows, size in shown["arena"].items())
    result.append(f"arena of the temporary places, bytes: {sizes}; a thread's own memory: {shown['thread']:,}")
    if shown["row_local"]:
        result.append("rows do not depend on each other: many are run slice by slice")
    return result
