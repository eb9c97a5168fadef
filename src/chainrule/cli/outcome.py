"""How a training ended: why it stopped, what the network is worth beside the baselines, where the files are, and what to do next."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.text import Text

from chainrule.cli.output import plain_table, say
from chainrule.data.visible import visible
from chainrule.training.answers import spelled_class
from chainrule.training.crossvalidate import FoldEnded
from chainrule.training.events import Stopped
from chainrule.training.goal import Goal
from chainrule.training.metrics import METRICS
from chainrule.training.model import Model
from chainrule.training.numbers import duration, measure
from chainrule.training.run_folder import CHECKPOINT, RunFolder
from chainrule.training.tasks import SHOWN_METRICS

_PARTS = ("train", "valid", "test")
_SAID = {"train": "training", "valid": "validation", "test": "test"}
_MOST_TARGETS = 8  # that are told apart on the screen


def show_stop(console: Console, stopped: Stopped) -> None:
    """Print why training stopped, and which weights are kept."""
    kept = f"the weights of epoch {stopped.best_epoch}, the best, are kept" if stopped.best_epoch else "the weights are kept as they were"
    epochs = f"{stopped.epochs:,} {'epoch' if stopped.epochs == 1 else 'epochs'}"
    say(console, f"[bold]Stopped[/bold] after {epochs} ({duration(stopped.seconds)}): {escape(stopped.reason)}; {kept}.")
    console.print()


def show_outcome(console: Console, model: Model, metric: str | None) -> None:
    """Print the metrics of the network beside those of the baselines, and which of them is better."""
    report = model.report
    parts = {part: {name: measure(value) for name, value in report[part].items()} for part in _PARTS if part in report}
    if "cross_validation" in report:
        parts[_folds(report)] = _with_deviations(report["cross_validation"])
    rows, own = _measured(report)
    beside = report["baselines"]
    table = plain_table("", *parts, *beside, right=tuple(range(1, 1 + len(parts) + len(beside))))
    table.columns[0].no_wrap = True
    judged_by = metric or model.goal.headline
    for name in metrics_for_people(model, own, judged_by):
        cells = [part.get(name, measure(None)) for part in parts.values()]
        cells += [measure(metrics.get(name)) for metrics in beside.values()]
        table.add_row(Text(name, style="bold" if name == judged_by else ""), *cells)
    console.print(table)
    names = list(beside)
    listed = f"{', '.join(names[:-1])} and {names[-1]}"
    say(console, f"{listed} are the baselines, {rows}; {units_of(model)}", "dim")
    show_thresholds(console, model)
    console.print()
    if "targets" in report:
        _show_targets(console, report, judged_by)
    say(console, _verdict(model, metric))
    console.print()


def _show_targets(console: Console, report: Mapping[str, Any], name: str) -> None:
    """Print one metric of each of several targets."""
    parts = {part: part for part in _PARTS if part in report}
    if "cross_validation" in report:
        parts[_folds(report)] = "cross_validation"
    columns = [*parts, *report["baselines"]]
    table = plain_table(f"{name} of", *columns, right=tuple(range(1, 1 + len(columns))))
    table.columns[0].overflow = "fold"
    for target, found in list(report["targets"].items())[:_MOST_TARGETS]:
        measured = {column: found.get(part, {}) for column, part in parts.items()} | found.get("baselines", {})
        table.add_row(Text(visible(target)), *(measure(measured.get(column, {}).get(name)) for column in columns))
    console.print(table)
    if (more := len(report["targets"]) - _MOST_TARGETS) > 0:
        say(console, f"and {more:,} more targets: run.json has all of them", "dim")
    console.print()


def _folds(report: Mapping[str, Any]) -> str:
    return f"{len(report['cross_validation']['folds'])} folds"


def show_fold(console: Console, fold: FoldEnded, goal: Goal, metric: str | None) -> None:
    """Print a line for a fold of cross-validation, with the metric asked for or the goal's own beside the task's."""
    names = dict.fromkeys([*SHOWN_METRICS[goal.task], metric or goal.headline])
    shown = "  ".join(f"{name} {measure(fold.test.get(name))}" for name in names)
    console.print(f"fold {fold.fold} of {fold.folds}: {shown}  ({fold.rows:,} rows, {fold.epochs:,} epochs, {duration(fold.seconds)})")


def _with_deviations(found: Mapping[str, Any]) -> dict[str, str]:
    deviation = found["deviation"]
    return {name: f"{measure(mean)} ± {measure(deviation.get(name))}" for name, mean in found["mean"].items()}


def _measured(report: Mapping[str, Any]) -> tuple[str, Mapping[str, float]]:
    """Return on which rows the network is judged, in words, and its metrics there."""
    if "cross_validation" in report:
        return "on average over the folds", report["cross_validation"]["mean"]
    part = _judged_part(report)
    return f"on the {_SAID[part]} rows", report.get(part, {})


def _judged_part(report: Mapping[str, Any]) -> str:
    return next((part for part in ("cross_validation", "test", "valid") if part in report), "train")


def metrics_for_people(model: Model, names: Iterable[str], asked: str | None = None) -> list[str]:
    """Leave out, unless it is asked for, what only programs read: the square of rmse, and what quantiles or counts are measured by where
    none were learned."""
    own = {"pinball": "pinball", "poisson_deviance": "poisson"}
    return [name for name in names if name == asked or (name != "mse" and own.get(name, model.loss) == model.loss)]


def units_of(model: Model) -> str:
    """Say in which units the metrics are, and which class they are about."""
    mean = "each is the mean over the targets; " if len(model.goal.targets) > 1 else ""
    if model.goal.task == "regression":
        units = f"rmse and mae are in the units of {escape(model.goal.title)}; of r2, at most 1, more is better, of the others less"
        return f"{mean}{units}"
    about = ""
    if len(model.goal.targets) == 1 and len(model.goal.targets[0].classes) == 2:
        about = f"; pr_auc is about the class '{escape(visible(spelled_class(model.goal.targets[0].classes[1])))}'"
    return f"{mean}of log_loss and brier less is better, of the others more; the best is 1{about}"


def show_thresholds(console: Console, model: Model) -> None:
    """Print from which probability on the second of two classes is answered, where it is not the more probable one."""
    for target in model.goal.targets:
        if target.threshold is not None:
            label, name = (escape(visible(text)) for text in (spelled_class(target.classes[1]), target.column.name))
            say(console, f"the class '{label}' of {name} is answered from a probability of {measure(target.threshold)} on", "dim")


_BASELINES = {"constant": "always giving the same answer", "linear": "a linear model", "trees": "a model of gradient-boosted trees"}


def _verdict(model: Model, metric: str | None) -> Text:
    """Say in one line whether the network beats the baselines, by the metric asked for or the task's own."""
    name = metric or model.goal.headline
    rows, metrics = _measured(model.report)
    if "targets" in model.report:
        return _verdict_of_each(name, rows, model.report)
    own, (best, value) = metrics.get(name), _best(name, model.report["baselines"])
    if own is None or value is None:
        return Text()
    what = _BASELINES[best]
    if value == own:
        return Text(f"{what.capitalize()} does as well as this network {rows} ({name} {measure(own)}).", style="yellow")
    if _better(name, value, own):
        return Text(
            f"{what.capitalize()} is better than this network {rows} ({name} {measure(value)} against {measure(own)}).", style="yellow"
        )
    return Text(f"The network is better than all baselines {rows} ({name} {measure(own)} against {measure(value)}).", style="green")


