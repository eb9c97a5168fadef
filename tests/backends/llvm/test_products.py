"""Products of matrices at the borders of tiles, panels and blocks of k, where operands are copied or asked for ahead."""

import numpy as np
import pytest

from chainrule import ops
from chainrule.backends.llvm import Executable
from chainrule.backends.llvm.memory import Memory
from chainrule.backends.llvm.product import SECOND_CACHE
from chainrule.ir import Type

HOW = {
    "plain": (lambda x, y: x @ y, lambda m, k, n: (f"f32[B,{k}]", f"f32[{k},{n}]"), lambda x, y: x @ y),
    "y turned": (lambda x, y: x @ ops.transpose(y), lambda m, k, n: (f"f32[B,{k}]", f"f32[{n},{k}]"), lambda x, y: x @ y.T),
    "x turned": (lambda x, y: ops.transpose(x) @ y, lambda m, k, n: (f"f32[B,{m}]", f"f32[B,{n}]"), lambda x, y: x.T @ y),
}
FIT = SECOND_CACHE // 4 // 304  # of k, the rows of 300 columns that fit into the second cache


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize(
    ("m", "k", "n"),
    [(9, 40, 24), (13, FIT, 300), (6, FIT + 1, 297), (70, 2 * FIT + 3, 300), (5, 1030, 515), (3, 17, 1100)],
)
def test_every_size_is_the_product(how, m, k, n):
    function, types, expected = HOW[how]
    run = Executable(ops.trace(function, *types(m, k, n)))
    generator = np.random.default_rng(k)
    for rows in (k, 1, 11) if how == "x turned" else (1, m, 64, 67):
        shapes = [[rows if axis == "B" else int(axis) for axis in type[4:-1].split(",")] for type in types(m, k, n)]
        x, y = (generator.standard_normal(shape).astype("f") for shape in shapes)
        (got,) = run(dict(zip([port.name for port in run.program.inputs], (x, y), strict=True))).values()
        exact = expected(x.astype("d"), y.astype("d"))
        assert np.abs(got - exact).max() <= 2e-6 * np.abs(exact).max()


@pytest.mark.parametrize(("m", "k", "n"), [(1100, 530, 601), (300, 257, 520), (1030, 300, 2056)])
@pytest.mark.parametrize("how", HOW)
def test_parts_of_many_rows_share_panels_and_keep_their_sums(how, m, k, n):
    """More rows than meet all panels at once, than keep their sums between blocks of k, and than one thread has."""
    function, types, expected = HOW[how]
    fixed = [type.replace("B", str(k if how == "x turned" else m)) for type in types(m, k, n)]
    run = Executable(ops.trace(function, *fixed))
    generator = np.random.default_rng(k)
    x, y = (generator.standard_normal([int(axis) for axis in type[4:-1].split(",")]).astype("f") for type in fixed)
    inputs = dict(zip([port.name for port in run.program.inputs], (x, y), strict=True))
    (got,), (again,) = (run(inputs, threads=threads).values() for threads in (1, 3))
    exact = expected(x.astype("d"), y.astype("d"))
    assert np.abs(got - exact).max() <= 2e-6 * np.abs(exact).max()
    assert got.tobytes() == again.tobytes()


def test_large_memory_is_not_used_again_while_an_array_in_it_is_held():
    memory = Memory({"a": Type("float32", (1024, 512))})
    first, _ = memory.copy({"a": np.full((1024, 512), 1, "f")})
    held = first["a"][3:5]
    del first
    second, _ = memory.copy({"a": np.full((1024, 512), 2, "f")})
    assert (held == 1).all() and (second["a"] == 2).all()
    where = held.ctypes.data
    del held
    third, _ = memory.copy({"a": np.full((1024, 512), 3, "f")})
    assert third["a"][3:5].ctypes.data == where
