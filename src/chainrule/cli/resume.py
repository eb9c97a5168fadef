"""``chainrule resume RUN``: go on with a run that was ended before it was done."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from chainrule.cli.course import Course
from chainrule.cli.train import Request
from chainrule.training.options import Options


def resume(
    run: Annotated[str, typer.Argument(help="The folder of a run.", metavar="RUN", show_default=False)],
    json: Annotated[bool, typer.Option("--json", help="Print the outcome as one JSON object on standard output.", metavar="")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print one line at the end, and errors.", metavar="")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="Print every epoch, column and note.", metavar="")] = False,
) -> int:
    """Go on with a run that was ended before it was done: its process was killed, the power failed, or Ctrl-C stopped it.

    It goes on from its last checkpoint, a second or so before its end, and gives the same bits as a run that was never ended.
    """
    from chainrule.training.resume import open_ongoing
    from chainrule.training.train import train_events

    ongoing = open_ongoing(Path(run))
    request = Request(**ongoing.own, out=str(ongoing.path), json=json, quiet=quiet, verbose=verbose)
    options = Options.of(ongoing.options)
    with Course(request, options, ongoing) as course:
        return course.follow(train_events(request.data, request.target, options))
