"""``chainrule learn`` and ``chainrule glossary``: pleasant at 80 columns, plain text where there is no terminal."""

from __future__ import annotations

import pytest

from chainrule.cli import main
from chainrule.learn.glossary import glossary
from chainrule.learn.lessons import DEPTHS, lessons


@pytest.fixture(autouse=True)
def no_terminal(monkeypatch):
    for name in ("COLUMNS", "FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)


def printed(capsys, *words):
    assert main(list(words)) == 0
    return capsys.readouterr().out


def test_the_overview_names_every_lesson(capsys):
    text = printed(capsys, "learn")
    for lesson in lessons():
        assert lesson.key in text or lesson.kind == "chapters"
        assert lesson.title.partition(" ")[0] in text
    assert "chainrule learn 1" in text


@pytest.mark.parametrize("lesson", lessons(), ids=lambda lesson: lesson.key)
@pytest.mark.parametrize("depth", DEPTHS)
def test_a_lesson_is_plain_text_of_80_columns(capsys, lesson, depth):
    text = printed(capsys, "learn", lesson.key, "--depth", depth)
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) <= 80
    assert "…" not in text or "…" in "".join(lesson.sections.values())
    assert "```" not in text
    assert "\n\n\n" not in text
    assert not [line for line in text.splitlines() if line != line.rstrip()]


@pytest.mark.parametrize("term", glossary(), ids=lambda term: term.name)
def test_a_term_is_plain_text_of_80_columns(capsys, term):
    text = printed(capsys, "glossary", term.name)
    assert text.startswith(term.name)
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) <= 80
    assert all(name in " ".join(text.split()) for name in term.see)


def test_the_glossary_lists_its_terms(capsys):
    text = printed(capsys, "glossary")
    assert all(term.name in text for term in glossary())
    assert max(map(len, text.splitlines())) <= 80


def test_on_a_terminal_there_are_colors_and_no_rulers(capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    text = printed(capsys, "learn", "2")
    assert "\x1b[" in text
    assert "====" not in text


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["learn", "forwrad"], "there is no lesson 'forwrad'. Nearest: "),
        (["learn", "9"], "there is no chapter 9; there are 1 to 6."),
        (["learn", "2", "--depth", "deep"], "--depth deep: there are quick, standard, detailed."),
        (["glossary", "gradeint"], "the glossary has no term 'gradeint'. Nearest: gradient"),
        (["glossary", "xyzzy"], "the glossary has no term 'xyzzy'. `chainrule glossary` lists all"),
    ],
)
def test_what_is_unknown_is_answered_with_what_there_is(capsys, words, sentence):
    assert main(words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert sentence in err


def test_a_file_of_the_same_name_changes_no_lesson(capsys, tmp_path, monkeypatch):
    from chainrule.learn.examples import find_example

    (tmp_path / "bread").write_text("not an example")
    monkeypatch.chdir(tmp_path)
    find_example.cache_clear()
    assert "0.3683" in printed(capsys, "learn", "2")
