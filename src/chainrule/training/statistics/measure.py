"""From the values of a sampled step to its statistics."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cached_property

import numpy as np

from chainrule.backends import Runnable, compile
from chainrule.ir import Program
from chainrule.training.state import Arrays, State
from chainrule.training.statistics.program import Sampled, sampled
from chainrule.training.statistics.sample import EDGES, MOST_COUNTED, MOST_UNITS, LayerSample, ParameterSample, StepSampled

FLAT = 0.02
"""Where the slope of an activation is below this share of its steepest one, next to nothing comes through: tanh beyond ±2.65."""

COMPILED_FROM = 1e11
"""Operations of a run from which compiling the Program of the sampled steps, about a second, is little beside the run."""

_STEEPEST = {"sigmoid": 0.25}  # of the others it is near 1


class Sampler:
    """Takes statistics of the steps of a training Program.

    Args:
        training: the training Program.
        backend: what runs it; equal to the training step bit for bit if it is the one that trains, and to rounding if not.
    """

    def __init__(self, training: Program, backend: str) -> None:
        self.training, self.backend = training, backend

    @cached_property
    def sampled(self) -> Sampled:
        """The Program that is run."""
        return sampled(self.training)

    @cached_property
    def _run(self) -> Runnable:
        return compile(self.sampled.program, self.backend)

    def values(self, state: State, batch: Arrays) -> Arrays:
        """Return all outputs of a step on a batch, from the state before it; the state is not changed."""
        with np.errstate(all="ignore"):  # infinities are statistics like others
            return self._run(state.inputs(batch))

    def sample(self, state: State, batch: Arrays) -> StepSampled:
        """Return the statistics of a step on a batch, from the state before it; the state is not changed."""
        results = self.values(state, batch)
        with np.errstate(all="ignore"):
            parameters, predicted = {}, 0.0
            for path in self.sampled.parameters:
                change, gradient = state.params[path] - results[path], results[f"gradient.{path}"]
                predicted += float(np.vdot(gradient, change))
                parameters[path] = _parameter(state.params[path], gradient, change)
            layers = {layer: _layer(layer, name, results) for layer, name in self.sampled.activations.items()}
        rows, loss, after = len(batch["y"]), float(results["loss"]), float(results["sampled.loss"])
        return StepSampled(state.count + 1, state.epoch + 1, rows, loss, after, predicted, parameters, layers)


def flat(activation: str, slope: np.ndarray) -> np.ndarray:
    """Return where an activation is flat: its slope is below 2 % of the steepest one."""
    return np.asarray(np.abs(slope) < FLAT * _STEEPEST.get(activation, 1.0))


def _parameter(weights: np.ndarray, gradient: np.ndarray, change: np.ndarray) -> ParameterSample:
    weight, slope = _norm(weights), _norm(gradient)
    return ParameterSample(weights.size, weight, slope, _norm(change), _counts(weights, weight), _counts(gradient, slope))


def _norm(array: np.ndarray) -> float:
    flat = array.ravel()
    square = float(np.dot(flat, flat))
    if not 1e-30 < square < 1e30:  # in float64, squares of small or large numbers stay numbers
        wide = flat.astype(np.float64)
        square = float(np.dot(wide, wide))
    return math.sqrt(square) if square >= 0 else square


def _counts(array: np.ndarray, norm: float) -> tuple[int, ...]:
    """Return how many elements lie in each bin between the edges, which are half a root mean square apart.

    Of a large array they are so many elements at even distances, which have nothing in common with its columns.
    """
    bins, middle = len(EDGES) + 1, len(EDGES) // 2 + 1
    stride = -(-array.size // MOST_COUNTED)
    while math.gcd(stride, array.shape[-1] if array.ndim else 1) > 1:
        stride += 1
    some = array.ravel()[::stride].astype(np.float64)
    if not 0 < norm < np.inf:
        return tuple(some.size if norm == 0 and place == middle else 0 for place in range(bins))
    places = np.floor(some * (math.sqrt(array.size) / norm) * 2) + middle
    return tuple(np.bincount(np.clip(places, 0, bins - 1).astype(np.int64), minlength=bins).tolist())


def _layer(layer: str, activation: str, results: Mapping[str, np.ndarray]) -> LayerSample:
    sums, outputs = results[f"sum.{layer}"], results[f"result.{layer}"]
    closed = flat(activation, results[f"slope.{layer}"]).mean(axis=0)
    delta = results.get(f"delta.{layer}")
    told = sums.shape[1] <= MOST_UNITS
    return LayerSample(
        activation=activation,
        delta=float("nan") if delta is None else _norm(delta) / delta.size**0.5,
        sum=_norm(sums) / sums.size**0.5,
        spread=_norm(sums - sums.mean(axis=0)) / sums.size**0.5,
        zero=float((outputs == 0).mean()),
        flat=float(closed.mean()),
        units=sums.shape[1],
        shut=int((closed == 1).sum()),
        activity=tuple(np.abs(outputs).mean(axis=0).tolist()) if told else (),
        open=tuple((1 - closed).tolist()) if told else (),
    )
