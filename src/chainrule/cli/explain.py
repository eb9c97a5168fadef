"""``chainrule explain``: why a model answers what it answers for a row, or what it goes by as a whole."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from chainrule.cli.models import READING, DataArgument, JsonFlag, ModelArgument, name_ignored, open_model, open_table
from chainrule.cli.options import with_option_flags
from chainrule.cli.output import messages, results, write_json
from chainrule.errors import OptionError


@with_option_flags(after="json", names=READING, panel="How DATA is read, where not as in training")
def explain(
    model: ModelArgument,
    data: DataArgument,
    row: Annotated[
        int | None,
        typer.Option("--row", metavar="N", help="The row, from 0; without it, the model as a whole is explained.", show_default=False),
    ] = None,
    of: Annotated[
        str | None,
        typer.Option(metavar="TARGET", help="Of several targets, the one to explain; the first unless given.", show_default=False),
    ] = None,
    background: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="The rows that it is compared with; those of DATA unless given.", show_default=False),
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", help="Of what is sampled: rows, orders of columns, shuffles.")] = 0,
    everything: Annotated[bool, typer.Option("--all", help="Every column, not only those that count most.", metavar="")] = False,
    json: JsonFlag = False,
    **flags: Any,
) -> None:
    """Show why a model predicts what it predicts for a row: by how much each cell moves the prediction.

    Without --row: which columns matter to the model, and how its answers depend on each of them.
    """
    if background is not None and row is None:
        raise OptionError("--background goes with --row: it holds the rows that a row is compared with.")
    if seed < 0:
        raise OptionError(f"--seed is {seed} and must be a whole number of at least 0.")
    loaded = open_model(model)
    table = open_table(loaded, data, flags)
    name_ignored(messages(), loaded, table)

    from chainrule.inspect.attributions import explain_model, explain_row

    if row is not None:
        why = explain_row(loaded, table, row, of=of, background=None if background is None else open_table(loaded, background), seed=seed)
        if json:
            write_json({"model": model, **why.to_json()})
            return
        from chainrule.inspect.attributions.row_text import row_text

        lines = row_text(why, results().width, everything=everything)
    else:
        whole = explain_model(loaded, table, of=of, seed=seed, everything=everything)
        if json:
            write_json({"model": model, **whole.to_json()})
            return
        from chainrule.inspect.attributions.model_text import model_text

        lines = model_text(whole, results().width, everything=everything)
    results().print_lines(lines)
