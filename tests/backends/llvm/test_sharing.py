"""Functions that differ in sizes alone become one, and each caller hands over its own sizes."""

from __future__ import annotations

import numpy as np
import pytest
from llvmlite import ir

import chainrule as cr
from chainrule.backends.llvm.code import I64, MARK, PTR, define, text
from chainrule.backends.llvm.compile import load, object_code
from chainrule.backends.llvm.module import build
from chainrule.backends.llvm.sharing import share
from chainrule.backends.llvm.target import Target

SIZES = {"a": (3, 5, 3), "b": (4, 5, 4), "c": (4, 5, 7)}


@pytest.fixture
def module():
    """Return a module whose ``run`` calls a function for each of the SIZES; these call an inner one of their own."""
    module = ir.Module("test")
    functions = []
    for name, (first, second, third) in SIZES.items():
        outer, inner = define(module, name, [PTR]), define(module, f"{name}.inner", [PTR, I64])
        memory, start = inner.function.args
        inner.store(inner.add(start, third), memory, 2, "int64")
        inner.b.ret_void()
        for place, size in enumerate((first, second)):
            outer.store(outer.i64(size), outer.function.args[0], place, "int64")
        outer.b.call(inner.function, [outer.function.args[0], outer.i64(100 * first)])
        outer.b.ret_void()
        functions += [outer.function, inner.function]
    run = define(module, "run", [PTR], internal=False)
    for number, name in enumerate(SIZES):
        run.b.call(module.globals[name], [run.at(run.function.args[0], 3 * number, "int64")])
    run.b.ret_void()
    return module, [*functions, run.function]


def test_each_caller_hands_over_its_sizes(module):
    module, functions = module
    shared = share(functions)
    assert shared == {"a": "a", "b": "a", "c": "a", "a.inner": "a.inner", "b.inner": "a.inner", "c.inner": "a.inner", "run": "run"}
    for name, other in shared.items():
        if name != other:
            del module.globals[name]
    target, memory = Target.host(), np.zeros(9, np.int64)
    load(object_code(text(module), target), target, arguments=1)(memory.ctypes.data)
    assert memory.reshape(3, 3).tolist() == [[a, b, 100 * a + c] for a, b, c in SIZES.values()]


def test_a_size_that_all_have_is_no_argument(module):
    module, functions = module
    share(functions)
    written = {function.name: str(function) for function in functions}
    assert f"store i64 {MARK}5" in written["a"]
    assert written["a"].splitlines()[0].count('%"size.') == 3  # the first one, and what the inner function gets


def test_functions_that_do_something_else_stay_apart():
    module = ir.Module("test")
    codes = [define(module, name, [PTR]) for name in ("a", "b")]
    for code, dtype in zip(codes, ("int64", "float64"), strict=True):
        code.store(code.number(1, code.type(dtype)), code.function.args[0], 0, dtype)
        code.b.ret_void()
    assert share([code.function for code in codes]) == {"a": "a", "b": "b"}


def test_layers_of_other_sizes_share_their_functions():
    step = cr.training_step(cr.nn.mlp(40, [300, 100, 52], 28), loss=cr.losses.mse, optimizer=cr.optim.adam())
    built = build(step.program, Target("x86-64-v3", "", 32, 16), True)
    assert max(len(groups) for name, groups in built.groups.items() if name.endswith(".tile")) == 4  # the updates of all weights
    assert sum(len(groups) > 1 for groups in built.groups.values()) >= 5
