"""``chainrule diagnose``: the findings of a run's folder, whole, unfinished, without its data, or without its history."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pandas as pd
import pytest

from chainrule.cli import main

RANDOM = np.random.default_rng(2)
X = RANDOM.normal(size=(300, 4))


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A healthy run, and one with a leak, on a table of their own."""
    folder = tmp_path_factory.mktemp("diagnose")
    frame = pd.DataFrame(X, columns=list("abcd"))
    frame["y"] = np.where(X[:, 0] + X[:, 1] > 0, "yes", "no")
    frame.to_csv(folder / "plain.csv", index=False)
    frame.assign(result=np.where(frame.y == "yes", 7, 2)).to_csv(folder / "leaking.csv", index=False)
    for name in ("plain", "leaking"):
        given = ["--target", "y", "--hidden", "16", "--epochs", "30", "--quiet", "--out", str(folder / name)]
        assert main(["train", str(folder / f"{name}.csv"), *given]) == 0
    return folder


def diagnosed(capsys, *arguments):
    status = main(["diagnose", *map(str, arguments), "--json"])
    out = capsys.readouterr().out
    return status, json.loads(out) if out else None


def test_a_healthy_run(runs, capsys):
    status, found = diagnosed(capsys, runs / "plain")
    assert status == 0
    assert (found["healthy"], found["findings"]) == (True, [])
    assert "192 training rows" in found["looked_at"]
    assert main(["diagnose", str(runs / "plain")]) == 0
    assert capsys.readouterr().out.startswith("Nothing is wrong, as far as can be seen: 30 epochs, ")


def test_a_leak_with_its_column_in_words(runs, capsys):
    _, found = diagnosed(capsys, runs / "leaking")
    finding = found["findings"][0]
    assert (finding["code"], finding["layer"], finding["since_step"]) == ("leakage", "result", 0)
    assert set(finding) >= {"code", "layer", "since_step", "evidence", "advice"}
    assert main(["diagnose", str(runs / "leaking")]) == 0
    text = capsys.readouterr().out
    assert "1. leakage  a column gives the target away" in text
    assert max(map(len, text.splitlines())) <= 80


def copy_of(runs, tmp_path, name="plain"):
    return shutil.copytree(runs / name, tmp_path / name)


def test_a_run_whose_data_is_gone_or_has_changed(runs, tmp_path, capsys):
    run = copy_of(runs, tmp_path, "leaking")
    about = json.loads((run / "run.json").read_text())
    about["data"]["path"] = str(tmp_path / "gone.csv")
    (run / "run.json").write_text(json.dumps(about))
    status, found = diagnosed(capsys, run)
    assert (status, found["findings"]) == (0, [])
    assert "gone.csv, which that run read, is not there" in found["said"][0]
    _, found = diagnosed(capsys, run, "--data", runs / "leaking.csv")
    assert found["findings"][0]["code"] == "leakage"


def test_a_run_without_history(runs, tmp_path, capsys):
    run = copy_of(runs, tmp_path)
    (run / "history.jsonl").unlink()
    status, found = diagnosed(capsys, run)
    assert status == 0
    assert "has no history.jsonl" in found["said"][0]


def test_an_unfinished_run(runs, tmp_path, capsys):
    run = copy_of(runs, tmp_path)
    about = json.loads((run / "run.json").read_text())
    about["state"] = "running"
    (run / "run.json").write_text(json.dumps({name: value for name, value in about.items() if name != "report"}))
    (run / "model.safetensors").unlink()
    lines = (run / "history.jsonl").read_text().splitlines()
    (run / "history.jsonl").write_text("\n".join(lines[:5]) + '\n{"epoch": 6, "st')
    status, found = diagnosed(capsys, run)
    assert status == 0
    assert found["healthy"]
    assert "not finished (running); what follows is of its first 5 epochs" in found["said"][0]


def test_a_model_file_alone(runs, tmp_path, capsys):
    shutil.copy(runs / "leaking" / "model.safetensors", tmp_path / "m.safetensors")
    assert main(["diagnose", str(tmp_path / "m.safetensors")]) == 2
    assert "a model file alone, without the run's history and without its data" in capsys.readouterr().err
    _, found = diagnosed(capsys, tmp_path / "m.safetensors", "--data", runs / "leaking.csv")
    assert found["findings"][0]["code"] == "leakage"
    assert "it has no history" in found["said"][0]


@pytest.mark.parametrize("what", ["nowhere", "plain.csv"])
def test_what_is_no_run(runs, what, capsys):
    assert main(["diagnose", str(runs / what)]) == 2
    error = capsys.readouterr().err
    assert "there is no run" in error or "is not the folder of a run" in error


def test_a_run_that_diverged_says_the_equation_and_the_row(runs, tmp_path, capsys):
    given = ["--target", "y", "--optimizer", "sgd", "--lr", "1e9", "--quiet", "--out", str(tmp_path / "run")]
    assert main(["train", str(runs / "plain.csv"), *given]) == 1
    capsys.readouterr()
    _, found = diagnosed(capsys, tmp_path / "run")
    finding = found["findings"][0]
    assert finding["code"] == "diverged"
    assert "epoch 1, step" in finding["evidence"]
    assert finding["since_step"] >= 1
