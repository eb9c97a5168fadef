"""Where each stored value stands: arrays that come in and go out, the arena with its lifetimes, and a thread's own memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from chainrule.backends.llvm.stages import Staged
from chainrule.ir import Program, Type, Value, bind_axes

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


class Planner:
    """Gives places to values, one after the other, and remembers them."""

    def __init__(self, staged: Staged, program: Program, training: bool) -> None:
        self.staged = staged
        self.program = program  # as it was given: its ports say what comes in and goes out
        self.training = training
        self.plan = Plan(stages=staged.stages)
        self.of: dict[Value, int] = {}
        self.watched: dict[Value, int] = {}
        self.constants: dict[Value, np.ndarray] = {}
        self._inputs()
        self._results()

    def add(self, place: Place) -> int:
        """Add a place and return its number."""
        self.plan.places.append(place)
        return len(self.plan.places) - 1

    def place(self, value: Value) -> int:
        """Return the place where a value is stored, always or while someone watches."""
        return self.of[value] if value in self.of else self.watched[value]

    def private(self, type: Type, name: str = "") -> int:
        """Add a scalar of a thread's own."""
        place = Place("private", name, type, offset=self.plan.private)
        self.plan.private += 16
        return self.add(place)

    def temporary(self, type: Type, first: int, last: int) -> int:
        """Add a place in the arena."""
        return self.add(Place("temporary", "", type, first, last))

    def _inputs(self) -> None:
        for port in self.program.inputs:
            if not self.training:
                self.of[port.value] = self.add(Place("input", port.name, port.type))
            elif not port.type.shape:
                self.of[port.value] = self.private(port.type, port.name)
            else:
                kind = "batch" if port.role in ("x", "y", "w") else "state"
                self.of[port.value] = self.add(Place(kind, port.name, port.type))
        for e in self.staged.grouped.program.equations:
            if e.op.name == "constant" and e.outputs[0].type.shape:
                array = np.ascontiguousarray(e.attributes["value"], dtype=e.outputs[0].type.dtype)
                self.of[e.outputs[0]] = self.add(Place("constant", str(len(self.plan.constants)), e.outputs[0].type))
                self.plan.constants.append(array)

    def _results(self) -> None:
        staged, grouped = self.staged, self.staged.grouped
        last: dict[Value, int] = {}
        readers: dict[Value, list[int]] = {}
        for number, group in enumerate(grouped.groups):
            for value in group.reads:
                last[value] = max(last.get(value, 0), staged.stage[number])
                readers.setdefault(value, []).append(number)
        outputs: dict[Value, list[Any]] = {}
        for port, own in zip(grouped.program.outputs, self.program.outputs, strict=True):
            outputs.setdefault(grouped.views.get(port.value, port.value), []).append((own, port.value))
        for number, group in enumerate(grouped.groups):
            for value in group.stores:
                self.of[value] = self._result(value, number, last.get(value, staged.stage[number]), readers, outputs.get(value, []))
            for value in group.watches:
                self.watched[value] = self.add(Place("watched", "", value.type))
        names = {port.value: port.name for port in self.program.inputs}
        for port, own in zip(grouped.program.outputs, self.program.outputs, strict=True):
            stored = grouped.views.get(port.value, port.value)
            self.plan.outputs[own.name] = (self.place(stored), own.type, names.get(port.value, ""))
            if self.training and own.role not in ("loss", "statistic") and self.of[stored] != self.of.get(self._input(own.name)):
                self.plan.commits.append((self.of[stored], self.of[self._input(own.name)]))

    def _input(self, name: str) -> Any:
        return next((port.value for port in self.program.inputs if port.name == name), None)

    def _result(self, value: Value, number: int, last: int, readers: Mapping[Value, Sequence[int]], ports: list[Any]) -> int:
        staged = self.staged
        if value in staged.private:
            return self.private(value.type)
        for port, direct in ports:
            if self.training and direct is value and port.role != "loss":
                old = self._input(port.name)
                if old is not None and old.type == value.type and self._in_place(old, number, readers):
                    return self.of[old]
        if ports and not self.training:
            return self.add(Place("output", ports[0][0].name, value.type))
        return self.temporary(value.type, staged.stage[number], staged.stages if ports else last)

    def _in_place(self, old: Value, number: int, readers: Mapping[Value, Sequence[int]]) -> bool:
        """Whether all others have read what is replaced, and the group itself reads it where it writes it."""
        staged, group = self.staged, self.staged.grouped.groups[number]
        if not old.type.shape or self.of[old] in {self.of.get(v) for v in group.roots}:
            return False
        if any(staged.stage[reader] >= staged.stage[number] for reader in readers.get(old, []) if reader != number):
            return False
        return group.reads.get(old, "same") == "same"
