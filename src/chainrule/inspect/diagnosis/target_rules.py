"""Findings about the target: its scale, its classes, its labels, and whether the loss fits it."""

from __future__ import annotations

import numpy as np

from chainrule.data.measures.target import LARGE, SMALL, class_shares, tail
from chainrule.inspect.diagnosis.measurements import Measurements
from chainrule.inspect.diagnosis.references import Reference
from chainrule.inspect.diagnosis.wording import percent, places
from chainrule.training.findings import Finding
from chainrule.training.tasks import SQUARED
from chainrule.words import setting

POOR_LARGE = 10.0
"""A target above ``LARGE`` is reported in any case, one above this where it shows."""

HEAVY = 0.6
"""In a normal distribution 1 % of the rows hold 9 % of the squared deviation, in an exponential one 27 %. With 60 %, they are the loss."""

IMBALANCED, IMBALANCED_UNFOUND = 15.0, 9.0
"""From 15 to 1 on, never answering the rare class is right in 94 % of the rows; 9 to 1 is called high (Fernández et al. 2018, section "
"2.2)."""

NOISY, _SURE = 0.08, 0.3
_NOISE_FLAT, _LEARNABLE = 0.65, (0.25, 0.45)
"""Where labels are wrong by chance, the surest answers are as often 'wrong' as others, or nearly so. Hard rows are unsure ones."""

FEW_VALUES, ROWS_A_VALUE = 12, 10


def target_scale(m: Measurements) -> Finding | None:
    """A quantity whose scale does not suit the outputs, or that a few rows dominate."""
    if m.classes or m.train is None:
        return None
    return _out_of_reach(m) or (_heavy_tail(m) if m.of_table else _plain_scale(m))


def _plain_scale(m: Measurements) -> Finding | None:
    assert m.train is not None
    y = m.train.y.astype(np.float64)
    size, mean, spread = float(np.sqrt(np.mean(np.square(y)))), float(y.mean()), float(y.std())
    poor = (m.skill_train or 0.0) < 0.9 * (m.reference.skill if m.reference else 1.0)
    if not (size > LARGE or (size > POOR_LARGE and poor) or 0 < size < SMALL):
        return None
    return Finding(
        "target_scale",
        m.target,
        0,
        f"{m.target} has a mean of {mean:.4g} and a standard deviation of {spread:.4g}, where the answers of a fresh network are near 1 "
        "in size.",
        "Standardize it: train on (y − mean) / standard deviation and turn the answers back.",
        {"mean": mean, "standard_deviation": spread, "root_mean_square": size},
    )


def _heavy_tail(m: Measurements) -> Finding | None:
    values, learned = m.raw_target, m.train.y if m.train is not None else None
    if values is None or learned is None or len(values) < 100 or m.loss not in SQUARED:
        return None
    found = tail(learned.reshape(-1))  # as it is learned: of a logarithm, if it was asked for
    if found.share < HEAVY:
        return None
    return Finding(
        "target_scale",
        m.target,
        0,
        f"{found.rows:,} of the {len(values):,} training rows hold {percent(found.share)} of the squared deviation of {m.target}, whose "
        f"median is {np.median(values):.4g} and whose largest value is {values.max():.4g}: the loss is theirs alone.",
        f"Predict its logarithm if it is positive, or use {setting('loss', 'huber')}; check the largest values.",
        {"share": found.share, "rows": float(found.rows), "median": float(np.median(values)), "largest": float(values.max())},
    )


_RANGES = {"sigmoid": (0.0, 1.0), "tanh": (-1.0, 1.0), "softsign": (-1.0, 1.0), "relu": (0.0, np.inf), "softmax": (0.0, 1.0)}


def _out_of_reach(m: Measurements) -> Finding | None:
    """Targets outside of what the last function of the network can give."""
    last = last_function(m)
    if last not in _RANGES or m.train is None or "entropy" in m.loss:
        return None
    low, high = _RANGES[last]
    beyond = float(np.mean((m.train.y < low - 1e-6) | (m.train.y > high + 1e-6)))
    if beyond < 0.01:
        return None
    return Finding(
        "target_scale",
        m.target,
        0,
        f"the network ends in {last}, whose values are {f'at least {low:g}' if np.isinf(high) else f'from {low:g} to {high:g}'}; "
        f"{percent(beyond)} of the targets are beyond that, from {m.train.y.min():.4g} to {m.train.y.max():.4g}.",
        "Leave the last layer without activation, or scale the target into that range.",
        {"share": beyond},
    )


def last_function(m: Measurements) -> str:
    """Return the name of the operation that makes the prediction: the last of the forward phase."""
    if m.program is None:
        return ""
    forward = [equation for equation in m.program.equations if equation.phase == "forward"]
    return forward[-1].op.name if forward else ""


