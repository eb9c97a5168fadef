"""The listing as people read it."""

from __future__ import annotations

import textwrap

import numpy as np

from chainrule import ops
from chainrule.ir import B
from chainrule.ir.listing import listing, value_names
from chainrule.ops import named, scope
from chainrule.transforms import reverse


def network():
    def function(params, x, y):
        with scope(layer="hidden_1"):
            h = named(ops.tanh(named(x @ params["hidden_1.weight"] + params["hidden_1.bias"], "sum")), "out")
        with scope(phase="loss"):
            return {"loss": named(ops.mean(0.5 * (h - y) ** 2), "loss")}

    params = {"hidden_1.weight": "f32[4,1]", "hidden_1.bias": "f32[1]"}
    return reverse(ops.trace(function, params, "f32[B,4]", "f32[B,1]"), list(params))


def test_a_training_program_without_update():
    expected = """
        inputs
          x          x: f32[B,4]
          y          y: f32[B,1]
          params     hidden_1.weight: f32[4,1]
          params     hidden_1.bias: f32[1]
        forward
          v1: f32[B,1]           = x @ hidden_1.weight
          hidden_1.sum: f32[B,1] = v1 + hidden_1.bias
          hidden_1.out: f32[B,1] = tanh(hidden_1.sum)
        loss
          v2: f32[B,1] = hidden_1.out - y
          v3: f32[B,1] = v2 ** 2
          v4: f32[B,1] = 0.5 * v3
          v5: f32[]    = sum(v4, axes [0, 1])
          loss: f32[]  = v5 / B
        backward
          v6: f32[]                   = 1 / B                          # of loss
          v7: f32[B,1]                = broadcast(v6, [B, 1])          # of v5
          v8: f32[B,1]                = v7 * 0.5                       # of v4
          v9: f32[B,1]                = 2 * v2                         # of v3
          d_hidden_1.out: f32[B,1]    = v8 * v9                        # of v3
          v10: f32[B,1]               = hidden_1.out * hidden_1.out    # of hidden_1.out
          v11: f32[B,1]               = 1 - v10                        # of hidden_1.out
          d_hidden_1.sum: f32[B,1]    = d_hidden_1.out * v11           # of hidden_1.out
          d_hidden_1.bias: f32[1]     = sum(d_hidden_1.sum, axes [0])  # of hidden_1.sum
          v12: f32[4,B]               = transpose(x)                   # of v1
          d_hidden_1.weight: f32[4,1] = v12 @ d_hidden_1.sum           # of v1
        outputs
          output     loss: f32[] = loss
          gradient   d_hidden_1.weight: f32[4,1] = d_hidden_1.weight
          gradient   d_hidden_1.bias: f32[1] = d_hidden_1.bias
    """
    assert str(network()) == textwrap.dedent(expected).strip()


def test_names_are_unique_and_repeated_hints_are_numbered():
    def function(x):
        a, b, c = (named(ops.exp(x * float(n)), "h") for n in (2, 3, 4))
        return named(a + b + c, "v1") * ops.iota(size=B, dtype="float64")

    program = ops.trace(function, "f64[B]")
    names = [name for value, name in value_names(program).items() if value.type.shape]
    assert names == ["x", "v1", "h", "v2", "h.2", "v3", "h.3", "v4", "v1.2", "v5", "v6"]


def test_scalars_stand_where_they_are_used():
    text = str(ops.trace(lambda x: ops.sum(x * 0.1) / ops.size(x, 0) + 2, "f32[3B,2]"))
    assert "= x * 0.1" in text and "/ 3B" in text and "+ 2" in text


def test_a_scalar_that_is_an_output_is_shown():
    assert "output     out: f64[] = 2.5" in str(ops.trace(lambda: 2.5))


def test_phases_can_be_chosen():
    text = listing(network(), ["backward"])
    assert "backward" in text and "forward" not in text and "d_hidden_1.weight" in text


def test_formulas_tell_every_attribute():
    def function(x, label):
        y = ops.concatenate([x, x, ops.transpose(x, axes=(0, 1))], axis=1)
        y = ops.take_slice(y, axis=1, start=1, stop=4)
        table = ops.gather(np.arange(4.0), label) + np.arange(40.0)[3]
        return y, ops.leaky_relu(y, slope=0.01), table, ops.scatter_add(label, x, size=7), ops.one_hot(label, size=3, dtype="float64")

    text = str(ops.trace(function, "f64[B,2]", "i64[B]"))
    for formula in (
        "concatenate(x, x, v1, axis 1)",
        "transpose(x), axes [0, 1]",
        "[axis 1: 1:4]",
        "slope 0.01",
        "7 rows",
        "= [0., 1., 2., 3.]",
    ):
        assert formula in text, text


def test_long_arrays_are_cut_short():
    text = str(ops.trace(lambda x: x + np.arange(1000.0), "f64[1000]"))
    assert max(map(len, text.splitlines())) < 140
