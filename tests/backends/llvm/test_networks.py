"""Generated networks: compiled against the reference, for any number of threads bit for bit the same."""

from __future__ import annotations

import numpy as np
import pytest

from chainrule import losses, nn, optim
from chainrule.backends.llvm import Executable, Training
from chainrule.backends.reference import Reference
from chainrule.nn.activations import ACTIVATIONS
from chainrule.training.step import TrainingStep, training_step

WIDTHS = (1, 2, 3, 5, 7, 8, 13, 16, 17, 31, 32, 45, 46, 47, 48, 49, 64, 65, 96, 100, 127, 130, 200, 300)
ROWS = (1, 2, 7, 33, 257)
OPTIMIZERS = {
    "sgd": lambda: optim.sgd(0.05, schedule=optim.cosine(20)),
    "momentum": lambda: optim.momentum(0.05, schedule=optim.step(2)),
    "nesterov": lambda: optim.nesterov(0.05, schedule=optim.exponential(0.9)),
    "rmsprop": lambda: optim.rmsprop(schedule=optim.warm_up(5)),
    "adam": lambda: optim.adam(),
    "adamw": lambda: optim.adamw(schedule=optim.one_cycle(40)),
    "rprop": lambda: optim.rprop(),
    "clipped norm": lambda: optim.chain(optim.clip_by_norm(0.1), optim.adamw()),
    "clipped value": lambda: optim.chain(optim.clip_by_value(0.01), optim.weight_decay(0.1), optim.momentum()),
}
LOSSES = ("mse", "half_squared_error", "mae", "huber", "cross_entropy", "binary_cross_entropy")
TOLERANCE = {"float32": 2e-5, "float64": 1e-12}


def network(seed: int, dtype: str):
    """Return a step, its state, the data of 2·rows rows, and the rows of a batch: all drawn from a seed."""
    r = np.random.default_rng(seed)
    widths = [int(r.choice(WIDTHS)) for _ in range(int(r.integers(1, 5)))]
    outputs = int(r.choice((1, 2, 3, 10, 17, 33)))
    loss = LOSSES[seed % len(LOSSES)]
    smooth = [name for name in ACTIVATIONS if name != "identity"]
    activations = [smooth[int(r.integers(len(smooth)))] for _ in widths[1:]]
    dropout = float(r.choice((0.0, 0.0, 0.3)))
    net = nn.mlp(widths[0], widths[1:], outputs, activation=activations, dropout=dropout)
    options = {"class_weights": np.linspace(0.5, 2, outputs), "label_smoothing": 0.1} if loss == "cross_entropy" and seed % 4 == 0 else {}

    def measured(prediction, target, weights=None):
        return losses.LOSSES[loss](prediction, target, weights, **options)

    optimizer = list(OPTIMIZERS.values())[seed % len(OPTIMIZERS)]()
    labels = loss == "cross_entropy"
    step = training_step(
        net, measured, optimizer, y="i64[B]" if labels else f"{'f32' if dtype == 'float32' else 'f64'}[B,{outputs}]", dtype=dtype
    )
    rows = ROWS[seed % len(ROWS)]
    x = r.standard_normal((2 * rows, widths[0])).astype(dtype)
    y = r.integers(0, outputs, 2 * rows) if labels else r.random((2 * rows, outputs)).astype(dtype)
    data = {"x": x, "y": y}
    if seed % 3 == 0:
        data["w"] = r.random(2 * rows).astype(dtype)
    return step, step.init(seed), data, rows, f"{widths} {outputs} {activations} {loss} {step.optimizer.name} rows {rows} dropout {dropout}"


def program_of(step: TrainingStep, data):
    return step.compiled(step.signature_with_weights() if "w" in data else step.signature).program


def error(got, expected) -> float:
    scale = float(np.abs(expected).max(initial=0.0))
    return float(np.abs(got - expected).max(initial=0.0)) / (scale or 1.0)


