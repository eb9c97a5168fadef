"""Findings about how a run was set up: how many rows a step has, and how many epochs there are.

A batch that is too small acts as a rate that is too high, and is found as that.
"""

from __future__ import annotations

import math

from chainrule.inspect.diagnosis.course_rules import model_words, still_falling
from chainrule.inspect.diagnosis.measurements import Measurements
from chainrule.inspect.diagnosis.wording import percent
from chainrule.training.findings import Finding

FEW_UPDATES, SOME_UPDATES = 30, 300
"""Fewer updates than the first are too few for any rate: a good step changes the weights by some percent of their norm. Fewer than the
second are too few where the loss is still falling after some epochs."""
FEW_EPOCHS = 10
LARGE, MANY_UPDATES = 256, 400  # rows a step; updates after which a large batch has had its chance


def batch_size(m: Measurements) -> Finding | None:
    """The loss still falls when the epochs are over, since an epoch has so few steps."""
    if m.plan is None or m.train is None or not m.history.epochs or not _too_little(m) or not still_falling(m):
        return None
    an_epoch = math.ceil(len(m.train) / m.plan.batch_size)
    small = math.ceil(len(m.train) / 32)  # what batches of 32 rows would have
    if m.plan.batch_size < LARGE or an_epoch > 4 or m.updates > MANY_UPDATES or small * len(m.history.epochs) < 2 * FEW_UPDATES:
        return None
    count = f"{an_epoch} update{'' if an_epoch == 1 else 's'}"
    return Finding(
        "batch_size",
        "",
        None,
        f"a batch has {min(m.plan.batch_size, len(m.train)):,} of the {len(m.train):,} training rows, so that an epoch has {count} and the "
        f"whole run {m.updates:,}, after which the loss was still falling; "
        f"batches of 32 rows would make {small * len(m.history.epochs):,}.{_learned(m)}",
        "Use batches of 32 to 256 rows.",
        {"batch": float(m.plan.batch_size), "updates": float(m.updates)},
    )


def epochs(m: Measurements) -> Finding | None:
    """The run ended after a handful of updates, while its loss was falling."""
    losses = m.history.values("loss")
    if m.plan is None or not losses or len(losses) < m.plan.epochs or not _too_little(m):
        return None
    short = len(losses) < 4 or (len(losses) <= FEW_EPOCHS and still_falling(m))
    if m.updates >= (SOME_UPDATES if short else FEW_UPDATES):
        return None
    start = m.history.samples[0].loss if m.history.samples else m.guess
    if start is None or not losses[-1] < start:
        return None
    count = f"{len(losses)} epoch{'' if len(losses) == 1 else 's'}"
    return Finding(
        "epochs",
        "",
        None,
        f"the run had {count}, which made {m.updates} updates in all; the loss was still falling, from {start:.4g} to {losses[-1]:.4g}."
        f"{_learned(m)}",
        f"Train for more epochs: {max(10 * len(losses), math.ceil(300 * len(losses) / max(m.updates, 1)))} of them, with patience.",
        {"epochs": float(len(losses)), "updates": float(m.updates)},
    )


def _too_little(m: Measurements) -> bool:
    """Say whether the network learned clearly less of its own rows than a simple model does of others."""
    return m.learned is not None and m.reference is not None and m.reference.skill >= 0.1 and m.learned < 0.8 * m.reference.skill


def _learned(m: Measurements) -> str:
    if m.learned is None or m.reference is None:
        return ""
    return (
        f" The network takes away {percent(max(m.learned, 0.0))} of the guessing error of its own rows, {model_words(m)} "
        f"{percent(m.reference.skill)} of rows that it has not seen."
    )
