"""The arrays of a workload, made once and read by everyone: rows, targets, the orders of rows, the weights to start from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from benchmarks.workloads import Workload

Arrays = dict[str, np.ndarray]
_BLOCK = 8192  # rows that are drawn; more rows than these repeat them
_SEED = 0


@dataclass(frozen=True)
class Data:
    """What everyone is given.

    Attributes:
        x: [rows, inputs].
        y: class numbers, int64 [rows], or values, [rows, outputs].
        orders: the order of the rows in each of some epochs, int64 [epochs, rows]: Chainrule's own, so that everyone sees the same batches.
        start: initial weights by path, (inputs, outputs) each, and biases.
    """

    x: np.ndarray
    y: np.ndarray
    orders: np.ndarray
    start: Arrays


def write(workload: Workload, folder: Path, epochs: int) -> None:
    """Make a workload's arrays, with the orders of so many epochs, and write them into a folder.

    Targets come from a random linear teacher with noise, so that there is something to learn and a wrong step shows in the loss.
    """
    from benchmarks import ours
    from chainrule.data.batches import permutation

    random = np.random.default_rng(_SEED)
    drawn = min(workload.rows, _BLOCK)
    block = random.standard_normal((drawn, workload.widths[0])).astype(workload.dtype)
    teacher = random.standard_normal((workload.widths[0], workload.widths[-1])) / np.sqrt(workload.widths[0])
    noise = random.standard_normal((drawn, workload.widths[-1]))
    values = block @ teacher + 0.1 * noise
    targets = values.argmax(axis=1) if workload.loss == "cross_entropy" else np.tanh(values).astype(workload.dtype)
    _write_repeated(folder / "x.npy", block, workload.rows)
    _write_repeated(folder / "y.npy", targets, workload.rows)
    rows = 0 if workload.predicts else workload.rows
    np.save(folder / "orders.npy", np.array([permutation(ours.SEED, epoch, rows) for epoch in range(epochs)]))
    np.savez(folder / "start.npz", **ours.network(workload).init(_SEED, workload.dtype))  # type: ignore[arg-type]  # names are paths


def _write_repeated(path: Path, block: np.ndarray, rows: int) -> None:
    out = np.lib.format.open_memmap(path, mode="w+", dtype=block.dtype, shape=(rows, *block.shape[1:]))
    for first in range(0, rows, len(block)):
        out[first : first + len(block)] = block[: rows - first]
    out.flush()


def read(workload: Workload, folder: Path) -> Data:
    """Read what ``write`` wrote. Rows to predict are mapped, so that a million of them lie in memory once for all processes."""
    mode: Literal["c"] | None = "c" if workload.predicts else None
    with np.load(folder / "start.npz") as start:
        x, y = (np.asarray(np.load(folder / name, mode)) for name in ("x.npy", "y.npy"))
        return Data(x, y, np.load(folder / "orders.npy"), dict(start))
