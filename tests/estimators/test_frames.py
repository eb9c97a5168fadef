"""Data frames: columns by name, raw cells, missing values; pandas, polars and pyarrow alike."""

from __future__ import annotations

from datetime import time

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from scipy.sparse import csr_array, csr_matrix
from sklearn.datasets import load_iris
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

import chainrule as cr
from chainrule.errors import DataWarning
from chainrule.estimators import NeuralNetworkClassifier, NeuralNetworkRegressor

X, y = load_iris(return_X_y=True)
NUMBERS = pd.DataFrame(X, columns=["a", "b", "c", "d"])
RAW = pd.DataFrame(
    {
        "weight": np.where(np.arange(120) % 9 == 0, np.nan, np.arange(120) % 13),
        "city": ["Rome", "Oslo", "Lima", None] * 30,
        "joined": pd.date_range("2020-01-01", periods=120, freq="5D"),
        "member": [True, False, False] * 40,
    }
)
ANSWER = np.where(RAW["member"] ^ (RAW["city"] == "Rome"), "yes", "no")
LIBRARIES = {"pandas": lambda frame: frame, "polars": pl.from_pandas, "pyarrow": pa.Table.from_pandas}


def classifier(**options) -> NeuralNetworkClassifier:
    return NeuralNetworkClassifier(**{"hidden": (16,), "epochs": 100, "lr": 0.01, "random_state": 0} | options)


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_frame_of_numbers_is_an_array_with_names(library) -> None:
    frame = LIBRARIES[library](NUMBERS)
    model, plain = classifier(epochs=3).fit(frame, y), classifier(epochs=3).fit(X, y)
    np.testing.assert_array_equal(model.predict_proba(frame), plain.predict_proba(X))
    assert list(model.feature_names_in_) == ["a", "b", "c", "d"] and not hasattr(plain, "feature_names_in_")


@pytest.mark.parametrize("library", LIBRARIES)
def test_raw_cells_are_encoded(library) -> None:
    frame = LIBRARIES[library](RAW)
    model = classifier().fit(frame, ANSWER)
    assert model.score(frame, ANSWER) > 0.9
    assert {"weight", "weight missing", "city=Rome", "city missing", "joined", "member"} <= set(model.encoder_.units)
    assert model.coefs_[0].dtype == np.float32 and model.n_features_in_ == 4
    np.testing.assert_array_equal(model.predict(frame), classifier().fit(RAW, ANSWER).predict(RAW))


@pytest.mark.parametrize("frame", [NUMBERS, RAW], ids=["numbers", "raw"])
def test_columns_are_found_by_name(frame) -> None:
    target = y if frame is NUMBERS else ANSWER
    model = classifier(epochs=3).fit(frame, target)
    moved = frame[frame.columns[::-1]].assign(more=1)
    np.testing.assert_array_equal(model.predict(moved), model.predict(frame))
    first, second, *_ = frame.columns
    with pytest.raises(ValueError, match=f"X has no column '{first}'"):
        model.predict(frame.drop(columns=first))
    with pytest.raises(ValueError, match=f"X has no columns '{first}', '{second}'"):
        model.predict(frame.drop(columns=[first, second]))


def test_an_array_is_no_raw_frame() -> None:
    with pytest.raises(ValueError, match="must be a data frame"):
        classifier(epochs=2).fit(RAW, ANSWER).predict(RAW.to_numpy())


@pytest.mark.parametrize(
    ("learned", "given", "said"),
    [
        (RAW.to_numpy(), None, "row 0: column 1 of X holds 'Rome', which is no number; have fit learn from a data frame"),
        (np.where(X > 7.6, "big", X.astype(str)), None, "row 117: column 0 of X holds 'big'"),
        (X, NUMBERS.assign(d="red"), "row 0: column 'd' of X holds 'red'"),
        (X, pl.from_pandas(NUMBERS.assign(d="red")), "row 0: column 'd' of X holds 'red'"),
    ],
)
@pytest.mark.filterwarnings("ignore:X has feature names")
def test_a_word_in_an_array_is_named(learned, given, said) -> None:
    target = ANSWER if len(learned) == len(ANSWER) else y
    with pytest.raises(ValueError, match=said):
        classifier(epochs=2).fit(learned, target).predict(given)


