"""Every number of a traced step is recomputed here from the raw row, with NumPy and the formulas of the textbooks."""

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest

import chainrule as cr
from chainrule import losses, nn, optim
from chainrule.data.bundled import bundled
from chainrule.errors import DataError, OptionError
from chainrule.inspect import trace_step, trace_training_step

EXACT = {"rtol": 1e-12, "atol": 1e-15}


def table_of(model, name):
    return model.table(bundled(name).path)


@lru_cache(maxsize=1)
def every_result(trace):
    return {event.name: event.result for event in trace.all_events()}


def results(trace, name):
    """The results of the events of a quantity, in order."""
    return np.array([number for key, number in every_result(trace).items() if key == name or key.startswith(f"{name}[")])


def backward_of_softmax(model, x, label, state):
    """Forward and backward of a network of two hidden tanh layers and cross-entropy, as in any textbook."""
    p = {path: array.astype(np.float64) for path, array in state.params.items()}
    sums, outputs = [], [x]
    for layer in ("hidden_1", "hidden_2", "output"):
        sums.append(outputs[-1] @ p[f"{layer}.weight"] + p[f"{layer}.bias"])
        outputs.append(np.tanh(sums[-1]) if layer != "output" else sums[-1])
    powers = np.exp(sums[-1] - sums[-1].max())
    probabilities = powers / powers.sum()
    delta = probabilities - np.eye(len(probabilities))[label]
    gradients, deltas = {}, {"output": delta}
    for number, layer in ((2, "output"), (1, "hidden_2"), (0, "hidden_1")):
        gradients[f"{layer}.weight"] = np.outer(outputs[number], delta)
        gradients[f"{layer}.bias"] = delta
        if number:
            delta = (p[f"{layer}.weight"] @ delta) * (1 - outputs[number] ** 2)
            deltas[f"hidden_{number}"] = delta
    return sums, outputs, probabilities, deltas, gradients


def adamw(state, path, gradient):
    h = state.hyper
    m = h["beta1"] * state.optimizer[f"{path}.m"] + (1 - h["beta1"]) * gradient
    v = h["beta2"] * state.optimizer[f"{path}.v"] + (1 - h["beta2"]) * gradient**2
    t = state.count + 1
    direction = m / (1 - h["beta1"] ** t) / (np.sqrt(v / (1 - h["beta2"] ** t)) + h["epsilon"])
    decay = h["weight_decay"] if gradient.ndim > 1 else 0.0
    return m, v, state.params[path] - h["lr"] * (direction + decay * state.params[path])


@pytest.mark.parametrize("at", ["start", "best"])
@pytest.mark.parametrize("row", [0, 150, 3])
def test_classification_from_the_raw_row_to_the_new_weights(penguins, at, row):
    trace = trace_step(penguins, "penguins", row, at=at)
    state = getattr(penguins, at)
    table = table_of(penguins, "penguins")
    x = penguins.encoder.transform(table.take([row]), "float64")[0]
    label = int(penguins.target.encode(table)[row])
    sums, outputs, probabilities, deltas, gradients = backward_of_softmax(penguins, x, label, state)

    np.testing.assert_allclose(results(trace, "x"), x, **EXACT)
    np.testing.assert_allclose(results(trace, "hidden_1.sum"), sums[0], **EXACT)
    np.testing.assert_allclose(results(trace, "hidden_2.output"), outputs[2], **EXACT)
    np.testing.assert_allclose(results(trace, "output.output"), sums[2], **EXACT)
    assert trace.loss == pytest.approx(-np.log(probabilities[label]), rel=1e-12)
    assert trace.about.answer.prediction == penguins.target.classes[probabilities.argmax()]
    assert trace.about.answer.truth == penguins.target.classes[label]
    tempered = np.exp((sums[2] - sums[2].max()) / (trace.about.answer.temperature or 1.0)).reshape(-1)
    np.testing.assert_allclose(list(trace.about.answer.probabilities.values()), tempered / tempered.sum(), **EXACT)
    np.testing.assert_allclose(results(trace, "d_output.output"), deltas["output"], **EXACT)
    np.testing.assert_allclose(results(trace, "d_hidden_1.sum"), deltas["hidden_1"], **EXACT)
    for path, gradient in gradients.items():
        np.testing.assert_allclose(trace.gradient(path), gradient, **EXACT)
        np.testing.assert_allclose(results(trace, f"d_{path}"), gradient.ravel(), **EXACT)
        m, v, new = adamw(state, path, gradient)
        np.testing.assert_allclose(results(trace, f"{path}.m.new"), m.ravel(), **EXACT)
        np.testing.assert_allclose(results(trace, f"{path}.v.new"), v.ravel(), **EXACT)
        np.testing.assert_allclose(results(trace, f"{path}.new"), new.ravel(), **EXACT)


