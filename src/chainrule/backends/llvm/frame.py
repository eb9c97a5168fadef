"""The memory of one run of a compiled program at a time: context, table of addresses, arena, and what threads have of their own."""

from __future__ import annotations

import contextlib
import ctypes
import mmap
import sys
import threading
from typing import Any

import numpy as np

from chainrule.backends.llvm.layout import CONTEXT, LEAVE, META, WORDS, Plan
from chainrule.ir import bind_axes

_LINE = 64
_HUGE = 1 << 21  # bytes of a large page
_STEPS, _THREADS, _DONE, _STATUS, _BEGUN = (WORDS.index(name) for name in ("steps", "threads", "done", "status", "begun"))


class Frame:
    """The memory of one run at a time: context, table, arena and the threads' own."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.context = zeros(CONTEXT * 8, np.int64)
        self.address = int(self.context.ctypes.data)
        self.table = np.zeros(2 * len(plan.places) + 1, np.int64)
        self._flags = ctypes.create_string_buffer(4 * (plan.stages + 1))  # one a stage
        self._unflagged = self._flags.raw
        self.rows = self.threads = -1
        self._single = self._meta = np.zeros((1, META), np.int64)
        self.meta(self._single)
        self.constants = [aligned(array) for array in plan.constants]
        for number, place in enumerate(plan.places):
            if place.kind == "constant":
                self.table[number] = self.constants[int(place.name)].ctypes.data
        self.context[WORDS.index("table")] = self.table.ctypes.data
        self.context[WORDS.index("flags")] = ctypes.addressof(self._flags)
        self.context[WORDS.index("give_way")] = _give_way()

    def make_room(self, rows: int, threads: int) -> None:
        """Have an arena for so many rows, and private memory for so many threads."""
        if rows > self.rows:
            offsets, size = self.plan.arena(rows)
            self.arena = zeros(size, np.uint8)
            self.offsets = offsets
            for number, offset in offsets.items():
                self.table[number] = self.arena.ctypes.data + offset
            self.batches: dict[int, np.ndarray] = {}
            self.rows = rows
        if threads > self.threads:
            self.stride = -(-self.plan.private // _LINE) * _LINE + _LINE
            self.private = zeros(self.stride * threads, np.uint8)
            self._scalars: dict[tuple[int, int], np.ndarray] = {}
            self.context[WORDS.index("private")] = self.private.ctypes.data
            self.context[WORDS.index("stride")] = self.stride
            self.threads = threads

    def batch(self, number: int, rows: int) -> int:
        """Return the address of the copy of a batch."""
        if number not in self.batches:
            self.batches[number] = zeros(self.plan.places[number].size(self.rows), np.uint8)
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
        if (number, thread) not in self._scalars:
            place = self.plan.places[number]
            start = thread * self.stride + place.offset
            kind = np.dtype(place.type.dtype)
            self._scalars[number, thread] = self.private[start : start + kind.itemsize].view(kind).reshape(())
        return self._scalars[number, thread]

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

    def begin(self, steps: int, threads: int) -> int:
        """Set how many steps are taken by how many threads; return the address of the context."""
        self.context[_STEPS] = steps
        self.context[_THREADS] = threads
        self.context[_DONE] = self.context[_STATUS] = self.context[_BEGUN] = 0
        return self.address

    def enter(self, run: Any, steps: int, threads: int) -> None:
        """Run with some threads.

        Ctrl-C is raised here, on the first one: before it has come in, and the others leave; or after that, and all is done.
        """
        self.begin(steps, threads)
        others = [threading.Thread(target=self._enter, args=(run, number), daemon=True) for number in range(1, threads)]
        try:
            for other in others:
                other.start()
            self._enter(run, 0)
            for other in others:
                other.join()
        except BaseException:
            self.context[_BEGUN] = self.context[_BEGUN] or LEAVE
            raise

    def _enter(self, run: Any, thread: int) -> None:
        run(self.address, thread)  # a thread holds this memory until it has left

    def flagged(self) -> bool:
        """Return whether an index was out of its range since the last time that this was asked."""
        if not self.plan.guarded or self._flags.raw == self._unflagged:
            return False
        ctypes.memset(self._flags, 0, len(self._unflagged))
        return True


def contiguous(array: np.ndarray) -> np.ndarray:
    """Return an array that lies in memory as it is read there: itself, or a copy."""
    array = np.asarray(array)
    if not (array.flags.c_contiguous and array.flags.aligned):
        array = np.array(array, order="C")
    return array if array.size else np.zeros(_LINE, array.dtype)[:0]


def zeros(bytes: int, dtype: Any) -> np.ndarray:
    """Return zeros on a cache line's border, with a line behind them."""
    raw = room(bytes + 2 * _LINE)
    start = -raw.ctypes.data % _LINE
    return raw[start : start + max(bytes, _LINE)].view(dtype)


def room(bytes: int) -> np.ndarray:
    """Return zeros, much of them in large pages: a processor remembers where these are when it goes through a column of a matrix."""
    if bytes < _HUGE // 4 or not hasattr(mmap, "MADV_HUGEPAGE"):
        return np.zeros(bytes, np.uint8)
    memory = mmap.mmap(-1, -(-bytes // _HUGE) * _HUGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    with contextlib.suppress(OSError):  # a system without them
        memory.madvise(mmap.MADV_HUGEPAGE)
    return np.frombuffer(memory, np.uint8)


def aligned(array: np.ndarray) -> np.ndarray:
    """Return a copy on a cache line's border."""
    array = np.asarray(array)
    copy = zeros(array.nbytes, np.uint8)[: array.nbytes].view(array.dtype).reshape(array.shape)
    copy[...] = array
    return copy


def _give_way() -> int:
    """Return the address of the system's function that lets other threads run."""
    if sys.platform == "win32":
        function = ctypes.windll.kernel32.SwitchToThread
    else:
        function = ctypes.CDLL(None).sched_yield
    return int(ctypes.cast(function, ctypes.c_void_p).value or 0)
