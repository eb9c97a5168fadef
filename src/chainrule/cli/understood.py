"""What was understood of the data, and the network that was made for it, as a person reads them before the first step."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from chainrule.cli.options import flag_of
from chainrule.cli.output import plain_table
from chainrule.data.table import Note
from chainrule.data.target import Target
from chainrule.data.target_transform import AS_IT_IS, COUNTS, STANDARDIZE
from chainrule.data.visible import visible
from chainrule.training.numbers import number
from chainrule.training.options import Options
from chainrule.training.prepare import Prepared
from chainrule.training.train import NetworkBuilt

_MOST_ROWS = 24  # of a table of columns; more are summarized
_MOST_NOTES = 12
_MOST_CLASSES = 6
_MOST_TARGETS = 8


@dataclass(frozen=True)
class _Line:
    """One line of the table of columns: one column, or several that are alike."""

    name: str
    kind: str
    reason: str
    units: int
    used: bool


def show_understood(console: Console, prepared: Prepared, verbose: bool) -> None:
    """Print the file, the target and the task, the split, the columns, and what was found out."""
    facts = Table.grid(padding=(0, 2, 0, 0))
    facts.add_column(style="bold", no_wrap=True)
    facts.add_column()
    table = prepared.table
    facts.add_row("Data", f"{escape(table.source)}: {table.rows:,} rows, {table.frame.width:,} columns")
    several = len(prepared.goal.targets) > 1
    for target in prepared.goal.targets[:_MOST_TARGETS]:
        name = f"[bold]{escape(visible(target.column.name))}[/bold]"
        facts.add_row("Targets" if several else "Target", f"{name}: {escape(_task(target))}")
        facts.add_row("", escape(_answers(prepared, target)))
    if (more := len(prepared.goal.targets) - _MOST_TARGETS) > 0:
        facts.add_row("", f"and {more:,} more")
    facts.add_row("Split", escape(prepared.split.how))
    console.print(facts)
    console.print()
    columns = _columns_table(prepared, verbose)
    console.print(columns)
    if columns.row_count <= len(prepared.columns) - len(prepared.goal.names):  # the targets are no lines of it, the sum is one
        console.print("Similar columns share a line; --verbose lists each.", style="dim")
    console.print()
    _show_notes(console, prepared.notes, verbose)


def _task(target: Target) -> str:
    return f"{target.task}, because {target.reason}" + ("" if target.reason.endswith("--task") else "  (--task)")


def _answers(prepared: Prepared, target: Target) -> str:
    """Return which answers there are: the classes with their numbers of rows, or the mean and the spread."""
    if target.task == "regression":
        if target.transform == COUNTS:
            return f"counts, mean {number(target.scale)} in the training rows"
        if target.transform == AS_IT_IS:
            return "as it is, neither centered nor scaled"
        of = f"{target.transform}(value): " if target.transform != STANDARDIZE else ""
        return f"{of}mean {number(target.mean)}, standard deviation {number(target.scale)} in the training rows"
    rows = np.concatenate([prepared.split.train, prepared.split.valid, prepared.split.test])
    counts = Counter(dict(enumerate(np.bincount(target.encode(prepared.table, rows=rows), minlength=len(target.classes)).tolist())))
    shown = counts.most_common() if len(counts) <= _MOST_CLASSES else counts.most_common(_MOST_CLASSES - 1)
    words = [f"{_spelled(target.classes[place])} {count:,}" for place, count in shown]
    more = [f"{len(counts) - len(shown)} more"] if len(shown) < len(counts) else []
    own = {_spelled(c): weight for c, weight in zip(target.classes, target.class_weights, strict=False)}
    weighted = [f"{label} × {number(weight)}" for label, weight in list(own.items())[:_MOST_CLASSES]]
    return f"{len(counts)} classes: {', '.join(words + more)}" + (f"; weighted {', '.join(weighted)}" if own else "")


def _spelled(label: object) -> str:
    return str(label).lower() if isinstance(label, bool) else visible(str(label))


def _columns_table(prepared: Prepared, verbose: bool) -> Table:
    units = Counter(prepared.encoder.sources.values())
    roles = dict.fromkeys(prepared.goal.names, "target") | ({prepared.weight.name: "row weights"} if prepared.weight else {})
    lines = [
        _Line(column.name, roles.get(column.name, column.kind), column.reason, units[column.name], column.name in units)
        for column in prepared.columns
        if roles.get(column.name) != "target"
    ]
    if len(lines) > _MOST_ROWS and not verbose:
        lines = summarize(lines)
    table = plain_table("column", "kind", "how it is read", "units", right=(3,))
    table.columns[0].overflow = table.columns[2].overflow = "fold"
    for line in lines:
        shown = str(f"{line.units:,}") if line.used else "left out" if line.kind != "row weights" else ""
        table.add_row(Text(visible(line.name)), line.kind, Text(visible(line.reason)), shown, style="" if line.used else "dim")
    table.add_section()
    table.add_row(Text("inputs of the network", style="bold"), "", "", f"{units.total():,}")
    return table


def summarize(lines: Sequence[_Line]) -> list[_Line]:
    """Join columns that are alike: of one name but for its numbers (``pixel_0 … pixel_783``); if too many are left, those of one kind."""
    by_name = _joined(lines, [f"{re.sub(r'[0-9]+', '#', line.name)} {line.kind} {line.used}" for line in lines])
    if len(by_name) <= _MOST_ROWS:
        return by_name
    return _joined(lines, [f"{line.kind} {line.used}" for line in lines])


def _joined(lines: Sequence[_Line], keys: Sequence[str]) -> list[_Line]:
    groups: dict[str, list[_Line]] = {}
    for key, line in zip(keys, lines, strict=True):
        groups.setdefault(key, []).append(line)
    return [_join(group) for group in groups.values()]


def _join(group: Sequence[_Line]) -> _Line:
    first = group[0]
    if len(group) == 1:
        return first
    reasons = {line.reason for line in group}
    reason = first.reason if len(reasons) == 1 else ""
    middle = ", " if len(group) == 2 else " … "
    name = f"{first.name}{middle}{group[-1].name} ({len(group):,} columns)"
    return _Line(name, first.kind, reason, sum(line.units for line in group), first.used)


def _show_notes(console: Console, notes: Sequence[Note], verbose: bool) -> None:
    """Print what should be looked at, all of it, and then what was found out."""
    warnings, others = [note for note in notes if note.warning], [note for note in notes if not note.warning]
    if warnings:
        console.print("[bold yellow]Look at this first[/bold yellow]")
        console.print(_note_table([Text(visible(note.text)) for note in warnings], "!"))
        console.print()
    if not others:
        return
    shown = others if verbose or len(others) <= _MOST_NOTES else others[: _MOST_NOTES - 1]
    texts = [Text(visible(note.text)).append(f"  ({flag_of(note.option)})" if note.option else "", style="cyan") for note in shown]
    if len(shown) < len(others):
        texts.append(Text(f"and {len(others) - len(shown):,} more; --verbose shows all", style="dim"))
    console.print("[bold]Found out[/bold]  [dim](and the flag that changes it)[/dim]")
    console.print(_note_table(texts, "•"))
    console.print()


def _note_table(texts: Sequence[Text], mark: str) -> Table:
    table = Table.grid(padding=(0, 1))
    table.add_column(no_wrap=True)
    table.add_column()
    for text in texts:
        table.add_row(mark, text)
    return table


def show_network(console: Console, built: NetworkBuilt, options: Options, has_valid: bool) -> None:
    """Print the layers with their shapes and numbers of parameters, and how the network is trained."""
    table = plain_table("layer", "computes", "weight", "bias", "parameters", right=(4,))
    for layer in built.layers:
        shapes = {path.rpartition(".")[2]: " × ".join(map(str, shape)) for path, shape in layer["parameters"].items()}
        count = f"{layer['count']:,}" if shapes else ""
        table.add_row(layer["layer"], layer["does"], shapes.get("weight", ""), shapes.get("bias", ""), count)
    table.add_section()
    table.add_row(Text("all", style="bold"), "", "", "", f"{sum(layer['count'] for layer in built.layers):,}")
    console.print(table)
    console.print()
    hyper = ", ".join(f"{name} {value:g}" for name, value in built.optimizer.hyper.items())
    facts = Table.grid(padding=(0, 2, 0, 0))
    facts.add_column(style="bold", no_wrap=True)
    facts.add_column()
    facts.add_row("Loss", built.loss)
    facts.add_row("Optimizer", f"{built.optimizer.name}: {hyper}")
    facts.add_row("Batches", f"of {built.batch_size:,} rows")
    facts.add_row("Epochs", _epochs(built, options, has_valid))
    console.print(facts)
    console.print()


def _epochs(built: NetworkBuilt, options: Options, has_valid: bool) -> str:
    watched = f"validation {options.metric or 'loss'}" if has_valid else "loss"
    reasons = []
    if options.patience:
        reasons.append(f"after {options.patience} without a better {watched}")
    if options.until is not None:
        reasons.append(f"when {options.until}")
    if options.time_budget is not None:
        reasons.append(f"after {options.time_budget:g} s")
    return f"at most {built.epochs:,}" + (f"; stops {' or '.join(reasons)}" if reasons else "")
