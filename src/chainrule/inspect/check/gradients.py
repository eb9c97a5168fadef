"""The gradient check of a model on data: its backward pass beside two witnesses, and what is switched on put to the test."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from chainrule.inspect.check.backward import Backward
from chainrule.inspect.check.comparison import SMALL, TOLERANCE, Comparer, LayerCheck
from chainrule.inspect.check.subject import Subject
from chainrule.inspect.check.switches import Finding, Switches
from chainrule.inspect.check.witnesses import CentralDifferences, ComplexStep
from chainrule.inspect.reading.units import Units
from chainrule.inspect.step.trace import prediction_of
from chainrule.training.model import Model, describe
from chainrule.training.textbook.example import Example
from chainrule.training.whole_numbers import check_count, check_seed
from chainrule.words import word

ROWS = 100
"""So many rows are a batch for the check, unless told otherwise: enough to stir every unit, and few enough to be quick."""


@dataclass(frozen=True)
class GradientCheck:
    """What a gradient check found.

    Attributes:
        source: how messages call the table. ``rows``: how many rows were the batch; ``known``: how many the table has with a target.
        dtype: the model's float type. ``loss``: the loss of the batch. ``everything``: whether each weight was moved alone.
        layers: the gradients, one entry a parameter, from input to output.
        findings: what is switched on, and whether it works.
        names: what the places of a worst weight are called, by path.
        on_kinks: how many numbers stand exactly on a kink. ``left_out``: the rows that were left out because of one.
        same_as_derived: whether the step's backward pass is the one that today's rules derive, to the bit.
        suspects: the operations whose derivative rule is under suspicion.
    """

    source: str
    rows: int
    known: int
    dtype: str
    loss: float
    everything: bool
    layers: tuple[LayerCheck, ...]
    findings: tuple[Finding, ...]
    names: dict[str, str]
    on_kinks: int
    left_out: int
    same_as_derived: bool
    suspects: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether every gradient agrees, and everything that is switched on works."""
        return not self.wrong and all(finding.ok is not False for finding in self.findings)

    @property
    def wrong(self) -> tuple[LayerCheck, ...]:
        """The parameters whose gradient is wrong, from the output back: the first one is nearest to the mistake."""
        return tuple(layer for layer in reversed(self.layers) if not layer.ok)

    @property
    def compared(self) -> int:
        """How many derivatives were compared with the complex step."""
        return sum(layer.compared for layer in self.layers)

    @property
    def max_relative_error(self) -> float:
        """The largest error against the complex step, relative to the largest gradient of its parameter."""
        return max((layer.error for layer in self.layers), default=0.0)

    @property
    def weights(self) -> int:
        """How many weights and biases are trained."""
        return sum(layer.weights for layer in self.layers)

    def __str__(self) -> str:
        from chainrule.inspect.check.text import CheckText  # which imports this module

        return "\n".join(line.plain for line in CheckText(self).lines(100))

    def to_json(self) -> dict[str, Any]:
        """Return the check as JSON-ready data."""
        rounded = [layer.float32_error for layer in self.layers if layer.float32_error is not None]
        details = {layer.path: layer.to_json() | {"worst_name": self.names.get(layer.path)} for layer in self.layers}
        return {
            "ok": self.ok,
            "compared": self.compared,
            "max_relative_error": self.max_relative_error,
            "layers": {layer.path: layer.error for layer in self.layers},
            "tolerance": TOLERANCE,
            "wrong": [layer.path for layer in self.wrong],
            "suspects": list(self.suspects),
            "rows": self.rows,
            "loss": self.loss,
            "dtype": self.dtype,
            "weights": self.weights,
            "every_weight": self.everything,
            "differences": {
                "compared": sum(layer.differences for layer in self.layers),
                "kinks": sum(layer.kinks for layer in self.layers),
                "unsure": sum(layer.unsure for layer in self.layers),
                "max_relative_error": max((layer.difference_error for layer in self.layers), default=0.0),
            },
            "float32_max_relative_error": max(rounded, default=None),
            "on_kinks": self.on_kinks,
            "rows_left_out": self.left_out,
            "same_as_derived": self.same_as_derived,
            "details": details,
            "switches": [finding.to_json() for finding in self.findings],
        }


def check_gradients(model: Model, data: Any, *, rows: int | None = None, seed: int = 0) -> GradientCheck:
    """Check the gradients of a model on data, and that what its training switched on does something.

    The backward pass of the model's training Program, and the one that today's rules derive from its loss, are computed in float64 at the
    model's weights, and compared with the complex step (Squire and Trapp 1998) and with central differences. Of a network of at most
    1,000 parameters each weight is moved alone; of a larger one a sample of each layer's, and all weights of a layer at once.

    Args:
        model: a trained model, or one from a file.
        data: a file's path, the name of a bundled data set, or a data frame of raw rows.
        rows: at most so many rows are the batch, drawn at random; 100 unless given.
        seed: of the rows and the weights that are drawn.

    Raises:
        OptionError: the number of rows or the seed is out of range.
        DataError: no row has a known target, a column is missing, or a cell cannot be read.
    """
    most = check_count(word("rows"), ROWS if rows is None else rows)
    check_seed(seed)
    table = model.table(data)
    known = model.goal.known_rows(table)
    chosen = known
    if len(known) > most:
        random = np.random.Generator(np.random.Philox(seed))
        chosen = np.sort(random.choice(known, most, replace=False))
    subject = Subject(
        model.training,
        model.inference,
        model.best.copy(),
        model.batch(table, chosen),
        model.optimizer,
        tuple(model.layers),
        input_names=model.encoder.units,
        output_names=model.goal.output_names or (),
    )
    return check_subject(subject, table.source, len(known), seed=seed)


