"""The examples of the course: textbook examples, and every number of the steps that they make."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import Any

from chainrule import optim
from chainrule.errors import InputError, nearest
from chainrule.inspect import Operand, StepTrace, trace_training_step
from chainrule.learn.content_files import read_toml
from chainrule.learn.figures import figures_of_batch, figures_of_weight
from chainrule.learn.wrong_order import update_before_backward
from chainrule.training.state import State
from chainrule.training.textbook.example import Example as TextbookExample
from chainrule.training.textbook.loading import load_example
from chainrule.training.textbook.names import bundled_path

MOST_UPDATES = 100_000
_OF_WEIGHT = re.compile(r"(?P<weight>[^\]]+\])\.(?P<figure>\w+)")


@dataclass(frozen=True)
class Example:
    """A textbook example that steps are made of, one after the other.

    Attributes:
        name: as texts call it. ``textbook``: network, loss, rule and rows.
        start: the state before the first step.
        goal: the loss below which the example counts as learned, or ``None``.
        wrong_order: whether weights are updated before the backward pass has read them.
    """

    name: str
    textbook: TextbookExample
    start: State
    goal: float | None = None
    wrong_order: bool = False
    _numbers: dict[int, Mapping[str, Any]] = field(default_factory=dict, repr=False)

    def trace(self, updates: int = 0) -> StepTrace:
        """Return the step that is made after so many updates."""
        trace = self._trace(self._state(updates))
        if not self.wrong_order:
            return trace
        return StepTrace(update_before_backward(trace.program), trace.state, trace.recording.inputs, input_names=self.textbook.input_names)

    def number(self, name: str, when: str = "0") -> Any:
        """Return a number of the step after ``when`` updates (``end``: of the first that meets the goal).

        Args:
            name: a name of the engine's, such as ``hidden_1.sum[0]`` or ``d_output.weight[0,0]``; or one of the
                figures of :mod:`chainrule.learn.figures`.
            when: a number of updates, or ``end``.

        Raises:
            InputError: there is no number of that name.
        """
        updates = self.updates_needed if when == "end" else int(when)
        if name in (numbers := self._numbers_after(updates)):
            return numbers[name]
        if (asked := _OF_WEIGHT.fullmatch(name)) is not None:
            figures = figures_of_weight(self.trace(updates), asked["weight"])
            if asked["figure"] in figures:
                return figures[asked["figure"]]
        raise InputError(f"the example {self.name} has no number '{name}'.{nearest(name, numbers)}")

    @cached_property
    def updates_needed(self) -> int:
        """The number of updates after which the loss is below the goal for the first time."""
        if self.goal is None:
            raise InputError(f"the example {self.name} has no goal.")
        state = self.start.copy()
        for updates in range(MOST_UPDATES):
            state, loss = self.textbook.step(state, *self.textbook.batch)
            if loss < self.goal:  # the loss before this update, which is one more than needed
                return updates
        raise InputError(f"the example {self.name} does not meet its goal in {MOST_UPDATES:,} updates.")

    def losses(self, updates: int) -> list[float]:
        """Return the losses of the first steps, before each of their updates."""
        state, found = self.start.copy(), []
        for _ in range(updates):
            state, loss = self.textbook.step(state, *self.textbook.batch)
            found.append(loss)
        return found

    def _state(self, updates: int) -> State:
        state = self.start.copy()
        for _ in range(updates):
            state, _ = self.textbook.step(state, *self.textbook.batch)
        return state

    def _trace(self, state: State) -> StepTrace:
        example = self.textbook
        names = {"input_names": example.input_names, "output_names": example.output_names or None}
        return trace_training_step(example.step, state, example.batch, **names)

    def _numbers_after(self, updates: int) -> Mapping[str, Any]:
        if updates not in self._numbers:
            trace = self.trace(updates)
            after = self._trace(self._state(updates + 1)).loss if not self.wrong_order else float("nan")
            known = {"goal": self.goal, "rows": len(self.textbook.x)}
            self._numbers[updates] = {**dict(_named(trace)), **figures_of_batch(trace, after), **known}
        return self._numbers[updates]


def _named(trace: StepTrace) -> Iterator[tuple[str, Any]]:
    """Yield every number of a step by the name that the engine gives it."""
    for event in trace.all_events():
        for operand in event.operands:
            yield from _operands(operand)
        yield event.name, event.result


def _operands(operand: Operand) -> Iterator[tuple[str, Any]]:
    yield operand.name, operand.value
    for factor in operand.factors:
        yield from _operands(factor)


@lru_cache
def find_example(name: str) -> Example:
    """Return the example that a text calls by this name; ``content/examples.toml`` lists them.

    Raises:
        InputError: there is none.
    """
    known = read_toml("examples.toml")
    if name not in known:
        raise InputError(f"the course has no example '{name}'.{nearest(name, known)}")
    settings = dict(known[name])
    textbook = load_example(bundled_path(settings.pop("example")))
    if (lr := settings.pop("lr", None)) is not None:
        textbook = replace(textbook, optimizer=optim.sgd(lr))
    return Example(name, textbook, textbook.state, **settings)
