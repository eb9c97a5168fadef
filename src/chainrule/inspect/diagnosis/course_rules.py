"""Findings about the course of a run: its rate, where it stands still, and how what it learned carries over."""

from __future__ import annotations

import math

import numpy as np

from chainrule.inspect.diagnosis.measurements import Measurements
from chainrule.inspect.diagnosis.wording import percent
from chainrule.training.findings import Finding
from chainrule.training.statistics.sample import StepSampled

WORSE = 3.0  # times the loss at the start: worse than knowing nothing
OVERSHOT = 0.4  # of the sampled steps raised the loss of their own rows: beyond twice the best step length (descent lemma)
LINEAR = (0.9, 1.1)
"""A step that gains what the gradient foretells is so short that curvature does not show; twice the length would gain twice as much."""
LEAP, WILD = 0.5, 10.0
"""A step that changes the weights by half of their norm leaves nothing of how they began; a loss ten times that before."""
MOVED = 0.1  # of the initial weights' norm, over the whole run
SHORT_OF = 0.8  # of what a simple model learns from the same rows
FLAT_SHARE = 0.02  # of the guessing loss, over the last half of the run
GAP, GAP_LAST = 0.35, 0.3
RISEN = 1.5


def diverged(m: Measurements) -> Finding | None:
    """The loss is not finite, or ends far above where it began."""
    if m.error:
        given = " holds " in m.error
        step = m.updates + 1
        sentence = m.error.rstrip(".")
        return Finding(
            "diverged",
            "" if m.row is None else f"row {m.row}",
            _failed_step(m) or step,
            f"{sentence}.",
            "Mend that row, or leave it out." if given else "Use a smaller learning rate, or clip the gradient's norm.",
            {"step": float(_failed_step(m) or step)},
            () if m.row is None else (m.train.number(m.row) if m.train is not None else m.row,),
        )
    losses, start = m.history.values("loss"), _first_loss(m)
    if not losses or start is None or not losses[-1] > WORSE * start:
        return None
    since = next(place for place, loss in enumerate(losses, 1) if loss > start)
    return Finding(
        "diverged",
        "",
        m.step_of_epoch(since),
        f"the training loss is {losses[-1]:.4g} in the last epoch, {losses[-1] / start:.3g} times that of the untrained network "
        f"({start:.4g}).",
        "Use a smaller learning rate, or clip the gradient's norm.",
        {"first": start, "last": losses[-1]},
    )


def _failed_step(m: Measurements) -> int | None:
    """Return the number of the update that failed, from the sentence that says its epoch and step."""
    words = m.error.replace(",", "").replace(":", "").split()
    if words[:1] != ["epoch"] or not m.plan or m.train is None:
        return None
    an_epoch = math.ceil(len(m.train) / max(m.plan.batch_size, 1))
    return (int(words[1]) - 1) * an_epoch + int(words[3])


def _first_loss(m: Measurements) -> float | None:
    """Return the loss of the untrained network, or that of the best constant answer where it is larger."""
    samples = m.history.samples
    known = [value for value in (samples[0].loss if samples and samples[0].step == 1 else None, m.guess) if value is not None]
    finite = [value for value in known if math.isfinite(value) and value > 0]
    return max(finite) if finite else None


def rate_too_high(m: Measurements) -> Finding | None:
    """Steps that make the loss of their own rows larger, and a run that gets nowhere by them."""
    samples = [sample for sample in m.history.samples if _alive(sample)]
    over = [sample for sample in samples if not sample.gained >= 0]
    share = len(over) / len(samples) if samples else 0.0
    if share < OVERSHOT or not poor(m):
        return _leapt(m)
    worst = max(over, key=lambda sample: sample.loss_after / max(sample.loss, 1e-300))
    median = float(np.median([_moved(sample) for sample in samples]))
    small = m.plan is not None and m.plan.batch_size < 8
    killed = len(m.history.samples) - len(samples)
    units = f" From step {m.history.samples[-killed].step:,} on nearly all units of a layer were shut." if killed and samples else ""
    return Finding(
        "rate_too_high",
        "",
        over[0].step,
        f"{len(over)} of {len(samples)} sampled steps raised the loss of the very rows they were made from, such as step {worst.step:,} "
        "from "
        f"{worst.loss:.4g} to {worst.loss_after:.4g}; a step moves the weights by {percent(median)} of their norm.{units}",
        f"Use a learning rate ten times smaller{', or a larger batch' if small else ''}.",
        {"share": share, "moved": median},
    )


