"""Gathering what a diagnosis looks at: from a run's folder, a model, a run on arrays, or a history alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from chainrule.data.cells import read_column
from chainrule.data.target import Target
from chainrule.errors import InputError, NonFiniteError, OptionError
from chainrule.inspect.diagnosis.measurements import Measurements, Plan, Rows
from chainrule.losses import LOSSES
from chainrule.nn import Dropout, Sequential
from chainrule.training.events import History
from chainrule.training.fit import Run
from chainrule.training.model import Model
from chainrule.training.model_file import load
from chainrule.training.options import Options
from chainrule.training.prepare import Part, Prepared, prepare
from chainrule.training.record import RunRecord, open_run
from chainrule.training.run_folder import RUN
from chainrule.words import setting

Gathered = tuple[Measurements, list[str]]
"""The measurements, and a sentence for each thing that is missing and was done without."""


def gather(subject: Any, data: Any = None) -> Gathered:
    """Return what is known of a run.

    Args:
        subject: the folder of a run, what was read of it (:class:`RunRecord`), a :class:`Model`, a :class:`Run` of ``fit``, a
            :class:`History`, or a :class:`NonFiniteError` that ended a training.
        data: the table that it was trained on, where it is not where it was.

    Raises:
        InputError: it is none of these; or there is neither a history nor data to look at.
    """
    if isinstance(subject, NonFiniteError) and subject.run is not None:
        subject = subject.run
    if isinstance(subject, (str, Path)):
        return _of_folder(Path(subject), data)
    if isinstance(subject, RunRecord):
        return _of_record(subject)
    if isinstance(subject, Model):
        return _of_model(subject, data)
    if isinstance(subject, Run):
        return _of_run(subject), []
    if isinstance(subject, History):
        return Measurements(subject), ["only the history is known: nothing is said of the rows and the weights."]
    raise InputError(f"diagnose takes the folder of a run, a model, a run of cr.fit or a history, and was given {type(subject).__name__}.")


# a run on arrays


def _of_run(run: Run) -> Measurements:
    step = run.step
    rows = _arrays(step.batch(run.data))
    prediction = step.inference.output("prediction").type
    loss = _loss_name(step.loss)
    outputs = int(prediction.shape[-1]) if len(prediction.shape) == 2 and isinstance(prediction.shape[-1], int) else 1
    one_label = rows.y.ndim == 1 or rows.y.shape[-1] == 1
    classes = outputs if loss == "cross_entropy" and rows.y.ndim == 1 else 2 if loss == "binary_cross_entropy" and one_label else 0
    batch = len(rows) if run.settings.batch_size is None else run.settings.batch_size
    dropout = 0.0
    if isinstance(step.network, Sequential):
        dropout = max((layer.rate for layer in step.network.layers.values() if isinstance(layer, Dropout)), default=0.0)
    return Measurements(
        run.history,
        program=step.program if rows.w is None else step.compiled(step.signature_with_weights()).program,
        start=run.start,
        best=run.best,
        predict=None if isinstance(run.data[0], dict) else partial(step.predict, run.best),
        loss=loss,
        train=rows,
        held_out={} if run.validation is None else {"valid": _arrays(step.batch(run.validation))},
        classes=classes,
        target="y",
        plan=Plan(batch, run.settings.epochs, run.settings.patience, step.optimizer.name, dropout),
        error=run.stopped.error,
        row=run.stopped.row,
        stopped=run.stopped.reason,
    )


def _arrays(batch: Mapping[str, np.ndarray]) -> Rows:
    """Return a batch as rows: a dict of arrays side by side, each row flat."""
    parts = [array.reshape(len(array), -1) for name, array in batch.items() if name == "x" or name.startswith("x.")]
    return Rows(np.concatenate(parts, axis=1), batch["y"], batch.get("w"))


def _loss_name(loss: Any) -> str:
    """Return the name of one of the package's losses, and an empty text for another function."""
    function = loss.func if isinstance(loss, partial) else loss
    return next((name for name, known in LOSSES.items() if known is function), "")


# a run on a table


def _of_folder(path: Path, data: Any) -> Gathered:
    if path.suffix == ".safetensors" and path.is_file() and not (path.parent / RUN).is_file():
        return _of_model(load(path), data)
    return _of_record(open_run(path, data))


def _of_record(run: RunRecord) -> Gathered:
    found = _on_table(run.history, run.model, run.prepared, run.options, run.report)
    return replace(found, error=run.about.get("error") or "", row=run.about.get("row")), list(run.said)