def wrong_loss(m: Measurements) -> Finding | None:
    """A loss that does not fit what the target is, or what the network gives."""
    last = last_function(m)
    if m.loss in ("cross_entropy", "binary_cross_entropy") and last in ("softmax", "sigmoid", "log_softmax"):
        return Finding(
            "wrong_loss",
            "output",
            0,
            f"the network ends in {last}, and {m.loss} takes logits and applies its own: probabilities from {last} are between 0 and 1, "
            "so that "
            f"the loss can never go below {_least_loss(m):.3g}.",
            f"Leave {last} out of the network.",
            {"least": _least_loss(m)},
        )
    return _classes_as_quantity(m) or _quantity_as_classes(m)


def _least_loss(m: Measurements) -> float:
    """Return the smallest cross-entropy that logits between 0 and 1 allow."""
    others = max(m.classes - 1, 1)
    return float(np.log1p(others * np.exp(-1.0)))


def _classes_as_quantity(m: Measurements) -> Finding | None:
    values = m.raw_target if m.raw_target is not None else m.goal
    if m.classes or values is None or not m.loss or (m.of_table and m.forced_task != "regression"):
        return None
    different, counts = np.unique(values, return_counts=True)
    if not 2 <= len(different) <= FEW_VALUES or (different != np.round(different)).any() or counts.min() < ROWS_A_VALUE:
        return None
    shown = ", ".join(f"{value:g}" for value in different[:12])
    task = (
        setting("task", "classification")
        if m.of_table
        else "cross_entropy with one output a class"
        if len(different) > 2
        else "binary_cross_entropy"
    )
    return Finding(
        "wrong_loss",
        m.target,
        0,
        f"{m.loss} takes {m.target} as a quantity, and it holds only {len(different)} different whole numbers in {len(values):,} rows "
        f"({shown}), "
        f"each at least {counts.min():,} times: class {different[0]:g} counts as nearer to {different[1]:g} than to {different[-1]:g}.",
        f"If they are classes, use {task}.",
        {"values": float(len(different)), "rows": float(len(values))},
    )


def _quantity_as_classes(m: Measurements) -> Finding | None:
    """Classes that are the numbers of a scale: many, in order, and neighbors are taken for each other."""
    if not m.classes or m.goal is None or (m.of_table and m.forced_task != "classification"):
        return None
    try:
        numbers = np.array([float(label) for label in m.labels]) if m.labels else np.arange(m.classes, dtype=float)
    except ValueError:
        return None
    counts = np.bincount(m.goal, minlength=m.classes)
    a_class = len(m.goal) / max(int((counts > 0).sum()), 1)
    if m.classes <= 20 or a_class > 30:
        return None
    linear = _ordered_share(m, numbers)
    if linear < 0.2:
        return None
    return Finding(
        "wrong_loss",
        m.target,
        0,
        f"cross_entropy takes {m.target} as {m.classes:,} unrelated classes with {a_class:.1f} training rows each, and as a quantity a "
        "straight "
        f"line through the inputs already explains {percent(linear)} of its variance.",
        f"If it is a quantity, use {setting('task', 'regression')}." if m.of_table else "If it is a quantity, use mse with one output.",
        {"classes": float(m.classes), "rows_a_class": a_class, "explained": linear},
    )


def _ordered_share(m: Measurements, numbers: np.ndarray) -> float:
    from chainrule.inspect.diagnosis.references import held_out_references

    assert m.some is not None and m.goal is not None
    return max((one.skill for one in held_out_references(m.some.x, numbers[m.goal], 0)), default=0.0)


def class_imbalance(m: Measurements) -> Finding | None:
    """A class with so few rows that not knowing it costs next to nothing."""
    if not m.classes or m.train is None:
        return None
    goal = m.train.y.reshape(len(m.train)).astype(np.int64)
    shares = class_shares(goal, m.classes)
    present = [count for count in shares.counts if count]
    if len(present) < 2:
        return None
    ratio, rare = max(present) / min(present), int(np.argmin([count or len(goal) for count in shares.counts]))
    found = _recall(m, rare)
    if ratio < IMBALANCED_UNFOUND or (ratio < IMBALANCED and (found is None or found >= 0.5)):
        return None
    label = m.labels[rare] if m.labels else str(rare)
    recall = f"; {percent(found)} of its held-out rows are found" if found is not None else ""
    return Finding(
        "class_imbalance",
        f"{m.target} = {label}",
        0,
        f"class '{label}' has {min(present):,} of the {len(goal):,} training rows, one for {ratio:.0f} of the most frequent class{recall}.",
        f"Give its rows more weight ({setting('weight')}), judge by balanced_accuracy or f1 instead of accuracy, or collect more of them.",
        {"ratio": ratio, "rows": float(min(present))} | ({} if found is None else {"recall": found}),
    )


