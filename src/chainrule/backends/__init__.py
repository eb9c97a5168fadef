"""What runs a Program: the compiler where llvmlite is installed, and the reference, which defines what a Program means."""

from __future__ import annotations

import importlib.util
import os
import warnings
from collections.abc import Mapping
from functools import lru_cache
from typing import Protocol

import numpy as np

from chainrule.errors import OptionError
from chainrule.ir import Program

BACKENDS = ("auto", "llvm", "reference")


class Runnable(Protocol):
    """A program that can be run on NumPy arrays, any number of times and for any batch size."""

    program: Program

    def __call__(self, inputs: Mapping[str, np.ndarray], *, threads: int | None = None) -> dict[str, np.ndarray]:
        """Run the program: an array for each input by name → an array for each output by name.

        On at most ``threads`` threads, by default as many as suit the work; the result does not depend on it.
        """


def compile(program: Program, backend: str = "auto") -> Runnable:
    """Return a program ready to run; machine code is made at the first call.

    Args:
        program: any program.
        backend: ``llvm``, ``reference``, or ``auto`` for the former where it is installed.

    Raises:
        OptionError: there is no such backend, or it is not installed.
    """
    if chosen(backend) == "llvm":
        from chainrule.backends.llvm import Executable  # llvmlite loads where it is used

        return Executable(program)
    from chainrule.backends.reference import Reference

    return Reference(program)


def processors() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def chosen(backend: str) -> str:
    """Return ``llvm`` or ``reference``; that ``auto`` means the slow one is said once.

    Raises:
        OptionError: there is no such backend, or it is not installed.
    """
    if backend not in BACKENDS:
        raise OptionError(f"backend {backend!r} is not known; choose one of {', '.join(BACKENDS)}.")
    if backend == "reference" or _installed():
        return "reference" if backend == "reference" else "llvm"
    if backend == "llvm":
        raise OptionError("backend 'llvm' needs llvmlite: pip install llvmlite")
    _say_slow()
    return "reference"


@lru_cache(1)
def _installed() -> bool:
    return importlib.util.find_spec("llvmlite") is not None


@lru_cache(1)
def _say_slow() -> None:
    warnings.warn("llvmlite is not installed, so programs run in the reference backend, which is much slower.", stacklevel=4)
