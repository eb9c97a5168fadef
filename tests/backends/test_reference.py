"""The interpreter: inputs checked, every equation watched, memory given back."""

from __future__ import annotations

import gc
import inspect
import re
import weakref

import numpy as np
import pytest

from chainrule import ops
from chainrule.backends.reference import Reference, evaluate, interpreter
from chainrule.errors import TypeRuleError
from chainrule.ops import trace


def program():
    return trace(lambda x, w, y: ops.sum(ops.reshape(x @ w, shape=tuple(y.shape)) * y), "f32[B,4]", "f32[4,2]", "f32[2B]")


def arrays(rows=3):
    return {"x": np.ones((rows, 4), np.float32), "w": np.ones((4, 2), np.float32), "y": np.ones(2 * rows, np.float32)}


@pytest.mark.parametrize("rows", [0, 1, 3, 17])
def test_one_program_for_any_number_of_rows(rows):
    assert evaluate(program(), arrays(rows))["out"] == 8.0 * rows


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"x": np.ones((3, 5), np.float32)}, "input 'x' has type f32[3,5] and should have f32[B,4] with B = 3"),
        ({"x": np.ones((3, 4))}, "input 'x' has type f64[3,4] and should have f32[B,4]"),
        ({"x": np.ones(3, np.float32)}, "input 'x' has type f32[3] and should have f32[B,4]"),
        ({"y": np.ones(7, np.float32)}, "input 'y' has type f32[7] and should have f32[2B] with B = 3"),
        ({"y": np.ones(8, np.float32)}, "input 'y' has type f32[8] and should have f32[2B] with B = 3"),
        ({"w": np.ones((4, 3), np.float32)}, "input 'w' has type f32[4,3] and should have f32[4,2]"),
    ],
)
def test_an_input_of_another_type_is_named(changes, message):
    with pytest.raises(TypeRuleError, match=re.escape(message)):
        evaluate(program(), arrays() | changes)


def test_a_missing_input_is_named():
    with pytest.raises(TypeRuleError, match=re.escape("input 'w' (f32[4,2]) is missing")):
        evaluate(program(), {"x": np.ones((3, 4), np.float32)})


def test_a_multiple_of_b_can_come_first():
    p = trace(lambda y, x: ops.sum(y) + ops.sum(x), "f32[2B]", "f32[B]")
    assert evaluate(p, {"y": np.ones(4, np.float32), "x": np.ones(2, np.float32)})["out"] == 6.0
    with pytest.raises(TypeRuleError, match=re.escape("input 'y' has type f32[5] and should have f32[2B]")):
        evaluate(p, {"y": np.ones(5, np.float32), "x": np.ones(2, np.float32)})


def test_every_equation_is_watched_in_order():
    seen = []
    p = program()
    Reference(p)(arrays(), watch=lambda equation, results: seen.append((equation, [r.shape for r in results])))
    assert [equation for equation, _ in seen] == list(p.equations)
    assert [shapes for _, shapes in seen] == [[(3, 2)], [(6,)], [(6,)], [()]]


def test_a_value_is_let_go_after_its_last_use():
    references, alive = [], []

    def watch(equation, results):
        gc.collect()
        alive.append(sum(r() is not None for r in references))
        references.append(weakref.ref(results[0]))

    def chain(x):
        for _ in range(10):
            x = ops.exp(-x)
        return x

    Reference(trace(chain, "f64[4]"))({"x": np.ones(4)}, watch)
    assert max(alive) <= 1


def test_running_twice_gives_the_same_bits():
    run = Reference(program())
    first, second = run(arrays()), run(arrays())
    assert first["out"].tobytes() == second["out"].tobytes()


def test_the_interpreter_is_short():
    assert len(inspect.getsource(interpreter).splitlines()) <= 100
