"""Composite functions: the rule against the rule derived from the definition, and both against PyTorch where logits are extreme."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from chainrule import ops
from chainrule.backends.reference import evaluate
from chainrule.ops import OPERATIONS
from chainrule.transforms import expand, reverse
from ops.derivatives import draw, norm_wise
from ops.test_derivatives import CASES

COMPOSITES = [case for case in CASES if OPERATIONS[case.operation].definition is not None]


def traced(case):
    return ops.trace(lambda *operands: OPERATIONS[case.operation](*operands, **case.attributes), *case.types)


def operands(program, case, seed):
    generator = np.random.default_rng(seed)
    given = case.options["given"] or {}
    return {
        port.name: np.resize(np.asarray(given[n], port.type.dtype), draw(port.type, 3, generator).shape)
        if n in given
        else draw(port.type, 3, generator, (-3.0, 3.0))
        for n, port in enumerate(program.inputs)
    }


@pytest.mark.parametrize("case", COMPOSITES, ids=str)
def test_the_rule_agrees_with_the_rule_derived_from_the_definition(case):
    program = traced(case)
    expanded = expand(program)
    assert not any(e.op.definition for e in expanded.equations)
    wrt = [port.name for port in program.inputs if port.type.is_float]
    own, derived = (reverse(p, wrt, of="out", cotangent="u") for p in (program, expanded))
    for seed in range(5):
        arrays = operands(program, case, seed)
        np.testing.assert_array_equal(evaluate(program, arrays)["out"], evaluate(expanded, arrays)["out"])
        arrays["u"] = draw(program.output("out").type, 3, np.random.default_rng(seed + 100))
        first, second = evaluate(own, arrays), evaluate(derived, arrays)
        assert max(norm_wise(first[f"d_{name}"], second[f"d_{name}"]) for name in wrt) <= 1e-13


def test_the_reverse_of_every_composite_expands_too():
    for case in COMPOSITES:
        program = reverse(traced(case), [traced(case).inputs[0].name], of="out", cotangent="u")
        arrays = operands(traced(case), case, 0)
        arrays["u"] = draw(program.output("out").type, 3, np.random.default_rng(7))
        expanded = expand(program)
        assert not any(e.op.definition for e in expanded.equations)
        for name, array in evaluate(program, arrays).items():
            np.testing.assert_array_equal(evaluate(expanded, arrays)[name], array)


# at extreme logits

EXTREME = np.array([[1e3, -1e3, 1e-8], [-1e-8, 0.0, 1e-8], [-1e3, -1e3, -1e3], [1e3, 1e3, -1e-8], [-30.0, 40.0, -700.0], [5.0, -5.0, 20.0]])
LABELS = torch.tensor([1, 2, 0, 2, 2, 1])
TARGETS = torch.tensor([[0.0, 1.0, 0.25]], dtype=torch.float64).expand(6, 3)
F = torch.nn.functional


def softplus(x):
    return torch.logaddexp(x, torch.zeros_like(x))  # PyTorch's own is the identity above its threshold


FUNCTIONS = {
    "relu": (ops.relu, F.relu),
    "leaky_relu": (lambda x: ops.leaky_relu(x, slope=0.01), F.leaky_relu),
    "elu": (lambda x: ops.elu(x, alpha=1.0), F.elu),
    "selu": (ops.selu, F.selu),
    "gelu": (ops.gelu, F.gelu),
    "silu": (ops.silu, F.silu),
    "softplus": (ops.softplus, softplus),
    "mish": (ops.mish, lambda x: x * torch.tanh(softplus(x))),
    "softsign": (ops.softsign, F.softsign),
    "sigmoid": (ops.sigmoid, torch.sigmoid),
    "tanh": (ops.tanh, torch.tanh),
    "softmax": (ops.softmax, lambda x: torch.softmax(x, -1)),
    "log_softmax": (ops.log_softmax, lambda x: torch.log_softmax(x, -1)),
    "log_sum_exp": (ops.log_sum_exp, lambda x: torch.logsumexp(x, -1)),
    "cross_entropy": (
        lambda x: ops.cross_entropy_of_labels(x, LABELS.numpy()),
        lambda x: F.cross_entropy(x, LABELS, reduction="none"),
    ),
    "binary_cross_entropy": (
        lambda x: ops.binary_cross_entropy_of_logits(x, TARGETS.numpy()),
        lambda x: F.binary_cross_entropy_with_logits(x, TARGETS, reduction="none"),
    ),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_value_and_gradient_at_extreme_logits(name):
    ours, theirs = FUNCTIONS[name]
    x = torch.tensor(EXTREME, requires_grad=True)
    out = theirs(x)
    cotangent = torch.tensor(np.random.default_rng(3).normal(size=out.shape))
    out.backward(cotangent)
    program = reverse(ops.trace(lambda x: ours(x), "f64[6,3]"), ["x"], "out", "u")
    got = evaluate(program, {"x": EXTREME, "u": cotangent.numpy()})
    assert np.isfinite(got["out"]).all() and np.isfinite(got["d_x"]).all()
    np.testing.assert_allclose(got["out"], out.detach().numpy(), rtol=1e-13, atol=2e-15)
    np.testing.assert_allclose(got["d_x"], x.grad.numpy(), rtol=1e-13, atol=2e-15)


def test_confident_losses_keep_their_digits():
    margins = np.array([15.0, 25.0, 30.0])
    expected = np.log1p(np.exp(-margins))
    got = ops.binary_cross_entropy_of_logits(margins, np.ones(3))
    np.testing.assert_allclose(got, expected, rtol=1e-15)
    np.testing.assert_allclose(ops.binary_cross_entropy_of_logits(-margins, np.zeros(3)), expected, rtol=1e-15)
    # float32 near 1000 is spaced by 6e-5: the loss is right only if the largest logit is taken off first
    logits = np.array([[1000.0, 990.0], [-1000.0, -1010.0]], np.float32)
    np.testing.assert_allclose(ops.cross_entropy_of_labels(logits, np.array([0, 0])), np.log1p(np.exp([-10.0, -10.0])), rtol=3e-3)
    np.testing.assert_allclose(ops.log_softmax(logits)[:, 0], -np.log1p(np.exp([-10.0, -10.0])), rtol=3e-3)


def test_second_derivatives_are_finite_everywhere():
    for name, (function, _) in FUNCTIONS.items():
        first = reverse(ops.trace(lambda x, f=function: ops.sum(f(x) * f(x)), "f64[6,3]"), ["x"], of="out")
        second = reverse(first, ["x"], of="d_x", cotangent="v")
        out = evaluate(second, {"x": EXTREME, "v": np.ones_like(EXTREME)})["d_d_x"]
        assert np.isfinite(out).all(), name


@pytest.mark.parametrize("attributes", [{}, {"alpha": 1.0, "beta": 2.0}, {"slope": 1.0}, {"alpha": "one"}])
def test_an_activation_takes_its_own_numbers_only(attributes):
    with pytest.raises(ops.tracing.TypeRuleError, match="elu: it takes alpha"):
        ops.elu(np.zeros(3), **attributes)
