"""``chainrule show MODEL``: the step that trained a model, equation by equation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
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

STAGES = {
    "program": "the equations as they were traced",
    "groups": "which of them run in one loop, in which stage",
    "plan": "what stands where in memory",
    "llvm": "LLVM IR",
    "asm": "the processor's instructions",
}


def show(
    model: OptionalModel = None,
    example: ExampleFlag = None,
    phase: Annotated[str | None, typer.Option(help=f"One phase alone: {', '.join(PHASES)}.", metavar="PHASE", show_default=False)] = None,
    stage: Annotated[str, typer.Option(help=f"How far it is compiled: {', '.join(STAGES)}.", metavar="STAGE")] = "program",
    inference: Annotated[bool, typer.Option("--inference", help="The Program of prediction, not of a training step.", metavar="")] = False,
    json: JsonFlag = False,
) -> None:
    """List the equations of a model's training step: forward, loss, backward, update; or what the compiler made of them."""
    if phase is not None and phase not in PHASES:
        raise OptionError(f"--phase {phase} does not exist; choose one of {', '.join(PHASES)}.{nearest(phase, PHASES)}")
    if stage not in STAGES:
        raise OptionError(f"--stage {stage} does not exist; choose one of {', '.join(STAGES)}.{nearest(stage, STAGES)}")
    name = require_model(model, example)
    if example is not None:
        from chainrule.training.textbook.loading import load_example

        shown = load_example(example)
        program = shown.step.inference if inference else shown.step.program
        what, how = shown.title, (shown.loss_name, shown.optimizer.name)
        name = example
    else:
        loaded = open_model(name)
        program = loaded.inference if inference else loaded.training
        what, how = f"{loaded.goal.task} of {listed(loaded.goal.names)}", (loaded.loss, loaded.optimizer)
    if phase is not None and all(equation.phase != phase for equation in program.equations):
        raise OptionError(f"--phase {phase}: the Program of prediction has no such phase; leave out --inference.")
    header = f"{_about(program, name, what, () if inference else how)}\n# {_KEYS[stage]}"
    if stage != "program":
        _show_compiled(program, stage, phase, header, json)
        return
    if json:
        from chainrule.ir.serialize import to_json

        data, constants = to_json(program)
        write_json({**data, "constants": {name: array.tolist() for name, array in constants.items()}})
        return
    from chainrule.ir.listing import listing

    _print(header, _lines(listing(program), phase))


def _show_compiled(program: Program, stage: str, phase: str | None, header: str, json: bool) -> None:
    from chainrule.backends import chosen

    chosen("llvm")  # it says what to install
    from chainrule.backends.llvm.listing import describe, text

    shown = describe(program, stage, phases=PHASES if phase is None else (phase,))
    if json:
        write_json(shown)
    else:
        _print(f"{header}\n# Compiled for {shown['target']}.", text(shown))


def _print(header: str, lines: Iterable[str]) -> None:
    from rich.text import Text

    console = results()
    console.print(Text(header, "dim"), soft_wrap=True)
    console.print()
    for line in lines:
        console.print(_colored(line), soft_wrap=True)


def _lines(text: str, phase: str | None) -> Iterator[str]:
    """Yield the lines of a listing, or those of one phase, which stand under its name."""
    section = ""
    for line in text.splitlines():
        section = section if line.startswith(" ") else line
        if phase in (None, section):
            yield line


_KEYS = {
    "program": "NAME: TYPE = FORMULA. B is the number of rows of a batch; 'of' says whose derivative an equation is.",
    "groups": "A group is one loop; → marks what it stores, the rest is computed in passing. Then: phase, layer, whose derivative.",
    "plan": "'then' marks what takes another's place. Temporary places share one arena where their stages do not meet.",
    "llvm": "As it is written, before LLVM's own passes.",
    "asm": "As it runs.",
}


def _about(program: Program, name: str, what: str, how: tuple[str, ...]) -> str:
    count = sum(prod(size for size in port.type.shape if isinstance(size, int)) for port in program.by_role("parameter"))
    of = "One training step of" if how else "Prediction by"
    return f"# {of} {name} ({what}): {', '.join((f'{len(program.equations):,} equations', f'{count:,} parameters', *how))}."


def _colored(line: str) -> Text:
    from rich.text import Text

    text = Text(line)
    if not line.startswith((" ", "\t", "#", ";", "place ")) or line.startswith("  group "):
        text.stylize("bold")
        return text
    text.highlight_regex(r"(?<=: )(?:f|i|u)\d+\[[^\]]*\]|(?<=: )(?:f32|f64|i32|i64|u32|u64|bool)\b", "cyan")
    text.highlight_regex(r"  # .*$|^[#;].*$", "dim")
    return text
