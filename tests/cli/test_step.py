import math

import numpy as np
import pytest

import chainrule as cr
from chainrule.inspect import trace_step
from cli.running import SMALL, chainrule


def test_the_four_passes_of_a_row(folder, classified):
    ran = chainrule("step", "works", "people.csv", "--row", 4, cwd=folder)
    assert (ran.status, ran.err) == (0, "")
    for part in ("1 Forward", "2 Loss", "3 Backward", "4 Update", "row 4 of people.csv, line 6", "town=Bern", "adamw, the rule of the run"):
        assert part in ran.out
    assert max(map(len, ran.out.splitlines())) <= 100
    assert "\x1b" not in ran.out


def test_json_holds_what_the_step_did(folder, classified):
    data = chainrule("step", "works", "people.csv", "--row", 4, "--json", cwd=folder).json
    model = cr.load(folder / "works")
    trace = trace_step(model, folder / "people.csv", 4)
    assert (data["format"], data["row"], data["at"], data["optimizer"]) == (1, 4, "best", "adamw")
    assert data["loss"] == pytest.approx(trace.loss, rel=1e-6)
    assert data["prediction"] == model.predict(folder / "people.csv")[4]
    assert sum(data["probabilities"].values()) == pytest.approx(1, abs=1e-6)
    assert {event["phase"] for event in data["events"]} == {"forward", "loss", "backward", "update"}
    for event in data["events"]:
        assert {"phase", "layer", "unit", "operation", "operands", "result"} <= event.keys()
    new = {event["name"]: event["result"] for event in data["events"]}
    assert new["output.bias.new[Yes]"] == pytest.approx(trace.updated("output.bias")[1], rel=1e-6)


def test_a_regression_in_the_units_of_its_target(folder, regressed):
    data = chainrule("step", "income", "people.csv", "--row", 7, "--json", cwd=folder).json
    assert data["prediction"] == pytest.approx(cr.load(folder / "income").predict(folder / "people.csv")[7], rel=1e-6)
    assert data["truth"] == pytest.approx(1000 + 13.5 * (7 * 7 % 40) + 100 * (7 % 3), rel=1e-6)
    assert "prediction of income: " in chainrule("step", "income", "people.csv", cwd=folder).out


def test_the_chain_rule_of_one_weight(folder, classified):
    words = ("step", "works", "people.csv", "--row", 4, "--weight", "hidden_1.weight[age,3]")
    data = chainrule(*words, "--json", cwd=folder).json
    assert {"weight", "value", "gradient", "updated", "paths", "finite_difference", "loss", "prediction"} <= data.keys()
    assert data["weight"] == "hidden_1.weight[age,3]"
    total = math.fsum(path["product"] for path in data["paths"])
    assert total == pytest.approx(data["gradient"], rel=1e-4, abs=1e-9)
    for path in data["paths"]:
        assert math.prod(factor["value"] for factor in path["factors"]) == pytest.approx(path["product"], rel=1e-12)
    assert data["finite_difference"] == pytest.approx(data["gradient"], rel=1e-3, abs=1e-7)
    assert data["events"][-1]["result"] == data["updated"]
    text = chainrule(*words, cwd=folder).out
    assert "The chain rule of hidden_1.weight[age,3]" in text
    assert "three ways to the same number" in text


def test_another_rule_the_start_one_phase_and_digits(folder, classified):
    words = ("step", "works", "people.csv", "--optimizer", "sgd", "--lr", "0.1")
    plain = chainrule(*words, "--at", "start", "--phase", "update", cwd=folder).out
    assert "sgd, instead of the rule of the run (lr 0.1)" in plain
    assert "as they were before the first step" in plain
    rated = chainrule("step", "works", "people.csv", "--lr", "0.5", cwd=folder).out
    assert "rule     adamw, the rule of the run, at lr 0.5 in place of 0.003 (" in rated
    assert "(after 4 updates)" in rated
    assert "4 Update" in plain
    assert "1 Forward" not in plain
    data = chainrule(*words, "--phase", "backward", "--json", cwd=folder).json
    assert {event["phase"] for event in data["events"]} == {"backward"}
    few = chainrule("step", "works", "people.csv", "--phase", "loss", "--digits", "3", cwd=folder).out
    number = next(line for line in few.splitlines() if " / 1" in line).split("=")[-1].strip()
    assert number == f"{float(number):.3g}"


