"""Units that are shut: counted over the training rows where these are there, and over the last sampled batches where not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from chainrule.backends.reference import Reference
from chainrule.inspect.diagnosis.measurements import Measurements
from chainrule.training.statistics.program import layers_program

_BATCHES = 4
_TINY = 1e-3  # of the sums before it: a result that is next to nothing


@dataclass(frozen=True)
class UnitCount:
    """The units of a hidden layer: how many give nothing for every row (``dead``), or the end of their range (``stuck``)."""

    activation: str
    units: int
    dead: int
    stuck: int
    rows: int
    of: str = "training rows"


def count_units(m: Measurements) -> dict[str, UnitCount]:
    """Return the units of each hidden layer that are flat for every row."""
    if m.program is not None and m.best is not None and m.some is not None and m.activated:
        return _over_rows(m)
    return _over_batches(m)


def _over_rows(m: Measurements) -> dict[str, UnitCount]:
    assert m.program is not None and m.best is not None and m.some is not None
    program = layers_program(m.program)
    types = {port.name: port.type for port in program.inputs}
    rows = m.some
    given = m.best.inputs({"x": rows.x, "y": rows.y, "w": np.ones(len(rows)) if rows.w is None else rows.w})
    inputs = {name: np.asarray(given[name], type.dtype) for name, type in types.items() if name in given}
    if inputs.keys() != types.keys():
        return _over_batches(m)
    with np.errstate(all="ignore"):
        values = Reference(program)(inputs)
    counts = {}
    for name, one in m.activated.items():
        sums, results = values[f"sum.{name}"], values[f"result.{name}"]
        closed = np.asarray(one.flat(sums).all(axis=0))
        results, sums = np.abs(results).max(axis=0), np.abs(sums).max(axis=0)
        dead = closed & (results <= _TINY * np.maximum(sums, 1e-30))
        counts[name] = UnitCount(one.op.name, len(closed), int(dead.sum()), int((closed & ~dead).sum()), len(rows))
    return counts


def _over_batches(m: Measurements) -> dict[str, UnitCount]:
    samples = m.history.samples[-max(min(len(m.history.samples) // 2, _BATCHES), 2) :]
    if len(samples) < 2:
        return {}
    counts = {}
    for name, layer in samples[-1].layers.items():
        shut = min(sample.layers[name].shut for sample in samples)
        if layer.open:
            shut = int((np.max([sample.layers[name].open for sample in samples], axis=0) == 0).sum())
        dead = layer.activation not in ("sigmoid", "tanh", "softsign")
        rows = sum(sample.rows for sample in samples)
        counts[name] = UnitCount(layer.activation, layer.units, shut if dead else 0, 0 if dead else shut, rows, "rows of sampled batches")
    return counts
