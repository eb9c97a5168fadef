"""Where the numbers of a traced step come from: the engine, which trains, or the exact reference in float64."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np

from chainrule.backends import Runnable, chosen, compile
from chainrule.inspect.reading.recording import Recording, is_move
from chainrule.ir import Equation, Port, Program, Value
from chainrule.transforms import retype

_ONE_ROUNDING = {
    *("add", "subtract", "multiply", "divide", "negative", "sqrt", "abs", "sign", "maximum", "minimum", "where", "floor"),
    *("less", "less_equal", "equal", "not_equal", "logical_and", "logical_or", "logical_not", "cast", "constant", "dimension"),
}
"""Operations that IEEE 754 defines to the last bit, so that it does not matter who computes them."""


@dataclass(frozen=True)
class Source:
    """Where numbers come from: ``engine`` or ``exact``, what computed them, and their float type."""

    name: str
    runs: str
    dtype: str

    def __str__(self) -> str:
        return f"{self.name}: {self.runs}, {self.dtype}"


@dataclass(frozen=True)
class _Asked:
    """A program that gives what was asked for, ready to run; ``values`` are what its outputs are in the program of the step."""

    run: Runnable
    values: Mapping[str, Value]


_known: dict[str, WeakKeyDictionary[Program, _Asked]] = {"llvm": WeakKeyDictionary(), "reference": WeakKeyDictionary()}


def engine(program: Program, inputs: Mapping[str, np.ndarray], backend: str = "auto") -> tuple[Source, Recording]:
    """Run a training Program by what trains: the same Program, compiled with every value that is asked for as an output.

    The kernels and the order of their sums do not depend on what is an output, so each number is that of the training step, to the bit.
    Values between (moved and cast ones, and what one IEEE 754 operation makes of others) are computed when they are asked for.

    Args:
        program: a training Program.
        inputs: an array for each input, by name.
        backend: as of :func:`chainrule.training_step`.
    """
    backend = chosen(backend)
    asked = _known[backend].get(program)
    if asked is None:
        asked = _known[backend][program] = _prepare(program, backend)
    results = asked.run(inputs)
    runs = "the machine code of the training step" if backend == "llvm" else "the reference"
    return Source("engine", runs, float_type(program)), Recording(program, inputs, {v: results[name] for name, v in asked.values.items()})


def exact(program: Program, inputs: Mapping[str, np.ndarray]) -> tuple[Source, Recording]:
    """Run a training Program in float64 by the reference; a value is computed when it is asked for."""
    wide = retype(program, "float64")
    arrays = {port.name: inputs[port.name].astype(port.type.dtype, copy=False) for port in wide.inputs}
    return Source("exact", "the reference", "float64"), Recording(wide, arrays, {})


def float_type(program: Program) -> str:
    """Return the float type of a training Program's parameters."""
    return next((port.type.dtype for port in program.by_role("parameter")), "float64")


def _prepare(program: Program, backend: str) -> _Asked:
    taken = {port.value for port in program.outputs}
    values = [value for equation in program.equations if _is_asked(equation) for value in equation.outputs if value not in taken]
    further = tuple(Port(f"trace.{number}", "trace", value) for number, value in enumerate(values))
    wanted = Program(program.inputs, program.equations, (*program.outputs, *further))
    return _Asked(compile(wanted, backend), {port.name: port.value for port in wanted.outputs})


def _is_asked(equation: Equation) -> bool:
    return equation.op.name not in _ONE_ROUNDING and not is_move(equation)
