"""Generated networks: compiled against the reference, for any number of threads bit for bit the same.

``python -m pytest -m sweep tests/backends/llvm`` takes 500 networks, each in both precisions.
"""

from __future__ import annotations

import numpy as np
import pytest

from backends.llvm.networks import KINK, OPTIMIZERS, SMOOTH, draw, error
from chainrule import losses, nn, ops, optim
from chainrule.backends.llvm import Executable, Training
from chainrule.backends.reference import Reference
from chainrule.ir import B, Type
from chainrule.training.step import training_step
from chainrule.transforms import retype

FEW, MANY = 60, 500
EXACT, SINGLE = 1e-12, 2e-5  # relative to the largest entry of a tensor


def diverges(losses_expected: list[np.ndarray], done: int) -> bool:
    """Return whether the first loss that is not finite is that after the steps that were done."""
    return bool(np.isfinite(losses_expected[:done]).all() and not np.isfinite(losses_expected[done]))


def steps_are_those_of_the_reference(seed: int, dtype: str, threads: tuple[int, ...]) -> None:
    net = draw(seed, dtype)
    order, meta = net.batches()
    with np.errstate(over="ignore", invalid="ignore"):
        losses_expected, expected = net.by_reference(order, meta)
    training = Training(net.program)
    first = training.run(net.state.inputs({}), net.data, order, meta, 1)
    if first.status:
        assert diverges(losses_expected, first.done), net.what
        return
    assert first.done == len(meta), net.what
    if dtype == "float64":
        assert error(first.losses, np.array(losses_expected)) <= EXACT, net.what
        for name, array in first.state.items():
            assert error(array, expected[name]) <= EXACT, f"{name} of {net.what}"
    for number in threads:
        again = training.run(net.state.inputs({}), net.data, order, meta, number)
        assert again.losses.tobytes() == first.losses.tobytes(), net.what
        for name, array in again.state.items():
            assert array.tobytes() == first.state[name].tobytes(), f"{name} with {number} threads of {net.what}"


