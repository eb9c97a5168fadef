"""Putting a report together, section by section, from what the folder of a run still tells."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from chainrule.errors import OptionError
from chainrule.inspect.diagnosis import diagnose
from chainrule.inspect.pictures.network import drawing_of
from chainrule.inspect.report.network import network_svg
from chainrule.inspect.report.page import facts, figure, page, section, sentence, table, verbatim
from chainrule.inspect.report.results import result_sections
from chainrule.inspect.report.training import course_sections
from chainrule.training.files import write_atomically
from chainrule.training.model import Model
from chainrule.training.options import Options
from chainrule.training.prepare import Prepared
from chainrule.training.record import RunRecord, open_run
from chainrule.words import setting

FILE = "report.html"
_MOST_COLUMNS, _SHOWN_COLUMNS = 200, 16  # that are listed, and that are listed in the open
_PARTS = {"train": "training", "valid": "validation", "test": "test"}


def write_report(run: str | Path, data: Any = None, out: str | Path | None = None) -> Path:
    """Write the report of a run as one HTML file, ``report.html`` in its folder unless ``out`` says otherwise; return its path.

    Args:
        run: the folder of the run. ``data``: its table, where it is not where it was, or was read from standard input.

    Raises:
        InputError: it is not the folder of a run, a file in it is damaged, or the report cannot be written.
    """
    record = open_run(run, data)
    path = record.path / FILE if out is None else Path(out)
    if path.is_dir():
        raise OptionError(f"{setting('out', path)} is a folder; name a file in it.")
    html = report_html(record)
    try:
        write_atomically(path, html.encode())
    except OSError as error:
        raise OptionError(
            f"the report cannot be written to {path}: {error.strerror or error}; name another file with {setting('out')}."
        ) from error
    return path


def report_html(record: RunRecord) -> str:
    """Return the report of a run as the text of one HTML file, which needs no other file and no network."""
    model, prepared = record.model, record.prepared
    best = int(record.report.get("best_epoch", 0))
    sections = [_outcome(record)]
    if model is not None and prepared is not None:
        sections.append(section("What was trained on what", _data(prepared, record) + _network(model)))
    elif model is not None:
        sections.append(section("What was trained", _network(model)))
    sections += list(course_sections(record.history, best))
    if model is not None and prepared is not None:
        sections += list(result_sections(model, prepared))
    sections += [section("Diagnosis", _diagnosis(record)), section("How to repeat it", _repeat(record))]
    return page(f"{record.name}: {_what(record)}", _under(record), sections)


def _what(record: RunRecord) -> str:
    return f"a network that predicts {record.model.goal.title}" if record.model is not None else "a run without a model yet"


def _under(record: RunRecord) -> str:
    report, made = record.report, record.about.get("made_with", {})
    seconds = f", {report['epochs']:,} epochs in {report['seconds']:g} s" if "epochs" in report else ""
    return f"A run of Chainrule {made.get('chainrule', '')}: {record.about.get('state', 'of unknown state')}{seconds}."


def _outcome(record: RunRecord) -> str:
    failed = (str(error),) if (error := record.about.get("error")) else ()
    stopped = sentence(f"Training stopped: {record.report['stopped']}.") if record.report.get("stopped") else ""
    return section("Outcome", outcome(record.report, (*record.said, *failed)) + stopped)


def outcome(report: Mapping[str, Any], said: Sequence[str] = ()) -> str:
    """Return what was measured of a model on each part of its rows and of the baselines, after sentences about what is missing."""
    parts = {words: report[name] for name, words in _PARTS.items() if name in report}
    if "cross_validation" in report:
        parts[f"mean of {len(report['cross_validation']['folds'])} folds"] = report["cross_validation"]["mean"]
    parts |= {f"baseline: {name}": metrics for name, metrics in report.get("baselines", {}).items()}
    names = dict.fromkeys(name for metrics in parts.values() for name in metrics)
    rows = [(name, *(f"{metrics[name]:.4g}" if name in metrics else "" for metrics in parts.values())) for name in names]
    measured = table(("metric", *parts), rows, "The network on each part, and the baselines beside it") if parts else ""
    return "".join(sentence(text[:1].upper() + text[1:], "bad") for text in said) + measured


def _data(prepared: Prepared, record: RunRecord) -> str:
    about = record.about.get("data", {})
    given = [
        ("data", f"{prepared.table.source}: {prepared.table.rows:,} rows, {prepared.table.frame.width:,} columns"),
        ("target", f"{prepared.goal.title} ({prepared.goal.task})"),
        ("rows", prepared.split.how),
        ("loss", prepared.goal.loss),
        ("optimizer", record.options.optimizer if record.options is not None else ""),
        ("SHA-256 of the data", str(about.get("sha256", "not known"))),
    ]
    inputs = prepared.encoder.sources.values()
    units = {name: list(inputs).count(name) for name in dict.fromkeys(inputs)}
    columns = [
        (column.name, column.kind, str(units.get(column.name, "")) or "no input", column.reason)
        for column in prepared.columns
        if column.name not in prepared.goal.names
    ]
    caption = f"The first {_MOST_COLUMNS} of {len(columns)} columns" if len(columns) > _MOST_COLUMNS else "The columns"
    shown = table(("column", "kind", "units", "how it is read"), columns[:_MOST_COLUMNS], caption)
    notes = "".join(f"<li>{escape(note.text)}</li>" for note in prepared.notes)
    if len(columns) > _SHOWN_COLUMNS:
        shown = f"<details><summary>{len(columns):,} columns</summary>{shown}</details>"
    return facts(given, "The data") + shown + (f"<details><summary>What was found out</summary><ul>{notes}</ul></details>" if notes else "")


def _network(model: Model) -> str:
    picture = drawing_of(model)
    return layers_table(model.layers) + figure(network_svg(picture), picture.says)


def layers_table(layers: Sequence[Mapping[str, Any]]) -> str:
    """Return the layers of a network, as :func:`chainrule.training.model.describe` tells them, as a table."""
    rows = [
        (
            layer["layer"],
            layer["does"],
            ", ".join(f"{path.rpartition('.')[2]} {' × '.join(map(str, shape))}" for path, shape in layer["parameters"].items()),
            f"{layer['count']:,}",
        )
        for layer in layers
    ]
    rows.append(("all", "", "", f"{sum(layer['count'] for layer in layers):,}"))
    return table(("layer", "computes", "parameters", "how many"), rows, "The layers")


def _diagnosis(record: RunRecord) -> str:
    found = diagnose(record)
    if found.healthy:
        return sentence(f"Nothing is wrong, as far as can be seen ({found.looked_at}).", "good")
    rows = [
        (
            finding.code,
            finding.layer,
            "" if finding.since_step is None else f"{finding.since_step:,}",
            finding.evidence,
            finding.advice,
        )
        for finding in found
    ]
    return table(("finding", "where", "since step", "evidence", "what to try"), rows, f"The cause first; looked at {found.looked_at}")


def _repeat(record: RunRecord) -> str:
    options = {name: value for name, value in record.about.get("options", {}).items() if value != _default(name)}
    data = record.about.get("data", {})
    command = f"chainrule train {'' if 'sha256' in data else 'TABLE '}--config {shlex.quote(str(record.path))}"
    made = ", ".join(f"{name} {version}" for name, version in record.about.get("made_with", {}).items())
    rows = [
        ("data", str(data.get("path", data.get("given", "")))),
        ("options that are not defaults", ", ".join(setting(name, value) for name, value in options.items()) or "none"),
        ("made with", made),
    ]
    return sentence(_promise(record)) + f"{verbatim(command, 'The command')}{facts(rows, 'What it was made of')}"


def _promise(record: RunRecord) -> str:
    """Say what the command that repeats a run does: one that the clock or a person stopped cannot be repeated exactly."""
    if record.about.get("options", {}).get("time_budget") is not None or record.about.get("state") not in ("done", "failed"):
        return "The clock or a person stopped this run. This command takes the same steps again, and may take more of them, or fewer:"
    if "sha256" not in record.about.get("data", {}):
        return "This command trains the same network again, bit for bit; the table was read from standard input and is not kept:"
    return "This command trains the same network again, bit for bit, from the same file:"


def _default(name: str) -> Any:
    value = getattr(Options, name, None)
    return list(value) if isinstance(value, tuple) else value
