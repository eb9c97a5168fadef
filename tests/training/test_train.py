"""The main job, from a table to a model: what is understood, what is trained, what is reported."""

from __future__ import annotations

import warnings

import numpy as np
import polars as pl
import pytest

import chainrule as cr
from chainrule.errors import DataError, InputError, NonFiniteError, OptionError
from chainrule.training.events import EpochEnded, RunStarted, Stopped
from chainrule.training.options import Options
from chainrule.training.train import NetworkBuilt, Understood

GENERATOR = np.random.default_rng(5)
ROWS = 240
TABLE = pl.DataFrame(
    {
        "x": GENERATOR.normal(size=ROWS).round(3),
        "color": GENERATOR.choice(["red", "green", "blue"], ROWS),
        "day": pl.date_range(pl.date(2024, 1, 1), pl.date(2024, 1, 1) + pl.duration(days=ROWS - 1), eager=True),
        "family": [f"f{i // 6}" for i in range(ROWS)],
        "weight": GENERATOR.integers(0, 4, ROWS).astype(float),
    }
).with_columns(
    y=(pl.col("x") * 3 + (pl.col("color") == "red") * 2 + 10.25).round(4),
    label=pl.when(pl.col("x") > 0.3).then(pl.lit("high")).otherwise(pl.lit("low")),
)
QUICK = {"hidden": (8,), "epochs": 3}


def train(target="y", table=TABLE, **options):
    return cr.train(table, target, **{"drop": ("label" if target == "y" else "y"), **QUICK, **options})


def test_events_come_in_order_and_carry_what_a_reader_needs():
    events = []
    model = train(on_event=events.append)
    kinds = [type(event) for event in events]
    assert kinds[:3] == [Understood, NetworkBuilt, RunStarted]
    assert kinds[-1] is Stopped
    assert kinds.count(EpochEnded) == 3
    understood, built = events[0].prepared, events[1]
    assert understood.target.task == "regression"
    assert understood.split.how.startswith("154 train, 38 valid, 48 test rows")
    assert sum(layer["count"] for layer in built.layers) == sum(array.size for array in model.best.params.values())
    assert [e.epoch for e in model.history.epochs] == [1, 2, 3]
    assert all({"loss", "rmse"} <= set(e.valid) for e in model.history.epochs)  # validation is always recorded


def test_the_report_of_a_regression_is_in_the_target_s_units():
    model = train(epochs=60)
    report = model.report
    assert report["task"] == "regression"
    assert report["rows"] == {"train": 154, "valid": 38, "test": 48}
    assert report["test"]["rmse"] < 0.5 * report["baselines"]["constant"]["rmse"]
    truth, answers = TABLE["y"].to_numpy(), model.predict(TABLE)
    assert model.evaluate(TABLE)["rmse"] == pytest.approx(np.sqrt(np.mean((truth - answers) ** 2)), rel=1e-6)


@pytest.mark.parametrize("loss", ["cross_entropy", "binary_cross_entropy"])
def test_probabilities_of_a_classification(loss):
    model = train("label", loss=loss, epochs=40)
    probabilities = model.predict_proba(TABLE)
    assert probabilities.shape == (ROWS, 2)
    assert np.allclose(probabilities.sum(1), 1, atol=1e-6)
    assert model.target.classes == ("high", "low")
    assert (model.predict(TABLE) == np.array(["high", "low"], object)[probabilities.argmax(1)]).all()
    assert model.report["test"]["accuracy"] > model.report["baselines"]["constant"]["accuracy"] + 0.2


@pytest.mark.parametrize("loss", ["mse", "half_squared_error", "mae", "huber"])
def test_every_loss_of_a_regression_learns(loss):
    model = train(loss=loss, epochs=60)
    assert model.report["test"]["rmse"] < 0.6 * model.report["baselines"]["constant"]["rmse"]


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "nesterov", "rmsprop", "adam", "adamw", "rprop"])
def test_every_optimizer_trains(optimizer):
    lr = {"sgd": 0.1, "momentum": 0.01, "nesterov": 0.01}.get(optimizer, 0.01)
    model = train(optimizer=optimizer, lr=lr, epochs=40, batch_size="all" if optimizer == "rprop" else 16)
    assert model.report["valid"]["rmse"] < model.report["baselines"]["constant"]["rmse"]
    assert model.optimizer == optimizer