def test_a_run_folder_and_a_model_file_are_the_same(folder, classified):
    one = chainrule("step", "works", "people.csv", "--json", cwd=folder).json
    two = chainrule("step", "works/model.safetensors", "people.csv", "--json", cwd=folder).json
    assert one["events"] == two["events"]
    assert np.isfinite(one["loss"])


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--row", "60"), "--row 60: people.csv has 60 rows, 0 to 59."),
        (("--row", "-1"), "--row -1 must be a whole number from 0, or several: 0-31"),
        (("--weight", "hidden_2.weight[age,0]"), "there is no parameter 'hidden_2.weight'"),
        (("--weight", "hidden_1.weight[agee,0]"), "Did you mean 'age'?"),
        (("--weight", "hidden_1.weight[age,8]"), "hidden_1.weight has no output unit '8'; there are 0 to 7."),
        (("--weight", "hidden_1.bias[1,2]"), "hidden_1.bias takes 1 index, the unit"),
        (("--phase", "bakward"), "Did you mean 'backward'?"),
        (("--at", "end"), "--at end: there are start"),
        (("--optimizer", "adma"), "Did you mean 'adam'?"),
        (("--optimizer", "sgd", "--lr", "-1"), "must be a finite number above 0"),
        (("--digits", "40"), "--digits is 40"),
        (("--row", "x"), "--row x must be a whole number from 0, or several: 0-31"),
        (("--lr", "x"), "--lr must be a number."),
    ],
)
def test_bad_use_is_one_sentence_and_status_2(folder, classified, words, sentence):
    ran = chainrule("step", "works", "people.csv", *words, cwd=folder)
    assert (ran.status, ran.out) == (2, "")
    assert sentence in ran.sentence


def test_negative_operands_stand_in_brackets(tmp_path):
    (tmp_path / "x.csv").write_text("a,b,y\n" + "".join(f"{-5.5 - i % 7},{i % 5},{i % 3 * 1.5}\n" for i in range(60)))
    assert chainrule("train", "x.csv", "--target", "y", "--out", "run", *SMALL, cwd=tmp_path).status == 0
    events = chainrule("step", "run", "x.csv", "--json", cwd=tmp_path).json["events"]
    operations = [event["operation"] for event in events]
    assert any(" − (−" in operation for operation in operations)
    assert not any(" − -" in operation or "· -" in operation for operation in operations)


def test_a_row_without_its_target(folder, classified):
    lines = (folder / "people.csv").read_text().splitlines()
    (folder / "gap.csv").write_text("\n".join([lines[0], lines[1], lines[2].rpartition(",")[0] + ","]) + "\n")
    ran = chainrule("step", "works", "gap.csv", "--row", 1, cwd=folder)
    assert ran.status == 2
    assert "gap.csv, line 3: the target 'works' is missing in row 1" in ran.sentence
    assert chainrule("step", "works", "gap.csv", "--row", 0, cwd=folder).status == 0


def test_composites_in_primitives_beside_the_fused_rule(folder, classified):
    words = ("step", "works", "people.csv", "--row", 4, "--expand")
    text = chainrule(*words, cwd=folder).out
    assert text.count("Equal: ") == 3  # the loss, softmax in it, and the hidden layer's activation
    assert "∂p[j]/∂output[i]  = p[i] · ([i = j] − p[j])" in text
    data = chainrule(*words, "--json", cwd=folder).json
    loss = data["expansions"][0]
    assert (loss["equal"], loss["inside"][0]["of"]) == (True, "softmax(output.output)")
    for both in loss["compared"]:
        assert both["primitives"] - both["fused"] == both["difference"] == pytest.approx(0, abs=1e-6)
    weight = ("--weight", "hidden_1.weight[age,3]")
    assert "the gradient of the weight, by the chain rule through all primitives" in chainrule(*words, *weight, cwd=folder).out
    data = chainrule(*words, *weight, "--json", cwd=folder).json
    assert data["in_primitives"] == pytest.approx(data["gradient"], rel=1e-4, abs=1e-7)
    for form, verdict in (("html", "Equal: "), ("latex", "Equal: ")):
        assert verdict in chainrule(*words, "--format", form, cwd=folder).out
    assert chainrule(*words, *weight, "--format", "mathml", cwd=folder).out.count("<math") == 5
    refused = chainrule(*words, "--format", "svg", cwd=folder)
    assert refused.status == 2
    assert "the picture has no derivations" in refused.sentence
