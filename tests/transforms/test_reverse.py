"""Reverse mode: what it names, where its equations come from, what it refuses."""

from __future__ import annotations

import re

import numpy as np
import pytest

from chainrule import ops
from chainrule.backends.reference import evaluate
from chainrule.errors import DerivativeError, InputError
from chainrule.ir import B, Type
from chainrule.ops import named, scope, trace
from chainrule.transforms import expand, retype, reverse, simplify


def network(params, x, label):
    h = x
    for layer in ("hidden_1", "hidden_2"):
        with scope(layer=layer):
            h = named(ops.gelu(named(h @ params[f"{layer}.weight"] + params[f"{layer}.bias"], "sum")), "out")
    with scope(phase="loss"):
        return {"loss": named(ops.mean(ops.cross_entropy_of_labels(h, label)), "loss"), "out": h}


PARAMS = {"hidden_1.weight": "f32[4,5]", "hidden_1.bias": "f32[5]", "hidden_2.weight": "f32[5,3]", "hidden_2.bias": "f32[3]"}


def program():
    return trace(network, PARAMS, "f32[B,4]", "i64[B]")


def test_every_gradient_has_its_input_s_type_and_name():
    gradient = reverse(program(), [*PARAMS, "x"])
    assert [port.name for port in gradient.outputs] == ["loss", "out", *(f"d_{name}" for name in PARAMS), "d_x"]
    assert [port.role for port in gradient.outputs[2:]] == ["gradient"] * 5
    for name in (*PARAMS, "x"):
        assert gradient.output(f"d_{name}").type == gradient.input(name).type
        assert gradient.output(f"d_{name}").value.name == f"d_{name}"
    assert [(port.name, port.role, port.type) for port in gradient.inputs] == [(p.name, p.role, p.type) for p in program().inputs]


def provenance(p):
    """Return the phases, layers and operations of sources, of each equation that comes from another one."""
    definitions = p.definitions()
    return {
        (o.phase, o.layer, definitions[o.source].layer)
        for e in p.equations
        for o in e.origins
        if o.phase == "backward" and o.source is not None
    }


def test_provenance_survives_every_transform():
    gradient = reverse(program(), list(PARAMS))
    expected = {("backward", "", ""), ("backward", "hidden_1", "hidden_1"), ("backward", "hidden_2", "hidden_2")}
    assert provenance(gradient) == expected
    for transformed in (
        simplify(gradient),
        retype(gradient, "float64"),
        expand(gradient),
        simplify(retype(expand(gradient), "complex128")),
    ):
        assert provenance(transformed) == expected
        kept = {e.outputs[0].name for e in transformed.equations} & {"hidden_1.sum", "hidden_2.out", "loss", "d_hidden_1.weight"}
        assert kept == {"hidden_1.sum", "hidden_2.out", "loss", "d_hidden_1.weight"}


def test_what_forward_and_backward_share_is_computed_once_and_keeps_both_origins():
    gradient = reverse(trace(lambda x: ops.sum(ops.exp(x) * ops.softmax(x)), "f64[B,3]"), ["x"], of="out")
    assert [e.op.name for e in gradient.equations].count("softmax") == 1
    backward = reverse(
        trace(lambda x: ops.log_sum_exp(x) + ops.sum(ops.softmax(x) * ops.softmax(x), 1), "f64[B,3]"), ["x"], of="out", cotangent="u"
    )
    (shared,) = (e for e in backward.equations if e.op.name == "softmax")
    assert [origin.phase for origin in shared.origins] == ["forward", "backward"]
    assert shared.phase == "forward"


def test_inputs_that_do_not_matter_get_zeros():
    p = trace(lambda x, unused, kink: ops.sum(x) + ops.sum(ops.sign(kink)), "f64[B,2]", "f32[3]", "f64[2]")
    got = evaluate(
        reverse(p, ["unused", "x", "kink"], of="out"), {"x": np.ones((4, 2)), "unused": np.ones(3, np.float32), "kink": np.ones(2)}
    )
    np.testing.assert_array_equal(got["d_unused"], np.zeros(3, np.float32))
    assert got["d_unused"].dtype == np.float32
    np.testing.assert_array_equal(got["d_kink"], np.zeros(2))
    np.testing.assert_array_equal(got["d_x"], np.ones((4, 2)))


def test_an_output_that_is_an_input():
    got = evaluate(reverse(trace(lambda x: x, "f64[]"), ["x"], of="out"), {"x": np.array(3.0)})
    assert got == {"out": 3.0, "d_x": 1.0}
    got = evaluate(reverse(trace(lambda x: x, "f64[2]"), ["x"], of="out", cotangent="u"), {"x": np.ones(2), "u": np.arange(2.0)})
    np.testing.assert_array_equal(got["d_x"], [0.0, 1.0])


def test_nothing_that_is_not_needed_remains():
    p = trace(lambda x, w: ops.sum(x @ w), "f64[B,3]", "f64[3,2]")
    assert "transpose(w)" not in str(reverse(p, ["w"], of="out"))
    assert "transpose(x)" not in str(reverse(p, ["x"], of="out"))