def _verdict_of_each(name: str, rows: str, report: Mapping[str, Any]) -> Text:
    """Say in one line for which of several targets a baseline is better, and which one."""
    beaten, measured = [], 0
    for target, found in report["targets"].items():
        own, (best, value) = found.get(_judged_part(found), {}).get(name), _best(name, found["baselines"])
        measured += own is not None and value is not None
        if own is not None and value is not None and not _better(name, own, value):
            beaten.append(f"{target} ({best}: {measure(value)} against {measure(own)})")
    if not measured:
        return Text()
    if not beaten:
        return Text(f"The network is better than all baselines {rows}, by the {name} of each target.", style="green")
    more = f" and {len(beaten) - _MOST_TARGETS:,} more" if len(beaten) > _MOST_TARGETS else ""
    listed = ", ".join(beaten[:_MOST_TARGETS])
    return Text(f"A baseline is at least as good as this network {rows}, by the {name} of {listed}{more}.", style="yellow")


def _best(name: str, beside: Mapping[str, Mapping[str, float]]) -> tuple[str, float | None]:
    """Return the best of the baselines by a metric, and its value; no value where none has that metric."""
    values = {baseline: metrics[name] for baseline, metrics in beside.items() if name in metrics}
    sign = 1 if METRICS[name].greater_is_better else -1
    best = max(values, key=lambda baseline: sign * values[baseline], default="")
    return best, values.get(best)


def _better(name: str, one: float, other: float) -> bool:
    return one > other if METRICS[name].greater_is_better else one < other


def show_next(console: Console, folder: RunFolder, data: str, row: int) -> None:
    """Print where the files are, and the commands that go on from here."""
    files = ", ".join(sorted(path.name for path in folder.path.iterdir()))
    console.print(f"[bold]Written to[/bold] {escape(str(folder.path))}: {files}", soft_wrap=True)
    again = "NEW.csv" if data == "-" else data
    console.print("[bold]Next[/bold]")
    commands = _next(str(folder.path), again, row, ongoing=(folder.path / CHECKPOINT).exists())
    width = max(map(len, commands))
    fits = width + max(map(len, commands.values())) + 5 <= console.width
    for words, what in commands.items():
        line = Text.assemble("  ", (words, "cyan"), (f"{'':<{width - len(words)}}   {what}" if fits else "", "dim"))
        console.print(line, soft_wrap=True)  # a command that is copied must not be broken


def _next(run: str, data: str, row: int, ongoing: bool) -> Mapping[str, str]:
    commands: dict[tuple[Any, ...], str] = {
        **({("resume", run): "go on where it stopped"} if ongoing else {}),
        ("predict", run, data): "answers for the rows of any table",
        ("step", run, data, "--row", row): "one training step of a row, with all numbers",
        ("show", run): "the equations of the step",
    }
    return {shlex.join(map(str, (*_program(), *words))): what for words, what in commands.items()}


def _program() -> tuple[str, ...]:
    """Return how to run Chainrule from the shell that started it: by its name, by its path, or as a module."""
    if shutil.which("chainrule"):
        return ("chainrule",)
    return (sys.argv[0],) if Path(sys.argv[0]).stem == "chainrule" else (sys.executable, "-m", "chainrule")


def one_line(model: Model, folder: RunFolder, metric: str | None) -> str:
    """Return the outcome in one line, for those who want to be told no more."""
    rows, metrics = _measured(model.report)
    if not metrics:
        return f"not measured, {folder.model}"
    name = metric or model.goal.headline
    return f"{name} {measure(metrics.get(name))} {rows}, {folder.model}"
