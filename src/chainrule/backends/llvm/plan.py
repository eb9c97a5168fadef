"""Where each stored value stands: arrays that come in and go out, the arena with its lifetimes, and a thread's own memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from chainrule.backends.llvm.layout import Place, Plan
from chainrule.backends.llvm.stages import Staged
from chainrule.ir import Program, Type, Value


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

    def own(self, value: Value) -> int | None:
        """Return where a value stands in a thread's own memory, if it does."""
        place = self.plan.places[self.place(value)]
        return place.offset if place.kind == "private" else None

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
