"""Every exercise is right as it is shown, and no wrong answer that it knows can be taken for the right one or for another."""

from __future__ import annotations

import pytest

from chainrule.errors import OptionError
from chainrule.learn.practice.exercise import Chart, Choice, Exercise, Number, Order, Table
from chainrule.learn.practice.generate import make_exercise
from chainrule.learn.practice.templates import TEMPLATES
from learn.practice.witness import WITNESSES, agrees, made

FEW = range(24)


def judged(exercise: Exercise) -> list[str]:
    """Return what is wrong with an exercise."""
    form = exercise.form
    wrong = [] if agrees(exercise) else ["the witness disagrees"]
    written = (lambda answer: repr(answer)) if isinstance(form, Number) else (lambda answer: form.show(answer).partition(")")[0])
    right = exercise.grade(written(form.answer))
    if not right.right:
        wrong.append("the right answer is not taken")
    for slip in exercise.slips:
        verdict = exercise.grade(written(slip.answer))
        if verdict.right or verdict.slip is not slip:
            wrong.append(f"{slip.name} is not told")
        if isinstance(form, Number) and abs(slip.answer - form.answer) <= 2 * form.tolerance:
            wrong.append(f"{slip.name} is near the answer")
    if isinstance(form, Number):
        shown = form.show(form.answer).replace("−", "-")
        if not exercise.grade(shown).right or abs(float(shown) - form.answer) > 1e-4:
            wrong.append("the answer as it is shown is not taken")
    return wrong


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_few_seeds(template):
    for seed in FEW:
        exercise = made(template, seed)
        assert not judged(exercise), exercise


@pytest.mark.sweep
@pytest.mark.parametrize("template", TEMPLATES)
def test_a_thousand_seeds(template):
    assert not [(seed, wrong) for seed in range(1000) if (wrong := judged(make_exercise(template, seed)))]


def test_every_template_has_a_witness_and_a_chapter():
    assert set(WITNESSES) == set(TEMPLATES)
    assert {template.chapter for template in TEMPLATES.values()} == set(range(1, 7))


@pytest.mark.parametrize("template", TEMPLATES)
def test_an_exercise_is_made_again_by_its_seed_and_differs_by_seed(template):
    assert make_exercise(template, 5) == made(template, 5)
    assert len({repr(made(template, seed)).partition("seed")[2][5:] for seed in range(6)}) > 3


@pytest.mark.parametrize("template", TEMPLATES)
def test_each_slip_is_named_and_put_in_words(template):
    for seed in FEW[:6]:
        exercise = made(template, seed)
        assert exercise.slips
        assert exercise.hints
        assert exercise.solution
        for slip in exercise.slips:
            assert slip.name.replace("_", "").isalpha()
            assert slip.words.endswith(".")


def test_the_named_slips_are_there():
    known = {template: {slip.name for seed in FEW for slip in made(template, seed).slips} for template in TEMPLATES}
    assert known["delta_hidden"] >= {"forgot_derivative", "one_path", "updated_first", "wrong_sign", "wrong_input"}
    assert known["gradient"] >= known["delta_hidden"] | {"wrong_unit"}
    assert known["batch_gradient"] >= {"missing_mean", "missing_two", "wrong_sign", "wrong_input"}
    assert known["loss"] >= {"missing_mean", "missing_half", "forgot_square"}
    assert known["delta_output"] >= {"missing_half", "forgot_derivative", "wrong_input", "wrong_sign"}
    assert known["update"] >= {"uphill", "forgot_rate", "updated_first", "forgot_derivative"}
    assert "updated_first" in known["order"]


def test_whoever_forgets_both_the_2_and_the_mean_is_not_right():
    for seed in FEW:
        exercise = made("batch_gradient", seed)
        (table,) = (block for block in exercise.given if isinstance(block, Table))
        lines = [[float(cell.replace("−", "-")) for cell in row[1:]] for row in table.rows]
        added = sum((p - y) * x for x, p, y in lines)
        assert not exercise.form.same(added, exercise.form.answer), (seed, added)


def test_digits_that_are_shown_are_exact_or_marked():
    for template in ("delta_hidden", "gradient", "update", "batch_gradient"):
        for seed in FEW:
            for block in made(template, seed).given:
                if isinstance(block, Table):
                    for column, name in enumerate(block.header):
                        for row in block.rows:
                            decimals = len(row[column].partition(".")[2])
                            assert name.startswith(("z", "output", "unit", "row")) or decimals <= 2, (template, seed, row)
                            assert decimals < 4 or row[column].startswith("≈"), (template, seed, row)


def test_an_unknown_template_and_a_seed_out_of_range():
    with pytest.raises(OptionError, match=r"Did you mean 'delta_hidden'\?"):
        make_exercise("delta_hiden", 1)
    with pytest.raises(OptionError, match="the seed is -1"):
        make_exercise("loss", -1)


def test_json_tells_everything():
    for template in TEMPLATES:
        data = made(template, 1).to_json()
        assert set(data) >= {"template", "seed", "chapter", "title", "given", "question", "form", "answer", "hints", "solution", "slips"}


def test_forms_and_blocks():
    kinds = {type(made(template, 0).form) for template in TEMPLATES}
    assert kinds == {Number, Choice, Order}
    assert any(isinstance(block, Chart) for block in made("curve", 0).given)
