from dataclasses import replace

import numpy as np
import pytest

import chainrule as cr
from chainrule import optim
from chainrule.errors import DataError, OptionError
from chainrule.inspect import check_gradients
from chainrule.inspect.check.backward import Backward
from chainrule.inspect.check.comparison import DIRECTIONS, SAMPLE, TOLERANCE
from chainrule.inspect.check.text import CheckText
from chainrule.inspect.check.witnesses import CentralDifferences, ComplexStep
from chainrule.ops import OPERATIONS
from chainrule.training.program import training_program, without_update


def people(rows=80):
    random = np.random.default_rng(3)
    age, town = random.uniform(20, 60, rows).round(1), random.integers(0, 3, rows)
    return {
        "age": age.tolist(),
        "town": [("Bern", "Ulm", "Linz")[i] for i in town],
        "count": random.integers(0, 4, rows).tolist(),
        "income": (1000 + 13 * age + 90 * town).tolist(),
        "works": ["Yes" if a > 40 else "No" for a in age],
    }


@pytest.fixture(scope="module")
def frame():
    import polars as pl

    return pl.DataFrame(people())


@pytest.fixture(scope="module")
def weighted(frame):
    return cr.train(frame, target="works", weight="count", hidden=(6,), epochs=2, dropout=0.25, seed=4)


def switch(check, name):
    return next(finding for finding in check.findings if finding.name == name)


def rewritten(program, name, **changes):
    """Return a program in which the equation of the value of that name is another; ``inputs`` are numbers of its operands."""
    found = [e for e in program.equations if e.outputs[0].name == name]
    assert len(found) == 1, name
    if "inputs" in changes:
        changes["inputs"] = tuple(found[0].inputs[number] for number in changes["inputs"])
    return replace(program, equations=tuple(replace(e, **changes) if e is found[0] else e for e in program.equations))


def text(check, width=100):
    return "\n".join(line.plain for line in CheckText(check, "model").lines(width))


# what is right


def test_every_weight_of_a_small_float64_network(penguins):
    check = check_gradients(penguins, "penguins")
    assert check.ok
    assert check.everything
    assert check.compared == check.weights == sum(array.size for array in penguins.best.params.values())
    assert check.max_relative_error < 1e-13
    assert [layer.path for layer in check.layers] == list(penguins.best.params)
    assert all(layer.differences == layer.weights and layer.difference_error < 1e-7 for layer in check.layers)
    assert all(layer.float32_error is None for layer in check.layers)
    assert check.same_as_derived
    assert "float32" not in text(check)


def test_a_sample_and_all_at_once_of_a_large_float32_network(wide):
    check = check_gradients(wide, "digits", rows=40)
    assert check.ok
    assert check.rows == 40
    assert not check.everything
    for layer in check.layers:
        all_alone = layer.weights <= SAMPLE
        assert (layer.singles, layer.directions) == ((layer.weights, 0) if all_alone else (SAMPLE, DIRECTIONS))
        assert 0 < layer.float32_error < 1e-4
    assert check.to_json() == check_gradients(wide, "digits", rows=40).to_json()
    assert check.loss != check_gradients(wide, "digits", rows=40, seed=1).loss


def test_a_regression_with_dropout(concrete):
    check = check_gradients(concrete, "concrete")
    assert check.ok
    assert check.max_relative_error < 1e-12
    dropout = switch(check, "dropout_1")
    assert dropout.ok
    assert dropout.figures["dropped"] == pytest.approx(0.4, abs=0.1)
    assert dropout.figures["differs_next_step"] == pytest.approx(2 * 0.4 * 0.6, abs=0.1)
    assert switch(check, "weight decay").ok is None


def test_row_weights_and_weight_decay(weighted, frame):
    check = check_gradients(weighted, frame)
    assert check.ok
    weights = switch(check, "row weights")
    assert weights.ok
    assert weights.figures["loss_with_weight_0"] == pytest.approx(weights.figures["loss_left_out"], rel=1e-12)
    decay = switch(check, "weight decay")
    assert decay.ok
    assert decay.figures["parameters"] == ["hidden_1.weight", "output.weight"]
    assert decay.figures["relative_error"] < TOLERANCE


