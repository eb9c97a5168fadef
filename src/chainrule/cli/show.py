"""``chainrule show MODEL``: the step that trained a model, equation by equation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from chainrule.cli.models import JsonFlag, ModelArgument, open_model
from chainrule.cli.output import results, write_json
from chainrule.data.cells import listed
from chainrule.errors import OptionError, nearest
from chainrule.ir.program import PHASES

if TYPE_CHECKING:
    from rich.text import Text

    from chainrule.training.model import Model

STAGES = ("program",)


def show(
    model: ModelArgument,
    phase: Annotated[str | None, typer.Option(help=f"One phase alone: {', '.join(PHASES)}.", metavar="PHASE", show_default=False)] = None,
    stage: Annotated[str, typer.Option(help=f"How far it is compiled: {', '.join(STAGES)}.", metavar="STAGE")] = "program",
    json: JsonFlag = False,
) -> None:
    """List the equations of a model's training step: forward, loss, backward, update."""
    if phase is not None and phase not in PHASES:
        raise OptionError(f"--phase {phase} does not exist; choose one of {', '.join(PHASES)}.{nearest(phase, PHASES)}")
    if stage not in STAGES:
        raise OptionError(f"--stage {stage} does not exist; there is {', '.join(STAGES)}, the equations as they were traced.")
    loaded = open_model(model)
    if json:
        from chainrule.ir.serialize import to_json

        data, constants = to_json(loaded.training)
        write_json({**data, "constants": {name: array.tolist() for name, array in constants.items()}})
        return
    from chainrule.ir.listing import listing

    console = results()
    console.print(_header(loaded, model), soft_wrap=True)
    console.print()
    for line in _lines(listing(loaded.training), phase):
        console.print(_colored(line), soft_wrap=True)


def _lines(text: str, phase: str | None) -> Iterator[str]:
    """Yield the lines of a listing, or those of one phase, which stand under its name."""
    section = ""
    for line in text.splitlines():
        section = section if line.startswith(" ") else line
        if phase in (None, section):
            yield line


def _header(model: Model, name: str) -> Text:
    from rich.text import Text

    what = f"{model.goal.task} of {listed(model.goal.names)}"
    equations = len(model.training.equations)
    parameters = sum(layer["count"] for layer in model.layers)
    text = f"# One training step of {name} ({what}): {equations:,} equations, {parameters:,} parameters, {model.loss}, {model.optimizer}.\n"
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
