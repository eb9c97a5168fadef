"""``chainrule step``: one training step of a row, with every number of it."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from chainrule.cli.models import READING, ExampleFlag, OptionalData, OptionalModel, model_and_data, open_model, open_table, rows_of
from chainrule.cli.options import with_option_flags
from chainrule.cli.output import results, write_json
from chainrule.errors import OptionError, nearest


@with_option_flags(after="json", names=READING, panel="How DATA is read, where not as in training")
def step(
    model: OptionalModel = None,
    data: OptionalData = None,
    example: ExampleFlag = None,
    row: Annotated[
        str | None,
        typer.Option(
            "--row",
            metavar="N",
            help="The row, from 0; or several as one batch: 0-31 or 2,5,9. Default: 0, and all rows of an example.",
            show_default=False,
        ),
    ] = None,
    weight: Annotated[
        str | None, typer.Option("--weight", metavar="NAME", help="Write out the chain rule of one weight: 'hidden_1.weight[age,3]'.")
    ] = None,
    at: Annotated[
        str, typer.Option("--at", metavar="start|best", help="The weights before the first step, or those of the model.")
    ] = "best",
    optimizer: Annotated[
        str | None, typer.Option("--optimizer", metavar="NAME", help="Update by another rule than the run's: sgd, adam …")
    ] = None,
    lr: Annotated[float | None, typer.Option("--lr", metavar="RATE", help="Another learning rate than the run's.")] = None,
    phase: Annotated[
        list[str] | None, typer.Option("--phase", metavar="NAME", help="Only forward, loss, backward or update; may be repeated.")
    ] = None,
    digits: Annotated[int, typer.Option("--digits", metavar="N", help="Significant digits of each number, 2 to 17.")] = 6,
    everything: Annotated[
        bool, typer.Option("--all", help="Every unit, term and weight, not only those that count most.", metavar="")
    ] = False,
    json: Annotated[
        bool,
        typer.Option(
            "--json",
            help="Print one JSON object on standard output. Of a network of more than 1,000 parameters it has, without --all, the 16 "
            "largest terms of each sum (the others added up) and the gradients and updates that count most.",
            metavar="",
        ),
    ] = False,
    **flags: Any,
) -> None:
    """Show one training step of a row: forward, loss, backward, update, with the numbers.

    The step is executed as in training, by the model's own program and from its own optimizer state, on this row alone.
    """
    from chainrule.ir import PHASES

    for name in phase or ():
        if name not in PHASES:
            raise OptionError(f"--phase {name}: there are {', '.join(PHASES)}.{nearest(name, PHASES)}")
    if not 2 <= digits <= 17:
        raise OptionError(f"--digits is {digits} and must be from 2 to 17.")

    from chainrule.inspect import trace_example, trace_step

    phases = tuple(phase or PHASES)
    rows = None if row is None else rows_of(row)
    name, table = model_and_data(model, data, example)
    if example is not None:
        from chainrule.training.textbook.loading import load_example

        trace = trace_example(load_example(example), rows, optimizer=optimizer, lr=lr)
    else:
        loaded = open_model(name)
        trace = trace_step(loaded, open_table(loaded, table, flags), rows or 0, at=at, optimizer=optimizer, lr=lr)
    derivation = None if weight is None else trace.derive_named(weight)
    if json:
        found = trace.to_json(everything=everything, phases=phases) if derivation is None else trace.weight_json(derivation)
        write_json({"model": model, "example": example, **found})
        return

    from chainrule.inspect.derivation.text import DerivationText
    from chainrule.inspect.step.text import StepText

    console = results()
    lines = (
        StepText(trace, digits=digits, everything=everything).lines(console.width, phases)
        if derivation is None
        else DerivationText(trace, derivation, digits=digits, everything=everything).lines(console.width)
    )
    console.print_lines(lines)
