"""Run with seeds as arguments: all that compiled programs read or write ends at a page that must not be touched, or begins behind one.

Each array, each thread's own memory and each temporary place stands alone, so that whoever leaves it ends the process.
"""

from __future__ import annotations

import ctypes
import mmap
import sys
from typing import Any

import numpy as np

from backends.llvm.networks import draw
from chainrule.backends.llvm import Executable, Training, executable, frame, memory, slices
from chainrule.ir import bind_axes

PAGE = mmap.PAGESIZE
LINE = 64
libc = ctypes.CDLL(None, use_errno=True)
libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
kept: list[Any] = []
front = False  # whether the forbidden page is before the memory


def guarded(shape: Any, dtype: Any) -> np.ndarray:
    """Return an array whose last byte is the last one of a page (or the first the first one), forbidden pages around it."""
    kind = np.dtype(dtype)
    size = int(np.prod(shape)) * kind.itemsize
    pages = -(-max(size, 1) // PAGE)
    memory = mmap.mmap(-1, (pages + 2) * PAGE)
    kept.append(memory)
    start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    for forbidden in (start, start + (pages + 1) * PAGE):
        assert libc.mprotect(forbidden, PAGE, 0) == 0
    offset = PAGE if front else (pages + 1) * PAGE - size
    return np.frombuffer(memory, kind, size // kind.itemsize, offset).reshape(shape)


def moved(array: Any) -> np.ndarray:
    """Return a guarded copy."""
    array = np.asarray(array)
    copy = guarded(array.shape, array.dtype)
    copy[...] = array
    return copy


def room(self: Any, rows: int, threads: int, plain: Any = frame.Frame.make_room) -> None:
    """Give each temporary place memory of its own: its numbers, and not a byte more."""
    plain(self, rows, threads)
    self.alone = {}
    for number in self.offsets:
        place = self.plan.places[number]
        self.alone[number] = array = guarded(bind_axes(place.type.shape, self.rows), place.type.dtype)
        self.table[number] = array.ctypes.data


def zeros(size: int, dtype: Any) -> np.ndarray:
    """Stand for the memory of contexts, batches and threads; it is asked for in whole lines."""
    return guarded((-(-max(size, 1) // LINE) * LINE,), np.uint8)[: max(size, LINE)].view(dtype)


def state(self: Any, arrays: Any) -> tuple[dict[str, np.ndarray], dict[str, int]]:
    """Give each array of a state memory of its own."""
    copies = {name: moved(arrays[name]) for name, *_ in self._layout}
    return copies, {name: array.ctypes.data for name, array in copies.items()}


class Guarded:
    """NumPy with guarded arrays for results."""

    def __getattr__(self, name: str) -> Any:
        return getattr(np, name)

    def empty(self, shape: Any, dtype: Any) -> np.ndarray:
        return guarded(shape, dtype)


def check(seed: int) -> None:
    net = draw(seed, "float32" if seed % 2 else "float64")
    everything = net.state.inputs(net.data)
    for program in (net.step.inference, net.gradients):
        run = Executable(program)
        names = [port.name for port in program.inputs]
        for rows in (0, 1, 3, 2 * net.rows):
            batch = {name: moved(array[:rows]) for name, array in net.data.items()}
            run({name: batch[name] if name in batch else moved(everything[name]) for name in names}, threads=1 + rows % 2)
    steps = Training(net.program)
    order, meta = net.batches()
    for threads in (1, 3):
        data = {name: moved(array) for name, array in net.data.items()}
        steps.run(net.state.inputs({}), data, moved(order), moved(meta), threads)


def main() -> None:
    global front
    frame.Frame.make_room = room  # type: ignore[method-assign]
    frame.zeros = zeros
    frame.aligned = slices.aligned = moved
    memory.Memory.copy = state  # type: ignore[method-assign]
    executable.np = Guarded()  # type: ignore[assignment]
    for number, seed in enumerate(map(int, sys.argv[1:])):
        front = number % 3 == 2
        kept.clear()
        print(seed, flush=True)
        check(seed)


if __name__ == "__main__":
    main()
