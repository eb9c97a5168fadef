"""What there is to write out in a traced step: the loss as a whole, and each composite of the forward pass."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from chainrule.backends.reference import Reference
from chainrule.inspect.expansion.expansion import Expansion, Fused
from chainrule.inspect.reading.notation import Leaf, symbolic
from chainrule.inspect.reading.recording import Element
from chainrule.ir import Equation, Port, Program, Value
from chainrule.transforms import retype, reverse

if TYPE_CHECKING:
    from chainrule.inspect.step.trace import StepTrace


def expansions(trace: StepTrace) -> Iterator[Expansion]:
    """Yield the expansions of a step in the order of its backward pass: the loss by the network's outputs, then layer by layer."""
    equations = trace.program.equations
    forward = [equation for equation in equations if equation.phase == "forward"]
    loss = trace.program.output("loss").value
    active = _active(trace, forward)
    read = dict.fromkeys(value for equation in equations if equation.phase == "loss" for value in equation.inputs)
    made = {value for equation in forward for value in equation.outputs}
    wrt = [value for value in read if value in active and value in made]
    of_loss = [equation for equation in equations if equation.phase == "loss"]
    if wrt and any(loss in equation.outputs for equation in of_loss):
        yield _expansion(trace, of_loss, loss, wrt, np.ones(()), "")
    for equation in reversed(forward):
        output = equation.outputs[0]
        wrt = [value for value in dict.fromkeys(equation.inputs) if value in active]
        if getattr(equation.op, "definition", None) is None or not wrt or not output.type.is_float:
            continue
        slope = _slope(trace, output)
        if slope is not None:
            yield _expansion(trace, [equation], output, wrt, slope, equation.layer)


def _expansion(
    trace: StepTrace, equations: Sequence[Equation], output: Value, wrt: Sequence[Value], slope: np.ndarray, layer: str
) -> Expansion:
    return Expansion(
        trace.program,
        equations,
        output,
        outside=trace.expressions,
        arrays=trace.recording.values,
        cotangent=slope,
        wrt=wrt,
        fused=_fused(trace, equations, wrt),
        layer=layer,
        names_of=layer or trace.recording.definitions[wrt[0]].layer,
    )


def _fused(trace: StepTrace, equations: Sequence[Equation], wrt: Sequence[Value]) -> Fused | None:
    """Return the derivatives that the engine computed, if it did of all and nothing else reads these values."""
    slopes, formulas = {}, []
    for value in wrt:
        found = trace.cotangent(value)
        readers = [reader for reader in trace.recording.users.get(value, ()) if reader.phase in ("forward", "loss")]
        if found is None or any(reader not in equations for reader in readers):
            return None
        slopes[value] = trace.recording.values[found]
        index = tuple(0 for _ in slopes[value].shape)
        node = trace.expressions.calculation(Element(found, index)) if slopes[value].size else None
        opaque = isinstance(node, Leaf) and node.element is not None and node.element.value is found
        formulas.append("" if node is None or opaque else symbolic(node))
    dtype = trace.recording.values[wrt[0]].dtype.name
    return Fused(slopes, dtype, f"the {trace.source.name}", formulas[0] if len(formulas) == 1 else "")


def _active(trace: StepTrace, forward: Sequence[Equation]) -> set[Value]:
    active = {trace.parameters[path] for path in trace.trainable}
    for equation in forward:
        if not active.isdisjoint(equation.inputs):
            active.update(value for value in equation.outputs if value.type.is_float)
    return active


def _slope(trace: StepTrace, value: Value) -> np.ndarray | None:
    """Return the derivative of the loss by a value: the engine's, or where it has none of its own that of the Program in float64."""
    found = trace.cotangent(value)
    if found is not None:
        return trace.recording.values[found]
    before = [e for e in trace.program.equations if e.phase in ("forward", "loss") and value not in e.outputs]
    loss = trace.program.output("loss")
    cut = Program((*trace.program.inputs, Port("cut", "value", value)), tuple(before), (loss,))
    wide = retype(cut, "float64")
    arrays = trace.recording.inputs | {"cut": trace.recording.values[value]}
    backward = reverse(wide, ["cut"])
    given = {port.name: arrays[port.name].astype(port.type.dtype, copy=False) for port in backward.inputs}
    return Reference(backward)(given)["d_cut"]
