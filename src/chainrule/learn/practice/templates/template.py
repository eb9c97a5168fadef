"""What a template is: it draws the numbers of an exercise, and lets the engine compute the answer and the slips."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from chainrule.learn.practice.exercise import Block, Form, Slip

EXACT, ROUNDED = 0.001, 0.002
"""The tolerances of answers: where the numbers are short, and where an exponential or logarithm is rounded on the way."""


@dataclass(frozen=True)
class Draft:
    """An exercise as drawn; see :class:`~chainrule.learn.practice.exercise.Exercise`."""

    given: tuple[Block, ...]
    question: str
    form: Form
    hints: tuple[str, ...]
    solution: tuple[str, ...]
    slips: tuple[Slip, ...]


@dataclass(frozen=True)
class Template:
    """A kind of exercise: its name, its chapter, its title, and how one is drawn; ``None`` is drawn where the numbers do not suit."""

    name: str
    chapter: int
    title: str
    draw: Callable[[Random], Draft | None]
