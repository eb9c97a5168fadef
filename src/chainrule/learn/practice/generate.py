"""From a template and a seed to an exercise: numbers are drawn until no slip can be taken for the answer or for another slip."""

from __future__ import annotations

from random import Random

from chainrule.errors import OptionError, nearest
from chainrule.learn.practice.exercise import Exercise
from chainrule.learn.practice.templates import TEMPLATES
from chainrule.training.whole_numbers import check_seed

_MOST_DRAWS = 2_000


def make_exercise(template: str, seed: int) -> Exercise:
    """Return the exercise of a template and a seed; the same one on every machine.

    The numbers of draw 0, 1, 2 … of the seed are tried in turn, and the first that suit are taken: the slips are well apart.

    Raises:
        OptionError: there is no such template, or the seed is out of range.
    """
    if template not in TEMPLATES:
        raise OptionError(f"there is no exercise '{template}'; there are {', '.join(TEMPLATES)}.{nearest(template, TEMPLATES)}")
    found = TEMPLATES[template]
    check_seed(seed)
    for draw in range(_MOST_DRAWS):
        draft = found.draw(Random(f"{template} {seed} {draw}"))
        if draft is None:
            continue
        exercise = Exercise(template, seed, found.chapter, found.title, **vars(draft))
        if exercise.sound:
            return exercise
    raise AssertionError(f"no draw of {template}, seed {seed}, suits")
