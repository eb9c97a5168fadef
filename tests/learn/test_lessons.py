"""Every number of the course is the engine's: no digit is typed by hand, each formula comes out, and other weights give other numbers."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from functools import cache
from itertools import pairwise

import numpy as np
import pytest

from chainrule.errors import InputError, OptionError
from chainrule.learn import examples, placeholders
from chainrule.learn.content_files import CONTENT, read_toml
from chainrule.learn.examples import find_example
from chainrule.learn.flash_cards import flash_cards
from chainrule.learn.glossary import find_term, glossary
from chainrule.learn.lessons import DEPTHS, chapters, find_lesson, kind_named, lessons, next_lesson

PLACEHOLDER = re.compile(r"\{[^{}]+\}")
FENCE = re.compile(r"```formula\n(.*?)\n```", re.S)
CODE = re.compile(r"`[^`\n]*`")
YEAR = re.compile(r"\b(1[89]|20)\d\d\b")
CONSTANT = re.compile(r"(?<![\d.,])[012](?![\d.,]*\d)")  # a lone 0, 1 or 2


def texts():
    """Yield (where, text with placeholders, its own example) for everything that a student reads."""
    for lesson in lessons():
        if lesson.key != "references":
            for heading, text in lesson.sections.items():
                yield f"{lesson.key}: {heading}", text, lesson.example
    for card in read_toml("cards.toml")["card"]:
        yield f"card {card['id']}", f"{card['front']}\n{card['back']}", ""
    for term in read_toml("glossary.toml")["term"]:
        yield f"term {term['name']}", f"{term['definition']}\n```formula\n{term.get('formula', '')}\n```", ""


TEXTS = list(texts())


@pytest.mark.parametrize(("where", "text", "example"), TEXTS, ids=[where for where, _, _ in TEXTS])
def test_no_digit_is_typed_by_hand(where, text, example):
    rendered = placeholders.render(text, example, write=lambda value, format: "◆")
    for formula in FENCE.findall(rendered):
        assert not re.search(r"\d", CONSTANT.sub("", formula)), formula
    prose = YEAR.sub("", CODE.sub("", FENCE.sub("", rendered)))
    symbolic = re.sub(r"\([^()]*[a-zδσ]\w*[^()]*\)|1 − [hσ]|[hg]·\(1 − h\)", "", prose)  # h·(1 − h), δ(l+1), z(l+1), W(1)
    assert not re.search(r"(?<![₀-₉²])[0-9]", CONSTANT.sub("", symbolic) if "·" in prose else symbolic), prose


@pytest.mark.parametrize("lesson", lessons(), ids=lambda lesson: lesson.key)
def test_every_lesson_is_whole_at_every_depth(lesson):
    for depth in (*DEPTHS, "full"):
        parts = lesson.parts(depth)
        assert parts
        for heading, text in parts:
            assert text, heading
            assert not PLACEHOLDER.search(text), heading
            assert "nan" not in re.findall(r"\w+", text), heading
    assert all(find_term(term) for term in lesson.terms)


def test_a_chapter_has_three_depths_and_everything_that_belongs_to_it():
    assert [chapter.number for chapter in chapters()] == [1, 2, 3, 4, 5, 6]
    for chapter in chapters():
        whole = {"Quick", "Standard", "Detailed", "Analogy", "Where the analogy breaks", "Worked example", "Remember"}
        assert set(chapter.sections) == whole, chapter.key
        words = [sum(len(text.split()) for _, text in chapter.parts(depth)) for depth in DEPTHS]
        assert words[0] < 200 < words[1] < words[2], chapter.key
        assert chapter.run.startswith("chainrule ")


# formulas come out

NUMBER = re.compile(r"(?<![\w.])\d[\d,]*(?:\.\d+)?(?![\w])")


def numeric(expression):
    """Return a formula's side as Python, or None if it holds symbols."""
    text = expression.replace("·", "*").replace("−", "-").replace("²", "**2").replace("½", "0.5").strip()
    text = re.sub(r"\be\^(\([^()]*\)|[\d.]+)", r"exp(\1)", text)
    text = text.replace("σ(", "sigmoid(").replace("ln(", "log(")
    words = set(re.findall(r"[^\W\d_]+", text))
    return (
        text
        if text and words <= {"exp", "log", "tanh", "sigmoid"} and not set(text) - set("0123456789.,+-*/() explogtanhsigmoid")
        else None
    )


