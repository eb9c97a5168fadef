"""A compiled Program: called like the reference, or taken through many training steps in one native call."""

from __future__ import annotations

import ctypes
import os
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from chainrule.backends.llvm import cache
from chainrule.backends.llvm.compile import load, object_code
from chainrule.backends.llvm.module import CONTEXT, META, WORDS, build
from chainrule.backends.llvm.plan import Place, Plan
from chainrule.backends.llvm.target import Target
from chainrule.backends.reference import Reference
from chainrule.errors import DataError
from chainrule.ir import B, Program, Shape, bind_axes

Arrays = Mapping[str, np.ndarray]
_LINE = 64
_STEPS, _THREADS, _DONE, _STATUS = (WORDS.index(name) for name in ("steps", "threads", "done", "status"))
_CHUNK = 1024  # rows of a row-local program at once


class Executable:
    """A program as machine code; the calling convention is that of :class:`~chainrule.backends.reference.Reference`."""

    def __init__(self, program: Program, target: Target | None = None) -> None:
        self.program = program
        self._target = target
        self._free: list[_Frame] = []
        self._expected = [(port.name, np.dtype(port.type.dtype), port.type.shape) for port in program.inputs]
        self._places: list[tuple[int, str, Place]] = []
        self._results: list[tuple[int, Shape, np.dtype[Any]]] = []

    def __reduce__(self) -> Any:
        return Executable, (self.program, self._target)  # a copy, or another process, compiles for itself or loads from the cache

    @cached_property
    def _compiled(self) -> tuple[Plan, Any]:
        return compiled(self.program, self._target or Target.host(), False)

    @property
    def plan(self) -> Plan:
        """Where its values stand; compiles the program."""
        return self._compiled[0]

    def __call__(self, inputs: Arrays, threads: int = 1) -> dict[str, np.ndarray]:
        """Run the program; arguments, results and errors as for the reference.

        Args:
            inputs: an array for each input, by name.
            threads: at most so many threads; the result does not depend on it.
        """
        rows = self._rows(inputs)
        if rows is None:  # more slowly, and with all that there is to say of what does not fit
            inputs = {name: np.asarray(array) for name, array in inputs.items()}  # NumPy's scalars have no address that lasts
            rows = self.program.bind(inputs)
        plan = self.plan
        if not self._places:
            numbered = list(enumerate(plan.places))
            self._places = [(n, place.name, place) for n, place in numbered if place.kind == "input"]
            self._results = [(n, place.type.shape, np.dtype(place.type.dtype)) for n, place in numbered if place.kind == "output"]
        arrays = {number: _contiguous(inputs[name]) for number, name, _ in self._places}
        results = {number: np.empty(bind_axes(shape, rows), dtype) for number, shape, dtype in self._results}
        flagged, alone = False, dict[int, np.ndarray]()
        chunk = _CHUNK if plan.row_local else max(rows, 1)
        for start in range(0, max(rows, 1), chunk):
            flagged |= self._part(arrays | results, alone, start, min(chunk, rows - start), threads)
        if flagged:
            Reference(self.program)(inputs)
            raise DataError("an index is out of its range.")
        return self._outputs(results | alone, inputs, rows)

    def _rows(self, inputs: Arrays) -> int | None:
        """Return B if all inputs are plainly of their types, in a fraction of the time of a full check."""
        rows = -1
        for name, dtype, shape in self._expected:
            array = inputs.get(name)
            if type(array) is not np.ndarray or array.dtype != dtype:
                return None
            found = array.shape
            if shape and shape[0] == B:
                rows = found[0] if found and rows < 0 else rows
                if found != (rows, *shape[1:]):
                    return None
            elif found != shape:
                return None
        return max(rows, 0)

    def _part(self, arrays: Mapping[int, np.ndarray], alone: dict[int, np.ndarray], start: int, rows: int, threads: int) -> bool:
        frame = self._free.pop() if self._free else _Frame(self.plan)
        frame.make_room(rows, threads)
        for number, array in arrays.items():
            address = array.__array_interface__["data"][0]
            if start:
                shape = self.plan.places[number].type.shape
                address += start * array.strides[0] if shape and not isinstance(shape[0], int) else 0
            frame.table[number] = address
        frame.one(rows)
        frame.enter(self._compiled[1], 1, threads)
        flagged = bool(frame.flags.any())
        for number, _, _ in self.plan.outputs.values():
            kind = self.plan.places[number].kind
            if kind == "private":
                alone[number] = frame.scalar(number).copy()
            elif kind == "temporary":
                alone[number] = frame.temporary(number, rows).copy()
        self._free.append(frame)
        return flagged

    def _outputs(self, results: Mapping[int, np.ndarray], inputs: Arrays, rows: int) -> dict[str, np.ndarray]:
        outputs: dict[str, np.ndarray] = {}
        given: set[int] = set()
        for name, (number, type, source) in self.plan.outputs.items():
            place = self.plan.places[number]
            if source:
                array = np.array(inputs[source])
            elif place.kind == "constant":
                array = self.plan.constants[int(place.name)].copy()
            elif number in results:
                array = results[number].copy() if number in given else results[number]
                given.add(number)
            else:
                array = np.array(inputs[place.name])
            outputs[name] = array.reshape(bind_axes(type.shape, rows))
        return outputs


