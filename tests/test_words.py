"""Options as messages spell them: flags where the command line runs, arguments in Python."""

from __future__ import annotations

import io
import re
import tokenize
from pathlib import Path

import numpy as np
import pytest

import chainrule as cr
from chainrule.cli import main
from chainrule.words import command_line, setting, word

ROOT = Path(cr.__file__).parent


@pytest.mark.parametrize(
    ("name", "value", "flag", "argument"),
    [
        ("missing", ..., "--missing", "missing="),
        ("drop", "age", "--drop age", "drop='age'"),
        ("drop", "my age", "--drop 'my age'", "drop='my age'"),
        ("date", "day=%d/%m/%Y", "--date day=%d/%m/%Y", "date='day=%d/%m/%Y'"),
        ("header", False, "--no-header", "header=False"),
        ("drop_missing_target", True, "--drop-missing-target", "drop_missing_target=True"),
        ("hidden", (64, 32), "--hidden 64,32", "hidden=(64, 32)"),
        ("class_weight", {"no": 1, "yes": 2}, "--class-weight no=1,yes=2", "class_weight={'no': 1, 'yes': 2}"),
        ("folds", np.int64(5), "--folds 5", "folds=5"),
        ("out", Path("a b"), "--out 'a b'", "out='a b'"),
        ("everything", True, "--all", "everything=True"),
    ],
)
def test_an_option_is_written_as_its_reader_writes_it(name, value, flag, argument) -> None:
    assert setting(name, value) == argument
    with command_line():
        assert setting(name, value) == flag
        assert word(name) == flag.split()[0].replace("no-", "")
    assert word(name) == name


def test_the_same_mistake_is_told_in_the_words_of_who_made_it(tmp_path, capsys) -> None:
    table = tmp_path / "t.csv"
    table.write_text("a,b\n" + "1,x\n2,y\n" * 20)
    with pytest.raises(cr.errors.OptionError, match=r"^loss='mse' does not fit the classification of 'b'"):
        cr.train(table, "b", loss="mse", trees=False)
    assert main(["train", str(table), "--target", "b", "--loss", "mse", "--no-trees"]) == 2
    assert capsys.readouterr().err.startswith("error: --loss mse does not fit")
    with pytest.raises(cr.errors.OptionError, match=r"^loss='mse'"):  # the command line has ended
        cr.train(table, "b", loss="mse", trees=False)


def test_no_message_spells_an_option_of_its_own() -> None:
    flag, found = re.compile(r"(?<![-\w])--[a-z]"), []
    tables = {ROOT / "training" / "options.py", ROOT / "inspect" / "report" / "page.py"}  # the texts of flags themselves; a style sheet
    for path in set(ROOT.rglob("*.py")) - tables - set((ROOT / "cli").rglob("*.py")):
        with io.StringIO(path.read_text()) as source:
            for token in tokenize.generate_tokens(source.readline):
                text = token.string
                if token.type == tokenize.STRING and '"""' not in text and flag.search(text) and "chainrule " not in text:
                    found.append(f"{path.relative_to(ROOT)}:{token.start[0]}: {text}")
    assert not found