def value(expression, numbers):
    literals = iter(numbers)
    functions = {"exp": math.exp, "log": math.log, "tanh": math.tanh, "sigmoid": lambda z: 1 / (1 + math.exp(-z))}
    return eval(NUMBER.sub(lambda _: repr(next(literals)), expression), {"__builtins__": {}}, functions)


def half_unit(literal):
    """Return by how much a number may differ from what is shown: with fewer than four decimals it is exact."""
    decimals = len(literal.partition(".")[2])
    return 0.5000001 * 10**-decimals if decimals >= 4 or (decimals == 3 and literal.startswith("0.0")) else 0.0


def equations(text):
    """Yield (line, left, right) for each two neighboring sides of a formula that are both made of numbers alone."""
    for block in FENCE.findall(text):
        for line in block.splitlines():
            sides = [numeric(side) for side in line.rpartition(": ")[2].split(" = ")]
            for left, right in pairwise(sides):
                if left is not None and right is not None:
                    yield line, left, right


@pytest.mark.parametrize("lesson", lessons(), ids=lambda lesson: lesson.key)
def test_each_equation_comes_out_within_the_digits_shown(lesson):
    for _, text in lesson.parts("full"):
        for line, left, right in equations(text):
            literals = NUMBER.findall(left)
            numbers = [float(literal.replace(",", "")) for literal in literals]
            middle = value(left, numbers)
            slack = 0.0
            for place, literal in enumerate(literals):
                for sign in (1, -1):
                    moved = [*numbers[:place], numbers[place] + sign * half_unit(literal), *numbers[place + 1 :]]
                    slack += abs(value(left, moved) - middle) / 2
            shown = NUMBER.findall(right)
            expected = value(right, [float(literal.replace(",", "")) for literal in shown])
            decimals = max(len(literal.partition(".")[2]) for literal in shown)
            assert abs(middle - expected) <= 1.01 * slack + 0.51 * 10**-decimals, line


def test_there_are_many_such_equations():
    found = [line for lesson in lessons() for _, text in lesson.parts("full") for line, _, _ in equations(text)]
    assert len(found) > 100


# other weights, other numbers


@pytest.fixture
def other_weights(monkeypatch):
    find = find_example.__wrapped__

    @cache
    def moved(name):
        example = find(name)
        params = {path: array * 1.25 + 0.01 for path, array in example.start.params.items()}
        return replace(example, start=example.textbook.step.init(params=params), goal=None, _numbers={})

    monkeypatch.setattr(placeholders, "find_example", moved)


UNMOVED = re.compile(r"[\w@]*/?(x\[.*|y\[.*|rate|rows|goal|parameters|.*paths|.*nudge|.*count)")


def test_a_changed_weight_changes_the_numbers_of_every_formula(other_weights, monkeypatch):
    for where, text, example in TEXTS:
        for formula in (line for block in FENCE.findall(text) for line in block.splitlines()):
            asked = [name.strip("{}").partition(":")[0] for name in PLACEHOLDER.findall(formula)]
            if any(not UNMOVED.fullmatch(name) and "@end" not in name for name in asked):
                moved = placeholders.render(formula, example)
                with monkeypatch.context() as patch:
                    patch.setattr(placeholders, "find_example", find_example)
                    assert placeholders.render(formula, example) != moved, (where, formula)


# placeholders


def test_a_placeholder_is_a_number_of_the_engine():
    trace = find_example("bread").trace()
    assert placeholders.render("{bread/loss:.12f}") == f"{trace.loss:.12f}"
    assert placeholders.render("{loss:.3f} {bread@1/loss:.3f}", "bread") == "0.141 0.060"
    assert placeholders.render("·{output.weight[1,0]}, {output.weight[1,0]}²", "bread") == "·(−0.5), (−0.5)²"


