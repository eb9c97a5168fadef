"""``chainrule diagnose RUN``: what is wrong with a run."""

from __future__ import annotations

from typing import Annotated

import typer

from chainrule.cli.models import JsonFlag
from chainrule.cli.output import results, write_json


def diagnose(
    run: Annotated[str, typer.Argument(help="The folder of a run.", metavar="RUN", show_default=False)],
    data: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="The table of the run, where it is not where it was.", show_default=False),
    ] = None,
    json: JsonFlag = False,
) -> None:
    """Say what is wrong with a run: what, where, since which step, the numbers that show it, and one thing to try.

    The exit status is 0 whether something is found or not; --json says `healthy`.
    """
    from chainrule.inspect.diagnosis import diagnose as find

    found = find(run, data)
    if json:
        write_json({"run": run, **found.to_json()})
        return
    from chainrule.inspect.diagnosis.text import diagnosis_lines

    console = results()
    console.print_lines(diagnosis_lines(found, console.width))
