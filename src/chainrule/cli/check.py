"""``chainrule check MODEL DATA``: whether the gradients of a model are right, and what is switched on does something."""

from __future__ import annotations

from typing import Annotated

import typer

from chainrule.cli.failure import DONE, FAILED
from chainrule.cli.models import ExampleFlag, JsonFlag, OptionalData, OptionalModel, model_and_data, name_ignored, open_model, open_table
from chainrule.cli.output import messages, results, write_json


def check(
    model: OptionalModel = None,
    data: OptionalData = None,
    example: ExampleFlag = None,
    rows: Annotated[int, typer.Option("--rows", metavar="N", help="At most so many rows are the batch, drawn at random.")] = 100,
    json: JsonFlag = False,
) -> int:
    """Compare a model's gradients with two witnesses that use no chain rule, and try what its training switched on.

    The gradients are those of its own training step. The exit status is 0 if everything is right, and 1 if not.
    """
    from chainrule.inspect.check.gradients import check_example, check_gradients

    name, data_name = model_and_data(model, data, example)
    if example is not None:
        from chainrule.training.textbook.loading import load_example

        found = check_example(load_example(example))
    else:
        loaded = open_model(name)
        table = open_table(loaded, data_name)
        name_ignored(messages(), loaded, table)
        found = check_gradients(loaded, table, rows=rows)
    if json:
        write_json({"model": model, "example": example, **found.to_json()})
    else:
        from chainrule.inspect.check.text import CheckText

        console = results()
        for line in CheckText(found, name).lines(console.width):
            console.print(line, soft_wrap=True)
    return DONE if found.ok else FAILED
