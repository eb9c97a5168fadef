"""A scripted learner walks through every kind of exercise in text mode: right, wrong, slipping, unclear, with hints, and stopping."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from io import StringIO

import pytest
from cli.running import chainrule, command, environment

from chainrule.cli import main
from chainrule.learn.lessons import DEPTHS, KINDS, chapters, lessons
from chainrule.learn.practice.exercise import Exercise, Number, Order
from chainrule.learn.practice.paper import chosen_templates, compose
from chainrule.learn.practice.templates import TEMPLATES


@pytest.fixture
def learner(monkeypatch, capsys, tmp_path):
    """Return a function that gives a command its answers, and returns the exit status and what was printed."""
    monkeypatch.setenv("CHAINRULE_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("NO_COLOR", "1")

    def run(*words, answers=()):
        monkeypatch.setattr("sys.stdin", StringIO("".join(f"{answer}\n" for answer in answers)))
        status = main([*map(str, words)])
        out, err = capsys.readouterr()
        return status, out, err

    return run


def kept(tmp_path) -> dict:
    return json.loads((tmp_path / "data" / "progress.json").read_text())


def written(exercise: Exercise, answer) -> str:
    """Write an answer as a learner types it."""
    return f"{answer:.4f}" if isinstance(exercise.form, Number) else exercise.show(answer).partition(")")[0]


def a_wrong_one(exercise: Exercise) -> str | None:
    """Return an answer that is neither right nor a known slip, if the form has one."""
    if isinstance(exercise.form, Number):
        return "12345.678"
    if isinstance(exercise.form, Order):
        return " ".join(map(str, reversed(exercise.form.answer)))
    return None


def flat(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize("template", TEMPLATES)
def test_each_exercise_in_text_mode(template, learner, tmp_path):
    (exercise,) = compose(11, 1, [template])
    one = ("practice", "--exercise", template, "--seed", 11, "--count", 1)
    right = written(exercise, exercise.form.answer)

    status, out, err = learner(*one, answers=[right])
    assert (status, err) == (0, "")
    assert "Right." in out
    assert "1 of 1 right" in out
    assert max(map(len, out.splitlines())) <= 80
    assert not [line for line in out.splitlines() if line != line.rstrip() and line.strip(" >")]
    assert "\x1b" not in out
    assert kept(tmp_path)["items"][f"exercise:{template}"]["right"] == 1

    for slip in exercise.slips:
        status, out, _ = learner(*one, answers=[written(exercise, slip.answer), right])
        assert status == 0
        assert slip.words in flat(out).replace("Not right. ", "")
        assert "Right." in out
        assert "0 of 1 right" in out
    assert set(kept(tmp_path)["slips"]) == {f"{template} {slip.name}" for slip in exercise.slips}

    if wrong := a_wrong_one(exercise):
        _, out, _ = learner(*one, answers=[wrong, ""])
        assert "No known slip leads to" in flat(out)
        assert flat(exercise.solution[-1]) in flat(out)

    _, out, _ = learner(*one, answers=["what?", *["?"] * (len(exercise.hints) + 1), right])
    assert "'what?' is" in out
    for hint in exercise.hints:
        assert flat(f"Hint: {hint}") in flat(out)
    assert "no further hint" in out


@pytest.mark.parametrize("chapter", chapters(), ids=lambda chapter: chapter.key)
def test_each_lesson_is_read_and_then_practiced(chapter, learner):
    for depth in DEPTHS:
        status, out, err = learner("learn", chapter.number, "--depth", depth)
        assert (status, err) == (0, "")
        assert chapter.title in out
    templates = chosen_templates((), [chapter.number])
    exercises = compose(2, len(templates), templates)
    answers = [written(exercise, exercise.form.answer) for exercise in exercises]
    practice = ("practice", "--chapter", chapter.key, "--seed", 2, "--count", len(templates))
    status, out, _ = learner(*practice, answers=answers)
    assert status == 0
    assert f"{len(templates)} of {len(templates)} right" in out
    assert "Read again" not in out
    _, out, _ = learner(*practice, answers=["", *answers[1:]])
    assert f"Read again: chainrule learn {chapter.number} ({chapter.title})" in flat(out)


@pytest.mark.parametrize("kind", KINDS)
def test_a_reader_who_follows_next_sees_every_lesson(kind, learner):
    names = [str(lesson.number) if kind == "chapters" else lesson.key for lesson in lessons() if lesson.kind == kind]
    here: str | None = names[0]
    seen = []
    while here in names:
        seen.append(here)
        status, out, err = learner("learn", here)
        assert (status, err) == (0, "")
        assert max(map(len, out.splitlines())) <= 80
        assert "{" not in out  # a placeholder that was not filled in
        assert "\x1b" not in out
        following = re.search(r"^Next +chainrule learn (\S+)$", out, re.MULTILINE)
        here = following.group(1) if following else None
    assert seen == names


def test_a_rhyme_keeps_its_lines(learner):
    _, out, _ = learner("learn", "memory")
    assert len([line for line in out.splitlines() if re.match(r"\W*In step (one|two|three|four) we ", line)]) == 4


def test_what_went_wrong_comes_back_sooner_and_nothing_is_asked_before_it_is_due(learner, tmp_path):
    _, out, _ = learner("practice", "--exercise", "loss", "--exercise", "order", answers=["", "?", "q"])
    assert "Exercise 1 of 2" in out
    assert list(kept(tmp_path)["items"]) == ["exercise:order"]
    _, out, _ = learner("practice", "--exercise", "order")
    assert "Nothing is due: the next exercise comes back in 1 minute" in out
    _, out, _ = learner("practice", "--exercise", "loss", "--exercise", "order", answers=["q"])
    assert "Exercise 1 of 1" in out
    assert "The loss of some predictions" in out


def test_a_test_is_scored_by_skill_and_slip(learner, tmp_path):
    exercises = compose(5, 6)
    answers = [written(exercise, exercise.form.answer) for exercise in exercises]
    slip = exercises[1].slips[0]
    answers[1] = written(exercises[1], slip.answer)
    answers[2] = ""
    status, out, _ = learner("practice", "--test", "--seed", 5, "--count", 6, answers=["?", *answers])
    assert status == 0
    assert "There are no hints in a test." in out
    assert "4 of 6 right" in out
    assert "5 of 6 answered" in out
    assert re.search(rf"{exercises[0].title} +1 of 1", out)
    assert re.search(rf"{exercises[1].title} +0 of 1", out)
    assert flat(f"1× {slip.words}") in flat(out)
    assert not (tmp_path / "data").exists()  # a test is no practice: it moves nothing


def test_a_test_against_the_clock(learner, monkeypatch):
    times = iter([0.0, 0.0, 1.0, 1.0, 100.0, 100.0, 100.0, 100.0])
    monkeypatch.setattr("chainrule.cli.exercises.monotonic", lambda: next(times))
    exercises = compose(5, 3)
    answers = [written(exercise, exercise.form.answer) for exercise in exercises]
    status, out, _ = learner("practice", "--test", "--seed", 5, "--count", 3, "--minutes", 1, answers=answers)
    assert status == 0
    assert "3 exercises in 1:00" in out
    assert "The time is up" in out
    assert "1 of 3 right" in out


def test_cards_by_spaced_repetition(learner, tmp_path):
    status, out, _ = learner("cards", "--count", 2, answers=["?", "", "y", "", "perhaps", "n"])
    assert status == 0
    assert "1 of 2 known" in out
    assert "Answer with y or n" in out
    items = kept(tmp_path)["items"]
    assert sorted(item["right"] for item in items.values()) == [0, 1]
    asked = list(items)
    _, out, _ = learner("cards", "--count", 1, answers=["", "y"])
    assert list(kept(tmp_path)["items"])[:2] == asked
    assert len(kept(tmp_path)["items"]) == 3
    _, out, _ = learner("cards", "--all", "--chapter", 1, "--count", 500)
    assert re.search(r"Card 1 of \d+ · chapter 1", out)


def test_progress_is_shown_exported_and_deleted(learner, tmp_path):
    _, out, _ = learner("practice", "--progress")
    assert "no progress" in out
    learner("practice", "--exercise", "loss", "--seed", 1, "--count", 1, answers=["99999", ""])
    learner("cards", "--count", 1, answers=["", "y"])
    _, out, _ = learner("practice", "--progress")
    assert "The loss of some predictions" in out
    copy = tmp_path / "copy.json"
    _, out, _ = learner("practice", "--export-progress", copy, "--delete-progress")
    assert "Deleted" in out
    assert set(json.loads(copy.read_text())["items"]) >= {"exercise:loss"}
    assert not (tmp_path / "data" / "progress.json").exists()


def test_a_damaged_file_is_said_and_practice_goes_on(learner, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "progress.json").write_text("{")
    status, out, _ = learner("practice", "--exercise", "loss", answers=[""])
    assert status == 0
    assert "was damaged" in out
    assert "damaged-1.json" in flat(out).replace(" ", "")
    assert (tmp_path / "data" / "progress.damaged-1.json").read_text() == "{"
    assert kept(tmp_path)["items"]


def test_sheets_and_exports(learner, tmp_path):
    for name in ("sheet.html", "quiz.gift", "deck.txt"):
        status, _, err = learner("practice", "--seed", 7, "--count", 4, "--out", tmp_path / name)
        assert (status, err) == (0, "")
        assert (tmp_path / name).stat().st_size > 1000
    learner("practice", "--seed", 7, "--count", 4, "--out", tmp_path / "again.html", "--key", tmp_path / "key.html")
    assert (tmp_path / "again.html").read_bytes() == (tmp_path / "sheet.html").read_bytes()
    learner("practice", "--seed", 8, "--count", 4, "--out", tmp_path / "other.html")
    assert (tmp_path / "other.html").read_bytes() != (tmp_path / "sheet.html").read_bytes()
    assert "chainrule practice --seed 7 --count 4" in (tmp_path / "key.html").read_text()
    status, _, _ = learner("cards", "--out", tmp_path / "cards.txt")
    assert status == 0
    assert (tmp_path / "cards.txt").read_text().startswith("#separator:tab\n")


def test_json_and_lists(learner):
    _, out, _ = learner("practice", "--seed", 3, "--count", 2, "--json")
    data = json.loads(out)
    assert data["format"] == 1
    assert [entry["template"] for entry in data["exercises"]] == [exercise.template for exercise in compose(3, 2)]
    _, out, _ = learner("practice", "--list", "--chapter", 5)
    assert "loss_after" in out
    assert "delta_hidden" not in out
    _, out, _ = learner("cards", "--list", "--chapter", 1)
    assert "backpropagation" in out.lower()


BAD = {
    ("--exercise", "delta_hiden"): "Did you mean 'delta_hidden'?",
    ("--chapter", 7): "there is no chapter 7; there are 1 to 6",
    ("--chapter", "forwrd-pass"): "Nearest: forward-pass",
    ("--chapter", 6, "--exercise", "loss"): "chapter 6 has no exercise loss",
    ("--count", 0): "--count is 0",
    ("--count", 100_000): "at most 500",
    ("--seed", -1): "the seed is -1",
    ("--minutes", 5): "--test",
    ("--test", "--out", "a.html"): "--out writes a sheet",
    ("--test", "--minutes", 0): "above 0",
    ("--key", "key.html"): "--out",
    ("--out", "sheet.pdf"): ".html to print",
    ("--out", "quiz.gift", "--key", "key.html"): "--key key.html",
    ("--out", "a.html", "--key", "a.html"): "the sheet itself",
    ("--out", "/no/such/folder/sheet.html"): "cannot be written",
}


@pytest.mark.parametrize("words", BAD)
def test_bad_flags(words, learner, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    status, out, err = learner("practice", *words)
    assert (status, out) == (2, "")
    assert BAD[words] in err
    assert [path.name for path in tmp_path.iterdir()] == []


def test_cards_with_bad_flags(learner):
    for words, said in {("--chapter", 9): "no chapter 9", ("--out", "x.apkg"): "ends with .txt", ("--count", 0): "--count is 0"}.items():
        status, out, err = learner("cards", *words)
        assert (status, out) == (2, "")
        assert said in err


def test_without_a_terminal_the_end_of_input_ends_it(tmp_path):
    ran = chainrule("practice", "--seed", 1, "--count", 3, cwd=tmp_path, stdin=b"")
    assert (ran.status, ran.err) == (0, "")
    assert "Exercise 1 of 3" in ran.out
    assert "Exercise 2 of 3" not in ran.out


@pytest.mark.parametrize(("words", "known"), [(("practice", "--seed", "1", "--exercise", "loss"), "exercise:loss"), (("cards",), "card:")])
def test_an_interrupt_keeps_the_progress(words, known, tmp_path):
    streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    data = {"CHAINRULE_DATA": str(tmp_path / "data"), "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(command(*words), cwd=tmp_path, env=environment() | data, **streams)
    process.stdin.write("\nn\n" if words[0] == "cards" else "\n")
    process.stdin.flush()
    for line in process.stdout:
        if re.match(r"(Exercise|Card) 2 of", line):
            break
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Your progress is kept." in out
    assert [name for name in kept(tmp_path)["items"] if name.startswith(known)]


@pytest.mark.skipif(os.name != "posix", reason="a terminal is made by pty")
def test_in_a_terminal(tmp_path):
    import pty

    main_end, other_end = pty.openpty()
    data = {"CHAINRULE_DATA": str(tmp_path / "data"), "TERM": "xterm-256color", "COLUMNS": "80"}
    plain = {name: value for name, value in environment().items() if name != "NO_COLOR"}
    process = subprocess.Popen(
        command("practice", "--seed", "1", "--count", "2"),
        cwd=tmp_path,
        env=plain | data,
        stdin=other_end,
        stdout=other_end,
        stderr=other_end,
    )
    os.close(other_end)
    os.write(main_end, b"nonsense\n\x04")
    printed = b""
    try:
        while chunk := os.read(main_end, 4096):
            printed += chunk
    except OSError:  # the other end is closed
        pass
    os.close(main_end)
    text = printed.decode()
    assert process.wait(60) == 0, text
    assert "\x1b[1m" in text  # bold
    assert "'nonsense' is not" in text
    assert "Your progress is in" in text.replace("\r\n", " ")
