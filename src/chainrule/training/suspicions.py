"""What a table's owner should look at before trusting a result: each suspicion with its numbers, and nothing where there is none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.data.measures.rows import rows_in_both
from chainrule.data.measures.target import LARGE, SMALL, alone, tail
from chainrule.data.table import Note
from chainrule.data.target import Target
from chainrule.data.target_transform import AS_IT_IS, STANDARDIZE
from chainrule.training.neighbors import likeness, unexplained_likeness
from chainrule.training.options import Options
from chainrule.training.prepare import Part, Prepared
from chainrule.training.tasks import SQUARED
from chainrule.words import setting, word

Values = NDArray[Any]

_GIVEN_AWAY = 0.98  # of the guessing error is gone by one column alone, on rows that it was not learned from
_REPEATED = 0.01  # of the held-out rows stand in training too
_ALIKE = 0.5  # correlation of the target in neighboring rows; in independent rows it is below 0.3 from 100 rows on (four deviations)
_FEWEST_ROWS = 100
_MOSTLY_ONCE = 0.5  # different values of a category, for one row
_ALONE = 0.25  # of all squared deviations from the mean by a single row, of 100 at least
_TOGETHER = 0.6  # of them by a hundredth of the rows; in a normal distribution it is 9 %, in an exponential one 27 %
_MOST_ROWS, _MOST_TARGETS = 200_000, 8


def with_suspicions(prepared: Prepared, options: Options) -> Prepared:
    """Return what was prepared with the suspicions as its first notes; most of them are warnings."""
    found = [*_repeated(prepared), *_labels(prepared)]
    for target in prepared.goal.targets[:_MOST_TARGETS]:
        y = target.encode(prepared.train.table, "float64").reshape(-1)
        found += [*_given_away(prepared, target, y), *_in_order(prepared, options, target, y)]
        found += _scale(prepared, target, y)
    return replace(prepared, notes=(*found, *prepared.notes))


def _given_away(prepared: Prepared, target: Target, y: Values) -> Iterator[Note]:
    """A column that predicts the target nearly without error, alone among several."""
    columns = list(dict.fromkeys(prepared.encoder.sources.values()))
    if len(columns) < 2:
        return
    for one in alone(_by_column(prepared, columns), y, classes=len(target.classes))[:3]:
        if one.share >= _GIVEN_AWAY:
            name = columns[one.column]
            text = (
                f"column '{name}' alone predicts '{target.column.name}' nearly without error ({one.share:.1%} of the guessing "
                f"error is gone): it may be made from the target, or be known only after it; {setting('drop', name)} trains without it"
            )
            yield Note(text, "drop", warning=True)


def _by_column(prepared: Prepared, columns: list[str]) -> np.ndarray:
    """Return the training rows with one number a column [rows, columns]: the number itself, or which category it is."""
    sources = list(prepared.encoder.sources.values())
    kinds = {column.name: column.kind for column in prepared.columns}
    x = prepared.train.x
    numbers = []
    for name in columns:
        units = [place for place, source in enumerate(sources) if source == name]
        numbers.append(x[:, units].argmax(axis=1) if kinds[name] == "category" else x[:, units[0]])
    return np.column_stack(numbers)


def _repeated(prepared: Prepared) -> Iterator[Note]:
    """Held-out rows that were trained on, with their answers."""
    train = prepared.train
    if len(train.x) > _MOST_ROWS:
        return
    for name, part in (("validation", prepared.valid), ("test", prepared.test)):
        if part is None:
            continue
        found = rows_in_both(_with_answers(train), _with_answers(part))
        if found.share > _REPEATED and not found.by_nature:
            first = part.place(int(found.again[0]))
            text = (
                f"{len(found.again):,} of the {found.rows:,} {name} rows {'stand' if len(found.again) > 1 else 'stands'} in the training "
                f"rows too, answer included (the first is {first}): what is measured there is partly memory; take repeated rows out"
            )
            yield Note(text, warning=True)


def _with_answers(part: Part) -> np.ndarray:
    return np.column_stack([part.x, part.y.reshape(len(part.x), -1)])


def _in_order(prepared: Prepared, options: Options, target: Target, y: Values) -> Iterator[Note]:
    """Neighboring rows whose targets are alike: a file that is sorted, or a series in time."""
    if options.time or options.group:
        return
    order = np.argsort(prepared.train.rows, kind="stable")
    y = y[order]
    name = target.column.name
    if len(y) < _FEWEST_ROWS:
        return
    changes, of_classes, classes = np.diff(y), target.task == "classification", len(target.classes)
    in_blocks = of_classes and np.count_nonzero(changes) == len(np.unique(y)) - 1
    if (changes >= 0).all() or (changes <= 0).all() or in_blocks:
        yield Note(f"the rows are sorted by '{name}'; they are shuffled before they are divided, so that nothing is lost")
    elif (alike := likeness(y, classes)) > _ALIKE and (left := unexplained_likeness(prepared.train.x[order], y, classes)) > _ALIKE:
        measured = "agreement beyond chance" if of_classes else "correlation"
        text = (
            f"'{name}' is alike in neighboring rows ({measured} {alike:.2f}, and {left:.2f} in what a linear model leaves over; 0 in "
            "independent rows), as in a series of times or in repeated measurements: what is measured is then too good; name the column "
            f"of times with {setting('time')} or of subjects with {setting('group')}"
        )
        yield Note(text, "time", warning=True)


def _labels(prepared: Prepared) -> Iterator[Note]:
    """Words that hardly ever repeat and got in as a category."""
    used = set(prepared.encoder.sources.values())
    for column in prepared.columns:
        if column.name not in used or column.kind != "category":
            continue
        cells = prepared.train.table.frame[column.name].drop_nulls()
        if cells.len() >= _FEWEST_ROWS and (different := cells.n_unique()) > _MOSTLY_ONCE * cells.len():
            text = (
                f"column '{column.name}' has {different:,} different values in {cells.len():,} training rows, so that most cannot "
                f"be learned: it may be an identifier; {setting('drop', column.name)} leaves it out"
            )
            yield Note(text, "drop", warning=True)


def _scale(prepared: Prepared, target: Target, y: Values) -> Iterator[Note]:
    """A quantity whose size does not suit a fresh network, or of which a few rows are so large that they decide a squared error."""
    name = target.column.name
    size = float(np.sqrt(np.mean(np.square(y))))
    if target.transform == AS_IT_IS and not SMALL <= size <= LARGE:
        text = (
            f"'{name}' has a mean of {y.mean():.4g} and a standard deviation of {y.std():.4g}, and a network begins with answers near 1 "
            f"in size, so that it learns little; leave {word('target_transform')} out, and it is standardized"
        )
        yield Note(text, "target_transform", warning=True)
    if prepared.goal.loss not in SQUARED or len(y) < _FEWEST_ROWS:
        return
    found = tail(y)
    least = float(target.values(prepared.train.table).min())
    transform = "log" if least > 0 else "log1p" if least > -1 else ""
    other = (
        f"{setting('target_transform', transform)} or {setting('loss', 'huber')}"
        if transform and target.transform == STANDARDIZE
        else setting("loss", "huber")
    )
    if found.largest_share > _ALONE:
        text = (
            f"the value of '{name}' in {prepared.train.place(found.largest)} makes up {found.largest_share:.0%} of all squared "
            f"deviations from the mean: a squared error is mostly about this row; check it, or use {other}"
        )
        yield Note(text, "loss", warning=True)
    elif found.share > _TOGETHER:
        text = (
            f"{found.rows:,} of the {len(y):,} training rows, those with the most extreme '{name}', make up {found.share:.0%} of all "
            f"squared deviations from the mean: a squared error is mostly about them; use {other}"
        )
        yield Note(text, "target_transform" if transform else "loss", warning=True)
    else:
        yield from _held_out(prepared, target)


def _held_out(prepared: Prepared, target: Target) -> Iterator[Note]:
    """A held-out quantity that is so large that what is measured there is about nothing else."""
    parts = [part for part in (prepared.train, prepared.valid, prepared.test) if part is not None]
    of_each = [target.encode(part.table, "float64").reshape(-1) for part in parts]
    found = tail(np.concatenate(of_each))
    if found.largest_share <= _ALONE:
        return
    starts = np.cumsum([0, *map(len, of_each)])
    place = int(np.searchsorted(starts, found.largest, side="right")) - 1
    text = (
        f"the value of '{target.column.name}' in {parts[place].place(found.largest - int(starts[place]))}, one of the "
        f"{'validation' if parts[place] is prepared.valid else 'test'} rows, makes up {found.largest_share:.0%} of all squared deviations "
        "from the mean: what is measured there is mostly about this row; check it"
    )
    yield Note(text, warning=True)