def test_regression_with_dropout(concrete):
    trace = trace_step(concrete, "concrete", 5)
    table = table_of(concrete, "concrete")
    p = {path: array.astype(np.float64) for path, array in concrete.best.params.items()}
    x = concrete.encoder.transform(table.take([5]), "float64")[0]
    kept = results(trace, "dropout_1.kept").astype(bool)
    assert 0 < kept.sum() < 7
    hidden_sum = x @ p["hidden_1.weight"] + p["hidden_1.bias"]
    hidden = np.where(kept, np.maximum(hidden_sum, 0) / 0.6, 0)
    prediction = hidden @ p["output.weight"] + p["output.bias"]
    y = (concrete.target.values(table)[5] - concrete.target.mean) / concrete.target.scale
    np.testing.assert_allclose(results(trace, "dropout_1.output"), hidden, rtol=1e-5, atol=1e-6)
    assert trace.loss == pytest.approx(float((prediction[0] - y) ** 2), rel=1e-4)
    answer = trace.about.answer
    assert answer.prediction == pytest.approx(float(prediction[0] * concrete.target.scale + concrete.target.mean), rel=1e-5)
    assert answer.truth == pytest.approx(concrete.target.values(table)[5], rel=1e-6)
    plain = concrete.predict(table.frame[5:6])[0]
    assert answer.undropped.prediction == pytest.approx(plain, rel=1e-6)
    delta = 2 * (prediction - y)
    slope = np.where(kept & (hidden_sum > 0), p["output.weight"][:, 0] * delta / 0.6, 0)
    np.testing.assert_allclose(results(trace, "d_hidden_1.sum"), slope, rtol=1e-4, atol=1e-7)
    path, h, state = "hidden_1.weight", concrete.best.hyper, concrete.best
    gradient = np.outer(x, slope)
    square = h["rho"] * state.optimizer[f"{path}.mean_square"] + (1 - h["rho"]) * gradient**2
    new = p[path] - h["lr"] * gradient / (np.sqrt(square) + h["epsilon"])
    np.testing.assert_allclose(trace.updated(path), new, rtol=1e-4, atol=1e-6)


def one_row(network, optimizer, loss=losses.mse, **options):
    step = cr.training_step(network, loss, optimizer, dtype="float64", backend="reference", **options)
    state, generator = step.init(seed=3), np.random.default_rng(0)
    x, y = generator.normal(size=(4, 3)), generator.normal(size=(4, 2))
    for _ in range(3):  # so that moments and signs are there
        state, _ = step(state, x, y)
    return step, state, (x[:1], y[:1])


CHAIN = optim.chain(optim.clip_by_norm(0.1), optim.weight_decay(0.05), optim.nesterov(0.1))
OPTIMIZERS = [
    optim.sgd(0.1), optim.momentum(0.1), optim.nesterov(0.1), optim.rmsprop(), optim.adam(), optim.adamw(), optim.rprop(), CHAIN,
    optim.chain(optim.clip_by_value(0.01), optim.sgd(0.1, schedule=optim.warm_up(10, optim.cosine(100)))),
]  # fmt: skip


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda optimizer: optimizer.name)
def test_the_lines_of_the_update_end_in_the_weights_of_the_real_step(optimizer):
    step, state, batch = one_row(nn.mlp(3, [4], 2, activation="silu"), optimizer)
    trace = trace_training_step(step, state, batch)
    after, loss = step(state.copy(), *batch)
    assert trace.loss == loss
    for path, new in after.params.items():
        assert np.array_equal(trace.updated(path), new)
        for index in np.ndindex(new.shape):
            quantity, place = trace.update(path, index)[-1]
            assert (trace.event(quantity, place).name, place) == (trace.parameter_name(path, index).replace(path, f"{path}.new"), index)
            assert trace.event(quantity, place).result == new[index]


