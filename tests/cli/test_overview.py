import pytest

from chainrule import __version__
from chainrule.cli import COMMANDS
from cli.running import chainrule


def test_alone_it_shows_where_to_start(tmp_path):
    ran = chainrule(cwd=tmp_path)
    assert ran.status == 0
    assert "chainrule train penguins" in ran.out
    assert all(f"  {name} " in ran.out for name in COMMANDS)
    assert chainrule("--help", cwd=tmp_path).out.rstrip() == ran.out.rstrip()


def test_version(tmp_path):
    ran = chainrule("--version", cwd=tmp_path)
    assert (ran.status, ran.out, ran.err) == (0, f"chainrule {__version__}\n", "")


def test_bare_train_prints_its_help_and_suggests_a_first_try(tmp_path):
    ran = chainrule("train", cwd=tmp_path)
    assert ran.status == 2
    assert "--weight-decay" in ran.out
    assert "chainrule train penguins" in ran.sentence


@pytest.mark.parametrize(
    ("words", "nearest"),
    [
        (("trian", "x.csv"), "'train'"),
        (("train", "x.csv", "--epoch", "3"), "'--epochs'"),
        (("predict", "m", "x.csv", "--prob"), "'--proba'"),
        (("--versoin",), "'--version'"),
    ],
)
def test_unknown_words_get_the_nearest_name(words, nearest, tmp_path):
    ran = chainrule(*words, cwd=tmp_path)
    assert (ran.status, ran.out) == (2, "")
    assert f"Did you mean {nearest}?" in ran.sentence


def test_a_missing_argument_is_named(tmp_path):
    ran = chainrule("predict", "model", cwd=tmp_path)
    assert ran.status == 2
    assert "'DATA'" in ran.sentence


def test_traceback_is_shown_when_asked_for(tmp_path):
    ran = chainrule("train", "none.csv", "--traceback", cwd=tmp_path)
    assert ran.status == 2
    assert "Traceback" in ran.err
    assert ran.err.splitlines()[-1].startswith("error: there is no file none.csv")
