"""The estimators beside scikit-learn's on tables: ``python -m benchmarks.estimators [TABLE …] [--folder DIR] [--splits N] [--threads N]``.

All parameters are at their defaults, scikit-learn's networks get scaled inputs and one unit for each category. For each table it prints
the mean error on test rows over the splits (the share of rows that are predicted wrongly, or the root of the mean squared error) and its
standard deviation, the mean expected calibration error (ECE) on these rows (of classes, in 15 bins of confidence), the median seconds of
``fit``, and the peak of memory; and for Chainrule the seconds of the first ``fit`` of a process that had to compile, and of one that found
the compiled programs on disk. Each has a process of its own, with as many threads as the other.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import pinning
from benchmarks.estimators.tables import FILES, NAMES

HEAD = (
    "| table | error | ± | MLP | ± | ECE | MLP ECE | s | MLP s | time | compiling s | from disk s | MB | MLP MB |",
    "| --- " * 14 + "|",
)


def contest(name: str, table: str, folder: Path, splits: int, threads: int, caches: Path) -> dict[str, Any]:
    """Return what came of one contestant on a table, in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.estimators.contestant", name, table, str(folder), str(splits)]
    ran = subprocess.run(command, env=pinning.environment(threads, caches), capture_output=True, text=True, check=False)
    if ran.returncode:
        raise ValueError(f"{name} failed on {table}: {ran.stderr.strip().splitlines()[-1]}")
    found: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    return found


def line(table: str, folder: Path, splits: int, threads: int) -> str:
    """Return a table's line."""
    with tempfile.TemporaryDirectory(prefix="chainrule-bench-") as made:
        cache = Path(made)
        compiling = contest("chainrule", table, folder, 1, threads, cache)["seconds"][0]
        ours = contest("chainrule", table, folder, splits, threads, cache)
        theirs = contest("mlp", table, folder, splits, threads, cache)
    errors = [f"{np.mean(one['errors']):.4g} | {np.std(one['errors']):.2g}" for one in (ours, theirs)]
    calibration = " | ".join(f"{np.mean(one['calibration']):.3f}" if one["calibration"] else "" for one in (ours, theirs))
    seconds = [float(np.median(one["seconds"])) for one in (ours, theirs)]
    times = f"{seconds[0]:.3f} | {seconds[1]:.3f} | {seconds[0] / seconds[1]:.2f} × | {compiling:.3f} | {ours['seconds'][0]:.3f}"
    return f"| {table} | {errors[0]} | {errors[1]} | {calibration} | {times} | {ours['memory_mb']:.0f} | {theirs['memory_mb']:.0f} |"


def main() -> int:
    """Print the table; return 0, or 2 for wrong use."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", nargs="*", metavar="TABLE", help=f"some of {', '.join(NAMES)}; all that there are by default")
    parser.add_argument("--folder", type=Path, default=Path(), help=f"where {', '.join(told.file for told in FILES.values())} are")
    parser.add_argument("--splits", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    asked = parser.parse_args()
    there = [name for name in NAMES if name not in FILES or (asked.folder / FILES[name].file).exists()]
    if unknown := [name for name in asked.tables if name not in there]:
        parser.error(f"there is no table '{unknown[0]}'; there are {', '.join(there)}.")
    print("\n".join(HEAD))
    for table in asked.tables or there:
        print(line(table, asked.folder, asked.splits, asked.threads), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
