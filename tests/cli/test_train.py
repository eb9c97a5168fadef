import json
import signal
import subprocess
from pathlib import Path

import pytest

import chainrule as cr
from cli.running import SMALL, chainrule, command, environment, people

FULL = Path("/dev/full")
DIVERGING = ("--optimizer", "sgd", "--lr", "1e30", "--epochs", "50", "--no-trees")
TRAIN_KEYS = {
    *("format", "task", "target", "run", "model", "seconds", "epochs", "best_epoch", "rows", "valid", "test", "baselines"),
}


def test_json_is_one_object_with_the_promised_keys(classified, regressed):
    for ran, task, metrics in (
        (classified, "classification", {"accuracy", "log_loss", "roc_auc", "f1"}),
        (regressed, "regression", {"rmse", "mae", "r2"}),
    ):
        report = ran.json
        assert set(report) >= TRAIN_KEYS
        assert (report["format"], report["task"], report["epochs"]) == (1, task, 2)
        assert set(report["rows"]) == {"train", "valid", "test"}
        assert set(report["test"]) >= metrics
        assert {"constant", "linear"} <= set(report["baselines"])


def test_the_run_folder_holds_the_model_the_history_and_what_repeats_it(folder, classified):
    run = folder / "works"
    assert {path.name for path in run.iterdir()} == {"model.safetensors", "history.jsonl", "statistics.jsonl", "run.json"}
    epochs = [json.loads(line) for line in (run / "history.jsonl").read_text().splitlines()]
    assert [epoch["epoch"] for epoch in epochs] == [1, 2]
    assert {"loss", "valid_loss", "valid_accuracy", "seconds"} <= set(epochs[0])
    about = json.loads((run / "run.json").read_text())
    assert (about["state"], about["target"], about["options"]["hidden"]) == ("done", "works", [8])
    assert about["data"]["path"] == str(folder / "people.csv")
    assert about["report"]["test"] == classified.json["test"]


def test_what_a_person_reads(folder, classified):
    shown = classified.err
    for said in ("people.csv: 60 rows, 6 columns", "classification, because", "'id' is left out", "train, ", "seed 0"):
        assert said in shown
    for said in ("hidden_1", "× 8", "cross_entropy", "adamw: lr 0.003", "Stopped after 2 epochs", "constant  linear"):
        assert said in shown
    for said in ("chainrule predict works people.csv", "chainrule step works people.csv --row ", "chainrule show works"):
        assert said in shown
    assert "\x1b" not in shown


def test_runs_are_numbered_and_named(folder):
    for number in (1, 2):
        ran = chainrule("train", "people.csv", "--target", "works", *SMALL, "--name", "first", "--quiet", cwd=folder)
        assert ran.status == 0
        assert ran.err.endswith(f"runs/first-{number}/model.safetensors\n")
        assert len(ran.err.splitlines()) == 1
    assert ran.out == ""


def test_a_folder_that_is_not_empty_is_kept_unless_overwrite(folder, classified):
    before = (folder / "works" / "model.safetensors").stat().st_mtime_ns
    words = ("train", "people.csv", "--target", "works", *SMALL, "--out", "copy")
    assert chainrule(*words, cwd=folder).status == 0
    (folder / "copy" / "mine.txt").write_text("kept")
    refused = chainrule(*words, cwd=folder)
    assert (refused.status, refused.out) == (2, "")
    assert "--overwrite" in refused.sentence
    assert chainrule(*words, "--overwrite", "--seed", "1", cwd=folder).status == 0
    assert json.loads((folder / "copy" / "run.json").read_text())["options"]["seed"] == 1
    assert (folder / "copy" / "mine.txt").read_text() == "kept"
    assert (folder / "works" / "model.safetensors").stat().st_mtime_ns == before


def test_standard_input_and_gzip_give_the_same_run(folder, classified, tmp_path):
    import gzip

    packed = gzip.compress(people().encode())
    (tmp_path / "people.csv.gz").write_bytes(packed)
    piped = chainrule("train", "-", "--target", "works", *SMALL, "--json", cwd=tmp_path, stdin=people().encode())
    unpacked = chainrule("train", "people.csv.gz", "--target", "works", *SMALL, "--json", cwd=tmp_path)
    assert piped.json["test"] == unpacked.json["test"] == classified.json["test"]
    assert piped.json["run"] == "runs/table-1"
    assert "chainrule predict runs/table-1 NEW.csv" in piped.err


def test_a_configuration_file_has_the_words_of_the_flags(folder, tmp_path):
    config = tmp_path / "small.toml"
    words = (
        'target = "works"',
        "hidden = [4, 3]",
        "epochs = 1",
        "weight-decay = 0.5",
        'drop = "town,group"',
        'activation = ["tanh", "relu"]',
        "no-header = false",
        "json = true",
    )
    config.write_text("\n".join(words))
    ran = chainrule("train", folder / "people.csv", "--config", config, "--epochs", "2", cwd=tmp_path)
    assert ran.json["epochs"] == 2
    options = json.loads((tmp_path / ran.json["run"] / "run.json").read_text())["options"]
    assert (options["hidden"], options["weight_decay"], options["drop"], options["header"]) == ([4, 3], 0.5, ["town", "group"], True)
    assert options["activation"] == ["tanh", "relu"]


