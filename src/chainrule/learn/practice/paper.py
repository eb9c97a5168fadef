"""A practice test: exercises over the chapters, and how they were answered, by skill and by slip."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

from chainrule.errors import OptionError, nearest
from chainrule.learn.practice.exercise import Exercise, Verdict
from chainrule.learn.practice.generate import make_exercise
from chainrule.learn.practice.templates import TEMPLATES
from chainrule.training.whole_numbers import check_count, check_seed
from chainrule.words import word

CHAPTERS = range(1, 7)
MOST = 500
"""The most exercises of one sheet."""


def chosen_templates(names: Sequence[str] = (), chapters: Sequence[int] = ()) -> list[str]:
    """Return the templates of these names and these chapters, all of them unless some are named, in the order of the chapters.

    Raises:
        OptionError: there is no such template, or none in these chapters.
    """
    for name in names:
        if name not in TEMPLATES:
            raise OptionError(f"there is no exercise '{name}'; there are {', '.join(TEMPLATES)}.{nearest(name, TEMPLATES)}")
    found = [
        name for name, template in TEMPLATES.items() if (not names or name in names) and (not chapters or template.chapter in chapters)
    ]
    if not found:
        raise OptionError(f"chapter {', '.join(map(str, chapters))} has no exercise {', '.join(names)}.")
    return found


def check_sheet(count: int, seed: int) -> None:
    """Refuse a number of exercises or a seed that is out of range: OptionError."""
    check_seed(seed)
    if check_count(word("count"), count) > MOST:
        raise OptionError(f"{word('count')} is {count} and must be at most {MOST}.")


def compose(seed: int, count: int, templates: Sequence[str] = ()) -> list[Exercise]:
    """Return the exercises of a sheet: the kinds depend on their number alone, so that each seed asks for the same skills.

    Args:
        seed: of the numbers, 0 to 2³² − 1.
        count: how many exercises, 1 to 500.
        templates: the kinds to take from, all of them unless some are named.

    Raises:
        OptionError: an option is out of range.
    """
    check_sheet(count, seed)
    kinds = _alternating(templates or list(TEMPLATES))
    asked = [kinds[place % len(kinds)] for place in range(count)]
    places = Counter[str]()
    exercises = []
    for kind in sorted(asked, key=lambda kind: TEMPLATES[kind].chapter):
        places[kind] += 1
        exercises.append(make_exercise(kind, Random(f"{seed} {kind} {places[kind]}").randrange(1_000_000)))
    return exercises


def _alternating(templates: Sequence[str]) -> list[str]:
    """Return templates so that the chapters take turns."""
    of_chapter = {chapter: [name for name in templates if TEMPLATES[name].chapter == chapter] for chapter in CHAPTERS}
    turns = max(map(len, of_chapter.values()))
    return [names[turn] for turn in range(turns) for names in of_chapter.values() if turn < len(names)]


@dataclass
class Score:
    """How the exercises of a test were answered; ``given`` holds a verdict for each, ``None`` for one that was left out."""

    given: list[tuple[Exercise, Verdict | None]] = field(default_factory=list)

    def add(self, exercise: Exercise, verdict: Verdict | None) -> None:
        """Note an answer."""
        self.given.append((exercise, verdict))

    @property
    def right(self) -> int:
        """How many were answered rightly."""
        return sum(verdict is not None and verdict.right for _, verdict in self.given)

    def by_skill(self) -> dict[str, tuple[int, int]]:
        """Return for each kind of exercise, by its title, how many were right and how many were asked."""
        found: dict[str, tuple[int, int]] = {}
        for exercise, verdict in self.given:
            right, asked = found.get(exercise.title, (0, 0))
            found[exercise.title] = right + (verdict is not None and verdict.right), asked + 1
        return found

    def chapters_to_read(self) -> list[int]:
        """Return the chapters of what was not answered rightly."""
        return sorted({exercise.chapter for exercise, verdict in self.given if verdict is None or not verdict.right})

    def by_slip(self) -> dict[str, int]:
        """Return how often each slip was made, by its words, the most frequent first."""
        return dict(
            Counter(verdict.slip.words for _, verdict in self.given if verdict is not None and verdict.slip is not None).most_common()
        )
