"""The main job: one call trains a network on a table, and keeps everything that is needed to use it on raw rows."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Generator
from contextlib import nullcontext
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from chainrule import nn
from chainrule.data.table import Note
from chainrule.errors import DataWarning, NonFiniteError, OptionError
from chainrule.ir import Type
from chainrule.optim import Optimizer
from chainrule.training import trees as boosted
from chainrule.training.calibrate import Calibrated, calibrate
from chainrule.training.crossvalidate import FoldEnded, cross_validate
from chainrule.training.events import EpochEnded, Event, Stopped
from chainrule.training.loop import Loop, Metric, Settings
from chainrule.training.measures import Beside, measures
from chainrule.training.metrics import METRICS
from chainrule.training.model import Model, describe
from chainrule.training.optimizers import optimizer_named
from chainrule.training.options import AUTO, Options
from chainrule.training.prepare import Part, Prepared, divide, encode, fold, judge
from chainrule.training.program import inference_program
from chainrule.training.sources import read_sources
from chainrule.training.step import training_step
from chainrule.training.suspicions import with_suspicions
from chainrule.training.tasks import SHOWN_METRICS
from chainrule.training.trees import Trees
from chainrule.training.until import check_names, names_in, until
from chainrule.training.watching import watching
from chainrule.words import setting, word


@dataclass(frozen=True)
class Understood:
    """The data was read, its columns judged, its rows split."""

    prepared: Prepared


@dataclass(frozen=True)
class NetworkBuilt:
    """The network is made: its layers as rows of a table, the loss, the optimizer with its hyper-parameters, the batch size, the epochs.

    ``loop`` is what trains it, before its first step.
    """

    layers: list[dict[str, Any]]
    loss: str
    optimizer: Optimizer
    batch_size: int
    epochs: int
    loop: Loop


@dataclass(frozen=True)
class Trained:
    """The model has its weights, the best ones; what it is worth is not measured yet, and is added to its report afterwards."""

    model: Model


TrainEvent = Understood | NetworkBuilt | Trained | FoldEnded | Event


def train(
    data: Any,
    target: Any = None,
    *,
    on_event: Callable[[TrainEvent], None] | None = None,
    progress: bool | None = None,
    **options: Any,
) -> Model:
    """Train a network on a table.

    Args:
        data: a file's path, the name of a bundled data set (``"penguins"``), or any data frame.
        target: the column to predict, or a list of several; may be left out for a bundled data set.
        on_event: is called with everything that happens, in order.
        progress: whether a bar shows how far the training is; by default only in a notebook.
        options: the words of the command line, see :class:`chainrule.training.options.Options`: ``hidden=(64, 64)``, ``epochs=50`` …

    Returns:
        The model with the best weights; it takes raw rows. After Ctrl-C, the best so far, with a warning; a Ctrl-C while the model is
        measured leaves the measures out. What is doubtful about the data is warned of (:class:`~chainrule.errors.DataWarning`), and
        stands in ``report["warnings"]``.

    Raises:
        InputError: the data or an option cannot be used.
        NonFiniteError: the loss became NaN or infinite before a single epoch was done.
    """
    job = train_events(data, target, Options.of(options))
    follow = watching(on_event, progress)
    model: Model | None = None
    error = ""
    while True:
        try:
            event = next(job)
        except StopIteration as done:
            model = done.value
            break
        except KeyboardInterrupt:
            if model is None:
                raise
            warnings.warn("measuring was interrupted; the model is whole, and its report has no metrics.", stacklevel=2)
            break
        follow(event)
        if isinstance(event, Understood):
            for doubt in event.prepared.doubts:
                warnings.warn(doubt, DataWarning, stacklevel=2)
        if isinstance(event, Trained):
            model = event.model
        if isinstance(event, Stopped) and (event.interrupted or event.error):
            if event.error and not event.epochs:
                error = event.error
                continue
            what = "interrupted" if event.interrupted else event.error
            warnings.warn(f"training stopped early ({what}); the model has the best weights so far.", stacklevel=2)
    assert model is not None  # it comes with the last event
    if error:
        failure = NonFiniteError(error)
        failure.run = model
        raise failure
    return model


def train_events(data: Any, target: Any, options: Options, trees: Trees | None = None) -> Generator[TrainEvent, None, Model]:
    """Train, yield everything that happens, and return the model; see :func:`train`. ``trees`` are there already, or begin to load."""
    with boosted.trees(options.trees) if trees is None else nullcontext(trees) as trees:
        judged = judge(read_sources(data, target, options), options)
        folds = fold(judged, options)
        prepared = encode(judged, divide(judged, options), options)
        if folds is not None:
            prepared = replace(prepared, notes=(*prepared.notes, Note(folds.how, "folds"), *folds.notes))
        if isinstance(options.until, str):
            check_names(options.until, _names_of_values(prepared))
        if options.metric is not None:
            _check_measurable(options.metric, prepared)
        prepared = with_suspicions(prepared, options)
        yield Understood(prepared)
        beside = Beside(prepared, trees) if folds is None else None  # each fold has its own
        model = yield from train_prepared(prepared, options)
        model.source = data, target, options
        yield Trained(model)
        model.report.update(measures(model, prepared, beside))
        if folds is not None:
            model.cross_validation = yield from cross_validate(judged, folds, options, lambda part: _train_fold(part, options, trees))
            model.report |= {"cross_validation": model.cross_validation.report(), "baselines": model.cross_validation.baselines}
            for name, found in model.cross_validation.targets.items():
                model.report["targets"][name] |= found
    return model


def _train_fold(prepared: Prepared, options: Options, trees: Trees | None) -> tuple[Model, Beside]:
    """Train on one fold, beside the baselines that its test rows will measure; a Ctrl-C ends it."""
    beside = Beside(prepared, trees)
    job = train_prepared(prepared, replace(options, statistics=False))
    try:
        while True:
            event = next(job)
            if isinstance(event, Stopped) and event.interrupted:
                raise KeyboardInterrupt
    except StopIteration as done:
        return done.value, beside


def loop_of(prepared: Prepared, options: Options) -> Loop:
    """Return the loop that trains on rows that are prepared, before its first step."""
    batch_size, epochs = _sizes(options, len(prepared.train.x))
    network = nn.mlp(
        len(prepared.encoder.units),
        options.hidden,
        prepared.goal.outputs,
        activation=options.activation,
        dropout=options.dropout,
    )
    optimizer = optimizer_named(options.optimizer, options.lr, options.weight_decay)
    y = prepared.goal.y_type(options.dtype)
    step = training_step(network, prepared.goal.function, optimizer, y=y, dtype=options.dtype, backend=options.backend)
    settings = _settings(options, batch_size, epochs)
    return Loop(step, prepared.train.batch(), settings, step.init(options.seed), _batch(prepared.valid), _metrics(prepared, options))


def train_prepared(prepared: Prepared, options: Options) -> Generator[TrainEvent, None, Model]:
    """Train on rows that are prepared, yield everything that happens, and return the model, which is not measured yet."""
    run = loop_of(prepared, options)
    step, network, start = run.step, run.step.network, run.start.copy()
    assert isinstance(network, nn.Sequential)  # loop_of makes it
    layers, (batch_size, epochs) = describe(network), _sizes(options, len(prepared.train.x))
    yield NetworkBuilt(layers, prepared.goal.loss, step.optimizer, batch_size, epochs, run)
    stopped: Stopped | None = None
    for event in run.events():
        stopped = event if isinstance(event, Stopped) else stopped
        if not isinstance(event, Stopped):
            yield event
    assert stopped is not None  # the loop ends with it
    if stopped.row is not None:
        place = prepared.train.place(stopped.row)
        stopped = replace(stopped, error=f"{stopped.error} Row {stopped.row} of the training rows comes from {place}.")
    yield stopped
    signature = step.signature if prepared.train.w is None else step.signature_with_weights()
    calibrated = calibrate(prepared, options, step, run.best) if stopped.best_epoch else Calibrated(prepared.goal)
    run.best.buffers, start.buffers = calibrated.buffers(), calibrated.buffers(at_start=True)
    buffers = {name: Type.of(array) for name, array in run.best.buffers.items()}
    return Model(
        step.compiled(signature).program,
        inference_program(network, step.params, buffers, step.signature, prepared.goal.head),
        run.best,
        start,
        prepared.encoder,
        calibrated.goal,
        options.optimizer,
        layers,
        _report(prepared, stopped, batch_size),
        prepared.reading,
        prepared.weight,
        run.history,
    )


def _sizes(options: Options, rows: int) -> tuple[int, int]:
    """Return the batch size and the largest number of epochs: enough of them for 3,000 updates, and 100 at least."""
    automatic = 32 if rows < 5_000 else 128 if rows < 50_000 else 256
    size = rows if options.batch_size == "all" else automatic if options.batch_size == AUTO else int(options.batch_size)
    size = min(size, rows)
    return size, max(100, math.ceil(3_000 / math.ceil(rows / size))) if options.epochs == AUTO else int(options.epochs)


def _settings(options: Options, batch_size: int, epochs: int) -> Settings:
    metric = METRICS.get(options.metric or "")
    return Settings(
        epochs=epochs,
        batch_size=batch_size,
        patience=options.patience or None,
        time_budget=options.time_budget,
        until=until(options.until) if isinstance(options.until, str) else options.until,
        watch=metric.name if metric else "loss",
        greater_is_better=metric.greater_is_better if metric else False,
        threads=options.threads,
        statistics=options.statistics,
        stands=True,
    )


def _names_of_values(prepared: Prepared) -> list[str]:
    """Return the names that the history of a run can have."""
    metrics = [name for name, metric in METRICS.items() if metric.task == prepared.goal.task]
    measured = ["valid_loss", *metrics, *(f"valid_{name}" for name in metrics)] if prepared.valid else []
    return [*(item.name for item in fields(EpochEnded) if item.name not in ("valid", "best")), *measured]


def _metrics(prepared: Prepared, options: Options) -> dict[str, Metric]:
    """Return the metrics that are measured on the validation rows after each epoch: the task's own, and those that a condition asks for."""
    task = prepared.goal.task
    asked = {options.metric} | {name.removeprefix("valid_") for name in (names_in(options.until) if isinstance(options.until, str) else ())}
    names = [name for name, metric in METRICS.items() if metric.task == task and (name in asked or name in SHOWN_METRICS[task])]
    return {name: _measuring(prepared, name) for name in names}


