"""One workload on one number of cores: everyone is started, run in turn, and compared."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.child import Assignment
from benchmarks.contestant import Contestant, FailedError
from benchmarks.rivals import OURS, RIVALS, Rival
from benchmarks.timing import alternate, summary
from benchmarks.workloads import Workload

Result = dict[str, Any]
_DISTURBED = 0.05  # the share of a run that a thread waited for a core


@dataclass(frozen=True)
class Settings:
    """How much is run.

    Attributes:
        rounds: how often everyone is timed.
        seconds: after so many seconds of rounds no new one is begun; three are done in any case.
        warm_starts: whether compilation with a filled cache is measured as well.
    """

    rounds: int = 7
    seconds: float = 60.0
    warm_starts: bool = True


def compare(workload: Workload, folder: Path, cores: Sequence[int], rivals: Sequence[str], settings: Settings) -> Result:
    """Return what each of these rivals did on a workload whose data are in ``folder``."""
    results: dict[str, Result] = {name: {} for name in rivals if RIVALS[name].takes(workload)}
    with ExitStack() as stack:
        contestants: dict[str, Contestant] = {}
        caches: dict[str, Path] = {}
        for name in results:
            caches[name] = Path(stack.enter_context(TemporaryDirectory(prefix="chainrule-bench-", ignore_cleanup_errors=True)))
            contestant = stack.enter_context(Contestant(Assignment(name, workload, list(cores), str(folder)), caches[name]))
            if _ask(contestant, "prepare", results[name]):
                contestants[name] = contestant
        runs = {name: _runner(contestant, results[name]) for name, contestant in contestants.items()}
        for name, times in alternate(runs, settings.rounds, settings.seconds).items():
            results[name] |= {"times_us": [round(1e6 * t, 3) for t in times], **(summary(times) if times else {})}
        for name, contestant in contestants.items():
            if "error" not in results[name]:
                _ask(contestant, "finish", results[name])
        contestants.clear()
        if settings.warm_starts:
            for name in results:
                if RIVALS[name].caches and "median_us" in results[name]:
                    _warm_start(Assignment(name, workload, list(cores), str(folder)), caches[name], results[name])
    for name, result in results.items():
        _complete(RIVALS[name], workload, result, results.get(OURS, {}))
    return {
        "name": workload.name,
        "description": workload.description,
        "predicts": workload.predicts,
        "dtype": workload.dtype,
        "cores": len(cores),
        "flops": workload.flops,
        "steps": workload.steps,
        "results": results,
    }


def disturbed(result: Result) -> bool:
    """Whether other processes took a core away in more than a quarter of the runs."""
    waits: list[float] = result.get("waited", [])
    return 4 * sum(wait > _DISTURBED for wait in waits) > len(waits)


def _ask(contestant: Contestant, command: str, result: Result) -> bool:
    try:
        result |= contestant.ask(command)
    except FailedError as error:
        result["error"] = str(error)
    return not result.keys() & {"error", "missing", "not_offered"}


def _runner(contestant: Contestant, result: Result) -> Any:
    def run() -> float | None:
        reply: Result = {}
        if _ask(contestant, "run", reply):
            result.setdefault("waited", []).append(round(reply["waited"], 4))
            return float(reply["seconds"])
        result["error"] = reply["error"]
        return None

    return run


def _warm_start(assignment: Assignment, caches: Path, result: Result) -> None:
    again: Result = {}
    with Contestant(assignment, caches) as contestant:
        if _ask(contestant, "prepare", again):
            result["first_cached_s"] = again["first_s"]


def _complete(rival: Rival, workload: Workload, result: Result, ours: Result) -> None:
    """Add what follows from the numbers: compile times, the ratio, and whether the final losses agree."""
    if "median_us" not in result:
        return
    seconds_a_run = result["best_us"] * 1e-6 * workload.steps
    for kind in ("first", "first_cached"):
        if f"{kind}_s" in result:
            result[kind.replace("first", "compile") + "_s"] = max(result[f"{kind}_s"] - seconds_a_run, 0.0)
    result["gflop_s"] = workload.flops / result["median_us"] / 1e3
    if "median_us" in ours:
        result["ratio"] = result["median_us"] / ours["median_us"]
        result["ratio_of_best"] = result["best_us"] / ours["best_us"]
    check, expected = result.get("check"), ours.get("check")
    if check is None:
        return
    if not math.isfinite(check):
        result["mismatch"] = f"the final loss is {check}"
    elif expected is not None and not result.get("differs") and abs(check - expected) > workload.tolerance * abs(expected):
        result["mismatch"] = f"the final {'prediction' if workload.predicts else 'loss'} is {check:.6g}, and ours {expected:.6g}"
