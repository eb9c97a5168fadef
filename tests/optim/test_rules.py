"""The optimizers against PyTorch's, and on problems with known ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule import ops, optim
from chainrule.backends.reference import Reference
from chainrule.errors import OptionError
from chainrule.optim import OPTIMIZERS
from chainrule.optim.optimizer import Scalars
from chainrule.transforms import reverse
from optim.driving import Drive, update_program

STEPS = 200
START = {"hidden_1.weight": np.linspace(-1.0, 1.2, 12).reshape(4, 3), "hidden_1.bias": np.array([0.3, -0.2, 0.1])}
TARGET = {path: np.cos(np.arange(array.size)).reshape(array.shape) for path, array in START.items()}

PAIRS: dict[str, tuple[optim.Optimizer, Callable[..., torch.optim.Optimizer], dict[str, Any]]] = {
    "sgd": (optim.sgd(0.05), torch.optim.SGD, {"lr": 0.05}),
    "momentum": (optim.momentum(0.02, 0.8), torch.optim.SGD, {"lr": 0.02, "momentum": 0.8}),
    "momentum 0": (optim.momentum(0.02, 0.0), torch.optim.SGD, {"lr": 0.02}),
    "nesterov": (optim.nesterov(0.02, 0.9), torch.optim.SGD, {"lr": 0.02, "momentum": 0.9, "nesterov": True}),
    "rmsprop": (optim.rmsprop(0.003, 0.95, 1e-7), torch.optim.RMSprop, {"lr": 0.003, "alpha": 0.95, "eps": 1e-7}),
    "adam": (optim.adam(0.01, 0.8, 0.99, 1e-6), torch.optim.Adam, {"lr": 0.01, "betas": (0.8, 0.99), "eps": 1e-6}),
    "adam, as it comes": (optim.adam(), torch.optim.Adam, {}),
    "adam, betas 0": (optim.adam(0.01, 0.0, 0.0), torch.optim.Adam, {"lr": 0.01, "betas": (0.0, 0.0)}),
    # PyTorch multiplies by 1 - lr·λ, which float32 holds for these two
    "adamw": (optim.adamw(2**-7, weight_decay=2**-3, biases=True), torch.optim.AdamW, {"lr": 2**-7, "weight_decay": 2**-3}),
    "rprop": (
        optim.rprop(0.02, 0.6, 1.3, 1e-5, 0.4),
        torch.optim.Rprop,
        {"lr": 0.02, "etas": (0.6, 1.3), "step_sizes": (1e-5, 0.4)},
    ),
    "weight decay, then sgd": (
        optim.chain(optim.weight_decay(0.03, biases=True), optim.sgd(0.05)),
        torch.optim.SGD,
        {"lr": 0.05, "weight_decay": 0.03},
    ),
    "weight decay, then nesterov": (
        optim.chain(optim.weight_decay(0.03, biases=True), optim.nesterov(0.02)),
        torch.optim.SGD,
        {"lr": 0.02, "momentum": 0.9, "nesterov": True, "weight_decay": 0.03},
    ),
}


def gradient_of_a_wavy_bowl(path: str, x: np.ndarray) -> np.ndarray:
    return (x - TARGET[path]) * np.arange(1, x.size + 1).reshape(x.shape) / x.size + 0.3 * np.sin(3 * x)


def paths_apart(pair: str, dtype: str, gradients: Callable[[int, str, np.ndarray], np.ndarray]) -> float:
    ours, theirs, options = PAIRS[pair]
    drive = Drive(ours, {path: array.astype(dtype) for path, array in START.items()})
    tensors = {path: torch.tensor(array, dtype=getattr(torch, dtype)) for path, array in START.items()}
    optimizer = theirs(tensors.values(), **options)
    apart = 0.0
    for number in range(STEPS):
        drive.step({path: gradients(number, path, array) for path, array in drive.params.items()})
        for path, tensor in tensors.items():
            tensor.grad = torch.from_numpy(gradients(number, path, tensor.numpy()))
        optimizer.step()
        apart = max(apart, *(float(np.abs(drive.params[path] - tensor.numpy()).max()) for path, tensor in tensors.items()))
    assert all(np.abs(drive.params[path] - START[path]).max() > 0.01 for path in START)  # they went somewhere
    return apart


@pytest.mark.parametrize("pair", PAIRS)
def test_the_path_is_pytorchs(pair: str) -> None:
    assert paths_apart(pair, "float64", lambda number, path, x: gradient_of_a_wavy_bowl(path, x)) <= 1e-12


@pytest.mark.parametrize("pair", PAIRS)
def test_the_path_in_float32_is_pytorchs_when_the_gradients_are(pair: str) -> None:
    random = np.random.default_rng(3)
    drawn = {path: random.normal(size=(STEPS, *array.shape)).astype(np.float32) for path, array in START.items()}
    assert paths_apart(pair, "float32", lambda number, path, x: drawn[path][number]) <= 1e-6


def test_only_weights_decay_unless_biases_are_asked_for() -> None:
    none = {path: np.zeros_like(array) for path, array in START.items()}
    for decaying in (optim.adamw(0.1, weight_decay=0.5), optim.chain(optim.weight_decay(0.5), optim.sgd(0.1))):
        steps = Drive(decaying, START).step(none)
        np.testing.assert_allclose(steps["hidden_1.weight"], 0.05 * START["hidden_1.weight"], rtol=1e-14)
        assert not steps["hidden_1.bias"].any()


def test_adam_forgets_the_zeros_it_began_with() -> None:
    for dtype in ("float32", "float64"):
        gradients = {path: (10.0 ** np.arange(-3, array.size - 3)).reshape(array.shape).astype(dtype) for path, array in START.items()}
        steps = Drive(optim.adam(0.01, epsilon=0.0), {path: array.astype(dtype) for path, array in START.items()}).step(gradients)
        for step in steps.values():
            np.testing.assert_allclose(step, 0.01, rtol=8 * np.finfo(dtype).eps)


def test_rprop_rests_where_the_sign_turned() -> None:
    drive = Drive(optim.rprop(0.1, 0.5, 1.2), {"w": np.zeros(3)})
    np.testing.assert_allclose(drive.step({"w": np.array([2.0, -3.0, 0.0])})["w"], [0.1, -0.1, 0.0])
    np.testing.assert_allclose(drive.step({"w": np.array([1.0, 1.0, 1.0])})["w"], [0.12, 0.0, 0.1])
    np.testing.assert_allclose(drive.step({"w": np.array([1.0, 1.0, 1.0])})["w"], [0.144, 0.05, 0.12])


# the numbers of a formula are inputs


EVERY: dict[str, optim.Optimizer] = {
    **{name: make() for name, make in OPTIMIZERS.items()},
    "a chain": optim.chain(optim.clip_by_norm(0.7), optim.clip_by_value(0.43), optim.weight_decay(0.013), optim.adam(0.0123)),
    **{f"sgd, {name}": optim.sgd(0.0123, schedule=schedule) for name, schedule in {
        "step": optim.step(17, 0.37),
        "exponential": optim.exponential(0.97),
        "cosine": optim.cosine(91, 0.07),
        "warm_up": optim.warm_up(13, optim.cosine(91, 0.07)),
        "one_cycle": optim.one_cycle(97),
    }.items()},
}  # fmt: skip


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", EVERY)
def test_no_hyper_parameter_is_a_constant(name: str, dtype: str) -> None:
    program = update_program(EVERY[name], {path: array.astype(dtype) for path, array in START.items()})
    constants = {float(e.attributes["value"]) for e in program.equations if e.op.name == "constant"}
    assert constants <= {0.0, 0.5, 1.0, np.pi}
    read = {value for equation in program.equations for value in equation.inputs}
    assert [port.name for port in program.inputs if port.name in EVERY[name].hyper and port.value not in read] == []


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", EVERY)
def test_the_update_is_computed_in_the_parameters_dtype(name: str, dtype: str) -> None:
    program = update_program(EVERY[name], {path: array.astype(dtype) for path, array in START.items()})
    for equation in program.equations:
        for value in equation.outputs:
            assert value.type.dtype in (dtype, "bool") or not value.type.shape


def test_changing_a_hyper_parameter_needs_no_new_trace() -> None:
    random = np.random.default_rng(0)
    gradients = [{path: random.normal(size=array.shape) for path, array in START.items()} for _ in range(5)]
    changed = {"lr": 0.03, "beta1": 0.5, "beta2": 0.7, "epsilon": 1e-3, "decay_steps": 3.0, "decay_final": 0.2}
    one = Drive(optim.adam(0.03, 0.5, 0.7, 1e-3, schedule=optim.cosine(3, 0.2)), START)
    other = Drive(optim.adam(schedule=optim.cosine(100)), START)
    assert changed.keys() == one.hyper.keys() - {"rate_scale"}
    other.hyper |= changed
    for g in gradients:
        a, b = one.step(g), other.step(g)
        assert all(np.array_equal(a[path], b[path]) for path in START)


@pytest.mark.parametrize("name", EVERY)
def test_rate_scale_multiplies_every_step(name: str) -> None:
    gradients = {path: np.cos(array) for path, array in START.items()}
    whole, half = Drive(EVERY[name], START), Drive(EVERY[name], START)
    half.hyper["rate_scale"] = 0.5
    for _ in range(3):
        a, b = whole.step(gradients), half.step(gradients)
        half.params = whole.params  # weight decay reads them
        for path in START:
            np.testing.assert_allclose(b[path], a[path] / 2, rtol=1e-14)


@pytest.mark.parametrize("name", EVERY)
def test_the_state_begins_with_the_parameters_shapes_and_can_be_written(name: str) -> None:
    for dtype in ("float32", "float64"):
        state = EVERY[name].init({path: array.astype(dtype) for path, array in START.items()})
        assert state.keys() == {f"{path}.{slot}" for path in START for slot in EVERY[name].slots}
        for key, array in state.items():
            assert array.shape == START[key.rpartition(".")[0]].shape
            assert array.dtype == dtype
            assert array.flags.writeable
            assert array.flags.c_contiguous


def test_the_listing_names_what_the_formula_names() -> None:
    listing = str(update_program(optim.adamw(schedule=optim.warm_up(5)), {"output.weight": np.zeros((2, 1), np.float32)}))
    for line in (
        "one_minus_beta1: f64[] = 1 - beta1",
        "rate_f32: f32[] = float32(rate)",
        "output.weight.m_hat: f32[2,1] = output.weight.m.new / bias_correction1_f32",
        "output.weight.step: f32[2,1] = rate_f32 * output.weight.decayed",
        "new_output.weight.m: f32[2,1] = output.weight.m.new",
    ):
        assert line in " ".join(listing.split())


def test_a_gradient_that_is_handed_on_keeps_its_name() -> None:
    def decay(w: Any, x: Any, weight_decay: Any) -> Any:
        gradients = {"bias": ops.named(2.0 * x, "d_bias")}
        return optim.weight_decay(0.1).update(gradients, {}, {"bias": w}, Scalars({"weight_decay": weight_decay}))[0]["bias"]

    program = ops.trace(decay, "f64[3]", "f64[3]", "f64[]")
    assert program.output("out").value.name == "d_bias"


def test_numbers_shared_by_all_parameters_belong_to_none() -> None:
    program = update_program(optim.adam(schedule=optim.cosine(9)), {path: a.astype(np.float32) for path, a in START.items()})
    assert {e.layer for e in program.equations if not e.outputs[0].type.shape} == {""}
    assert {e.layer for e in program.equations if e.outputs[0].type.shape} == set(START)


# problems with known ends


def bowl(params: dict[str, Any]) -> Any:
    """0 at (1, 2, 3)."""
    error = params["w"] - np.array([1, 2, 3], str(params["w"].dtype))
    return ops.sum(error * error * np.array([1, 2, 4], str(params["w"].dtype)))


def rosenbrock(params: dict[str, Any]) -> Any:
    """0 at (1, 1), along a bent valley."""
    x, y = params["w"][0], params["w"][1]
    return (1.0 - x) ** 2.0 + 10.0 * (y - x * x) * (y - x * x)


_X = np.random.default_rng(8).normal(size=(20, 3))


def regression(params: dict[str, Any]) -> Any:
    """0 at weight (1, −2, 0.5), bias 0.7."""
    dtype = str(params["w"].dtype)
    y = _X @ np.array([[1.0], [-2.0], [0.5]]) + 0.7
    error = ops.matmul(_X.astype(dtype), params["w"]) + params["b"] - y.astype(dtype)
    return ops.mean(error * error)


PROBLEMS: dict[str, tuple[Callable[..., Any], dict[str, np.ndarray]]] = {
    "bowl": (bowl, {"w": np.zeros(3)}),
    "rosenbrock": (rosenbrock, {"w": np.array([-0.5, 0.8])}),
    "regression": (regression, {"w": np.zeros((3, 1)), "b": np.zeros(1)}),
}
RATES = {"sgd": 0.03, "momentum": 0.01, "nesterov": 0.01, "rmsprop": 0.03, "adam": 0.1, "adamw": 0.1, "rprop": 0.1}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_reaches_the_goal(name: str, problem: str, dtype: str) -> None:
    function, start = PROBLEMS[problem]
    params = {path: array.astype(dtype) for path, array in start.items()}
    run = Reference(reverse(ops.trace(function, params), list(params), of="out"))
    options = {"weight_decay": 0.0} if name == "adamw" else {}
    schedule = {} if name == "rprop" else {"schedule": optim.cosine(1200)}
    drive = Drive(OPTIMIZERS[name](RATES[name], **options, **schedule), params)
    assert run(params)["out"] > 1.0
    for _ in range(1200):
        out = run(drive.params)
        if out["out"] < 1e-4:
            break
        drive.step({path: out[f"d_{path}"] for path in params})
    assert run(drive.params)["out"] < 1e-4


# options


BAD = [-0.1, 0, 0.0, float("nan"), float("inf"), -float("inf"), "0.1", None, True, [0.1], 1j]
BAD_OR_ZERO_ALLOWED = [value for value in BAD if value is True or value != 0]
BAD_SHARES = [*BAD_OR_ZERO_ALLOWED, 1.0, 1.5]


@pytest.mark.parametrize(
    ("make", "values"),
    [
        *((make, BAD) for make in OPTIMIZERS.values()),
        (lambda v: optim.momentum(momentum=v), BAD_SHARES),
        (lambda v: optim.nesterov(momentum=v), BAD_SHARES),
        (lambda v: optim.rmsprop(rho=v), BAD_SHARES),
        (lambda v: optim.rmsprop(epsilon=v), BAD_OR_ZERO_ALLOWED),
        (lambda v: optim.adam(beta1=v), BAD_SHARES),
        (lambda v: optim.adam(beta2=v), BAD_SHARES),
        (lambda v: optim.adam(epsilon=v), BAD_OR_ZERO_ALLOWED),
        (lambda v: optim.adamw(beta1=v), BAD_SHARES),
        (lambda v: optim.adamw(weight_decay=v), BAD_OR_ZERO_ALLOWED),
        (lambda v: optim.rprop(eta_minus=v), [*BAD, 1.0, 1.5]),
        (lambda v: optim.rprop(eta_plus=v), [*BAD, 1.0, 0.5]),
        (lambda v: optim.rprop(smallest=v), [*BAD_OR_ZERO_ALLOWED, 51.0]),
        (lambda v: optim.rprop(largest=v), [*BAD, 1e-7]),
        (optim.clip_by_norm, BAD),
        (optim.clip_by_value, BAD),
        (optim.weight_decay, BAD_OR_ZERO_ALLOWED),
    ],
)
def test_a_bad_hyper_parameter_is_refused_in_one_sentence(make: Callable[[Any], Any], values: list[Any]) -> None:
    for value in values:
        with pytest.raises(OptionError) as caught:
            make(value)
        assert repr(value) in str(caught.value)
        assert str(caught.value).endswith(".")
        assert ". " not in str(caught.value)


@given(st.floats(1e-12, 1e12), st.sampled_from([float, np.float64, np.float32]))
@settings(max_examples=30)
def test_any_positive_rate_is_taken(lr: float, kind: type) -> None:
    taken = optim.sgd(kind(lr)).hyper["lr"]
    assert type(taken) is float
    assert taken == float(kind(lr))


def test_zero_decay_and_zero_momentum_are_allowed() -> None:
    assert optim.adamw(weight_decay=0).hyper["weight_decay"] == 0.0
    assert optim.momentum(momentum=0).hyper["momentum"] == 0.0
