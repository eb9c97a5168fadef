"""An optimizer by the words of the command line."""

from __future__ import annotations

from chainrule import optim
from chainrule.optim import Optimizer, Schedule


def optimizer_named(name: str, lr: float, weight_decay: float, schedule: Schedule | None = None) -> Optimizer:
    """Return the optimizer of a name in ``optim.OPTIMIZERS``, with its rate.

    The decay is that of ``adamw``, the only one that has it. ``rprop``, whose steps have sizes of their own, follows no schedule.

    Raises:
        OptionError: a number is out of range.
    """
    if name == "rprop":
        return optim.rprop(lr)
    own = {"weight_decay": weight_decay} if name == "adamw" else {}
    return optim.OPTIMIZERS[name](lr, schedule=schedule, **own)
