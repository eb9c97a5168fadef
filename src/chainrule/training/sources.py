"""What a training reads: the table, the files of validation and test rows, and how text in them is read."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import Any

from chainrule.data.bundled import find_bundled
from chainrule.data.frames import SOURCE
from chainrule.data.read import read_table
from chainrule.data.split import DEFAULT_SPLIT
from chainrule.data.table import Table
from chainrule.errors import OptionError
from chainrule.training.options import Options
from chainrule.words import setting, word


@dataclass(frozen=True)
class Sources:
    """The tables of a training, read and not yet judged.

    ``targets`` are the columns to predict, ``split`` the parts that rows are divided into, ``files`` the tables of the parts (``valid``,
    ``test``) that have a file of their own, and ``reading`` the options of :func:`chainrule.data.read.read_table` that were given.
    """

    name: str
    table: Table
    targets: tuple[str, ...]
    split: str
    files: Mapping[str, Table]
    reading: dict[str, Any]


def read_sources(data: Any, target: Any, options: Options) -> Sources:
    """Read what a training needs.

    Args:
        data: a file's path, ``"-"``, the name of a bundled data set, or a data frame.
        target: the column to predict, or several: a list of them, or a text with commas; may be left out for a bundled data set.
        options: the options of the training.

    Raises:
        InputError: a table cannot be read, two parts are the same file, or no target is named.
    """
    known = find_bundled(data) if isinstance(data, str) else None
    reading = _reading(options)
    paths = {name: path for name, path in (("valid", options.valid), ("test", options.test)) if path is not None}
    _refuse_same_file({"": known.path if known else data} | paths)
    table = read_table(known.path if known else data, **reading)
    targets = targets_among(table, known.target if target is None and known else target)
    if not targets:
        raise OptionError(
            f"say which column to predict: {setting('target', 'COLUMN')}; {table.source} has {', '.join(table.frame.columns)}."
        )
    files = {name: _named(read_table(path, **reading), name) for name, path in paths.items()}
    name = known.name if known else Path(data).name.split(".")[0] if isinstance(data, (str, Path)) and str(data) != "-" else "table"
    return Sources(name, table, targets, options.split or (known.split if known else DEFAULT_SPLIT), files, reading)


def _named(table: Table, part: str) -> Table:
    """Return the table of a part; a data frame is called by its part, so that messages tell it from the other frames."""
    return replace(table, source=f"the data frame of {part} rows") if table.source == SOURCE else table


def targets_among(table: Table, target: Any) -> tuple[str, ...]:
    """Return the columns that a target names: one, or those of a list or of a text with commas; quotes protect a comma."""
    if target is None:
        return ()
    if isinstance(target, str) and target not in table.frame.columns and "," in target:
        target = [part.strip() for part in next(csv.reader([target], skipinitialspace=True), []) if part.strip()]
    if not isinstance(target, (list, tuple)) and hasattr(target, "__len__") and not isinstance(target, str):
        raise OptionError(f"the target is a {type(target).__name__}; name a column of {table.source}, or a list of columns.")
    names = tuple(map(str, target)) if isinstance(target, (list, tuple)) else (str(target),)
    if twice := [name for place, name in enumerate(names) if name in names[:place]]:
        raise OptionError(f"{word('target')} names the column '{twice[0]}' twice; name each once.")
    return names


def _reading(options: Options) -> dict[str, Any]:
    given = {
        "delimiter": options.delimiter,
        "decimal": options.decimal,
        "encoding": options.encoding,
        "missing": list(options.missing) or None,
        "header": None if options.header else False,
    }
    return {name: value for name, value in given.items() if value is not None}


def _refuse_same_file(sources: dict[str, Any]) -> None:
    """Refuse a file that two parts are read from."""
    paths = {part: Path(source) for part, source in sources.items() if isinstance(source, (str, Path)) and Path(source).is_file()}
    for (part, path), (other, same) in combinations(paths.items(), 2):
        if path.samefile(same):
            said = "the training rows" if not part else "the validation rows"
            advice = f"give each part rows of its own, or leave {word(other)} out"
            raise OptionError(f"{setting(other, same)}: {said} are read from this file too; {advice}.")
