"""``train --config RUN`` repeats a run: the same bits from the same file, and a sentence where that cannot be."""

import json
from pathlib import Path

import pytest
from safetensors.numpy import load_file

from cli.running import chainrule, people

ODD = (
    "--hidden",
    "5,4",
    "--activation",
    "tanh,relu",
    "--epochs",
    "3",
    "--seed",
    "7",
    "--drop",
    "town",
    "--lr",
    "0.01",
    "--dropout",
    "0.2",
    "--no-trees",
)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    (tmp_path / "people.csv").write_text(people())
    (tmp_path / "more.csv").write_text(people())
    ran = chainrule("train", "people.csv", "--target", "works", "--valid", "more.csv", *ODD, "--out", "first", "--quiet", cwd=tmp_path)
    assert ran.status == 0, ran.err
    return tmp_path / "first"


@pytest.mark.parametrize("name", ["first", "first/run.json"])
def test_a_run_is_repeated_bit_for_bit_from_anywhere(run, tmp_path, name) -> None:
    (tmp_path / "elsewhere").mkdir()
    ran = chainrule("train", "--config", tmp_path / name, "--out", "again", "--json", cwd=tmp_path / "elsewhere")
    assert ran.status == 0, ran.err
    first, again = (load_file(path / "model.safetensors") for path in (run, tmp_path / "elsewhere" / "again"))
    assert first.keys() == again.keys()
    assert all(first[name].tobytes() == again[name].tobytes() for name in first)


def test_flags_win(run, tmp_path) -> None:
    ran = chainrule("train", "--config", "first", "--epochs", "2", "--out", "again", "--json", cwd=tmp_path)
    assert ran.json["epochs"] == 2
    assert json.loads((tmp_path / "again" / "run.json").read_text())["options"]["seed"] == 7


def test_a_bundled_table_is_known_by_its_name(tmp_path) -> None:
    first = chainrule("train", "penguins", "--epochs", "2", "--no-trees", "--out", "first", "--json", cwd=tmp_path)
    again = chainrule("train", "--config", "first", "--out", "again", "--json", cwd=tmp_path)
    assert again.status == 0, again.err
    assert again.json["test"] == first.json["test"]


def test_a_changed_or_missing_file_is_named_and_can_be_replaced(run, tmp_path) -> None:
    (tmp_path / "people.csv").write_text(people() + "\n")
    ran = chainrule("train", "--config", "first", cwd=tmp_path)
    assert ran.status == 2
    assert "people.csv has changed since that run" in ran.sentence
    (tmp_path / "people.csv").rename(tmp_path / "moved.csv")
    assert "is not there" in chainrule("train", "--config", "first", cwd=tmp_path).sentence
    assert chainrule("train", "moved.csv", "--config", "first", "--out", "again", cwd=tmp_path).status == 0


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"options": 3, "data": {}}'])
def test_what_is_no_run_is_refused(text, tmp_path) -> None:
    (tmp_path / "x.json").write_text(text)
    ran = chainrule("train", "--config", "x.json", cwd=tmp_path)
    assert ran.status == 2
    assert "is not the run.json of a run" in ran.sentence


def test_a_run_on_standard_input_needs_the_table_again(tmp_path) -> None:
    chainrule("train", "-", "--target", "works", *ODD, "--out", "first", cwd=tmp_path, stdin=people().encode())
    assert "standard input" in chainrule("train", "--config", "first", cwd=tmp_path).sentence