def _leapt(m: Measurements) -> Finding | None:
    """A first step that throws the weights far away and does its own rows no good, from where the run comes back late or never."""
    samples, losses, start = m.history.samples, m.history.values("loss"), _first_loss(m)
    if not samples or not losses or start is None or samples[0].step > 1 or _from_nothing(m):
        return None
    first, highest = samples[0], max(losses)
    wild = not highest < WILD * start
    if not _moved(first) >= LEAP or not first.gained < LINEAR[0] or not (wild or poor(m)):
        return None
    epoch = losses.index(highest) + 1
    after = f"the training loss of epoch {epoch} was {highest:.4g}, where the best constant answer has {m.guess:.4g}" if m.guess else ""
    return Finding(
        "rate_too_high",
        "",
        1,
        f"the first step moved the weights by {percent(_moved(first))} of their norm, and the loss of the very rows it was made from went "
        f"from {first.loss:.4g} to {first.loss_after:.4g}{f'; {after}' if after else ''}.",
        "Use a learning rate ten times smaller.",
        {"moved": _moved(first), "highest": highest},
    )


def _from_nothing(m: Measurements) -> bool:
    """Say whether the initial weights were so small that any step moves them far."""
    return m.start is None or any(
        float(m.start.params[path].std()) * math.sqrt(m.start.params[path].shape[0]) < 0.2 for path in m.weights[:-1]
    )


def _alive(sample: StepSampled) -> bool:
    """Say whether gradients still reach all layers: dead units overshoot nothing."""
    return all(layer.shut < 0.9 * layer.units for layer in sample.layers.values())


def _moved(sample: StepSampled) -> float:
    """Return how far a step moved all parameters, as a share of their norm."""
    update, weight = (
        math.sqrt(sum(getattr(parameter, name) ** 2 for parameter in sample.parameters.values())) for name in ("update", "weight")
    )
    return update / weight if weight else 0.0


def rate_too_low(m: Measurements) -> Finding | None:
    """Steps so short that each gains exactly what the gradient foretells, in a run that is far from done."""
    samples, losses = m.history.samples, m.history.values("loss")
    moved = _distance(m)
    if len(samples) < 2 or len(losses) < 2 or moved is None or not poor(m):
        return None
    gained = [sample.gained for sample in samples if sample.predicted > 0]
    linear = [LINEAR[0] <= gain <= LINEAR[1] for gain in gained]
    little = 0.5 * min(losses[0], m.guess or losses[0]) < losses[-1] < losses[0]
    if not linear or sum(linear) < 0.8 * len(linear) or moved > MOVED or not little or _faded(m) is not None:
        return None
    a_step = float(np.median([_moved(sample) for sample in samples]))
    return Finding(
        "rate_too_low",
        "",
        1,
        f"after {m.updates:,} steps the weights have moved by {percent(moved)} of their norm ({a_step:.1e} a step), and the loss by "
        f"{percent((losses[0] - losses[-1]) / abs(losses[0]))}; sampled steps gained {np.median(gained):.3f} times what the gradient "
        "foretold, so that longer ones would gain more.",
        "Use a learning rate ten times larger.",
        {"moved": moved, "gained": float(np.median(gained)), "a_step": a_step},
    )


def _distance(m: Measurements) -> float | None:
    """Return the distance between the first and the best weights, as a share of the first ones' norm."""
    if m.start is None or m.best is None or not m.weights:
        return None
    squares = [
        (
            float(np.sum(np.square(m.best.params[path].astype(float) - m.start.params[path]))),
            float(np.sum(np.square(m.start.params[path].astype(float)))),
        )
        for path in m.weights
    ]
    return math.sqrt(sum(a for a, _ in squares) / max(sum(b for _, b in squares), 1e-300))


