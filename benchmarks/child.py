"""The process that holds one rival on one workload and times it when told to: one JSON line in, one JSON line out."""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks import pinning
from benchmarks.workloads import Workload

PAUSE = 0.05  # seconds: thread pools, one's own and those of others, spin on for a while after their work


@dataclass(frozen=True)
class Assignment:
    """What a child is told when it starts."""

    rival: str
    workload: Workload
    cores: list[int]
    folder: str

    def to_json(self) -> str:
        """Return the assignment as text for a command line."""
        return json.dumps(asdict(self))

    @staticmethod
    def from_json(text: str) -> Assignment:
        """Read what ``to_json`` wrote."""
        fields = json.loads(text)
        workload = fields.pop("workload")
        return Assignment(workload=Workload(**{**workload, "widths": tuple(workload["widths"])}), **fields)


class Child:
    """Answers ``prepare``, ``run`` and ``finish``."""

    def __init__(self, assignment: Assignment) -> None:
        self._assignment = assignment
        self._runs = 0

    def prepare(self) -> dict[str, Any]:
        """Import the library, build what is timed, and run it once."""
        from benchmarks.data import read
        from benchmarks.rivals import RIVALS, NotOfferedError

        assignment = self._assignment
        self._data = read(assignment.workload, Path(assignment.folder))
        rival = RIVALS[assignment.rival]
        before, _ = pinning.memory()
        start = time.perf_counter()
        try:
            rival.load()
            loaded = time.perf_counter()
            self._runner = rival.make(assignment.workload, self._data, len(assignment.cores))
        except ImportError as error:
            return {"missing": str(error)}
        except NotOfferedError as error:
            return {"not_offered": str(error)}
        self._runner.reset(0)
        self._runner.run()
        ready = time.perf_counter()
        runner = self._runner
        labels = {name: getattr(runner, name) for name in ("label", "differs") if getattr(runner, name, "")}
        return {"import_s": loaded - start, "first_s": ready - loaded, "memory_before_mb": before, **labels}

    def run(self) -> dict[str, Any]:
        """Pause, run once untimed, then run and time it: seconds a step or call, and the share of it that a thread waited for a core."""
        time.sleep(PAUSE)
        self._runner.reset(self._next_epoch())
        self._runner.run()
        self._runner.reset(self._next_epoch())
        before = pinning.waited()
        start = time.perf_counter()
        self._runner.run()
        seconds = time.perf_counter() - start
        waits = [wait - before.get(thread, 0) for thread, wait in pinning.waited().items()]
        return {"seconds": seconds / self._assignment.workload.steps, "waited": 1e-9 * max(waits, default=0) / seconds}

    def _next_epoch(self) -> int:
        self._runs += 1
        return self._runs % len(self._data.orders)

    def finish(self) -> dict[str, Any]:
        """Return the peak of memory, and the number that everyone must agree on."""
        from benchmarks import outcome

        _, peak = pinning.memory()
        workload, result = self._assignment.workload, self._runner.outcome()
        if workload.predicts:
            return {"memory_peak_mb": peak, "check": outcome.size(result["prediction"])}
        start = outcome.final_loss(workload, self._data, self._data.start)
        return {"memory_peak_mb": peak, "check": outcome.final_loss(workload, self._data, result), "start": start}


def main() -> None:
    """Answer commands until standard input ends."""
    assignment = Assignment.from_json(sys.argv[1])
    pinning.pin(assignment.cores)  # before NumPy and the others look how many cores there are
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints is no reply
    child = Child(assignment)
    commands = {"prepare": child.prepare, "run": child.run, "finish": child.finish}
    for line in sys.stdin:
        try:
            reply = commands[line.strip()]()
        except Exception as error:  # whatever goes wrong in a rival is a line of the report
            reply = {"error": f"{type(error).__name__}: {error}".splitlines()[0]}
        print(json.dumps(reply), file=replies, flush=True)


if __name__ == "__main__":
    main()
