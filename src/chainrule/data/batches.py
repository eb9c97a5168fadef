"""The order of rows in an epoch, and its batches. Part of a run's meaning: a version stands in every file that depends on it."""

from __future__ import annotations

import numpy as np

from chainrule.ops.random import philox4x32

ORDER_VERSION = 1
_PURPOSE = 0  # of the random bits that shuffle; layers use the hashes of their paths


def permutation(seed: int, epoch: int, rows: int) -> np.ndarray:
    """Return the order of the rows in an epoch (from 0): int64 [rows].

    Fisher and Yates' shuffle in Durstenfeld's form (1964): for i = rows − 1 … 1, element i changes places with element
    j = ⌊u_i·(i + 1) / 2⁶⁴⌋, where u_i is a 64-bit number: words 2(i mod 2) and 2(i mod 2) + 1 of the Philox block with counter
    (epoch, 0, ⌊i/2⌋, 0) and key (seed, 0).
    """
    blocks = (rows + 1) // 2
    counter = np.zeros((blocks, 4), np.uint32)
    counter[:, 0], counter[:, 2] = epoch, np.arange(blocks, dtype=np.uint32)
    words = philox4x32(counter, (seed, _PURPOSE)).astype(np.uint64).reshape(-1, 2)[:rows]
    bound = np.arange(1, rows + 1, dtype=np.uint64)
    shift = np.uint64(32)
    chosen = ((words[:, 1] * bound + ((words[:, 0] * bound) >> shift)) >> shift).tolist()
    order = list(range(rows))
    for i in range(rows - 1, 0, -1):
        j = chosen[i]
        order[i], order[j] = order[j], order[i]
    return np.array(order, dtype=np.int64)


def steps_per_epoch(rows: int, batch_size: int) -> int:
    """Return the number of batches that cover the rows, a ragged last one included."""
    return -(-rows // batch_size)
