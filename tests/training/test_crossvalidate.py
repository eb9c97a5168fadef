from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import chainrule as cr
from chainrule.errors import DataError, OptionError
from chainrule.training.crossvalidate import FoldEnded
from chainrule.training.train import Trained

QUICK = {"epochs": 4, "hidden": (8,), "trees": False}
RNG = np.random.default_rng(0)


def table(rows: int = 120) -> pl.DataFrame:
    x = RNG.normal(size=(rows, 2))
    kind = np.where(x[:, 0] + 0.3 * x[:, 1] > 0, "up", "down")
    return pl.DataFrame({"a": x[:, 0], "b": x[:, 1], "g": [f"g{i % 10}" for i in range(rows)], "kind": kind, "y": 3 * x[:, 0] + 100})


def test_every_row_is_answered_by_a_network_that_has_not_seen_it() -> None:
    data, events = table(), []
    model = cr.train(data, target="kind", folds=4, drop="y,g", on_event=events.append, **QUICK)
    found = model.cross_validation
    assert found is not None
    assert found.rows.tolist() == list(range(120))
    assert np.bincount(found.fold)[1:].tolist() == [30] * 4
    assert np.mean(found.predictions == data["kind"].to_numpy()) == pytest.approx(found.mean["accuracy"])
    assert [event.fold for event in events if isinstance(event, FoldEnded)] == [1, 2, 3, 4]
    assert [type(event) for event in events].index(Trained) < [type(event) for event in events].index(FoldEnded)  # the model is safe first


def test_a_fold_is_the_training_that_its_split_describes() -> None:
    data = table()
    found = cr.train(data, target="y", folds=3, drop="kind,g", **QUICK).cross_validation
    assert found is not None
    tested = found.rows[found.fold == 2]
    others = np.setdiff1d(np.arange(120), tested)
    alone = cr.train(data[others.tolist()], target="y", split="80,20", drop="kind,g", **QUICK)
    assert alone.predict(data[tested.tolist()]).tobytes() == found.predictions[found.fold == 2].tobytes()


def test_the_report_has_means_deviations_and_the_baselines_of_the_folds() -> None:
    report = cr.train(table(), target="y", folds=3, drop="kind,g", **QUICK).report
    folds = [fold["test"]["rmse"] for fold in report["cross_validation"]["folds"]]
    assert report["cross_validation"]["mean"]["rmse"] == pytest.approx(np.mean(folds))
    assert report["cross_validation"]["deviation"]["rmse"] == pytest.approx(np.std(folds, ddof=1))
    assert report["baselines"]["linear"]["rmse"] < report["baselines"]["constant"]["rmse"]
    assert report["rows"] == {"train": 96, "valid": 24, "test": 0}
    assert "test" not in report


def test_a_test_part_beside_folds_is_refused() -> None:
    with pytest.raises(OptionError, match="folds measures on the rows of the table, each of them once; leave it or test out"):
        cr.train(table(), target="kind", folds=3, test=table(30), **QUICK)


def test_groups_stay_together() -> None:
    data = table()
    found = cr.train(data, target="kind", folds=5, group="g", drop="y", **QUICK).cross_validation
    assert found is not None
    for group in data["g"].unique():
        assert len(set(found.fold[(data["g"] == group).to_numpy()])) == 1


def test_by_time_the_first_rows_are_only_learned_from() -> None:
    data = table().with_row_index("t")
    found = cr.train(data, target="y", folds=3, time="t", drop="kind,g", **QUICK).cross_validation
    assert found is not None
    assert found.rows.tolist() == list(range(30, 120))
    assert (np.diff(found.fold) >= 0).all()


def test_rows_may_be_ordered_by_what_is_not_learned_from() -> None:
    data = table().with_row_index("no", offset=1)  # which would be an identifier
    for drop in ("kind,g", "kind,g,no"):
        model = cr.train(data, target="y", folds=3, time="no", drop=drop, **QUICK)
        assert model.cross_validation is not None
        assert model.cross_validation.rows.tolist() == list(range(30, 120))
        assert "no" not in model.encoder.sources.values()


def test_each_row_may_be_a_fold_of_its_own() -> None:
    found = cr.train(table(24), target="kind", folds=24, drop="y,g", **QUICK).cross_validation
    assert found is not None
    assert np.bincount(found.fold)[1:].tolist() == [1] * 24


def test_several_targets_are_measured_one_by_one() -> None:
    model = cr.train(table().with_columns(z=-pl.col("y")), target="y,z", folds=3, drop="kind,g", **QUICK)
    found, report = model.cross_validation, model.report
    assert found is not None
    for name, part in report["targets"].items():
        folds = [fold["targets"][name] for fold in report["cross_validation"]["folds"]]
        assert part["cross_validation"]["rmse"] == pytest.approx(np.mean([fold["test"]["rmse"] for fold in folds]))
        assert part["baselines"]["linear"]["mae"] == pytest.approx(np.mean([fold["baselines"]["linear"]["mae"] for fold in folds]))
    means = [report["targets"][name]["cross_validation"]["rmse"] for name in ("y", "z")]
    assert found.mean["rmse"] == pytest.approx(np.mean(means))
    assert "targets" not in cr.train(table(), target="y", folds=2, drop="kind,g", **QUICK).report


def test_impossible_folds_are_refused_before_anything_is_trained() -> None:
    def nothing(event: object) -> None:
        raise AssertionError(event)

    with pytest.raises(OptionError, match=r"folds is 1 and must be a whole number of at least 2"):
        cr.train(table(), target="y", folds=1, on_event=nothing)
    with pytest.raises(DataError, match=r"folds=11 needs 11 values of 'g' at least, and a data frame has 10"):
        cr.train(table(), target="y", folds=11, group="g", on_event=nothing)


def test_trees_are_measured_beside_where_they_can_be_had(monkeypatch) -> None:
    monkeypatch.setattr("chainrule.training.trees.installed", lambda: True)
    report = cr.train(table(), target="y", folds=2, drop="kind,g", epochs=2, hidden=(4,)).report
    assert report["baselines"]["trees"]["rmse"] < report["baselines"]["constant"]["rmse"]
    for fold in report["cross_validation"]["folds"]:  # each has trees of its own rows
        assert fold["baselines"]["trees"]["rmse"] < fold["baselines"]["constant"]["rmse"]
    assert "trees" in cr.train(table(), target="kind", drop="y,g", epochs=2, hidden=(4,)).report["baselines"]
    assert "trees" not in cr.train(table(), target="kind", drop="y,g", **QUICK).report["baselines"]
