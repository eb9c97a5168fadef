"""Calling a compiled program: what is run in slices of rows and what is not, and arrays of any layout."""

from __future__ import annotations

import gc
import subprocess
import sys
import weakref

import numpy as np
import pytest

from chainrule import ops
from chainrule.backends.llvm import Executable
from chainrule.backends.reference import evaluate
from chainrule.errors import DataError, TypeRuleError
from chainrule.ir import B

ROWS = 3000  # several slices
X = np.random.default_rng(0).standard_normal((ROWS, 3))
ORDER = np.random.default_rng(1).permutation(ROWS)

CROSSING = {
    "a transposed input": (lambda x: ops.transpose(x), {"x": ("f64[3,B]", X.T.copy())}),
    "the number of rows": (lambda x: x / ops.dimension(size=B, dtype="float64"), {"x": ("f64[B,3]", X)}),
    "the numbers of rows": (lambda x: ops.iota(size=B, dtype="float64") * ops.sum(x, axis=1), {"x": ("f64[B,3]", X)}),
    "rows elsewhere": (lambda x, i: ops.gather(x, i), {"x": ("f64[B,3]", X), "i": ("i64[B]", ORDER)}),
    "a sum of all rows": (lambda x: x - ops.sum(x, axis=0), {"x": ("f64[B,3]", X)}),
    "a scalar of all rows": (lambda x: ops.sum(x * x), {"x": ("f64[B,3]", X)}),
}  # fmt: skip


@pytest.mark.parametrize("name", CROSSING)
def test_what_looks_at_other_rows_is_run_at_once(name):
    function, inputs = CROSSING[name]
    program = ops.trace(function, *(type for type, _ in inputs.values()))
    arrays = dict(zip((port.name for port in program.inputs), (array for _, array in inputs.values()), strict=True))
    run = Executable(program)
    for (output, expected), threads in zip(evaluate(program, arrays).items(), (None, 2), strict=False):
        np.testing.assert_allclose(run(arrays, threads=threads)[output], expected, rtol=1e-12, atol=1e-12)
    assert not run.plan.row_local


@pytest.fixture(scope="module")
def product():
    return Executable(ops.trace(lambda x, w, i: ops.gather(w, i) * (x @ w), "f64[B,3]", "f64[3,3]", "i64[B]"))


def arrays(run, x, w, i):
    return dict(zip((port.name for port in run.program.inputs), (x, w, i), strict=True))


@pytest.mark.parametrize("rows", [0, 1, 5, ROWS])
def test_arrays_of_any_layout(product, rows):
    x, w, i = X[:rows], np.random.default_rng(2).standard_normal((3, 3)), ORDER[:rows] % 3
    expected = w[i] * (x @ w)
    raw = np.zeros(x.nbytes + 1, np.uint8)
    misaligned = raw[1:].view(np.float64).reshape(x.shape) if rows else x
    misaligned[...] = x
    for other in (x, x.copy(order="F"), np.repeat(x, 2, axis=1)[:, ::2], x.astype(">f8"), misaligned, x.view(np.matrix)):
        for weights in (w, w.copy(order="F"), w.astype(">f8")):
            found = product(arrays(product, other, weights, i))["out"]
            np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-14)
            assert type(found) is np.ndarray


def test_an_array_that_was_changed_or_replaced_is_read_anew(product):
    x, i = X[:4], ORDER[:4] % 3
    for w in (np.eye(3), np.asfortranarray(np.arange(9.0).reshape(3, 3))):
        np.testing.assert_allclose(product(arrays(product, x, w, i))["out"], w[i] * (x @ w))
        w[0] += 5.0
        np.testing.assert_allclose(product(arrays(product, x, w, i))["out"], w[i] * (x @ w))


def test_results_are_the_callers_own(product):
    inputs = arrays(product, X[:4], np.eye(3), ORDER[:4] % 3)
    first = product(inputs)["out"]
    kept = first.copy()
    product(inputs | arrays(product, -X[:4], np.eye(3), ORDER[:4] % 3))
    np.testing.assert_array_equal(first, kept)


@pytest.mark.parametrize("threads", [1, 3])
def test_an_index_out_of_range_in_any_slice_is_named(product, threads):
    i = ORDER % 3
    i[2345] = 7
    with pytest.raises(DataError, match="row 2345 holds index 7"):
        product(arrays(product, X, np.eye(3), i), threads=threads)
    i[2345] = 1
    product(arrays(product, X, np.eye(3), i), threads=threads)  # and it can go on


@pytest.mark.parametrize(
    ("x", "w", "i"), [(X.astype("f"), np.eye(3), ORDER), (X[:, :2], np.eye(3), ORDER), (X, np.eye(4), ORDER), (X, np.eye(3), ORDER[:-1])]
)
def test_what_does_not_fit_is_refused(product, x, w, i):
    with pytest.raises(TypeRuleError, match="should have"):
        product(arrays(product, x, w, i % 3))


def test_machine_code_goes_when_nobody_can_call_it():
    run = Executable(ops.trace(lambda x: x * 3.0 + 1.0, "f64[B,3]"))
    run({"x": X})
    engine = weakref.ref(run._compiled[1].engine)
    gc.collect()
    assert engine() is not None
    run({"x": X})
    del run
    gc.collect()
    assert engine() is None


ENDING = """
import threading, time
from chainrule import losses, nn, optim
from chainrule.backends.llvm import compile
from chainrule.backends.llvm.target import Target
from chainrule.training.step import training_step
program = training_step(nn.mlp(30, [100] * 4, 5), losses.mse, optim.adam()).program
_, text = compile._written(program, Target.host(), True)
threading.Thread(target=compile.object_code, args=(text, Target.host()), daemon=True).start()
time.sleep(0.3)
"""


def test_a_process_may_end_while_a_thread_compiles():
    done = subprocess.run([sys.executable, "-c", ENDING], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