def poor(m: Measurements) -> bool:
    """Say whether the network learned less from its own rows than a simple model does, and than there was to learn."""
    if m.learned is None:
        losses, start = m.history.values("loss"), _first_loss(m)
        return bool(losses) and start is not None and not losses[-1] < 0.5 * start
    best = m.reference.skill if m.reference is not None else 0.5
    return m.learned < SHORT_OF * best or not m.learned > 0.05


def _faded(m: Measurements) -> float | None:
    """Return what is left of the size of a step at the end, if it is below a hundredth of that at the start."""
    samples = m.history.samples
    if len(samples) < 4 or not _moved(samples[0]):
        return None
    left = float(np.median([_moved(sample) for sample in samples[-max(len(samples) // 4, 1) :]])) / _moved(samples[0])
    return left if left < 0.01 else None


def plateau(m: Measurements) -> Finding | None:
    """The loss stands still where guessing stands."""
    losses = m.history.values("loss")
    if len(losses) < 4 or not poor(m) or still_falling(m):
        return None
    faded = _faded(m)
    stands = m.learned is None or m.learned <= 0.15 * max(m.reference.skill if m.reference else 1.0, 0.0)
    if not stands and faded is None:
        return None
    known = m.reference.skill if m.reference else None
    if known is not None and known < 0.1:
        return None  # nobody learns anything from these rows
    level = f", where the best constant answer has {m.guess:.4g}" if m.guess is not None else ""
    steps = "" if faded is None else f"; the last sampled steps had {faded:.1g} times the size of the first"
    beside = "" if known is None else f"; {model_words(m)} takes away {percent(known)} of the guessing error"
    return Finding(
        "plateau",
        "",
        m.step_of_epoch(flat_since(losses)),
        f"the training loss has stood near {losses[-1]:.4g} since epoch {flat_since(losses)} of {len(losses)}{level}{beside}{steps}.",
        "Let the rate fall later or less far."
        if faded is not None
        else "Try another learning rate (three times larger and smaller), another activation, or other initial weights.",
        {"loss": losses[-1]} | ({} if known is None else {"reference": known}),
    )


def model_words(m: Measurements) -> str:
    """Return the name of the better reference."""
    names = {"linear": "a linear model", "trees": "a model of trees", "neighbors": "the nearest neighbors' mean"}
    return names[m.reference.name if m.reference is not None else "neighbors"]


def still_falling(m: Measurements) -> bool:
    """Say whether the training loss still fell noticeably over the last half of the run."""
    losses = m.history.values("loss")
    half, scale = losses[len(losses) // 2 :], max(m.guess or abs(losses[0]), 1e-300)
    third = max(len(half) // 3, 1)
    return float(np.mean(half[:third]) - np.mean(half[-third:])) > FLAT_SHARE * scale


def flat_since(losses: list[float]) -> int:
    """Return the epoch from which on the loss stayed within 2 % of where it ended."""
    away = [place for place, loss in enumerate(losses, 1) if abs(loss - losses[-1]) > FLAT_SHARE * abs(losses[-1])]
    return min(away[-1] + 1, len(losses)) if away else 1


def underfitting(m: Measurements) -> Finding | None:
    """The network does not even learn its own rows as well as a simple model learns others."""
    if m.learned is None or m.reference is None or m.reference.skill < 0.1 or not m.learned < SHORT_OF * m.reference.skill:
        return None
    losses = m.history.values("loss")
    falling = len(losses) < 4 or still_falling(m)
    widths = [m.start.params[path].shape[1] for path in m.weights[:-1]] if m.start is not None else []
    reason, advice = _why_too_little(m, falling, widths)
    return Finding(
        "underfitting",
        "",
        None,
        f"on its own training rows the network takes away {percent(max(m.learned, 0.0))} of the guessing error, where {model_words(m)} "
        f"takes away {percent(m.reference.skill)} of rows that it has not seen; {reason}.",
        advice,
        {"skill": m.learned, "reference": m.reference.skill, "updates": float(m.updates)},
    )


def _why_too_little(m: Measurements, falling: bool, widths: list[int]) -> tuple[str, str]:
    plan, epochs = m.plan, len(m.history.epochs)
    if falling and plan is not None and m.train is not None and plan.batch_size >= len(m.train) > 256:
        return (
            f"{m.updates:,} updates were made, one an epoch, since a batch is all {len(m.train):,} rows",
            "Use batches of 32 to 256 rows.",
        )
    if falling:
        count = f"{epochs} epoch{'' if epochs == 1 else 's'}"
        return f"the loss was still falling after {count} ({m.updates:,} updates)", "Train for more epochs: five times as many."
    if plan is not None and plan.dropout >= 0.5:
        return f"{percent(plan.dropout)} of its units are dropped in training", "Use less dropout."
    if widths and min(widths) < 8:
        return f"its narrowest hidden layer has {min(widths)} {'unit' if min(widths) == 1 else 'units'}", "Use wider hidden layers."
    shrunk = _shrunk(m)
    if shrunk is not None and shrunk < 0.3:
        return f"its weights shrank to {percent(shrunk)} of their initial norm", "Use less weight decay."
    return (
        f"the loss has stood still since epoch {flat_since(m.history.values('loss'))}",
        "Use wider or more hidden layers, or another learning rate.",
    )


def _shrunk(m: Measurements) -> float | None:
    if m.start is None or m.best is None or not m.weights:
        return None
    now, then = (
        math.sqrt(sum(float(np.sum(np.square(state.params[path].astype(float)))) for path in m.weights)) for state in (m.best, m.start)
    )
    return now / then if then else None


def overfitting(m: Measurements) -> Finding | None:
    """What was learned from the training rows does not carry over to others."""
    if "valid" not in m.held_out and not any("loss" in epoch.valid for epoch in m.history.epochs):
        return None
    return _gap_of_kept(m) or _gap_at_end(m)


def _gap_of_kept(m: Measurements) -> Finding | None:
    """The weights that are kept do far better on their own rows."""
    mine, others = m.skill_train, m.skill_held_out
    if mine is None or others is None or mine - others < GAP or mine < 0.5:
        return None
    best = next((epoch.epoch for epoch in reversed(m.history.epochs) if epoch.best), len(m.history.epochs))
    rows = f"{len(m.train):,} rows" if m.train is not None else "its rows"
    weights = f" for {sum(m.start.params[path].size for path in m.weights):,} weights" if m.start is not None else ""
    return Finding(
        "overfitting",
        "",
        m.step_of_epoch(best),
        f"the network takes away {percent(mine)} of the guessing error on its training rows and {percent(max(others, 0.0))} on the "
        "validation "
        f"rows; it has {rows}{weights}.",
        "Get more rows, or use dropout, more weight decay, or a smaller network.",
        {"train": mine, "valid": others},
    )


def _gap_at_end(m: Measurements) -> Finding | None:
    """The validation loss rose long before the run ended, and nothing stopped it."""
    epochs = [epoch for epoch in m.history.epochs if math.isfinite(epoch.valid.get("loss", math.nan))]
    if len(epochs) < 5 or (m.plan is not None and m.plan.patience and m.plan.patience < len(epochs) and "improved" in m.stopped):
        return None
    best = min(epochs, key=lambda epoch: epoch.valid["loss"])
    last, scale = epochs[-1], max(m.guess or epochs[0].valid["loss"], 1e-300)
    risen = last.valid["loss"] / max(best.valid["loss"], 0.01 * scale)  # a hundredth of guessing is as good as nothing
    gap = (last.valid["loss"] - last.loss) / scale
    if risen < RISEN or gap < GAP_LAST:
        return None
    return Finding(
        "overfitting",
        "",
        m.step_of_epoch(best.epoch) + best.steps,
        f"the validation loss was lowest in epoch {best.epoch} ({best.valid['loss']:.4g}) and is {last.valid['loss']:.4g} in epoch "
        f"{last.epoch}, "
        f"{risen:.2g} times as high, while the training loss went on falling from {best.loss:.4g} to {last.loss:.4g}.",
        f"Stop early (patience), or use dropout or more weight decay; the weights of epoch {best.epoch} are the best.",
        {"best": best.valid["loss"], "last": last.valid["loss"], "train": last.loss},
    )
