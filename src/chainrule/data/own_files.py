"""What holds between the parts of a split still holds where a part has a file of its own."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

from chainrule.data.cells import listed, no_such_column, spelled
from chainrule.data.split import Split, times_of
from chainrule.data.table import Column, Note, Table
from chainrule.errors import DataError
from chainrule.words import setting, word

_SAID = {"train": "training", "valid": "validation", "test": "test"}


def check_own_files(
    table: Table, split: Split, files: Mapping[str, Table], *, group: str = "", time: Column | None = None
) -> tuple[Note, ...]:
    """Check that no group is in two parts and no row is earlier than those of the part before; return notes of what cannot be checked.

    ``files`` holds the rows of the parts (``valid``, ``test``) that have a file of their own. Only pairs of parts with at least one of
    these are looked at: :func:`chainrule.data.split.split_rows` answers for the others.

    Raises :class:`DataError` for parts that do not keep to ``--group`` or ``--time``, with counts.
    """
    name = group or (time.name if time else "")
    if not name or not files:
        return ()
    option = "group" if group else "time"
    if name not in table.frame.columns:
        raise no_such_column(table, name, option)
    rows = {"train": split.train, "valid": split.valid, "test": split.test}
    parts = {part: files[part] if part in files else table.take(own) for part, own in rows.items() if part in files or len(own)}
    unknown = [part for part in files if name not in files[part].frame.columns]
    for earlier, later in combinations([part for part in parts if part not in unknown], 2):
        if earlier not in files and later not in files:
            continue
        if time:
            _refuse_earlier(parts, earlier, later, time)
        else:
            _refuse_shared(parts, earlier, later, group)
    return tuple(
        Note(f"{files[part].source} has no column '{name}': its rows are not checked against those of the other parts", option)
        for part in unknown
    )


def _refuse_shared(parts: Mapping[str, Table], earlier: str, later: str, group: str) -> None:
    known, own = (spelled(parts[part].frame[group]).drop_nulls().unique(maintain_order=True) for part in (earlier, later))
    shared = own.filter(own.is_in(known.implode()))
    if shared.len():
        advice = f"take them out of one of the two, or leave {word('group')} out"
        raise DataError(
            f"{setting('group', group)}: {shared.len():,} of the {own.len():,} groups in {parts[later].source} ({listed(shared, most=3)}) "
            f"are among the {_SAID[earlier]} rows of {parts[earlier].source} too; {advice}"
        )


def _refuse_earlier(parts: Mapping[str, Table], earlier: str, later: str, time: Column) -> None:
    before, after = (times_of(parts[part], time) for part in (earlier, later))
    latest = before.arg_max()
    assert latest is not None  # no part is empty
    count = int((after < before[latest]).sum())
    if count:
        raise DataError(
            f"{setting('time', time.name)}: {count:,} of the {after.len():,} {_SAID[later]} rows of {parts[later].source} are earlier "
            f"than the latest {_SAID[earlier]} row ({parts[earlier].place(latest)}); take the rows of one of the two out, or leave "
            f"{word('time')} out"
        )