def orders(rows: int, seed: int, steps: int = 3):
    order = np.random.default_rng(seed).permutation(2 * rows)
    meta = np.array([[(k % 2) * rows, rows, k // 2, k % 2] for k in range(steps)], np.int64)
    meta[-1, 1] = max(rows - 1, 1)  # a ragged batch
    return order, meta


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("seed", range(30))
def test_steps_are_those_of_the_reference_for_any_number_of_threads(seed, dtype):
    step, state, data, rows, what = network(seed, dtype)
    program = program_of(step, data)
    order, meta = orders(rows, seed, 3 if dtype == "float64" else 1)
    now = state.inputs({})
    reference, expected = Reference(program), []
    for start, count, epoch, number in meta:
        batch = {name: array[order[start : start + count]] for name, array in data.items()}
        outputs = reference({**now, **batch, "epoch": np.asarray(epoch, np.uint32), "step": np.asarray(number, np.uint32)})
        expected.append(outputs.pop("loss"))
        now |= outputs
    training = Training(program)
    first = training.run(state.inputs({}), data, order, meta, 1)
    assert first.status == 0 and first.done == len(meta)
    assert error(first.losses, np.array(expected)) <= TOLERANCE[dtype], what
    for name, array in first.state.items():
        assert error(array, now[name]) <= TOLERANCE[dtype] * (1 if dtype == "float64" else 100), f"{name} of {what}"
    for threads in (2, 3, 4, 8):
        again = training.run(state.inputs({}), data, order, meta, threads)
        assert again.losses.tobytes() == first.losses.tobytes(), what
        for name, array in again.state.items():
            assert array.tobytes() == first.state[name].tobytes(), f"{name} with {threads} threads of {what}"


@pytest.mark.parametrize("seed", range(0, 30, 3))
def test_a_row_is_predicted_the_same_alone_and_in_any_batch(seed):
    step, state, data, _, what = network(seed, "float32")
    run = Executable(step.inference)
    x = np.resize(data["x"], (50, data["x"].shape[1])) if len(data["x"]) < 50 else data["x"]
    inputs = {**state.params}
    whole = run({**inputs, "x": x})["prediction"]
    expected = Reference(step.inference)({**inputs, "x": x})["prediction"]
    assert error(whole, expected) <= 2e-5, what
    for low, high in ((0, 1), (17, 18), (49, 50), (3, 12), (5, 50)):
        assert run({**inputs, "x": x[low:high]})["prediction"].tobytes() == whole[low:high].tobytes(), what
    assert run({**inputs, "x": x[:0]})["prediction"].shape == (0, *whole.shape[1:])
    for threads in (2, 3):
        assert run({**inputs, "x": x}, threads=threads)["prediction"].tobytes() == whole.tobytes()


def test_many_rows_are_predicted_in_parts():
    step = training_step(nn.mlp(5, [16], 2), losses.mse, optim.sgd())
    state = step.init()
    x = np.random.default_rng(0).standard_normal((5000, 5), dtype=np.float32)
    run = Executable(step.inference)
    whole = run({**state.params, "x": x})["prediction"]
    assert run({**state.params, "x": x[4321:4323]})["prediction"].tobytes() == whole[4321:4323].tobytes()


def test_gradients_of_any_loss_program_for_no_rows():
    from chainrule.transforms import reverse

    step, state, data, _, _ = network(4, "float64")
    program = step.inference
    gradient = reverse(program, list(state.params), of="prediction", cotangent="ct")
    for rows in (0, 1, 9):
        inputs = {**state.params, "x": data["x"][:rows], "ct": np.ones((min(rows, len(data["x"])), program.outputs[0].type.shape[1]))}
        inputs["ct"] = inputs["ct"][: len(inputs["x"])]
        expected, got = Reference(gradient)(inputs), Executable(gradient)(inputs)
        for name, array in expected.items():
            assert error(got[name], array) <= 1e-12
