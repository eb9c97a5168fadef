"""``chainrule predict MODEL DATA``: one answer for each row, in the order of the rows."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from chainrule.cli.models import READING, DataArgument, JsonFlag, ModelArgument, count_unknown, name_ignored, open_model, open_table
from chainrule.cli.options import with_option_flags
from chainrule.cli.output import messages, write, write_json
from chainrule.errors import DataError, OptionError, nearest

if TYPE_CHECKING:
    import polars as pl

    from chainrule.data.table import Table

_SUFFIXES = (".csv", ".tsv", ".jsonl", ".parquet")


@with_option_flags(after="json", names=READING, panel="How DATA is read, where not as in training")
def predict(
    model: ModelArgument,
    data: DataArgument,
    out: Annotated[
        str | None,
        typer.Option(help="Write a file (.csv, .tsv, .jsonl, .parquet), not standard output.", metavar="FILE", show_default=False),
    ] = None,
    proba: Annotated[bool, typer.Option("--proba", help="Add the probability of each class: probability_CLASS.", metavar="")] = False,
    keep: Annotated[
        list[str] | None, typer.Option(help="Columns of DATA to write before the prediction.", metavar="COLUMNS", show_default=False)
    ] = None,
    json: JsonFlag = False,
    **flags: Any,
) -> None:
    """Write the answer of a model for each row of a table, in the order of the rows.

    The column that the model predicts may be absent; columns that it does not know are ignored. Labels are written as in training.
    """
    from chainrule.cli.options import listed_words
    from chainrule.training.answers import answer_frame, answer_records

    if out is not None:
        _check_out(Path(out), data)
    loaded = open_model(model)
    kept = tuple(dict.fromkeys(listed_words(keep or [])))
    table = open_table(loaded, data, flags, {name: words for name, words in loaded.encoder.levels.items() if name not in kept})
    for name in kept:
        if name not in table.frame.columns:
            raise DataError(f"--keep: {table.source} has no column '{name}'.{nearest(name, table.frame.columns)}")
    name_ignored(messages(), loaded, table, kept)
    count_unknown(messages(), loaded, table)
    goal = loaded.goal
    if proba and goal.task != "classification":
        raise OptionError(f"--proba: '{goal.title}' is a quantity and has no classes; leave the option out.")
    answers = loaded.answers(table)
    decided = goal.decide(answers)
    if out is not None or not json:
        frame = _with_columns(table, kept, answer_frame(goal, decided, answers, proba))
        if out is not None:
            _write_file(frame, Path(out))
            messages().print(f"{frame.height:,} predictions written to {out}", soft_wrap=True, markup=False)
        else:
            _write_csv(frame)
    if json:
        records = answer_records(goal, decided, answers, proba)
        for name in kept:
            for record, cell in zip(records, table.frame[name].to_list(), strict=True):
                record.setdefault("kept", {})[name] = cell
        write_json({"model": model, "rows": len(records), "predictions": records})


def _with_columns(table: Table, kept: Sequence[str], answers: pl.DataFrame) -> pl.DataFrame:
    """Return the answers behind columns of the table."""
    if clash := [name for name in kept if name in answers.columns]:
        raise OptionError(f"--keep: the column '{clash[0]}' would stand beside the prediction of the same name; leave it out.")
    return answers.select(*(table.frame[name] for name in kept), *answers.columns)


def _check_out(out: Path, data: str) -> None:
    """Refuse a file that cannot be written, before anything is computed."""
    import os

    if out.suffix.lower() not in _SUFFIXES:
        raise OptionError(f"--out {out}: the file ends in '{out.suffix}'; choose one of {', '.join(_SUFFIXES)}.")
    if out.is_dir():
        raise OptionError(f"--out {out} is a folder; name a file in it.")
    if not out.parent.is_dir():
        raise OptionError(f"--out {out}: there is no folder {out.parent}.")
    if not os.access(out.parent, os.W_OK):
        raise OptionError(f"--out {out}: the folder {out.parent} cannot be written to.")
    if data != "-" and out.exists() and Path(data).exists() and out.samefile(data):
        raise OptionError(f"--out {out} is the table itself, which would be lost; name another file.")


def _write_csv(frame: pl.DataFrame) -> None:
    """Write on standard output, slice by slice: Python's stream knows of closed pipes and full disks, polars' own does not."""
    for number, part in enumerate(frame.iter_slices(100_000)):
        write(part.write_csv(include_header=not number).encode())
    if frame.is_empty():
        write(frame.write_csv().encode())


def _write_file(frame: pl.DataFrame, out: Path) -> None:
    from chainrule.training.files import write_atomically

    data = io.BytesIO()
    suffix = out.suffix.lower()
    if suffix == ".parquet":
        frame.write_parquet(data)
    elif suffix == ".jsonl":
        frame.write_ndjson(data)
    else:
        frame.write_csv(data, separator="\t" if suffix == ".tsv" else ",")
    try:
        write_atomically(out, data.getvalue())
    except OSError as error:
        raise OptionError(f"--out {out} cannot be written: {error.strerror or error}.") from error
