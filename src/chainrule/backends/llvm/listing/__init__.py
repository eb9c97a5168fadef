"""What became of each equation: a compiled program as groups in stages, as a plan of memory, as LLVM IR, as machine code."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from chainrule.backends.llvm.listing import functions, groups, memory
from chainrule.backends.llvm.module import Built, build
from chainrule.backends.llvm.target import Target
from chainrule.errors import OptionError, nearest
from chainrule.ir import Program
from chainrule.ir.program import PHASES

Shown = dict[str, Any]
_Describe = Callable[[Built, Target, Collection[str]], Shown]
_FORMS: dict[str, tuple[_Describe, Callable[[Shown], list[str]]]] = {
    "groups": (groups.describe, groups.lines),
    "plan": (memory.describe, memory.lines),
    "llvm": (functions.describe_ir, functions.lines),
    "asm": (functions.describe_assembly, functions.lines),
}
STAGES = tuple(_FORMS)


def describe(
    program: Program, stage: str, *, phases: Collection[str] = PHASES, training: bool | None = None, target: Target | None = None
) -> Shown:
    """Return one stage of a program's compilation as plain data.

    Args:
        program: any program.
        stage: ``groups``, ``plan``, ``llvm`` or ``asm``.
        phases: only what computes an equation of these.
        training: whether it is compiled to take many steps; by default, whether it has a loss and replaces parameters.
        target: the machine; by default the one at hand.

    Raises:
        OptionError: there is no such stage.
    """
    if stage not in _FORMS:
        raise OptionError(f"stage {stage!r} does not exist; choose one of {', '.join(STAGES)}.{nearest(stage, STAGES)}")
    if training is None:
        training = {"loss", "parameter"} <= {port.role for port in program.outputs}
    target = target or Target.host()
    built = build(program, target, training)
    return {"stage": stage, "target": str(target), **_FORMS[stage][0](built, target, phases)}


def listing(
    program: Program, stage: str, *, phases: Collection[str] = PHASES, training: bool | None = None, target: Target | None = None
) -> str:
    """Return one stage of a program's compilation as text; arguments as for :func:`describe`."""
    return "\n".join(text(describe(program, stage, phases=phases, training=training, target=target)))


def text(shown: Shown) -> list[str]:
    """Return what :func:`describe` returned as lines of text."""
    return _FORMS[shown["stage"]][1](shown)