def gradients_are_those_of_the_reference(seed: int, dtype: str) -> tuple[int, int]:
    """Return how many rows there were, and how many of them were left out for being next to a kink."""
    net = draw(seed, dtype)
    clear = net.far_from_kinks() if dtype == "float32" else np.ones(2 * net.rows, bool)
    run, exact = Executable(net.gradients), retype(net.gradients, "float64")
    reference = Reference(exact)  # in single precision it has errors of its own, as large where a small loss is a difference
    everything = net.state.inputs({name: array[clear] for name, array in net.data.items()})
    names = [port.name for port in net.gradients.inputs]
    for rows in (0, int(clear.sum()) // 2, None):
        batch = {name: array[clear][:rows] for name, array in net.data.items()}
        inputs = {name: batch.get(name, everything[name]) for name in names}
        with np.errstate(all="ignore"):
            expected = reference({port.name: np.asarray(inputs[port.name], port.type.dtype) for port in exact.inputs})
        got = run(inputs)
        for name, array in expected.items():
            np.testing.assert_array_equal(np.isnan(got[name]), np.isnan(array), err_msg=net.what)
            there = ~np.isnan(array)
            limit = EXACT if dtype == "float64" else SINGLE
            assert error(got[name][there], array[there]) <= limit, f"{name} of {rows} rows of {net.what}"
    return len(clear), int((~clear).sum())


@pytest.mark.parametrize("seed", [seed for seed in range(FEW) if seed % 4])
def test_steps(seed):
    steps_are_those_of_the_reference(seed, "float64" if seed % 2 else "float32", (2, 3, 4, 8))


@pytest.mark.parametrize("seed", range(FEW))
def test_gradients(seed):
    rows, left_out = gradients_are_those_of_the_reference(seed, "float32" if seed % 2 else "float64")
    assert left_out <= max(rows // 2, 1)


def two_hundred_steps(seed: int) -> float:
    """Return how far the reference strays if it is otherwise rounded; 0 where that was not asked for.

    Where signs of gradients near 0 decide (Rprop; RMSProp on two rows), a difference in the last bit grows with every step, in any program.
    """
    net = draw(seed, "float64")
    order = np.random.default_rng(seed).permutation(2 * net.rows)
    meta = np.array([[(k % 2) * net.rows, net.rows, k // 2, k % 2] for k in range(200)], np.int64)

    def distance(found: list[np.ndarray], state: dict[str, np.ndarray]) -> float:
        parts = [error(array, expected[name]) for name, array in state.items() if name in expected]
        return max(error(np.array(found), np.array(losses_expected)), *parts)

    with np.errstate(over="ignore", invalid="ignore"):
        losses_expected, expected = net.by_reference(order, meta)
    result = Training(net.program).run(net.state.inputs({}), net.data, order, meta, 2)
    if result.status:
        assert diverges(losses_expected, result.done), net.what
        return np.inf
    found = distance(list(result.losses), result.state)
    if found <= 1e-9:
        return 0.0
    strays = distance(*net.by_reference(order, meta, otherwise_rounded=True))
    assert strays > 1e-10, f"{found} of {net.what}, whose reference strays by {strays} only"
    return strays


@pytest.mark.parametrize("seed", [3, 11, 17, 23])
def test_two_hundred_steps(seed):
    assert two_hundred_steps(seed) == 0.0


@pytest.mark.sweep
@pytest.mark.parametrize("seed", range(MANY))
def test_every_network_in_both_precisions(seed):
    for dtype in ("float32", "float64"):
        steps_are_those_of_the_reference(seed, dtype, (3,))
        rows, left_out = gradients_are_those_of_the_reference(seed, dtype)
        print(f"rows {rows}, left out next to a kink {left_out}")
    if seed % 5 < 4:
        print(f"strays by {two_hundred_steps(seed)}")


def test_the_networks_have_everything():
    nets = [draw(seed, "float32") for seed in range(FEW)]
    text = "\n".join(net.what for net in nets)
    for name in (*SMOOTH, *losses.LOSSES, *(make().name for make in OPTIMIZERS.values()), "dropout 0.3", "hidden_1.weight"):
        assert name in text
    assert {net.rows for net in nets} == {1, 2, 7, 33, 257}
    assert any("w" in net.data for net in nets)
    assert KINK < 1e-4


@pytest.mark.parametrize(("dtype", "limit"), [("float32", 1e-6), ("float64", 1e-14)])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers_fed_identical_gradients(name, dtype, limit):
    """The gradient of Σ w·x is x, whatever w is: nothing but the optimizer can differ."""
    shape = (23, 19)
    step = training_step(
        lambda params, x: params["weight"] * x,
        lambda prediction, target, weights=None: ops.sum(prediction),
        OPTIMIZERS[name](),
        params={"weight": np.random.default_rng(0).standard_normal(shape).astype(dtype)},
        x=str(Type(dtype, (B, *shape))),
        y=str(Type(dtype, (B,))),
    )
    state = step.init()
    x = np.random.default_rng(1).standard_normal((40, *shape)).astype(dtype)
    program = step.program
    reference, now = Reference(program), state.inputs({})
    for row in range(40):
        outputs = reference({**now, "x": x[row : row + 1], "y": np.zeros(1, dtype)})
        outputs.pop("loss")
        now = now | outputs
    meta = np.array([[row, 1, 0, 0] for row in range(40)], np.int64)
    result = Training(program).run(state.inputs({}), {"x": x, "y": np.zeros(40, dtype)}, np.arange(40), meta)
    assert result.done == 40
    for key, array in result.state.items():
        assert error(array, now[key]) <= limit, key


@pytest.mark.parametrize("seed", range(0, FEW, 6))
def test_a_row_is_predicted_the_same_alone_and_in_any_batch(seed):
    net = draw(seed, "float32")
    run = Executable(net.step.inference)
    x = np.resize(net.data["x"], (50, net.data["x"].shape[1])) if len(net.data["x"]) < 50 else net.data["x"]
    inputs = {**net.state.params}
    whole = run({**inputs, "x": x})["prediction"]
    expected = Reference(net.step.inference)({**inputs, "x": x})["prediction"]
    assert error(whole, expected) <= SINGLE, net.what
    for low, high in ((0, 1), (17, 18), (49, 50), (3, 12), (5, 50)):
        assert run({**inputs, "x": x[low:high]})["prediction"].tobytes() == whole[low:high].tobytes(), net.what
    assert run({**inputs, "x": x[:0]})["prediction"].shape == (0, *whole.shape[1:])
    for threads in (2, 3):
        assert run({**inputs, "x": x}, threads=threads)["prediction"].tobytes() == whole.tobytes()


def test_many_rows_are_predicted_in_parts():
    step = training_step(nn.mlp(5, [16], 2), losses.mse, optim.sgd())
    state = step.init()
    x = np.random.default_rng(0).standard_normal((5000, 5), dtype=np.float32)
    run = Executable(step.inference)
    whole = run({**state.params, "x": x})["prediction"]
    for threads in (1, 2, 5):
        assert run({**state.params, "x": x}, threads=threads)["prediction"].tobytes() == whole.tobytes()
    assert run({**state.params, "x": x[4321:4323]})["prediction"].tobytes() == whole[4321:4323].tobytes()
    assert run({**state.params, "x": x[::-1]})["prediction"].tobytes() == whole[::-1].tobytes()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e-40, -1e-42, 3e38])
@pytest.mark.parametrize("seed", [1, 4, 8, 15])
def test_what_is_not_finite_or_denormal_passes_through(seed, value):
    net = draw(seed, "float32")
    run, reference = Executable(net.step.inference), Reference(net.step.inference)
    x = np.resize(net.data["x"], (9, net.data["x"].shape[1])).copy()
    x[4, -1] = value
    params = {path: array.copy() for path, array in net.state.params.items()}
    if abs(value) < 1:
        x[:, 0], params["output.weight"][:, 0] = value, value * 3
    with np.errstate(all="ignore"):
        expected = reference({**params, "x": x})["prediction"]
    got = run({**params, "x": x})["prediction"]
    np.testing.assert_array_equal(np.isnan(got), np.isnan(expected), err_msg=net.what)
    np.testing.assert_array_equal(np.where(np.isinf(got), np.sign(got), 0), np.where(np.isinf(expected), np.sign(expected), 0))
    there = np.isfinite(expected)
    others = np.arange(9) != 4
    assert error(got[others], expected[others]) <= SINGLE
    np.testing.assert_allclose(got[there], expected[there], rtol=1e-3, atol=1e-4 * np.abs(expected[there]).max(initial=0.0))
    columns = np.abs(expected[others]).max(axis=0)
    if abs(value) < 1:  # denormal products are kept: none is flushed to zero
        assert np.array_equal(columns == 0, np.abs(got[others]).max(axis=0) == 0)