def test_the_same_seed_gives_the_same_bits_and_another_one_does_not():
    first, second, other = train(dropout=0.3), train(dropout=0.3), train(dropout=0.3, seed=1)
    assert {k: v.tobytes() for k, v in first.best.params.items()} == {k: v.tobytes() for k, v in second.best.params.items()}
    assert first.best.params["hidden_1.weight"].tobytes() != other.best.params["hidden_1.weight"].tobytes()


def test_the_best_weights_are_kept_and_not_the_last():
    model = train(epochs=80, lr=0.05)
    best = min(model.history.epochs, key=lambda e: e.valid["loss"])
    assert model.report["best_epoch"] == best.epoch
    assert model.best.epoch == best.epoch
    assert model.report["valid"]["rmse"] == pytest.approx(best.valid["rmse"], rel=1e-5)


def test_a_metric_picks_the_best_weights_in_its_own_direction():
    model = train("label", metric="accuracy", epochs=20)
    accuracies = [e.valid["accuracy"] for e in model.history.epochs]
    assert model.history.epochs[model.report["best_epoch"] - 1].valid["accuracy"] == max(accuracies)


def test_rows_of_weight_zero_do_not_count():
    heavy = TABLE.filter(pl.col("weight") > 0)
    poisoned = TABLE.with_columns(y=pl.when(pl.col("weight") > 0).then(pl.col("y")).otherwise(1e4))
    model = train(table=poisoned, weight="weight", epochs=120, hidden=(16,), dtype="float64", lr=0.01)
    assert "weight" not in model.encoder.sources.values()
    assert np.isfinite(model.predict(heavy)).all()
    measured = model.evaluate(poisoned)["rmse"]
    answers = model.predict(poisoned)
    truth, weight = poisoned["y"].to_numpy(), poisoned["weight"].to_numpy()
    assert measured == pytest.approx(np.sqrt(np.average((truth - answers) ** 2, weights=weight)), rel=1e-6)


@pytest.mark.parametrize(("bad", "sentence"), [(-1.0, "negative"), (None, "missing")])
def test_weights_that_cannot_be_used_are_named(bad, sentence):
    table = TABLE.with_columns(weight=pl.when(pl.int_range(ROWS) == 7).then(bad).otherwise(pl.col("weight")))
    with pytest.raises(DataError, match=rf"the weight in 'weight' is {sentence}"):
        train(table=table, weight="weight")


def test_no_group_is_on_two_sides():
    events = []
    train(group="family", on_event=events.append)
    prepared = events[0].prepared
    sides = [set(TABLE["family"].gather(rows)) for rows in (prepared.split.train, prepared.split.valid, prepared.split.test)]
    assert not (sides[0] & sides[1] or sides[0] & sides[2] or sides[1] & sides[2])
    assert "family" not in prepared.encoder.sources.values()


def test_time_trains_on_the_past():
    events = []
    train(time="day", on_event=events.append)
    split = events[0].prepared.split
    assert split.train.max() < split.valid.min() <= split.valid.max() < split.test.min()


def test_validation_and_test_files(tmp_path):
    TABLE[:30].write_csv(tmp_path / "valid.csv")
    TABLE[30:50].write_csv(tmp_path / "test.csv")
    model = train(valid=str(tmp_path / "valid.csv"), test=str(tmp_path / "test.csv"))
    assert model.report["rows"] == {"train": ROWS, "valid": 30, "test": 20}


def test_a_run_without_validation_and_test_rows():
    model = cr.train("xor", epochs=400)
    assert model.report["rows"] == {"train": 4, "valid": 0, "test": 0}
    assert model.predict("xor").tolist() == [0, 1, 1, 0]
    assert "test" not in model.report


