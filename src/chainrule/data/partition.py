"""Who goes where when rows are split: at random, class by class, group by group, or by time.

A *side* is 0 for training, 1 for validation, 2 for test, or the number of a fold; *sizes* are the numbers of rows that are wanted on each.
Each function returns the side of every row. What is random is drawn by Philox4x64-10 (Salmon et al., 2011, Parallel random numbers:
as easy as 1, 2, 3; NumPy's ``numpy.random.Philox(key=seed)``): row i draws the i-th 64-bit number, and rows are taken in the order of their
numbers. So a split depends on the seed and the number of rows, and on no release of NumPy.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Sides: TypeAlias = NDArray[np.int64]
Integers: TypeAlias = NDArray[np.int64]
Sizes: TypeAlias = tuple[int, ...]


def apportion(rows: int, fractions: Sequence[float]) -> Sizes:
    """Return how many of ``rows`` each side gets, by largest remainders.

    A side with a fraction gets at least one row while there are enough, the first ones first.
    Source: Hamilton's method of apportionment (1792).
    """
    quotas = np.array(fractions) * rows
    sizes = np.floor(quotas + 1e-9).astype(np.int64)  # in binary, 0.29 · 100 is a little less than 29
    for side in np.argsort(-(quotas - sizes), kind="stable")[: rows - sizes.sum()]:
        sizes[side] += 1
    wanted = [side for side in range(len(sizes)) if fractions[side] > 0][:rows]
    for side in wanted:
        if sizes[side] == 0:
            sizes[max(range(len(sizes)), key=lambda other: (sizes[other], other))] -= 1
            sizes[side] = 1
    return tuple(int(size) for size in sizes)


def shuffled_order(rows: int, seed: int) -> Integers:
    """Return the row indices in the random order that belongs to the seed."""
    numbers = np.random.Philox(key=seed).random_raw(rows)
    order = np.argsort(numbers)  # much faster than a stable sort, and the same order where no two numbers are equal
    ordered = numbers[order]
    return order if (ordered[1:] != ordered[:-1]).all() else np.argsort(numbers, kind="stable")


def shuffled(sizes: Sizes, seed: int) -> Sides:
    """Give each side rows at random."""
    sides = np.empty(sum(sizes), np.int64)
    sides[shuffled_order(sum(sizes), seed)] = np.repeat(np.arange(len(sizes)), sizes)
    return sides


def stratified(sizes: Sizes, labels: NDArray[np.integer[Any]], seed: int, *, training: bool = True) -> Sides:
    """Give each side rows at random, with the classes (rows,) in the same proportions, as near as whole rows allow.

    As far as its rows and the sizes allow, a class is on each side. If the first one is ``training``, every class is there in any case.
    """
    classes, counts = np.unique(labels, return_counts=True)
    codes = np.searchsorted(classes, labels).astype(np.min_scalar_type(len(counts)))  # few bits are sorted in a pass or two
    order = shuffled_order(len(labels), seed)
    order = order[np.argsort(codes[order], kind="stable")]  # class by class
    shares = _class_shares(counts, np.array(sizes), training)
    sides = np.empty(len(labels), np.int64)
    sides[order] = np.repeat(np.tile(np.arange(len(sizes), dtype=np.min_scalar_type(len(sizes))), len(counts)), shares.ravel())
    return sides


def _class_shares(counts: Integers, sizes: Integers, training: bool) -> Integers:
    """Return how many rows of each class go to each side (classes, sides): near counts·sizes/rows, and adding up to both.

    Whole parts first; then the rows that are left over go where the remainders are largest and there is room.
    """
    quotas = np.outer(counts, sizes) / counts.sum()
    shares: Integers = np.floor(quotas + 1e-9).astype(np.int64)
    left, room = counts - shares.sum(axis=1), sizes - shares.sum(axis=0)
    by_remainder = np.argsort(-(quotas - shares), axis=None, kind="stable")
    while left.any():
        for cell in by_remainder.tolist():
            row, side = divmod(cell, len(sizes))
            if left[row] and room[side]:
                shares[row, side] += 1
                left[row] -= 1
                room[side] -= 1
    for side in np.flatnonzero(sizes).tolist():
        for row in np.flatnonzero(shares[:, side] == 0).tolist():
            _bring(shares, quotas, row, side, needed=training and side == 0)
    return shares


def _bring(shares: Integers, quotas: NDArray[np.float64], row: int, side: int, *, needed: bool) -> None:
    """Move a row of the class ``row`` to a side that has none of it, against a row of a class that the side has more than one of."""
    giver = int(shares[row].argmax())
    if not needed and shares[row, giver] < 2:
        return
    spare = np.where(shares[:, side] > 1, shares[:, side] - quotas[:, side], -np.inf)
    other = int(spare.argmax())
    if np.isfinite(spare[other]):
        shares[other, side] -= 1
        shares[other, giver] += 1
    elif not needed:
        return  # training takes a class even if it grows by that; the others keep their size
    shares[row, giver] -= 1
    shares[row, side] += 1


def grouped(sizes: Sizes, groups: Integers, seed: int) -> Sides:
    """Give each side whole groups (rows,), numbered from 0, so that no group is on two sides and the sizes are nearly met.

    The largest groups are placed first, each where most rows are missing still; groups of one size are placed in random order. No wanted
    side stays empty while there are enough groups, the first ones first. Source: Graham (1969), Bounds on multiprocessing
    timing anomalies (longest processing time first).
    """
    counts = np.bincount(groups)
    order = shuffled_order(len(counts), seed)
    side_of = np.empty(len(counts), np.int64)
    missing = list(sizes)
    for group, count in zip(order[np.argsort(-counts[order], kind="stable")].tolist(), np.sort(counts)[::-1].tolist(), strict=True):
        side = missing.index(max(missing))
        side_of[group] = side
        missing[side] -= count
    for side in np.flatnonzero(sizes).tolist():
        if not (side_of == side).any():
            _fill(side_of, counts, side, len(sizes))
    return side_of[groups]


def _fill(side_of: Sides, counts: Integers, side: int, sides: int) -> None:
    """Move the smallest group of the side with the most groups to an empty side; a side's only group moves just towards the first."""
    held = np.bincount(side_of, minlength=sides)
    giver = int(held.argmax()) if held.max() > 1 else int(np.flatnonzero(held)[-1])
    if held[giver] > 1 or giver > side:
        members = np.flatnonzero(side_of == giver)
        side_of[members[counts[members].argmin()]] = side


def timed(sizes: Sizes, times: NDArray[Any]) -> tuple[Sides, bool]:
    """Give the first side (training) the earliest rows, the next the later ones, and so on; ``times`` (rows,) can be sorted.

    The cuts are moved to the nearest change of time, so that rows of one time stay together. Where there are fewer times than sides, they
    cannot: rows of one time are then cut in the order of the table, and the second result is false.
    """
    order = np.argsort(times, kind="stable")
    changes = np.flatnonzero(np.diff(times[order])) + 1
    ends = np.cumsum(sizes)
    cuts = sorted({int(end) for end in ends if 0 < end < len(times)})
    together = len(changes) >= len(cuts)
    if together:
        moved, first = {0: 0, len(times): len(times)}, 0
        for later, cut in zip(range(len(cuts) - 1, -1, -1), cuts, strict=True):
            candidates = changes[first : len(changes) - later]  # each later cut needs a change of its own
            nearest = int(np.abs(candidates - cut).argmin())
            moved[cut] = int(candidates[nearest])
            first += nearest + 1
        ends = np.array([moved[int(end)] for end in ends])
    sides = np.empty(len(times), np.int64)
    sides[order] = np.repeat(np.arange(len(sizes)), np.diff(ends, prepend=0))
    return sides, together