def test_a_cell_that_cannot_be_read_is_named() -> None:
    model = classifier(epochs=2).fit(RAW, ANSWER)
    with pytest.raises(ValueError, match="row 2: column 'weight' holds 'heavy'"):
        model.predict(RAW.assign(weight=["1", "2", "heavy"] * 40))


def test_missing_numbers_are_marked() -> None:
    gaps = X.copy()
    gaps[y == 1, 2] = np.nan  # that it is missing tells the class
    model = classifier().fit(gaps, y)
    assert model.encoder_.units == ("x_0", "x_1", "x_2", "x_2 missing", "x_3")
    assert (model.predict(gaps) == y)[y == 1].all()
    unmarked = classifier(epochs=2).fit(X, y)
    np.testing.assert_allclose(
        unmarked.predict_proba(np.where(np.arange(4) == 0, np.nan, X[:1])),
        unmarked.predict_proba(np.where(np.arange(4) == 0, X[:, 0].mean(), X[:1])),
        rtol=1e-12,
    )


def test_the_encoding_of_an_array_is_that_of_its_frame() -> None:
    gaps = np.where(np.random.default_rng(0).uniform(size=X.shape) < 0.2, np.nan, X)
    weights = np.random.default_rng(1).integers(1, 4, 150)
    plain = classifier(epochs=3, dtype="float32").fit(gaps, y, weights)
    raw = classifier(epochs=3, numeric=["a"]).fit(pd.DataFrame(gaps, columns=list("abcd")), y, weights)
    np.testing.assert_array_equal(plain.predict_proba(gaps), raw.predict_proba(pd.DataFrame(gaps, columns=list("abcd"))))


def test_options_of_columns() -> None:
    frame = NUMBERS.assign(shelf=y)
    model = classifier(epochs=2, categorical=["shelf"], drop=["a"]).fit(frame, y)
    assert model.encoder_.units == ("b", "c", "d", "shelf=0", "shelf=1", "shelf=2")
    dated = pd.DataFrame({"when": [f"{day:02}.03.2021" for day in range(1, 31)] * 2, "k": range(60)})
    fitted = NeuralNetworkRegressor(epochs=2, date=["when=%d.%m.%Y"], numeric=["k"]).fit(dated, np.arange(60.0))
    assert fitted.encoder_.units[0] == "when" and "k" in fitted.encoder_.units
    with pytest.raises(ValueError, match="no column 'shelv'"):
        classifier(categorical=["shelv"]).fit(frame, y)


def test_many_rows_are_predicted_in_parts() -> None:
    model = classifier(epochs=2).fit(X, y)
    many = np.tile(X, (250, 1))
    np.testing.assert_allclose(model.predict_proba(many), np.tile(model.predict_proba(X), (250, 1)), rtol=1e-12)


def test_lazy_frames_and_batches_of_records_are_frames() -> None:
    expected = classifier(epochs=2).fit(RAW, ANSWER)
    lazy, batch = pl.from_pandas(RAW).lazy(), pa.RecordBatch.from_pandas(RAW)
    for given in (lazy, batch):
        model = classifier(epochs=2).fit(given, ANSWER)
        assert list(model.feature_names_in_) == list(RAW.columns)
        np.testing.assert_array_equal(model.predict_proba(given), expected.predict_proba(RAW))


@pytest.mark.parametrize("frame", [NUMBERS, RAW], ids=["numbers", "raw"])
def test_a_name_that_stands_twice(frame) -> None:
    with pytest.raises(ValueError, match="stands more than once"):
        classifier().fit(pd.concat([frame, frame], axis=1), np.arange(len(frame)) % 2)
    table = pa.Table.from_pandas(frame)
    name = table.column_names[1]
    with pytest.raises(ValueError, match=f"the column name '{name}' stands more than once"):
        classifier().fit(table.append_column(name, table[name]), np.arange(len(frame)) % 2)


