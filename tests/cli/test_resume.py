"""``resume RUN`` goes on with a run that was ended: the same bits as one that never was, and a sentence where that cannot be."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from safetensors.numpy import load_file

from chainrule.cli import main
from chainrule.training import checkpoint
from chainrule.training.loop import Loop
from chainrule.training.verify_resume import verify_resume
from cli.running import chainrule, environment, people

OPTIONS = ("--target", "works", "--no-trees", "--hidden", "16", "--seed", "3", "--dropout", "0.1", "--patience", "0")


@pytest.fixture(autouse=True)
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "people.csv").write_text(people(400))
    monkeypatch.chdir(tmp_path)


def train(out: str, *more: str) -> int:
    return main(["train", "people.csv", *OPTIONS, *more, "--out", out, "--quiet"])


def history(run: Path) -> list[dict[str, object]]:
    rows = [json.loads(line) for line in (run / "history.jsonl").read_text().splitlines()]
    return [{name: value for name, value in row.items() if name not in ("seconds", "rows_per_second")} for row in rows]


def same(one: Path, other: Path) -> bool:
    first, second = (load_file(run / "model.safetensors") for run in (one, other))
    reports = [json.loads((run / "run.json").read_text())["report"]["valid"] for run in (one, other)]
    bits = first.keys() == second.keys() and all(first[name].tobytes() == second[name].tobytes() for name in first)
    samples = [(run / "statistics.jsonl").read_text() for run in (one, other)]
    return bits and history(one) == history(other) and samples[0] == samples[1] and reports[0] == reports[1]


def ended_after(epoch: int, monkeypatch: pytest.MonkeyPatch, *, every: float = 0.0) -> None:
    """Let the process "die" in an epoch: nothing is written or told any more."""
    monkeypatch.setattr(checkpoint, "_SECONDS", every)
    monkeypatch.setattr(checkpoint, "_SHARE", 0)
    judge = Loop._judge

    def dies(loop, work, seconds):
        if work.number == epoch:
            raise SystemError("ended")
        return judge(loop, work, seconds)

    monkeypatch.setattr(Loop, "_judge", dies)


OFTEN = "import sys; from chainrule.cli import main; from chainrule.training import checkpoint; checkpoint._SECONDS = 0; main(sys.argv[1:])"


def test_a_killed_run_goes_on_with_the_same_bits(tmp_path):
    words = ("train", "people.csv", *OPTIONS, "--epochs", "600", "--quiet")
    process = subprocess.Popen([sys.executable, "-c", OFTEN, *words, "--out", "killed"], cwd=tmp_path, env=environment())
    until = time.monotonic() + 60
    while not (tmp_path / "killed" / checkpoint.CHECKPOINT).exists() and time.monotonic() < until:
        time.sleep(0.001)
    process.send_signal(signal.SIGSTOP)
    refused = chainrule("resume", "killed", cwd=tmp_path)
    process.kill()
    process.wait()
    assert "still going on" in refused.sentence
    assert not (tmp_path / "killed" / "model.safetensors").exists()
    assert chainrule("resume", "killed", "--quiet", cwd=tmp_path).status == 0
    assert chainrule(*words, "--out", "whole", cwd=tmp_path).status == 0
    assert len(history(tmp_path / "killed")) == 600
    assert same(tmp_path / "killed", tmp_path / "whole")
    assert not (tmp_path / "killed" / checkpoint.CHECKPOINT).exists()


@pytest.mark.parametrize(
    "more", [(), ("--split", "80,0,20", "--no-statistics"), ("--folds", "2"), ("--patience", "5", "--metric", "roc_auc")]
)
def test_an_ended_run_goes_on_from_its_checkpoint(more, tmp_path, capsys):
    with pytest.MonkeyPatch.context() as patch:
        ended_after(7, patch)
        assert train("ended", "--epochs", "20", *more) == 1
    assert json.loads((tmp_path / "ended" / "run.json").read_text())["state"] == "failed: ended"
    capsys.readouterr()
    assert main(["resume", "ended"]) == 0
    assert "Going on after epoch 7." in capsys.readouterr().err
    assert train("whole", "--epochs", "20", *more) == 0
    if "--no-statistics" in more:
        assert history(tmp_path / "ended") == history(tmp_path / "whole")
    else:
        assert same(tmp_path / "ended", tmp_path / "whole")


def test_a_run_without_a_checkpoint_begins_anew(tmp_path, monkeypatch):
    with pytest.MonkeyPatch.context() as patch:
        ended_after(7, patch, every=1000)
        assert train("ended", "--epochs", "20") == 1
    assert main(["resume", "ended", "--quiet"]) == 0
    assert train("whole", "--epochs", "20") == 0
    assert same(tmp_path / "ended", tmp_path / "whole")


def test_the_measuring_is_made_up_for(tmp_path, monkeypatch, capsys):
    def fail(*of):
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("chainrule.training.train.measures", fail)
        assert train("ended", "--epochs", "20") == 130
    assert main(["resume", "ended", "--quiet"]) == 0
    assert train("whole", "--epochs", "20") == 0
    assert same(tmp_path / "ended", tmp_path / "whole")


def test_what_cannot_go_on_is_said(tmp_path, capsys):
    def told(*words: str) -> str:
        assert main([*words]) == 2
        return capsys.readouterr().err

    assert train("done", "--epochs", "2") == 0
    assert "is done; `chainrule train --config done` repeats it" in told("resume", "done")
    assert "cannot be read" in told("resume", "nowhere")
    with pytest.MonkeyPatch.context() as patch:
        ended_after(3, patch)
        assert train("ended", "--epochs", "20") == 1
    capsys.readouterr()
    whole = (tmp_path / "ended" / checkpoint.CHECKPOINT).read_bytes()
    (tmp_path / "ended" / checkpoint.CHECKPOINT).write_bytes(whole[: len(whole) // 2])
    assert "checkpoint.safetensors is damaged; remove it" in told("resume", "ended")
    (tmp_path / "ended" / checkpoint.CHECKPOINT).write_bytes(whole)
    (tmp_path / "people.csv").write_text(people(401))
    assert "people.csv has changed since that run" in told("resume", "ended")


@pytest.mark.parametrize("more", [(), ("--folds", "2"), ("--patience", "2", "--no-statistics")])
def test_that_a_run_goes_on_with_the_same_bits_is_proved(more, tmp_path, capsys):
    assert train("whole", "--epochs", "20", *more) == 0
    before = {path.name: path.read_bytes() for path in (tmp_path / "whole").iterdir()}
    capsys.readouterr()
    assert main(["verify-resume", "whole"]) == 0
    epochs = len(history(tmp_path / "whole"))
    said = capsys.readouterr().out
    assert said.startswith(
        f"Killed in epoch {epochs // 2 + 1} of {epochs}, gone on after epoch {epochs // 2}: the same bits as without a break"
    )
    assert {path.name: path.read_bytes() for path in (tmp_path / "whole").iterdir()} == before


def test_a_run_that_goes_on_with_other_bits_fails_the_proof(capsys, monkeypatch):
    assert train("whole", "--epochs", "6") == 0
    go_on = Loop.go_on

    def forgets(loop, standing, history):
        standing.state.optimizer = {name: 0 * array for name, array in standing.state.optimizer.items()}
        go_on(loop, standing, history)

    monkeypatch.setattr(Loop, "go_on", forgets)
    capsys.readouterr()
    assert main(["verify-resume", "whole", "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["ok"], found["epochs"], found["checkpoint"]) == (False, 6, 3)
    assert {"epoch 4", "epoch 5", "epoch 6", "state/params/output.weight"} & set(found["differs"]) and "epoch 3" not in found["differs"]


def test_the_proof_of_a_run_of_another_machine_is_made_here(tmp_path):
    assert train("whole", "--epochs", "6") == 0
    lines = (tmp_path / "whole" / "history.jsonl").read_text().splitlines()
    lines[4] = lines[3].replace('"epoch": 4', '"epoch": 5')
    (tmp_path / "whole" / "history.jsonl").write_text("\n".join(lines) + "\n")
    found = verify_resume(tmp_path / "whole")
    assert (found.ok, found.repeats) == (True, False)


def test_what_cannot_be_proved_is_said(capsys):
    for out, more, sentence in (
        ("short", ("--epochs", "1"), "has 1 epoch, so that there is nothing to go on with"),
        ("clock", ("--epochs", "3", "--time-budget", "100"), "when it stops depends on the clock"),
    ):
        assert train(out, *more) == 0
        capsys.readouterr()
        assert main(["verify-resume", out]) == 2
        assert sentence in capsys.readouterr().err
    with pytest.MonkeyPatch.context() as patch:
        ended_after(3, patch)
        assert train("ended", "--epochs", "20") == 1
    capsys.readouterr()
    assert main(["verify-resume", "ended"]) == 2
    assert "is not done, so there is nothing to compare with" in capsys.readouterr().err
