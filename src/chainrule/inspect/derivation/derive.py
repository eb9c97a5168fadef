"""The chain rule of one weight, written out: all paths from the weight to the loss, and the same number by the reused δ."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.backends.reference import Reference
from chainrule.inspect.derivation.paths import Factor, Path, Ways
from chainrule.inspect.expansion.expansion import Expansion
from chainrule.inspect.expansion.selection import Expanded, Selection
from chainrule.inspect.expansion.textbook import TEXTBOOK
from chainrule.inspect.reading.notation import Call, Node, Total, symbolic
from chainrule.inspect.reading.recording import Element, Index
from chainrule.inspect.step.trace import StepTrace
from chainrule.training.program import without_update
from chainrule.transforms import expand as expand_composites
from chainrule.transforms import retype, reverse

STEP = 1e-5
"""The change of the weight for the central difference, relative to the weight where that is above 1."""


@dataclass(frozen=True)
class Change:
    """By how much an update changes the loss: predicted, the gradient times the change of the weights, and actual, computed anew."""

    predicted: float
    actual: float

    def to_json(self) -> dict[str, float]:
        """Return the change as JSON-ready data."""
        return {"predicted": self.predicted, "actual": self.actual}


@dataclass(frozen=True)
class Derivation:
    """The chain rule of one weight.

    Attributes:
        weight: its name, ``hidden_1.weight[age,3]``. ``path``, ``index``: where it is.
        value, gradient, updated: the weight, its gradient and its new value, as the step computed them.
        paths: the paths whose product is not 0, largest first: all of them, or the largest (see ``listed``).
        count: the number of all paths. ``zeros``: how many of them have the product 0.
        total: the sum over all paths.
        reused: the gradient as the step computed it: the terms input · δ (one for each row), and their sum ``gradient``.
        exact: the gradient by the exact step, in float64.
        multiplications: for all paths one by one, and where each sum of paths is made once and used again, as δ.
        changes: what the update does to the loss: this weight's alone, and that of all weights.
        expanded: where it was asked for, the loss and the composites on the way in primitives. ``in_primitives``: the gradient of the
            Program with every composite as textbooks write it, by the chain rule through all primitives.
        finite_difference: (L(w + h) − L(w − h)) / 2h of the same Program in float64. ``step``: h.
    """

    weight: str
    path: str
    index: Index
    value: float
    gradient: float
    updated: float
    paths: tuple[Path, ...]
    count: int
    zeros: int
    total: float
    reused: tuple[tuple[Factor, ...], ...]
    finite_difference: float
    step: float
    losses: tuple[float, float]
    exact: float
    multiplications: tuple[int, int]
    changes: tuple[Change, Change]
    expanded: Expanded | None = None
    in_primitives: float | None = None

    @property
    def listed(self) -> bool:
        """Whether ``paths`` holds every path that is not 0."""
        return len(self.paths) == self.count - self.zeros

    @property
    def rest(self) -> float:
        """The sum of the paths that are not listed."""
        return self.total - math.fsum(path.product for path in self.paths)

    def to_json(self) -> dict[str, Any]:
        """Return the derivation as JSON-ready data."""
        return {
            "weight": self.weight,
            "value": self.value,
            "gradient": self.gradient,
            "updated": self.updated,
            "paths": [path.to_json() for path in self.paths],
            "paths_in_all": self.count,
            "paths_of_zero": self.zeros,
            "rest": 0.0 if self.listed else self.rest,
            "sum": self.total,
            "reused": [[{"name": f.name, "value": f.value} for f in term] for term in self.reused],
            "finite_difference": self.finite_difference,
            "exact_gradient": self.exact,
            "multiplications": {"paths": self.multiplications[0], "reused": self.multiplications[1]},
            "loss_change": {name: change.to_json() for name, change in zip(("weight", "all"), self.changes, strict=True)},
            **({} if self.expanded is None else {"in_primitives": self.in_primitives, "expansions": self.expanded.to_json()}),
        }


def derive(trace: StepTrace, path: str, index: Index, *, expand: bool = False) -> Derivation:
    """Write out the chain rule of one weight; see :class:`Derivation`.

    Args:
        trace: a traced step.
        path: a parameter that is trained.
        index: the place of the weight in it.
        expand: composites on the way are written out in primitives, too.
    """
    ways = Ways(trace, trace.parameters[path], index)
    gradient = float(trace.gradient(path)[index])
    low, high, step = _around(trace, path, index)
    return Derivation(
        trace.parameter_name(path, index),
        path,
        index,
        float(trace.value(path)[index]),
        gradient,
        float(trace.updated(path)[index]),
        tuple(ways.paths()),
        ways.count,
        ways.count - ways.nonzero,
        ways.total,
        _reused(trace, path, index),
        (high - low) / (2 * step),
        step,
        (low, high),
        float(trace.exact.gradient(path)[index]),
        (max(ways.factors - ways.count, 0), ways.reused),
        _changes(trace, path, index),
        *((_expanded(trace, ways), _in_primitives(trace, path, index)) if expand else ()),
    )


def _in_primitives(trace: StepTrace, path: str, index: Index) -> float:
    program = expand_composites(retype(without_update(trace.program), "float64"), TEXTBOOK)
    arrays = {port.name: trace.recording.inputs[port.name].astype(port.type.dtype) for port in program.inputs}
    return float(Reference(reverse(program, [path]))(arrays)[f"d_{path}"][index])


def _expanded(trace: StepTrace, ways: Ways) -> Expanded:
    """Return the loss, and the composites that the weight reaches with the units that it reaches."""
    reached = ways.reached
    found: list[Expansion] = []
    units: dict[str, tuple[int, ...]] = {}
    for expansion in trace.expansions:
        inputs = [expansion.outer[value] for value in expansion.inputs]
        own = [value for value in inputs if value in reached]
        if own or not expansion.layer:
            found.append(expansion)
        for value in own if expansion.layer else ():
            told = np.unique(reached[value] % trace.recording.values[value].shape[-1])
            if len(told) == 1:  # of a layer that is reached as a whole those that count most are told
                units[expansion.layer] = (int(told[0]),)
    return Expanded(tuple(found), Selection(units=units))


def _changes(trace: StepTrace, path: str, index: Index) -> tuple[Change, Change]:
    """Return what the update does to the loss, in float64: that of one weight, and that of all."""
    program = retype(without_update(trace.program), "float64")
    arrays = {port.name: trace.recording.inputs[port.name].astype(port.type.dtype) for port in program.inputs}
    run = Reference(program)
    before = float(run(arrays)["loss"])
    after = {name: trace.updated(name).astype(np.float64) for name in trace.trainable}
    moved = arrays[path].copy()
    moved[index] = after[path][index]
    step = float(moved[index] - arrays[path][index])
    one = Change(float(trace.gradient(path)[index]) * step, float(run(arrays | {path: moved})["loss"]) - before)
    slopes = ((trace.gradient(name).astype(np.float64), after[name] - arrays[name]) for name in trace.trainable)
    every = Change(float(sum((slope * change).sum() for slope, change in slopes)), float(run(arrays | after)["loss"]) - before)
    return one, every


def _around(trace: StepTrace, path: str, index: Index) -> tuple[float, float, float]:
    """Return the losses of the Program in float64 with the weight a little smaller and a little larger, and by how much."""
    program = retype(without_update(trace.program), "float64")
    arrays = {port.name: trace.recording.inputs[port.name].astype(port.type.dtype) for port in program.inputs}
    middle = float(arrays[path][index])
    step = STEP * max(1.0, abs(middle))
    run = Reference(program)
    losses = []
    for moved in (middle - step, middle + step):
        arrays[path] = arrays[path].copy()
        arrays[path][index] = moved
        losses.append(float(run(arrays)["loss"]))
    return losses[0], losses[1], ((middle + step) - (middle - step)) / 2


def _reused(trace: StepTrace, path: str, index: Index) -> tuple[tuple[Factor, ...], ...]:
    """Return the terms of the gradient as the backward phase computes it: input · δ, for each row and each use of the weight."""
    found = trace.cotangent(trace.parameters[path])
    assert found is not None  # the parameter is trained
    return tuple(_terms(trace.expressions.calculation(Element(found, index))))


def _terms(node: Node) -> Iterator[tuple[Factor, ...]]:
    if isinstance(node, Total):
        for i in range(len(node.terms)):
            yield tuple(map(_factor, node.term(i)))
        for part in node.added:
            yield from _terms(part)
    elif isinstance(node, Call) and node.equation.op.name == "add":
        for part in node.operands:
            yield from _terms(part)
    elif isinstance(node, Call) and node.equation.op.name == "multiply":
        yield tuple(map(_factor, node.operands))
    else:
        yield (_factor(node),)


def _factor(node: Node) -> Factor:
    return Factor(symbolic(node, by_name=True), float(node.number))
