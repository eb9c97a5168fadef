"""A program whose rows do not depend on each other, run on slices of rows that stay in a cache."""

from __future__ import annotations

from collections.abc import Mapping
from operator import is_
from typing import Any

import numpy as np

from chainrule.backends.llvm.frame import Frame, aligned, contiguous
from chainrule.backends.llvm.layout import Plan
from chainrule.ir import B, Shape, bind_axes

_CACHE = 768 << 10  # bytes that a slice and what is computed of it may take: some is read but once, and operands are copied once a slice
_FEWEST, _MOST = 16, 1024  # rows of a slice


def rows_of_a_slice(plan: Plan) -> int:
    """Return how many rows are computed at once: whole tiles, few enough for a cache."""
    row = sum(place.size(_MOST) for place in plan.places if place.kind in ("input", "output") and place.type.shape[:1] == (B,))
    fitting = _CACHE * _MOST // max(row + plan.arena(_MOST)[1], 1)
    return max(min(fitting, _MOST) // _FEWEST * _FEWEST, _FEWEST)


class Slices:
    """What one thread needs: rows are copied into its memory and results out of it, so that a call asks for no address.

    Arrays that are the same for all rows are used where they are, and are looked at only if they are others than last time.
    """

    def __init__(self, plan: Plan, run: Any) -> None:
        self._run = run
        self.frame = frame = Frame(plan)
        self.size = rows_of_a_slice(plan)
        frame.make_room(self.size, 1)
        self._address = frame.begin(1, 1)
        self._fixed: list[tuple[str, int, np.dtype[Any], Shape]] = []
        self._sliced: list[tuple[str, np.dtype[Any], Shape]] = []
        self._held: dict[str, Any] = {}
        self._kept: dict[str, np.ndarray] = {}  # what the table leads to
        self._inputs: list[tuple[str, np.ndarray]] = []
        own: dict[int, np.ndarray] = {}
        for number, place in enumerate(plan.places):
            dtype = np.dtype(place.type.dtype)
            if place.kind == "input" and place.type.shape[:1] != (B,):
                self._fixed.append((place.name, number, dtype, place.type.shape))
                self._held[place.name] = _NOTHING
            elif place.kind in ("input", "output"):
                own[number] = array = aligned(np.zeros(bind_axes(place.type.shape, self.size), dtype))
                frame.table[number] = array.ctypes.data
                if place.kind == "input":
                    self._inputs.append((place.name, array))
                    self._sliced.append((place.name, dtype, place.type.shape[1:]))
        self._outputs = [(name, own[number].reshape(bind_axes(type.shape, self.size))) for name, (number, type, _) in plan.outputs.items()]
        self._views(0)

    def accept(self, inputs: Mapping[str, np.ndarray]) -> int:
        """Return B if all inputs are plainly of their types, and −1 otherwise; what is the same for all rows is used from now on."""
        if not all(map(is_, map(inputs.get, self._held), self._held.values())):
            for name, number, dtype, shape in self._fixed:
                array = inputs.get(name)
                if type(array) is not np.ndarray or array.dtype != dtype or array.shape != shape:
                    return -1
                self._hold(name, number, array)
        rows = -1
        for name, dtype, shape in self._sliced:
            array = inputs.get(name)
            if type(array) is not np.ndarray or array.dtype != dtype or not array.ndim or array.shape[1:] != shape:
                return -1
            if rows < 0:
                rows = len(array)
            if len(array) != rows:
                return -1
        return max(rows, 0)

    def _hold(self, name: str, number: int, array: np.ndarray) -> None:
        used = contiguous(array)
        self._kept[name] = used
        self._held[name] = array if used is array else _NOTHING  # a copy is made anew: the array may have changed
        self.frame.table[number] = used.ctypes.data

    def _views(self, rows: int) -> None:
        self._rows = rows
        self.frame.one(rows)
        self._into = [(name, array[:rows]) for name, array in self._inputs]
        self._out = [(name, array[:rows]) for name, array in self._outputs]

    def whole(self, inputs: Mapping[str, np.ndarray], rows: int) -> dict[str, np.ndarray]:
        """Run on all rows, which are no more than a slice; return the results by name."""
        if rows != self._rows:
            self._views(rows)
        for name, view in self._into:
            view[...] = inputs[name]
        self._run(self._address, 0)
        return {name: view.copy() for name, view in self._out}

    def part(self, inputs: Mapping[str, np.ndarray], results: Mapping[str, np.ndarray], start: int, stop: int) -> None:
        """Run on some rows, and write their results."""
        if stop - start != self._rows:
            self._views(stop - start)
        for name, view in self._into:
            view[...] = inputs[name][start:stop]
        self._run(self._address, 0)
        for name, view in self._out:
            results[name][start:stop] = view


_NOTHING = object()
