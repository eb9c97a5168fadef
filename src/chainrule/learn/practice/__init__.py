"""Practice: exercises from templates and the engine, slips that are diagnosed, spaced repetition, tests and exports."""

from chainrule.learn.practice.exercise import Exercise, Slip, Verdict
from chainrule.learn.practice.generate import make_exercise
from chainrule.learn.practice.paper import Score, compose
from chainrule.learn.practice.templates import TEMPLATES

__all__ = ["TEMPLATES", "Exercise", "Score", "Slip", "Verdict", "compose", "make_exercise"]