def test_a_configuration_file_may_hold_several_targets_and_what_their_classes_weigh(folder, tmp_path):
    config = tmp_path / "several.toml"
    config.write_text(
        'target = ["works", "town"]\ntrees = false\nepochs = 1\nhidden = 4\n[class-weight]\ntown = "balanced"\nworks = {Yes = 2}\n'
    )
    for given in (config, "first"):
        ran = chainrule("train", folder / "people.csv", "--config", given, "--out", "first" if given is config else "again", cwd=tmp_path)
        assert ran.status == 0, ran.err
    first, again = (cr.load(tmp_path / name) for name in ("first", "again"))
    assert first.goal.targets[0].class_weights == (1.0, 2.0)
    assert all((first.best.params[name] == again.best.params[name]).all() for name in first.best.params)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("epoch = 3", "Did you mean 'epochs'?"),
        ("epochs = [", "is not TOML"),
        ("json = 1", "must be true or false"),
        ("lr = true", "lr is true"),
    ],
)
def test_a_bad_configuration_file(text, said, folder, tmp_path):
    (tmp_path / "bad.toml").write_text(text)
    ran = chainrule("train", folder / "people.csv", "--target", "works", "--config", "bad.toml", cwd=tmp_path)
    assert ran.status == 2
    assert said in ran.sentence


def test_lists_may_be_repeated_and_quoted(folder, tmp_path):
    (tmp_path / "x.csv").write_text(people().replace("town,", '"town, now",'))
    ran = chainrule("train", "x.csv", "--target", "works", "--drop", '"town, now",group', "--drop", "id", *SMALL, "--json", cwd=tmp_path)
    assert json.loads((tmp_path / ran.json["run"] / "run.json").read_text())["options"]["drop"] == ["town, now", "group", "id"]


def test_ctrl_c_writes_the_best_model_so_far(folder, tmp_path):
    words = ("train", folder / "people.csv", "--target", "works", "--epochs", "1000000", "--patience", "0", "--out", "run", "--json")
    process = subprocess.Popen(command(*words), cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    for line in process.stderr:
        if line.startswith("epoch 1 "):
            break
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=30)
    assert process.returncode == 130
    report = json.loads(out)
    assert (report["state"], report["stopped"]) == ("interrupted", "interrupted")
    assert report["epochs"] >= report["best_epoch"] >= 1
    model = cr.load(tmp_path / "run")
    assert set(model.predict(folder / "people.csv")) <= {"Yes", "No"}


@pytest.fixture(scope="module")
def diverged(folder, tmp_path_factory):
    """A training whose loss becomes infinite, and the folder of its run."""
    cwd = tmp_path_factory.mktemp("diverged")
    return chainrule("train", folder / "people.csv", "--target", "income", *DIVERGING, "--out", "run", "--json", cwd=cwd), cwd / "run"


def test_a_loss_that_is_not_finite_keeps_the_last_good_weights(folder, diverged):
    ran, run = diverged
    assert ran.status == 1
    assert all(word in ran.sentence for word in ("epoch", "step", "=", "people.csv, line ", "run/model.safetensors"))
    assert "RuntimeWarning" not in ran.err
    assert ran.json["state"] == "failed"
    assert len(cr.load(run).predict(folder / "people.csv")) == 60
    assert json.loads((run / "run.json").read_text())["state"] == "failed"


def test_json_never_holds_nan(diverged):
    ran, run = diverged

    def refuse(word):
        raise AssertionError(word)

    json.loads(ran.out, parse_constant=refuse)
    for line in (run / "history.jsonl").read_text().splitlines():
        json.loads(line, parse_constant=refuse)


@pytest.mark.skipif(not FULL.exists(), reason="there is no /dev/full")
def test_a_full_disk_is_a_failure_while_running(folder, classified):
    with FULL.open("wb") as full:
        done = subprocess.run(
            command("predict", "works", "people.csv"), cwd=folder, env=environment(), stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert done.returncode == 1
    assert b"No space left on device" in done.stderr
    assert b"Traceback" not in done.stderr


def test_a_threshold_is_told_with_what_it_decides(folder, tmp_path):
    given = ("--target", "works", "--threshold", "0.3", "--out", "run", *SMALL)
    said = "the class 'Yes' of works is answered from a probability of 0.3000 on"
    shown = chainrule("train", folder / "people.csv", *given, cwd=tmp_path).err
    assert said in shown
    assert "pr_auc is about the class 'Yes'" in " ".join(shown.split())
    assert said in chainrule("evaluate", "run", folder / "people.csv", cwd=tmp_path).out
    assert chainrule("evaluate", "run", folder / "people.csv", "--json", cwd=tmp_path).json["threshold"] == {"works": 0.3}


def test_without_test_rows_the_network_is_judged_on_the_validation_rows(folder, tmp_path):
    given = (folder / "people.csv", "--target", "works", "--split", "80,20", *SMALL)
    ran = chainrule("train", *given, "--json", cwd=tmp_path)
    assert " are the baselines, on the validation rows;" in " ".join(ran.err.split())
    quiet = chainrule("train", *given, "--quiet", cwd=tmp_path).err
    assert quiet.startswith(f"accuracy {ran.json['valid']['accuracy']:.4f} on the validation rows, ")