def test_rows_without_a_target_are_refused_or_left_out():
    table = TABLE.with_columns(y=pl.when(pl.int_range(ROWS) == 9).then(None).otherwise(pl.col("y")))
    with pytest.raises(DataError, match=r"row 9.*--drop-missing-target"):
        train(table=table)
    assert sum(train(table=table, drop_missing_target=True).report["rows"].values()) == ROWS - 1


def test_stopping_when_good_enough_and_when_out_of_time():
    assert train(until="rmse < 100", epochs=50).report["epochs"] == 1
    assert train(epochs=100_000, time_budget=0.3, patience=None).report["stopped"] == "the time budget of 0.3 s is spent"
    assert "has not improved for 2 epochs" in train(epochs=500, patience=2, lr=0.05).report["stopped"]


def test_a_loss_that_is_not_finite_keeps_the_last_good_weights():
    with pytest.raises(NonFiniteError, match=r"epoch 1, step \d+: in the .* phase .* gave .*; the update was not applied"):
        train(optimizer="sgd", lr=1e30, epochs=5, batch_size=8)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = train(optimizer="sgd", lr=3.0, epochs=500, batch_size="all", patience=None)
    assert [str(w.message)[:22] for w in caught] == ["training stopped early"]
    assert all(np.isfinite(array).all() for array in model.best.params.values())


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"hiden": (3,)}, "there is no option 'hiden'. Did you mean 'hidden'?"),
        ({"hidden": (3, 0)}, "--hidden: the width of hidden layer 2 is 0"),
        ({"hidden": "3,x"}, "--hidden: the width of hidden layer 2 is 'x'"),
        ({"lr": -1}, "--lr is -1 and must be a number above 0"),
        ({"lr": float("nan")}, "--lr is nan and must be a number above 0"),
        ({"dropout": 1.0}, "--dropout is 1.0 and must be a number at least 0 and below 1"),
        ({"optimizer": "adm"}, "Did you mean 'adam'?"),
        ({"activation": "rleu"}, "Did you mean 'relu'?"),
        ({"batch_size": 0}, "--batch-size is 0"),
        ({"epochs": 1.5}, "--epochs is 1.5"),
        ({"loss": "cross_entropy"}, "--loss cross_entropy does not fit the regression of 'y'"),
        ({"loss": "mze"}, "Did you mean 'mse'?"),
        ({"metric": "accuracy"}, "--metric accuracy is not a metric of regression"),
        ({"weight": "wait"}, "--weight: a data frame has no column 'wait'. Did you mean 'weight'?"),
        ({"weight": "color"}, "column 'color' of a data frame does not hold numbers"),
        ({"until": "loss <"}, "--until 'loss <' cannot be read"),
        ({"until": "los < 1"}, "--until speaks of 'los'"),
        ({"seed": -1}, "the seed is -1"),
        ({"split": "50,60"}, "--split 50,60"),
        ({"dtype": "float16"}, "--dtype float16 is not known"),
    ],
)
def test_options_that_cannot_be_used_are_one_sentence(options, sentence):
    with pytest.raises(InputError) as caught:
        train(**options)
    assert sentence in str(caught.value)


def test_a_table_needs_a_target():
    with pytest.raises(OptionError, match="say which column to predict: --target COLUMN; a data frame has x, color"):
        cr.train(TABLE)


def test_options_take_texts_for_lists():
    options = Options.of({"hidden": "3,4", "drop": "a", "categorical": ["b", "c"]})
    assert (options.hidden, options.drop, options.categorical) == ((3, 4), ("a",), ("b", "c"))
    assert Options.of({"hidden": ""}).hidden == ()
    assert Options.of({"hidden": 7}).hidden == (7,)


@pytest.mark.published
@pytest.mark.parametrize("name", ["penguins", "digits"])
def test_bundled_tables_reach_97_percent_as_the_mean_of_ten_seeds(name):
    accuracies = [cr.train(name, seed=seed).report["test"]["accuracy"] for seed in range(10)]
    assert np.mean(accuracies) >= 0.97, accuracies
