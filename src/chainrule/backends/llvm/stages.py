"""What can run without a barrier: groups in stages, and how each group is shared among threads.

- ``rows``: the thread that owns a row of the batch computes it, through one group after the other;
- ``parts``: the group's first axis, or its tiles, are dealt out;
- ``each``: every thread computes it for itself (scalars, and sums over a row's worth of numbers), in memory of its own;
- ``one``: one thread computes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from chainrule.backends.llvm.groups import Group, Grouped, batch_axes, reduced_axes
from chainrule.ir import B, Value
from chainrule.ir.types import count

_SMALL = 4  # numbers a row, up to which a sum over the batch is computed by every thread
_FEW = 1024  # numbers of a fixed-size sum


@dataclass(frozen=True, eq=False)
class Staged:
    """Groups with their stages.

    Attributes:
        grouped: the groups.
        share: how each group is shared.
        stage: the stage of each group.
        private: the values of which each thread has its own.
    """

    grouped: Grouped
    share: tuple[str, ...]
    stage: tuple[int, ...]
    private: frozenset[Value]

    @property
    def stages(self) -> int:
        """The number of stages."""
        return max(self.stage, default=-1) + 1


def stage(grouped: Grouped, replaced: Mapping[Value, Value], loss: Value | None = None, gathered: frozenset[Value] = frozenset()) -> Staged:
    """Return the stages.

    Args:
        grouped: the groups.
        replaced: the values that take the place of inputs when a step ends: new value → input. What replaces an input runs no earlier
            than the loss is known.
        loss: the value that says whether the step counts.
        gathered: inputs whose rows each thread fetches for itself.
    """
    share = tuple(_share(group) for group in grouped.groups)
    home = {value: number for number, group in enumerate(grouped.groups) for value in group.roots}
    stages: list[int] = []
    for number, group in enumerate(grouped.groups):
        at = 0
        for value, how in group.reads.items():
            if value in gathered and not _together("rows", share[number], how):
                at = max(at, 1)
            if value not in home:
                continue
            maker = home[value]
            at = max(at, stages[maker] + (not _together(share[maker], share[number], how)))
        stages.append(at)
    if loss is not None and loss in home:
        known = stages[home[loss]] + (share[home[loss]] != "each")
        for number, group in enumerate(grouped.groups):
            if any(value in replaced and value.type.shape for value in group.roots):
                stages[number] = max(stages[number], known)
        for number, group in enumerate(grouped.groups):  # what reads them follows
            for value, how in group.reads.items():
                if value in home:
                    maker = home[value]
                    stages[number] = max(stages[number], stages[maker] + (not _together(share[maker], share[number], how)))
    private = frozenset(value for number, group in enumerate(grouped.groups) if share[number] == "each" for value in group.roots)
    return Staged(grouped, share, tuple(stages), private)


def _together(maker: str, reader: str, how: str) -> bool:
    return maker == "each" or (maker == reader == "rows" and how in ("same", "row"))


def _share(group: Group) -> str:
    if group.kind == "scatter":
        return "one"
    if not group.space:
        if group.kind != "reduce":
            return "each"
        assert group.equation is not None
        factor, power = count(group.equation.inputs[0].type.shape)
        return "each" if factor <= (_SMALL if power else _FEW) and power <= 1 else "one"
    if group.kind == "concatenate":
        assert group.equation is not None
        if group.equation.attributes["axis"] % len(group.space) == 0:
            return "one"
    if group.space[0] == B and batch_axes(group.space) == 1:
        return "rows" if _row_local(group) else "parts"
    return "parts"


def _row_local(group: Group) -> bool:
    """Whether the first axis of the space is the first axis of what the loop runs over."""
    if group.kind != "matmul" and group.kind != "reduce":
        return True
    assert group.equation is not None
    if group.kind == "reduce":
        return 0 not in reduced_axes(group.equation)
    return True
