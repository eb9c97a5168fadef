"""``chainrule report RUN``: the report of a run, as one HTML file."""

from __future__ import annotations

from typing import Annotated

import typer

from chainrule.cli.output import messages, write_json


def report(
    run: Annotated[str, typer.Argument(help="The folder of a run.", metavar="RUN", show_default=False)],
    data: Annotated[
        str | None, typer.Option(metavar="FILE", help="The table of the run, where it is not where it was.", show_default=False)
    ] = None,
    out: Annotated[
        str | None, typer.Option(metavar="FILE", help="Where to write it: RUN/report.html unless given.", show_default=False)
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.", metavar="")] = False,
) -> None:
    """Write a report of a run: one HTML file that can be sent to someone and needs nothing else.

    What was trained on what, the curves, confusion or residuals, calibration, gradients and weights over time, the network, what matters,
    the worst answers, the diagnosis, and how to repeat it.
    """
    from chainrule.inspect.report import write_report

    path = write_report(run, data, out)
    if json:
        write_json({"run": run, "report": str(path), "bytes": path.stat().st_size})
    else:
        messages().print(f"Written to {path} ({path.stat().st_size / 1024:,.0f} KB).", soft_wrap=True, markup=False)
