"""Rows by the million and wide frames: ``python -m benchmarks.estimators.large [--rows N] [--threads N …] [--rounds N]``.

Prints, each from a process of its own:

- one epoch of the classifier on float32 rows of 50 columns: the rows a second of the epoch and of the whole ``fit`` (checks, scales, the
  rows that are held out), and the peak of memory beyond what the process held before the rows were made, also as a multiple of them;
- the same network, batch size and optimizer in PyTorch, whose fused AdamW takes slices of a tensor that is in memory, with the best of
  some numbers of threads;
- the prediction of a data frame with 100,000 rows of 30 mixed columns beside the same estimator on numbers, and beside the network alone.
"""

from __future__ import annotations

import argparse
import itertools
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import pinning

COLUMNS, HIDDEN, SIZE = 50, (64, 32), 256
FRAME_ROWS, NUMBERS, WORDS = 100_000, 20, 10
_DRAWN = 50_000  # rows at a time


def rows_of(rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Return X and y, without making anything that is larger."""
    generator = np.random.default_rng(0)
    X = np.empty((rows, COLUMNS), np.float32)
    for start in range(0, rows, _DRAWN):
        X[start : start + _DRAWN] = generator.standard_normal((len(X[start : start + _DRAWN]), COLUMNS), np.float32)
    return X, (X[:, 0] * X[:, 1] > 0).astype(np.int64)


def fit(rows: int, rounds: int) -> dict[str, float]:
    """Fit for one epoch, after a small fit that has loaded everything."""
    from chainrule.estimators import NeuralNetworkClassifier

    small, answers = rows_of(2_000)
    NeuralNetworkClassifier(epochs=1, hidden=HIDDEN, batch_size=SIZE, random_state=0).fit(small, answers)
    before = pinning.memory()[0]
    X, y = rows_of(rows)
    best, epoch = np.inf, np.inf
    for _ in range(rounds):
        start = time.perf_counter()
        model = NeuralNetworkClassifier(epochs=1, hidden=HIDDEN, batch_size=SIZE, random_state=0).fit(X, y)
        best, epoch = min(best, time.perf_counter() - start), min(epoch, model.history_[-1]["seconds"])
    beyond = pinning.memory()[1] - before
    data = X.nbytes / 2**20
    trained = rows - round(rows * 0.1)
    return {"fit": rows / best, "epoch": trained / epoch, "data_mb": data, "beyond_mb": beyond, "peak_mb": pinning.memory()[1]}


def torch(rows: int, rounds: int) -> dict[str, float]:
    """Train the same network for one epoch in PyTorch."""
    import torch as t

    X, y = (t.from_numpy(array) for array in rows_of(rows))
    widths = (COLUMNS, *HIDDEN)
    layers: list[Any] = []
    for inputs, outputs in itertools.pairwise(widths):
        layers += [t.nn.Linear(inputs, outputs), t.nn.ReLU()]
    network = t.nn.Sequential(*layers, t.nn.Linear(widths[-1], 2))
    optimizer, loss = t.optim.AdamW(network.parameters(), 0.01, fused=True), t.nn.CrossEntropyLoss()
    best = np.inf
    for _ in range(rounds):
        start = time.perf_counter()
        for first in range(0, rows, SIZE):
            optimizer.zero_grad()
            loss(network(X[first : first + SIZE]), y[first : first + SIZE]).backward()
            optimizer.step()
        best = min(best, time.perf_counter() - start)
    return {"epoch": rows / best}


def frame(rows: int, rounds: int) -> dict[str, float]:
    """Time the prediction of mixed columns, of pandas and of polars, of as many numbers as they make, and of the network alone."""
    import pandas as pd
    import polars as pl

    from chainrule.backends import compile
    from chainrule.estimators import NeuralNetworkClassifier
    from chainrule.estimators.steps import predictor

    generator, rows = np.random.default_rng(0), FRAME_ROWS
    columns: dict[str, Any] = {f"number {n}": generator.standard_normal(rows) for n in range(NUMBERS)}
    for n in range(WORDS):
        columns[f"word {n}"] = generator.choice(np.array([f"value {k}" for k in range(4 + 2 * n)], dtype=object), rows)
    X = pd.DataFrame(columns)
    for name in X.columns[::3]:
        X.loc[generator.random(rows) < 0.05, name] = None
    y, of_polars = X["number 1"] > 0, pl.from_pandas(X)
    mixed = NeuralNetworkClassifier(epochs=2, hidden=HIDDEN, random_state=0).fit(X[:5_000], y[:5_000])
    units = generator.standard_normal((rows, mixed.shape_.inputs), np.float32)
    numeric = NeuralNetworkClassifier(epochs=2, hidden=HIDDEN, random_state=0).fit(units[:5_000], y[:5_000])
    network = compile(predictor(mixed.shape_).program)

    def best(call: Callable[[], Any]) -> float:
        seconds = []
        for _ in range(rounds + 1):
            start = time.perf_counter()
            call()
            seconds.append(time.perf_counter() - start)
        return min(seconds)

    return {
        "frame": best(lambda: mixed.predict(X)),
        "polars": best(lambda: mixed.predict(of_polars)),
        "numeric": best(lambda: numeric.predict(units)),
        "network": best(lambda: network({**mixed.state_.params, "x": units})),
        "units": mixed.shape_.inputs,
    }


PARTS: dict[str, Callable[[int, int], dict[str, float]]] = {"fit": fit, "torch": torch, "frame": frame}


def measured(part: str, rows: int, rounds: int, threads: int) -> dict[str, float]:
    """Return what a part found, in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="chainrule-bench-") as caches:
        command = [sys.executable, "-m", "benchmarks.estimators.large", "--part", part, "--rows", str(rows), "--rounds", str(rounds)]
        command += ["--threads", str(threads)]
        ran = subprocess.run(command, env=pinning.environment(threads, Path(caches)), stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, float] = json.loads(ran.stdout.splitlines()[-1])
    return found


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--part", choices=list(PARTS), help="in this process: one part's figures as JSON, on so many cores")
    asked = parser.parse_args()
    if asked.part:
        pinning.pin(pinning.available()[: asked.threads[0]])  # before the libraries count the cores
        print(json.dumps(PARTS[asked.part](asked.rows, asked.rounds)))
        return
    ours = [measured("fit", asked.rows, asked.rounds, threads) for threads in asked.threads]
    theirs = max(measured("torch", asked.rows, asked.rounds, threads)["epoch"] for threads in asked.threads)
    for threads, one in zip(asked.threads, ours, strict=True):
        print(
            f"fit, {threads} threads: {one['epoch']:,.0f} rows/s in the epoch ({one['epoch'] / theirs:.1f} × PyTorch's {theirs:,.0f}), "
            f"{one['fit']:,.0f} rows/s in all ({one['fit'] / theirs:.1f} ×); memory {one['beyond_mb']:.0f} MB beyond the libraries "
            f"(rows {one['data_mb']:.0f} MB, 1.3 × rows + 200 MB are {1.3 * one['data_mb'] + 200:.0f} MB; {one['peak_mb']:.0f} MB in all)"
        )
    for threads in asked.threads:
        found = measured("frame", asked.rows, asked.rounds, threads)
        print(
            f"predict {FRAME_ROWS:,} rows of {NUMBERS + WORDS} mixed columns ({found['units']:.0f} units), {threads} threads: "
            + "; ".join(
                f"{said} {found[name] * 1e3:.1f} ms, {found[name] / found['network']:.2f} × the network alone"
                for said, name in (("pandas", "frame"), ("polars", "polars"), ("the estimator on numbers", "numeric"))
            )
        )


if __name__ == "__main__":
    main()
