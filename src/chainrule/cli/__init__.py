"""The command line: ``chainrule COMMAND …``. One module a command, thin over the Python functions of the same words.

A command ``NAME`` is the function ``NAME`` of the module ``chainrule.cli.NAME``, with ``_`` for ``-``: it prints, and returns its
exit status (``None`` for 0).
A module is imported when its command is run, and the heavy libraries inside the function, so that the overview is quick.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Sequence
from importlib import import_module
from typing import Annotated, Any

import typer
import typer.main
from typer.core import TyperGroup

from chainrule import __version__
from chainrule.cli.failure import report_failure, report_warning
from chainrule.errors import OptionError, nearest
from chainrule.words import command_line

COMMANDS = {
    "train": "Train a network on a table, and measure it on rows that it has not seen.",
    "resume": "Go on with a run that was ended before it was done.",
    "verify-resume": "Prove that a run that is killed goes on with the same bits.",
    "predict": "Write the answer of a model for each row of a table.",
    "evaluate": "Measure a model on rows whose answers are known.",
    "step": "Show one training step of a row: forward, loss, backward, update, with the numbers.",
    "show": "List the equations of a model's training step.",
    "check": "Check that a model's gradients are right, by two witnesses.",
    "diagnose": "Say what is wrong with a run, and what to try.",
    "report": "Write a report of a run: one HTML file that can be sent to someone.",
    "compare": "Compare runs: what differs, and whether it is more than noise.",
    "explain": "Say why a model predicts what it predicts: for a row, or as a whole.",
    "learn": "Learn backpropagation: six chapters, dialogues and examples, with the engine's own numbers.",
    "practice": "Practice backpropagation on exercises; a wrong answer is told which slip it shows.",
    "cards": "Learn the flash cards of the course by spaced repetition.",
    "glossary": "Say what a word of the field means.",
}
"""The commands in the order of the overview, and what each does."""


def command_named(name: str) -> Any:
    """Return the click command of that name, with its flags; OptionError if there is none."""
    if name not in COMMANDS:
        raise OptionError(f"there is no command '{name}'.{nearest(name, COMMANDS)} `chainrule` alone lists the commands.")
    alone = typer.Typer(add_completion=False, rich_markup_mode="rich")
    function = name.replace("-", "_")
    alone.command(name)(getattr(import_module(f"chainrule.cli.{function}"), function))
    return typer.main.get_command(alone)


class _Commands(TyperGroup):
    """The group of all commands, which knows their names and imports the one that is run."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except (KeyboardInterrupt, BrokenPipeError) as error:  # typer would end the process without a word
            raise _UnheardError from error

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        return command_named(cmd_name)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        from chainrule.cli.overview import print_overview

        print_overview(COMMANDS)


class _UnheardError(Exception):
    """Carries an exception past typer, as its cause."""


_app = typer.Typer(cls=_Commands, invoke_without_command=True, rich_markup_mode="rich")


@_app.callback()
def _chainrule(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        print(f"chainrule {__version__}")
    elif context.invoked_subcommand is None:
        context.get_help()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line, by default that of the process, and return its exit status."""
    for library in ("OPENBLAS", "MKL"):  # a step's products are small: their threads wait for each other longer than they work
        os.environ.setdefault(f"{library}_NUM_THREADS", "1")
    words = list(sys.argv[1:] if arguments is None else arguments)
    traceback = "--traceback" in words
    try:
        with command_line(), warnings.catch_warnings():
            if not traceback:
                warnings.showwarning = report_warning
            status = _app([word for word in words if word != "--traceback"], prog_name="chainrule", standalone_mode=False)
        if sys.stdout is not None:
            sys.stdout.flush()
    except BaseException as error:  # whatever goes wrong is told in a sentence
        return report_failure(error.__cause__ or error if isinstance(error, _UnheardError) else error, traceback)
    return int(status or 0)