def test_the_rules_of_rprop_and_momentum_by_hand():
    step, state, batch = one_row(nn.mlp(3, [4], 2), optim.rprop(0.05))
    trace = trace_training_step(step, state, batch)
    gradient, path = trace.gradient("output.weight"), "output.weight"
    agreement = gradient * state.optimizer[f"{path}.previous"]
    delta = np.clip(state.optimizer[f"{path}.delta"] * np.where(agreement > 0, 1.2, np.where(agreement < 0, 0.5, 1)), 1e-6, 50)
    new = state.params[path] - np.sign(np.where(agreement < 0, 0, gradient)) * delta
    np.testing.assert_allclose(results(trace, "output.weight.new"), new.ravel(), rtol=1e-15)
    step, state, batch = one_row(nn.mlp(3, [4], 2), optim.momentum(0.1, 0.8))
    trace = trace_training_step(step, state, batch)
    velocity = 0.8 * state.optimizer[f"{path}.velocity"] + trace.gradient(path)
    np.testing.assert_allclose(results(trace, f"{path}.velocity.new"), velocity.ravel(), rtol=1e-14)
    np.testing.assert_allclose(results(trace, f"{path}.new"), (state.params[path] - 0.1 * velocity).ravel(), rtol=1e-14)


def test_another_rule_in_place_of_the_run_s(penguins):
    own, plain = trace_step(penguins, "penguins", 7), trace_step(penguins, "penguins", 7, optimizer="sgd", lr=0.1)
    assert plain.loss == own.loss
    for path in own.trainable:
        assert np.array_equal(own.gradient(path), plain.gradient(path))
        np.testing.assert_allclose(plain.updated(path), penguins.best.params[path] - 0.1 * plain.gradient(path), rtol=1e-15)
    assert not plain.about.own_rule
    faster = trace_step(penguins, "penguins", 7, lr=0.03)
    assert faster.state.hyper["lr"] == 0.03
    assert penguins.best.hyper["lr"] == 0.003
    ratio = (faster.updated("output.bias") - penguins.best.params["output.bias"]) / (
        own.updated("output.bias") - penguins.best.params["output.bias"]
    )
    np.testing.assert_allclose(ratio, 10, rtol=1e-9)


def test_the_worked_example_with_all_its_published_digits(worked_example):
    step, state, batch = worked_example
    trace = trace_training_step(step, state, batch, input_names=["i1", "i2"], output_names=["o1", "o2"])
    assert f"{trace.loss:.9f}" == "0.298371109"
    published = {
        "hidden.weight[i1,0]": "0.149780716", "hidden.weight[i2,0]": "0.199561432",
        "hidden.weight[i1,1]": "0.249751144", "hidden.weight[i2,1]": "0.299502287",
        "output.weight[0,o1]": "0.358916480", "output.weight[1,o1]": "0.408666186",
        "output.weight[0,o2]": "0.511301270", "output.weight[1,o2]": "0.561370121",
    }  # fmt: skip
    found = {event.name.replace(".new", ""): event.result for event in trace.events if event.phase == "update" and ".new" in event.name}
    assert {name: f"{found[name]:.9f}" for name in published} == published
    events = {event.name: f"{event.result:.9f}" for event in trace.events if event.phase in ("forward", "loss")}
    assert events["hidden.sum[0]"] == "0.377500000"
    assert events["hidden.output[0]"] == "0.593269992"
    assert events["hidden.output[1]"] == "0.596884378"
    assert events["output.output[o1]"] == "0.751365070"
    assert events["output.output[o2]"] == "0.772928465"
    assert {path: trace.updated(path) for path in trace.trainable}.keys() == {"hidden.weight", "output.weight"}
    after, _ = step(state, *batch)
    _, loss = step(after, *batch)
    assert f"{loss:.9f}" == "0.291027774"


