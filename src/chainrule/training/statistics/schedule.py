"""Which steps are sampled: the same ones in every run, often in the beginning and then ever more rarely."""

from __future__ import annotations

_FEWEST, _SHARE = 16, 4


def next_sample(count: int) -> int:
    """Return the number of updates done before the next step to be sampled, for a step that is sampled after ``count`` updates.

    The first step is sampled (count 0), then every sixteenth, and from 64 on the distance grows by a quarter: 25 samples in 6,400 steps,
    47 in a million.
    """
    return count + max(_FEWEST, count // _SHARE)


def first_sample(count: int) -> int:
    """Return the first scheduled number of updates that is at least ``count``: where a run that goes on is sampled next."""
    at = 0
    while at < count:
        at = next_sample(at)
    return at
