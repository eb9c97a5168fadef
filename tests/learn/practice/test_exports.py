"""Sheets and exports: every format says the same, and is read by a parser of that format."""

from __future__ import annotations

import csv
import re
from html.parser import HTMLParser

import pytest

from chainrule.learn.flash_cards import flash_cards
from chainrule.learn.practice import anki, gift, html
from chainrule.learn.practice.exercise import Choice, Number, Order
from chainrule.learn.practice.paper import compose
from chainrule.learn.practice.templates import TEMPLATES
from learn.practice.witness import made

EXERCISES = [made(template, seed) for template in TEMPLATES for seed in (1, 2, 3)]


class Page(HTMLParser):
    """Checks that tags are closed in order, and keeps the text and what is asked of other files."""

    VOID = frozenset({"meta", "br", "path", "polyline", "input"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.asks: list[str] = []
        self.words = ""
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attributes):
        self.asks += [value for name, value in attributes if name in ("src", "href")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.asks += [value for name, value in attributes if name in ("src", "href")]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words += data


def test_a_sheet_and_its_key_are_whole_pages_of_their_own():
    sheet, key = Page(html.sheet(EXERCISES, "chainrule practice")), Page(html.key(EXERCISES, "chainrule practice"))
    assert not sheet.asks
    assert not key.asks
    for exercise in EXERCISES:
        assert exercise.question in sheet.words
        assert f"{exercise.template} {exercise.seed}" in key.words
        assert exercise.show(exercise.form.answer) in key.words
        for slip in exercise.slips:
            assert slip.words in key.words
            assert slip.words not in sheet.words
    assert "Answer (" in sheet.words


def test_each_seed_has_its_own_sheet_of_the_same_skills():
    for count in (1, 20):
        sheets = [compose(seed, count) for seed in range(2)]
        assert len({tuple(exercise.template for exercise in sheet) for sheet in sheets}) == 1
        assert len(sheets[0]) == count
    assert {exercise.chapter for exercise in compose(7, 6)} == set(range(1, 7))
    one, other = compose(7, 15), compose(8, 15)
    assert one == compose(7, 15)
    assert all(a.given != b.given or a.form != b.form for a, b in zip(one, other, strict=True))


# Moodle's GIFT, read as Moodle reads it (question/format/gift/format.php): comments and escapes first, then name, text and answers.

_PLACEHOLDERS = {f"\\{sign}": f"&&{number:03}" for number, sign in enumerate("\\:#={}~")}


def _unescaped(text: str) -> str:
    for written, placeholder in _PLACEHOLDERS.items():
        text = text.replace(placeholder, written[1])
    return text.replace("\\n", "\n").strip()


def parse_gift(text: str) -> list[dict]:
    questions, category = [], ""
    for paragraph in re.split(r"\n\s*\n", text):
        lines = [line for line in paragraph.splitlines() if not line.lstrip().startswith("//")]
        block = "\n".join(lines).strip()
        if not block:
            continue
        if block.startswith("$CATEGORY:"):
            category = block.removeprefix("$CATEGORY:").strip()
            continue
        for written, placeholder in _PLACEHOLDERS.items():
            block = block.replace(written, placeholder)
        name, rest = re.fullmatch(r"::(.*?)::(.*)", block, re.S).groups()
        assert rest.count("{") == rest.count("}") == 1, rest
        start, end = rest.index("{"), rest.index("}")
        answers, _, general = rest[start + 1 : end].partition("####")
        assert rest.startswith("[html]")
        assert not rest[end + 1 :].strip()
        kind = "number" if answers.startswith("#") else "match" if "->" in answers else "choice"
        found = []
        for mark, part in re.findall(r"([=~])([^=~]*)", answers.removeprefix("#")):
            if kind == "match":
                item, place = part.split("->")
                found.append((_unescaped(item), place.strip()))
                continue
            answer, _, feedback = part.partition("#")
            weight = 100 if mark == "=" else 0
            if percent := re.match(r"%(-?\d+)%", answer):
                weight, answer = int(percent[1]), answer[percent.end() :]
            found.append((weight, _unescaped(answer), _unescaped(feedback)))
        questions.append(
            {
                "category": category,
                "name": _unescaped(name),
                "text": _unescaped(rest[6:start]),
                "kind": kind,
                "answers": found,
                "general": _unescaped(general),
            }
        )
    return questions


@pytest.fixture(scope="module")
def questions():
    return parse_gift(gift.gift(EXERCISES))


def test_moodle_reads_each_question_with_its_answer(questions):
    assert len(questions) == len(EXERCISES)
    for exercise, question in zip(EXERCISES, questions, strict=True):
        assert question["category"] == f"Chainrule/Chapter {exercise.chapter}"
        assert question["name"].startswith(exercise.title)
        assert exercise.question in Page(question["text"]).words
        assert Page(question["general"]).words == "".join(exercise.solution)
        if isinstance(exercise.form, Number):
            assert question["kind"] == "number"
            (right,) = (answer for weight, answer, _ in question["answers"] if weight == 100)
            value, tolerance = map(float, right.split(":"))
            assert value == pytest.approx(exercise.form.answer, abs=1e-6)
            assert not any("e" in answer for _, answer, _ in question["answers"])
            assert tolerance == exercise.form.tolerance
        elif isinstance(exercise.form, Choice):
            assert question["kind"] == "choice"
            texts = [Page(answer).words for _, answer, _ in question["answers"]]
            assert texts == list(exercise.form.options)
            assert [weight for weight, _, _ in question["answers"]].index(100) + 1 == exercise.form.answer
        else:
            assert isinstance(exercise.form, Order)
            assert [Page(item).words for item, _ in question["answers"]] == [
                exercise.form.items[number - 1] for number in exercise.form.answer
            ]
            assert [place for _, place in question["answers"]] == [str(place + 1) for place in range(len(exercise.form.items))]


def test_moodle_tells_each_slip(questions):
    for exercise, question in zip(EXERCISES, questions, strict=True):
        if not isinstance(exercise.form, Order):
            told = {Page(feedback).words for weight, _, feedback in question["answers"] if weight == 0}
            assert told == {slip.words for slip in exercise.slips}


def parse_anki(text: str) -> tuple[dict[str, str], list[list[str]]]:
    """Read a file as Anki's manual describes it: headers ``#name:value``, then rows with quotes as in CSV."""
    lines = text.split("\n")
    headers = dict(line[1:].split(":", 1) for line in lines if line.startswith("#"))
    body = text[text.index("\n", text.rindex("\n#") + 1) + 1 :]
    return headers, list(csv.reader(body.splitlines(keepends=True), delimiter="\t", strict=True))


@pytest.mark.parametrize("what", ["exercises", "cards"])
def test_anki_reads_each_note(what):
    entries = EXERCISES if what == "exercises" else flash_cards()
    text = anki.anki_exercises(EXERCISES) if what == "exercises" else anki.anki_cards(flash_cards())
    headers, rows = parse_anki(text)
    assert headers["separator"] == "tab"
    assert headers["html"] == "true"
    assert (headers["guid column"], headers["tags column"]) == ("1", "4")
    assert len(rows) == len(entries)
    assert len({row[0] for row in rows}) == len(rows)
    for entry, (guid, front, back, tags) in zip(entries, rows, strict=True):
        assert guid.startswith("chainrule-")
        assert f"chainrule::chapter-{entry.chapter}" in tags.split()
        page = Page(front)
        assert not page.asks
        assert Page(back).words
        if what == "exercises":
            assert entry.question in page.words
            assert entry.show(entry.form.answer) in Page(back).words
