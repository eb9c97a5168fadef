"""``chainrule check MODEL DATA``: whether the gradients of a model are right, and what is switched on does something."""

from __future__ import annotations

from typing import Annotated

import typer

from chainrule.cli.failure import DONE, FAILED
from chainrule.cli.models import DataArgument, JsonFlag, ModelArgument, name_ignored, open_model, open_table
from chainrule.cli.output import messages, results, write_json


def check(
    model: ModelArgument,
    data: DataArgument,
    rows: Annotated[int, typer.Option("--rows", metavar="N", help="At most so many rows are the batch, drawn at random.")] = 100,
    json: JsonFlag = False,
) -> int:
    """Compare a model's gradients with two witnesses that use no chain rule, and try what its training switched on.

    The gradients are those of its own training step. The exit status is 0 if everything is right, and 1 if not.
    """
    from chainrule.inspect.check.gradients import check_gradients

    loaded = open_model(model)
    table = open_table(loaded, data)
    name_ignored(messages(), loaded, table)
    found = check_gradients(loaded, table, rows=rows)
    if json:
        write_json({"model": model, **found.to_json()})
    else:
        from chainrule.inspect.check.text import CheckText

        console = results()
        for line in CheckText(found, model).lines(console.width):
            console.print(line, soft_wrap=True)
    return DONE if found.ok else FAILED
