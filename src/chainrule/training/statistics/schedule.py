"""Which steps are sampled: the same ones in every run, often in the beginning and then ever more rarely."""

from __future__ import annotations

from dataclasses import dataclass

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


@dataclass
class Schedule:
    """When the steps of a run are sampled. ``due``: after so many updates the next one."""

    due: int | None = None

    def steps_before(self, count: int) -> int:
        """Return how many steps there are, after so many updates, until the next one that is sampled; 0 if it is the next one."""
        if self.due is None:
            self.due = first_sample(count)
        return max(self.due - count, 0)

    def done(self, count: int) -> None:
        """Note that the step after so many updates was sampled."""
        self.due = next_sample(count)
