"""Clipping, decay and chains."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule import optim
from chainrule.errors import OptionError
from optim.driving import Drive

ONE = optim.sgd(1.0)  # hands the gradient on


def gradients(seed: int, scale: float) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    return {"weight": scale * random.normal(size=(3, 2)), "bias": scale * random.normal(size=2)}


def steps(optimizer: optim.Optimizer, g: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return Drive(optimizer, {path: np.zeros_like(array) for path, array in g.items()}).step(g)


def clipped_by_torch(g: dict[str, np.ndarray], clip: object, limit: float) -> tuple[dict[str, np.ndarray], object]:
    tensors = {path: torch.zeros(array.shape, dtype=torch.float64) for path, array in g.items()}
    for path, tensor in tensors.items():
        tensor.grad = torch.tensor(g[path])
    returned = clip(tensors.values(), limit)  # type: ignore[operator]
    return {path: tensor.grad.numpy() for path, tensor in tensors.items()}, returned


@given(st.integers(0, 2**32), st.floats(1e-3, 1e3), st.floats(1e-2, 1e2))
@settings(max_examples=40)
def test_clip_by_norm_is_pytorchs_but_for_its_millionth(seed: int, scale: float, limit: float) -> None:
    g = gradients(seed, scale)
    theirs, norm = clipped_by_torch(g, torch.nn.utils.clip_grad_norm_, limit)
    ours = steps(optim.chain(optim.clip_by_norm(limit), ONE), g)
    length = float(norm)
    if length <= limit:
        assert all(np.array_equal(ours[path], g[path]) for path in g)
        return
    for path in g:  # PyTorch divides by the norm + 1e-6
        np.testing.assert_allclose(ours[path], theirs[path] * (length + 1e-6) / length, rtol=1e-12, atol=0)
    assert np.isclose(np.sqrt(sum((array**2).sum() for array in ours.values())), limit, rtol=1e-13)


@given(st.integers(0, 2**32), st.floats(1e-3, 1e3), st.floats(1e-2, 1e2))
@settings(max_examples=40)
def test_clip_by_value_is_pytorchs(seed: int, scale: float, limit: float) -> None:
    g = gradients(seed, scale)
    theirs, _ = clipped_by_torch(g, torch.nn.utils.clip_grad_value_, limit)
    ours = steps(optim.chain(optim.clip_by_value(limit), ONE), g)
    assert all(np.array_equal(ours[path], theirs[path]) for path in g)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_clipping_no_gradient_at_all_gives_none(dtype: str) -> None:
    none = {"weight": np.zeros((3, 2), dtype), "bias": np.zeros(2, dtype)}
    for clip in (optim.clip_by_norm(0.5), optim.clip_by_value(0.5)):
        for step in steps(optim.chain(clip, ONE), none).values():
            assert step.dtype == dtype
            assert not step.any()


def test_a_limit_can_be_changed_without_a_new_trace() -> None:
    g = gradients(1, 100.0)
    drive = Drive(optim.chain(optim.clip_by_norm(1.0), optim.clip_by_value(1e9), ONE), {path: np.zeros_like(a) for path, a in g.items()})
    for limit in (1.0, 0.25, 7.0):
        drive.hyper["clip_norm"] = limit
        assert np.isclose(np.sqrt(sum((array**2).sum() for array in drive.step(g).values())), limit)


def test_a_chain_applies_its_parts_in_their_order() -> None:
    g = {"w": np.array([[3.0, 4.0]])}
    start = {"w": np.array([[10.0, 0.0]])}
    first = Drive(optim.chain(optim.clip_by_norm(1.0), optim.weight_decay(0.1), ONE), start).step(g)
    second = Drive(optim.chain(optim.weight_decay(0.1), optim.clip_by_norm(1.0), ONE), start).step(g)
    np.testing.assert_allclose(first["w"], [[1.6, 0.8]])
    np.testing.assert_allclose(second["w"], [[np.sqrt(0.5), np.sqrt(0.5)]])


def test_a_chain_in_a_chain_is_a_chain() -> None:
    parts = (optim.weight_decay(0.1), optim.clip_by_value(0.5), optim.adam(0.01))
    flat, nested = optim.chain(*parts), optim.chain(parts[0], optim.chain(*parts[1:]))
    assert flat.name == nested.name == "weight_decay → clip_by_value → adam"
    g = gradients(2, 1.0)
    start = {path: np.ones_like(a) for path, a in g.items()}
    one, other = Drive(flat, start), Drive(nested, start)
    for _ in range(3):
        a, b = one.step(g), other.step(g)
        assert all(np.array_equal(a[path], b[path]) for path in g)


@pytest.mark.parametrize(
    ("parts", "name", "both"),
    [
        ((optim.adam(), optim.sgd()), "lr", "adam and sgd"),
        ((optim.weight_decay(0.1), optim.adamw()), "weight_decay", "weight_decay and adamw"),
        ((optim.clip_by_norm(1.0), optim.clip_by_value(1.0), optim.clip_by_norm(2.0)), "clip_norm", "clip_by_norm and clip_by_norm"),
    ],
)
def test_two_values_of_one_name_are_refused(parts: tuple[optim.Optimizer, ...], name: str, both: str) -> None:
    with pytest.raises(OptionError, match=f"{both} of the chain both have a value named '{name}'"):
        optim.chain(*parts)


def test_two_slots_of_one_name_are_refused() -> None:
    slot = optim.Optimizer("other", {}, {"m": 0.0}, lambda g, s, p, h: (g, s))
    with pytest.raises(OptionError, match="adam and other of the chain both have a value named 'm'"):
        optim.chain(optim.adam(), slot)


def test_an_empty_chain_is_refused() -> None:
    with pytest.raises(OptionError, match="one optimizer at least"):
        optim.chain()