def test_columns_named_by_numbers_are_found() -> None:
    frame = RAW.set_axis(range(4), axis=1)
    model = classifier(epochs=2, categorical=[1]).fit(frame, ANSWER)
    np.testing.assert_array_equal(model.predict(frame[[3, 1, 0, 2]]), model.predict(frame))
    with pytest.raises(ValueError, match="X has no column '2'"):
        model.predict(frame.drop(columns=2))


@pytest.mark.parametrize("values", [[0, 1, 2], ["7", "8", "9"]])
def test_a_column_of_a_categorical_type_holds_categories(values) -> None:
    shelf = pd.Series(values * 50).astype("category")
    words = [str(value) for value in values]
    model = classifier(epochs=2).fit(NUMBERS.assign(shelf=shelf), y)
    assert model.encoder_.units[-len(words) :] == tuple(f"shelf={word}" for word in words)
    np.testing.assert_array_equal(model.predict(NUMBERS.assign(shelf=values * 50)), model.predict(NUMBERS.assign(shelf=shelf)))


@pytest.mark.parametrize("shelf", [y, y * 1.5, y == 1, pd.to_datetime("2020-01-01") + pd.to_timedelta(y, unit="D")])
@pytest.mark.parametrize("give", [lambda table: table, lambda table: table.to_batches()[0]], ids=["table", "batch"])
def test_a_dictionary_of_pyarrow_is_a_column_of_categories(shelf, give) -> None:
    pandas = NUMBERS.assign(shelf=pd.Categorical(shelf))
    table = give(pa.Table.from_pandas(pandas))
    model = classifier(epochs=2).fit(table, y)
    assert model.encoder_.units == classifier(epochs=2).fit(pandas, y).encoder_.units
    np.testing.assert_array_equal(model.predict_proba(pandas), model.predict_proba(table))


def test_a_column_that_is_left_out_is_told() -> None:
    frame = NUMBERS.assign(who=[f"person {row}" for row in range(150)], lists=[[1]] * 150, same="x", heavy=["many", *map(str, range(149))])
    with pytest.warns(DataWarning) as told:
        model = classifier(epochs=2, drop=["b"]).fit(frame, y)
    said = [str(one.message) for one in told]
    assert [text.split(":")[0] for text in said] == [f"column '{name}' is left out" for name in ("who", "lists", "heavy")]
    assert "'many' in a data frame, row 0" in said[2] and "drop=['who']" in said[0]
    assert model.encoder_.units == ("a", "c", "d") and told[0].filename == __file__
    assert not any("time=" in note.text for note in classifier(epochs=2).fit(RAW, ANSWER).notes_)


def test_a_constant_is_told_where_more_rows_come() -> None:
    with pytest.warns(DataWarning, match="column 'color' is left out: every cell is 'red'"):
        classifier().partial_fit(NUMBERS.assign(color="red"), y)


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_frame_of_numbers_trains_in_their_type(library, dtype) -> None:
    frame = LIBRARIES[library](NUMBERS.astype(dtype))
    model = classifier(epochs=3).fit(frame, y)
    assert model.coefs_[0].dtype == dtype
    np.testing.assert_array_equal(model.predict_proba(frame), classifier(epochs=3).fit(X.astype(dtype), y).predict_proba(X.astype(dtype)))


def test_stretches_of_a_number_are_categories() -> None:
    model = classifier(epochs=2).fit(NUMBERS.assign(stretch=pd.cut(X[:, 0], [0, 5, 10])), y)
    assert model.encoder_.units[-2:] == ("stretch=(0, 5]", "stretch=(5, 10]")


def test_durations_and_times_of_day_are_read_in_seconds() -> None:
    spans, times = pd.to_timedelta(np.arange(150) % 7, unit="h"), [time(hour % 24) for hour in range(150)]
    model = classifier(epochs=2).fit(NUMBERS.assign(lasted=spans, at=times), y)
    lasted, at = model.encoder_.codes[-2:]
    assert (lasted.mean, at.mean) == pytest.approx((3600 * (np.arange(150) % 7).mean(), 3600 * (np.arange(150) % 24).mean()))
    assert any("durations or times of day, read as seconds: 'lasted', 'at'" in note.text for note in model.notes_)


