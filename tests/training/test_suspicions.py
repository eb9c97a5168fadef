"""What a table's owner should look at first: each suspicion on a table that has it, and silence on one that has not."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import chainrule as cr
from chainrule.data.bundled import find_bundled
from chainrule.errors import DataWarning
from chainrule.training.options import Options
from chainrule.training.prepare import prepare
from chainrule.training.suspicions import with_suspicions

ROWS = 400


def table(**columns) -> pl.DataFrame:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(ROWS, 3))
    y = x[:, 0] + 0.5 * x[:, 1] + 0.3 * rng.normal(size=ROWS)
    return pl.DataFrame({"a": x[:, 0], "b": x[:, 1], "c": x[:, 2], "y": y} | columns)


def warnings_of(data: pl.DataFrame, target: str = "y", **options) -> list[str]:
    chosen = Options.of(options)
    prepared = prepare(data, target, chosen)
    return [note.text for note in with_suspicions(prepared, chosen).notes if note.warning]


def test_a_sound_table_is_passed_in_silence() -> None:
    assert warnings_of(table()) == []
    assert warnings_of(table(y=np.where(table()["a"].to_numpy() > table()["c"].to_numpy(), "x", "z"))) == []


@pytest.mark.parametrize("disguise", [lambda y: 3 * y - 7, np.exp, lambda y: -(y**3)])
def test_a_column_that_is_made_from_the_target_is_named(disguise) -> None:
    (said,) = warnings_of(table(total=disguise(table()["y"].to_numpy())))
    assert said.startswith("column 'total' alone predicts 'y' nearly without error")
    assert "drop='total'" in said


def test_a_class_under_another_name_gives_the_target_away() -> None:
    kind = np.where(table()["a"].to_numpy() > 0, "north", "south")
    (said,) = warnings_of(table(y=np.where(kind == "north", "yes", "no"), side=kind).drop("a"))
    assert said.startswith("column 'side' alone predicts 'y'")


def test_rows_on_both_sides_of_the_split_are_counted() -> None:
    twice = pl.concat([table(), table()[:120]])
    said = warnings_of(twice)
    assert any("test rows stand in the training rows too, answer included" in text for text in said)
    assert any("validation rows stand in the training rows too" in text for text in said)


def test_coarse_rows_agree_by_nature() -> None:
    rng = np.random.default_rng(0)
    coarse = pl.DataFrame({name: rng.integers(0, 3, ROWS) for name in "abcy"})
    assert not any("stand in the training rows" in text for text in warnings_of(coarse, task="classification"))


def test_neighbors_that_are_alike_are_a_series_unless_their_order_is_known() -> None:
    walk = np.cumsum(np.random.default_rng(1).normal(size=ROWS))
    data = table(y=walk, day=np.arange(ROWS))
    (said,) = [text for text in warnings_of(data) if "neighboring rows" in text]
    assert "time" in said
    assert not any("neighboring rows" in text for text in warnings_of(data, time="day"))


def test_rows_that_are_sorted_by_an_input_are_no_series() -> None:
    kinds = table().with_columns(kind=pl.Series(["low", "high"] * (ROWS // 2))).with_columns(y=pl.col("y") + 9 * (pl.col("kind") == "low"))
    assert warnings_of(kinds.sort("kind")) == []
    classes = kinds.with_columns(y=pl.when(pl.col("y") > 4).then(pl.lit("much")).otherwise(pl.lit("little")), d=-pl.col("b"))
    assert not any("neighboring rows" in text for text in warnings_of(classes.sort("kind")))
    assert warnings_of(pl.read_csv(find_bundled("penguins").path, null_values="NA").drop_nulls(), "body_mass_g") == []


def test_a_file_sorted_by_its_target_is_noted_and_not_warned_of() -> None:
    data = table().sort("y")
    prepared = with_suspicions(prepare(data, "y", Options()), Options())
    assert any(note.text.startswith("the rows are sorted by 'y'") and not note.warning for note in prepared.notes)


def test_words_that_hardly_repeat_may_be_an_identifier() -> None:
    names = [f"n{i % 300} {'abc'[i % 3]}" for i in range(ROWS)]
    (said,) = warnings_of(table(who=names))
    assert said.startswith("column 'who' has ")
    assert "it may be an identifier" in said


def test_one_value_that_outweighs_all_others_is_named_with_its_row() -> None:
    y = table()["y"].to_numpy().copy()
    row = int(prepare(table(), "y", Options()).train.rows[7])
    y[row] = 1e4
    (said,) = warnings_of(table(y=y))
    assert said.startswith(f"the value of 'y' in a data frame, row {row} makes up 100% of all squared deviations")
    assert "loss='huber'" in said


@pytest.mark.parametrize("side", ["validation", "test"])
def test_a_value_that_outweighs_all_others_is_named_where_it_is_held_out_too(side: str) -> None:
    y = table()["y"].to_numpy().copy()
    split = prepare(table(), "y", Options()).split
    row = int({"validation": split.valid, "test": split.test}[side][3])
    y[row] = 1e4
    (said,) = warnings_of(table(y=y))
    assert said.startswith(f"the value of 'y' in a data frame, row {row}, one of the {side} rows, makes up 100% of all squared deviations")


@pytest.mark.parametrize(("scale", "shift", "warned"), [(1, 0, False), (50, 0, False), (1e4, 0, True), (1e-4, 0, True), (1, 1e6, True)])
def test_a_target_of_a_bad_scale_is_warned_of_where_it_is_taken_as_it_is(scale: float, shift: float, warned: bool) -> None:
    data = table(y=table()["y"].to_numpy() * scale + shift)
    said = warnings_of(data, target_transform="none")
    assert len(said) == warned
    assert all("a network begins with answers near 1" in text and "leave target_transform out" in text for text in said)
    assert warnings_of(data) == []


def test_python_is_warned_too_and_the_report_keeps_it() -> None:
    data = table(total=3 * table()["y"].to_numpy())
    with pytest.warns(DataWarning, match="column 'total' alone predicts 'y'"):
        model = cr.train(data, "y", hidden=4, epochs=1, trees=False)
    assert model.report["warnings"] == warnings_of(data)
    assert "warnings" not in cr.train(table(), "y", hidden=4, epochs=1, trees=False).report


def test_each_of_several_targets_is_looked_at() -> None:
    walk = np.cumsum(np.random.default_rng(1).normal(size=ROWS))
    said = warnings_of(table(walk=walk, total=3 * table()["y"].to_numpy()), "walk,y")
    assert [text.split(" (")[0] for text in said] == [
        "'walk' is alike in neighboring rows",
        "column 'total' alone predicts 'y' nearly without error",
    ]


def test_an_amount_that_only_one_class_has_gives_the_target_away() -> None:
    rng = np.random.default_rng(2)
    y = rng.uniform(size=ROWS) < 0.5
    (said,) = warnings_of(table(paid=np.where(y, rng.uniform(10, 90, ROWS), 0.0), y=np.where(y, "yes", "no")))
    assert said.startswith("column 'paid' alone predicts 'y'")


def test_a_few_rows_that_outweigh_the_others_ask_for_a_logarithm() -> None:
    rng = np.random.default_rng(0)
    sizes = np.exp(1.8 * rng.normal(size=2000))
    data = pl.DataFrame({"a": rng.normal(size=2000), "b": rng.normal(size=2000), "y": sizes})
    (said,) = warnings_of(data)
    assert said.startswith("12 of the 1,280 training rows, those with the most extreme 'y', make up ")
    assert said.endswith("use target_transform='log' or loss='huber'")
    assert warnings_of(data, target_transform="log") == warnings_of(data, loss="huber") == []


def test_classes_that_hardly_change_from_row_to_row_are_a_series() -> None:
    state = np.repeat(np.array(["idle", "busy", "idle", "off", "busy"] * 4), ROWS // 20)
    (said,) = warnings_of(table(y=state))
    assert said.startswith("'y' is alike in neighboring rows (agreement beyond chance 0.88")
