"""A training Program as machine code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.backends.llvm.compile import compiled
from chainrule.backends.llvm.frame import Frame
from chainrule.backends.llvm.memory import Memory
from chainrule.backends.llvm.session import Session
from chainrule.backends.llvm.target import Target
from chainrule.ir import Program

Arrays = Mapping[str, np.ndarray]


class Training:
    """A training Program as machine code; any number of threads of Python may use it at once."""

    def __init__(self, program: Program, target: Target | None = None) -> None:
        self.program = program
        self._target = target
        self.plan, self._run = compiled(program, target or Target.host(), True)
        self._memory = Memory({place.name: place.type for place in self.plan.places if place.kind == "state"})
        self._frames: list[Frame] = []  # of sessions that have ended

    def __reduce__(self) -> Any:
        return Training, (self.program, self._target)

    def begin(self, state: Arrays) -> Session:
        """Return what takes a state through any number of native calls, until :meth:`end`."""
        try:
            frame = self._frames.pop()
        except IndexError:
            frame = Frame(self.plan)
        return Session(self.program, self._run, frame, self._memory, state)

    def end(self, session: Session) -> dict[str, np.ndarray]:
        """Return what the steps of a session replaced; it takes no more of them, and the next one uses its memory."""
        arrays = session.state(last=True)
        self._frames.append(session.frame)
        return arrays

    def run(self, state: Arrays, data: Arrays, order: np.ndarray, meta: np.ndarray, threads: int = 1) -> Result:
        """Take steps from a state, which is not changed; the arguments are those of :class:`Session`."""
        session = self.begin(state)
        losses = session.take(data, order, meta, threads)
        return Result(self.end(session), losses, session.done, session.status)


@dataclass(frozen=True)
class Result:
    """What became of some steps.

    Attributes:
        state: the arrays that the steps replaced.
        losses: one a step.
        done: the steps whose update was applied.
        status: 0, or 1 if the next loss is not finite, or 2 if an index was out of its range.
    """

    state: dict[str, np.ndarray]
    losses: np.ndarray
    done: int
    status: int
