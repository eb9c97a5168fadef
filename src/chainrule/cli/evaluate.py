"""``chainrule evaluate MODEL DATA``: how good a model is on rows whose answers are known."""

from __future__ import annotations

from chainrule.cli.models import DataArgument, JsonFlag, ModelArgument, name_ignored, open_model, open_table
from chainrule.cli.output import measure, messages, plain_table, results, say, write_json


def evaluate(model: ModelArgument, data: DataArgument, json: JsonFlag = False) -> None:
    """Measure a model on the rows of a table whose answers are known; rows without one are left out, and counted."""
    from chainrule.cli.outcome import metrics_for_people, units_of
    from chainrule.data.target import rows_with_target

    loaded = open_model(model)
    table = open_table(loaded, data)
    name_ignored(messages(), loaded, table)
    rows = rows_with_target(table, loaded.target.column.name)
    if absent := table.rows - len(rows):
        messages().print(f"{absent:,} rows without '{loaded.target.column.name}' are left out.", soft_wrap=True, markup=False)
    metrics = loaded.evaluate(table)
    if json:
        write_json({"model": model, "task": loaded.target.task, "rows": len(rows), "metrics": metrics})
        return
    console = results()
    shown = plain_table("metric", f"of {len(rows):,} rows", right=(1,))
    for name in metrics_for_people(metrics):
        shown.add_row(name, measure(metrics[name]))
    console.print(shown)
    say(console, units_of(loaded), "dim")
