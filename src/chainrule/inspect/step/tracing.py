"""Tracing a step of a model on one row of raw data, or of a training step on arrays."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from chainrule import optim
from chainrule.data.bundled import find_bundled
from chainrule.data.encode import UnitTrace
from chainrule.data.table import Table
from chainrule.data.target import rows_with_target
from chainrule.errors import DataError, OptionError, nearest
from chainrule.inspect.reading.recording import Recording
from chainrule.inspect.step.events import Answer, Circumstances, Operand, StepEvent
from chainrule.inspect.step.trace import StepTrace
from chainrule.ir import Program
from chainrule.optim import Optimizer
from chainrule.training.goal import TEMPERATURE
from chainrule.training.metrics import decide
from chainrule.training.model import Model, describe
from chainrule.training.program import training_program, without_update
from chainrule.training.state import State
from chainrule.training.step import Batch, TrainingStep
from chainrule.training.tasks import head_of
from chainrule.training.textbook.example import Example
from chainrule.words import setting, word

STATES = ("start", "best")
_NEGATIVE = re.compile(r"− -([^ )]+)")


def trace_step(
    model: Model,
    data: Any,
    row: int | Sequence[int],
    *,
    at: str = "best",
    optimizer: str | Optimizer | None = None,
    lr: float | None = None,
) -> StepTrace:
    """Run one training step of a model on one row, or on several as one batch, and return every number of it.

    Args:
        model: a trained model, or one from a file.
        data: a file's path, the name of a bundled data set, or a data frame of raw rows.
        row: the row, from 0; or several.
        at: ``"best"``, the weights that the model uses, or ``"start"``, those before the first step.
        optimizer: the name of another rule than that of the run, or an :class:`Optimizer`; its state is fresh.
        lr: another learning rate.

    Raises:
        OptionError: there is no such row, state or optimizer, or the rate is out of range.
        DataError: a cell of the row cannot be read, or its target is missing.
    """
    if at not in STATES:
        known = "start, the weights before the first step, and best, those of the model"
        raise OptionError(f"{setting('at', at)}: there are {known}.{nearest(at, STATES)}")
    state = (model.best if at == "best" else model.start).copy()
    program, state, rule, own_rate = _under_rule(model.training, state, model.optimizer, optimizer, lr)
    table = _table(model, data)
    chosen = _rows(table, row)
    _check_target(model, table, chosen)
    batch = model.batch(table, np.array(chosen))
    one = chosen[0] if len(chosen) == 1 else None
    goal = model.goal
    about = Circumstances(
        row=one,
        place=table.source if one is None else table.place(one),
        at=at,
        rule=rule,
        own_rule=optimizer is None,
        own_rate=own_rate,
        batch_size=model.report.get("batch_size"),
        target=goal.title,
        layers={layer["layer"]: layer["does"] for layer in model.layers},
        scaling=_scaling(model),
        inputs=() if one is None else tuple(_input_event(unit) for unit in model.encoder.explain(table, one)),
    )
    trace = StepTrace(program, state, batch, input_names=model.encoder.units, output_names=goal.output_names, about=about)
    if one is not None and len(goal.targets) == 1:
        trace.about = replace(about, answer=_answer(model, trace, batch, state))
    return trace


def trace_training_step(
    step: TrainingStep,
    state: State,
    batch: Batch,
    *,
    input_names: Sequence[str] | None = None,
    output_names: Sequence[str] | None = None,
) -> StepTrace:
    """Run one step of a training step on a batch of arrays, and return every number of it; the state is not taken over.

    Args:
        step: what :func:`chainrule.training_step` returns.
        state: the state before the step.
        batch: (x, y) or (x, y, w), rows first.
        input_names: names of the columns of x. ``output_names``: names of the network's outputs.

    Raises:
        TypeRuleError: the batch has other types than the network and the loss need.
    """
    state.check()
    arrays = step.batch(batch)
    program = step.compiled(step.signature_with_weights() if "w" in arrays else step.signature).program
    about = Circumstances(rule=step.optimizer.name)
    return StepTrace(
        *(program, state.copy(), arrays), input_names=input_names, output_names=output_names, about=about, backend=step.backend
    )


def trace_example(
    example: Example, rows: int | Sequence[int] | None = None, *, optimizer: str | Optimizer | None = None, lr: float | None = None
) -> StepTrace:
    """Run one training step of a textbook example, and return every number of it.

    Args:
        example: what :func:`chainrule.load_example` returns.
        rows: a row, from 0, or several; all of them unless given.
        optimizer, lr: as for :func:`trace_step`.

    Raises:
        OptionError: there is no such row or optimizer, or the rate is out of range.
    """
    chosen = example if rows is None else example.rows(rows)
    step, state = chosen.step, chosen.state
    program, state, rule, own_rate = _under_rule(step.program, state, step.optimizer.name, optimizer, lr)
    row = int(np.atleast_1d(rows)[0]) if rows is not None and np.size(rows) == 1 else 0 if len(chosen.x) == 1 else None
    about = Circumstances(
        row=row,
        place=example.name,
        title=f"{example.title} ({example.source})" if example.source else example.title,
        rule=rule,
        own_rule=optimizer is None,
        own_rate=own_rate,
        layers={layer["layer"]: layer["does"] for layer in describe(example.network)},
    )
    names, classes = example.input_names or None, example.output_names or None
    trace = StepTrace(program, state, step.batch(chosen.batch), input_names=names, output_names=classes, about=about, backend=step.backend)
    if len(chosen.x) == 1 and example.loss_name == "cross_entropy" and chosen.y.ndim == 1 and trace.prediction is not None:
        shares = head_of("cross_entropy")(trace.recording.values[trace.prediction])["probabilities"][0]
        labels = example.output_names or tuple(map(str, range(len(shares))))
        said = Answer(labels[int(shares.argmax())], labels[int(chosen.y[0])], dict(zip(labels, map(float, shares), strict=True)))
        trace.about = replace(about, answer=said)
    return trace


def _under_rule(
    program: Program, state: State, rule: str, optimizer: str | Optimizer | None, lr: float | None
) -> tuple[Program, State, str, float | None]:
    """Return a training Program and its state under another rule or rate, the rule's name, and its own rate where another is tried."""
    if optimizer is not None:
        chosen = _optimizer(optimizer, lr)
        return _with_rule(program, state, chosen), _fresh(program, state, chosen), chosen.name, None
    if lr is not None:
        return program, _with_rate(state, rule, lr), rule, state.hyper.get("lr")
    return program, state, rule, None


