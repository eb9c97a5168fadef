"""Bad input: one clear sentence, exit status 2, nothing written."""

from pathlib import Path

import pytest

from cli.running import chainrule, people

GOOD = people()

TABLES = {
    "empty": ("", ("--target", "works"), ("is empty",)),
    "header only": ("a,b\n", ("--target", "b"), ("no rows",)),
    "ragged rows": (GOOD + "P99,3,Bern\n", ("--target", "works"), ("x.csv, line 62", "3 cells")),
    "one class only": ("a,b\n1,x\n2,x\n3,x\n", ("--target", "b"), ("same value", "'x'")),
    "fewer rows than classes": ("a,b\n1,x\n2,y\n3,z\n4,w\n", ("--target", "b"), ("'b'", "different values")),
    "gaps in the target": (GOOD.replace("Yes", "", 2), ("--target", "works"), ("missing in 2 of 60 rows", "line", "--drop-missing-target")),
    "a column twice": ("a,a\n1,2\n", ("--target", "a"), ("'a' stands 2 times",)),
    "an infinite value": (GOOD.replace(",20,", ",inf,", 1), ("--target", "works"), ("line 2", "'age'", "infinite")),
    "no such column": (GOOD, ("--target", "wroks"), ("no column 'wroks'", "Did you mean 'works'?")),
    "no target": (GOOD, (), ("--target COLUMN", "age")),
    "layers that make no sense": (GOOD, ("--target", "works", "--hidden", "64,0"), ("hidden layer 2 is 0",)),
    "a layer without a width": (GOOD, ("--target", "works", "--hidden", "4,,4"), ("hidden layer 2 is ''",)),
    "no name of a folder": (GOOD, ("--target", "works", "--out", ""), ("--out '' names no folder",)),
    "a negative rate": (GOOD, ("--target", "works", "--lr", "-0.1"), ("--lr is -0.1",)),
    "a rate that is a word": (GOOD, ("--target", "works", "--lr", "fast"), ("--lr is 'fast'",)),
    "a split that does not add up": (GOOD, ("--target", "works", "--split", "60,20"), ("add up to 80",)),
    "an unknown optimizer": (GOOD, ("--target", "works", "--optimizer", "adm"), ("Did you mean 'adam'?",)),
    "an unknown metric in --until": (GOOD, ("--target", "works", "--until", "acuracy > 0.9"), ("acuracy",)),
    "a loss that does not fit": (GOOD, ("--target", "works", "--loss", "mse"), ("--loss mse does not fit",)),
    "a name that is a path": (GOOD, ("--target", "works", "--name", "a/b"), ("--name",)),
}


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("case", TABLES)
def test_a_table_that_cannot_be_used(case, tmp_path):
    text, words, said = TABLES[case]
    (tmp_path / "x.csv").write_text(text)
    ran = chainrule("train", "x.csv", *words, "--epochs", "2", "--no-trees", cwd=tmp_path)
    assert (ran.status, ran.out) == (2, ""), ran
    assert all(word in ran.sentence for word in said), ran.sentence
    assert names_in(tmp_path) == ["x.csv"]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("peple.csv", "Did you mean 'people.csv'?"),
        ("pengins", "Did you mean 'penguins'?"),
        ("folder", "is a folder"),
        ("works", "is a model and no table"),
        ("works/model.safetensors", "is a model and no table"),
        ("noise.csv", "noise.csv"),
        ("noise.parquet", "Parquet"),
    ],
)
def test_a_source_that_is_no_table(data, said, folder, classified):
    (folder / "folder").mkdir(exist_ok=True)
    for name in ("noise.csv", "noise.parquet"):
        (folder / name).write_bytes(bytes(range(256)) * 4)
    before = names_in(folder)
    ran = chainrule("train", data, "--target", "works", cwd=folder)
    assert (ran.status, ran.out) == (2, "")
    assert said in ran.sentence
    assert names_in(folder) == before


def test_text_where_numbers_were_at_training(folder, classified, tmp_path):
    (tmp_path / "x.csv").write_text(GOOD.replace(",34,", ",old,", 1))
    ran = chainrule("predict", folder / "works", "x.csv", cwd=tmp_path)
    assert (ran.status, ran.out) == (2, "")
    assert all(word in ran.sentence for word in ("x.csv, line 4", "'age'", "'old'"))


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("zzz", "there is no model file zzz"),
        ("unfinished", "the run unfinished has no model yet"),
        ("work", "there is no model work. Did you mean 'works'?"),
        ("people.csv", "the model comes first"),
        ("damaged", "damaged"),
        ("foreign.safetensors", "not one of Chainrule's"),
        (".", "there is no model file"),
    ],
)
def test_a_model_that_is_none(model, said, folder, classified):
    import numpy as np
    from safetensors.numpy import save_file

    (folder / "unfinished").mkdir(exist_ok=True)
    (folder / "unfinished" / "run.json").write_text("{}")
    (folder / "damaged").write_bytes((folder / "works" / "model.safetensors").read_bytes()[:1000])
    save_file({"x": np.zeros(3)}, folder / "foreign.safetensors")
    ran = chainrule("predict", model, "people.csv", cwd=folder)
    assert (ran.status, ran.out) == (2, "")
    assert said in ran.sentence


@pytest.mark.parametrize("out", ["file/run", "file", "/proc/run"])
def test_an_output_folder_that_cannot_be_written_is_found_out_before_training(out, folder, tmp_path):
    (tmp_path / "file").write_text("")
    ran = chainrule("train", folder / "people.csv", "--target", "works", "--out", out, cwd=tmp_path)
    assert (ran.status, ran.out) == (2, "")
    assert out in ran.sentence
    assert "hidden_1" not in ran.err


def test_predict_refuses_files_that_it_cannot_write(folder, classified):
    for out, said in (
        ("x.xlsx", ".parquet"),
        ("people.csv", "is the table itself"),
        ("/proc/p.csv", "--out /proc/p.csv cannot be written"),
    ):
        ran = chainrule("predict", "works", "people.csv", "--out", out, cwd=folder)
        assert (ran.status, ran.out) == (2, "")
        assert said in ran.sentence


def test_show_says_what_exists(folder, classified):
    for words, said in (
        (("--phase", "bakward"), "Did you mean 'backward'?"),
        (("--stage", "assembly"), "choose one of program, groups, plan, llvm, asm"),
    ):
        ran = chainrule("show", "works", *words, cwd=folder)
        assert (ran.status, ran.out) == (2, "")
        assert said in ran.sentence