def _check_measurable(name: str, prepared: Prepared) -> None:
    """Refuse a metric that no weights could be chosen by."""
    goal, valid, said = prepared.goal, prepared.valid, setting("metric", name)
    if valid is None:
        raise OptionError(f"{said} is measured on validation rows, and there are none; leave it out, or ask for some with {word('split')}.")
    truth = goal.truth(valid.table)
    anything = [np.ones((len(y), len(target.classes)) if target.classes else len(y)) for y, target in zip(truth, goal.targets, strict=True)]
    if math.isnan(goal.metric(name, truth, anything, valid.weights)):
        raise OptionError(f"{said} has no value {METRICS[name].undefined}, and the validation rows are such; choose another metric.")


def _measuring(prepared: Prepared, name: str) -> Metric:
    """Return a metric of the network's outputs on the validation rows, by the weights of these rows."""
    goal, valid = prepared.goal, prepared.valid
    if valid is None:
        return lambda prediction, y: math.nan
    truth = goal.truth(valid.table)
    return lambda prediction, y: goal.metric(name, truth, goal.answers(goal.head(prediction)), valid.weights)


def _batch(part: Part | None) -> tuple[Any, ...] | None:
    return None if part is None else part.batch()


def _report(prepared: Prepared, stopped: Stopped, batch_size: int) -> dict[str, Any]:
    parts = {"train": prepared.train, "valid": prepared.valid, "test": prepared.test}
    return {
        "task": prepared.goal.task,
        "target": prepared.goal.names[0] if len(prepared.goal.names) == 1 else list(prepared.goal.names),
        "seconds": round(stopped.seconds, 3),
        "stopped": stopped.reason,
        "epochs": stopped.epochs,
        "best_epoch": stopped.best_epoch,
        "batch_size": batch_size,
        **({"error": stopped.error, "row": stopped.row} if stopped.error else {}),
        "rows": {name: 0 if part is None else len(part.x) for name, part in parts.items()},
        **({"warnings": prepared.doubts} if prepared.doubts else {}),
    }
