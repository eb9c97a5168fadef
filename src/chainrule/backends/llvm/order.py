"""The order of an epoch's rows in native code: the numbers that ``data.batches.permutation`` defines."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from chainrule.backends.llvm import cache
from chainrule.backends.llvm.compile import load, object_code
from chainrule.backends.llvm.layout import Plan
from chainrule.backends.llvm.target import Target

LANES = 4  # blocks of random words that are drawn at once


def permutation(seed: int, epoch: int, rows: int) -> np.ndarray:
    """Return the order of the rows in an epoch (from 0): int64 [rows]."""
    order = np.empty(rows, np.int64)
    chosen = np.empty(rows + 2 * LANES, np.int64)
    _native()(order.ctypes.data, chosen.ctypes.data, rows, seed, epoch)
    return order


@lru_cache(1)
def _native() -> Any:
    target = Target.host()
    name = cache.name("shuffle", target)
    kept = cache.load(name)
    if kept is not None:
        code = kept[1]
    else:
        from chainrule.backends.llvm.shuffle import written

        code = object_code(written(), target)
        cache.store(name, Plan(), code)
    return load(code, target, "shuffle", 5)
