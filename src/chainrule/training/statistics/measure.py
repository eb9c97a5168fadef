"""From the values of a sampled step to its statistics."""

from __future__ import annotations

import math

import numpy as np

from chainrule.training.state import Arrays
from chainrule.training.statistics.program import Activated, Sampled
from chainrule.training.statistics.sample import EDGES, MOST_COUNTED, MOST_UNITS, LayerSample, ParameterSample, StepSampled
from chainrule.training.stepping import Watched


def measured(watched: Watched, sampled: Sampled) -> StepSampled:
    """Return the statistics of a step that was watched."""
    with np.errstate(all="ignore"):  # infinities are statistics like others
        parameters, predicted = {}, 0.0
        for path in sampled.parameters:
            before, gradient = watched.before[path], watched.values[f"gradient.{path}"]
            change = before - watched.after[path]
            predicted += float(np.vdot(gradient, change))
            parameters[path] = _parameter(before, gradient, change)
        layers = {layer: _layer(one, watched.values) for layer, one in sampled.activations.items()}
        after = watched.loss_after()
    return StepSampled(watched.count, watched.epoch + 1, watched.rows, watched.loss, after, predicted, parameters, layers)


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


def _layer(one: Activated, values: Arrays) -> LayerSample:
    sums, outputs, delta = (values.get(f"{of}.{one.layer}") for of in ("sum", "result", "delta"))
    assert sums is not None and outputs is not None
    closed = one.flat(sums).mean(axis=0)
    told = sums.shape[1] <= MOST_UNITS
    return LayerSample(
        activation=one.op.name,
        delta=float("nan") if delta is None else _norm(delta) / delta.size**0.5,
        sum=_norm(sums) / sums.size**0.5,
        spread=_norm(sums - sums.mean(axis=0)) / sums.size**0.5,
        zero=1 - np.count_nonzero(outputs) / outputs.size,
        flat=float(closed.mean()),
        units=sums.shape[1],
        shut=int((closed == 1).sum()),
        activity=tuple(np.abs(outputs).mean(axis=0).tolist()) if told else (),
        open=tuple((1 - closed).tolist()) if told else (),
    )
