"""The names of units: which positions of an axis are input columns, and which are classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from chainrule.errors import OptionError, nearest
from chainrule.ir import Batch, Equation, Program, Type, Value

Axis = tuple[Value, int]

_NOT_MATCHED = {"reshape", "slice", "concatenate", "gather", "scatter_add", "pick", "amax", "argmax"}
"""Operations whose result's last axis may be another than that of an operand, though it has the same length."""


class Units:
    """Names for the positions along the axes of a program's values.

    Axes that an equation matches with one another (elementwise, in a product of matrices, by transposing) have the same names. So the
    names of the inputs reach the first weight, its gradient, its moments and its new value, and those of the classes the last.
    """

    def __init__(self, program: Program, rows: int, names: Mapping[Axis, Sequence[str]]) -> None:
        self._parent: dict[Axis, Axis] = {}
        self._rows = rows
        for equation in program.equations:
            self._match(equation)
        self._names: dict[Axis, tuple[str, ...]] = {}
        self._found: dict[Axis, tuple[str, ...] | None] = {}
        for axis, labels in names.items():
            self._names.setdefault(self._find(axis), tuple(labels))

    def names(self, value: Value, axis: int) -> tuple[str, ...] | None:
        """Return the names along an axis, or ``None`` where positions have numbers only."""
        if (value, axis) not in self._found:
            self._found[value, axis] = self._names.get(self._find((value, axis % max(len(value.type.shape), 1))))
        return self._found[value, axis]

    def place(self, value: Value, index: Sequence[int]) -> tuple[str, ...]:
        """Name the place of an element, one word an axis; the row of a batch of one goes without saying."""
        words = []
        for axis, (position, size) in enumerate(zip(index, value.type.shape, strict=True)):
            if isinstance(size, Batch) and self._rows == 1:
                continue
            names = self.names(value, axis)
            words.append(str(position) if names is None else names[position])
        return tuple(words)

    def find_element(self, path: str, value: Value, text: str) -> tuple[int, ...]:
        """Return the index that a text such as ``age,3`` means in a parameter.

        Raises:
            OptionError: it names no element; the message says what there is, with the nearest name.
        """
        shape = [int(size) for size in value.type.shape if not isinstance(size, Batch)]
        ways = [
            ([self._position(value, axis, size, part) for axis, (size, part) in enumerate(zip(shape, parts, strict=True))], parts)
            for parts in _splits(text, len(shape))
        ]
        for positions, _ in ways:
            if None not in positions:
                return tuple(position for position in positions if position is not None)
        given = len(text.split(",")) if text.strip() else 0
        if not ways or given != len(shape):
            written = f"{path}[{text}]" if text.strip() else path
            raise OptionError(f"'{written}' has {_count(given, 'index', 'indices')}; {self._usage(path, value, shape)}.")
        positions, parts = ways[0]
        axis = positions.index(None)
        raise OptionError(self._unknown(path, value, axis, shape, parts[axis]))

    def find_place(self, name: str, value: Value, rows: int, index: Sequence[int | str]) -> tuple[int, ...]:
        """Return the index of an element of any value, whose rows are so many, from names or numbers.

        Raises:
            OptionError: there is no such place.
        """
        shape = [size.multiple * rows if isinstance(size, Batch) else size for size in value.type.shape]
        if len(index) != len(shape):
            raise OptionError(
                f"{name} takes {_count(len(shape), 'index', 'indices')}, rows first where it has rows; {len(index)} are given."
            )
        places = [self._position(value, axis, size, str(word)) for axis, (size, word) in enumerate(zip(shape, index, strict=True))]
        for axis, place in enumerate(places):
            if place is None:
                raise OptionError(f"{name} has no place '{index[axis]}' on axis {axis}; there are 0 to {shape[axis] - 1}.")
        return tuple(place for place in places if place is not None)

    def _position(self, value: Value, axis: int, size: int, text: str) -> int | None:
        names = self.names(value, axis)
        if names is not None and text in names:
            return names.index(text)
        return int(text) if text.isascii() and text.isdigit() and int(text) < size else None

    def _usage(self, path: str, value: Value, shape: Sequence[int]) -> str:
        known = {1: ("unit",), 2: ("input unit", "output unit")}
        what = known.get(len(shape), tuple(f"place on axis {axis}" for axis in range(len(shape))))
        if not shape:
            return f"{path} is a single number: write {path}[]"
        sample = ",".join((names or ("0",))[0] for names in (self.names(value, axis) for axis in range(len(shape))))
        return f"{path} takes {_count(len(shape), 'index', 'indices')}, the {' and the '.join(what)}: {path}[{sample}]"

    def _unknown(self, path: str, value: Value, axis: int, shape: Sequence[int], text: str) -> str:
        side = "unit" if len(shape) == 1 else ("input unit", "output unit")[axis] if len(shape) == 2 else f"place on axis {axis}"
        names = self.names(value, axis)
        known = "" if names is None else f", or {', '.join(names) if len(names) <= 12 else ', '.join((*names[:6], '…'))}"
        hint = "" if names is None else nearest(text, names)
        return f"{path} has no {side} '{text}'; there are 0 to {shape[axis] - 1}{known}.{hint}"

    # which axes are the same

    def _match(self, equation: Equation) -> None:
        if len(equation.outputs) != 1:
            return
        out, operands = equation.outputs[0], equation.inputs
        if equation.op.name == "matmul":
            left, right = operands
            self._join((left, _rank(left) - 1), (right, _rank(right) - 2))
            self._join((out, _rank(out) - 2), (left, _rank(left) - 2))
            self._join((out, _rank(out) - 1), (right, _rank(right) - 1))
        elif equation.op.name == "transpose":
            rank = _rank(out)
            axes = equation.attributes.get("axes") or tuple(reversed(range(rank)))
            for axis, source in enumerate(axes):
                self._join((out, axis), (operands[0], source % rank))
        elif equation.op.name == "sum":
            kept = [axis for axis in range(_rank(operands[0])) if axis not in equation.attributes["axes"]]
            for axis, source in enumerate(kept):
                self._join((out, axis), (operands[0], source))
        elif equation.op.name not in _NOT_MATCHED:
            for operand in operands:
                for axis in range(-min(_rank(out), _rank(operand)), 0):
                    if _size(out.type, axis) == _size(operand.type, axis) != 1:
                        self._join((out, _rank(out) + axis), (operand, _rank(operand) + axis))

    def _find(self, axis: Axis) -> Axis:
        while (parent := self._parent.get(axis, axis)) != axis:
            self._parent[axis] = self._parent.get(parent, parent)
            axis = parent
        return axis

    def _join(self, one: Axis, other: Axis) -> None:
        self._parent[self._find(one)] = self._find(other)


def _rank(value: Value) -> int:
    return len(value.type.shape)


def _size(type: Type, axis: int) -> object:
    return type.shape[axis]


def _splits(text: str, parts: int) -> list[list[str]]:
    """Return the ways to read a text as so many indices; the name of an input may hold commas."""
    words = text.split(",")
    if parts == 0:
        return [[]] if not text.strip() else []
    if not text.strip() or len(words) < parts:
        return []
    if parts == 1:
        return [[text.strip()]]
    ways = []
    for cut in range(1, len(words) - parts + 2):
        head = ",".join(words[:cut]).strip()
        ways += [[head, *rest] for rest in _splits(",".join(words[cut:]), parts - 1)]
    return ways


def _count(number: int, one: str, many: str) -> str:
    return f"{'no' if number == 0 else number} {one if number == 1 else many}"
