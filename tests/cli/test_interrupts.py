"""Ctrl-C, and streams that nobody reads: no work is lost, and what is said is true."""

import json
import signal
import subprocess

import pytest

import chainrule as cr
from chainrule.cli import main
from cli.running import SMALL, command, environment

LONG = ("--epochs", "1000000", "--patience", "0")


def start(folder, *words, **streams):
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True} | streams
    return subprocess.Popen(command(*words), cwd=folder, env=environment(), **pipes)


def test_two_quick_interrupts_skip_the_measuring_and_keep_the_model(folder, tmp_path):
    process = start(tmp_path, "train", folder / "people.csv", "--target", "works", *LONG, "--out", "run", "--json")
    next(line for line in process.stderr if line.startswith("epoch 1 "))
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    assert json.loads(out)["state"] == json.loads((tmp_path / "run" / "run.json").read_text())["state"] == "interrupted"
    assert set(cr.load(tmp_path / "run").predict(folder / "people.csv")) <= {"Yes", "No"}


@pytest.mark.parametrize(("error", "status", "state"), [(KeyboardInterrupt(), 130, "done"), (ZeroDivisionError("x"), 1, "failed: x")])
def test_the_model_is_there_before_it_is_measured(error, status, state, folder, tmp_path, monkeypatch, capsys):
    def fail(*of):
        raise error

    monkeypatch.setattr("chainrule.training.train.measures", fail)
    run = tmp_path / "run"
    assert main(["train", str(folder / "people.csv"), "--target", "works", *SMALL, "--out", str(run)]) == status
    assert json.loads((run / "run.json").read_text())["state"] == state
    assert len(cr.load(run).predict(folder / "people.csv")) == 60
    assert str(run) in capsys.readouterr().err


def test_python_returns_the_model_that_was_not_measured(folder, monkeypatch):
    def interrupt(*of):
        raise KeyboardInterrupt

    monkeypatch.setattr("chainrule.training.train.measures", interrupt)
    with pytest.warns(UserWarning, match="has no metrics"):
        model = cr.train(str(folder / "people.csv"), "works", epochs=1, hidden=4)
    assert len(model.predict(folder / "people.csv")) == 60


def test_an_interrupted_command_says_so(folder, classified, monkeypatch, capsys):
    def interrupt(*of):
        raise KeyboardInterrupt

    monkeypatch.setattr("chainrule.cli.predict.open_table", interrupt)
    assert main(["predict", str(folder / "works"), "-"]) == 130
    assert capsys.readouterr().err == "error: interrupted.\n"


def test_a_training_goes_on_when_nobody_reads_its_messages(folder, tmp_path):
    process = start(tmp_path, "train", folder / "people.csv", "--target", "works", *SMALL, "--out", "run", "--json")
    process.stderr.close()
    with process.stdout as stream:
        report = json.loads(stream.read())
    assert (process.wait(60), report["state"]) == (0, "done")
    assert len(cr.load(tmp_path / "run").predict(folder / "people.csv")) == 60


@pytest.mark.parametrize("words", [("show", "works"), ("step", "works", "people.csv", "--all")])
def test_a_reader_that_stops_is_no_failure(words, folder, classified):
    process = start(folder, *words)
    process.stdout.close()
    with process.stderr as stream:
        assert stream.read() == ""
    assert process.wait(60) == 141


def test_a_table_cannot_steer_the_terminal(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    classes = ("p\x1b[2Jq", "r\x07s")
    rows = "\n".join(f'{i % 7},{i % 5},"{classes[i % 2]}"' for i in range(60))
    (tmp_path / "x.csv").write_text(f'"a\x1b[31mb","c\nd","y\x9by"\n{rows}\n')
    assert main(["train", "x.csv", "--target", "y\x9by", *SMALL, "--out", "run"]) == 0
    assert main(["step", "run", "x.csv", "--all"]) == 0
    assert main(["explain", "run", "x.csv", "--row", "0"]) == 0
    assert main(["predict", "run", "x.csv", "--keep", "\x1b]0;t"]) == 2
    out, err = capsys.readouterr()
    for text in (out, err):
        assert not {"\x1b", "\x07", "\x9b"} & set(text)
        assert r"a\x1b[31mb" in text
        assert r"c\nd" in text
        assert r"y\x9by" in text
