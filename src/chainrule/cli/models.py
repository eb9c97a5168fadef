"""Opening what a command is given as MODEL and DATA."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from chainrule.data.bundled import bundled_names
from chainrule.errors import DataError, FileFormatError, OptionError, nearest
from chainrule.training.textbook.names import example_names

if TYPE_CHECKING:
    from rich.console import Console

    from chainrule.data.table import Column, Table
    from chainrule.training.model import Model

ModelArgument = Annotated[str, typer.Argument(help="The folder of a run, or a model file.", metavar="MODEL", show_default=False)]
DataArgument = Annotated[
    str,
    typer.Argument(
        help=f"A table of raw rows, as for training: a file, - for standard input, or a bundled name ({', '.join(bundled_names())}).",
        metavar="DATA",
        show_default=False,
    ),
]
JsonFlag = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.", metavar="")]

OptionalModel = Annotated[
    str | None, typer.Argument(help="The folder of a run, or a model file; or give --example.", metavar="MODEL", show_default=False)
]
OptionalData = Annotated[
    str | None,
    typer.Argument(
        help=f"A table of raw rows, as for training: a file, - for standard input, or a bundled name ({', '.join(bundled_names())}).",
        metavar="DATA",
        show_default=False,
    ),
]
ExampleFlag = Annotated[
    str | None,
    typer.Option(
        "--example",
        metavar="FILE",
        help=f"In place of MODEL and DATA: a textbook example, a TOML file or a bundled name ({', '.join(example_names())}).",
        show_default=False,
    ),
]

READING = ("delimiter", "decimal", "encoding", "missing", "header")
"""The options that say how a text file is read."""


def model_and_data(model: str | None, data: str | None, example: str | None) -> tuple[str, str]:
    """Return MODEL and DATA, both of them; two empty texts where there is an example in their place.

    Raises:
        OptionError: one is missing, or an example is given besides.
    """
    name = require_model(model, example)
    if data is None and example is None:
        raise OptionError("DATA is missing. Give MODEL DATA: the table of raw rows comes after the model.")
    return name, data or ""


def require_model(model: str | None, example: str | None) -> str:
    """Return MODEL; an empty text where there is an example in its place.

    Raises:
        OptionError: it is missing, or an example is given besides.
    """
    if example is not None and model is not None:
        raise OptionError(f"--example {example} stands in place of MODEL and DATA; leave '{model}' out.")
    if example is None and model is None:
        raise OptionError(f"MODEL is missing. Give it, or --example with {', '.join(example_names())} or a file of your own.")
    return model or ""


def rows_of(text: str) -> int | list[int]:
    """Return the rows that a text names: ``4`` is one, ``0-31`` and ``2,5,9`` are several.

    Raises:
        OptionError: it is something else.
    """
    rows: list[int] = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not first.isascii() or not first.isdigit() or (dash and not (last.isascii() and last.isdigit() and int(first) <= int(last))):
            raise OptionError(f"--row {text} must be a whole number from 0, or several: 0-31, or 2,5,9.")
        rows += range(int(first), int(last or first) + 1)
    return rows[0] if len(rows) == 1 else rows


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
    path = Path(name)
    if not path.exists() and path.parent.is_dir() and (known := nearest(path.name, _models_in(path.parent))):
        raise FileFormatError(f"there is no model {name}.{known}")
    return load(name)


def _models_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.suffix == ".safetensors" or (path / "model.safetensors").exists()]


def open_table(model: Model, name: str, flags: Mapping[str, Any] | None = None, levels: Mapping[str, Sequence[str]] | None = None) -> Table:
    """Read a table as the training data of a model was read, but for what the flags of :data:`READING` say.

    ``levels`` are words that its columns are known to hold.

    Raises:
        DataError: it cannot be read; where a model was given instead, the sentence says so.
    """
    from chainrule.cli.options import given_options

    refuse_model(name)
    given = given_options(flags or {})
    if "decimal" in given:
        _read_decimals(model, given["decimal"])
    model.reading |= {word: list(value) if isinstance(value, tuple) else value for word, value in given.items()}
    return model.table(name, levels)


def _read_decimals(model: Model, decimal: str) -> None:
    """Let numbers written as text have this decimal separator, and the other one between their thousands."""

    def told(column: Column) -> Column:
        return replace(column, decimal=decimal, thousands="." if decimal == "," else ",") if column.kind == "number" else column

    model.encoder = replace(model.encoder, codes=tuple(replace(cast(Any, code), column=told(code.column)) for code in model.encoder.codes))
    targets = tuple(replace(target, column=told(target.column)) for target in model.goal.targets)
    model.goal = replace(model.goal, targets=targets)
    model.weight = model.weight and told(model.weight)


def refuse_model(name: str) -> None:
    """Raise a :class:`DataError` where a table is expected and a model file, or the folder of a run, is given."""
    path = Path(name)
    if path.suffix == ".safetensors" or (path / "model.safetensors").exists():
        raise DataError(f"{name} is a model and no table; DATA is a table, such as people.csv.")


def name_ignored(console: Console, model: Model, table: Table, kept: Iterable[str] = ()) -> None:
    """Name the columns of a table that the model does not read."""
    from chainrule.data.cells import listed

    known = {*model.encoder.sources.values(), *model.goal.names, *kept}
    known |= {model.weight.name} if model.weight else set()
    ignored = [name for name in table.frame.columns if name not in known]
    if ignored:
        what = "column that the model does not read is" if len(ignored) == 1 else "columns that the model does not read are"
        console.print(f"{what.capitalize()} ignored: {listed(ignored)}", soft_wrap=True, markup=False)


def count_unknown(console: Console, model: Model, table: Table) -> None:
    """Count, in a line each, the cells of a table that are like none in training, which the model takes for missing or for others."""
    import polars as pl

    from chainrule.data.cells import listed, read_column
    from chainrule.data.codes.categories import CategoryCode
    from chainrule.data.codes.numbers import BooleanCode

    for code in model.encoder.codes:
        name, cells = code.column.name, table.frame[code.column.name] if code.column.name in table.frame.columns else None
        if cells is None:
            continue
        values = read_column(table, code.column)
        absent = values.is_null() & (cells.is_null() if isinstance(code, BooleanCode) else True)
        strange = values.is_null() & ~absent
        if isinstance(code, CategoryCode) and not code.others:
            encoded = code.encode(values)
            strange = values.is_not_null() & pl.Series(encoded.places.take(encoded.codes) < 0)
        if count := int(strange.sum()):
            known = Counter(map(str, cells.filter(strange).to_list())).most_common()
            words = f"{_cells(count)} of column '{name}' with values that training did not know: {listed((word for word, _ in known), 4)}"
            console.print(f"{words}.", soft_wrap=True, markup=False)
        if (count := int(absent.sum())) and not getattr(code, "missing", True):
            console.print(f"{_cells(count)} of column '{name}' missing, where none was in training.", soft_wrap=True, markup=False)


def _cells(count: int) -> str:
    return f"{count:,} cell{'s' * (count != 1)}"
