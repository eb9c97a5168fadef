"""What y may be: classes, labels, several classes, one or several quantities."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from scipy.sparse import csr_matrix
from sklearn.datasets import load_iris, make_multilabel_classification, make_regression
from sklearn.exceptions import DataConversionWarning
from sklearn.metrics import f1_score, mean_poisson_deviance

from chainrule.estimators import NeuralNetworkClassifier, NeuralNetworkRegressor
from chainrule.estimators.runs import Rows, divide
from chainrule.losses import cross_entropy
from chainrule.losses.joint import JointCrossEntropy

X, y = load_iris(return_X_y=True)


def classifier(**options) -> NeuralNetworkClassifier:
    return NeuralNetworkClassifier(**{"hidden": (16,), "epochs": 120, "lr": 0.01, "random_state": 0} | options)


@pytest.mark.parametrize("labels", [[0, 1], [-1, 7], [False, True], ["no", "yes"], [0.5, 1.5]])
@pytest.mark.parametrize("loss", [None, "binary_cross_entropy"])
def test_two_classes(labels, loss) -> None:
    target = np.array(labels)[(y == 0).astype(int)] if not isinstance(labels[0], float) else np.array(["a", "b"])[(y == 0).astype(int)]
    model = classifier(loss=loss).fit(X, target)
    np.testing.assert_array_equal(model.classes_, np.unique(target))
    assert model.score(X, target) == 1.0 and model.predict(X).dtype == target.dtype
    probability, decision = model.predict_proba(X), model.decision_function(X)
    assert probability.shape == (150, 2) and decision.shape == (150,)
    np.testing.assert_allclose(probability.sum(1), 1)
    np.testing.assert_allclose(probability[:, 1], 1 / (1 + np.exp(-decision)))
    np.testing.assert_allclose(np.exp(model.predict_log_proba(X)), probability)
    assert model.n_outputs_ == (1 if loss else 2)


def test_several_labels() -> None:
    X, Y = make_multilabel_classification(120, 6, n_classes=4, random_state=0)
    model = classifier().fit(X, Y)
    assert (model.predict(X) == Y).mean() > 0.75 and model.predict(X).dtype.kind == "i"
    np.testing.assert_array_equal(model.predict(X), (model.predict_proba(X) > 0.5).astype(int))
    np.testing.assert_allclose(model.predict_proba(X), 1 / (1 + np.exp(-model.decision_function(X))))
    assert 0 < model.score(X, Y) <= 1
    assert classifier(valid=0.2).fit(X, Y).validation_curve_ is not None
    with pytest.raises(ValueError, match="y should have 4 columns, one for each label, and has 2"):
        model.partial_fit(X, Y[:, :2])


def test_a_class_in_each_column() -> None:
    Y = np.c_[np.array(["a", "b", "c"])[y], np.where(X[:, 0] > 5.8, "long", "short")]
    model = classifier().fit(X, Y)
    assert [list(labels) for labels in model.classes_] == [["a", "b", "c"], ["long", "short"]]
    assert (model.predict(X) == Y).mean() > 0.9
    np.testing.assert_allclose(np.exp(model.predict_log_proba(X)[1]), model.predict_proba(X)[1])
    assert [p.shape for p in model.predict_proba(X)] == [(150, 3), (150, 2)] == [d.shape for d in model.decision_function(X)]
    assert model.score(X, Y) == (model.predict(X) == Y).all(axis=1).mean()
    streamed = classifier().partial_fit(X[:50], Y[:50], classes=[["a", "b", "c"], ["long", "short"]]).partial_fit(X[50:], Y[50:])
    assert streamed.predict(X).shape == Y.shape
    with pytest.raises(ValueError, match="classes has 1 entries"):
        classifier().partial_fit(X, Y, classes=[["a", "b", "c"]])


def test_the_joint_loss_is_the_sum() -> None:
    rng = np.random.default_rng(0)
    logits, weights = rng.normal(size=(7, 5)), rng.uniform(size=7)
    targets = np.c_[rng.integers(0, 3, 7), rng.integers(0, 2, 7)]
    expected = cross_entropy(logits[:, :3], targets[:, 0], weights) + cross_entropy(logits[:, 3:], targets[:, 1], weights)
    assert JointCrossEntropy((3, 2))(logits, targets, weights) == pytest.approx(float(expected))


def test_several_quantities() -> None:
    X, Y = make_regression(100, 5, n_targets=2, random_state=0)
    Y = Y * [1.0, 1000.0] + [0.0, 1e6]  # each column has its own scale
    model = NeuralNetworkRegressor(hidden=(32,), epochs=300, lr=0.01, random_state=0).fit(X, Y)
    assert model.predict(X).shape == Y.shape and model.score(X, Y) > 0.9 and model.n_outputs_ == 2
    assert NeuralNetworkRegressor(epochs=2).fit(X, Y[:, :1]).predict(X).shape == (100, 1)
    with pytest.raises(ValueError, match="y should have 2 columns, and has 1"):
        model.partial_fit(X, Y[:, 0])


def test_a_single_class_is_predicted() -> None:
    np.testing.assert_array_equal(classifier(epochs=2).fit(X, np.full(150, "only")).predict(X), np.full(150, "only"))


def test_a_constant_target_is_predicted() -> None:
    model = NeuralNetworkRegressor(epochs=300, random_state=0).fit(X, np.full(150, 3.5))
    np.testing.assert_allclose(model.predict(X), 3.5, atol=0.1)


def test_what_is_no_class_is_refused() -> None:
    with pytest.raises(ValueError, match="continuous"):
        classifier().fit(X, X[:, 0] + 0.01)
    with pytest.raises(ValueError, match="row 1: y is missing"):
        classifier().fit(X[:3], np.array(["a", None, "b"], object))
    with pytest.raises(ValueError, match="NaN"):
        NeuralNetworkRegressor().fit(X, np.where(y == 1, np.nan, 1.0))


# losses and transforms of quantities

RNG = np.random.default_rng(0)
A = RNG.normal(size=(400, 2))


def regressor(**options) -> NeuralNetworkRegressor:
    return NeuralNetworkRegressor(**{"hidden": (16,), "epochs": 60, "random_state": 0} | options)


def test_quantiles_hold_their_share_of_the_rows() -> None:
    target = A[:, 0] + RNG.normal(size=400)
    model = regressor(loss="pinball", quantile=[0.9, 0.1, 0.5]).fit(A, target)
    found = model.predict_quantiles(A)
    assert found.shape == (400, 3) and (np.diff(found, axis=1) >= 0).all()
    np.testing.assert_allclose((target[:, None] <= found).mean(axis=0), [0.1, 0.5, 0.9], atol=0.06)
    np.testing.assert_array_equal(model.predict(A), found[:, 1])
    two = regressor(loss="pinball", quantile=0.8, epochs=3).fit(A, np.c_[target, -target])
    assert two.predict_quantiles(A).shape == (400, 2, 1) and two.predict(A).shape == (400, 2)


def test_counts_have_rates() -> None:
    counts = RNG.poisson(np.exp(1 + 0.8 * A[:, 0]))
    model = regressor(loss="poisson").fit(A, counts)
    assert (model.predict(A) > 0).all()
    assert mean_poisson_deviance(counts, model.predict(A)) < 0.6 * mean_poisson_deviance(counts, np.full(400, counts.mean()))


@pytest.mark.parametrize("transform", ["log", "log1p", "none"])
def test_a_transform_is_undone_to_predictions_and_metrics(transform) -> None:
    target = np.exp(1 + A[:, 0])
    model = regressor(target_transform=transform, metric="mae", valid=0.25).fit(A, target)
    rows = np.setdiff1d(np.arange(400), divide(Rows(A, target, None), 0.25, None, None, 0)[0])
    assert model.validation_curve_[model.best_epoch_ - 1] == pytest.approx(np.abs(model.predict(A[rows]) - target[rows]).mean(), rel=1e-6)
    if transform != "none":
        assert model.score(A, target) > 0.9


def test_a_metric_of_several_columns_is_their_mean() -> None:
    target = np.c_[A[:, 0] ** 2, 100 * A[:, 1]]
    model = regressor(metric="mae").fit(A[:300], target[:300], X_val=A[300:], y_val=target[300:])
    expected = np.abs(model.predict(A[300:]) - target[300:]).mean()
    assert model.validation_curve_[model.best_epoch_ - 1] == pytest.approx(expected, rel=1e-6)
    labels = (target > 1).astype(int)
    told = classifier(metric="f1", epochs=10).fit(A[:300], labels[:300], X_val=A[300:], y_val=labels[300:])
    each = [f1_score(labels[300:, n], told.predict(A[300:])[:, n], average="macro") for n in range(2)]
    assert told.validation_curve_[told.best_epoch_ - 1] == pytest.approx(np.mean(each))


def test_two_classes_in_each_column_may_have_one_logit_each() -> None:
    target = np.where(A > 0, "yes", "no")
    model = classifier(loss="binary_cross_entropy", epochs=60).fit(A, target)
    assert model.n_outputs_ == 2 and (model.predict(A) == target).mean() > 0.9
    for logits, chances in zip(model.decision_function(A), model.predict_proba(A), strict=True):
        np.testing.assert_allclose(chances[:, 1], 1 / (1 + np.exp(logits[:, 0] - logits[:, 1])))
    with pytest.raises(ValueError, match="a column of y has 3"):
        classifier(loss="binary_cross_entropy").fit(X, np.c_[y, y % 2].astype(str))


@pytest.mark.parametrize(
    ("options", "target", "said"),
    [
        ({"quantile": 0.3}, A[:, 0], "belongs to loss='pinball'"),
        ({"loss": "pinball", "quantile": [0.5, 1.0]}, A[:, 0], r"range \(0.0, 1.0\), a list of these or None. Got \[0.5, 1.0\]"),
        ({"loss": "pinball", "quantile": []}, A[:, 0], "give a number between 0 and 1"),
        ({"loss": "poisson", "target_transform": "log"}, A[:, 0], "leave target_transform out"),
        (
            {"target_transform": "log"},
            np.where(np.arange(400) == 7, 0.0, 2.0),
            "row 7: y is 0, and target_transform='log' takes numbers above 0",
        ),
        ({"loss": "poisson"}, np.where(np.arange(400) == 5, -1.0, 2.0), "row 5: y is -1, and counts are at least 0"),
        ({"target_transform": "root"}, A[:, 0], "target_transform"),
    ],
)
def test_quantities_that_cannot_be_learned_so(options, target, said) -> None:
    with pytest.raises(ValueError, match=said):
        regressor(**options).fit(A, target)


def test_a_warm_start_keeps_what_y_means() -> None:
    model = regressor(epochs=1, warm_start=True).fit(A, A[:, 0])
    with pytest.raises(ValueError, match="is another one than the estimator was trained with"):
        model.set_params(loss="pinball").fit(A, A[:, 0])


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ({"loss": "pinball", "quantile": 0.1}, {"quantile": 0.9}, r"quantile is \(0.9,\) and was \(0.1,\)"),
        ({}, {"target_transform": "log"}, "target_transform is 'log' and was 'standardize'"),
    ],
)
def test_what_goes_on_learns_the_same_of_y(method, before, after, said) -> None:
    model = regressor(epochs=1, warm_start=True, **before)
    getattr(model, method)(A, A[:, 0])
    with pytest.raises(ValueError, match=said):
        getattr(model.set_params(**after), method)(A, A[:, 0])
    assert getattr(model.set_params(**{name: before.get(name, "standardize") for name in after}), method)(A, A[:, 0]).n_iter_


# as they are given


@pytest.mark.parametrize("values", [[True, False], [3, 7], [0.0, 2.0]])
def test_values_of_python_keep_their_type(values) -> None:
    target = np.array(values, dtype=object)[(y == 0).astype(int)]
    model = classifier(epochs=5).fit(X, target)
    assert model.classes_.dtype == np.array(values).dtype and model.predict(X).dtype == model.classes_.dtype


@pytest.mark.parametrize("dtype", ["Int64", "UInt8", "boolean", "int64[pyarrow]"])
def test_types_of_pandas_that_know_gaps_have_whole_numbers_and_truth_values(dtype) -> None:
    target = pd.Series(y > 0 if dtype == "boolean" else y, dtype=dtype)
    model = classifier(epochs=2).fit(X, target)
    assert model.classes_.tolist() == sorted(set(target.tolist()))
    assert model.predict(X).dtype == model.classes_.dtype == (bool if dtype == "boolean" else np.int64)
    both = classifier(epochs=2).fit(X, pd.DataFrame({"a": target, "b": pd.Series(y, dtype="Int64")}))
    assert [type(labels.tolist()[0]) for labels in both.classes_] == [type(model.classes_.tolist()[0]), int]


@pytest.mark.parametrize(
    ("target", "said"),
    [
        (np.array([0, "a", 2.5], dtype=object)[y], "row 50: y is 'a', and 0 in row 0"),
        (np.array(["a", None, "b"], dtype=object)[y], "row 50: y is missing"),
        (np.array(["a", np.nan, "b"], dtype=object)[y], "row 50: y is missing"),
        (pd.Series(y, dtype="Int64").where(y != 1), "row 50: y is missing"),
        (pd.DataFrame({"a": y, "b": pd.Series(y, dtype="Int64").where(y != 1)}), "row 50: y is missing"),
        (np.where(y == 1, np.nan, y), "Input y contains NaN. The first such row is 50"),
        (np.ma.array(y, mask=y == 1), "row 50: y is masked"),
        ([["a"] * (1 + label) for label in y], "lists of different lengths; for labels give 0 and 1 in a column for each"),
        (pd.Series(pd.cut(X[:, 0], 3)), r"row 0: y is Interval\(.*; classes are words, numbers or truth values"),
        ([date(2020 + label, 1, 1) for label in y], r"row 0: y is datetime.date\(2020, 1, 1\); classes are words"),
        (y.astype(object) + 2**70, "whole numbers of more than 64 bits"),
    ],
)
def test_classes_that_cannot_be(target, said) -> None:
    with pytest.raises(ValueError, match=said):
        classifier().fit(X, target)


@pytest.mark.parametrize(
    ("target", "said"),
    [
        (np.array(["1.5", "two", "3"])[y], "row 50: y is 'two', which is no number"),
        (np.array([1.0, None, 2.0], dtype=object)[y], "row 50: y is missing"),
        (np.datetime64("2020-01-01") + y, "y holds dates"),
        (np.where(y == 1, np.inf, y), "Input y contains infinity.* The first such row is 50"),
        (np.ma.array(np.stack([y, y], axis=1), mask=np.stack([y == 2, y == 1], axis=1)), "row 50: y is masked"),
    ],
)
def test_quantities_that_cannot_be(target, said) -> None:
    with pytest.raises(ValueError, match=said):
        NeuralNetworkRegressor(epochs=2).fit(X, target)


@pytest.mark.parametrize(("classes", "known"), [(["0", "1", "2"], "'0', '1', '2'"), ([0, 1, 2], "0, 1, 2")])
def test_classes_of_another_type_are_not_known(classes, known) -> None:
    other = y if isinstance(classes[0], str) else y.astype(str)
    with pytest.raises(ValueError, match=rf"row 0: the class {other.tolist()[0]!r} of y was not in training \({known}\)"):
        classifier().partial_fit(X, other, classes=classes)


def test_targets_may_be_long_doubles() -> None:
    for make in (classifier(epochs=2), NeuralNetworkRegressor(epochs=2, random_state=0)):
        np.testing.assert_array_equal(make.fit(X, y.astype(np.longdouble)).predict(X), make.fit(X, y.astype(float)).predict(X))


def test_quantities_as_words_are_numbers() -> None:
    model = NeuralNetworkRegressor(epochs=2, random_state=0)
    np.testing.assert_array_equal(model.fit(X, y.astype(str)).predict(X), model.fit(X, y).predict(X))


@pytest.mark.parametrize("library", [pd.DataFrame, pl.DataFrame, pa.table])
def test_columns_of_classes_of_different_types(library) -> None:
    target = library({"name": np.array(["a", "b", "c"])[y], "first": y == 0, "number": y.astype(int)})
    model = classifier().fit(X, target)
    assert [labels.tolist() for labels in model.classes_] == [["a", "b", "c"], [False, True], [0, 1, 2]]
    assert model.predict(X)[0].tolist() == ["a", True, 0] and model.score(X, target) > 0.8


def test_a_column_of_classes_is_told_once() -> None:
    with pytest.warns(DataConversionWarning) as told:
        classifier(epochs=2).fit(X, y[:, None])
    assert len(told) == 1


def test_sparse_labels() -> None:
    labels = np.eye(3, dtype=int)[y]
    model = classifier(epochs=5)
    np.testing.assert_array_equal(model.fit(X, csr_matrix(labels)).predict(X), model.fit(X, labels).predict(X))
