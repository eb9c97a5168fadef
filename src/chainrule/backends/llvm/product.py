"""How a product of matrices is computed: its tile, blocks and packing, decided by its fixed sizes alone.

Each element is summed in one order, k ascending, by fused multiply-add, whatever tile, thread or block of k it falls into; where k is cut
into blocks the sum goes on from what was stored.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from chainrule.backends.llvm.code import SIZES
from chainrule.backends.llvm.target import Target
from chainrule.ir import Batch, Equation, Value
from chainrule.ir.types import Axis

_BLOCK = 1024  # products of k that are summed in one go
_PACKED_BLOCK = 256  # of these where B is packed: a panel of so many rows fits into the nearest cache
_LARGE = 1 << 14  # bytes of B from which it is copied into panels, which lie in few lines of a cache
_SHORT = 128  # of these that pay for the making of panels
_WIDE = 512  # columns from which A is copied, so that it lies in few pages and lines while all panels meet it
_ROWS_AT_ONCE = 256  # the most rows of A that meet all panels before the next ones do
_KEPT, _KEPT_ROWS = 1 << 23, 1024
_PANELS = 1 << 22
_TOGETHER = 4  # tiles, one below the other, that a panel meets before the next one does
SECOND_CACHE = 1 << 18  # bytes of these rows, or of all panels of a block of k; beyond it, memory is asked for ahead


@dataclass(frozen=True)
class Product:
    """How a product of two stored matrices is computed.

    Attributes:
        x, y: the stored operands; ``x_turned``, ``y_turned``: whether each is stored transposed.
        rows, columns, depth: the sizes M, N and K of the product.
        dtype: of all three.
        lanes, mr, nv: the vector's lanes; the tile's rows and vectors.
        packed: whether B is copied into panels, if enough rows meet it; ``packed_x``: whether A is.
        by_rows: whether all panels are made before the first row meets them; rows of the result are then finished one after the other.
        block: the most of K that is summed in one go; ``blocks``: whether there can be more than one such block.
    """

    x: Value
    y: Value
    x_turned: bool
    y_turned: bool
    rows: Axis
    columns: int
    depth: Axis
    dtype: str
    lanes: int
    mr: int
    nv: int
    packed: bool
    packed_x: bool
    by_rows: bool
    block: int
    blocks: bool

    @property
    def width(self) -> int:
        """The columns of a panel."""
        return self.nv * self.lanes

    @property
    def padded(self) -> int:
        """The columns, rounded up to whole vectors."""
        return -(-self.columns // self.lanes) * self.lanes

    @property
    def x_strides(self) -> tuple[int, int]:
        """The steps in A from a row to the next, and from k to the next."""
        if self.x_turned:
            return 1, fixed(self.rows)
        return fixed(self.depth), 1

    def scratch(self) -> dict[str, int]:
        """The bytes of each part of a thread's own memory: a tile, a panel of B, rows of A, and the sums between blocks of k."""
        tile = self.together * self.padded if self.by_rows else self.mr * self.width
        sizes = {
            "tile": max(tile, self.padded),  # a row alone is a tile as well
            "panel": (self.block + self.lanes) * (self.padded if self.all_panels else self.width) if self.packed else 0,
            "rows": (self.rows_at_once(self.block) + self.mr) * self.block if self.packed_x else 0,
            "sums": (self.kept_rows + self.mr) * self.padded if self.blocks else 0,
        }
        return {name: -(-number * SIZES[self.dtype] // 64) * 64 for name, number in sizes.items()}

    @property
    def kept_rows(self) -> int:
        """The most rows whose sums are kept from a block of k to the next one."""
        return max(min(_KEPT // SIZES[self.dtype] // self.padded, _KEPT_ROWS), _ROWS_AT_ONCE)

    @property
    def all_panels(self) -> bool:
        """Whether all panels of a block of k may be made before rows meet them: parts of the rows share them."""
        return self.by_rows or (self.packed and self.block * self.padded * SIZES[self.dtype] <= _PANELS)

    @property
    def together(self) -> int:
        """The rows that meet a panel one after the other, while the nearest cache holds it, if all panels are made before."""
        return _TOGETHER * self.mr

    def rows_at_once(self, length: int) -> int:
        """Return how many rows of A, of which a block of k has so many numbers, meet all panels before the next ones do."""
        return max(min(SECOND_CACHE // SIZES[self.dtype] // max(length, 1), _ROWS_AT_ONCE), 1)

    def panels(self) -> list[tuple[int, int, int]]:
        """Return the panels' kinds as (first column, vectors in a panel, number of panels); sizes differ by one vector at most."""
        vectors = self.padded // self.lanes
        number = -(-vectors // self.nv)
        wide, rest = divmod(vectors, number)
        kinds = [(0, wide + 1, rest), (rest * (wide + 1) * self.lanes, wide, number - rest)]
        return [kind for kind in kinds if kind[1] and kind[2]]


def fixed(axis: Axis) -> int:
    """Return an axis that is a number."""
    assert isinstance(axis, int)
    return axis


def product(equation: Equation, definitions: Mapping[Value, Equation], stored: Callable[[Value], bool], target: Target) -> Product | None:
    """Return how a product is computed, or ``None`` if it is not of two stored matrices with rows of fixed length."""
    x, y = equation.inputs
    if len(x.type.shape) != 2 or len(y.type.shape) != 2:
        return None
    (x, x_turned), (y, y_turned) = (_stored(value, definitions, stored) for value in (x, y))
    (m, k), n = equation.inputs[0].type.shape, equation.inputs[1].type.shape[1]
    if isinstance(n, Batch) or not stored(x) or not stored(y):
        return None
    if isinstance(m if x_turned else k, Batch) or (y_turned and isinstance(k, Batch)) or n == 0:
        return None
    dtype = equation.outputs[0].type.dtype
    lanes = target.lanes(SIZES[dtype])
    mr, nv = target.tile
    known = None if isinstance(k, Batch) else k
    nv = min(nv, -(-n // lanes))
    mr = max(mr, 8) if nv == 1 else mr  # so many sums must go on side by side to keep the multipliers busy
    packed = y_turned or n % lanes > 0 or n * (known or _ROWS_AT_ONCE) * SIZES[dtype] > _LARGE
    packed_x = n > 2 * nv * lanes if x_turned else n >= _WIDE
    padded = -(-n // lanes) * lanes
    fitting = SECOND_CACHE // SIZES[dtype] // padded
    by_rows = packed and fitting >= min(known or _SHORT, _SHORT) and (known is None or known <= fitting)
    block = min(_PACKED_BLOCK, fitting) if by_rows else _PACKED_BLOCK if packed or known is None else _BLOCK
    if known is not None:
        number = max(-(-known // block), 1)
        block = max(-(-known // number), 1)
    blocks = known is None or known > block
    return Product(x, y, x_turned, y_turned, m, n, k, dtype, lanes, mr, nv, packed, packed_x, by_rows, block, blocks)


def _stored(value: Value, definitions: Mapping[Value, Equation], stored: Callable[[Value], bool]) -> tuple[Value, bool]:
    turned = False
    while not stored(value):
        e = definitions.get(value)
        if e is None or e.op.name != "transpose":
            break
        axes = e.attributes.get("axes")
        turned ^= axes is None or tuple(axis % 2 for axis in axes) == (1, 0)
        value = e.inputs[0]
    return value, turned