@pytest.mark.parametrize("options", [
    {"loss": "mae", "activation": "leaky_relu"},
    {"loss": "huber", "activation": "elu", "optimizer": "rprop", "batch_size": "all"},
    {"loss": "half_squared_error", "activation": "softsign", "optimizer": "nesterov", "dtype": "float64"},
    {"loss": "mse", "hidden": (), "optimizer": "sgd"},
])  # fmt: skip
def test_other_losses_activations_and_rules(frame, options):
    assert check_gradients(cr.train(frame, target="income", epochs=2, **{"hidden": (5,), **options}), frame).ok


def test_a_network_that_is_all_but_certain_raises_no_alarm():
    model = cr.train("xor", hidden=(8,), activation="tanh", epochs=200, patience=0, lr=0.1, weight_decay=0.0)
    assert check_gradients(model, "xor").ok
    certain = replace(model, best=model.best.copy())
    certain.best.params["output.weight"] *= 50  # the softmax is 0 or 1 to the last bit
    check = check_gradients(certain, "xor")
    assert check.ok
    assert check.loss < 1e-9


def test_clipping_and_what_is_frozen(concrete):
    rule = optim.chain(optim.clip_by_norm(0.05), optim.clip_by_value(0.02), optim.adam(0.01))
    trainable = [path for path in concrete.best.params if not path.endswith("bias")]
    program = training_program(without_update(concrete.training), rule, trainable)
    slots = rule.init({path: concrete.best.params[path] for path in trainable})
    model = replace(concrete, training=program, optimizer=rule.name)
    model.best = replace(concrete.best.copy(), optimizer=slots, hyper=dict(rule.hyper), count=0)
    check = check_gradients(model, "concrete")
    assert switch(check, "frozen").ok
    assert switch(check, "frozen").figures["parameters"] == ["hidden_1.bias", "output.bias"]
    assert [layer.path for layer in check.layers] == trainable
    assert check.ok
    assert switch(check, "clip norm").figures["clipped"] <= 0.05 * (1 + 1e-9)
    assert switch(check, "clip value").figures["clipped"] <= 0.02


@pytest.mark.parametrize("rule", [optim.clip_by_norm, optim.clip_by_value])
@pytest.mark.parametrize("limit", [1e-3, 100.0])
def test_clipping_keeps_to_its_limit(concrete, rule, limit):
    model = with_rule(concrete, optim.chain(rule(limit), optim.sgd(0.01)))
    found = switch(check_gradients(model, "concrete"), rule.__name__.replace("_by", "").replace("_", " "))
    assert found.ok
    assert found.figures["clipped"] == pytest.approx(min(limit, found.figures["gradient"]))


def with_rule(model, rule):
    program = training_program(without_update(model.training), rule, list(model.best.params))
    state = replace(model.best.copy(), optimizer=rule.init(model.best.params), hyper=dict(rule.hyper), count=0)
    return replace(model, training=program, optimizer=rule.name, best=state)


# kinks


def test_numbers_on_a_kink_are_counted_and_kept_from_the_differences():
    model = cr.train("penguins", hidden=(4,), epochs=1)
    model.best.params["hidden_1.weight"][:, 0] = 0.0
    model.best.params["hidden_1.bias"][0] = 0.0
    check = check_gradients(model, "penguins", rows=30)
    assert check.ok
    assert check.on_kinks == 30
    bias = next(layer for layer in check.layers if layer.path == "hidden_1.bias")
    assert (bias.differences, bias.kinks) == (3, 1)
    assert "30 numbers stand exactly on a kink" in text(check)


def test_the_complex_step_keeps_away_where_it_would_leave_a_kink():
    """All inputs of a unit are dropped and its bias is 0; a layer on, the sum is 0 in truth, and ±h² in the complex step."""
    model = cr.train("digits", activation="selu", hidden=(1, 1, 1), dropout=0.8, epochs=1, dtype="float64", seed=26)
    check = check_gradients(replace(model, best=model.start), "digits")
    assert check.on_kinks > 100
    assert check.ok
    assert sum(layer.incomplete for layer in check.layers) >= 1
    assert "have no complex step" in text(check)


def test_steps_too_small_for_float32_are_said_and_no_failure(concrete):
    model = with_rule(concrete, optim.sgd(1e-12))
    update = switch(check_gradients(model, "concrete"), "update")
    assert update.ok
    assert "too small for float32" in update.said


