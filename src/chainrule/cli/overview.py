"""What ``chainrule`` alone prints: what it is for, where to start, and the commands."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Console
from rich.table import Table

from chainrule import __version__

_WHAT = "trains neural networks on your tables by backpropagation, and shows every number of it."
_STARTS = {
    "chainrule train penguins": "on data that is bundled",
    "chainrule train people.csv --target income": "on a table of yours",
}
_OPTIONS = {
    "--help": "Show this, or the options of a command: chainrule train --help",
    "--version": "Print the version.",
    "--traceback": "With any command: show where in the program an error arose.",
    "--install-completion": "Let the shell complete commands and options.",
}


def print_overview(commands: Mapping[str, str]) -> None:
    """Print the overview on standard output."""
    console = Console(highlight=False)
    console.print(f"[bold]Chainrule[/bold] {__version__} {_WHAT}")
    for title, rows in (("Start", _STARTS), ("Commands", commands), ("Options", _OPTIONS)):
        table = Table.grid(padding=(0, 2, 0, 0))
        table.add_column(no_wrap=True, style="cyan")
        table.add_column()
        for name, text in rows.items():
            table.add_row(f"  {name}", text)
        console.print(f"\n[bold]{title}[/bold]")
        console.print(table)