def _table(model: Model, data: Any) -> Table:
    known = find_bundled(data) if isinstance(data, str) else None
    return model.table(known.path if known else data)


def _rows(table: Table, row: int | Sequence[int]) -> list[int]:
    chosen = [row] if isinstance(row, (int, np.integer)) else list(row)
    for place in chosen:
        if not isinstance(place, (int, np.integer)) or isinstance(place, bool) or not 0 <= place < table.rows:
            raise OptionError(f"{setting('row', place)}: {table.source} has {table.rows:,} rows, 0 to {table.rows - 1}.")
    if not chosen:
        raise OptionError(f"{word('row')} names no row.")
    return [int(place) for place in chosen]


def _check_target(model: Model, table: Table, rows: Sequence[int]) -> None:
    for name in model.goal.names:
        known = set(rows_with_target(table, name).tolist())
        unknown = [row for row in rows if row not in known]
        if unknown:
            raise DataError(
                f"{table.place(unknown[0])}: the target '{name}' is missing in row {unknown[0]}, so there is no loss; choose another row."
            )


def _optimizer(optimizer: str | Optimizer, lr: float | None) -> Optimizer:
    if isinstance(optimizer, Optimizer):
        return optimizer
    if optimizer not in optim.OPTIMIZERS:
        known = ", ".join(optim.OPTIMIZERS)
        raise OptionError(f"{setting('optimizer', optimizer)} is not known; choose one of {known}.{nearest(optimizer, optim.OPTIMIZERS)}")
    make = optim.OPTIMIZERS[optimizer]
    return make() if lr is None else make(lr)


def _with_rule(program: Program, state: State, optimizer: Optimizer) -> Program:
    trainable = [port.name for port in program.outputs if port.role == "parameter"]
    return training_program(without_update(program), optimizer, trainable)


def _fresh(program: Program, state: State, optimizer: Optimizer) -> State:
    trainable = [port.name for port in program.outputs if port.role == "parameter"]
    slots = optimizer.init({path: state.params[path] for path in trainable})
    return replace(state, optimizer=slots, hyper=dict(optimizer.hyper), rate_scale=1.0, count=0)


def _with_rate(state: State, rule: str, lr: float) -> State:
    if "lr" not in state.hyper:
        raise OptionError(f"{word('lr')}: the rule of this run, {rule}, has no learning rate; choose another with {setting('optimizer')}.")
    if not lr > 0 or not np.isfinite(lr):
        raise OptionError(f"{word('lr')} is {lr!r} and must be a finite number above 0.")
    return replace(state, hyper=state.hyper | {"lr": float(lr)})


def _input_event(unit: UnitTrace) -> StepEvent:
    known = (("cell", unit.cell), ("value", unit.value), ("mean", unit.mean), ("scale", unit.scale))
    operands = tuple(Operand(name, number) for name, number in known if number is not None)
    how = _NEGATIVE.sub(r"− (−\1)", unit.how)
    return StepEvent("forward", "input", unit.unit, how, operands, unit.result, f"x[{unit.unit}]")


def _answer(model: Model, trace: StepTrace, batch: dict[str, np.ndarray], state: State) -> Answer:
    assert trace.prediction is not None
    said = trace.recording.values[trace.prediction]
    arrays = {**state.params, **state.buffers, "x": batch["x"]}
    plain = Recording(model.inference, arrays).outputs["prediction"]
    said = np.asarray(model.goal.head(said, state.buffers)["prediction"])
    meant = _meaning(model, said, batch["y"])
    if TEMPERATURE in state.buffers:
        meant = replace(meant, temperature=float(state.buffers[TEMPERATURE][0]))
    return meant if np.array_equal(said, plain) else replace(meant, undropped=_meaning(model, plain, batch["y"]))


def _meaning(model: Model, outputs: np.ndarray, y: np.ndarray) -> Answer:
    target = model.target
    if target.task == "regression":
        (values,) = model.goal.decide(model.goal.answers({"prediction": outputs}))
        return Answer(float(values[0]), float(target.decode_values(y[:, :1])[0]))
    probabilities = np.asarray(head_of(model.loss)(outputs)["probabilities"])
    chosen = int(decide(probabilities, target.threshold)[0])
    label, truth = (target.decode_classes(np.array([place]))[0] for place in (chosen, int(y.reshape(-1)[0])))
    shares = {str(name): float(share) for name, share in zip(target.classes, probabilities[0], strict=True)}
    return Answer(_plain(label), _plain(truth), shares)


def _scaling(model: Model) -> tuple[float, float] | None:
    """Return mean and scale where the answer is the network's output times the scale plus the mean."""
    if model.goal.outputs > 1 or model.goal.task != "regression" or model.target.transform not in ("standardize", "none"):
        return None
    return model.target.mean, model.target.scale


def _plain(label: Any) -> Any:
    return label.item() if isinstance(label, np.generic) else label