def _recall(m: Measurements, rare: int) -> float | None:
    rows = m.held_out.get("valid") or m.held_out.get("test")
    if rows is None:
        return None
    truth = rows.y.reshape(len(rows)) == rare
    answers = m.answers(rows) if truth.sum() >= 5 else None
    return None if answers is None else float(np.mean(answers[truth] == rare))


def label_noise(m: Measurements) -> Finding | None:
    """Labels that are wrong where everything says that they should be another."""
    if m.some is None or m.goal is None or not m.references:
        return None
    return _noisy_classes(m) if m.classes else _noisy_quantity(m)


def _noisy_classes(m: Measurements) -> Finding | None:
    assert m.some is not None and m.goal is not None
    best = max(m.references, key=lambda one: one.skill)
    goal = m.goal[best.rows]
    wrong = best.answers != goal
    if best.skill < _LEARNABLE[m.classes > 2] or len(goal) < 100:  # whoever learns little cannot tell what is wrong
        return None
    # ties of sureness are broken by chance, not by the order of the rows
    order = np.lexsort((np.random.Philox(key=1).random_raw(len(goal)), -best.sureness))
    top = order[: int(len(goal) * _SURE)]
    at_top, overall = float(wrong[top].mean()), float(wrong.mean())
    if at_top < NOISY or at_top < _NOISE_FLAT * overall or _between_two(goal[top][wrong[top]], best.answers[top][wrong[top]], m.classes):
        return None
    suspects = np.array([row for row in order if wrong[row]])[:200]
    return _noise(m, best, suspects, at_top, overall, f"{percent(overall)} of all rows", "labels that the rows around them contradict")


def _between_two(labels: np.ndarray, answers: np.ndarray, classes: int) -> bool:
    """Say whether most contradictions are between two of several classes: these are hard to tell apart, and nobody mistyped them."""
    if classes < 3:
        return False
    pairs = np.minimum(labels, answers) * classes + np.maximum(labels, answers)
    return bool(np.bincount(pairs).max() > 0.5 * len(pairs))


def _noise(m: Measurements, best: Reference, suspects: np.ndarray, at_top: float, overall: float, beside: str, what: str) -> Finding:
    assert m.some is not None
    rows = [int(best.rows[row]) for row in suspects[:20]]
    by = "a linear model" if best.name == "linear" else "the ten nearest rows"
    return Finding(
        "label_noise",
        m.target,
        0,
        f"where {by} are surest, {percent(at_top)} of the rows have another label all the same, as against {beside}: labels seem wrong by "
        f"chance. The first suspects: {places(m.some, rows[:3], len(suspects))}.",
        f"Look at the suspects and correct them ({what}); until then stop early or decay weights more.",
        {"share": at_top, "overall": overall, "suspects": float(len(suspects))},
        tuple(m.some.number(row) for row in rows),
    )


def _noisy_quantity(m: Measurements) -> Finding | None:
    """Rows far off whose target has nothing to do with what is predicted for them, beside rows where the two agree."""
    assert m.some is not None and m.goal is not None
    best = max(m.references, key=lambda one: one.skill)
    goal = m.goal[best.rows].astype(np.float64)
    residual = np.abs(goal - best.answers)
    scale = 1.4826 * float(np.median(residual))
    far = residual > 5 * scale
    share = float(far.mean())
    if len(goal) < 100 or scale <= 0 or not 0.03 <= share <= 0.5 or far.sum() < 8:
        return None
    inside, outside = (_correlation(goal[part], best.answers[part]) for part in (~far, far))
    if inside < 0.8 or outside > 0.3:
        return None
    suspects = np.flatnonzero(far)[np.argsort(-residual[far])]
    rows = [int(best.rows[row]) for row in suspects[:20]]
    return Finding(
        "label_noise",
        m.target,
        0,
        f"{percent(share)} of the rows are more than 5 robust standard deviations from what other rows predict, and there the target "
        "has nothing "
        f"to do with the prediction (correlation {outside:.2f}, elsewhere {inside:.2f}). The first suspects: "
        f"{places(m.some, rows[:3], int(far.sum()))}.",
        f"Look at the suspects and correct them; until then use {setting('loss', 'huber')} or mae.",
        {"share": share, "correlation": outside, "elsewhere": inside},
        tuple(m.some.number(row) for row in rows),
    )


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.corrcoef(a, b)[0, 1]) if len(a) > 2 and np.ptp(a) > 0 and np.ptp(b) > 0 else 0.0
