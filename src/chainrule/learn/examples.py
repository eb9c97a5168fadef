"""The examples of the course: small networks with given weights and rows, run by the engine in float64."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from chainrule import losses, nn, optim
from chainrule.errors import InputError, nearest
from chainrule.inspect import Operand, StepTrace, trace_training_step
from chainrule.learn.content_files import read_toml
from chainrule.learn.figures import figures_of_batch, figures_of_weight
from chainrule.learn.wrong_order import update_before_backward
from chainrule.training.state import State
from chainrule.training.step import TrainingStep, training_step

MOST_UPDATES = 100_000
_OF_WEIGHT = re.compile(r"(?P<weight>[^\]]+\])\.(?P<figure>\w+)")


@dataclass(frozen=True)
class Example:
    """A network, a loss, a rule and rows, all given; and every number of the steps that they make.

    Attributes:
        name: as texts call it. ``title``: what it is about.
        step: the training step. ``start``: the state before the first one. ``batch``: x and y.
        inputs, outputs: the names of the columns of x, and of the outputs if they are classes.
        goal: the loss below which the example counts as learned, or ``None``.
        wrong_order: whether weights are updated before the backward pass has read them.
    """

    name: str
    title: str
    step: TrainingStep
    start: State
    batch: tuple[np.ndarray, np.ndarray]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...] | None
    goal: float | None = None
    wrong_order: bool = False
    _numbers: dict[int, Mapping[str, Any]] = field(default_factory=dict, repr=False)

    def trace(self, updates: int = 0) -> StepTrace:
        """Return the step that is made after so many updates."""
        trace = self._trace(self._state(updates))
        if not self.wrong_order:
            return trace
        return StepTrace(update_before_backward(trace.program), trace.state, trace.recording.inputs, input_names=self.inputs)

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
            state, loss = self.step(state, *self.batch)
            if loss < self.goal:  # the loss before this update, which is one more than needed
                return updates
        raise InputError(f"the example {self.name} does not meet its goal in {MOST_UPDATES:,} updates.")

    def losses(self, updates: int) -> np.ndarray:
        """Return the losses of the first steps, before each of their updates."""
        _, found = self.step.run(self.start.copy(), self.batch, steps=updates, batch_size=len(self.batch[0]), shuffle=False)
        return np.asarray(found)

    def _state(self, updates: int) -> State:
        state = self.start.copy()
        for _ in range(updates):
            state, _ = self.step(state, *self.batch)
        return state

    def _trace(self, state: State) -> StepTrace:
        return trace_training_step(self.step, state, self.batch, input_names=self.inputs, output_names=self.outputs)

    def _numbers_after(self, updates: int) -> Mapping[str, Any]:
        if updates not in self._numbers:
            trace = self.trace(updates)
            after = self._trace(self._state(updates + 1)).loss if not self.wrong_order else float("nan")
            known = {"goal": self.goal, "rows": len(self.batch[0])}
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
    entry = known[name]
    return build_example(name, read_toml(f"examples/{entry['example']}.toml"), **{key: entry[key] for key in entry if key != "example"})


def build_example(
    name: str, about: Mapping[str, Any], *, lr: float | None = None, goal: float | None = None, wrong_order: bool = False
) -> Example:
    """Build an example from its description: layers with weights, rows, loss and rate."""
    layers: dict[str, nn.Dense] = {}
    params: dict[str, np.ndarray] = {}
    width = len(about["input_names"])
    for layer in about["layers"]:
        path = layer["name"]
        layers[path] = nn.Dense(width, len(layer["bias"]), layer.get("activation", "identity"))
        params |= {f"{path}.weight": np.array(layer["weight"]), f"{path}.bias": np.array(layer["bias"])}
        width = len(layer["bias"])
    optimizer = optim.sgd(about["optimizer"]["lr"] if lr is None else lr)
    step = training_step(nn.Sequential(layers), losses.LOSSES[about["loss"]], optimizer, dtype="float64")
    outputs, y = about.get("output_names"), about["targets"]
    targets = np.array([outputs.index(label) for label in y]) if outputs else np.array(y)
    start = step.init(params=params)
    names = tuple(about["input_names"]), tuple(outputs) if outputs else None
    return Example(name, about["title"], step, start, (np.array(about["inputs"]), targets), *names, goal=goal, wrong_order=wrong_order)