def _of_model(model: Model, data: Any) -> Gathered:
    if model.source is not None:
        given, target, options = model.source
        prepared = prepare(given if data is None else data, target, options)
        found = _on_table(model.history, model, prepared, options, model.report)
        return replace(found, error=model.report.get("error", ""), row=model.report.get("row")), []
    if data is None:
        raise OptionError(
            "this is a model file alone, without the run's history and without its data: diagnose the folder of the run, or give the "
            f"table with {setting('data')}."
        )
    options = Options.of({"split": "100", **model.reading} | ({"weight": model.weight.name} if model.weight else {}))
    prepared = prepare(data, list(model.goal.names), options)
    said = ["it has no history: nothing is said of the course of the run, and all rows of the table are taken as training rows."]
    return _on_table(model.history, model, prepared, options, model.report), said


def _on_table(
    history: History, model: Model | None, prepared: Prepared | None, options: Options | None, report: Mapping[str, Any]
) -> Measurements:
    found = Measurements(history, of_table=True, stopped=str(report.get("stopped", "")))
    if options is not None:
        batch = report.get("batch_size") or (options.batch_size if isinstance(options.batch_size, int) else 32)
        epochs = options.epochs if isinstance(options.epochs, int) else len(history.epochs)
        found = replace(found, plan=Plan(batch, epochs, options.patience, options.optimizer, options.dropout))
        found = replace(found, forced_task=options.task or "")
    if model is not None:
        found = replace(found, program=model.training, start=model.start, best=model.best, loss=model.loss)
    if prepared is None:
        return found
    if model is not None and len(model.encoder.units) == prepared.train.x.shape[1]:
        found = replace(found, predict=_predictor(model))
    goal = prepared.goal
    found = replace(
        found,
        loss=prepared.goal.loss,
        train=_rows(prepared.train),
        held_out={name: _rows(part) for name, part in (("valid", prepared.valid), ("test", prepared.test)) if part is not None},
        columns=list(prepared.encoder.sources.values()),
        constant=_constant(prepared),
        target=f"'{goal.title}'",
    )
    if len(goal.targets) == 1:
        return _of_target(replace(found, trees=_trees(report)), goal.targets[0], prepared)
    return replace(found, alone=[_alone(found, place, prepared) for place in range(len(goal.targets))])


def _trees(report: Mapping[str, Any]) -> float | None:
    """Return the share of the guessing error on held-out rows that the baseline of trees takes away, if it was trained."""
    baselines = report.get("baselines") or {}
    trees, constant = baselines.get("trees") or {}, baselines.get("constant") or {}
    if "r2" in trees:
        return float(trees["r2"])
    if "accuracy" in trees and constant.get("accuracy", 1.0) < 1:
        return float(1 - (1 - trees["accuracy"]) / (1 - constant["accuracy"]))
    return None


def _of_target(found: Measurements, target: Target, prepared: Prepared) -> Measurements:
    """Add what is known of a target."""
    return replace(
        found,
        classes=len(target.classes),
        labels=[str(label) for label in target.classes],
        raw_target=target.values(prepared.train.table) if target.task == "regression" else None,
    )


def _alone(found: Measurements, place: int, prepared: Prepared) -> Measurements:
    """Return what is known of one of several targets, by its place among them."""
    goal = prepared.goal
    target, end = goal.targets[place], sum(goal.sizes[: place + 1])
    outputs = slice(end - goal.sizes[place], end)
    labeled = goal.loss == "cross_entropy"  # y has a column of labels for each target, and for other losses one for each output

    def own(rows: Rows) -> Rows:
        return replace(rows, y=rows.y[:, place] if labeled else rows.y[:, outputs])

    whole = found.predict
    one = replace(
        found,
        history=History(),
        train=None if found.train is None else own(found.train),
        held_out={name: own(rows) for name, rows in found.held_out.items()},
        predict=None if whole is None else lambda x: whole(x)[:, outputs],
        target=f"'{target.column.name}'",
    )
    return _of_target(one, target, prepared)


def _constant(prepared: Prepared) -> dict[str, str]:
    """Return the columns of the table that were left out because they hold one value, with that value."""
    found = {}
    for column in prepared.columns:
        if column.kind == "constant":
            cells = read_column(prepared.table, replace(column, kind="category")).drop_nulls()
            found[column.name] = f"'{cells[0]}'" if len(cells) else "nothing"
    return found


def _rows(part: Part) -> Rows:
    return Rows(part.x, part.y, part.w, part.rows, part.table.place)


def _predictor(model: Model) -> Any:
    from chainrule.backends import compile

    run = compile(model.inference)
    arrays = {**model.best.params, **model.best.buffers}

    def predict(x: np.ndarray) -> np.ndarray:
        found: np.ndarray = run({**arrays, "x": np.asarray(x, model.dtype)})["prediction"]
        return np.log(found) if model.loss == "poisson" else found  # inference gives the rate, and the loss takes its logarithm

    return predict