class Training:
    """A training Program as machine code; any number of threads of Python may use it at once."""

    def __init__(self, program: Program, target: Target | None = None) -> None:
        self.program = program
        self._target = target
        self.plan, self.function = compiled(program, target or Target.host(), True)

    def __reduce__(self) -> Any:
        return Training, (self.program, self._target)

    def run(self, state: Arrays, data: Arrays, order: np.ndarray, meta: np.ndarray, threads: int = 1) -> Result:
        """Take steps from a state, which is not changed; the arguments are those of :class:`Session`."""
        from chainrule.backends.llvm.session import Session  # which uses this module

        session = Session(self, state)
        losses = session.take(data, order, meta, threads)
        return Result(session.state(), losses, session.done, session.status)


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


class _Frame:
    """The memory of one run at a time: context, table, arena and the threads' own."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.context = _zeros(CONTEXT * 8, np.int64)
        self._address = self.context.ctypes.data
        self.table = np.zeros(2 * len(plan.places) + 1, np.int64)
        self.flags = np.zeros(plan.stages + 1, np.int32)
        self.rows = self.threads = -1
        self._single = self._meta = np.zeros((1, META), np.int64)
        self.meta(self._single)
        self.constants = [_aligned(array) for array in plan.constants]
        for number, place in enumerate(plan.places):
            if place.kind == "constant":
                self.table[number] = self.constants[int(place.name)].ctypes.data
        self.context[WORDS.index("table")] = self.table.ctypes.data
        self.context[WORDS.index("flags")] = self.flags.ctypes.data
        self.context[WORDS.index("give_way")] = _give_way()

    def make_room(self, rows: int, threads: int) -> None:
        """Have an arena for so many rows, and private memory for so many threads."""
        if rows > self.rows:
            offsets, size = self.plan.arena(rows)
            self.arena = _zeros(size, np.uint8)
            self.offsets = offsets
            for number, offset in offsets.items():
                self.table[number] = self.arena.ctypes.data + offset
            self.batches: dict[int, np.ndarray] = {}
            self.rows = rows
        if threads > self.threads:
            self.stride = -(-self.plan.private // _LINE) * _LINE + _LINE
            self.private = _zeros(self.stride * threads, np.uint8)
            self.context[WORDS.index("private")] = self.private.ctypes.data
            self.context[WORDS.index("stride")] = self.stride
            self.threads = threads

    def batch(self, number: int, rows: int) -> int:
        """Return the address of the copy of a batch."""
        if number not in self.batches:
            self.batches[number] = _zeros(self.plan.places[number].size(self.rows), np.uint8)
        return int(self.batches[number].ctypes.data)

    def meta(self, meta: np.ndarray) -> None:
        """Set what each step's batch is."""
        assert meta.shape[1] == META and meta.flags.c_contiguous
        self._meta = meta
        self.context[WORDS.index("meta")] = meta.ctypes.data

    def one(self, rows: int) -> None:
        """Set that there is one batch, of so many rows."""
        if self._meta is not self._single:
            self.meta(self._single)
        self._single[0, 1] = rows

    def scalar(self, number: int, thread: int = 0) -> np.ndarray:
        """Return a view of a thread's own scalar."""
        place = self.plan.places[number]
        start = thread * self.stride + place.offset
        kind = np.dtype(place.type.dtype)
        return self.private[start : start + kind.itemsize].view(kind).reshape(())

    def set_scalar(self, number: int, value: Any) -> None:
        """Set a scalar, each thread's own."""
        for thread in range(self.threads):
            self.scalar(number, thread)[()] = value

    def temporary(self, number: int, rows: int) -> np.ndarray:
        """Return a view of an array in the arena."""
        place = self.plan.places[number]
        shape = bind_axes(place.type.shape, rows)
        kind = np.dtype(place.type.dtype)
        start, size = self.offsets[number], int(np.prod(shape, dtype=np.int64)) * kind.itemsize
        return self.arena[start : start + size].view(kind).reshape(shape)

    def enter(self, run: Any, steps: int, threads: int) -> None:
        """Run with some threads."""
        self.flags[:] = 0
        self.context[_STEPS] = steps
        self.context[_THREADS] = threads
        self.context[_DONE] = self.context[_STATUS] = 0
        address = self._address
        if threads == 1:
            run(address, 0)
            return
        others = [threading.Thread(target=run, args=(address, number), daemon=True) for number in range(1, threads)]
        for other in others:
            other.start()
        run(address, 0)
        for other in others:
            other.join()


