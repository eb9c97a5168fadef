"""The listing of a program: one equation a line under its phase, with types, formulas and origins."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import numpy as np

from chainrule.ir.program import PHASES, Equation, Program, Value

_ROLE_ORDER = ("x", "y", "w", "parameter", "buffer", "optimizer", "hyper")


def value_names(program: Program) -> dict[Value, str]:
    """Return a name for each value, unique in the program: an input's own, the hint that the value carries, or ``v1``, ``v2`` …

    A scalar constant, and B as a number, are named by what they are: ``0.5``, ``B``.
    """
    names = {port.value: port.name for port in program.inputs}
    taken = set(names.values())
    last: Counter[str] = Counter()
    for equation in program.equations:
        for value in equation.outputs:
            names[value] = show_formula(equation, ()) if _is_scalar(equation) else _unique(value.name, taken, last)
            taken.add(names[value])
    return names


def _is_scalar(equation: Equation) -> bool:
    return equation.op.name in ("constant", "dimension") and not equation.outputs[0].type.shape


def _unique(hint: str, taken: set[str], last: Counter[str]) -> str:
    name, stem = hint, f"{hint}." if hint else "v"
    while not name or name in taken:
        last[stem] += 1
        name = f"{stem}{last[stem] + bool(hint)}"  # h, h.2, h.3 … and v1, v2 …
    return name


def show_formula(equation: Equation, operands: Iterable[str]) -> str:
    """Write an equation's right-hand side with the given operand texts: ``x @ hidden_1.weight``."""
    texts = list(operands)
    attributes = {name: _show_attribute(value) for name, value in equation.attributes.items() if value is not None}
    formula = equation.op.formula.format(*texts, operands=", ".join(texts), **attributes)
    rest = (f"{name} {text}" for name, text in attributes.items() if name != "dtype" and f"{{{name}}}" not in equation.op.formula)
    return ", ".join((formula, *rest))


def _show_attribute(value: object) -> str:
    if isinstance(value, np.ndarray):
        return np.array2string(value, separator=", ", threshold=8) if value.ndim else f"{value.item():.9g}"
    if isinstance(value, tuple):
        return f"[{', '.join(map(_show_attribute, value))}]"
    return f"{value:.9g}" if isinstance(value, float) else str(value)


def listing(program: Program, phases: Iterable[str] = PHASES) -> str:
    """Return the listing; scalar constants and B stand where they are used, and ``of NAME`` says whose derivative an equation is."""
    names = value_names(program)
    rows: dict[str, list[tuple[str, str, str]]] = {phase: [] for phase in PHASES}
    for equation in program.equations:
        if not _is_scalar(equation):
            formula = show_formula(equation, (names[value] for value in equation.inputs))
            left = ", ".join(f"{names[value]}: {value.type}" for value in equation.outputs)
            rows[equation.phase].append((left, formula, _comment(equation, names)))
    lines = ["inputs"]
    order = {role: number for number, role in enumerate(_ROLE_ORDER)}
    for port in sorted(program.inputs, key=lambda port: order.get(port.role, len(order))):
        lines.append(f"  {port.role:<10} {port.name}: {port.type}")
    for phase in phases:
        if rows[phase]:
            left_width, width = (min(max(len(row[column]) for row in rows[phase]), 44) for column in (0, 1))
            texts = (f"  {left:<{left_width}} = {formula:<{width}}{comment}" for left, formula, comment in rows[phase])
            lines += [phase, *(text.rstrip() for text in texts)]
    lines += ["outputs", *(f"  {port.role:<10} {port.name}: {port.type} = {names[port.value]}" for port in program.outputs)]
    return "\n".join(lines)


def _comment(equation: Equation, names: dict[Value, str]) -> str:
    sources = dict.fromkeys(names[o.source] for o in equation.origins if o.source is not None and o.source in names)
    return f"  # of {', '.join(sources)}" if sources else ""
