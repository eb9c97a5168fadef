"""The memory of states: a step returns a new state and leaves the old one as it is, until nobody holds it."""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping
from typing import Any

import numpy as np

from chainrule.backends.llvm.frame import room
from chainrule.errors import TypeRuleError
from chainrule.ir import Type
from chainrule.ir.types import count

_LINE = 64


class Memory:
    """Pieces of memory that hold a state each; a piece is used again once nobody else holds an array in it, since new pages cost more
    than the copying.
    """

    def __init__(self, types: Mapping[str, Type]) -> None:
        self._types = dict(types)
        self._pieces: list[np.ndarray] = []
        self._choosing = threading.Lock()
        self._layout: list[tuple[str, int, int, np.dtype, tuple[int, ...]]] = []
        self._size = 0
        for name, type in types.items():
            kind = np.dtype(type.dtype)
            shape = tuple(int(str(axis)) for axis in type.shape)
            size = count(type.shape)[0] * kind.itemsize
            self._layout.append((name, self._size, size, kind, shape))
            self._size += -(-size // _LINE) * _LINE + _LINE

    def copy(self, state: Mapping[str, np.ndarray]) -> tuple[dict[str, np.ndarray], dict[str, int]]:
        """Return copies of the arrays of a state, and their addresses, which are those of cache lines.

        Raises:
            TypeRuleError: an array is missing or has another type.
        """
        piece = self._free()
        base = int(piece.ctypes.data)
        start = -base % _LINE
        arrays, addresses = {}, {}
        for name, offset, size, kind, shape in self._layout:
            part: np.ndarray = piece[start + offset : start + offset + size]  # a view of NumPy's holds the owner of its memory
            arrays[name] = copy = part.view(kind).reshape(shape)
            array = state.get(name)
            copy[...] = array if type(array) is np.ndarray and array.shape == shape and array.dtype == kind else self.fitting(name, array)
            addresses[name] = base + start + offset
        return arrays, addresses

    def fitting(self, name: str, array: Any) -> np.ndarray:
        """Return an array of the state if it has its type; TypeRuleError otherwise: NumPy would repeat a smaller one."""
        if array is None:
            raise TypeRuleError(f"input '{name}' ({self._types[name]}) is missing.")
        given = np.asarray(array)
        if Type.of(given) != self._types[name]:
            raise TypeRuleError(f"input '{name}' has type {Type.of(given)} and should have {self._types[name]}.")
        return given

    def _free(self) -> np.ndarray:
        with self._choosing:  # the one that is returned has a holder
            free = next((n for n in range(len(self._pieces)) if _holders(self._pieces, n) == _NOBODY_ELSE), len(self._pieces))
            if free == len(self._pieces):
                self._pieces.append(room(self._size + 2 * _LINE))
            return self._pieces[free]


def _holders(pieces: list[np.ndarray], number: int) -> int:
    return sys.getrefcount(pieces[number])


_NOBODY_ELSE = _holders([np.empty(0)], 0)
