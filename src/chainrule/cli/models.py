"""Opening what a command is given as MODEL and DATA."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from chainrule.errors import DataError, FileFormatError

if TYPE_CHECKING:
    from rich.console import Console

    from chainrule.data.table import Table
    from chainrule.training.model import Model

ModelArgument = Annotated[str, typer.Argument(help="The folder of a run, or a model file.", metavar="MODEL", show_default=False)]
DataArgument = Annotated[
    str,
    typer.Argument(
        help="A table of raw rows, as for training: a file, - for standard input, or a bundled name.", metavar="DATA", show_default=False
    ),
]
JsonFlag = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.", metavar="")]

_TABLES = (".csv", ".tsv", ".txt", ".jsonl", ".ndjson", ".parquet", ".npz", ".gz")


def open_model(name: str) -> Model:
    """Load a model from its file or from the folder of its run.

    Raises:
        FileFormatError: it is none; where a table was given instead, the sentence says so.
    """
    from chainrule.data.bundled import find_bundled
    from chainrule.training.model_file import load

    if find_bundled(name) is not None or Path(name).suffix.lower() in _TABLES:
        raise FileFormatError(f"{name} is a table and no model; the model comes first, then the table: MODEL DATA.")
    return load(name)


def open_table(model: Model, name: str) -> Table:
    """Read a table as the training data of a model was read.

    Raises:
        DataError: it cannot be read; where a model was given instead, the sentence says so.
    """
    refuse_model(name)
    return model.table(name)


def refuse_model(name: str) -> None:
    """Raise a :class:`DataError` where a table is expected and a model file, or the folder of a run, is given."""
    path = Path(name)
    if path.suffix == ".safetensors" or (path / "model.safetensors").exists():
        raise DataError(f"{name} is a model and no table; DATA is a table, such as people.csv.")


def name_ignored(console: Console, model: Model, table: Table, kept: Iterable[str] = ()) -> None:
    """Name the columns of a table that the model does not read."""
    from chainrule.data.cells import listed

    known = {*model.encoder.sources.values(), model.target.column.name, *kept}
    known |= {model.weight.name} if model.weight else set()
    ignored = [name for name in table.frame.columns if name not in known]
    if ignored:
        what = "column that the model does not read is" if len(ignored) == 1 else "columns that the model does not read are"
        console.print(f"{what.capitalize()} ignored: {listed(ignored)}", soft_wrap=True, markup=False)
