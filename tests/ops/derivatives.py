"""The check of a derivative rule: against the complex step, or central differences, to first and second order."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import Any

import numpy as np

from chainrule import ops
from chainrule.backends.reference import Reference, evaluate
from chainrule.ir import Batch, Program, Type, bind_axes
from chainrule.ops import OPERATIONS, Primitive
from chainrule.transforms import retype, reverse

Arrays = dict[str, np.ndarray]
Interval = tuple[float, float]

STEP = {"complex": 1e-30, "difference": 1e-5}
TOLERANCE = {"complex": 1e-13, "difference": 2e-8}  # of the norm of the difference to the norm of the gradient


def check_vjp(
    operation: str | Callable[..., Any],
    *types: str,
    attributes: Mapping[str, Any] | None = None,
    given: Mapping[int, Any] | None = None,
    domain: Sequence[Interval | None] | None = None,
    by: str = "complex",
    order: int = 2,
) -> float:
    """Assert that an operation's rule agrees with its meaning, for three rows and for one; return the largest error.

    Operands are drawn from the record's domain, or ``given`` by position. The cotangent is random, and every coordinate of the gradient
    is compared. The second order is the same check of the gradient, contracted with a random tangent.
    """
    function = OPERATIONS[operation] if isinstance(operation, str) else operation
    intervals = domain or (function.domain.intervals if isinstance(function, Primitive) else ((-2.0, 2.0),))
    if len(intervals) == 1:
        intervals = tuple(intervals) * len(types)
    program = ops.trace(lambda *operands: function(*operands, **(attributes or {})), *types)
    symbolic = any(isinstance(axis, Batch) for port in program.inputs for axis in port.type.shape)
    return max(_check(program, intervals, given or {}, by, order, rows) for rows in ((3, 1) if symbolic else (1,)))


def _check(program: Program, intervals: Sequence[Interval | None], given: Mapping[int, Any], by: str, order: int, rows: int) -> float:
    generator = np.random.default_rng(zlib.crc32(str(program).encode()))
    arrays: Arrays = {}
    for number, port in enumerate(program.inputs):
        shape = bind_axes(port.type.shape, rows)
        if number in given:
            arrays[port.name] = np.resize(np.asarray(given[number], port.type.dtype), shape)
        else:
            arrays[port.name] = draw(port.type, rows, generator, intervals[number] or (-2.0, 2.0))
    largest = 0.0
    for level in range(1, order + 1):
        wrt = [port.name for port in program.inputs if port.type.is_float]
        vjp = reverse(program, wrt, of="out", cotangent=f"u{level}")
        arrays[f"u{level}"] = draw(program.output("out").type, rows, generator)
        error = gradient_error(program, vjp, arrays, wrt, f"u{level}", by)
        assert error <= TOLERANCE[by], f"order {level}, {rows} rows: the gradient is off by {error:.1e}\n{vjp}"
        largest = max(largest, error)
        program = _contracted(vjp, wrt, f"v{level}")
        arrays |= {port.name: draw(port.type, rows, generator) for port in program.inputs if port.name not in arrays}
    return largest


def draw(type: Type, rows: int, generator: np.random.Generator, interval: Interval = (-2.0, 2.0)) -> np.ndarray:
    """Draw an array of a type."""
    shape = bind_axes(type.shape, rows)
    if type.dtype == "bool":
        return generator.random(shape) < 0.5
    if not type.is_float:
        return generator.integers(0, 3, shape).astype(type.dtype)
    return np.asarray(generator.uniform(*interval, shape)).astype(type.dtype)


def gradient_error(program: Program, vjp: Program, arrays: Arrays, wrt: Sequence[str], cotangent: str, by: str = "complex") -> float:
    """Return the norm-wise difference of a vector-Jacobian product and the derivative along every coordinate."""
    outputs = evaluate(vjp, arrays)
    gradients = [outputs[port.name] for port in vjp.outputs[-len(wrt) :]]
    for name, gradient in zip(wrt, gradients, strict=True):
        assert gradient.dtype == arrays[name].dtype and gradient.shape == arrays[name].shape, f"the gradient of {name} has another type"
    along = [numeric_gradient(program, arrays, name, arrays[cotangent], by) for name in wrt]
    got, expected = (np.concatenate([part.ravel() for part in parts]) for parts in (gradients, along))
    return norm_wise(got, expected)


def norm_wise(got: np.ndarray, expected: np.ndarray) -> float:
    """Return ‖got − expected‖ / ‖expected‖, or ‖got‖ if the expected is zero; infinite if anything is not finite."""
    norm = float(np.linalg.norm(expected))
    error = float(np.linalg.norm(got - expected)) / (norm if norm > 0 else 1.0)
    return error if np.isfinite(error) else np.inf


def numeric_gradient(program: Program, arrays: Arrays, name: str, cotangent: np.ndarray, by: str = "complex") -> np.ndarray:
    """Return the gradient of ⟨cotangent, out⟩ by one input, coordinate by coordinate."""
    complex_step = by == "complex"
    run = Reference(retype(program, "complex128") if complex_step else program)
    moved = {
        port.name: arrays[port.name].astype(complex) if complex_step and port.type.is_float else arrays[port.name]
        for port in program.inputs
    }
    gradient = np.empty(arrays[name].shape)

    def at(index: tuple[int, ...], step: complex) -> Any:
        point = moved[name].copy()
        point[index] += step
        return np.sum(cotangent * run({**moved, name: point})["out"])

    h = STEP[by]
    for index in np.ndindex(gradient.shape):
        gradient[index] = at(index, 1j * h).imag / h if complex_step else (at(index, h) - at(index, -h)) / (2 * h)
    return gradient


def _contracted(vjp: Program, wrt: Sequence[str], tangent: str) -> Program:
    """Return the program of ⟨gradients, tangents⟩, a scalar ``out`` that can be differentiated again."""
    types = {port.name: port.type for port in vjp.inputs} | {f"{tangent}.{name}": vjp.input(name).type for name in wrt}

    def contraction(arguments: dict[str, Any]) -> Any:
        results = ops.inline(vjp, [arguments[port.name] for port in vjp.inputs])[-len(wrt) :]
        terms = (ops.sum(gradient * arguments[f"{tangent}.{name}"]) for name, gradient in zip(wrt, results, strict=True))
        return reduce(lambda x, y: x + y, terms)

    return ops.trace(contraction, types)