def test_the_operands_of_sums_add_up(wide, penguins):
    for model, name, everything in ((wide, "digits", False), (wide, "digits", True), (penguins, "penguins", False)):
        trace = trace_step(model, name, 11)
        sums = 0
        for event in trace.iterate(everything=everything, phases=("forward", "backward")):
            if "@" in event.operation:
                sums += 1
                terms = [operand.value for operand in event.operands]
                assert sum(terms) == pytest.approx(event.result, rel=1e-5, abs=1e-6 * max(map(abs, terms)))
                for operand in event.operands:
                    if operand.factors:
                        assert operand.value == pytest.approx(operand.factors[0].value * operand.factors[1].value, rel=1e-6)
                assert everything or len(event.operands) <= 18
        assert sums


def test_names_of_columns_and_classes_reach_the_weights(penguins):
    trace = trace_step(penguins, "penguins", 0)
    names = {event.name for event in trace.events}
    assert {"x[island=Dream]", "hidden_1.weight.new[bill_length_mm,3]", "d_output.weight[4,Gentoo]", "output.bias.m.new[Adelie]"} <= names
    first = next(event for event in trace.events if event.name == "x[bill_length_mm]")
    known = {operand.name: operand.value for operand in first.operands}
    assert known["cell"] == "39.1"
    assert (known["value"] - known["mean"]) / known["scale"] == pytest.approx(first.result, rel=1e-15)
    assert {event.phase for event in trace.events} == {"forward", "loss", "backward", "update"}


def test_a_small_network_has_all_events_and_a_large_one_those_that_matter(penguins, wide):
    assert trace_step(penguins, "penguins", 0).events == trace_step(penguins, "penguins", 0).all_events()
    trace = trace_step(wide, "digits", 0)
    some, every = trace.events, trace.all_events()
    assert len(some) < 1000 < 8_000 < len(every)
    sizes = {event.phase: event for event in some}
    assert sizes.keys() == {"forward", "loss", "backward", "update"}


def test_a_batch_of_several_rows_and_row_weights():
    step, state, _ = one_row(nn.mlp(3, [4], 2), optim.sgd(0.1))
    generator = np.random.default_rng(1)
    batch = generator.normal(size=(3, 3)), generator.normal(size=(3, 2)), np.array([1.0, 0.0, 2.0])
    trace = trace_training_step(step, state, batch)
    after, loss = step(state, *batch)
    assert trace.loss == loss
    event = {event.name: event for event in trace.all_events()}["d_output.weight[2,1]"]
    assert len(event.operands) == 3
    assert sum(operand.value for operand in event.operands) == pytest.approx(event.result, rel=1e-13)
    assert np.array_equal(trace.updated("output.weight"), after.params["output.weight"])


def test_any_function_of_parameters_can_be_traced():
    weights = {"w": np.array([[0.3, -0.2], [0.1, 0.4]]), "v": np.array([[0.5], [0.6]])}
    step = cr.training_step(
        lambda p, x: cr.ops.tanh(x @ p["w"]) @ p["v"], losses.mse, optim.adam(), params=weights, x="f64[B,2]", dtype="float64"
    )
    trace = trace_training_step(step, step.init(), (np.array([[1.0, 2.0]]), np.array([[0.5]])))
    hidden = np.tanh(np.array([1.0, 2.0]) @ weights["w"])
    delta = 2 * (hidden @ weights["v"] - 0.5)
    np.testing.assert_allclose(trace.gradient("v"), hidden[:, None] * delta, rtol=1e-14)
    assert any(np.isclose(event.result, hidden[0]) for event in trace.events)


