"""The native order of rows is the one that is defined."""

from __future__ import annotations

import numpy as np
import pytest

from chainrule.backends.llvm import permutation
from chainrule.data.batches import permutation as defined


@pytest.mark.parametrize("rows", [0, 1, 2, 3, 7, 15, 16, 17, 31, 32, 33, 1000, 4097])
@pytest.mark.parametrize(("seed", "epoch"), [(0, 0), (1, 0), (2**32 - 1, 7), (12345, 2**31)])
def test_every_order(rows, seed, epoch):
    np.testing.assert_array_equal(permutation(seed, epoch, rows), defined(seed, epoch, rows))
