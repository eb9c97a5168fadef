"""Parts of a traced program as programs of their own, in float64, on the numbers of the trace."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from chainrule.ir import Equation, Origin, Port, Program, Value
from chainrule.transforms import retype


@dataclass(frozen=True, eq=False)
class Region:
    """Some equations of a program as a program: its inputs ``0``, ``1`` … are what the equations read and do not compute, its output
    ``out`` is the value they are there for.

    Attributes:
        program: the equations. ``outer``: what each input, and the output, is in the whole program.
    """

    program: Program
    outer: tuple[Value, ...]

    def inputs(self, arrays: Mapping[Value, np.ndarray]) -> dict[str, np.ndarray]:
        """Return the arrays of the inputs by name, floats as float64."""
        ports = zip(self.program.inputs, self.outer, strict=False)
        return {port.name: arrays[value].astype(port.type.dtype, copy=False) for port, value in ports}

    @property
    def names(self) -> dict[Value, Value]:
        """What the inputs and the output of the region's program are in the whole program."""
        ports = (*self.program.inputs, *self.program.outputs)
        return {port.value: value for port, value in zip(ports, self.outer, strict=True)}

    def name_of(self, value: Value) -> str:
        """Return the name of the input that a value of the whole program is."""
        return str(self.outer.index(value))


def region(program: Program, equations: Iterable[Equation], output: Value) -> Region:
    """Return the part of a program that computes a value by some equations; constants and B that they read come with them."""
    wanted = set(equations)
    needed, read = set[Value]([output]), dict[Value, None]()
    kept: list[Equation] = []
    for equation in reversed(program.equations):
        if needed.isdisjoint(equation.outputs):
            continue
        if equation in wanted or not equation.inputs:
            kept.append(equation)
            needed.update(equation.inputs)
    defined = {value for equation in kept for value in equation.outputs}
    for equation in reversed(kept):
        read.update(dict.fromkeys(value for value in equation.inputs if value not in defined))
    inputs = tuple(Port(str(number), "value", value) for number, value in enumerate(read))
    plain = tuple(replace(e, origins=(Origin(e.phase, e.layer),)) for e in reversed(kept))  # whose derivative it is may not be a part
    part = Program(inputs, plain, (Port("out", "output", output),))
    return Region(retype(part, "float64"), (*read, output))