def test_a_row_whose_loss_has_a_kink_is_left_out(frame):
    model = cr.train(frame, target="income", hidden=(3,), epochs=1, loss="mae", dtype="float64")
    state = model.best
    row = model.batch(model.table(frame), np.array([0]))
    state.params["output.weight"][:] = 0.0
    state.params["output.bias"][:] = row["y"][0]
    check = check_gradients(model, frame)
    assert check.left_out >= 1
    assert check.rows + check.left_out == len(frame)
    assert check.ok


def test_the_witnesses_agree_with_a_derivative_known_by_heart():
    def loss(params, x):
        return {"loss": cr.ops.sum(cr.ops.exp(cr.ops.sin(cr.ops.matmul(x, cr.ops.reshape(params["weight"], shape=(2, 1))))))}

    program = cr.trace(loss, {"weight": "f64[2]"}, "f64[B,2]")
    x, weight = np.array([[1.0, 2.0], [-0.5, 0.3]]), np.array([0.4, -0.7])
    arrays = {"weight": weight, "x": x}
    direction = np.array([1.0, -1.0])
    total = x @ weight
    known = float((np.exp(np.sin(total)) * np.cos(total) * (x @ direction)).sum())
    assert ComplexStep(program, arrays).along("weight")(direction) == pytest.approx(known, rel=1e-15)
    found = CentralDifferences(program, arrays).along("weight")(direction, known)
    assert found.value == pytest.approx(known, rel=1e-9)
    assert abs(found.value - known) <= found.uncertainty


# what is wrong


def patched(monkeypatch, operation, vjp):
    monkeypatch.setitem(OPERATIONS[operation].__dict__, "vjp", vjp)


def test_a_wrong_derivative_rule_is_caught_and_its_place_named(monkeypatch):
    patched(monkeypatch, "tanh", lambda ct, out, x: (ct * (1.0 - out),))
    model = cr.train("penguins", hidden=(6, 5), activation="tanh", epochs=1)
    check = check_gradients(model, "penguins")
    assert not check.ok
    assert [layer.path for layer in check.wrong] == ["hidden_2.bias", "hidden_2.weight", "hidden_1.bias", "hidden_1.weight"]
    assert check.suspects == ("tanh in hidden_2",)
    worst = check.wrong[0].telling
    assert worst.error > 0.01
    assert check.layers[-1].ok
    shown = text(check)
    assert "The gradients are wrong: 4 of 6 parameters" in shown
    assert check.names["hidden_2.bias"] == f"hidden_2.bias[{worst.index[0]}]"
    assert f"{worst.gradient:.9g}".replace("-", "−") in shown
    assert f"{worst.expected:.9g}".replace("-", "−") in shown


@pytest.mark.parametrize(("operation", "vjp"), [
    ("relu", lambda ct, out, x: (ct * out,)),
    ("relu", lambda ct, out, x: (cr.ops.where(cr.ops.greater(x, 0.0), ct, 1e-7 * ct),)),
    ("cross_entropy_of_labels", lambda ct, out, x, y: (cr.ops.softmax(x) * cr.ops.reshape(ct, shape=(*ct.shape, 1)), None)),
])  # fmt: skip
def test_wrong_rules_of_a_large_network(monkeypatch, operation, vjp):
    patched(monkeypatch, operation, vjp)
    check = check_gradients(cr.train("digits", hidden=(30, 20), epochs=1, lr=1e-4), "digits", rows=30)
    assert not check.ok
    assert any(operation in suspect for suspect in check.suspects)


def test_a_rule_that_is_wrong_today_though_the_stored_step_is_right(monkeypatch, penguins):
    patched(monkeypatch, "tanh", lambda ct, out, x: (ct * (1.0 + out * out),))
    check = check_gradients(penguins, "penguins")
    assert not check.ok
    assert not check.same_as_derived
    assert "not the one that the rules derive" in text(check)


