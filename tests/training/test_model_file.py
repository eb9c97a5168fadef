"""The model file: raw rows in, the same answers out, in any process; damaged and foreign files are refused in a sentence."""

from __future__ import annotations

import contextlib
import copy
import json
import pickle
import random
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.numpy import save_file

import chainrule as cr
from chainrule.errors import ChainruleError, DataError, FileFormatError
from chainrule.training.model_file import FORMAT

PEOPLE = pl.DataFrame(
    {
        "age": [23.0, None, 41.5, 60.0, 35.0, 28.0, 51.0, 44.0, 39.0, 62.0] * 6,
        "city": ["Bern", "Basel", None, "Genf", "Bern", "Basel", "Bern", "Genf", "Bern", "Basel"] * 6,
        "member": [True, False, True, True, False, False, True, None, False, True] * 6,
        "hours": [float(i % 11) for i in range(60)],
        "income": [1000.0 + 37.5 * (i % 11) + 100 * (i % 10) for i in range(60)],
    }
)


@pytest.fixture(scope="module")
def regression():
    return cr.train(PEOPLE, target="income", hidden=(6,), epochs=4, optimizer="momentum", lr=0.01)


@pytest.fixture(scope="module")
def classification():
    return cr.train("penguins", hidden=(5, 4), epochs=3, dropout=0.2, seed=3)


