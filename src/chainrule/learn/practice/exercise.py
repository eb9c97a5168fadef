"""What an exercise is: a question about a real training step, its answer, its hints, and the slips that it knows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from chainrule.learn.practice.answers import read_number, read_option, read_order
from chainrule.learn.practice.numbers import short


@dataclass(frozen=True)
class Table:
    """Numbers in rows and columns; ``header`` names the columns."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Chart:
    """Curves over the epochs, by name: one number for each epoch, from epoch 1."""

    curves: tuple[tuple[str, tuple[float, ...]], ...]


Block = str | Table | Chart
"""A part of an exercise's text: a paragraph, a table or a chart."""


@dataclass(frozen=True)
class Number:
    """The answer is a number, right within a tolerance."""

    answer: float
    tolerance: float

    def read(self, text: str) -> float:
        """Return the number that was written; AnswerError if it is none."""
        return read_number(text)

    def same(self, given: float, other: float) -> bool:
        """Say whether a given number is another one within the tolerance; the tolerance itself is within it."""
        return abs(given - other) <= self.tolerance * (1 + 1e-9)

    def apart(self, one: float, other: float) -> bool:
        """Say whether no answer can be taken for both numbers."""
        return not abs(one - other) <= 2.5 * self.tolerance

    def show(self, given: float) -> str:
        """Return a number as answers are shown."""
        return short(given)

    @property
    def asks(self) -> str:
        """How to answer, in a few words."""
        return f"a number, within {short(self.tolerance)}"


@dataclass(frozen=True)
class Choice:
    """The answer is one of several options, counted from 1."""

    options: tuple[str, ...]
    answer: int

    def read(self, text: str) -> int:
        """Return the option that was written, by its number, letter or text; AnswerError if it is none."""
        return read_option(text, self.options)

    def same(self, given: int, other: int) -> bool:
        """Say whether two options are the same."""
        return given == other

    def apart(self, one: int, other: int) -> bool:
        """Say whether two options differ."""
        return one != other

    def show(self, given: int) -> str:
        """Return an option with its number."""
        return f"{given}) {self.options[given - 1]}"

    @property
    def asks(self) -> str:
        """How to answer, in a few words."""
        return f"the number of an option, 1 to {len(self.options)}"


@dataclass(frozen=True)
class Order:
    """The answer is an order of items, as their numbers from 1, first to last."""

    items: tuple[str, ...]
    answer: tuple[int, ...]

    def read(self, text: str) -> tuple[int, ...]:
        """Return the order that was written; AnswerError if it is none."""
        return read_order(text, len(self.items))

    def same(self, given: tuple[int, ...], other: tuple[int, ...]) -> bool:
        """Say whether two orders are the same."""
        return given == other

    def apart(self, one: tuple[int, ...], other: tuple[int, ...]) -> bool:
        """Say whether two orders differ."""
        return one != other

    def show(self, given: tuple[int, ...]) -> str:
        """Return an order as numbers."""
        return " ".join(map(str, given))

    @property
    def asks(self) -> str:
        """How to answer, in a few words."""
        return f"the numbers 1 to {len(self.items)} in the order of the step"


Form = Number | Choice | Order


@dataclass(frozen=True)
class Slip:
    """A known way to go wrong: its name, what it is in words, and the answer that it leads to."""

    name: str
    words: str
    answer: Any


@dataclass(frozen=True)
class Exercise:
    """A question with all that is known of it.

    Attributes:
        template, seed: what it was made from, and made from again.
        chapter: the chapter of the course that it belongs to, 1 to 6. ``title``: what is asked for, as headings say it.
        given: what is given, in paragraphs, tables and charts. ``question``: the sentence that asks.
        form: what kind of answer, and which is right.
        hints: one more factor each. ``solution``: the way to the answer, a line each.
        slips: the known ways to go wrong; no two lead to answers that could be taken for each other or for the right one.
    """

    template: str
    seed: int
    chapter: int
    title: str
    given: tuple[Block, ...]
    question: str
    form: Form
    hints: tuple[str, ...]
    solution: tuple[str, ...]
    slips: tuple[Slip, ...]

    def grade(self, text: str) -> Verdict:
        """Judge an answer as it was typed.

        Raises:
            AnswerError: it cannot be read as an answer; the sentence says what would be one.
        """
        given: Any = self.form.read(text)
        right: Any = self.form.answer
        if self.form.same(given, right):
            return Verdict(True, given)
        return Verdict(False, given, next((slip for slip in self.slips if self.form.same(given, slip.answer)), None))

    def show(self, answer: Any) -> str:
        """Return an answer as its form writes it."""
        form: Any = self.form
        return str(form.show(answer))

    @property
    def sound(self) -> bool:
        """Whether no slip's answer can be taken for the right one, or for that of another slip."""
        answers: list[Any] = [self.form.answer, *(slip.answer for slip in self.slips)]
        return all(self.form.apart(one, other) for place, one in enumerate(answers) for other in answers[:place])

    def to_json(self) -> dict[str, Any]:
        """Return the exercise as JSON-ready data."""
        form = {type(self.form).__name__.lower(): {key: value for key, value in vars(self.form).items() if key != "answer"}}
        return {
            "template": self.template,
            "seed": self.seed,
            "chapter": self.chapter,
            "title": self.title,
            "given": [_block_json(block) for block in self.given],
            "question": self.question,
            "form": form,
            "answer": self.form.answer,
            "hints": list(self.hints),
            "solution": list(self.solution),
            "slips": [vars(slip) for slip in self.slips],
        }


@dataclass(frozen=True)
class Verdict:
    """The judgment of an answer: whether it is right, what was understood, and the slip that explains it, if one does."""

    right: bool
    given: Any
    slip: Slip | None = None


def _block_json(block: Block) -> dict[str, Any]:
    if isinstance(block, str):
        return {"text": block}
    if isinstance(block, Table):
        return {"table": {"header": list(block.header), "rows": [list(row) for row in block.rows]}}
    return {"chart": {name: list(curve) for name, curve in block.curves}}
