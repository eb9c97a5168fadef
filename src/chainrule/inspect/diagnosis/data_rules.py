"""Findings about the rows and columns: what is so before the first step."""

from __future__ import annotations

import numpy as np

from chainrule.data.measures.columns import constant_columns, is_picture_like, scales, twin_columns
from chainrule.data.measures.rows import repeated_rows, rows_in_both
from chainrule.data.measures.target import alone
from chainrule.inspect.diagnosis.measurements import Measurements
from chainrule.inspect.diagnosis.wording import listed, percent, places
from chainrule.training.findings import Finding
from chainrule.words import setting

LEAK = 0.97
"""A column that takes away 97 % of the guessing error alone is nearly the target itself: measurements of the world do not do that."""

LEAK_OTHERS = 0.9
"""Where other columns do nearly as well, the target is easy, and nothing leaks."""

REPEATED_TRAIN, REPEATED_HELD_OUT = 0.1, 0.05

SUMS_LARGE, SUMS_SMALL = 10.0, 0.01
"""The first sums of a network have about the scale of its inputs: ten times larger ones saturate tanh and sigmoid, and gradients grow "
"alike."""

SCALES_APART = 300.0


def leakage(m: Measurements) -> Finding | None:
    """A column gives the target away."""
    if m.column_view is None or m.goal is None or m.column_view[0].shape[1] < 2:
        return None
    x, names = m.column_view
    found = alone(x, m.goal, classes=m.classes)
    leaks = [one for one in found if one.share >= LEAK]
    others = [one.share for one in found if one.share < LEAK]
    if not leaks or not others or others[0] > LEAK_OTHERS:
        return None
    best = leaks[0]
    also = f"; so do {listed([names[one.column] for one in leaks[1:]])}" if len(leaks) > 1 else ""
    of = "wrong answers" if m.classes else "variance"
    return Finding(
        "leakage",
        names[best.column],
        0,
        f"column '{names[best.column]}' alone takes away {percent(best.share)} of the {of} of guessing {m.target}{also}; "
        f"the best of the other columns takes away {percent(max(others[0], 0.0))}.",
        f"Ask whether '{names[best.column]}' is known before {m.target} is, and leave it out if not.",
        {"share": best.share, "next": others[0]},
    )


def duplicate_rows(m: Measurements) -> Finding | None:
    """Held-out rows that were trained on, or training rows that repeat."""
    if m.train is None:
        return None
    x = _with_target(m.train.x, m.train.y)
    for part, rows in m.held_out.items():
        both = rows_in_both(x, _with_target(rows.x, rows.y))
        if both.share >= REPEATED_HELD_OUT and not both.by_nature:
            shown = [int(row) for row in both.again[:20]]
            name = {"valid": "validation", "test": "test"}.get(part, part)
            first = places(rows, shown[:3], len(both.again))
            return Finding(
                "duplicate_rows",
                part,
                0,
                f"{len(both.again):,} of the {len(rows):,} {name} rows ({percent(both.share)}) stand among the training rows as well, "
                "such as "
                f"{first}; {percent(both.near)} of them nearly agree with others as well.",
                f"Take repeated rows out before splitting, or split by what they belong to ({setting('group')}): the {name} figures are "
                "too good.",
                {"share": both.share, "rows": float(len(both.again)), "near": both.near},
                tuple(rows.number(row) for row in shown),
            )
    within = repeated_rows(x)
    if within.share < REPEATED_TRAIN or within.by_nature:
        return None
    shown = [int(row) for row in within.again[:20]]
    return Finding(
        "duplicate_rows",
        "train",
        0,
        f"{len(within.again):,} of the {len(m.train):,} training rows ({percent(within.share)}) repeat an earlier one, such as "
        f"{places(m.train, shown[:3], len(within.again))}; {percent(within.near)} of them nearly agree with others as well.",
        f"Take repeated rows out, or give each row once with a weight ({setting('weight')}).",
        {"share": within.share, "rows": float(len(within.again)), "near": within.near},
        tuple(m.train.number(row) for row in shown),
    )


def constant_feature(m: Measurements) -> Finding | None:
    """A column that holds one value in all rows."""
    names = list(m.constant)
    values = list(m.constant.values())
    inputs = len(m.columns) + len(names)
    if m.some is not None:
        x, columns = m.column_view or (m.some.x, list(m.columns))
        inputs = x.shape[1] + len(names)
        if is_picture_like(m.some.x):
            return None
        constant = constant_columns(x)
        names += [columns[place] for place in constant]
        values += [f"{x[0, place]:.6g}" for place in constant]
    if not names:
        return None
    shown = f"column '{names[0]}' holds {values[0]}" if len(names) == 1 else f"{listed(names)} hold one value each"
    mend = "look at how the file was made"
    left_out = len(m.constant) == len(names)
    return Finding(
        "constant_feature",
        names[0],
        0,
        f"{shown} in all training rows: {len(names)} of the {inputs} inputs can say nothing about {m.target}.",
        f"If it should vary, {mend}; it is left out already." if left_out else f"Leave it out; if it should vary, {mend}.",
        {"columns": float(len(names)), "of": float(inputs)},
    )


def duplicate_features(m: Measurements) -> Finding | None:
    """Columns that are the same, up to scale and shift."""
    if m.column_view is None:
        return None
    x, names = m.column_view
    twins = twin_columns(x)
    if not twins:
        return None
    one = twins[0]
    more = f" {len(twins) - 1} more columns repeat others." if len(twins) > 1 else ""
    return Finding(
        "duplicate_features",
        names[one.second],
        0,
        f"column '{names[one.second]}' repeats '{names[one.first]}': their correlation is {one.correlation:.6f}.{more}",
        f"Leave '{names[one.second]}' out: the network shares one meaning out among several weights, and importances are split.",
        {"correlation": one.correlation, "columns": float(len(twins))},
    )


def unscaled_inputs(m: Measurements) -> Finding | None:
    """Inputs that are far from the scale that initial weights are made for, or far from each other's."""
    if m.some is None or m.of_table:
        return None
    sizes = scales(m.some.x)
    name = (list(m.columns) or [f"column {place}" for place in range(m.some.x.shape[1])])[sizes.column]
    apart = sizes.largest / sizes.median if sizes.median > 0 else 1.0
    large, small = sizes.whole > SUMS_LARGE, sizes.whole < SUMS_SMALL
    if not (large or small or (apart > SCALES_APART and not is_picture_like(m.some.x))):
        return None
    what = f"{sizes.whole:.3g} times as large as" if large or small else "nearly all made by one column of"
    return Finding(
        "unscaled_inputs",
        name,
        0,
        f"the sums of the first layer are {what} those of standardized inputs: the root mean square of {name} is {sizes.largest:.3g}, "
        f"that of the column in the middle {sizes.median:.3g}.",
        "Standardize the inputs: (x − mean) / standard deviation, with those of the training rows.",
        {"whole": sizes.whole, "largest": sizes.largest, "median": sizes.median},
    )


def _with_target(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.column_stack([x.reshape(len(x), -1).astype(np.float64), y.reshape(len(y), -1)])