def check_example(example: Example, *, seed: int = 0) -> GradientCheck:
    """Check the gradients of a textbook example on its rows; see :func:`check_gradients`."""
    step = example.step
    subject = Subject(
        step.program,
        step.inference,
        example.state,
        step.batch(example.batch),
        step.optimizer.name,
        tuple(describe(example.network)),
        input_names=example.input_names,
        output_names=example.output_names,
    )
    return check_subject(subject, example.name, len(example.x), seed=seed)


def check_subject(subject: Subject, source: str, known: int, *, seed: int = 0) -> GradientCheck:
    """Check the gradients of any training Program on a batch; see :func:`check_gradients`.

    Args:
        subject: what is checked.
        source: how messages call the table. ``known``: how many rows it has.
        seed: of the weights that are drawn.
    """
    state, batch, backward = subject.state, subject.batch, Backward(subject.training)
    given = len(batch["y"])
    differences = CentralDifferences(backward.loss, state.inputs(batch))
    ambiguous = differences.ambiguous_rows()
    if 0 < len(ambiguous) < given:
        batch = {name: np.delete(array, ambiguous, 0) for name, array in batch.items()}
        differences = CentralDifferences(backward.loss, state.inputs(batch))
    arrays = state.inputs(batch)
    stored, derived = (backward.gradients(program, arrays, "float64") for program in (backward.stored, backward.derived))
    with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite, and is said
        rounded = backward.gradients(backward.derived, arrays, "float32") | backward.gradients(backward.stored, arrays, "float32")
    everything = sum(gradient.size for gradient in derived.values()) <= SMALL
    first = derived | stored
    same = all(np.array_equal(stored[path], derived[path], equal_nan=True) for path in stored)
    sources = [first] if same else [first, derived]
    comparer = Comparer(ComplexStep(backward.loss, arrays), differences, sources, rounded, everything, subject.dtype == "float32", seed)
    layers = tuple(comparer.layer(path) for path in backward.trainable)
    return GradientCheck(
        source=source,
        rows=len(batch["y"]),
        known=known,
        dtype=subject.dtype,
        loss=differences.loss,
        everything=everything,
        layers=layers,
        findings=Switches(replace(subject, batch=batch)).findings(),
        names=dict(_names(subject, layers)),
        on_kinks=differences.on_kinks(),
        left_out=given - len(batch["y"]),
        same_as_derived=same,
        suspects=_suspects(backward, layers) if same else (),
    )


def _names(subject: Subject, layers: Sequence[LayerCheck]) -> Iterator[tuple[str, str]]:
    """Yield for each parameter what its worst weight is called: ``hidden_1.weight[age,3]``."""
    program = subject.training
    names = {(port.value, 1): subject.input_names for port in program.by_role("x") if subject.input_names}
    prediction = prediction_of(program)
    if prediction is not None and subject.output_names:
        names[prediction, 1] = subject.output_names
    units = Units(program, len(subject.batch["y"]), names)
    for layer in layers:
        worst = layer.telling
        if worst is not None:
            everywhere = f"{layer.path}, all {layer.weights:,} at once"
            place = None if worst.index is None else ",".join(units.place(program.input(layer.path).value, worst.index))
            yield layer.path, everywhere if place is None else f"{layer.path}[{place}]"


def _suspects(backward: Backward, layers: Sequence[LayerCheck]) -> tuple[str, ...]:
    """Return the operations between the last wrong parameter and the right ones behind it, whose rules the mistake may be in.

    The chain rule goes from the loss back: a wrong rule spoils the gradients of all that lies before it. So the rule is one of those that
    the wrong parameter nearest to the output goes through, and none that a right parameter goes through as well.
    """
    wrong = [layer.path for layer in layers if not layer.ok]
    if not wrong:
        return ()
    reached = {layer.path: _on_the_way(backward, layer.path) for layer in layers}
    innocent = {place for layer in layers if layer.ok for place in reached[layer.path]}
    suspects = [place for place in reached[wrong[-1]] if place not in innocent]
    proven = {operation for operation, _ in innocent}  # an operation that is right elsewhere has a right rule
    chosen = [place for place in suspects if place[0] not in proven] or suspects
    return tuple(f"{operation} in {layer or 'the loss'}" for operation, layer in chosen)


def _on_the_way(backward: Backward, path: str) -> dict[tuple[str, str], None]:
    """Return the operations that lead from a parameter to the loss, each with its layer, in their order."""
    active = {backward.loss.input(path).value}
    found: dict[tuple[str, str], None] = {}
    for equation in backward.loss.equations:
        if any(value in active for value in equation.inputs):
            active.update(equation.outputs)
            found[equation.op.name, equation.layer] = None
    return found
