"""Random networks against PyTorch in float64: the loss and the gradient of every parameter and of the input."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from ops.derivatives import norm_wise

from chainrule import ops
from chainrule.backends.reference import evaluate
from chainrule.transforms import reverse

F = torch.nn.functional

ACTIVATIONS = {
    "identity": (lambda x: x, lambda x: x),
    "relu": (ops.relu, F.relu),
    "leaky_relu": (lambda x: ops.leaky_relu(x, slope=0.01), F.leaky_relu),
    "elu": (lambda x: ops.elu(x, alpha=1.0), F.elu),
    "selu": (ops.selu, F.selu),
    "gelu": (ops.gelu, F.gelu),
    "silu": (ops.silu, F.silu),
    "mish": (ops.mish, F.mish),
    "softplus": (ops.softplus, F.softplus),
    "softsign": (ops.softsign, F.softsign),
    "sigmoid": (ops.sigmoid, torch.sigmoid),
    "tanh": (ops.tanh, torch.tanh),
    "softmax": (ops.softmax, lambda x: torch.softmax(x, -1)),
    "log_softmax": (ops.log_softmax, lambda x: torch.log_softmax(x, -1)),
    "sin": (ops.sin, torch.sin),
    "erf": (ops.erf, torch.erf),
}


def half_squared(p, t):
    return 0.5 * ops.sum((p - t) ** 2) / ops.size(p, 0)


def huber(p, t):
    distance = ops.abs(p - t)
    return ops.mean(ops.where(distance < 1.0, 0.5 * distance * distance, distance - 0.5))


LOSSES = {
    "mse": ("numbers", lambda p, t: ops.mean((p - t) * (p - t)), F.mse_loss),
    "half_squared": ("numbers", half_squared, lambda p, t: 0.5 * ((p - t) ** 2).sum(1).mean()),
    "absolute": ("numbers", lambda p, t: ops.mean(abs(p - t)), F.l1_loss),
    "huber": ("numbers", huber, F.huber_loss),
    "cross_entropy": ("labels", lambda p, t: ops.mean(ops.cross_entropy_of_labels(p, t)), F.cross_entropy),
    "cross_entropy_of_probabilities": (
        "probabilities",
        lambda p, t: -ops.mean(ops.sum(t * ops.log_softmax(p), 1)),
        F.cross_entropy,
    ),
    "binary_cross_entropy": (
        "shares",
        lambda p, t: ops.mean(ops.binary_cross_entropy_of_logits(p, t)),
        F.binary_cross_entropy_with_logits,
    ),
}


def random_network(seed):
    """Return widths, names of activations and loss, and the arrays; every activation and loss comes up in turn."""
    generator = np.random.default_rng(seed)
    depth = int(generator.integers(1, 5))
    widths = generator.integers(1, 18, depth + 1)
    names = sorted(ACTIVATIONS)
    activations = [names[(seed + 5 * layer) % len(names)] for layer in range(depth)]
    loss = sorted(LOSSES)[seed % len(LOSSES)]
    rows, outputs = int(generator.integers(1, 12)), int(widths[-1])
    target = {
        "numbers": lambda: generator.normal(size=(rows, outputs)),
        "labels": lambda: generator.integers(0, outputs, rows),
        "probabilities": lambda: generator.dirichlet(np.ones(outputs), rows),
        "shares": lambda: generator.random((rows, outputs)),
    }[LOSSES[loss][0]]()
    params = {}
    for layer, (inputs, units) in enumerate(pairwise(widths)):
        params[f"{layer}.weight"] = generator.normal(size=(inputs, units)) / np.sqrt(inputs)
        params[f"{layer}.bias"] = 0.1 * generator.normal(size=units)
    return activations, loss, params, generator.normal(size=(rows, int(widths[0]))), target


def forward(params, x, activations, side):
    for layer, name in enumerate(activations):
        x = ACTIVATIONS[name][side](x @ params[f"{layer}.weight"] + params[f"{layer}.bias"])
    return x


def ours(activations, loss, params, x, target):
    def function(params, x, target):
        return LOSSES[loss][1](forward(params, x, activations, 0), target)

    types = {name: f"f64{list(array.shape)}" for name, array in params.items()}
    shape = "f64[B," + f"{x.shape[1]}]"
    program = ops.trace(function, types, shape, "i64[B]" if target.ndim == 1 else f"f64[B,{target.shape[1]}]")
    return evaluate(reverse(program, [*params, "x"], of="out"), {**params, "x": x, "target": target})


def theirs(activations, loss, params, x, target):
    leaves = {name: torch.tensor(array, requires_grad=True) for name, array in {**params, "x": x}.items()}
    value = LOSSES[loss][2](forward(leaves, leaves["x"], activations, 1), torch.tensor(target))
    value.backward()
    return {"out": value.detach().numpy()} | {f"d_{name}": leaf.grad.numpy() for name, leaf in leaves.items()}


@pytest.mark.parametrize("seeds", [range(start, start + 20) for start in range(0, 200, 20)], ids=lambda seeds: f"{seeds[0]}-{seeds[-1]}")
def test_loss_and_gradients_are_pytorch_s(seeds):
    for seed in seeds:
        network = random_network(seed)
        got, expected = ours(*network), theirs(*network)
        assert got.keys() == expected.keys()
        scale = max(float(np.linalg.norm(array)) for name, array in expected.items() if name != "out")
        for name, array in expected.items():
            error = (
                norm_wise(got[name], array)
                if np.linalg.norm(array) > 1e-9 * scale
                else np.linalg.norm(got[name] - array) / max(scale, 1e-12)
            )
            assert error <= 1e-12, f"network {seed} ({network[:2]}): {name} is off by {error:.1e}"


def test_every_activation_and_loss_comes_up():
    networks = [random_network(seed) for seed in range(200)]
    assert {name for activations, *_ in networks for name in activations} == set(ACTIVATIONS)
    assert {loss for _, loss, *_ in networks} == set(LOSSES)
    composites = {name for name, op in ops.OPERATIONS.items() if op.definition is not None} - {"one_hot", "log_sum_exp"}
    assert composites <= set(ACTIVATIONS) | {"cross_entropy_of_labels", "binary_cross_entropy_of_logits"}
