"""What each column of a table means, judged from all of its cells; every decision has its reason, and the option that changes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import polars as pl

from chainrule.data import identity
from chainrule.data.cells import described, listed, no_such_column
from chainrule.data.conventions import Conventions, date_column, find_conventions, number_column, style_notes, time_note
from chainrule.data.dates import COMPACT, FORMATS, find_formats
from chainrule.data.evidence import Evidence, gather
from chainrule.data.numerals import Reading, parse_numbers
from chainrule.data.table import Column, Kind, Note, Table
from chainrule.errors import DataError, OptionError
from chainrule.words import setting, word

# A text column whose cells are mostly different numbers is a number column with some other words in it.
_MOSTLY_NUMBERS, _MANY_NUMBERS = 0.8, 20
# Few different whole numbers, each standing often, may be labels.
_EXACT = 2**53  # from here on not every whole number is a float64
_FEW_LABELS, _ROWS_A_LABEL = 10, 20


@dataclass(frozen=True)
class _Judged:
    """A column with its notes; ``sequence`` marks numbers left out only because they count the rows."""

    column: Column
    notes: tuple[Note, ...] = ()
    sequence: bool = False


def judge_columns(
    table: Table,
    *,
    target: str | Sequence[str] | None = None,
    weight: str | None = None,
    time: str | None = None,
    in_order: bool = False,
    categorical: Sequence[str] = (),
    numeric: Sequence[str] = (),
    date: Sequence[str] = (),
    drop: Sequence[str] = (),
    decimal: str | None = None,
) -> tuple[tuple[Column, ...], tuple[Note, ...]]:
    """Return what each column means, in the table's order with the target or targets among them, and notes on what was found out.

    ``categorical``, ``numeric``, ``date`` and ``drop`` name columns whose kind is settled by the caller; an entry of ``date`` may give the
    format as ``NAME=FORMAT`` (``when=%d/%m/%Y``). ``decimal`` (``"."`` or ``","``) decides numbers that can be read in two ways. Constant
    columns, identifiers and free text get ``used=False`` and a reason, except for the target and the ``weight``, which are judged by their
    cells alone. ``time`` orders the rows, whether it is an input or not. Dates get a note that they could order the split, unless the rows
    are ``in_order`` of time already.

    Raises :class:`DataError` for a column that the table does not have or whose cells are not what an option says, and
    :class:`OptionError` for options that exclude each other.
    """
    if decimal not in (None, ".", ","):
        raise OptionError(f"{setting('decimal', decimal)}: the decimal mark is '.' or ','")
    formats = dict(_split_format(table, entry) for entry in date)
    targets = () if target is None else (target,) if isinstance(target, str) else tuple(target)
    forced = _forced(table, targets, {"drop": drop, "categorical": categorical, "numeric": numeric, "date": list(formats)})
    known = {weight, time}
    seen = {
        name: gather(name, table.frame[name])
        for name in table.frame.columns
        if name in known or forced.get(name) not in ("drop", "categorical")
    }
    shared = find_conventions(table, seen.values(), decimal)
    roles = {name: "weight" for name in (weight,) if name is not None} | dict.fromkeys(targets, "target")
    judged: list[_Judged] = []
    for name in table.frame.columns:
        option = forced.get(name, "")
        if option == "drop":
            judged.append(_Judged(Column(name, "category", f"dropped by {setting('drop')}", used=False)))
        elif option == "categorical":
            judged.append(_named_category(table, name))
        elif option == "numeric":
            judged.append(_named_number(table, seen[name], shared))
        elif option == "date":
            judged.append(_named_date(table, seen[name], formats[name], shared))
        else:
            judged.append(_judge(table, seen[name], shared, roles.get(name, "")))
    judged = _keep_only_feature(judged, roles)
    judged = [_with_kind(table, one, seen[one.column.name], shared) if one.column.name in known else one for one in judged]
    columns = tuple(one.column for one in judged)
    styles = style_notes(columns, {name: one.reading for name, one in seen.items()}, shared)
    found = [note for one in judged for note in one.notes if not (in_order and note.option == "time")]
    return columns, (*styles, *found, *_constant_note(columns))


def _with_kind(table: Table, judged: _Judged, seen: Evidence, shared: Conventions) -> _Judged:
    """Return a column of weights or times with the kind that its cells have, where it was left out without a look at them."""
    if judged.column.used:
        return judged
    column = _judge(table, seen, shared, "time").column
    return replace(judged, column=replace(column, used=False, reason=judged.column.reason))


def _split_format(table: Table, entry: str) -> tuple[str, str]:
    """Return the name and the format of an entry of ``--date``; a column may have an equals sign in its name."""
    name, _, form = entry.partition("=")
    return (entry, "") if entry in table.frame.columns else (name, form)


def _forced(table: Table, targets: Sequence[str], options: dict[str, Sequence[str]]) -> dict[str, str]:
    """Return which option names each column."""
    forced: dict[str, str] = {}
    for target in targets:
        if target not in table.frame.columns:
            raise no_such_column(table, target, "target")
    for option, names in options.items():
        for name in names:
            if name not in table.frame.columns:
                raise no_such_column(table, name, option)
            if forced.get(name, option) != option:
                raise OptionError(f"column '{name}' is named with both {word(forced[name])} and {word(option)}; choose one")
            forced[name] = option
    if dropped := [target for target in targets if forced.get(target) == "drop"]:
        raise OptionError(f"column '{dropped[0]}' is the target and cannot be dropped with {setting('drop')}")
    return forced


def _named_category(table: Table, name: str) -> _Judged:
    if (problem := _unreadable(table.frame[name])) is not None:
        raise DataError(f"{table.source}: column '{name}' holds {problem}, which {setting('categorical')} cannot read")
    return _Judged(Column(name, "category", f"named with {setting('categorical')}"))


def _named_number(table: Table, seen: Evidence, shared: Conventions) -> _Judged:
    reading = seen.reading
    if seen.cells.dtype.is_numeric() or seen.cells.dtype in (pl.Boolean, pl.Null) or (seen.is_text and reading is None):
        return _Judged(Column(seen.name, "number", f"named with {setting('numeric')}"))
    if reading is None or reading.share == 0:
        shown = f"'{reading.other}'" if reading is not None else described(seen.cells.dtype)
        raise DataError(f"{table.source}: column '{seen.name}' ({setting('numeric')}) holds no numbers but {shown}")
    return _Judged(number_column(seen, shared, f"named with {setting('numeric')}"))


def _named_date(table: Table, seen: Evidence, form: str, shared: Conventions) -> _Judged:
    dtype = seen.cells.dtype
    if dtype == pl.Date or isinstance(dtype, pl.Datetime):
        return _Judged(Column(seen.name, "date", f"named with {setting('date')}"), (time_note(seen.name),))
    if not (seen.is_text or dtype.is_numeric()) or seen.count == 0:
        shown = "empty cells" if seen.cells.is_empty() else described(dtype)
        raise DataError(f"{table.source}: column '{seen.name}' ({setting('date')}) holds no dates but {shown}")
    formats = find_formats(seen.texts, (form,) if form else (*FORMATS, *COMPACT))
    if not formats:
        tried = (
            f"written as {form}" if form else f"in a form that is recognized; give the form as {setting('date', seen.name + '=%d/%m/%Y')}"
        )
        raise DataError(
            f"{table.source}: the cells of column '{seen.name}' ({setting('date')}), such as '{seen.texts[0]}', are not all dates {tried}"
        )
    column, notes = date_column(replace(seen, formats=formats), shared, f"named with {setting('date')}")
    return _Judged(column, (*notes, time_note(seen.name)))


def _judge(table: Table, seen: Evidence, shared: Conventions, role: str) -> _Judged:
    """Judge a column that no option names; one with a ``role`` (target, weight) is judged by its cells alone."""
    if (problem := _unreadable(seen.cells)) is not None:
        if role == "target":
            raise DataError(f"{table.source}: the target '{seen.name}' holds {problem}; a target is one number, word or date a row")
        return _left_out(seen.name, "category", f"holds {problem}", "")
    if not role and (reason := _constant_reason(seen)):
        return _Judged(Column(seen.name, "constant", reason, used=False))
    if seen.cells.dtype == pl.Boolean:
        return _Judged(Column(seen.name, "boolean", "true or false", true="true", false="false"))
    if (words := seen.words()) is not None:
        true, false = words
        return _Judged(Column(seen.name, "boolean", f"'{true}' or '{false}'", true=true, false=false))
    if not role and seen.name in table.categories:
        return _identifier(seen) or _Judged(Column(seen.name, "category", "its type is that of categories"), _subject_notes(seen, role))
    if seen.is_number and not _leading_zeros(seen):
        return _judge_number(seen, shared, role)
    if seen.formats or seen.cells.dtype.is_temporal():
        column, notes = date_column(seen, shared, "dates")
        return _Judged(column, notes if role else (*notes, time_note(seen.name)))
    return _judge_text(table, seen, shared, role)


def _unreadable(cells: pl.Series) -> str | None:
    """Return what the cells are if they cannot be read as numbers, words or dates."""
    dtype = cells.dtype
    readable = dtype.is_numeric() or dtype in (pl.String, pl.Boolean, pl.Date, pl.Null) or isinstance(dtype, pl.Datetime)
    return None if readable else described(dtype)


def _constant_reason(seen: Evidence) -> str:
    if seen.count == 0:
        return "every cell is missing"
    if seen.count == 1 and seen.missing == 0:
        return f"every cell is '{seen.texts[0]}'"
    return ""


def _constant_note(columns: Sequence[Column]) -> tuple[Note, ...]:
    """Return one note for all constant columns: pictures have hundreds of them."""
    names = [column.name for column in columns if column.kind == "constant"]
    if not names:
        return ()
    return (Note(f"left out, because every cell is the same: {listed(names)}"),)


def _left_out(name: str, kind: Kind, reason: str, option: str) -> _Judged:
    return _Judged(Column(name, kind, reason, used=False), (Note(f"column '{name}' is left out: {reason}", option),))


def _repeated(seen: Evidence) -> _Judged:
    reason = _belonging(seen)
    note = Note(f"column '{seen.name}' is left out: {reason}; {_grouping(seen)}; {setting('categorical', seen.name)} trains on it", "group")
    return _Judged(Column(seen.name, "identifier", reason, used=False), (note,))


def _belonging(seen: Evidence) -> str:
    return f"{seen.count} different values in {seen.cells.len()} rows, and a name that says what a row belongs to"


def _grouping(seen: Evidence) -> str:
    return f"{setting('group', seen.name)} keeps the rows of one value on one side of the split"


def _subject_notes(seen: Evidence, role: str) -> tuple[Note, ...]:
    """Return the warning that a column which is trained on has the name and the repetitions of an identifier, if it does."""
    if role or not identity.names_a_subject(seen.name) or not 1 < seen.count < seen.cells.len():
        return ()
    advice = f"{_grouping(seen)}, and {setting('drop', seen.name)} leaves it out"
    return (Note(f"column '{seen.name}' is trained on, with {_belonging(seen)}; {advice}", "group"),)


def _identifier(seen: Evidence) -> _Judged | None:
    """Judge whether a column of whole numbers or words names its rows, or what they belong to."""
    rows = seen.cells.len()
    different = seen.count > identity.MOSTLY_DIFFERENT * rows
    counted = f"{seen.count} different values in {rows} rows"
    if identity.names_an_identifier(seen.name, different) and seen.count > 1:
        if not different:
            return _repeated(seen)
        return _left_out(seen.name, "identifier", f"{counted}, and a name that says identifier", _reading_option(seen))
    if identity.names_a_subject(seen.name) and seen.count > identity.MANY_ROWS and 2 * seen.count <= rows:
        return _repeated(seen)
    if seen.is_text and (not seen.is_number or _leading_zeros(seen)):
        if identity.is_free_text(seen.cells, seen.count):
            return _left_out(seen.name, "identifier", f"free text: {counted}, in sentences", "categorical")
        if different and rows > identity.MANY_ROWS:
            return _left_out(seen.name, "identifier", counted, "categorical")
    return None


def _reading_option(seen: Evidence) -> str:
    return "numeric" if seen.is_number else "categorical"


def _judge_number(seen: Evidence, shared: Conventions, role: str) -> _Judged:
    column = number_column(seen, shared, "numbers")
    values = _distinct_numbers(seen, column)
    whole = bool((values == values.round()).all()) and not values.is_infinite().any()
    if role or not whole:
        return _Judged(column)
    if (identifier := _identifier(seen)) is not None:
        return identifier
    if values.abs().max() >= _EXACT and values.n_unique() < seen.count:  # type: ignore[operator]  # of numbers, it is one
        reason = "whole numbers of so many digits that different ones would become the same"
        return _left_out(seen.name, "identifier", reason, "categorical")
    sequence = identity.running_sequence(values, seen.cells.len() + seen.missing)
    if sequence is not None and not column.affixes and not identity.names_an_order(seen.name):
        reason = f"the whole numbers from {sequence[0]} to {sequence[-1]}, one a row"
        return replace(_left_out(seen.name, "identifier", reason, "numeric"), sequence=True)
    if identity.names_a_code(seen.name):
        note = Note(f"column '{seen.name}' is read as numbers, and its name says codes", "categorical")
        return _Judged(replace(column, reason=f"whole numbers that may be codes; {setting('categorical')} reads them as labels"), (note,))
    if 2 < seen.count <= _FEW_LABELS and seen.cells.len() >= _ROWS_A_LABEL * seen.count:
        reason = f"{seen.count} different whole numbers; {setting('categorical')} reads them as labels"
        return _Judged(replace(column, reason=reason), _subject_notes(seen, role))
    return _Judged(replace(column, reason="whole numbers"), _subject_notes(seen, role))


def _judge_text(table: Table, seen: Evidence, shared: Conventions, role: str) -> _Judged:
    reading = seen.reading
    if reading is not None and _MOSTLY_NUMBERS <= reading.share < 1 and reading.share * seen.count >= _MANY_NUMBERS:
        reason = _mixed_reason(table, seen, reading)
        column = replace(number_column(seen, shared, reason), used=bool(role))
        state = "holds text among its numbers" if role else "is left out"
        return _Judged(column, (Note(f"column '{seen.name}' {state}: {reason}", "missing", warning=True),))
    if not role and (identifier := _identifier(seen)) is not None:
        return identifier
    if _leading_zeros(seen):
        reason = f"numbers with leading zeros ('{_leading_zeros(seen)}'), which are codes"
        note = Note(f"column '{seen.name}' is a category: {reason}", "numeric")
        return _Judged(Column(seen.name, "category", reason), (note, *_subject_notes(seen, role)))
    if reading is not None and reading.share == 1 and len(reading.units) > 1:
        reason = f"numbers of more than one unit ({', '.join(reading.affixes)})"
        return _Judged(Column(seen.name, "category", reason), (Note(f"column '{seen.name}' is a category: {reason}", "numeric"),))
    one = "one value, or missing" if seen.count == 1 and seen.missing else _constant_reason(seen)
    return _Judged(Column(seen.name, "category", one or f"{seen.count} different values"), _subject_notes(seen, role))


def _mixed_reason(table: Table, seen: Evidence, reading: Reading) -> str:
    place = table.place(table.frame[seen.name].index_of(reading.other) or 0)
    others = seen.count - round(reading.share * seen.count)
    are = "is no number" if others == 1 else "are no numbers"
    return (
        f"{others:,} of its {seen.count:,} different values {are} ('{reading.other}' in {place}); "
        f"name such cells with {setting('missing')} to read it as numbers, or read it as labels with {setting('categorical')}"
    )


def _leading_zeros(seen: Evidence) -> str:
    """Return a text such as ``01067`` where all are numbers: codes are written with leading zeros, quantities are not."""
    if not seen.is_text or not seen.is_number:
        return ""
    codes = seen.distinct.filter(seen.distinct.str.contains(r"^0\d+$"))
    return str(codes[0]) if codes.len() else ""


def _distinct_numbers(seen: Evidence, column: Column) -> pl.Series:
    if seen.reading is None:
        return seen.distinct.cast(pl.Float64)
    return parse_numbers(seen.distinct, column.decimal, column.thousands, column.affixes)


def _keep_only_feature(judged: list[_Judged], roles: Mapping[str, str]) -> list[_Judged]:
    """Keep running numbers as numbers where nothing else is there to learn from: in a table of x and y, x is no identifier."""
    if any(one.column.used and one.column.name not in roles for one in judged):
        return judged
    return [_Judged(Column(one.column.name, "number", "whole numbers")) if one.sequence else one for one in judged]