@pytest.fixture(scope="module")
def saved(classification, tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "model.safetensors"
    classification.save(path)
    return path


def bits(arrays):
    return {name: array.tobytes() for name, array in arrays.items()}


def parts(path):
    with safe_open(str(path), framework="numpy") as file:
        return json.loads(file.metadata()["chainrule"]), {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118


def written(path, header, tensors):
    save_file(tensors, str(path), {"chainrule": json.dumps(header)})
    return path


@pytest.mark.parametrize("kind", ["regression", "classification"])
def test_a_loaded_model_gives_the_same_answers_to_the_bit(kind, request, tmp_path):
    model = request.getfixturevalue(kind)
    model.save(tmp_path / "m.safetensors")
    loaded = cr.load(tmp_path / "m.safetensors")
    rows = PEOPLE if kind == "regression" else "penguins"
    assert np.array_equal(loaded.outputs(rows), model.outputs(rows))
    assert loaded.predict(rows).tolist() == model.predict(rows).tolist()
    assert loaded.evaluate(rows) == model.evaluate(rows)
    assert loaded.report == json.loads(json.dumps(model.report))
    assert str(loaded.training) == str(model.training)
    assert str(loaded.inference) == str(model.inference)
    for ours, theirs in ((loaded.best, model.best), (loaded.start, model.start)):
        for group in ("params", "optimizer"):
            assert bits(getattr(ours, group)) == bits(getattr(theirs, group))
        for scalar in ("seed", "epoch", "step", "count", "hyper", "rate_scale"):
            assert getattr(ours, scalar) == getattr(theirs, scalar)


def test_a_pickled_and_a_copied_model_are_the_same_model_without_the_data(regression, tmp_path):
    expected = regression.predict(PEOPLE)
    for made in (pickle.loads(pickle.dumps(regression)), copy.deepcopy(regression)):
        np.testing.assert_array_equal(made.predict(PEOPLE), expected)
        assert made.source is None
        assert made.training.equations[0].op is regression.training.equations[0].op
        regression.save(tmp_path / "whole")
        made.save(tmp_path / "made")
        assert (tmp_path / "made").read_bytes() == (tmp_path / "whole").read_bytes()
    (tmp_path / "pickle").write_bytes(pickle.dumps(regression))
    code = f"import pickle; print(len(pickle.load(open({str(tmp_path / 'pickle')!r}, 'rb')).training.equations))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(ran.stdout) == len(regression.training.equations)


def test_it_loads_in_a_process_that_has_never_seen_the_training(saved, classification):
    code = "import sys, chainrule as cr; print(*cr.load(sys.argv[1]).predict('penguins'))"
    done = subprocess.run([sys.executable, "-W", "error", "-c", code, str(saved)], capture_output=True, text=True, check=True)
    assert done.stdout.split() == classification.predict("penguins").tolist()


def test_it_takes_raw_rows_it_has_never_seen(regression):
    rows = pl.DataFrame({"hours": [1.0, None], "member": [None, True], "city": ["Chur", None], "age": [None, 30.0], "extra": [1, 2]})
    answers = regression.predict(rows)
    assert answers.shape == (2,)
    assert np.isfinite(answers).all()


def test_the_step_of_a_loaded_model_is_the_step_of_the_training(saved, classification):
    from chainrule.backends.reference import Reference

    loaded = cr.load(saved)
    batch = loaded.batch(loaded.table("penguins"), np.array([0, 5, 300]))
    ours = Reference(loaded.training)(loaded.best.inputs(batch))
    theirs = Reference(classification.training)(classification.best.inputs(batch))
    assert {name: array.tobytes() for name, array in ours.items()} == {name: array.tobytes() for name, array in theirs.items()}


def test_saving_replaces_a_file_whole_and_leaves_nothing_beside_it(saved, classification, tmp_path):
    path = tmp_path / "model.safetensors"
    path.write_text("something else")
    classification.save(path)
    assert path.read_bytes() == saved.read_bytes()
    assert [p.name for p in tmp_path.iterdir()] == ["model.safetensors"]


def test_a_folder_that_does_not_exist_is_a_sentence(classification, tmp_path):
    with pytest.raises(FileFormatError, match=r"cannot be written: No such file or directory"):
        classification.save(tmp_path / "nowhere" / "model.safetensors")


def test_the_header_is_small(saved):
    assert int.from_bytes(saved.read_bytes()[:8], "little") < 1_000_000


def test_no_such_file(tmp_path):
    with pytest.raises(FileFormatError, match="there is no model file"):
        cr.load(tmp_path / "model.safetensors")
    with pytest.raises(FileFormatError, match="there is no model file"):
        cr.load(tmp_path)


def test_a_foreign_file(tmp_path):
    (tmp_path / "people.csv").write_text("a,b\n1,2\n")
    with pytest.raises(FileFormatError, match="not a model file of Chainrule"):
        cr.load(tmp_path / "people.csv")
    save_file({"w": np.zeros(2)}, str(tmp_path / "other.safetensors"))
    with pytest.raises(FileFormatError, match="not one of Chainrule's"):
        cr.load(tmp_path / "other.safetensors")


def test_a_newer_format_is_refused_by_its_number(saved, tmp_path):
    header, tensors = parts(saved)
    with pytest.raises(FileFormatError, match=f"format {FORMAT + 1} .* install a newer one"):
        cr.load(written(tmp_path / "m.safetensors", header | {"format": FORMAT + 1}, tensors))


def change_layers(header, tensors):
    header["layers"][0]["parameters"]["hidden_1.weight"] = [1, 1]


def drop_tensor(header, tensors):
    del tensors["best/params/hidden_1.weight"]


def wrong_shape(header, tensors):
    tensors["best/params/hidden_1.bias"] = np.zeros(99, np.float32)


def wrong_dtype(header, tensors):
    tensors["best/optimizer/hidden_1.bias.m"] = tensors["best/optimizer/hidden_1.bias.m"].astype(np.float64)


def start_without_tensors(header, tensors):
    del tensors["start/params/hidden_1.bias"]


def unknown_operation(header, tensors):
    header["inference"]["equations"][0]["op"] = "launch"


def newer_operation(header, tensors):
    header["training"]["equations"][0]["version"] = 99


def broken_equation(header, tensors):
    header["training"]["equations"][0]["in"] = [0]


def no_encoder(header, tensors):
    header["encoder"] = {}


def other_units(header, tensors):
    header["encoder"]["codes"] = header["encoder"]["codes"][:1]


def no_hyper(header, tensors):
    header["best"]["hyper"] = {}


def header_missing(header, tensors):
    del header["target"]


@pytest.mark.parametrize(
    "damage",
    [change_layers, drop_tensor, wrong_shape, wrong_dtype, start_without_tensors, unknown_operation, newer_operation, broken_equation,
     no_encoder, other_units, no_hyper, header_missing],
)  # fmt: skip
def test_a_file_whose_parts_do_not_fit_is_refused(damage, saved, tmp_path):
    header, tensors = parts(saved)
    damage(header, tensors)
    with pytest.raises(FileFormatError, match="damaged") as caught:
        cr.load(written(tmp_path / "m.safetensors", header, tensors))
    assert "\n" not in str(caught.value)


def test_endless_nesting_is_refused(saved, tmp_path):
    header, tensors = parts(saved)
    nested = json.dumps(header)[:-1] + ', "deep": ' + "[" * 200_000 + "]" * 200_000 + "}"
    save_file(tensors, str(tmp_path / "m.safetensors"), {"chainrule": nested})
    with pytest.raises(FileFormatError, match="damaged"):
        cr.load(tmp_path / "m.safetensors")


def one_more_operand(header):
    """The file would add to its own bias at each prediction if a sum took a third operand."""
    equations = header["inference"]["equations"]
    number = next(number for number, equation in enumerate(equations) if equation["op"] == "add")
    equations[number]["in"].append(equations[number]["in"][1])


def negative_scale(header):
    next(code for code in header["encoder"]["codes"] if "scale" in code)["scale"] = -1.0


def text_as_mean(header):
    next(code for code in header["encoder"]["codes"] if "mean" in code)["mean"] = "x"


WRONG = {
    "operands": (one_more_operand, "it takes 2 operands and was given 3"),
    "port": (lambda h: h["inference"]["outputs"][1].update(name="other"), "'other' of its inference has type"),
    "role": (lambda h: h["training"]["inputs"][0].update(role=""), "an input '.*' of role '', which nothing gives"),
    "task": (lambda h: h["target"].update(task=-1), "its target.task is -1 and should be"),
    "fitting task": (lambda h: h["target"].update(task="regression", scale=1.0), "does not fit its task of regression"),
    "classes": (lambda h: h["target"].update(classes=["a", "a", "b"]), "does not fit its task"),
    "fewer classes": (lambda h: h["target"]["classes"].pop(), "'prediction' of its inference has type"),
    "code": (lambda h: h["encoder"]["codes"][0].update(surplus=1), r"its encoder.codes\[0\] has an unknown entry 'surplus'"),
    "mean": (text_as_mean, r"its encoder.codes\[\d\].mean is 'x' and should be float"),
    "scale": (negative_scale, r"encoder.codes\[\d\].scale is -1.0 and should be above 0"),
    "reading": (lambda h: h.update(reading=-1), "its reading is -1 and should be an object"),
    "unknown reading": (lambda h: h.update(reading={"source": "x"}), "its reading has an unknown entry 'source'"),
    "layer": (lambda h: h["layers"][0].pop("does"), r"its layers\[0\] has no 'does'"),
    "seed": (lambda h: h["best"].update(seed=True), "its best.seed is True and should be int"),
    "epoch": (lambda h: h["start"].update(epoch=-1), "'start' has a negative position"),
    "rate": (lambda h: h["best"]["hyper"].update(lr=float("nan")), "its best.hyper.lr is nan and should be float"),
    "loss": (lambda h: h.update(loss="mse"), "does not fit the classification"),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_value_is_named(what, saved, tmp_path):
    damage, message = WRONG[what]
    header, tensors = parts(saved)
    damage(header)
    with pytest.raises(FileFormatError, match=message):
        cr.load(written(tmp_path / "m.safetensors", header, tensors))


JUNK = (None, -1, 0, 1, 3.7, 1e308, 10**20, float("nan"), True, "x", "", "number", "f32[B,99]", [], [[]], ["a"], {}, {"a": 1})


def places(data):
    """Yield each (container, key) in nested JSON."""
    for key, value in data.items() if isinstance(data, dict) else enumerate(data):
        yield data, key
        if isinstance(value, (dict, list)):
            yield from places(value)


@pytest.mark.parametrize("kind", ["regression", "classification"])
def test_a_header_changed_in_one_place_is_refused_or_predicts(kind, request, tmp_path):
    """Wherever it is changed; names of columns and classes can be others, of which the table then says in a sentence that it lacks them."""
    model, chance, path = request.getfixturevalue(kind), random.Random(kind), tmp_path / "m.safetensors"
    model.save(path)
    header, tensors = parts(path)
    table = model.table(PEOPLE if kind == "regression" else "penguins")
    rows = table.take(range(0, table.rows, 7))
    for _ in range(120):
        changed = json.loads(json.dumps(header))
        part = chance.choice(list(changed))
        container, key = chance.choice([(changed, part), *(places(changed[part]) if isinstance(changed[part], (dict, list)) else ())])
        if chance.random() < 0.25:
            del container[key]
        else:
            container[key] = chance.choice(JUNK)
        try:
            loaded = cr.load(written(path, changed, tensors))
        except FileFormatError:
            continue
        with contextlib.suppress(DataError):
            loaded.predict(rows)
            loaded.evaluate(rows)


@settings(max_examples=60)
@given(st.data())
def test_damaged_bytes_raise_our_errors_or_nothing(saved, data):
    original = saved.read_bytes()
    damaged = bytearray(original)
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, min(len(damaged), 200_000) - 1))] = data.draw(st.integers(0, 255))
    damaged = damaged[: data.draw(st.sampled_from([len(damaged), len(damaged) // 2, 20]))]
    path = saved.with_name("damaged.safetensors")
    path.write_bytes(bytes(damaged))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            cr.load(path)
    except ChainruleError as error:
        assert str(error)


def test_the_file_of_the_first_format_loads_for_ever():
    golden = Path(__file__).parent / "golden" / "format-1.safetensors"
    expected = json.loads(golden.with_suffix(".json").read_text())
    model = cr.load(golden)
    assert model.predict("penguins").tolist()[:344:43] == expected["predictions"]
    assert np.allclose(model.outputs("penguins")[:344:43], expected["probabilities"], rtol=1e-5, atol=1e-7)