def test_sparse_matrices_are_made_dense() -> None:
    holes = np.where(X > 3, X, 0.0)
    model, dense = classifier(epochs=2).fit(csr_matrix(holes), y), classifier(epochs=2).fit(holes, y)
    np.testing.assert_array_equal(model.predict_proba(csr_array(holes)), dense.predict_proba(holes))
    pipe = make_pipeline(OneHotEncoder(), classifier(epochs=30)).fit(RAW[["city", "member"]], ANSWER)  # which puts out a sparse matrix
    assert pipe.score(RAW[["city", "member"]], ANSWER) > 0.7


@pytest.mark.parametrize("type_of", [pd.SparseDtype(float, 0.0), np.longdouble], ids=["sparse", "long double"])
def test_numbers_of_a_frame_may_be_stored_in_other_ways(type_of) -> None:
    frame = NUMBERS.astype(type_of)
    model = classifier(epochs=2).fit(frame, y)
    np.testing.assert_array_equal(model.predict_proba(frame), classifier(epochs=2).fit(X, y).predict_proba(X))
    raw = classifier(epochs=2).fit(frame.assign(color="red", where=RAW["city"]), y)
    assert raw.encoder_.units[:4] == ("a", "b", "c", "d")
    assert raw.predict(frame.assign(color="red", where="Oslo")).shape == (150,)


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_frame_without_columns_is_refused(library) -> None:
    with pytest.raises(ValueError, match="X is a data frame without columns"):
        classifier().fit(LIBRARIES[library](NUMBERS[[]]), y)


@pytest.mark.parametrize("from_training", [False, True])
def test_words_and_numbers_that_mean_missing(from_training, tmp_path) -> None:
    marked = NUMBERS.assign(a=np.where(y == 1, -999.0, X[:, 0]), color=np.where(y == 2, "unknown", "red"))
    if from_training:
        cr.train(marked.assign(kind=y), "kind", missing=[-999, "unknown"], epochs=2, hidden=4).save(tmp_path / "m.safetensors")
        model = cr.load(tmp_path / "m.safetensors").as_estimator()
    else:
        model = classifier(epochs=2, missing=[-999, "unknown"]).fit(marked, y)
    assert {"a missing", "color missing"} <= set(model.encoder_.units)
    assert model.encoder_.codes[0].mean > 0
    gone = marked.assign(a=marked["a"].replace(-999, np.nan), color=marked["color"].replace("unknown", None))
    np.testing.assert_array_equal(model.predict_proba(marked), model.predict_proba(gone))
    model.save(tmp_path / "again.safetensors")
    again = cr.load(tmp_path / "again.safetensors")
    np.testing.assert_allclose(again.predict_proba(marked), model.predict_proba(gone), rtol=1e-6)
    np.testing.assert_array_equal(again.as_estimator().predict_proba(marked), model.predict_proba(gone))


@pytest.mark.parametrize("dtype", ["float64", "float32", "int64", "object"])
def test_what_is_masked_is_missing(dtype) -> None:
    masked = np.ma.array((X * 10).astype(dtype), mask=np.random.default_rng(0).random(X.shape) < 0.1)
    gaps = np.where(masked.mask, np.nan, masked.data.astype("float32" if dtype == "float32" else float))
    model = classifier(epochs=5).fit(masked, y)
    assert len(model.encoder_.units) == 8
    np.testing.assert_array_equal(model.predict_proba(masked), classifier(epochs=5).fit(gaps, y).predict_proba(gaps))
    with pytest.raises(ValueError, match="row 3: sample_weight is masked"):
        model.fit(X, y, np.ma.array(np.ones(150), mask=np.arange(150) == 3))
    rows_of_no_group = np.ma.array(y // 3, mask=y > 0)  # each is a group of its own
    classifier(epochs=2, valid=0.3).fit(X, y, groups=rows_of_no_group)
