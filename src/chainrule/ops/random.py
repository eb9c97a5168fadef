"""Random bits by counter: Philox4x32-10, so that any slice of rows draws its own without drawing the others'."""

from __future__ import annotations

import numpy as np

from chainrule.errors import TypeRuleError
from chainrule.ir import Shape, Type
from chainrule.ir.types import show_shape
from chainrule.ops.primitive import Primitive, stepwise

_M0, _M1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_W0, _W1 = 0x9E3779B9, 0xBB67AE85
_LOW, _SHIFT = np.uint64(0xFFFFFFFF), np.uint64(32)


def philox4x32(counter: np.ndarray, key: tuple[int, int]) -> np.ndarray:
    """Return four 32-bit random words for each counter, by ten rounds of Philox.

    Args:
        counter: uint32 [..., 4].
        key: two 32-bit words.

    Returns:
        uint32 [..., 4].

    Source: Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011, section 3.3; checked against the
    test vectors that its authors publish.
    """
    c0, c1, c2, c3 = (counter[..., i].astype(np.uint64) for i in range(4))
    k0, k1 = key
    for _ in range(10):
        p0, p1 = _M0 * c0, _M1 * c2
        c0, c1, c2, c3 = (p1 >> _SHIFT) ^ c1 ^ np.uint64(k0), p1 & _LOW, (p0 >> _SHIFT) ^ c3 ^ np.uint64(k1), p0 & _LOW
        k0, k1 = (k0 + _W0) & 0xFFFFFFFF, (k1 + _W1) & 0xFFFFFFFF
    return np.stack([c0, c1, c2, c3], axis=-1).astype(np.uint32)


def _bits_type(seed: Type, epoch: Type, step: Type, *, purpose: int, shape: Shape) -> Type:
    for operand in (seed, epoch, step):
        if operand != Type("uint32"):
            raise TypeRuleError(f"seed, epoch and step are u32[] each; one of them is {operand}")
    if len(shape) != 2 or not isinstance(shape[1], int):
        raise TypeRuleError(f"the shape of random bits is (rows, columns), columns a number; it is {show_shape(shape)}")
    if type(purpose) is not int or not 0 <= purpose < 2**32:
        raise TypeRuleError(f"the purpose {purpose!r} is not a number of 32 bits")
    return Type("uint32", shape)


def _bits(seed: np.ndarray, epoch: np.ndarray, step: np.ndarray, purpose: int, shape: tuple[int, int]) -> np.ndarray:
    rows, columns = shape
    blocks = -(-columns // 4)
    counter = np.empty((rows, blocks, 4), np.uint32)
    counter[..., 0], counter[..., 1] = epoch, step
    counter[..., 2] = np.arange(rows, dtype=np.uint32)[:, None]
    counter[..., 3] = np.arange(blocks, dtype=np.uint32)
    return philox4x32(counter, (int(seed), purpose)).reshape(rows, blocks * 4)[:, :columns]


random_bits: Primitive = stepwise("random_bits", _bits_type, _bits, "philox(seed {0}, purpose {purpose}, epoch {1}, step {2}, {shape})")
