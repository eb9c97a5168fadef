"""What y may be: classes, labels, several classes, one or several quantities."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_iris, make_multilabel_classification, make_regression

from chainrule.estimators import NeuralNetworkClassifier, NeuralNetworkRegressor
from chainrule.estimators.targets import JointCrossEntropy
from chainrule.losses import cross_entropy

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
    with pytest.raises(ValueError, match="4 columns"):
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
    with pytest.raises(ValueError, match="2 columns"):
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