def test_one_wrong_equation_of_a_stored_step(concrete):
    broken = replace(concrete, training=rewritten(concrete.training, "d_hidden_1.sum", inputs=(0, 1, 1)))  # relu's mask is lost
    check = check_gradients(broken, "concrete")
    assert [layer.path for layer in check.wrong] == ["hidden_1.bias", "hidden_1.weight"]
    assert not check.same_as_derived
    assert check.to_json()["wrong"] == ["hidden_1.bias", "hidden_1.weight"]


def test_a_gradient_that_is_not_a_number(penguins):
    broken = replace(penguins, training=rewritten(penguins.training, "d_hidden_2.sum", op=OPERATIONS["power"]))
    check = check_gradients(broken, "penguins")
    assert not check.ok
    assert "∞" in text(check) or check.max_relative_error > 1e-3


def broken_dropout(model):
    threshold = next(e.inputs[1] for e in model.training.equations if e.outputs[0].name == "dropout_1.kept")
    (constant,) = [e for e in model.training.equations if e.outputs[0] is threshold]
    weaker = replace(constant, attributes=constant.attributes | {"value": 2**31 + 2**30 + 2**29})
    return replace(model.training, equations=tuple(weaker if e is constant else e for e in model.training.equations))


def no_update(model):
    outputs = tuple(
        replace(port, value=model.training.input(port.name).value) if port.name == "hidden_1.weight" else port
        for port in model.training.outputs
    )
    return replace(model.training, outputs=outputs)


@pytest.mark.parametrize(("name", "put_in", "said"), [
    ("dropout_1", broken_dropout, "too far from its rate"),
    ("dropout_1", lambda m: rewritten(m.training, "dropout_1.output", inputs=(0, 1, 1)), "or the others are not 0"),
    ("weight decay", lambda m: rewritten(m.training, "hidden_1.weight.decayed", op=OPERATIONS["subtract"]), "is off by up to"),
    ("row weights", lambda m: rewritten(m.training, "weighted_row_loss", inputs=(0, 0)), "the loss with a row of weight 0 is"),
    ("update", no_update, "change no number of hidden_1.weight"),
])  # fmt: skip
def test_what_is_switched_on_and_does_nothing_is_caught(weighted, frame, name, put_in, said):
    check = check_gradients(replace(weighted, training=put_in(weighted)), frame)
    assert not check.ok
    found = switch(check, name)
    assert found.ok is False
    assert said in found.said
    assert name in CheckText(check).verdict()


def test_clipping_that_does_not_clip_is_caught(concrete):
    model = with_rule(concrete, optim.chain(optim.clip_by_norm(1e-3), optim.sgd(0.01)))
    model.training = rewritten(model.training, "output.weight.clipped", inputs=(0, 0))
    assert switch(check_gradients(model, "concrete"), "clip norm").ok is False


# the object, and what cannot be used


def test_json_and_text(penguins):
    check = check_gradients(penguins, "penguins", rows=20)
    data = check.to_json()
    assert {"ok", "compared", "max_relative_error", "layers"} <= data.keys()
    assert data["layers"] == {layer.path: layer.error for layer in check.layers}
    assert data["compared"] == sum(detail["compared"] for detail in data["details"].values())
    assert str(check).startswith("The gradients are right, to ")
    assert "20 of 344 rows of penguins.csv" in str(check)


@pytest.mark.parametrize("width", [60, 80, 120])
def test_no_line_is_wider_than_the_terminal(wide, concrete, width):
    for model, data in ((wide, "digits"), (concrete, "concrete")):
        assert max(map(len, text(check_gradients(model, data, rows=10), width).splitlines())) <= width


def test_each_backward_pass_has_every_gradient(penguins, weighted):
    for model in (penguins, weighted):
        backward = Backward(model.training)
        names = [sorted(port.name for port in program.outputs) for program in (backward.stored, backward.derived)]
        assert names[0] == names[1] == sorted(model.best.params)


def test_what_cannot_be_checked(weighted, frame):
    with pytest.raises(OptionError, match="rows is 0"):
        check_gradients(weighted, frame, rows=0)
    with pytest.raises(DataError, match="works"):
        check_gradients(weighted, frame.drop("works"))
    with pytest.raises(DataError, match="town"):
        check_gradients(weighted, frame.drop("town"))
    with pytest.raises(DataError, match="'works' is missing in all rows"):
        check_gradients(weighted, frame.head(3).with_columns(works=None))