def test_gradients_of_gradients_have_their_own_names():
    first = reverse(trace(lambda x: ops.sum(x * x * x), "f64[3]"), ["x"], of="out")
    second = reverse(first, ["x"], of="d_x", cotangent="v")
    third = reverse(second, ["x", "v"], of="d_d_x", cotangent="w")
    assert [port.name for port in third.outputs] == ["out", "d_x", "d_d_x", "d_d_d_x", "d_v"]
    x, v, w = np.array([1.0, -2.0, 0.5]), np.array([1.0, 2.0, 3.0]), np.array([0.5, 1.0, -1.0])
    got = evaluate(third, {"x": x, "v": v, "w": w})
    np.testing.assert_allclose(got["d_x"], 3 * x * x)
    np.testing.assert_allclose(got["d_d_x"], 6 * x * v)
    np.testing.assert_allclose(got["d_d_d_x"], 6 * v * w)
    np.testing.assert_allclose(got["d_v"], 6 * x * w)


def test_the_program_that_is_reversed_stays_as_it_was():
    p = program()
    before = str(p)
    reverse(p, list(PARAMS))
    assert str(p) == before


@pytest.mark.parametrize(
    ("wrt", "of", "error", "message"),
    [
        (["x"], "out", DerivativeError, "'out' has type f32[B,3]; a gradient belongs to a scalar, so take a sum or mean"),
        (["label"], "loss", DerivativeError, "'label' has type i64[B]; only floats have gradients"),
        (["x"], "number", DerivativeError, "'number' has type i64[]; only floats have gradients"),
        (["z"], "loss", InputError, "no input or output named 'z'"),
        (["x"], "z", InputError, "no input or output named 'z'"),
    ],
)
def test_what_has_no_gradient(wrt, of, error, message):
    p = trace(lambda params, x, label: network(params, x, label) | {"number": ops.sum(label)}, PARAMS, "f32[B,4]", "i64[B]")
    with pytest.raises(error, match=re.escape(message)):
        reverse(p, wrt, of=of)


def test_a_rule_with_too_few_cotangents_is_named(monkeypatch):
    add = ops.OPERATIONS["add"]
    monkeypatch.setitem(add.__dict__, "vjp", lambda ct, out, x, y: (ct,))
    with pytest.raises(DerivativeError, match="the rule of 'add' returned 1 cotangents for 2 operands"):
        reverse(trace(lambda x: ops.sum(x + x), "f64[3]"), ["x"], of="out")


def test_a_gradient_of_another_type_is_named(monkeypatch):
    monkeypatch.setitem(ops.OPERATIONS["exp"].__dict__, "vjp", lambda ct, out, x: (ops.cast(ct, dtype="float32"),))
    with pytest.raises(DerivativeError, match=re.escape("the gradient of 'x' came out as f32[3] and should have the type f64[3]")):
        reverse(trace(lambda x: ops.sum(ops.exp(x)), "f64[3]"), ["x"], of="out")


def test_several_outputs_each_get_their_cotangent():
    halves = ops.Primitive(
        "halves_of_a_test",
        lambda x: (Type(x.dtype, (*x.shape[:-1], 2)), Type(x.dtype, (*x.shape[:-1], 1))),
        lambda x: (x[..., :2] * 2.0, np.sin(x[..., 2:])),
        lambda cts, outs, x: (ops.concatenate([cts[0] * 2.0, cts[1] * ops.cos(x[..., 2:])], axis=-1),),
        ops.Domain.real(),
        "halves({0})",
        1,
        None,
    )
    try:
        x = np.random.default_rng(0).normal(size=(4, 3))

        def both(x):
            first, second = halves(x)
            return ops.sum(first * second)

        def only_second(x):
            return ops.sum(halves(x)[1])

        for function in (both, only_second):
            p = trace(function, "f64[B,3]")
            got = evaluate(reverse(p, ["x"], of="out"), {"x": x})["d_x"]
            moved = retype(p, "complex128")
            for index in np.ndindex(x.shape):
                z = x.astype(complex)
                z[index] += 1e-30j
                np.testing.assert_allclose(got[index], evaluate(moved, {"x": z})["out"].imag / 1e-30, rtol=1e-13, atol=1e-15)
        assert "h, " not in str(p) and "halves(x)" in str(p)
    finally:
        del ops.OPERATIONS["halves_of_a_test"]


def test_b_stays_symbolic():
    gradient = reverse(program(), ["x"])
    assert gradient.output("d_x").type == Type("float32", (B, 4))
    arrays = {name: np.ones([int(n) for n in type[4:-1].split(",")], np.float32) for name, type in PARAMS.items()}
    for rows in (0, 1, 7):
        got = evaluate(gradient, arrays | {"x": np.ones((rows, 4), np.float32), "label": np.zeros(rows, np.int64)})
        assert got["d_x"].shape == (rows, 4)
