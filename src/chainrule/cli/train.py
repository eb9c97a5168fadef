"""``chainrule train DATA --target COLUMN``: train a network on a table."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any

import typer

from chainrule.cli.failure import report_failure
from chainrule.cli.options import given_options, read_config, with_option_flags
from chainrule.data.bundled import bundled_names
from chainrule.errors import OptionError
from chainrule.training.options import Options


@dataclass(frozen=True)
class Request:
    """What is asked for beside the options of the training: the data, and what becomes of the outcome."""

    data: str
    target: str | list[str] | None = None
    out: str | None = None
    name: str | None = None
    overwrite: bool = False
    json: bool = False
    quiet: bool = False
    verbose: bool = False

    def __post_init__(self) -> None:
        for item in fields(self):  # a configuration file can hold anything
            if item.name == "target" and isinstance(self.target, list) and all(isinstance(name, str) for name in self.target):
                continue
            value, kind = getattr(self, item.name), "bool" if isinstance(item.default, bool) else "str"
            if value is not None and type(value).__name__ != kind:
                raise OptionError(f"{item.name} is {value!r} and must be {'true or false' if kind == 'bool' else 'a text'}.")
        if self.out is not None and not self.out.strip():
            raise OptionError("--out '' names no folder; leave it out for runs/NAME-1, -2, …")
        if self.name is not None and (not self.name.strip() or set(self.name) & set("/\\\0") or self.name.startswith(".")):
            raise OptionError(f"--name {self.name!r} cannot be a part of a folder's name; use letters, digits, - and _.")


def _output(text: str, flag: str, metavar: str = "") -> Any:
    return typer.Option(flag, help=text, rich_help_panel="Output", metavar=metavar, show_default=False)


@with_option_flags(after="target")
def train(
    context: typer.Context,
    data: Annotated[
        str | None,
        typer.Argument(
            help="A table: .csv, .tsv, .jsonl (each also .gz), .parquet, .npz, - for standard input, or a bundled name "
            f"({', '.join(bundled_names())}).",
            metavar="DATA",
            show_default=False,
        ),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(help="The column to predict, or several: a,b.", rich_help_panel="Columns", metavar="COLUMN", show_default=False),
    ] = None,
    out: Annotated[str | None, _output("The folder of the run; runs/NAME-1, -2, … unless given.", "--out", "DIR")] = None,
    overwrite: Annotated[bool | None, _output("Replace the run that is in the folder.", "--overwrite")] = None,
    name: Annotated[str | None, _output("The run's name; that of the data unless given.", "--name", "NAME")] = None,
    json: Annotated[bool | None, _output("Print the outcome as one JSON object on standard output.", "--json")] = None,
    quiet: Annotated[bool | None, _output("Print one line at the end, and errors.", "--quiet")] = None,
    verbose: Annotated[bool | None, _output("Print every epoch, column and note.", "--verbose")] = None,
    config: Annotated[
        str | None,
        _output("A TOML file with the words of these flags, or a run to repeat: its folder or run.json; flags win.", "--config", "FILE"),
    ] = None,
    **flags: Any,
) -> int:
    """Train a network on a table, and measure it on rows that it has not seen.

    A first try, on data that is bundled: chainrule train penguins
    """
    own: dict[str, Any] = {"data": data, "target": target, "out": out, "name": name}
    own |= {"overwrite": overwrite, "json": json, "quiet": quiet, "verbose": verbose}
    given = {word: value for word, value in own.items() if value is not None}
    options = given_options(flags)
    if config is not None:
        from chainrule.training.repeat import is_run, read_run

        path = Path(config)
        configured, others = read_run(path, {*given, *options}) if is_run(path) else read_config(path, own)
        given, options = others | given, configured | options
    if "data" not in given:
        return _without_data(context, bare=not given and not options)
    return _train(Request(**given), Options.of(options))


def _without_data(context: typer.Context, bare: bool) -> int:
    if bare:
        print(context.get_help())
    return report_failure(OptionError("DATA is missing: chainrule train DATA --target COLUMN. For a first try: chainrule train penguins"))


def _train(request: Request, options: Options) -> int:
    from chainrule.training.trees import trees

    with trees(options.trees) as growing:  # which load while the rest does
        from chainrule.cli.course import Course
        from chainrule.cli.models import refuse_model
        from chainrule.training.run_folder import check_run_folder
        from chainrule.training.train import train_events

        refuse_model(request.data)
        check_run_folder(None if request.out is None else Path(request.out), request.overwrite)
        with Course(request, options) as course:
            return course.follow(train_events(request.data, request.target, options, growing))
