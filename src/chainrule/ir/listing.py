"""The listing of a program: one equation a line under its phase, with types, formulas and origins."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from chainrule.ir.program import PHASES, Equation, Program, Value

_ROLE_ORDER = ("x", "y", "w", "parameter", "buffer", "optimizer", "hyper")


def value_names(program: Program) -> dict[Value, str]:
    """Return a name for each value, unique in the program: an input's own, the hint that the value carries, or ``v1``, ``v2`` …"""
    names = {port.value: port.name for port in program.inputs}
    taken = set(names.values())
    for equation in program.equations:
        for value in equation.outputs:
            names[value] = _unique(value.name or "v1", taken)
            taken.add(names[value])
    return names


def _unique(hint: str, taken: set[str]) -> str:
    if hint not in taken:
        return hint
    stem, number = (hint.rstrip("0123456789"), 1) if hint.startswith("v") and hint[1:].isdigit() else (f"{hint}.", 2)
    while f"{stem}{number}" in taken:
        number += 1
    return f"{stem}{number}"


def show_formula(equation: Equation, operands: Iterable[str]) -> str:
    """Write an equation's right-hand side with the given operand texts: ``x @ hidden_1.weight``."""
    return equation.op.formula.format(*operands, **{name: _show_attribute(value) for name, value in equation.attributes.items()})


def _show_attribute(value: object) -> str:
    if isinstance(value, np.ndarray):
        return np.array2string(value, separator=", ", threshold=8) if value.ndim else f"{value.item():.9g}"
    if isinstance(value, tuple):
        return f"[{', '.join(map(_show_attribute, value))}]"
    return f"{value:.9g}" if isinstance(value, float) else str(value)


def listing(program: Program, phases: Iterable[str] = PHASES) -> str:
    """Return the listing; scalar constants and B stand where they are used, and ``of NAME`` says whose derivative an equation is."""
    names = value_names(program)
    scalars = {e.outputs[0] for e in program.equations if e.op.name in ("constant", "dimension") and not e.outputs[0].type.shape}
    scalars -= {port.value for port in program.outputs}
    texts = dict(names)
    rows: dict[str, list[tuple[str, str, str]]] = {phase: [] for phase in PHASES}
    for equation in program.equations:
        formula = show_formula(equation, (texts[value] for value in equation.inputs))
        if equation.outputs[0] in scalars:
            texts[equation.outputs[0]] = formula
            continue
        left = ", ".join(f"{names[value]}: {value.type}" for value in equation.outputs)
        rows[equation.phase].append((left, formula, _comment(equation, names)))
    lines = ["inputs"]
    order = {role: number for number, role in enumerate(_ROLE_ORDER)}
    for port in sorted(program.inputs, key=lambda port: order.get(port.role, len(order))):
        lines.append(f"  {port.role:<10} {port.name}: {port.type}")
    for phase in phases:
        if rows[phase]:
            wide = min(max(len(left) for left, _, _ in rows[phase]), 44)
            lines += [phase, *(f"  {left:<{wide}} = {formula}{comment}" for left, formula, comment in rows[phase])]
    lines += ["outputs", *(f"  {port.role:<10} {port.name}: {port.type} = {texts[port.value]}" for port in program.outputs)]
    return "\n".join(lines)


def _comment(equation: Equation, names: dict[Value, str]) -> str:
    sources = dict.fromkeys(names[o.source] for o in equation.origins if o.source is not None and o.source in names)
    return f"    # of {', '.join(sources)}" if sources else ""
