"""Philox against the vectors that its authors publish, and the bits that programs draw with it."""

from __future__ import annotations

import numpy as np
import pytest

from chainrule import ops
from chainrule.errors import TypeRuleError

# kat_vectors of Random123 1.14, "philox4x32 10": counter, key, result
VECTORS = [
    ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
]


def words(text):
    return np.array([int(word, 16) for word in text.split()], np.uint32)


def test_the_published_vectors():
    counters = np.stack([words(counter) for counter, _, _ in VECTORS])
    for number, (_, key, expected) in enumerate(VECTORS):
        k0, k1 = map(int, words(key))
        np.testing.assert_array_equal(ops.philox4x32(counters, (k0, k1))[number], words(expected))


def bits(shape, seed=7, epoch=1, step=2, purpose=3):
    return ops.random_bits(*(np.uint32(number) for number in (seed, epoch, step)), purpose=purpose, shape=shape)


def test_an_element_is_the_word_of_its_counter():
    drawn = bits((6, 10))
    for row, column in ((0, 0), (5, 9), (3, 4)):
        counter = np.array([1, 2, row, column // 4], np.uint32)
        assert drawn[row, column] == ops.philox4x32(counter, (7, 3))[column % 4]


def test_a_slice_of_rows_or_columns_draws_the_same_bits():
    np.testing.assert_array_equal(bits((9, 5))[:4], bits((4, 5)))
    np.testing.assert_array_equal(bits((9, 8))[:, :5], bits((9, 5)))
    assert bits((0, 5)).shape == (0, 5)


def test_seed_epoch_step_and_purpose_each_make_other_bits():
    draws = [bits((4, 4)), bits((4, 4), seed=8), bits((4, 4), epoch=2), bits((4, 4), step=3), bits((4, 4), purpose=4)]
    assert len({draw.tobytes() for draw in draws}) == 5


def test_bits_are_even():
    drawn = bits((1000, 64))
    share = np.unpackbits(drawn.view(np.uint8)).mean()
    assert abs(share - 0.5) < 5 * 0.5 / np.sqrt(drawn.size * 32)


@pytest.mark.parametrize("purpose", [-1, 2**32, 1.0, "dropout"])
def test_a_purpose_is_a_number_of_32_bits(purpose):
    with pytest.raises(TypeRuleError, match="is not a number of 32 bits"):
        bits((2, 2), purpose=purpose)
