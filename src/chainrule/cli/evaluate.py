"""``chainrule evaluate MODEL DATA``: how good a model is on rows whose answers are known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chainrule.cli.models import READING, DataArgument, JsonFlag, ModelArgument, count_unknown, name_ignored, open_model, open_table
from chainrule.cli.options import with_option_flags
from chainrule.cli.output import messages, plain_table, results, say, write_json
from chainrule.training.numbers import measure

if TYPE_CHECKING:
    import numpy as np
    from rich.console import Console

    from chainrule.data.table import Table
    from chainrule.training.calibration import Calibration
    from chainrule.training.model import Assessment, Model


@with_option_flags(after="json", names=READING, panel="How DATA is read, where not as in training")
def evaluate(model: ModelArgument, data: DataArgument, json: JsonFlag = False, **flags: Any) -> None:
    """Measure a model on the rows of a table whose answers are known; rows without one are left out, and counted.

    Of classes it also says how well the probabilities are calibrated: whether answers with a confidence of 80 % are right 80 % of the time;
    of quantiles, how many rows are below them.
    """
    loaded = open_model(model)
    table = open_table(loaded, data, flags)
    name_ignored(messages(), loaded, table)
    count_unknown(messages(), loaded, table)
    known = loaded.goal.known_rows(table)
    if absent := table.rows - len(known):
        targets = " or ".join(f"'{name}'" for name in loaded.goal.names)
        messages().print(f"{absent:,} rows without {targets} are left out.", soft_wrap=True, markup=False)
    found = loaded.assess(table, known)
    below = _shares_below(loaded, table, known)
    if json:
        write_json({"model": model, **_as_json(loaded, found, below)})
        return
    console = results()
    _show_metrics(console, loaded, found)
    for name, calibration in found.calibration.items():
        _show_calibration(console, name if len(found.calibration) > 1 else "", calibration)
    for name, shares in below.items():
        _show_shares(console, name if len(below) > 1 else "", shares)


def _shares_below(model: Model, table: Table, known: np.ndarray) -> dict[str, dict[str, float]]:
    """Return for each target the share of the rows that are at or below each quantile; nothing where none were learned."""
    from chainrule.training.calibration import shares_below
    from chainrule.training.model import row_weights

    if not model.goal.quantiles:
        return {}
    part, weights = table.take(known), row_weights(table, model.weight, known)
    words = [f"{quantile:g}" for quantile in model.goal.quantiles]
    each = zip(model.goal.names, model.goal.truth(part), model.answers(part), strict=True)
    return {name: dict(zip(words, shares_below(true, of.reshape(len(true), -1), weights), strict=True)) for name, true, of in each}


def _as_json(model: Model, found: Assessment, below: dict[str, dict[str, float]]) -> dict[str, Any]:
    """Return what is known of one target, or the mean over several and each of them."""
    shown: dict[str, Any] = {"task": model.goal.task, "rows": found.rows, "metrics": found.metrics}
    if thresholds := model.goal.thresholds:
        shown["threshold"] = thresholds
    calibration: dict[str, Any] = {name: table.to_json() for name, table in found.calibration.items()} or below
    if len(found.targets) == 1:
        return shown | ({"calibration": next(iter(calibration.values()))} if calibration else {})
    of_each = {name: {"metrics": metrics} for name, metrics in found.targets.items()}
    return shown | {"targets": {name: one | ({"calibration": calibration[name]} if calibration else {}) for name, one in of_each.items()}}


def _show_metrics(console: Console, model: Model, found: Assessment) -> None:
    from rich.markup import escape

    from chainrule.cli.outcome import metrics_for_people, show_thresholds, units_of
    from chainrule.data.visible import visible

    several = found.targets if len(found.targets) > 1 else {}
    heads = [escape(visible(name)) for name in several]
    shown = plain_table("metric", f"of {found.rows:,} rows", *heads, right=tuple(range(1, 2 + len(several))))
    for name in metrics_for_people(model, found.metrics):
        shown.add_row(name, *(measure(metrics.get(name)) for metrics in (found.metrics, *several.values())))
    console.print(shown)
    say(console, units_of(model), "dim")
    show_thresholds(console, model)


def _show_shares(console: Console, name: str, shares: dict[str, float]) -> None:
    """Print how many rows are below each quantile."""
    from rich.markup import escape

    from chainrule.data.visible import visible

    console.print()
    shown = plain_table(f"quantile of {escape(visible(name))}" if name else "quantile", "rows at or below", right=(0, 1))
    for quantile, share in shares.items():
        shown.add_row(quantile, f"{share:.3f}")
    console.print(shown)


def _show_calibration(console: Console, name: str, calibration: Calibration) -> None:
    """Print how confident the answers are, and how often they are right."""
    from rich.markup import escape

    from chainrule.data.visible import visible

    console.print()
    shown = plain_table(
        f"confidence in {escape(visible(name))}" if name else "confidence", "rows", "mean confidence", "accuracy", right=(1, 2, 3)
    )
    for one in calibration.bins:
        shown.add_row(f"{one.low:.2f} to {one.high:.2f}", f"{one.rows:,}", f"{one.confidence:.3f}", f"{one.accuracy:.3f}")
    console.print(shown)
    error = f"expected calibration error {measure(calibration.ece)}"
    say(console, f"{error}: by how much the confidence in the most probable class and its accuracy differ, on average", "dim")
