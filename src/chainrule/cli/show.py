"""``chainrule show MODEL``: the step that trained a model, equation by equation."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import TYPE_CHECKING, Annotated

import typer

from chainrule.cli.models import ExampleFlag, JsonFlag, OptionalModel, open_model, require_model
from chainrule.cli.output import results, write_json
from chainrule.data.cells import listed
from chainrule.errors import OptionError, nearest
from chainrule.ir.program import PHASES

if TYPE_CHECKING:
    from rich.text import Text

    from chainrule.ir import Program

STAGES = ("program",)


def show(
    model: OptionalModel = None,
    example: ExampleFlag = None,
    phase: Annotated[str | None, typer.Option(help=f"One phase alone: {', '.join(PHASES)}.", metavar="PHASE", show_default=False)] = None,
    stage: Annotated[str, typer.Option(help=f"How far it is compiled: {', '.join(STAGES)}.", metavar="STAGE")] = "program",
    json: JsonFlag = False,
) -> None:
    """List the equations of a model's training step: forward, loss, backward, update."""
    if phase is not None and phase not in PHASES:
        raise OptionError(f"--phase {phase} does not exist; choose one of {', '.join(PHASES)}.{nearest(phase, PHASES)}")
    if stage not in STAGES:
        raise OptionError(f"--stage {stage} does not exist; there is {', '.join(STAGES)}, the equations as they were traced.")
    name = require_model(model, example)
    if example is not None:
        from chainrule.training.textbook.loading import load_example

        shown = load_example(example)
        program, header = shown.step.program, _header(shown.step.program, example, shown.title, shown.loss_name, shown.optimizer.name)
    else:
        loaded = open_model(name)
        what = f"{loaded.goal.task} of {listed(loaded.goal.names)}"
        program, header = loaded.training, _header(loaded.training, name, what, loaded.loss, loaded.optimizer)
    if json:
        from chainrule.ir.serialize import to_json

        data, constants = to_json(program)
        write_json({**data, "constants": {name: array.tolist() for name, array in constants.items()}})
        return
    from chainrule.ir.listing import listing

    console = results()
    console.print(header, soft_wrap=True)
    console.print()
    for line in _lines(listing(program), phase):
        console.print(_colored(line), soft_wrap=True)


def _lines(text: str, phase: str | None) -> Iterator[str]:
    """Yield the lines of a listing, or those of one phase, which stand under its name."""
    section = ""
    for line in text.splitlines():
        section = section if line.startswith(" ") else line
        if phase in (None, section):
            yield line


def _header(program: Program, name: str, what: str, loss: str, optimizer: str) -> Text:
    from rich.text import Text

    count = sum(prod(size for size in port.type.shape if isinstance(size, int)) for port in program.by_role("parameter"))
    size = f"{len(program.equations):,} equations, {count:,} parameters"
    text = f"# One training step of {name} ({what}): {size}, {loss}, {optimizer}.\n"
    return Text(f"{text}# NAME: TYPE = FORMULA. B is the number of rows of a batch; 'of' says whose derivative an equation is.", "dim")


def _colored(line: str) -> Text:
    from rich.text import Text

    text = Text(line)
    if not line.startswith(" "):
        text.stylize("bold")
        return text
    text.highlight_regex(r"(?<=: )(?:f|i|u)\d+\[[^\]]*\]|(?<=: )(?:f32|f64|i32|i64|u32|u64|bool)\b", "cyan")
    text.highlight_regex(r"  # of .*$", "dim")
    return text
