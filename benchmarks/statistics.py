"""What the statistics of sampled steps cost: the time of training with them and without, on the workloads tab and mnist.

Run ``python -m benchmarks.statistics [--epochs N] [--rounds N]``. It prints for each workload the seconds of a run with and without
statistics, the median over rounds that alternate, and the difference as a share. Use a quiet machine.

Unless N is given, the epochs are so many that a run takes some ten seconds: samples become rarer, so that the share falls with the length
of a run.
"""

from __future__ import annotations

import argparse
import statistics
import time
from typing import Any

import numpy as np

import chainrule as cr
from benchmarks.workloads import WORKLOADS, Workload

ROWS = {"tab": 50_000, "mnist": 60_000}
EPOCHS = {"tab": 60, "mnist": 5}


def seconds(workload: Workload, data: tuple[np.ndarray, np.ndarray], epochs: int, with_them: bool) -> float:
    """Return how long the epochs of one run took, from the start of the first to the end of the last."""
    network = cr.nn.mlp(workload.widths[0], workload.widths[1:-1], workload.widths[-1])
    times: list[float] = []

    def note(event: Any) -> None:
        times.append(time.perf_counter())

    cr.fit(
        network,
        data,
        loss=cr.losses.cross_entropy,
        optimizer=cr.optim.adam(1e-3),
        epochs=epochs,
        batch_size=workload.batch,
        statistics=with_them,
        threads=1,
        on_event=note,
    )
    return times[-1] - times[0]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.statistics", description=__doc__)
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", choices=sorted(ROWS))
    options = parser.parse_args()
    for workload in WORKLOADS:
        if workload.name not in ROWS or options.only not in (None, workload.name):
            continue
        epochs = options.epochs or EPOCHS[workload.name]
        random = np.random.default_rng(0)
        x = random.normal(size=(ROWS[workload.name], workload.widths[0])).astype(np.float32)
        y = random.integers(workload.widths[-1], size=len(x))
        for kind in (True, False):  # compiled, or loaded from the cache
            seconds(workload, (x, y), 1, kind)
        seconds(workload, (x, y), epochs, True)
        shares, pairs = [], []
        for _ in range(options.rounds):
            pair = [seconds(workload, (x, y), epochs, kind) for kind in (False, True)]
            pairs.append(pair)
            shares.append(pair[1] / pair[0] - 1)
        without, with_them = (statistics.median(pair[place] for pair in pairs) for place in (0, 1))
        print(f"{workload.name} ({workload.description}; {len(x):,} rows, {epochs} epochs)")
        print(f"    {without:.2f} s without statistics, {with_them:.2f} s with them: {100 * statistics.median(shares):+.1f} %")
        print(f"    rounds: {', '.join(f'{100 * share:+.1f} %' for share in shares)}")


if __name__ == "__main__":
    main()
