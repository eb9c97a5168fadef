"""The words that name something in the code, operations, activations, losses and so on, as one page of the reference."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from chainrule import losses, nn, optim
from chainrule.ops import OPERATIONS
from chainrule.ops.primitive import Primitive, no_gradient
from chainrule.training.metrics import METRICS

_OPERANDS = "xyzuvw"


def page() -> str:
    """Return the page."""
    lists: dict[str, Mapping[str, Any]] = {
        "Activations": nn.ACTIVATIONS,
        "Initializers": nn.INITIALIZERS,
        "Losses": losses.LOSSES,
        "Optimizers": optim.OPTIMIZERS,
        "Schedules": optim.SCHEDULES,
        "Metrics": {name: metric.function for name, metric in METRICS.items()},
    }
    made = "Made from the code by `python docs/make.py words`."
    lines = ["# Words", "", f"What flags and parameters can be, and what Programs are made of. {made}"]
    for title, words in lists.items():
        lines += ["", f"## {title}", "", *_table(("name", "what it is"), [(f"`{name}`", _what(named)) for name, named in words.items()])]
    lines += ["", "## Operations", "", "A composite has a definition in other operations, which `cr.expand` writes out.", ""]
    operations = [_operation(made) for _, made in sorted(OPERATIONS.items()) if isinstance(made, Primitive)]
    return "\n".join([*lines, *_table(("name", "written as", "composite", "gradient"), operations), ""])


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    return ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in (head, ("---",) * len(head), *rows)]


def _operation(made: Primitive) -> tuple[str, ...]:
    written = re.sub(r"\{(\d)\}", lambda found: _OPERANDS[int(found[1])], made.formula).replace("{operands}", "x, y, …")
    written = re.sub(r"\b(\w+) \{\1\}|\{(\w+)\}", lambda found: found[1] or found[2], written)
    return f"`{made.name}`", f"`{written}`", "yes" if made.definition else "", "none" if made.vjp is no_gradient else "yes"


def _what(made: Callable[..., Any] | Primitive) -> str:
    """Return the first paragraph of a function's docstring; a primitive has its formula."""
    if isinstance(made, Primitive):
        return _operation(made)[1]
    said = " ".join((made.__doc__ or "").split("\n\n")[0].split()).replace("\\|", "|").removeprefix("Return ")
    return re.sub(r":func:(`\w+`)", r"\1", said[:1].upper() + said[1:] if said[1:2].isalpha() or said[:2] == "a " else said)
