"""A model as a function of the units of its rows, in float64: its outputs, the one number that is explained, its gradient."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule import ops
from chainrule.backends import Runnable, compile
from chainrule.backends.reference import Reference
from chainrule.errors import FileFormatError
from chainrule.ir import Port, Program
from chainrule.ops import inline, trace
from chainrule.training.goal import Goal
from chainrule.training.metrics import decide, middle
from chainrule.training.model import Model
from chainrule.transforms import retype, reverse, simplify

Rows = NDArray[np.float64]
"""Encoded rows: [rows, units]."""
Function = Callable[[Rows], NDArray[np.float64]]
"""From encoded rows [rows, units] to one number a row [rows]."""

_BACKWARD: dict[str, Callable[[Any], Any]] = {"log": ops.exp, "log1p": ops.expm1}  # what undoes a target's transform, traced

_PART = 4096  # rows that are run at once, so that memory stays bounded


class Answers:
    """What a model answers to encoded rows.

    The model's own inference Program is run, as a float64 Program, so that differences of answers keep their digits.

    Args:
        model: any model.
        of: the target whose answers are asked for; the first one unless given.

    Attributes:
        target: that target. ``columns``: the columns that the model reads. ``groups``: for each of them the places of its units.

    Raises:
        OptionError: the model has no such target.
    """

    def __init__(self, model: Model, of: str | None = None) -> None:
        self.model = model
        self._place = model.goal.place_of(of)
        self.target = model.goal.targets[self._place]
        self.columns = tuple(code.column.name for code in model.encoder.codes)
        ends = np.cumsum([len(code.units) for code in model.encoder.codes])
        self.groups = tuple(np.arange(end - len(code.units), end) for code, end in zip(model.encoder.codes, ends, strict=True))
        arrays = {**model.best.params, **model.best.buffers}
        self._arrays = {name: a.astype("float64") if a.dtype.kind == "f" else a for name, a in arrays.items()}
        self.program = retype(model.inference, "float64")

    @property
    def classifies(self) -> bool:
        """Whether the answers are classes."""
        return self.target.task == "classification"

    def outputs(self, x: Rows) -> NDArray[np.float64]:
        """Return probabilities [rows, classes], or values [rows] in the target's units."""
        name = "probabilities" if self.classifies else "prediction"
        found = np.concatenate([self._run_plain({**self._arrays, "x": part})[name] for part in _parts(x)])
        answers = self.model.goal.answers({name: found})[self._place]
        quantiles = self.model.goal.quantiles
        return answers[:, middle(quantiles)] if quantiles and answers.ndim == 2 else answers

    def decide(self, outputs: NDArray[np.float64]) -> list[Any]:
        """Return one answer a row from :meth:`outputs`: a label in its own type, or a number."""
        if not self.classifies:
            return list(outputs.tolist())
        return list(self.target.decode_classes(decide(outputs, self.target.threshold)).tolist())

    def hidden(self, x: Rows) -> NDArray[np.float64]:
        """Return the outputs of the last hidden layer [rows, units]: what the last layer reads; without a hidden layer, x."""
        return np.concatenate([self._run_hidden({**self._arrays, "x": part})["hidden"] for part in _parts(x)])

    def explained(self, label: int | None = None) -> Explained:
        """Return the number that is explained: the log-odds of a class, by its place among the classes, or the value of a regression."""
        return Explained(self, answer_program(self.model.goal, self._place, self.program, label))

    @cached_property
    def _run_plain(self) -> Runnable:
        return compile(self.program)

    @cached_property
    def _run_hidden(self) -> Reference:
        return Reference(hidden_program(self.program))


class Explained:
    """One number a row that can be called, and differentiated by the units."""

    def __init__(self, answers: Answers, program: Program) -> None:
        self._arrays = answers._arrays
        self.program = program
        self._run = Reference(program)

    def __call__(self, x: Rows) -> NDArray[np.float64]:
        """Return the number of each row [rows].

        Raises:
            FileFormatError: it is NaN or infinite.
        """
        return _finite(np.concatenate([self._run({**self._arrays, "x": part})["answer"] for part in _parts(x)]))

    def gradient(self, x: Rows) -> tuple[NDArray[np.float64], Rows]:
        """Return the number of each row [rows], and its gradient by the row's units [rows, units].

        Raises:
            FileFormatError: one of them is NaN or infinite.
        """
        found = [self._reverse({**self._arrays, "x": part, "cotangent": np.ones(len(part))}) for part in _parts(x)]
        values, gradients = (np.concatenate([part[name] for part in found]) for name in ("answer", "d_x"))
        return _finite(values), _finite(gradients)

    @cached_property
    def _reverse(self) -> Reference:
        return Reference(reverse(self.program, ["x"], of="answer", cotangent="cotangent"))


def answer_program(goal: Goal, place: int, inference: Program, label: int | None) -> Program:
    """Return the Program from parameters, buffers and x to ``answer`` [B], a number of the target at a place among the targets.

    For a class c it is the log-odds ln(p_c / (1 − p_c)) = z_c − ln Σ_{k≠c} exp z_k, made of the logits z and not of rounded probabilities.
    A logit alone would not do: adding the same to all of them changes no answer. For a regression it is the value in the target's units.
    """

    target, quantiles = goal.targets[place], goal.quantiles
    start = sum(goal.sizes[:place])

    def answer(inputs: dict[str, Any]) -> dict[str, Any]:
        results = inline(inference, [inputs[port.name] for port in inference.inputs])
        prediction = dict(zip((port.name for port in inference.outputs), results, strict=True))["prediction"]
        if len(goal.targets) > 1:
            prediction = prediction[:, start : start + goal.sizes[place]]
        if label is None:
            if quantiles:  # of which the one nearest to ½ is the answer
                prediction = prediction[:, middle(quantiles) : middle(quantiles) + 1]
            undo = _BACKWARD.get(target.transform, lambda values: values)
            number = undo(prediction * float(target.scale) + float(target.mean))
        elif prediction.shape[1] == 1:
            number = prediction if label else -prediction
        else:
            others = [prediction[:, :label]] * (label > 0) + [prediction[:, label + 1 :]] * (label + 1 < prediction.shape[1])
            return {"answer": ops.sum(prediction[:, label : label + 1], 1) - ops.log_sum_exp(ops.concatenate(others, axis=1))}
        return {"answer": ops.sum(number, 1)}

    return simplify(trace(answer, {port.name: port.type for port in inference.inputs}))


def hidden_program(inference: Program) -> Program:
    """Return the Program to ``hidden``: what the last product with a parameter reads, or x where there is none."""
    parameters = {port.value for port in inference.by_role("parameter")}
    last = next((e for e in reversed(inference.equations) if e.op.name == "matmul" and e.inputs[1] in parameters), None)
    value = inference.input("x").value if last is None else last.inputs[0]
    return simplify(Program(inference.inputs, inference.equations, (Port("hidden", "hidden", value),)))


def _parts(x: Rows) -> Iterator[Rows]:
    return (x[start : start + _PART] for start in range(0, max(len(x), 1), _PART))


def _finite(numbers: NDArray[np.float64]) -> NDArray[np.float64]:
    if not np.isfinite(numbers).all():
        raise FileFormatError("the model's answer is NaN or infinite, its weights are damaged, so train again.")
    return numbers
