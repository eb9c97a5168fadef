"""Numbers about a step that the step itself does not compute, worked out by the engine's own functions and Programs.

Of a batch: ``loss_after`` the update; the ``predicted_change`` of the loss, Σ gradient · (new weight − weight), and the ``actual_change``;
``gradient_norm``; ``parameters``, their number; ``sigmoid'(hidden_1.sum[0])``, the slope of an activation; for classes
``exponential[CLASS]``, ``exponential_sum`` and ``probability[CLASS]``.

Of a weight, written ``hidden_1.weight[age,3].FIGURE``: ``nudge``, ``nudged_weight``, ``nudged_loss`` and ``nudged_slope`` for a weight that
is raised a little; ``finite_difference``; ``path_1``, ``path_2`` … the products along the paths from the weight to the loss, and ``paths``,
their number.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from chainrule import ops
from chainrule.backends.reference import Reference
from chainrule.inspect import StepTrace
from chainrule.inspect.reading.recording import Element
from chainrule.nn.activations import ACTIVATIONS
from chainrule.training.program import without_update
from chainrule.transforms import grad

NUDGE = 0.001
"""By how much a weight is raised to see what the loss does."""


def figures_of_batch(trace: StepTrace, loss_after: float) -> dict[str, Any]:
    """Return the figures of a step."""
    pairs = [(trace.gradient(path), trace.updated(path) - trace.value(path)) for path in trace.trainable]
    figures: dict[str, Any] = {
        "loss_after": loss_after,
        "predicted_change": float(sum((gradient * change).sum() for gradient, change in pairs)),
        "actual_change": loss_after - trace.loss,
        "gradient_norm": math.sqrt(sum(float((gradient**2).sum()) for gradient, _ in pairs)),
        "parameters": sum(gradient.size for gradient, _ in pairs),
    }
    figures |= _slopes(trace)
    names = None if trace.prediction is None else trace.units.names(trace.prediction, -1)
    if names is not None and trace.prediction is not None:
        logits = trace.recording.values[trace.prediction][0]
        raised, shares = ops.exp(logits), ops.softmax(logits[None])[0]
        figures |= {f"exponential[{name}]": float(value) for name, value in zip(names, raised, strict=True)}
        figures |= {f"probability[{name}]": float(value) for name, value in zip(names, shares, strict=True)}
        figures["exponential_sum"] = float(np.asarray(ops.sum(raised)))
    return figures


def _slopes(trace: StepTrace) -> dict[str, float]:
    """Return the derivative of each activation at each sum, by the name that paths give it: ``sigmoid'(hidden_1.sum[0])``."""
    slopes = {}
    for equation in trace.program.equations:
        function = ACTIVATIONS.get(equation.op.name)
        if equation.phase == "forward" and function is not None:
            value = equation.inputs[0]
            found = grad(lambda z, function=function: ops.sum(function(z)))(trace.recording.values[value])
            for index, slope in np.ndenumerate(found):
                slopes[f"{equation.op.name}'({trace.expressions.name(Element(value, index))})"] = float(slope)
    return slopes


def figures_of_weight(trace: StepTrace, weight: str) -> dict[str, Any]:
    """Return the figures of one weight."""
    derivation = trace.derive_named(weight)
    products = {f"path_{number}": path.product for number, path in enumerate(derivation.paths, 1)}
    nudged = float(derivation.value) + NUDGE
    arrays = dict(trace.recording.inputs)
    arrays[derivation.path] = arrays[derivation.path].copy()
    arrays[derivation.path][derivation.index] = nudged
    loss = float(Reference(without_update(trace.program))(arrays)["loss"])
    return {
        **products,
        "paths": derivation.count,
        "finite_difference": derivation.finite_difference,
        "nudge": NUDGE,
        "nudged_weight": nudged,
        "nudged_loss": loss,
        "nudged_slope": (loss - trace.loss) / NUDGE,
    }