def test_a_placeholder_that_means_nothing_is_refused():
    with pytest.raises(InputError, match=r"bread has no number 'hidden_1.some\[0\]'. Did you mean 'hidden_1.sum\[0\]'"):
        placeholders.render("{hidden_1.some[0]}", "bread")
    with pytest.raises(InputError, match=r"no example 'bred'. Did you mean 'bread'"):
        placeholders.render("{bred/loss}")
    with pytest.raises(InputError, match="names no example"):
        placeholders.render("{loss}")


@pytest.mark.parametrize(("number", "text"), [(0.5, "0.5"), (0.49999999999999994, "0.5"), (2.0, "2"), (-0.0, "0"), (1 / 3, "0.3333")])
def test_how_a_number_is_written(number, text):
    assert placeholders.write_number(number) == text
    assert placeholders.write_number(-0.00123456) == "−0.00123"
    assert placeholders.write_number(1000) == "1,000"


# what the examples are


@pytest.mark.parametrize("name", list(read_toml("examples.toml")))
def test_the_gradients_of_an_example_are_right(name):
    example = find_example(name)
    trace = find_example("bread" if name == "flub" else name).trace()
    for path in trace.trainable:
        for index in np.ndindex(trace.value(path).shape):
            weight = trace.parameter_name(path, index)
            found = example.number(f"d_{weight}")
            right = trace.derive_named(weight).finite_difference
            assert (abs(found - right) < 1e-8) == (name != "flub" or path.startswith("output")), weight


def test_the_goal_is_met_where_it_is_said_to_be_and_not_before():
    loaves = find_example("loaves")
    assert loaves.goal is not None
    assert loaves.number("loss", "end") < loaves.goal
    assert loaves.number("loss", str(loaves.updates_needed - 1)) >= loaves.goal
    assert loaves.losses(3) == pytest.approx([loaves.number("loss", str(updates)) for updates in range(3)])


def test_the_wrong_order_needs_nothing_but_the_rewired_program():
    program = find_example("flub").trace().program
    assert "output.weight.new" in str(program).partition("d_hidden_1.output")[0]
    assert examples.find_example("bread").trace().program is not program


# finding a lesson


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("2", "forward-pass"),
        ("forward", "forward-pass"),
        ("The forward pass", "forward-pass"),
        ("chapter 4", "backward-pass"),
        ("memory", "memory"),
        ("FLUB", "memory"),
        ("dialogue-loss", "dialogue-loss"),
        ("loss", "loss"),
        ("references", "references"),
    ],
)
def test_a_lesson_is_found(name, key):
    assert find_lesson(name).key == key


def test_an_unknown_lesson_is_answered_by_the_nearest():
    with pytest.raises(OptionError, match=r"no lesson 'bakward'. Nearest: .*backward-pass"):
        find_lesson("bakward")
    with pytest.raises(OptionError, match="no chapter 7; there are 1 to 6"):
        find_lesson("7")
    with pytest.raises(OptionError, match=r"depth='quik': there are quick, .* Did you mean 'quick'"):
        find_lesson("1").parts("quik")


def test_one_lesson_leads_to_the_next():
    lesson, seen = find_lesson("1"), ["backpropagation"]
    while (following := next_lesson(lesson)) is not None:
        lesson = following
        seen.append(lesson.key)
    assert seen == [chapter.key for chapter in chapters()]
    assert kind_named("dialogues") == "dialogues"
    assert kind_named("Examples") == "pages"
    assert kind_named("forward") is None


def test_the_content_is_as_large_as_promised():
    assert len([lesson for lesson in lessons() if lesson.kind == "dialogues"]) == 4
    assert len(glossary()) >= 40
    assert all(find_term(name) for term in glossary() for name in term.see)
    assert {card.chapter for card in flash_cards()} == set(range(1, 7))
    assert not [path for path in CONTENT.rglob("*") if path.suffix not in (".md", ".toml", "") and path.is_file()]
