"""``chainrule step``: one training step of a row, with every number of it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from chainrule.cli.models import READING, ExampleFlag, OptionalData, OptionalModel, model_and_data, open_model, open_table, rows_of
from chainrule.cli.options import with_option_flags
from chainrule.cli.output import results, write_json
from chainrule.errors import OptionError, nearest

if TYPE_CHECKING:
    from rich.text import Text

    from chainrule.inspect import StepTrace

FORMATS = ("text", "json", "html", "latex", "mathml", "svg")


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
    depth: Annotated[
        str | None,
        typer.Option(
            "--depth",
            metavar="NAME",
            help="layer: whole arrays and their statistics; unit: the numbers of units and weights; scalar: every product, with the "
            "partial sums in the engine's order. Default: unit, and layer for more than 4 rows.",
            show_default=False,
        ),
    ] = None,
    exact: Annotated[
        bool, typer.Option("--exact", help="The numbers of the exact step, in float64, in place of the engine's.", metavar="")
    ] = False,
    digits: Annotated[int, typer.Option("--digits", metavar="N", help="Significant digits of each number, 2 to 17.")] = 6,
    everything: Annotated[
        bool, typer.Option("--all", help="Every unit, term and weight, not only those that count most.", metavar="")
    ] = False,
    expand: Annotated[
        bool,
        typer.Option(
            "--expand",
            help="Composites (softmax, cross-entropy, gelu …) in primitives as well: each value, each derivative on the way back, their "
            "product, and the fused rule that the engine uses beside it.",
            metavar="",
        ),
    ] = False,
    form: Annotated[
        str,
        typer.Option(
            "--format",
            metavar="NAME",
            help="text; json, as --json; html, one self-contained page; latex; mathml, of a --weight; svg, the network with its numbers.",
        ),
    ] = "text",
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
    from chainrule.inspect.step.events import FEW_ROWS
    from chainrule.ir import PHASES

    _check(phase, depth, form, digits)
    if expand and form == "svg":
        raise OptionError("--expand is told by every format but svg: the picture has no derivations. Leave one of them out.")
    phases = tuple(phase or PHASES)
    name, table = model_and_data(model, data, example)
    rows = None if row is None else rows_of(row)
    trace = _trace(name, table, flags, example, rows, {"optimizer": optimizer, "lr": lr}, at)
    trace = trace.exact if exact else trace
    depth = depth or ("unit" if trace.recording.rows <= FEW_ROWS else "layer")
    derivation = None if weight is None else trace.derive_named(weight, expand=expand)
    if json or form == "json":
        if derivation is None:
            found = trace.to_json(everything=everything, phases=phases, depth=depth, expand=expand)
        else:
            found = trace.weight_json(derivation)
        write_json({"model": model, "example": example, **found})
        return

    from chainrule.inspect.derivation.text import DerivationText
    from chainrule.inspect.step.text import StepText

    def lines(width: int) -> Iterator[Text]:
        if derivation is None:
            return StepText(trace, digits=digits, everything=everything, depth=depth, expand=expand).lines(width, phases)
        return DerivationText(trace, derivation, digits=digits, everything=everything).lines(width)

    if form == "text":
        console = results()
        console.print_lines(lines(console.width))
    else:
        expanded = None if not expand else trace.expanded(everything) if derivation is None else derivation.expanded
        sys.stdout.write(_document(form, trace, derivation, phases, digits, lines(100), expanded))


def _check(phase: list[str] | None, depth: str | None, form: str, digits: int) -> None:
    """Refuse words that are not known, before anything is read."""
    from chainrule.inspect.step.events import DEPTHS
    from chainrule.ir import PHASES

    for word, names, known in (("phase", phase or (), PHASES), ("depth", (depth,), DEPTHS), ("format", (form,), FORMATS)):
        for name in names:
            if name is not None and name not in known:
                raise OptionError(f"--{word} {name}: there are {', '.join(known)}.{nearest(name, known)}")
    if not 2 <= digits <= 17:
        raise OptionError(f"--digits is {digits} and must be from 2 to 17.")


def _trace(
    model: str, table: str, flags: dict[str, Any], example: str | None, rows: int | list[int] | None, rule: dict[str, Any], at: str
) -> StepTrace:
    """Take the step: of an example, or of a model on rows of a table."""
    from chainrule.inspect import trace_example, trace_step

    if example is not None:
        from chainrule.training.textbook.loading import load_example

        return trace_example(load_example(example), rows, **rule)
    loaded = open_model(model)
    return trace_step(loaded, open_table(loaded, table, flags), rows or 0, at=at, **rule)


def _document(
    form: str, trace: StepTrace, derivation: Any, phases: tuple[str, ...], digits: int, lines: Iterator[Text], expanded: Any
) -> str:
    """Return a step, or the chain rule of a weight, in a format for files."""
    from chainrule.inspect.derivation.mathematics import latex, mathml
    from chainrule.inspect.expansion.mathematics import expansions_mathml
    from chainrule.inspect.step.documents import html_page, latex_document
    from chainrule.inspect.step.drawing import Drawing

    if form == "svg":
        return Drawing(trace, digits=digits).svg()
    if form == "mathml":
        if derivation is None:
            raise OptionError("--format mathml is of one weight: give --weight, or take --format html for the whole step.")
        return mathml(trace, derivation, digits) + expansions_mathml(expanded, digits)
    if form == "latex":
        return latex_document(trace, phases, digits, latex(trace, derivation, digits) if derivation is not None else "", expanded)
    title = f"The chain rule of {derivation.weight}" if derivation is not None else "One training step"
    title += f", {trace.about.place}" if trace.about.place else ""
    return html_page(trace, title, lines, phases, digits, mathml(trace, derivation, digits) if derivation is not None else "", expanded)
