"""How the memory of a compiled program is laid out, as plain data: all that it takes to call machine code that was kept."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from chainrule.ir import Type, bind_axes

# the words of the context that run reads, and after them those that it writes
READ = ("table", "threads", "steps", "meta", "order", "losses", "private", "stride", "flags", "give_way", "measure")
WORDS = (*READ, "done", "status", "begun")
LEAVE = 2  # what "begun" is set to where the first thread does not come; it is 1 once that one has come
COUNT, TURN, CONTEXT = 16, 24, 32  # of the barrier, each on a cache line of its own; and the number of words in all
META = 4  # words a step: where its rows begin in the order, B, the epoch, the step
_LINE = 64  # bytes to which everything is aligned


@dataclass
class Place:
    """A piece of memory.

    Attributes:
        kind: ``input`` and ``output`` (the caller's arrays), ``constant``, ``state`` and ``batch`` (a training's own copies),
            ``temporary``, ``watched`` (the watcher's array, if there is one), or ``private`` (one a thread).
        name: of the input or output; the number of a constant.
        type: what it holds.
        first, last: the stages from and to which it is needed.
        offset: of a private place, in bytes.
    """

    kind: str
    name: str
    type: Type
    first: int = 0
    last: int = 0
    offset: int = 0

    def size(self, rows: int) -> int:
        """Return its bytes for so many rows, padded."""
        number = int(np.prod(bind_axes(self.type.shape, rows), dtype=np.int64))
        return -(-number * np.dtype(self.type.dtype).itemsize // _LINE) * _LINE + _LINE


@dataclass
class Plan:
    """The memory of a compiled program; plain data that a cache can hold.

    Attributes:
        places: all pieces; a function's table holds the address of each that is not private.
        constants: the arrays of constants.
        outputs: name → (number of the place, or −1; the type of the result; the input's name if it is one's own value).
        commits: (from, to): copies at the end of a step, for state that cannot be replaced in place.
        loss: the place of the loss of a training step, or −1.
        scratch: the bytes of a thread's own memory behind its private places; ``private``: all of it.
        stages: how many there are. ``row_local``: whether rows are independent of each other, all the way.
        guarded: whether indices are read from arrays, and so looked at.
    """

    places: list[Place] = field(default_factory=list)
    constants: list[np.ndarray] = field(default_factory=list)
    outputs: dict[str, tuple[int, Type, str]] = field(default_factory=dict)
    commits: list[tuple[int, int]] = field(default_factory=list)
    loss: int = -1
    scratch: int = 0
    private: int = 0
    stages: int = 0
    row_local: bool = False
    guarded: bool = False
    work: int = 0  # floating-point operations a row, for the choice of threads

    def arena(self, rows: int) -> tuple[dict[int, int], int]:
        """Return for each temporary place its offset in the arena for so many rows, and the arena's bytes."""
        offsets: dict[int, int] = {}
        busy: list[tuple[int, int, int, int]] = []  # (offset, end, first, last)
        wanted = [(place.size(rows), number) for number, place in enumerate(self.places) if place.kind == "temporary"]
        for size, number in sorted(wanted, key=lambda item: (-item[0], item[1])):
            place = self.places[number]
            taken = sorted((o, end) for o, end, first, last in busy if first <= place.last and place.first <= last)
            at = 0
            for low, high in taken:
                if at + size <= low:
                    break
                at = max(at, high)
            offsets[number] = at
            busy.append((at, at + size, place.first, place.last))
        return offsets, max((end for _, end, _, _ in busy), default=0)