def test_tracing_does_not_take_the_state(worked_example):
    step, state, batch = worked_example
    before = state.copy()
    trace_training_step(step, state, batch)
    state.check()
    assert all(np.array_equal(before.params[path], array) for path, array in state.params.items())


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"row": 344}, r"row=344: penguins.csv has 344 rows, 0 to 343"),
        ({"row": -1}, r"row=-1"),
        ({"row": 0, "at": "strat"}, r"Did you mean 'start'"),
        ({"row": 0, "optimizer": "adma"}, r"Did you mean 'adam'"),
        ({"row": 0, "optimizer": "sgd", "lr": -1.0}, r"learning rate"),
        ({"row": 0, "lr": 0.0}, r"lr is 0.0"),
    ],
)
def test_bad_arguments_are_one_sentence(penguins, arguments, sentence):
    with pytest.raises(OptionError, match=sentence):
        trace_step(penguins, "penguins", **arguments)


def test_a_row_without_its_target_has_no_loss(penguins):
    frame = table_of(penguins, "penguins").frame
    gone = frame.with_columns(species=frame["species"].set(frame["year"] == 2007, None))
    with pytest.raises(DataError, match=r"row 0: the target 'species' is missing in row 0, so there is no loss"):
        trace_step(penguins, gone, 0)
    with pytest.raises(DataError, match="no column 'species'"):
        trace_step(penguins, frame.drop("species"), 0)


@pytest.mark.parametrize(
    ("weight", "sentence"),
    [
        ("hidden_1.weigth[year,0]", r"no parameter 'hidden_1.weigth'.*Did you mean 'hidden_1.weight'"),
        ("hidden_1.weight[yaer,0]", r"no input unit 'yaer'.*Did you mean 'year'"),
        ("hidden_1.weight[year,6]", r"no output unit '6'; there are 0 to 5"),
        ("output.weight[0,Adele]", r"no output unit 'Adele'.*Did you mean 'Adelie'"),
        ("hidden_1.bias[1,2]", r"has 2 indices; hidden_1.bias takes 1 index, the unit"),
        ("hidden_1.weight[1]", r"has 1 index; hidden_1.weight takes 2 indices, the input unit and the output unit"),
        ("hidden_1.weight", r"'hidden_1.weight' has no indices"),
        ("hidden_1.weight[year,0", r"closing bracket"),
    ],
)
def test_a_weight_that_does_not_exist(penguins, weight, sentence):
    with pytest.raises(OptionError, match=sentence):
        trace_step(penguins, "penguins", 0).find_weight(weight)


def test_units_by_name_and_by_number(penguins):
    trace = trace_step(penguins, "penguins", 0)
    year = penguins.encoder.units.index("year")
    assert trace.find_weight("hidden_1.weight[year,2]") == ("hidden_1.weight", (year, 2))
    assert trace.find_weight(f"hidden_1.weight[{year}, 2]") == ("hidden_1.weight", (year, 2))
    assert trace.find_weight("output.weight[3,Gentoo]") == ("output.weight", (3, 2))
    assert trace.find_weight("output.bias[ Gentoo ]") == ("output.bias", (2,))


def test_names_with_commas_are_understood():
    step = cr.training_step(nn.mlp(2, [2], 2), losses.cross_entropy, optim.sgd(0.1))
    trace = trace_training_step(
        step, step.init(), (np.ones((1, 2)), np.array([1])), input_names=["town=Bern, CH", "age"], output_names=["yes, please", "no"]
    )
    assert trace.find_weight("hidden_1.weight[town=Bern, CH,1]") == ("hidden_1.weight", (0, 1))
    assert trace.find_weight("output.bias[yes, please]") == ("output.bias", (0,))
    assert trace.parameter_name("output.weight", (1, 0)) == "output.weight[1,yes, please]"
    assert trace.find_weight("output.weight[1,yes, please]") == ("output.weight", (1, 0))


def test_a_frozen_weight_says_so(worked_example):
    with pytest.raises(OptionError, match=r"hidden\.bias is frozen"):
        trace_training_step(*worked_example).find_weight("hidden.bias[0]")


def test_a_rule_without_a_rate(penguins):
    ruled = replace(penguins, best=replace(penguins.best, hyper={"eta_plus": 1.2}), optimizer="rprop")
    with pytest.raises(OptionError, match="rprop, has no learning rate"):
        trace_step(ruled, "penguins", 0, lr=0.1)
