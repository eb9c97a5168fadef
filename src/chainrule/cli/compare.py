"""``chainrule compare RUN RUN…``: runs beside each other."""

from __future__ import annotations

from typing import Annotated

import typer

from chainrule.cli.models import JsonFlag
from chainrule.cli.output import messages, results, write_json


def compare(
    runs: Annotated[list[str], typer.Argument(help="The folders of two runs or more.", metavar="RUN RUN…", show_default=False)],
    data: Annotated[
        str | None, typer.Option(metavar="FILE", help="The table of the runs, where it is not where it was.", show_default=False)
    ] = None,
    out: Annotated[str | None, typer.Option(metavar="FILE", help="Write a page with the curves, too.", show_default=False)] = None,
    json: JsonFlag = False,
) -> None:
    """Compare runs: settings that differ, metrics, curves, where answers differ, and whether the difference is more than noise.

    Each run is compared with the first, on the test rows of both.
    """
    from rich.text import Text

    from chainrule.inspect.comparison import compare as compared
    from chainrule.inspect.comparison import write_comparison
    from chainrule.inspect.comparison.text import comparison_lines

    found = compared(*runs, data=data)
    path = write_comparison(found, out) if out is not None else None
    if json:
        write_json(found.to_json() | ({"page": str(path)} if path else {}))
    else:
        console = results()
        console.print_lines(Text(line) for line in comparison_lines(found, console.width))
    if path:
        messages().print(f"Written to {path} ({path.stat().st_size / 1024:,.0f} KB).", soft_wrap=True, markup=False)
