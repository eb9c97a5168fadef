"""Prediction from cells: standardizing, and a row of weights for each word, are equations of the Program, and no table of units is made."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from chainrule import ops
from chainrule.backends import Runnable, chosen, compile
from chainrule.data.codes.units import Cells
from chainrule.ir import B, Program, Type, Value
from chainrule.ops.tracing import apply, at, trace
from chainrule.training.chunks import over_chunks
from chainrule.transforms import simplify

_NUMBERS, _PLACES = "{} of numbers", "{} of places"  # the rows of a matrix that numbers are multiplied by, and that words take
_UNITS = "units"  # the matrix of which each row is a unit


class Predictor:
    """An inference Program whose rows come as cells."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self._runs: dict[tuple[str, int, int], Runnable] = {}

    def __call__(
        self, arrays: Mapping[str, np.ndarray], chunks: Iterable[Callable[[], Cells]], output: str, threads: int | None = None
    ) -> np.ndarray:
        """Return an output for all rows.

        Args:
            arrays: parameters and buffers by name.
            chunks: what gives the cells of some rows; all have the same layout.
            output: the name of the output.
            threads: at most so many, ``None`` for what suits the work; the result does not depend on it.
        """
        if chosen("auto") == "reference":  # it would hold a row of weights for each word
            dtype, whole = self.program.input("x").type.dtype, compile(self.program)
            return np.concatenate(over_chunks(lambda cells, _: whole({**arrays, "x": cells.units(dtype)})[output], chunks, threads))
        fixed: dict[str, np.ndarray] = {}
        beginning = threading.Lock()

        def run(cells: Cells, own: int | None) -> np.ndarray:
            with beginning:
                runnable = self._run(cells)
                if not fixed:
                    fixed.update(self._fixed(runnable.program, arrays, cells))
                    runnable({**fixed, "x.numbers": cells.numbers[:0], "x.places": cells.places[:0]}, threads=1)  # which compiles it, once
            return runnable({**fixed, "x.numbers": cells.numbers, "x.places": cells.places}, threads=own)[output]

        return np.concatenate(over_chunks(run, chunks, threads))

    def _run(self, cells: Cells) -> Runnable:
        key = cells.numbers.dtype.name, cells.numbers.shape[1], cells.places.shape[1]
        if key not in self._runs:
            self._runs[key] = compile(of_cells(self.program, *key))
        return self._runs[key]

    def _fixed(self, program: Program, arrays: Mapping[str, np.ndarray], cells: Cells) -> dict[str, np.ndarray]:
        """Return what the Program of cells takes that is the same for all rows."""
        layout = cells.layout
        given = {**arrays, "x.mean": layout.mean, "x.scale": layout.scale}
        for name in _matrices(self.program):
            matrix = np.eye(layout.width, dtype=self.program.input("x").type.dtype) if name == _UNITS else arrays[name]
            given[_NUMBERS.format(name)] = matrix if len(layout.at) == layout.width else matrix[layout.at]
            if cells.places.shape[1]:
                given[_PLACES.format(name)] = np.concatenate([matrix, np.zeros_like(matrix[:1])])
        return {port.name: given[port.name] for port in program.inputs if port.name in given}


def of_cells(program: Program, dtype: str, numbers: int, words: int) -> Program:
    """Return an inference Program that takes cells in place of x.

    With x the units of :class:`~chainrule.data.codes.units.Cells`, x W is the sum of z V and of the rows of U that the words take, where
    z = (numbers − mean) / scale, 0 where a number is missing; V are the rows of W for the units of numbers, and U is W and a row of zeros.

    Args:
        program: parameters, buffers, x [B, units] → its outputs.
        dtype: of the numbers.
        numbers, words: how many a row has.

    Returns:
        The Program of the same outputs whose inputs are, as far as it needs them, ``x.numbers`` [B, numbers], ``x.places`` int64
        [B, words], ``x.mean`` and ``x.scale`` float64 [numbers], for each matrix ``W`` that x is multiplied by ``W of numbers`` and
        ``W of places``, and the others.
    """
    x, products, matrices = program.input("x"), _products(program), _matrices(program)
    types = {port.name: port.type for port in program.inputs if port is not x} | {
        "x.numbers": Type(dtype, (B, numbers)),
        "x.places": Type("int64", (B, words)),
        "x.mean": Type("float64", (numbers,)),
        "x.scale": Type("float64", (numbers,)),
    }
    for name, (units, outputs) in matrices.items():
        types[_NUMBERS.format(name)] = Type(x.type.dtype, (numbers, outputs))
        types[_PLACES.format(name)] = Type(x.type.dtype, (units + 1, outputs))

    def predict(inputs: dict[str, Any]) -> dict[str, Any]:
        scaled = (ops.cast(inputs["x.numbers"], dtype="float64") - inputs["x.mean"]) / inputs["x.scale"]
        z = ops.cast(ops.where(ops.not_equal(scaled, scaled), ops.zeros_like(scaled), scaled), dtype=x.type.dtype)

        def times(name: str) -> Any:
            terms = []
            if numbers:
                terms.append(z @ inputs[_NUMBERS.format(name)])
            if words:
                terms.append(ops.sum(ops.gather(inputs[_PLACES.format(name)], inputs["x.places"]), axis=1))
            return terms[0] if len(terms) == 1 else terms[0] + terms[1]

        env = {
            port.value: times(_UNITS) if port is x else inputs[port.name] for port in program.inputs if port is not x or _UNITS in matrices
        }
        for equation in program.equations:
            with at(*equation.origins):
                if (name := products.get(equation.outputs[0])) is not None:
                    env[equation.outputs[0]] = times(name)
                    continue
                results = apply(equation.op, [env[value] for value in equation.inputs], equation.attributes)
            env.update(zip(equation.outputs, results if len(equation.outputs) > 1 else (results,), strict=True))
        return {port.name: env[port.value] for port in program.outputs}

    found = simplify(trace(predict, types))
    needed = {value for equation in found.equations for value in equation.inputs} | {port.value for port in found.outputs}
    return replace(found, inputs=tuple(port for port in found.inputs if port.value in needed))


def _products(program: Program) -> dict[Value, str]:
    """Return for each product of x and another input the name of that."""
    x = program.input("x").value
    names = {port.value: port.name for port in program.inputs}
    products = (e for e in program.equations if e.op.name == "matmul" and e.inputs[0] is x)
    return {e.outputs[0]: names[e.inputs[1]] for e in products if e.inputs[1] in names and e.inputs[1] is not x}


def _matrices(program: Program) -> dict[str, tuple[int, int]]:
    """Return the sizes of the matrices that x is multiplied by, and of that of the units if x is read otherwise."""
    x, products = program.input("x"), _products(program)
    sizes: dict[str, Any] = {name: program.input(name).type.shape for name in products.values()}
    others = [value for e in program.equations if e.outputs[0] not in products for value in e.inputs]
    if x.value in (*others, *(port.value for port in program.outputs)):
        sizes[_UNITS] = (x.type.shape[-1],) * 2
    return sizes
