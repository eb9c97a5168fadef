"""The main job, from a table to a model: what is understood, what is trained, what is reported."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest

import chainrule as cr
from chainrule.errors import DataError, InputError, NonFiniteError, OptionError
from chainrule.training.events import EpochEnded, RunStarted, Stopped
from chainrule.training.options import Options
from chainrule.training.train import NetworkBuilt, Trained, Understood, train_events

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


def understood(**options):
    """Return what a training understands of the data."""
    events = []
    train(on_event=events.append, **{"epochs": 1, **options})
    return events[0].prepared


def test_events_come_in_order_and_carry_what_a_reader_needs():
    events = []
    model = train(on_event=events.append)
    kinds = [type(event) for event in events]
    assert kinds[:3] == [Understood, NetworkBuilt, RunStarted]
    assert kinds[-2:] == [Stopped, Trained]
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


@pytest.mark.parametrize(
    ("target", "metric", "table", "said"),
    [
        ("weight", "mape", TABLE, "where a target is 0"),
        ("weight", "poisson_deviance", TABLE.with_columns(pl.col("weight") - 1), "where a target is below 0"),
        ("label", "roc_auc", TABLE.with_columns(weight=(pl.col("label") == "high").cast(int)), "where all rows are of one class"),
        ("label", "pr_auc", TABLE.with_columns(weight=(pl.col("label") == "high").cast(int)), "where all rows are of one class"),
    ],
)
def test_a_metric_that_no_weights_could_be_chosen_by_is_refused(target, metric, table, said):
    given = {"task": "regression"} if target == "weight" else {"weight": "weight"}
    with pytest.raises(OptionError, match=f"metric='{metric}' has no value {said}, and the validation rows are such"):
        train(target, table, metric=metric, **given)


def test_a_metric_without_validation_rows_is_refused():
    with pytest.raises(OptionError, match="metric='mae' is measured on validation rows, and there are none"):
        train(split="80,0,20", metric="mae")


def test_a_metric_is_watched_at_the_threshold_that_is_given():
    model = train("label", threshold=0.9, metric="f1", calibrate=False, epochs=6)
    watched = model.history.values("valid_f1")
    assert watched[model.report["best_epoch"] - 1] == pytest.approx(model.report["valid"]["f1"])
    assert max(watched) == pytest.approx(model.report["valid"]["f1"])
    other = train("label", metric="f1", calibrate=False, epochs=6)
    assert other.history.values("valid_f1") != watched


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


@pytest.mark.parametrize("option", ["weight", "group", "time"])
def test_a_column_is_named_and_not_given(option):
    with pytest.raises(OptionError, match=f"{option} is a list and must be the name of a column of the table"):
        train(**{option: TABLE["weight"].to_numpy()})
    numbered = TABLE.with_columns(pl.lit(1.0).alias("7"), pl.int_range(ROWS).alias("8"))
    assert train(table=numbered, **{option: 8 if option == "time" else 7, "split": "100"}).report["rows"]["train"] == ROWS


def test_a_part_of_the_rows_that_does_not_count_is_named():
    past = TABLE.with_columns(weight=(pl.int_range(ROWS) < 180).cast(float))
    said = "all weights in 'weight' are 0 in the 48 test rows of a data frame: no row counts there; .*another split_seed"
    with pytest.raises(DataError, match=said):
        train(table=past, weight="weight", time="day")
    with pytest.raises(DataError, match="all weights in 'weight' of a data frame are 0: no row counts"):
        train(table=TABLE.with_columns(weight=pl.lit(0.0)), weight="weight")


def test_a_constant_weight_is_a_weight():
    same = train(table=TABLE.with_columns(weight=pl.lit("1")), weight="weight", lr=0.01)
    assert same.weight.kind == "number"
    assert same.report["test"]["rmse"] == pytest.approx(train(drop=("label", "weight"), lr=0.01).report["test"]["rmse"], rel=1e-4)
    with pytest.raises(DataError, match="column 'weight' of a data frame does not hold numbers"):
        train(table=TABLE.with_columns(weight=pl.lit("much")), weight="weight")


def test_a_row_of_weight_zero_and_a_table_without_weights_are_named():
    model = train(weight="weight")
    row = int((TABLE["weight"] == 0).arg_max())
    with pytest.raises(DataError, match=rf"a data frame, row {row}: the weight in 'weight' is 0, so this row does not count"):
        model.batch(model.table(TABLE), np.array([row]))
    for use in (model.evaluate, lambda table: model.batch(model.table(table), np.array([0]))):
        with pytest.raises(DataError, match="a data frame has no column 'weight', the weights of the rows in training"):
            use(TABLE.drop("weight"))
    bad = TABLE.with_columns(weight=pl.when(pl.int_range(ROWS) == 7).then(-1.0).otherwise(pl.col("weight")))
    with pytest.raises(DataError, match="a data frame, row 7: the weight in 'weight' is negative"):
        model.batch(model.table(bad), np.array([5, 7]))


def test_numbers_of_any_size_train_without_a_warning():
    for size in (1e-200, 1e200):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            model = train(table=TABLE.with_columns(pl.col("y") * size), epochs=30)
        assert model.report["test"]["rmse"] < model.report["baselines"]["constant"]["rmse"]
        assert 0 < model.report["test"]["r2"] < 1


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


def test_rows_without_a_target_are_left_out_of_every_file(tmp_path):
    holes = TABLE[:30].with_columns(y=pl.when(pl.int_range(30) < 4).then(None).otherwise(pl.col("y")))
    holes.write_csv(tmp_path / "valid.csv")
    holes[:10].write_csv(tmp_path / "test.csv")
    files = {"valid": str(tmp_path / "valid.csv"), "test": str(tmp_path / "test.csv")}
    with pytest.raises(DataError, match=r"the target 'y' of valid\.csv is missing in 4 of 30 rows"):
        train(**files)
    prepared = understood(**files, drop_missing_target=True)
    assert [len(part.x) for part in (prepared.train, prepared.valid, prepared.test)] == [ROWS, 26, 6]
    assert prepared.split.how.startswith(f"{ROWS} train, 26 valid, 6 test rows")
    notes = [note.text for note in prepared.notes if note.option == "drop_missing_target"]
    assert notes == [f"4 rows of {name}.csv without 'y' are left out" for name in ("valid", "test")]
    assert train(**files, drop_missing_target=True).report["rows"] == {"train": ROWS, "valid": 26, "test": 6}
    holes[:4].write_csv(tmp_path / "test.csv")
    with pytest.raises(DataError, match=r"the target 'y' is missing in all rows of test\.csv"):
        train(**files, drop_missing_target=True)


def test_files_of_their_own_keep_groups_and_times_apart(tmp_path):
    path = str(tmp_path / "test.csv")
    TABLE[168:].write_csv(path)
    with pytest.raises(
        DataError, match=r"^group='family': 2 of the 12 groups in test\.csv \('f28', 'f29'\) are among the training rows of"
    ):
        train(table=TABLE[:180], group="family", test=path, split="100")
    with pytest.raises(DataError, match=r"^time='day': 11 of the 72 test rows of test\.csv are earlier .* training row \(.* row 179\)"):
        train(table=TABLE[:180], time="day", test=path, split="100")
    with pytest.raises(DataError, match=r"rows of test\.csv are earlier than the latest validation row"):
        train(table=TABLE[:180], time="day", test=path, split="90,10")
    for options in ({"group": "family"}, {"time": "day"}):
        prepared = understood(table=TABLE[:168], test=path, **options)
        assert [len(part.x) for part in (prepared.train, prepared.valid, prepared.test)] in ([134, 34, 72], [132, 36, 72])
        assert "time" not in [note.option for note in prepared.notes]
    TABLE[168:].drop("family").write_csv(path)
    notes = understood(table=TABLE[:168], test=path, group="family", drop=("label", "day")).notes
    assert "test.csv has no column 'family'" in next(note.text for note in notes if note.option == "group")
    with pytest.raises(DataError, match=r"has no column 'famly' \(group=\)"):
        train(table=TABLE[:168], test=path, split="100", group="famly")


def test_parts_of_one_file_are_refused_and_a_split_without_effect_is_noted(tmp_path):
    table, valid, test = (str(tmp_path / f"{name}.csv") for name in ("table", "valid", "test"))
    for path, rows in ((table, TABLE[:160]), (valid, TABLE[160:200]), (test, TABLE[200:])):
        rows.write_csv(path)
    with pytest.raises(OptionError, match=r"test='.*table\.csv': the training rows are read from this file too"):
        train(table=table, test=table)
    with pytest.raises(OptionError, match=r"test='.*valid\.csv': the validation rows are read from this file too"):
        train(table=table, valid=valid, test=valid)
    assert [note.text for note in understood(table=table, valid=valid, test=test, split="50,25,25").notes if note.option == "split"] == [
        "split='50,25,25' has no effect: validation and test have files of their own"
    ]
    assert not [note for note in understood(table=table, test=test, split="50,50").notes if note.option == "split"]


def test_dates_are_warned_about_where_the_rows_are_shuffled(tmp_path):
    TABLE[200:].write_csv(tmp_path / "test.csv")
    flags = [[note.option for note in understood(**o).notes] for o in ({}, {"time": "day"}, {"test": str(tmp_path / "test.csv")})]
    assert ["time" in found for found in flags] == [True, False, False]


def test_a_run_without_validation_and_test_rows():
    model = cr.train("xor", epochs=400)
    assert model.report["rows"] == {"train": 4, "valid": 0, "test": 0}
    assert model.predict("xor").tolist() == [0, 1, 1, 0]
    assert "test" not in model.report


def test_rows_without_a_target_are_refused_or_left_out():
    table = TABLE.with_columns(y=pl.when(pl.int_range(ROWS) == 9).then(None).otherwise(pl.col("y")))
    with pytest.raises(DataError, match=r"row 9.*drop_missing_target=True"):
        train(table=table)
    assert sum(train(table=table, drop_missing_target=True).report["rows"].values()) == ROWS - 1


def test_stopping_when_good_enough_and_when_out_of_time():
    assert train(until="rmse < 100", epochs=50).report["epochs"] == 1
    assert train(epochs=100_000, time_budget=0.3, patience=None).report["stopped"] == "the time budget of 0.3 s is spent"
    assert "has not improved for 2 epochs" in train(epochs=500, patience=2, lr=0.05).report["stopped"]


def test_where_a_loss_is_not_finite_the_row_of_the_frame_is_named():
    events = list(train_events(TABLE, "y", Options.of({"optimizer": "sgd", "lr": 1e30, "epochs": 5, "batch_size": 8})))
    prepared = next(event.prepared for event in events if isinstance(event, Understood))
    stopped = next(event for event in events if isinstance(event, Stopped))
    row = int(prepared.split.train[stopped.row])
    assert row != stopped.row and stopped.error.endswith(f"Row {stopped.row} of the training rows comes from a data frame, row {row}.")


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
        ({"hidden": (3, 0)}, "hidden: the width of hidden layer 2 is 0"),
        ({"hidden": "3,x"}, "hidden: the width of hidden layer 2 is 'x'"),
        ({"lr": -1}, "lr is -1 and must be a number above 0"),
        ({"lr": float("nan")}, "lr is nan and must be a number above 0"),
        ({"dropout": 1.0}, "dropout is 1.0 and must be a number at least 0 and below 1"),
        ({"optimizer": "adm"}, "Did you mean 'adam'?"),
        ({"activation": "rleu"}, "Did you mean 'relu'?"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"epochs": 1.5}, "epochs is 1.5"),
        ({"loss": "cross_entropy"}, "loss='cross_entropy' does not fit the regression of 'y'"),
        ({"loss": "mze"}, "Did you mean 'mse'?"),
        ({"metric": "accuracy"}, "metric='accuracy' is not a metric of regression"),
        ({"weight": "wait"}, "weight: a data frame has no column 'wait'. Did you mean 'weight'?"),
        ({"weight": "color"}, "column 'color' of a data frame does not hold numbers"),
        ({"until": "loss <"}, "until='loss <' cannot be read"),
        ({"until": "los < 1"}, "until speaks of 'los'"),
        ({"seed": -1}, "the seed is -1"),
        ({"split": "50,60"}, "split='50,60'"),
        ({"dtype": "float16"}, "dtype='float16' is not known"),
    ],
)
def test_options_that_cannot_be_used_are_one_sentence(options, sentence):
    with pytest.raises(InputError) as caught:
        train(**options)
    assert sentence in str(caught.value)


def test_any_predicate_over_the_history_stops_a_run():
    assert train(until=lambda history: len(history.epochs) == 2, epochs=50).report["epochs"] == 2
    with pytest.raises(OptionError, match="until is 3 and must be a condition, or a function of the history"):
        train(until=3)


def test_columns_of_a_data_frame_can_be_named_by_numbers():
    frame = pd.DataFrame(GENERATOR.normal(size=(60, 4)).round(3))
    model = cr.train(frame, target=3, drop=0, **QUICK)
    assert set(model.encoder.sources.values()) == {"1", "2"}


def test_a_model_is_one_line():
    assert repr(train(hidden=(8, 6))) == "Model(regression of 'y'; 48 → 8 → 6 → 1 units)"


def test_where_the_first_line_holds_numbers_an_unknown_column_says_so(tmp_path):
    (tmp_path / "t.csv").write_text("1,2\n3,4\n5,6\n")
    with pytest.raises(DataError, match=r"no column 'y' \(target=\)\. Its columns: '1', '2'\. .* header=False takes that as a row"):
        cr.train(tmp_path / "t.csv", "y")


def test_a_table_needs_a_target():
    with pytest.raises(OptionError, match="say which column to predict: target='COLUMN'; a data frame has x, color"):
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


def test_validation_and_test_rows_may_be_data_frames():
    rng = np.random.default_rng(0)
    frame = pl.DataFrame({"a": rng.normal(size=90), "b": rng.normal(size=90)}).with_columns(kind=pl.col("a") > pl.col("b"))
    model = cr.train(frame[:50], "kind", valid=frame[50:70], test=frame[70:].to_pandas(), epochs=2, hidden=4)
    assert model.report["rows"] == {"train": 50, "valid": 20, "test": 20}
    with pytest.raises(DataError, match="the data frame of test rows has no column 'a'"):
        cr.train(frame[:70], "kind", test=frame[70:].drop("a"), epochs=2)


def test_numbers_and_names_of_other_libraries_are_those_of_python():
    frame = pl.DataFrame({"a": np.arange(60.0) ** 2, "b": np.arange(60) % 7, "c": np.arange(60) % 2}).to_pandas()
    given = {"hidden": np.array([4, 3]), "epochs": np.int64(2), "lr": np.float32(0.5), "seed": np.int64(3), "drop": frame.columns[:1]}
    model = cr.train(frame, "c", **given)
    assert [layer["does"] for layer in model.layers] == ["1 → 4, relu", "4 → 3, relu", "3 → 2"]
    assert model.best.hyper["lr"] == 0.5 and model.best.seed == 3
    with pytest.raises(OptionError, match="the target is a Series; name a column"):
        cr.train(frame, frame["c"])


def test_what_is_masked_is_missing():
    words, numbers = np.array(["a", "b", "c"] * 40), np.arange(240.0).reshape(120, 2)
    masked = {"word": np.ma.array(words, mask=words == "b"), "x": np.ma.array(numbers, mask=numbers % 7 == 0), "y": numbers[:, 0] % 11}
    model = cr.train(masked, "y", **QUICK)
    assert set(model.encoder.units) == {"word=a", "word=c", "word missing", "x_0", "x_0 missing", "x_1", "x_1 missing"}
    with pytest.raises(DataError, match=r"the target 'y' .* is missing in 1 of 120 rows \(row 5\)"):
        cr.train(masked | {"y": np.ma.array(numbers[:, 0], mask=np.arange(120) == 5)}, "y", **QUICK)


@pytest.mark.parametrize("given", ["tanh,relu", ["tanh", "relu"], ("tanh", cr.nn.ACTIVATIONS["relu"]), np.array(["tanh", "relu"])])
def test_each_hidden_layer_may_have_an_activation_of_its_own(given):
    layers = train(activation=given, hidden=(8, 6)).layers
    assert [layer["does"].split(", ")[1:] for layer in layers] == [["tanh"], ["relu"], []]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"activation": "tanh,relu"}, "2 activations (tanh, relu) are given for 1 hidden layer; give one, or one for each."),
        ({"activation": ["tanh"] * 3, "hidden": (4, 4)}, "3 activations (tanh, tanh, tanh) are given for 2 hidden layers"),
        ({"activation": []}, "0 activations (none) are given for 1 hidden layer"),
        ({"activation": ["tanh", "rleu"], "hidden": (4, 4)}, "'rleu' is not an activation"),
        ({"activation": "rleu", "hidden": ()}, "'rleu' is not an activation"),
        ({"activation": 3}, "3 is not an activation"),
    ],
)
def test_activations_that_cannot_be(options, sentence):
    with pytest.raises(OptionError) as caught:
        train(**options)
    assert sentence in str(caught.value)
