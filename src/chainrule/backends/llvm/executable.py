"""A compiled Program, called like the reference."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np

from chainrule.backends import processors
from chainrule.backends.llvm.compile import compiled
from chainrule.backends.llvm.frame import Frame, contiguous
from chainrule.backends.llvm.layout import Plan
from chainrule.backends.llvm.slices import Slices
from chainrule.backends.llvm.target import Target
from chainrule.backends.reference import Reference
from chainrule.errors import DataError
from chainrule.ir import Program, bind_axes

Arrays = Mapping[str, np.ndarray]
_WORK_OF_A_THREAD = 1e8  # operations of a call that are worth another thread


class Executable:
    """A program as machine code; the calling convention is that of :class:`~chainrule.backends.reference.Reference`."""

    def __init__(self, program: Program, target: Target | None = None) -> None:
        self.program = program
        self._target = target
        self._slices: list[Slices] = []  # free ones
        self._frames: list[Frame] = []

    def __reduce__(self) -> Any:
        return Executable, (self.program, self._target)  # a copy, or another process, compiles for itself or loads from the cache

    @cached_property
    def _compiled(self) -> tuple[Plan, Any]:
        return compiled(self.program, self._target or Target.host(), False)

    @property
    def plan(self) -> Plan:
        """Where its values stand; compiles the program."""
        return self._compiled[0]

    def __call__(self, inputs: Arrays, *, threads: int | None = None) -> dict[str, np.ndarray]:
        """Run the program; arguments, results and errors as for the reference.

        Args:
            inputs: an array for each input, by name.
            threads: at most so many threads, ``None`` for what suits the work; the result does not depend on it.
        """
        try:
            slices: Slices | None = self._slices.pop()
        except IndexError:  # others, on other threads, have them all
            slices = self._more()
        if slices is None:
            return self._at_once(*self._checked(inputs), threads)
        rows = slices.accept(inputs)
        if rows < 0:  # more slowly, and with all that there is to say of what does not fit
            inputs, rows = self._checked(inputs)
            slices.accept(inputs)
        if rows <= slices.size:
            results = slices.whole(inputs, rows)
            flagged = slices.frame.flagged()
        else:
            results, flagged = self._in_parts(slices, inputs, rows, self._threads(threads, rows))
        if flagged:
            self._fail(inputs)
        self._slices.append(slices)
        return results

    def _more(self) -> Slices | None:
        plan, run = self._compiled
        return Slices(plan, run) if plan.row_local else None

    def _checked(self, inputs: Arrays) -> tuple[dict[str, np.ndarray], int]:
        arrays = {name: np.asarray(array) for name, array in inputs.items()}
        rows = self.program.bind(arrays)
        return {port.name: arrays[port.name].astype(port.type.dtype, copy=False) for port in self.program.inputs}, rows

    def _threads(self, most: int | None, rows: int) -> int:
        suitable = int(float(self.plan.work) * rows / _WORK_OF_A_THREAD)
        return max(min(processors(), suitable) if most is None else most, 1)

    def _fail(self, inputs: Arrays) -> None:
        Reference(self.program)(inputs)
        raise DataError("an index is out of its range.")

    def _in_parts(self, first: Slices, inputs: Arrays, rows: int, threads: int) -> tuple[dict[str, np.ndarray], bool]:
        """Run slice by slice; threads take the next one when they are done with one."""
        plan, run = self._compiled
        results = {name: np.empty(bind_axes(type.shape, rows), type.dtype) for name, (_, type, _) in plan.outputs.items()}
        starts = iter(range(0, rows, first.size))
        taking = threading.Lock()

        def work(slices: Slices) -> None:
            while True:
                with taking:
                    start = next(starts, None)
                if start is None or failed:
                    return
                slices.part(inputs, results, start, min(start + slices.size, rows))

        failed: list[bool] = []
        others = []
        for _ in range(min(threads, -(-rows // first.size)) - 1):
            more = Slices(plan, run)
            more.accept(inputs)
            others.append((threading.Thread(target=work, args=(more,), daemon=True), more))
        try:
            for thread, _ in others:
                thread.start()
            work(first)
            for thread, _ in others:
                thread.join()
        except BaseException:
            failed.append(True)  # Ctrl-C: the others stop after their slices
            raise
        return results, any([first.frame.flagged(), *(more.frame.flagged() for _, more in others)])

    def _at_once(self, inputs: Arrays, rows: int, threads: int | None) -> dict[str, np.ndarray]:
        """Run a program whose rows are not independent."""
        plan, run = self._compiled
        arrays = {}
        for number, place in enumerate(plan.places):
            if place.kind == "input":
                arrays[number] = contiguous(inputs[place.name])
            elif place.kind == "output":
                arrays[number] = np.empty(bind_axes(place.type.shape, rows), place.type.dtype)
        frame = self._frames.pop() if self._frames else Frame(plan)
        number_of_threads = self._threads(threads, rows)
        frame.make_room(rows, number_of_threads)
        for number, array in arrays.items():
            frame.table[number] = array.ctypes.data
        frame.one(rows)
        frame.enter(run, 1, number_of_threads)
        flagged = frame.flagged()
        if flagged:
            self._fail(inputs)
        results = {number: array for number, array in arrays.items() if plan.places[number].kind == "output"}
        outputs = self._outputs(results, frame, inputs, rows)
        self._frames.append(frame)
        return outputs

    def _outputs(self, results: Mapping[int, np.ndarray], frame: Frame, inputs: Arrays, rows: int) -> dict[str, np.ndarray]:
        outputs: dict[str, np.ndarray] = {}
        plan = self.plan
        given: set[int] = set()
        for name, (number, type, source) in plan.outputs.items():
            place = plan.places[number]
            if number in results:
                array = results[number]
                if number in given:
                    array = array.copy()
                given.add(number)
            elif source:
                array = np.array(inputs[source])
            elif place.kind == "constant":
                array = plan.constants[int(place.name)].copy()
            elif place.kind == "private":
                array = frame.scalar(number).copy()
            elif place.kind == "temporary":
                array = frame.temporary(number, rows).copy()
            else:
                array = np.array(inputs[place.name])
            outputs[name] = array if place.type is type else array.reshape(bind_axes(type.shape, rows))
        return outputs
