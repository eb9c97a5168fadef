"""One run of a program in which every value is kept, and the way from each number back to the numbers that it came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from chainrule.backends.reference import Reference
from chainrule.ir import Equation, Port, Program, Value, bind_axes
from chainrule.ops import elementwise
from chainrule.ops.primitive import Primitive
from chainrule.ops.tracing import untraced
from chainrule.transforms import expand

Index = tuple[int, ...]
Number = float | int | bool

_ELEMENTWISE = frozenset(item.name for item in vars(elementwise).values() if isinstance(item, Primitive))
_MOVES = {"reshape": None, "transpose": None, "broadcast_to": None, "slice": None, "concatenate": None, "gather": 1, "pick": 1}
"""The operations that put elements elsewhere and compute nothing, with the number of operands that hold elements (``None``: all)."""


@dataclass(frozen=True)
class Element:
    """One number of a run: a value and the place in it."""

    value: Value
    index: Index


class Recording:
    """A run of a program, with the array of each of its values.

    Args:
        program: any program.
        inputs: an array for each input, by name.
        known: arrays of some of its values, from elsewhere. All others are computed when they are asked for, each by its own operation.
            Without it, the reference runs the whole program at once.

    Attributes:
        values: the array of each value. ``rows``: the batch size B.

    Raises:
        TypeRuleError: an input is missing or has another type.
        DataError: an index is out of its range.
    """

    def __init__(self, program: Program, inputs: Mapping[str, np.ndarray], known: Mapping[Value, np.ndarray] | None = None) -> None:
        self.program = program
        self.rows = program.bind(inputs)
        self.inputs = {port.name: inputs[port.name] for port in program.inputs}
        self.values: dict[Value, np.ndarray] = _Values(self)
        self.values.update({port.value: self.inputs[port.name] for port in program.inputs})
        if known is None:
            Reference(program)(self.inputs, self._keep)
        else:
            self.values.update(known)

    def _keep(self, equation: Equation, results: tuple[Any, ...]) -> None:
        self.values.update(zip(equation.outputs, map(np.asarray, results), strict=True))

    @cached_property
    def outputs(self) -> dict[str, np.ndarray]:
        """The array of each output, by name."""
        return {port.name: np.array(self.values[port.value]) for port in self.program.outputs}

    @cached_property
    def definitions(self) -> dict[Value, Equation]:
        """The equation that defines each value that is not an input."""
        return self.program.definitions()

    @cached_property
    def users(self) -> dict[Value, list[Equation]]:
        """The equations that read each value."""
        users: dict[Value, list[Equation]] = {}
        for equation in self.program.equations:
            for value in dict.fromkeys(equation.inputs):
                users.setdefault(value, []).append(equation)
        return users

    def number(self, element: Element) -> Number:
        """Return an element as a Python number; floats of every width as float."""
        number: Number = self.values[element.value][element.index].item()
        return number

    def attributes(self, equation: Equation) -> dict[str, Any]:
        """Return an equation's attributes with the batch size put in."""
        return {name: bind_axes(value, self.rows) for name, value in equation.attributes.items()}

    # what an equation does with elements

    def moves(self, equation: Equation) -> np.ndarray | None:
        """Return for an equation that only moves elements the flat place that each element of its result was taken from, counted
        through all operands; ``None`` for every other equation."""
        if equation.op.name not in _MOVES:
            return None
        if equation not in self._moves:
            held = _MOVES[equation.op.name]
            arrays, start = [], 0
            for operand in equation.inputs[:held]:
                shape = self.values[operand].shape
                size = int(np.prod(shape))
                arrays.append(np.arange(start, start + size).reshape(shape))
                start += size
            arrays += [self.values[operand] for operand in equation.inputs[len(arrays) :]]
            with untraced():
                self._moves[equation] = np.asarray(equation.op.meaning(*arrays, **self.attributes(equation)))
        return self._moves[equation]

    @cached_property
    def _moves(self) -> dict[Equation, np.ndarray]:
        return {}

    def moved_from(self, equation: Equation, index: Index) -> Element:
        """Return the element that an equation that only moves elements took to ``index``."""
        places = self.moves(equation)
        assert places is not None
        place = int(places[index])
        for operand in equation.inputs:
            shape = self.values[operand].shape
            size = int(np.prod(shape))
            if place < size:
                return Element(operand, tuple(int(i) for i in np.unravel_index(place, shape)))
            place -= size
        raise AssertionError("an element comes from an operand")

    def operand_of(self, equation: Equation, number: int, index: Index) -> Element:
        """Return the element of an operand that an elementwise equation reads for its result at ``index``; broadcasting is undone."""
        operand = equation.inputs[number]
        shape = self.values[operand].shape
        own = index[len(index) - len(shape) :]
        return Element(operand, tuple(0 if size == 1 else i for i, size in zip(own, shape, strict=True)))


class _Values(dict[Value, np.ndarray]):
    """The arrays of a run; what is not there is computed by the operation that defines it."""

    def __init__(self, recording: Recording) -> None:
        super().__init__()
        self._recording = recording

    def __missing__(self, value: Value) -> np.ndarray:
        waiting = [value]
        while waiting:  # no recursion: a program can be deeper than Python's stack
            equation = self._recording.definitions[waiting[-1]]
            missing = [operand for operand in equation.inputs if operand not in self]
            if missing:
                waiting += missing
                continue
            with untraced():
                result = equation.op.meaning(*(self[operand] for operand in equation.inputs), **self._recording.attributes(equation))
            results = (result,) if len(equation.outputs) == 1 else result
            self.update(zip(equation.outputs, map(np.asarray, results), strict=True))
            waiting.pop()
        return self[value]


def is_move(equation: Equation) -> bool:
    """Return whether an equation puts elements elsewhere and computes nothing."""
    return equation.op.name in _MOVES


def is_elementwise(equation: Equation) -> bool:
    """Return whether each element of an equation's result depends on one element of each operand."""
    if equation not in _judged:
        _judged[equation] = _judge(equation)
    return _judged[equation]


_judged: WeakKeyDictionary[Equation, bool] = WeakKeyDictionary()


def _judge(equation: Equation) -> bool:
    op = equation.op
    if op.name in _ELEMENTWISE:
        return True
    if not isinstance(op, Primitive) or op.definition is None or len(equation.outputs) != 1 or not equation.inputs:
        return False
    if equation.outputs[0].type.shape != max((value.type.shape for value in equation.inputs), key=len):
        return False
    return all(part.op.name == "constant" or part.op.name in _ELEMENTWISE for part in written_out(equation).equations)


def alone(equation: Equation) -> Program:
    """Return the program of a single equation: inputs ``0``, ``1`` … (one for each operand), output ``out``."""
    values = [Value(value.type, value.name) for value in equation.inputs]
    copy = Equation(equation.op, tuple(values), equation.outputs, equation.attributes)
    inputs = tuple(Port(str(number), "operand", value) for number, value in enumerate(values))
    return Program(inputs, (copy,), (Port("out", "output", equation.outputs[0]),))


def written_out(equation: Equation) -> Program:
    """Return the program of a single equation with composites replaced by their definitions, down to primitives."""
    return expand(alone(equation))
