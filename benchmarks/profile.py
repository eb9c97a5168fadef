"""Where the time of a training step goes on one core: microkernels, ends of tiles, loops, copies.

Run ``python -m benchmarks.profile [WORKLOAD …] [--seconds S] [--functions N]``. It needs Linux's ``perf`` and a linker called ``cc``.
The step's machine code is linked as a library, in which ``perf`` finds the names of its functions; they are those of
``chainrule show MODEL --stage llvm``.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import machine, pinning
from benchmarks.workloads import WORKLOADS, Workload

_DEFAULT = ("tab", "mnist", "large")
_SAMPLES = 4000  # a second
_LIBRARY = "step.so"
_READY = "ready"


@dataclass(frozen=True)
class Part:
    """A part of the step, and which functions belong to it."""

    name: str
    holds: Callable[[str], bool]


_PARTS = (
    Part("microkernels of products", lambda name: name.startswith("product.")),
    Part("ends of tiles: bias, activation, optimizer", lambda name: name.endswith(".tile")),
    Part("operands of products copied or asked for", lambda name: name.startswith(("copy.", "turn.", "rows.", "ahead."))),
    Part("rows of the batch gathered", lambda name: "memmove" in name or "memcpy" in name),
    Part("loops of products and all others", lambda name: True),
)


def shares(report: str) -> dict[str, float]:
    """Return the share of each function of the step in the text of ``perf report -t ';'``; they add up to 1."""
    found: dict[str, float] = {}
    for line in report.splitlines():
        fields = [field.strip() for field in line.split(";")]
        if line.startswith("#") or len(fields) < 3 or not fields[0].endswith("%"):
            continue
        share, library, symbol = float(fields[0][:-1]), fields[1], fields[2].removeprefix("[.] ")
        if library == _LIBRARY or "memmove" in symbol or "memcpy" in symbol:
            found[symbol] = found.get(symbol, 0.0) + share
    total = sum(found.values())
    return {symbol: share / total for symbol, share in found.items()}


def by_part(functions: dict[str, float]) -> dict[str, float]:
    """Return the share of each part of the step."""
    parts = dict.fromkeys((part.name for part in _PARTS), 0.0)
    for symbol, share in functions.items():
        parts[next(part.name for part in _PARTS if part.holds(symbol))] += share
    return parts


def profile(workload: Workload, seconds: float) -> tuple[float, dict[str, float]]:
    """Return the shortest time of a step, µs, and the share of each of its functions."""
    with tempfile.TemporaryDirectory() as place:
        samples = str(Path(place) / "samples")
        child = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.profile", "--child", place, workload.name],
            env=pinning.environment(1, Path(place)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert child.stdout
        if child.stdout.readline().strip() != _READY:
            raise SystemExit(child.wait() or 1)
        record = f"perf record -q -e cpu-clock -F {_SAMPLES} -p {child.pid} -o".split()
        subprocess.run([*record, samples, "sleep", str(seconds)], check=True)
        best = float(child.communicate()[0])
        report = ["perf", "report", "-i", samples, "--no-children", "--sort", "dso,symbol", "--stdio", "-t", ";"]
        return best, shares(subprocess.run(report, capture_output=True, text=True, check=True).stdout)


def _child(workload: Workload, folder: Path) -> None:
    """Take steps until the other side has enough, and print the shortest time of one."""
    import numpy as np

    from benchmarks import data, ours
    from chainrule.backends.llvm import compile as compiler

    def linked(code: bytes, target: Any, name: str = "run", arguments: int = 2) -> Any:
        library = folder / (_LIBRARY if name == "run" else f"{name}.so")
        library.with_suffix(".o").write_bytes(code)
        subprocess.run(["cc", "-shared", "-Wl,-z,notext", "-o", str(library), str(library.with_suffix(".o"))], check=True)
        function = getattr(ctypes.CDLL(str(library)), name)
        function.restype, function.argtypes = None, [ctypes.c_int64] * arguments
        return function

    compiler.load = linked
    pinning.pin(pinning.available()[:1])
    data.write(workload, folder, 1)
    arrays = data.read(workload, folder)
    training = ours.Training(workload, arrays)
    enough = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), enough.set()), daemon=True).start()
    best, epoch = float("inf"), 0
    while epoch < 3 or not enough.is_set():
        training.reset(epoch)
        start = time.thread_time()
        training.run()
        best = min(best, time.thread_time() - start) if epoch else best
        epoch += 1
        if epoch == 2:
            print(_READY, flush=True)
    print(1e6 * best / (len(np.asarray(arrays.x)) // workload.batch))


def _print(workload: Workload, best: float, functions: dict[str, float], peak: float, most: int) -> None:
    rate = workload.flops / best / 1e3  # GFLOP/s
    print(f"\n{workload.name} ({workload.description})")
    print(f"  {best:,.{0 if best > 100 else 1}f} µs a step at best: {rate:.1f} GFLOP/s, {rate / peak:.0%} of the FMA rate, {peak:.1f}")
    for name, share in by_part(functions).items():
        speed = f"   {rate / share:.1f} GFLOP/s, {rate / share / peak:.0%}" if name == _PARTS[0].name and share else ""
        print(f"  {share * best:12,.1f} µs  {share:6.1%}  {name}{speed}")
    for name, share in sorted(functions.items(), key=lambda item: -item[1])[:most]:
        print(f"      {share * best:12,.1f} µs  {share:6.1%}  {name}")


def main() -> int:
    """Print a table for each workload."""
    names = [workload.name for workload in WORKLOADS if not workload.predicts]
    parser = argparse.ArgumentParser(prog="python -m benchmarks.profile", description=__doc__)
    parser.add_argument("workloads", nargs="*", default=list(_DEFAULT), metavar="WORKLOAD", help=f"of {', '.join(names)}")
    parser.add_argument("--seconds", type=float, default=10.0, help="how long steps are taken")
    parser.add_argument("--functions", type=int, default=0, metavar="N", help="also the N functions that take most")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    for name in options.workloads:
        if name not in names:
            parser.error(f"'{name}' is no workload of training: {', '.join(names)}")
    chosen = [workload for workload in WORKLOADS if workload.name in options.workloads]
    if options.child:
        _child(chosen[0], options.child)
        return 0
    for tool in ("perf", "cc"):
        if shutil.which(tool) is None:
            print(f"python -m benchmarks.profile: '{tool}' is not installed", file=sys.stderr)
            return 2
    for workload in chosen:
        best, functions = profile(workload, options.seconds)
        measured = machine.measure(pinning.available()[:1])
        _print(workload, best, functions, measured[f"fma_{workload.dtype}_gflop_s"], options.functions)
    return 0


if __name__ == "__main__":
    os.environ.setdefault("PERF_PAGER", "cat")
    raise SystemExit(main())
