from dataclasses import replace

import pytest

import chainrule as cr
from cli.running import chainrule


def test_a_correct_model(folder, classified):
    ran = chainrule("check", "works", "people.csv", cwd=folder)
    assert (ran.status, ran.err) == (0, "Column that the model does not read is ignored: 'id'\n")
    lines = ran.out.splitlines()
    assert lines[0].startswith("The gradients are right, to 1")
    assert "all 60 rows of people.csv as one batch" in lines[1]
    assert next(line.split()[:2] for line in lines if ".weight " in line or ".bias " in line) == ["✓", "hidden_1.weight"]
    assert "✓ weight decay" in ran.out
    assert max(map(len, lines)) <= 100


def test_json(folder, regressed):
    data = chainrule("check", "income", "people.csv", "--rows", 16, "--json", cwd=folder).json
    model = cr.load(folder / "income")
    assert (data["format"], data["ok"], data["rows"], data["model"]) == (1, True, 16, "income")
    assert sorted(data["layers"]) == sorted(model.best.params)
    assert data["max_relative_error"] == max(data["layers"].values()) < 1e-12
    assert data["compared"] == sum(array.size for array in model.best.params.values())
    assert {finding["name"] for finding in data["switches"]} == {"dropout", "weight decay", "update"}


def test_a_wrong_step_is_a_result_with_status_1(folder, classified):
    model = cr.load(folder / "works")
    (mask,) = [e for e in model.training.equations if e.outputs[0].name == "d_hidden_1.sum"]
    wrong = replace(mask, inputs=(mask.inputs[0], mask.inputs[1], mask.inputs[1]))
    model.training = replace(model.training, equations=tuple(wrong if e is mask else e for e in model.training.equations))
    model.save(folder / "wrong.safetensors")
    ran = chainrule("check", "wrong.safetensors", "people.csv", cwd=folder)
    assert ran.status == 1
    assert "The gradients are wrong: 2 of 4 parameters, hidden_1.weight and hidden_1.bias." in ran.out
    assert "error" not in ran.err
    data = chainrule("check", "wrong.safetensors", "people.csv", "--json", cwd=folder)
    assert (data.status, data.json["ok"], data.json["wrong"]) == (1, False, ["hidden_1.bias", "hidden_1.weight"])


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("works", "people.csv", "--rows", "0"), "--rows is 0 and must be a whole number of at least 1."),
        (("works", "no-works.csv"), "no-works.csv has no column 'works'"),
        (("works", "unknown.csv"), "the target 'works' is missing in all rows of unknown.csv"),
        (("people.csv", "works"), "people.csv is a table and no model"),
        (("damaged.safetensors", "people.csv"), "damaged"),
    ],
)
def test_what_cannot_be_used_is_one_sentence_and_status_2(folder, classified, words, sentence):
    lines = (folder / "people.csv").read_text().splitlines()
    cells = [line.split(",") for line in lines]
    (folder / "no-works.csv").write_text("\n".join(",".join(row[:-1]) for row in cells) + "\n")
    (folder / "unknown.csv").write_text("\n".join([lines[0], *(",".join([*row[:-1], ""]) for row in cells[1:])]) + "\n")
    data = (folder / "works" / "model.safetensors").read_bytes()
    (folder / "damaged.safetensors").write_bytes(data[: len(data) // 2])
    ran = chainrule("check", *words, cwd=folder)
    assert (ran.status, ran.out) == (2, "")
    assert sentence in ran.sentence
