from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule.data.batches import ORDER_VERSION, permutation, steps_per_epoch
from chainrule.ops import philox4x32

SEEDS, EPOCHS = st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1)


@given(SEEDS, EPOCHS, st.integers(0, 300))
def test_it_is_a_permutation(seed: int, epoch: int, rows: int) -> None:
    order = permutation(seed, epoch, rows)
    assert order.dtype == np.int64 and sorted(order.tolist()) == list(range(rows))


@given(SEEDS, EPOCHS, st.integers(0, 40))
def test_it_is_what_its_words_say(seed: int, epoch: int, rows: int) -> None:
    order = list(range(rows))
    for i in range(rows - 1, 0, -1):
        counter = np.array([[epoch, 0, i // 2, 0]], np.uint32)
        low, high = philox4x32(counter, (seed, 0))[0].tolist()[2 * (i % 2) : 2 * (i % 2) + 2]
        j = ((high << 32 | low) * (i + 1)) >> 64
        order[i], order[j] = order[j], order[i]
    assert permutation(seed, epoch, rows).tolist() == order


def test_it_depends_on_the_seed_and_the_epoch() -> None:
    orders = {tuple(permutation(seed, epoch, 50).tolist()) for seed in (0, 1, 2**31) for epoch in (0, 1, 7)}
    assert len(orders) == 9
    assert np.array_equal(permutation(3, 4, 50), permutation(3, 4, 50))


@pytest.mark.parametrize("rows", [2, 3, 4])
def test_every_order_is_as_likely(rows: int) -> None:
    draws = 6000
    counts: dict[tuple[int, ...], int] = {}
    for epoch in range(draws):
        key = tuple(permutation(11, epoch, rows).tolist())
        counts[key] = counts.get(key, 0) + 1
    kinds = {2: 2, 3: 6, 4: 24}[rows]
    assert len(counts) == kinds
    expected = draws / kinds
    chi_square = sum((count - expected) ** 2 / expected for count in counts.values())
    limit = {2: 10.83, 3: 20.52, 4: 49.73}[rows]  # exceeded by chance once in 1,000 times
    assert chi_square < limit, chi_square


def test_every_row_is_as_likely_at_every_place_for_any_seed() -> None:
    counts = np.zeros((7, 7))
    for seed in range(4000):
        counts[np.arange(7), permutation(seed, 0, 7)] += 1
    expected = 4000 / 7
    assert ((counts - expected) ** 2 / expected).sum() < 67.99  # 36 degrees of freedom, once in 1,000 times


def test_version_1_is_pinned() -> None:
    assert ORDER_VERSION == 1
    assert permutation(0, 0, 10).tolist() == [6, 1, 4, 7, 3, 2, 9, 8, 5, 0]
    assert permutation(2**32 - 1, 5, 7).tolist() == [2, 4, 5, 0, 6, 1, 3]
    assert permutation(42, 3, 100_000)[:5].tolist() == [97976, 19508, 90517, 30654, 83494]


@pytest.mark.parametrize(("rows", "size", "steps"), [(0, 3, 0), (1, 3, 1), (3, 3, 1), (4, 3, 2), (6, 3, 2), (7, 100, 1), (7, 1, 7)])
def test_steps_cover_the_rows(rows: int, size: int, steps: int) -> None:
    assert steps_per_epoch(rows, size) == steps
