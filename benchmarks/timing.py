"""Who runs when: everyone in turn, round by round, so that a slow minute of the machine is slow for all."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping

FEWEST_ROUNDS = 3

Run = Callable[[], float | None]  # seconds, or None if it failed


def alternate(runs: Mapping[str, Run], rounds: int, seconds: float) -> dict[str, list[float]]:
    """Return the times of each, over so many rounds; fewer, but three at least, when the rounds take longer than ``seconds`` in all.

    Every second round goes backwards, so that nobody always follows the same neighbor. Who fails is not run again.
    """
    times: dict[str, list[float]] = {name: [] for name in runs}
    alive = list(runs)
    started = time.perf_counter()
    for number in range(rounds):
        if number >= min(FEWEST_ROUNDS, rounds) and time.perf_counter() - started > seconds:
            break
        for name in list(alive if number % 2 == 0 else reversed(alive)):
            taken = runs[name]()
            if taken is None:
                alive.remove(name)
            else:
                times[name].append(taken)
    return times


def summary(times: list[float]) -> dict[str, float]:
    """Return the median and the best of some times, in microseconds."""
    return {"median_us": statistics.median(times) * 1e6, "best_us": min(times) * 1e6}
