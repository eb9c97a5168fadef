"""Several targets, quantiles, counts, transforms, weights of classes and thresholds, from the table to the model file."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import chainrule as cr
from chainrule.errors import DataError, OptionError
from chainrule.inspect import check_gradients
from chainrule.training.options import Options
from chainrule.training.prepare import prepare

ROWS = 120
random = np.random.default_rng(0)
A, NOISE = random.normal(size=ROWS), random.normal(size=ROWS)
TABLE = pl.DataFrame(
    {
        "a": A,
        "b": random.choice(["x", "y", "z"], ROWS),
        "often": np.where(np.arange(ROWS) % 2, 3.0, 1.0),
        "size": np.digitize(A, [-0.5, 0.5]),
        "rich": A + 0.3 * NOISE > 0.5,
        "late": A - NOISE > 0,
        "income": np.exp(8 + A + 0.1 * NOISE),
        "height": 170 + 10 * A + NOISE,
        "visits": random.poisson(np.exp(0.5 + 0.5 * A)),
    }
).with_columns(pl.col("size").replace_strict({0: "small", 1: "middle", 2: "large"}))
TARGETS = {"size", "rich", "late", "income", "height", "visits", "often"}


def options(target: str, **given: object) -> dict[str, object]:
    """Options of a quick run that leaves the other targets out."""
    kept = {*target.split(","), given.get("weight")}
    return {"drop": sorted(TARGETS - kept), "hidden": (4,), "epochs": 2, "backend": "reference", "batch_size": "all"} | given


def train(target: str, **given: object) -> cr.Model:
    return cr.train(TABLE, target, **options(target, **given))


CASES = {
    "counts": ("visits", {"loss": "poisson"}),
    "logarithms": ("income", {"target_transform": "log"}),
    "as it is": ("height", {"target_transform": "none"}),
    "quantiles": ("height", {"loss": "pinball", "quantile": (0.9, 0.1, 0.5)}),
    "quantiles of two": ("height,income", {"loss": "pinball", "quantile": "0.1,0.9", "target_transform": "log1p"}),
    "quantities": ("height,income", {}),
    "labels": ("rich,late", {"class_weight": "balanced", "threshold": "f1"}),
    "classes": ("size,rich", {"weight": "often"}),
    "one logit": ("rich", {"loss": "binary_cross_entropy", "class_weight": "true=2", "threshold": 0.3}),
}


@pytest.fixture(scope="module")
def models() -> dict[str, cr.Model]:
    return {name: train(target, **given) for name, (target, given) in CASES.items()}


@pytest.mark.parametrize("name", CASES)
def test_a_model_from_its_file_answers_the_same(name: str, models: dict[str, cr.Model], tmp_path) -> None:
    model = models[name]
    model.save(tmp_path / "m.safetensors")
    loaded = cr.load(tmp_path / "m.safetensors")
    assert loaded.goal.to_json() == model.goal.to_json()
    assert str(loaded.predict(TABLE)) == str(model.predict(TABLE))
    assert loaded.evaluate(TABLE) == model.evaluate(TABLE)
    targets = CASES[name][0].split(",")
    if len(targets) > 1:
        assert list(loaded.predict(TABLE)) == targets
        assert set(loaded.report["targets"]) == set(targets)


@pytest.mark.parametrize("name", CASES)
def test_the_gradients_of_every_goal_are_right(name: str, models: dict[str, cr.Model]) -> None:
    assert check_gradients(models[name], TABLE, rows=10).ok


def test_counts_are_predicted_in_counts(models: dict[str, cr.Model]) -> None:
    model = models["counts"]
    predicted = model.predict(TABLE)
    logarithms = np.log(predicted / model.target.scale)
    assert (predicted > 0).all()
    assert model.target.scale == pytest.approx(TABLE["visits"].gather(prepare_rows("visits", loss="poisson")).mean())
    assert model.goal.head(logarithms[:, None])["prediction"][:, 0] * model.target.scale == pytest.approx(predicted)
    assert "poisson_deviance" in model.report["test"]


def prepare_rows(target: str, **given: object) -> np.ndarray:
    return prepare(TABLE, target, Options.of(options(target, **given))).split.train


@pytest.mark.parametrize("transform", ["standardize", "log", "log1p", "none"])
def test_metrics_and_predictions_are_in_the_targets_own_units(transform: str) -> None:
    prepared = prepare(TABLE, "income", Options.of(options("income", target_transform=transform)))
    truth = TABLE["income"].gather(prepared.split.train).to_numpy()
    assert prepared.target.decode_values(prepared.train.y) == pytest.approx(truth, rel=1e-5)
    if transform == "log":
        assert prepared.train.y[:, 0] == pytest.approx((np.log(truth) - np.log(truth).mean()) / np.log(truth).std(), abs=1e-5)
    if transform == "none":
        assert prepared.train.y[:, 0] == pytest.approx(truth)


def test_quantiles_are_in_order_and_the_middle_one_is_the_prediction(models: dict[str, cr.Model]) -> None:
    model = models["quantiles"]
    quantiles = model.predict_quantiles(TABLE)
    assert model.goal.quantiles == (0.1, 0.5, 0.9)
    assert quantiles.shape == (ROWS, 3) and (np.diff(quantiles, axis=1) >= 0).all()
    assert np.array_equal(model.predict(TABLE), quantiles[:, 1])
    of_both = models["quantiles of two"].predict_quantiles(TABLE)
    assert {name: part.shape for name, part in of_both.items()} == {"height": (ROWS, 2), "income": (ROWS, 2)}
    with pytest.raises(DataError, match="was not trained for quantiles"):
        models["quantities"].predict_quantiles(TABLE)


def test_labels_are_decided_each_by_its_own_threshold(models: dict[str, cr.Model]) -> None:
    model = models["labels"]
    assert model.loss == "binary_cross_entropy" and model.goal.outputs == 2
    for target in model.goal.targets:
        probabilities = model.predict_proba(TABLE)[target.column.name]
        assert np.allclose(probabilities.sum(axis=1), 1, atol=1e-6)
        assert np.array_equal(model.predict(TABLE)[target.column.name], probabilities[:, 1] >= target.threshold)
    assert set(models["classes"].goal.sizes) == {3, 2}


def test_probabilities_are_those_of_the_logits_over_the_temperature(models: dict[str, cr.Model]) -> None:
    model = models["classes"]
    plain = train("size,rich", weight="often", calibrate=False)
    assert plain.temperature == () and len(model.temperature) == 2
    assert all(np.array_equal(plain.best.params[path], array) for path, array in model.best.params.items())
    part, calibrated = plain.predict_proba(TABLE)["size"], model.predict_proba(TABLE)["size"]
    powers = part ** (1 / model.temperature[0])
    assert calibrated == pytest.approx(powers / powers.sum(axis=1, keepdims=True), rel=1e-4)


def test_the_class_weights_of_several_targets_multiply() -> None:
    given = options("rich,late", class_weight={"rich": {True: 3}, "late": "balanced"})
    prepared = prepare(TABLE, "rich,late", Options.of(given))
    rich, late = (target.class_weights for target in prepared.goal.targets)
    frame = prepared.train.table.frame
    assert rich == (1.0, 3.0)
    assert prepared.train.w == pytest.approx(np.array(rich)[frame["rich"].cast(int)] * np.array(late)[frame["late"].cast(int)])


def test_class_weights_multiply_the_weights_of_rows() -> None:
    given = options("rich", weight="often", class_weight={True: 3, False: 0.5})
    train_part = prepare(TABLE, "rich", Options.of(given)).train
    part = TABLE[train_part.rows.tolist()]
    expected = part["often"] * part["rich"].replace_strict({True: 3.0, False: 0.5})
    assert train_part.w.tolist() == expected.to_list()
    assert train_part.weights.tolist() == part["often"].to_list()


def test_validation_metrics_count_the_weights_of_rows() -> None:
    events: list[object] = []
    model = cr.train(TABLE, "rich", **options("rich", weight="often", calibrate=False), on_event=events.append)
    valid = events[0].prepared.valid
    best = next(event for event in events if getattr(event, "epoch", 0) == model.report["best_epoch"] and hasattr(event, "valid"))
    assert best.valid["accuracy"] == pytest.approx(model.evaluate(valid.table)["accuracy"])


def test_few_rows_of_a_class_are_noticed() -> None:
    table = TABLE.with_columns(rare=pl.Series(np.arange(ROWS) % 20 == 0))
    notes = prepare(table, "rare", Options.of(options("rare"))).notes
    (note,) = (note for note in notes if note.option == "class_weight")
    assert (note.text.startswith("4 of the 77 training rows have the class 'true' of 'rare' (5.2%): too few"), note.warning) == (True, True)
    assert not any(note.option == "class_weight" for note in prepare(TABLE, "late", Options.of(options("late"))).notes)


@pytest.mark.parametrize(
    ("target", "given", "said"),
    [
        ("size,height", {}, "'size' holds classes and 'height' quantities"),
        ("rich,rich", {}, "names the column 'rich' twice"),
        ("height", {"quantile": 0.5}, "quantile belongs to loss='pinball'"),
        ("height", {"loss": "pinball", "quantile": (0.5, 1)}, "quantile is 1 and must be"),
        ("height", {"loss": "pinball", "quantile": "half"}, "quantile is 'half' and must be"),
        ("visits", {"loss": "poisson", "target_transform": "log"}, "leave target_transform out"),
        ("rich", {"target_transform": "log"}, "target_transform is for quantities"),
        ("height", {"target_transform": "lgo"}, "target_transform='lgo' is not known"),
        ("height", {"class_weight": "balanced"}, "class_weight is for classes"),
        ("height", {"threshold": 0.3}, "threshold is for classes"),
        ("size", {"threshold": 0.3}, "threshold is for 2 classes; 'size' has 3"),
        ("rich", {"threshold": 1.5}, "threshold is 1.5 and must be"),
        ("rich", {"threshold": "roc_auc"}, "threshold is 'roc_auc' and must be"),
        ("rich", {"threshold": "f1", "split": "100"}, "there are none; give a number"),
        ("rich,late", {"class_weight": "true=2"}, "names none of the targets 'rich', 'late'; write 'balanced', rich=balanced"),
        ("rich,late", {"class_weight": "rich:true=2,rich=balanced,rich:false=1"}, "'rich' is balanced, and has weights"),
        ("rich,late", {"class_weight": "rich:maybe=2"}, "'rich' has no class 'maybe'"),
        ("rich,late", {"class_weight": {"lat": "balanced"}}, "'lat' is not one of the targets 'rich', 'late'. Did you mean 'late'"),
        ("rich,late", {"class_weight": {"late": 2}}, "2 for 'late' must be 'balanced', or say a weight for each class"),
        ("rich", {"class_weight": 3}, "class_weight is 3 and must be"),
        ("rich", {"class_weight": "maybe=2"}, "no class 'maybe'"),
        ("size", {"loss": "poisson"}, "loss='poisson' does not fit"),
    ],
)
def test_what_does_not_fit_is_refused_in_a_sentence(target: str, given: dict[str, object], said: str) -> None:
    with pytest.raises(OptionError, match=said):
        prepare(TABLE, target, Options.of(options(target, **given)))


@pytest.mark.parametrize(
    ("values", "given", "said"),
    [
        ([2.0, 0.0, 3.5], {"target_transform": "log"}, "row 1: 'y' is 0, and target_transform='log' takes numbers above 0; choose log1p"),
        ([2.0, -3.0, 3.5], {"target_transform": "log1p"}, "row 1: 'y' is -3, .*above -1; choose standardize"),
        ([2.0, 4.0, -1.0], {"loss": "poisson"}, "row 2: 'y' is -1, and counts are at least 0"),
    ],
)
def test_a_value_that_a_transform_does_not_take_is_named(values: list[float], given: dict[str, object], said: str) -> None:
    table = pl.DataFrame({"x": [0.5, 1.5, 2.25], "y": values})
    with pytest.raises(DataError, match=said):
        prepare(table, "y", Options.of({"split": "100", **given}))


def test_a_class_of_the_test_file_that_was_not_in_training_is_named(tmp_path) -> None:
    TABLE.write_csv(tmp_path / "train.csv")
    TABLE.head(9).with_columns(size=pl.lit("huge")).write_csv(tmp_path / "test.csv")
    given = options("size", test=str(tmp_path / "test.csv"))
    with pytest.raises(DataError, match=r"test.csv, line 2: the class 'huge' of 'size' was not in training"):
        prepare(str(tmp_path / "train.csv"), "size", Options.of(given))