def compiled(program: Program, target: Target, training: bool) -> tuple[Plan, Any]:
    """Return a program's plan and its native function, from the cache if it is there."""
    name = cache.key(program, target, training)
    kept = cache.load(name)
    if kept is not None:
        try:
            return kept[0], _function(kept[1], target)
        except RuntimeError:
            pass  # not this machine's code: it is made anew
    built = build(program, target, training)
    code = object_code(str(built.module), target)
    cache.store(name, built.plan, code)
    return built.plan, _function(code, target)


def _function(code: bytes, target: Target) -> Any:
    return ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_int64)(load(code, target))


def _contiguous(array: np.ndarray) -> np.ndarray:
    array = np.asarray(array)
    if not (array.flags.c_contiguous and array.flags.aligned):
        array = np.array(array, order="C")
    return array if array.size else np.zeros(_LINE, array.dtype)[:0]


def _zeros(bytes: int, dtype: Any) -> np.ndarray:
    """Return zeros on a cache line's border, with a line behind them."""
    raw = np.zeros(bytes + 2 * _LINE, np.uint8)
    start = -raw.ctypes.data % _LINE
    return raw[start : start + max(bytes, _LINE)].view(dtype)


def _aligned(array: np.ndarray) -> np.ndarray:
    array = np.asarray(array)
    copy = _zeros(array.nbytes, np.uint8)[: array.nbytes].view(array.dtype).reshape(array.shape)
    copy[...] = array
    return copy


def _give_way() -> int:
    """Return the address of the system's function that lets other threads run."""
    if sys.platform == "win32":
        function = ctypes.windll.kernel32.SwitchToThread
    else:
        function = ctypes.CDLL(None).sched_yield
    return int(ctypes.cast(function, ctypes.c_void_p).value or 0)


def processors() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
