"""Nothing is read or written outside of an array: each ends at a page that must not be touched, in a process that would die of it."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import ctypes, mmap, sys
import numpy as np
sys.path.insert(0, {tests!r})
from backends.llvm.test_networks import network, orders, program_of
from chainrule.backends.llvm import Executable, Training
from chainrule.backends.llvm import executable, memory, slices
from chainrule.transforms import reverse

libc, page, kept = ctypes.CDLL(None, use_errno=True), mmap.PAGESIZE, []
libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]

def guarded(shape, dtype, front=False):
    dtype = np.dtype(dtype)
    size = int(np.prod(shape)) * dtype.itemsize
    pages = -(-max(size, 1) // page)
    mapped = mmap.mmap(-1, (pages + 2) * page)
    kept.append(mapped)
    start = ctypes.addressof(ctypes.c_char.from_buffer(mapped))
    for forbidden in (start, start + (pages + 1) * page):
        assert libc.mprotect(forbidden, page, 0) == 0
    offset = page if front else (pages + 1) * page - size
    return np.frombuffer(mapped, dtype, size // dtype.itemsize, offset).reshape(shape)

def moved(array, front=False):
    array = np.asarray(array)
    copy = guarded(array.shape, array.dtype, front)
    copy[...] = array
    return copy

def moved_state(self, state):
    copies = {{name: moved(state[name]) for name, *_ in self._layout}}
    return copies, {{name: array.ctypes.data for name, array in copies.items()}}

plain = np.empty
for seed in range({first}, {first} + 6):
    step, state, data, rows, what = network(seed, "float32" if seed % 2 else "float64")
    for front in (False, True):
        executable.np.empty = lambda shape, dtype: guarded(shape, dtype, front)
        slices.aligned = lambda array: moved(array, front)
        run = Executable(step.inference)
        gradient = Executable(reverse(step.inference, list(state.params), of="prediction", cotangent="ct"))
        for number in (1, 3, len(data["x"])):
            inputs = {{name: moved(array, front) for name, array in {{**state.params, "x": data["x"][:number]}}.items()}}
            prediction = run(inputs)["prediction"]
            gradient({{**inputs, "ct": moved(prediction, front)}})
        executable.np.empty = plain
    steps = Training(program_of(step, data))
    order, meta = orders(rows, seed)
    memory.Memory.copy = moved_state
    for threads in (1, 3):
        steps.run(state.inputs({{}}), {{name: moved(array) for name, array in data.items()}}, moved(order), meta, threads)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="it takes pages away as Linux does")
@pytest.mark.parametrize("first", [0, 6, 12])
def test_no_access_out_of_bounds(first):
    from pathlib import Path

    tests = str(Path(__file__).parents[2])
    ran = subprocess.run([sys.executable, "-c", PROGRAM.format(tests=tests, first=first)], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr[-2000:] or f"the process ended with {ran.returncode}"
