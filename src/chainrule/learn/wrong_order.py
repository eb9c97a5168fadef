"""The slip FLUB: forward, loss, update, backward. A training Program in which the backward pass reads weights that are updated already."""

from __future__ import annotations

from chainrule.ir import Program
from chainrule.learn.rewiring import rewire


def update_before_backward(program: Program) -> Program:
    """Return a training Program that updates each layer before the layers below it have read its weights for their gradients.

    The last layer's update is still right; all others follow δ that came through weights which no forward pass has used.
    """
    updated = {port.name: port.value for port in program.outputs if port.role == "parameter"}
    new = {port.value: updated[port.name] for port in program.by_role("parameter") if port.name in updated}
    return rewire(program, new, lambda equation: equation.phase == "backward")
