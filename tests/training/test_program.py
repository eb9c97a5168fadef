"""The training Program: four phases, roles, and nothing about a run that is a constant."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule import ops, optim
from chainrule.ir import PHASES, Program, Type
from chainrule.ir.listing import listing
from chainrule.ir.serialize import from_json, to_json
from chainrule.ops import OPERATIONS
from chainrule.training.program import without_update

RANDOM = np.random.default_rng(22)
LR, BETA = 0.0123, 0.8765
NET = cr.nn.mlp(4, [6], 3, activation="tanh", dropout=0.25)
OPTIMIZERS: dict[str, Any] = {
    "sgd": optim.sgd(LR, schedule=optim.cosine(1234)),
    "momentum": optim.momentum(LR, BETA, schedule=optim.exponential(0.4321)),
    "nesterov": optim.nesterov(LR, BETA),
    "rmsprop": optim.rmsprop(LR, BETA),
    "adam": optim.adam(LR, BETA, schedule=optim.warm_up(1234)),
    "adamw": optim.adamw(LR, BETA, weight_decay=0.4321),
    "rprop": optim.rprop(LR, eta_minus=0.4321),
    "chain": optim.chain(optim.clip_by_norm(0.4321), optim.weight_decay(BETA), optim.sgd(LR)),
}


def step_of(optimizer: str, network: Any = NET, dtype: str = "float32") -> Any:
    return cr.training_step(network, cr.losses.cross_entropy, OPTIMIZERS[optimizer], dtype=dtype)


@pytest.fixture(scope="module", params=OPTIMIZERS)
def step(request: pytest.FixtureRequest) -> Any:
    return step_of(request.param)


def test_the_phases_come_in_order(step: Any) -> None:
    numbers = [PHASES.index(equation.phase) for equation in step.program.equations]
    assert set(numbers) == {0, 1, 2, 3}
    assert numbers == sorted(numbers)


def test_every_input_has_a_role(step: Any) -> None:
    roles: dict[str, set[str]] = {}
    for port in step.program.inputs:
        roles.setdefault(port.role, set()).add(port.name)
    paths = {"hidden_1.weight", "hidden_1.bias", "output.weight", "output.bias"}
    optimizer = step.optimizer
    expected = {
        "parameter": paths,
        "x": {"x"},
        "y": {"y"},
        "seed": {"seed"},
        "epoch": {"epoch"},
        "step": {"step"},
        "count": {"count"},
        "optimizer": {f"{path}.{slot}" for path in paths for slot in optimizer.slots},
        "hyper": {"rate_scale", *optimizer.hyper},
    }
    assert roles == {role: names for role, names in expected.items() if names}


def test_outputs_replace_the_inputs_of_their_names(step: Any) -> None:
    outputs = {port.name: port for port in step.program.outputs}
    assert outputs.pop("loss").role == "loss"
    replaced = {port.name: port for port in step.program.inputs if port.role in ("parameter", "optimizer", "count")}
    assert outputs.keys() == replaced.keys()
    for name, port in replaced.items():
        assert (outputs[name].role, outputs[name].type) == (port.role, port.type)


def test_hyper_parameters_are_inputs_and_never_constants(step: Any) -> None:
    constants = [np.asarray(e.attributes["value"]) for e in step.program.equations if e.op.name == "constant"]
    for name, value in step.optimizer.hyper.items():
        assert step.program.input(name).type == Type("float64")
        unusual = value not in (0.0, 0.5, 1.0, 2.0)
        assert not unusual or not any(np.isclose(array, value, rtol=1e-6, atol=0).any() for array in constants), name


def test_every_hyper_parameter_is_used(step: Any) -> None:
    used = {value for equation in step.program.equations for value in equation.inputs}
    assert all(port.value in used for port in step.program.by_role("hyper"))


def test_the_listing_holds_each_parameters_update(step: Any) -> None:
    text = listing(step.program, ["update"])
    for path in step.params:
        assert f"= {path} - {path}.step" in text
    assert "\nupdate\n" in str(step.program)


def test_the_listing_shows_the_four_phases_of_a_small_network() -> None:
    network = cr.nn.mlp(2, [3], 1, activation="tanh")
    text = str(cr.training_step(network, cr.losses.half_squared_error, cr.optim.sgd(0.1)).program)
    for line in (
        "  x          x: f32[B,2]",
        "  parameter  hidden_1.weight: f32[2,3]",
        "  hyper      lr: f64[]",
        "= x @ hidden_1.weight",
        "= tanh(hidden_1.sum)",
        "= output.product + output.bias",
        "= output.output - y",
        "# of output.product",
        "= hidden_1.weight - hidden_1.weight.step",
    ):
        assert line in text, f"{line!r} is not in\n{text}"
    positions = [text.index(f"\n{phase}\n") for phase in (*PHASES, "outputs")]
    assert positions == sorted(positions)


def test_backward_equations_say_whose_derivative_they_are(step: Any) -> None:
    definitions = step.program.definitions()
    backward = [equation for equation in step.program.equations if equation.phase == "backward"]
    sources = [origin.source for equation in backward for origin in equation.origins if origin.source is not None]
    assert sources
    assert all(definitions[source].phase in ("forward", "loss") for source in sources)
    assert {"hidden_1", "output"} <= {equation.layer for equation in backward}


def test_a_program_travels_as_json_with_its_roles(step: Any) -> None:
    data, tensors = to_json(step.program)
    again = from_json(data, OPERATIONS, tensors)
    assert str(again) == str(step.program)
    assert [(p.name, p.role, p.type) for p in again.inputs] == [(p.name, p.role, p.type) for p in step.program.inputs]


def test_the_loss_program_is_the_first_two_phases(step: Any) -> None:
    program = without_update(step.program)
    assert {equation.phase for equation in program.equations} == {"forward", "loss"}
    x, y = RANDOM.normal(size=(5, 4)), RANDOM.integers(0, 3, 5)
    state = step.init()
    inputs = state.inputs(step.batch((x, y)))
    wanted = {port.name for port in program.inputs}
    loss = cr.evaluate(program, {name: array for name, array in inputs.items() if name in wanted})["loss"]
    assert float(loss) == pytest.approx(step(state, x, y)[1], rel=1e-6)


def test_one_program_serves_any_number_of_rows() -> None:
    step = step_of("adam", cr.nn.mlp(4, [6], 3))
    for rows in (1, 2, 17):
        state, _ = step(step.init(), RANDOM.normal(size=(rows, 4)), RANDOM.integers(0, 3, rows))
        assert state.count == 1
    assert list(step._programs) == [step.signature]


def test_row_weights_have_a_program_of_their_own() -> None:
    step = step_of("sgd")
    program: Program = step.compiled(step.signature_with_weights()).program
    assert program.input("w").role == "w"
    assert program.input("w").type == Type.parse("f32[B]")


def test_inference_is_another_program() -> None:
    program = step_of("adam").inference
    assert {port.role for port in program.inputs} == {"parameter", "x"}
    assert "random_bits" not in {equation.op.name for equation in program.equations}


def test_a_new_optimizer_is_its_formula() -> None:
    def update(gradients: Any, state: Any, params: Any, scalars: Any) -> Any:
        rate = ops.cast(scalars["lr"] * scalars["rate_scale"], dtype="float32")
        return {path: rate * ops.sign(gradient) for path, gradient in gradients.items()}, {}

    signs = optim.Optimizer("signs", {"lr": 0.25}, {}, update)
    step = cr.training_step(NET, cr.losses.cross_entropy, signs)
    state = step.init()
    start = state.copy()
    state, _ = step(state, RANDOM.normal(size=(5, 4)), RANDOM.integers(0, 3, 5))
    moved = np.abs(state.params["output.bias"] - start.params["output.bias"])
    np.testing.assert_allclose(moved, 0.25)
