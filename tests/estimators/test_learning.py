"""How the estimators learn: rows, weights, validation, stopping, warm starts, streams."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_iris, make_regression
from sklearn.exceptions import NotFittedError
from sklearn.utils._param_validation import InvalidParameterError
from sklearn.utils.class_weight import compute_sample_weight

import chainrule as cr
from chainrule.errors import NonFiniteError, OptionError
from chainrule.estimators import NeuralNetworkClassifier, NeuralNetworkRegressor
from chainrule.estimators.steps import _made
from chainrule.training.events import EpochEnded, RunStarted, StepsDone, Stopped
from chainrule.training.loop import Plateau

X, y = load_iris(return_X_y=True)
X_r, y_r = make_regression(80, 5, noise=1.0, random_state=0)


def classifier(**options) -> NeuralNetworkClassifier:
    return NeuralNetworkClassifier(**{"hidden": (8,), "epochs": 5, "random_state": 0} | options)


def regressor(**options) -> NeuralNetworkRegressor:
    return NeuralNetworkRegressor(**{"hidden": (8,), "epochs": 5, "random_state": 0} | options)


def test_the_defaults_learn() -> None:
    assert NeuralNetworkClassifier(random_state=0, epochs=300).fit(X, y).score(X, y) > 0.95
    assert NeuralNetworkRegressor(random_state=0, epochs=300).fit(X_r, y_r).score(X_r, y_r) > 0.95


def test_the_network_trains_in_the_float_type_of_its_rows() -> None:
    for given, used in (("float32", "float32"), ("float64", "float64"), ("int64", "float64")):
        assert classifier().fit(X.astype(given), y).coefs_[0].dtype == used
    assert classifier(dtype="float32").fit(X, y).coefs_[0].dtype == "float32"


def test_layers_activations_and_sizes() -> None:
    model = classifier(hidden=(6, 5), activation=["tanh", cr.nn.ACTIVATIONS["silu"]]).fit(X, y)
    assert [w.shape for w in model.coefs_] == [(4, 6), (6, 5), (5, 3)]
    assert [b.shape for b in model.intercepts_] == [(6,), (5,), (3,)]
    assert (model.n_layers_, model.n_outputs_, model.n_features_in_, model.n_iter_) == (4, 3, 4, 5)
    assert [w.shape for w in classifier(hidden=()).fit(X, y).coefs_] == [(4, 3)]
    assert [w.shape for w in classifier(hidden=7).fit(X, y).coefs_] == [(4, 7), (7, 3)]


def test_predictions_are_those_of_the_equations() -> None:
    """One hidden layer by hand, from the attributes alone."""
    model = regressor(activation="tanh").fit(X_r, y_r)
    standardized = (X_r - X_r.mean(0)) / X_r.std(0)
    (w1, w2), (b1, b2) = model.coefs_, model.intercepts_
    expected = (np.tanh(standardized @ w1 + b1) @ w2 + b2)[:, 0] * y_r.std() + y_r.mean()
    np.testing.assert_allclose(model.predict(X_r), expected, rtol=1e-9)


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "rprop", "adam", cr.optim.chain(cr.optim.clip_by_norm(1.0), cr.optim.adam(0.01))])
def test_any_optimizer(optimizer) -> None:
    model = classifier(optimizer=optimizer, lr=0.01, epochs=30).fit(X, y)
    assert model.loss_curve_[-1] < model.loss_curve_[0]


@pytest.mark.parametrize("schedule", ["constant", "one_cycle", cr.optim.exponential(0.99)])
def test_any_schedule(schedule) -> None:
    model = classifier(schedule=schedule, epochs=30).fit(X, y)
    assert model.loss_curve_[-1] < model.loss_curve_[0]


def smoothed(prediction, target, weights=None):
    return cr.losses.cross_entropy(prediction, target, weights, label_smoothing=0.1)


@pytest.mark.parametrize("loss", [smoothed, partial(cr.losses.cross_entropy, label_smoothing=0.1)])
def test_a_loss_of_ones_own(loss) -> None:
    plain, own = classifier(epochs=50).fit(X, y), classifier(loss=loss, epochs=50).fit(X, y)
    assert own.predict_proba(X).max() < plain.predict_proba(X).max()
    np.testing.assert_array_equal(own.predict_proba(X), classifier(loss=loss, epochs=50).fit(X, y, np.ones(150)).predict_proba(X))


def test_a_loss_that_takes_no_weights_says_so() -> None:
    def plain(prediction, target):
        return cr.losses.cross_entropy(prediction, target)

    assert classifier(loss=plain).fit(X, y).n_iter_ == 5
    with pytest.raises(ValueError, match="takes no weights"):
        classifier(loss=plain).fit(X, y, np.ones(150))


def test_losses_of_regression() -> None:
    for loss in ("mae", "huber", "half_squared_error"):
        model = regressor(loss=loss, epochs=60).fit(X_r, y_r)
        assert model.loss_curve_[-1] < model.loss_curve_[0]


# weights


@pytest.mark.parametrize("make", [classifier, regressor])
def test_weights_equal_repetition(make) -> None:
    rng = np.random.default_rng(0)
    weights = rng.integers(0, 4, 60)
    rows = rng.permutation(150)[:60]
    weighted = make().fit(X[rows], y[rows], weights)
    repeated = make().fit(X[rows].repeat(weights, axis=0), y[rows].repeat(weights))
    np.testing.assert_allclose(weighted.predict(X), repeated.predict(X), rtol=1e-7)


RAW = pd.DataFrame(X, columns=list("abcd")).assign(color=np.array(["red", None, "blue"])[np.arange(150) % 3])
RAW.loc[::7, "b"] = np.nan


@pytest.mark.parametrize("given", [X, RAW], ids=["array", "frame"])
@pytest.mark.parametrize("make", [classifier, regressor])
def test_where_a_step_takes_all_rows_neither_order_nor_repetition_changes_a_bit(make, given) -> None:
    take = lambda rows: given.iloc[rows] if isinstance(given, pd.DataFrame) else given[rows]  # noqa: E731 - of either
    rng = np.random.default_rng(0)
    rows, weights = rng.permutation(150)[:60], rng.integers(0, 4, 60)
    repeated = rng.permutation(rows.repeat(weights))
    weighted = make(epochs=300, lr=0.1, activation="tanh").fit(take(rows), y[rows], weights)
    np.testing.assert_array_equal(
        weighted.predict(given), make(epochs=300, lr=0.1, activation="tanh").fit(take(repeated), y[repeated]).predict(given)
    )
    assert weighted.loss_curve_ == make(epochs=300, lr=0.1, activation="tanh").fit(take(repeated), y[repeated]).loss_curve_
    assert make().fit(given, y).loss_curve_ == make().fit(given, y, np.full(150, 3.0)).loss_curve_  # equal weights are none


def test_rows_are_counted_as_they_were_given() -> None:
    events = []
    classifier(epochs=2, on_event=events.append).fit(X[::3].repeat(2, axis=0), y[::3].repeat(2))
    started = events[0]
    assert isinstance(started, RunStarted)
    assert (started.rows, started.batch_size, started.distinct) == (100, 100, 50)
    assert [event.rows for event in events if isinstance(event, StepsDone)] == [100, 100]


@pytest.mark.parametrize("scale", [1e300, 1e-300])
def test_weights_of_any_size_are_weights(scale) -> None:
    weights = np.where(y == 0, 2.0, 1.0)
    expected = classifier(dtype="float32").fit(X, y, weights).predict_proba(X)
    np.testing.assert_allclose(classifier(dtype="float32").fit(X, y, weights * scale).predict_proba(X), expected, rtol=1e-4)


def test_class_weights_are_sample_weights() -> None:
    balanced = classifier(class_weight="balanced").fit(X[40:], y[40:])
    by_hand = classifier().fit(X[40:], y[40:], compute_sample_weight("balanced", y[40:]))
    np.testing.assert_allclose(balanced.predict_proba(X), by_hand.predict_proba(X))
    by_dict = classifier(class_weight={0: 3.0}).fit(X, y)
    np.testing.assert_allclose(by_dict.predict_proba(X), classifier().fit(X, y, np.where(y == 0, 3.0, 1.0)).predict_proba(X))
    streamed = classifier(class_weight={2: 3.0}).partial_fit(X[:100], y[:100], classes=[0, 1, 2]).partial_fit(X[100:], y[100:])
    assert streamed.n_iter_ == 2
    with pytest.raises(ValueError, match="all rows at once"):
        classifier(class_weight="balanced").partial_fit(X, y)
    columns = np.c_[y, y % 2]
    assert classifier(class_weight=["balanced", {1: 2.0}]).fit(X, columns).predict(X).shape == (150, 2)


def test_balanced_classes_count_weights() -> None:
    weights = np.random.default_rng(0).integers(0, 4, 150)
    weighted = classifier(class_weight="balanced", batch_size="all").fit(X, y, weights)
    repeated = classifier(class_weight="balanced", batch_size="all").fit(X.repeat(weights, axis=0), y.repeat(weights))
    np.testing.assert_allclose(weighted.predict_proba(X), repeated.predict_proba(X), rtol=1e-7)


# validation


def test_rows_are_held_out_from_a_thousand_on() -> None:
    many = np.tile(X, (7, 1)), np.tile(y, 7)
    assert classifier(epochs=2).fit(many[0][:999], many[1][:999]).validation_curve_ is None
    started: list[RunStarted] = []
    keep = lambda event: started.append(event) if isinstance(event, RunStarted) else None  # noqa: E731 - a callback
    model = classifier(epochs=2, on_event=keep).fit(many[0][:1000], many[1][:1000])
    assert started[0].rows == 900 and len(model.validation_curve_) == 2
    assert classifier(epochs=2, valid=None).fit(*many).validation_curve_ is None
    zero = np.ones(1050)
    zero[900:] = 0  # rows that do not count are not counted
    assert classifier(epochs=2).fit(*many, zero).validation_curve_ is None


def test_the_best_epoch_on_the_rows_given_is_made() -> None:
    model = classifier(epochs=40, lr=0.1, schedule="constant").fit(X[::2], y[::2], X_val=X[1::2], y_val=y[1::2])
    assert model.best_epoch_ == int(np.argmin(model.validation_curve_)) + 1
    probability = model.predict_proba(X[1::2])[np.arange(75), y[1::2]]
    assert -np.log(probability).mean() == pytest.approx(min(model.validation_curve_), rel=1e-6)


def test_a_metric_chooses_the_best_epoch_and_a_condition_stops() -> None:
    model = classifier(epochs=200, lr=0.01, valid=0.3, metric="accuracy", until="accuracy >= 0.8").fit(X, y)
    assert model.stopped_ == "the network is good enough"
    assert model.validation_curve_[-1] >= 0.8 and max(model.validation_curve_[:-1], default=0) < 0.8
    assert classifier(epochs=200, until=lambda history: len(history.epochs) == 3).fit(X, y).n_iter_ == 3
    assert set(regressor(valid=0.3, metric="mae").fit(X_r, y_r).history_[0]) >= {"valid_mae", "valid_rmse", "valid_loss", "loss"}


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_a_metric_without_a_value_chooses_nothing(method) -> None:
    with pytest.raises(OptionError, match="metric='roc_auc' has no value where all rows are of one class"):
        getattr(classifier(metric="roc_auc"), method)(X, y, X_val=X[:10], y_val=y[:10])
    with pytest.raises(OptionError, match="metric='mape' has no value where a target is 0"):
        getattr(regressor(metric="mape"), method)(X, y, X_val=X, y_val=y)
    with pytest.raises(OptionError, match="metric='r2' has no value where there are fewer than two rows"):
        getattr(regressor(metric="r2"), method)(X, y, X_val=X[:1], y_val=y[:1])


@pytest.mark.parametrize("options", [{}, {"dtype": "float32"}, {"target_transform": "log1p"}, {"loss": "pinball"}, {"loss": "poisson"}])
def test_a_target_of_zero_stays_zero_for_metrics(options) -> None:
    counts = np.random.default_rng(0).poisson(1.0, len(X_r)) * 1.0
    with pytest.raises(OptionError, match="metric='mape' has no value where a target is 0"):
        regressor(metric="mape", valid=0.3, **options).fit(X_r, counts)
    assert regressor(metric="poisson_deviance", valid=0.3, epochs=5, **options).fit(X_r, counts).n_iter_ == 5  # not below 0


def test_a_metric_may_have_its_first_value_later() -> None:
    skewed = np.exp(3 * X_r[:, 0])
    model = regressor(metric="poisson_deviance", valid=0.3, epochs=60, lr=0.05, hidden=(16,)).fit(X_r, skewed)
    assert np.isnan(model.validation_curve_[0])  # some predictions were negative


def test_metrics_count_sample_weights_and_not_those_of_classes() -> None:
    weights = np.random.default_rng(0).uniform(size=150)
    own = {"X_val": X, "y_val": y, "sample_weight_val": weights}
    for learn in (lambda model: model.fit(X, y, **own), lambda model: model.partial_fit(X, y, **own).partial_fit(X, y)):
        model = learn(classifier(metric="accuracy", class_weight={1: 5.0}, epochs=2))
        assert model.validation_curve_[model.best_epoch_ - 1] == pytest.approx(model.score(X, y, weights))
        assert model.score(X, y, weights) != model.score(X, y)
    quantity = regressor(metric="mae").fit(X, y, **own)
    error = np.average(np.abs(quantity.predict(X) - y), weights=weights)
    assert quantity.validation_curve_[quantity.best_epoch_ - 1] == pytest.approx(error)
    held = classifier(valid=0.3, metric="accuracy", epochs=1)
    assert held.fit(X, y, np.ones(150)).validation_curve_ != held.fit(X, y, 1.0 + 9.0 * (y == 1)).validation_curve_


def test_patience_time_and_plateau() -> None:
    model = classifier(epochs=500, lr=0.3, schedule="constant", valid=0.3, patience=3).fit(X, y)
    assert model.n_iter_ == model.best_epoch_ + 3
    assert "time budget" in classifier(epochs=100_000, time_budget=0.05).fit(X, y).stopped_
    wild = classifier(epochs=60, lr=1.0, weight_decay=0.0, schedule="constant", valid=0.3, patience=None, plateau=Plateau(0.5, 1))
    assert wild.fit(X, y).history_[-1]["rate_scale"] < 1


def test_groups_stay_together() -> None:
    """Rows of a group have one made-up class: it is in training, or in validation, where it cannot be learned."""
    groups = np.arange(150) % 5
    seen: set[str] = set()

    def note(event) -> None:
        seen.add(type(event).__name__)
        if isinstance(event, RunStarted):
            assert event.rows % 30 == 0

    apart = X + np.arange(150)[:, None] / 1e6  # equal rows would count as one
    classifier(valid=0.2, on_event=note).fit(apart, y, groups=groups)
    assert "EpochEnded" in seen
    with pytest.raises(ValueError, match="all of one group"):
        classifier(valid=0.2).fit(X, y, groups=np.zeros(150))
    with pytest.raises(ValueError, match=r"groups has shape \(150, 2\); give one group for each row"):
        classifier(valid=0.2).fit(X, y, groups=list(zip(groups, groups, strict=True)))
    alone = np.where(groups == 0, None, "together").astype(object)  # a row without a group is one of its own
    assert len(classifier(valid=0.2).fit(X, y, groups=alone).validation_curve_) == 5


def test_too_few_rows_to_hold_out() -> None:
    with pytest.raises(ValueError, match="too few to hold"):
        regressor(valid=0.1).fit(X_r[:1], y_r[:1])


# going on


def test_events_and_lines(capsys) -> None:
    events: list[object] = []
    model = classifier(on_event=events.append, verbose=True, epochs=3).fit(X, y)
    assert [type(event) for event in (events[0], events[-1])] == [RunStarted, Stopped]
    assert [event.loss for event in events if isinstance(event, EpochEnded)] == model.loss_curve_
    assert model.loss_ == model.loss_curve_[-1] and model.stopped_ == "all 3 epochs are done"
    assert capsys.readouterr().out.splitlines()[-1] == "stopped after 3 epochs: all 3 epochs are done"


def test_a_pass_over_some_rows_prints_one_line(capsys) -> None:
    model = classifier(verbose=True)
    for _ in range(2):
        model.partial_fit(X, y)
    assert [line.split("  ")[0] for line in capsys.readouterr().out.splitlines()] == ["epoch 1", "epoch 2"]


def test_a_warm_start_goes_on() -> None:
    model = classifier(warm_start=True, epochs=30).fit(X, y)
    first = model.loss_curve_
    model.fit(X, y)
    assert model.loss_curve_[0] < first[0] and abs(model.loss_curve_[0] - first[-1]) < 0.05
    assert classifier(epochs=30).fit(X, y).fit(X, y).loss_curve_ == first


def test_a_warm_start_keeps_its_network() -> None:
    model = classifier(warm_start=True).fit(X, y == 1)
    for changed in ({"hidden": (16,)}, {"loss": "binary_cross_entropy"}):
        with pytest.raises(ValueError, match=r"that is to go on has hidden=\[8\] and 2 outputs"):
            classifier(warm_start=True).fit(X, y == 1).set_params(**changed).fit(X, y == 1)
    assert model.set_params(dropout=0.2, lr=0.1).fit(X, y == 1).shape_.dropout == 0.2


def test_partial_fit_keeps_its_classes() -> None:
    model = classifier().partial_fit(X, y, classes=[2, 1, 0]).partial_fit(X, y, classes=[0, 1, 2])
    with pytest.raises(ValueError, match=r"classes is \[0, 1, 2, 3\] and was"):
        model.partial_fit(X, y, classes=[0, 1, 2, 3])


def test_partial_fit_is_an_epoch_of_fit() -> None:
    whole = classifier(schedule="constant", epochs=4).fit(X, y)
    parts = classifier()
    for _ in range(4):
        parts.partial_fit(X, y, classes=[0, 1, 2])
    np.testing.assert_array_equal(parts.predict_proba(X), whole.predict_proba(X))
    assert parts.loss_curve_ == whole.loss_curve_
    parts.partial_fit(X[:10], y[:10])  # later calls may lack classes
    with pytest.raises(ValueError, match=r"the class 7 of y was not in training .* the first call all classes .* classes="):
        parts.partial_fit(X[:10], np.full(10, 7))


def test_partial_fit_stops_early() -> None:
    stream = classifier(lr=0.3, patience=4)
    calls = 0
    while not getattr(stream, "stopped_", ""):
        stream.partial_fit(X[::2], y[::2], X_val=X[1::2], y_val=y[1::2])
        calls += 1
        assert calls < 400
    assert stream.n_iter_ == calls == stream.best_epoch_ + 4
    assert stream.best_epoch_ == int(np.argmin(stream.validation_curve_)) + 1
    before = stream.predict_proba(X)
    stream.partial_fit(X, y)
    np.testing.assert_array_equal(stream.predict_proba(X), before)
    assert stream.n_iter_ == calls
    held = classifier(valid=0.3).partial_fit(X, y).partial_fit(X, y)
    assert len(held.validation_curve_) == 2
    assert classifier().partial_fit(X, y).validation_curve_ is None


def test_partial_fit_keeps_the_best_by_a_metric() -> None:
    stream = classifier(lr=0.3, metric="accuracy", patience=None)
    for _ in range(15):
        stream.partial_fit(X[::2], y[::2], X_val=X[1::2], y_val=y[1::2])
    assert stream.score(X[1::2], y[1::2]) == max(stream.validation_curve_) > min(stream.validation_curve_)


def test_partial_fit_goes_on_after_fit() -> None:
    model = regressor(epochs=20).fit(X_r, y_r)
    model.partial_fit(X_r, y_r)
    assert model.n_iter_ == 21 and model.state_.epoch == 21


def test_a_new_rate_makes_no_new_program() -> None:
    classifier(lr=0.01).fit(X, y)
    made = _made.cache_info().misses
    curves = [
        classifier(lr=lr, weight_decay=decay, epochs=epochs).fit(X, y).loss_curve_
        for lr, decay, epochs in ((0.1, 0.5, 5), (0.02, 0.0, 5), (0.01, 1.0, 9))
    ]
    assert _made.cache_info().misses == made
    assert len({curve[1] for curve in curves}) == 3
    assert curves[0] == classifier(lr=0.1, weight_decay=0.5).fit(X, y).loss_curve_


def test_what_diverges_says_so() -> None:
    wild = regressor(optimizer="sgd", lr=1e200, dtype="float32")
    with pytest.raises(NonFiniteError, match="epoch 1, step"):
        wild.fit(X_r, y_r)
    with pytest.warns(UserWarning, match="the best weights so far are kept"):
        model = regressor(optimizer="sgd", lr=1e30).fit(X_r, y_r)
    assert np.isfinite(model.predict(X_r)).all()


class BrokenOffError(Exception):
    """What a callback raises."""


def break_off(event) -> None:
    if isinstance(event, EpochEnded):
        raise BrokenOffError


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_what_fails_leaves_the_estimator_as_it_was(method) -> None:
    for options, X_again, failure in (
        ({"on_event": break_off}, X * 3 + 1, BrokenOffError),
        ({"metric": "accuracy"}, X * 3 + 1, OptionError),
        ({}, np.where(X > 6, np.inf, X), ValueError),
    ):
        new = classifier(**options)
        with pytest.raises(failure):
            getattr(new, method)(X_again, y)
        assert not [name for name in vars(new) if name.endswith("_") and not name.startswith("_")]
        with pytest.raises(NotFittedError):
            new.predict(X)
        model = getattr(classifier(), method)(X, y)
        before = model.predict_proba(X), model.loss_curve_
        with pytest.raises(failure):
            getattr(model.set_params(**options), method)(X_again, y)
        np.testing.assert_array_equal(model.predict_proba(X), before[0])
        assert model.loss_curve_ == before[1]
        assert all(value == model.get_params()[name] for name, value in options.items())


@pytest.mark.parametrize(("before", "after"), [("sgd", "adamw"), ("adamw", "rprop"), ("momentum", "sgd")])
def test_another_optimizer_begins_anew(before, after, tmp_path) -> None:
    model = classifier(optimizer=before).partial_fit(X, y)
    weights = model.state_.params
    model.set_params(optimizer=after).partial_fit(X, y)
    expected = classifier(optimizer=after, warm_start=True).partial_fit(X, y)
    expected.state_ = replace(expected.state_, params=weights)
    first = expected.set_params(epochs=1, schedule="constant").fit(X, y).state_
    for path, array in first.params.items():
        np.testing.assert_allclose(model.state_.params[path], array, rtol=1e-12)  # the rows come in another order
    model.save(tmp_path / "m.safetensors")
    assert model.n_iter_ == 2 and model.state_.count == 1


# bad input


BAD = [
    ({"lr": 0}, "The 'lr' parameter"),
    ({"epochs": 0}, "The 'epochs' parameter"),
    ({"dropout": 1.0}, "The 'dropout' parameter"),
    ({"activation": "rellu"}, r"The 'activation' parameter .*\{'identity', 'relu', .*Got 'rellu' instead. Did you mean 'relu'\?"),
    ({"optimizer": "adm"}, "The 'optimizer' parameter .*Did you mean 'adam'"),
    ({"batch_size": "some"}, "The 'batch_size' parameter"),
    ({"valid": 1.0}, "The 'valid' parameter"),
    ({"dtype": "float16"}, "The 'dtype' parameter .*Did you mean 'float32'"),
    ({"dtype": np.float32}, "The 'dtype' parameter"),
    ({"class_weight": "fair"}, "The 'class_weight' parameter"),
    ({"n_jobs": 1.5}, "The 'n_jobs' parameter"),
    ({"n_jobs": 0}, "The 'n_jobs' parameter"),
    ({"categorical": ["color"]}, "categorical is for the columns of a data frame, and X is none"),
    ({"hidden": (8, 0)}, r"The 'hidden' parameter .*an int in the range \[1, 100000\] or a list of these. Got \(8, 0\)"),
    ({"hidden": "64"}, "The 'hidden' parameter"),
    ({"hidden": True}, "The 'hidden' parameter"),
    ({"lr": True}, "The 'lr' parameter"),
    ({"activation": ["relu", "tanh"]}, r"2 activations \(relu, tanh\) are given for 1 hidden layer; give one"),
    ({"activation": ["rellu"]}, r"The 'activation' parameter .* a list of these. Got \['rellu'\] instead. Did you mean 'relu'\?"),
    ({"activation": "logistic"}, "Did you mean 'sigmoid'"),
    ({"loss": "cross_entrop"}, "Did you mean 'cross_entropy'"),
    ({"loss": "log_loss"}, "Did you mean 'cross_entropy'"),
    ({"loss": "mse"}, "The 'loss' parameter"),
    ({"loss": "binary_cross_entropy"}, "is for 2 classes"),
    ({"metric": "accuracy"}, "there are none"),
    ({"metric": "acuracy", "valid": 0.2}, "The 'metric' parameter .*Did you mean 'accuracy'"),
    ({"metric": "AUC", "valid": 0.2}, "Did you mean 'roc_auc'"),
    ({"until": "loss <"}, "cannot be read"),
    ({"class_weight": [{}, {}]}, "class_weight has 2 entries"),
    ({"class_weight": {7: 1.0}}, "the class 7, which y does not have"),
    ({"class_weight": {0: -1.0}}, "a dict of numbers of at least 0"),
    ({"class_weight": {0: "heavy"}}, "a dict of numbers of at least 0"),
    ({"class_weight": {0: float("nan")}}, "a dict of numbers of at least 0"),
    ({"class_weight": {0: 0, 1: 0, 2: 0}}, "all weights are zero"),
]


@pytest.mark.parametrize(("options", "message"), BAD, ids=[str(options) for options, _ in BAD])
def test_a_bad_parameter_is_one_sentence(options, message) -> None:
    with pytest.raises(OptionError if "class_weight" not in options else ValueError, match=message) as caught:
        classifier(**options).fit(X, y)
    assert "\n" not in str(caught.value)
    if str(caught.value).startswith("The '"):
        assert isinstance(caught.value, InvalidParameterError)  # what scikit-learn's users catch


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_bad_weights_and_rows(method) -> None:
    below = 1.0 - np.arange(150)
    for weights, message in ((below, "row 2: sample_weight is -1"), (np.zeros(150), "zero"), (np.ones(3), "inconsistent|shape")):
        with pytest.raises(ValueError, match=message):
            getattr(classifier(), method)(X, y, sample_weight=weights)
    with pytest.raises(ValueError, match="infinity"):
        getattr(classifier(), method)(np.where(X > 6, np.inf, X), y)


@pytest.mark.parametrize("given", [{"X_val": X}, {"y_val": y}, {"sample_weight_val": np.ones(150)}])
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_validation_rows_are_whole(method, given) -> None:
    with pytest.raises(ValueError, match="belong together"):
        getattr(classifier(), method)(X, y, **given)


def test_errors_name_the_row_that_was_given() -> None:
    model, weights = classifier().partial_fit(X[:100], y[:100]), np.where(np.arange(150) < 20, 0.0, 1.0)
    with pytest.raises(ValueError, match="row 100: the class 2 of y was not in training"):
        model.partial_fit(X, y, sample_weight=weights)
    counts = np.where(np.arange(2000) == 1500, -1.0, 2.0)
    with pytest.raises(ValueError, match="row 1500: y is -1"):
        regressor(loss="poisson").fit(np.arange(2000.0)[:, None], counts)
    raw = classifier().partial_fit(RAW, y)
    with pytest.raises(ValueError, match="row 70: column 'a' holds 'long'"):
        raw.partial_fit(RAW.assign(a=np.where(np.arange(150) == 70, "long", "1")), y, sample_weight=weights)


def test_an_attribute_before_fit_is_named() -> None:
    for name in ("classes_", "coefs_", "n_iter_"):
        assert not hasattr(classifier(), name)
        with pytest.raises(AttributeError, match=f"no attribute '{name}' before fit"):
            getattr(classifier(), name)
    with pytest.raises(AttributeError, match=r"no attribute 'best_loss_'$"):
        classifier(epochs=1).fit(X, y).best_loss_  # noqa: B018 - it has none, fitted or not


def test_a_class_that_only_validation_has_is_named() -> None:
    with pytest.raises(ValueError, match="row 0: the class 2 of y was not in training"):
        classifier().fit(X[:100], y[:100], X_val=X[100:], y_val=y[100:])


def test_numbers_beyond_the_dtype_name_their_row() -> None:
    model = classifier().fit((X * 1e-30).astype("float32"), y)
    far = X.astype("float32").copy()
    far[3, 2] = 1e30
    with pytest.raises(ValueError, match="row 3: column 2"):
        model.predict(far * np.float32(1e-30) + np.where(far == 1e30, np.float32(3e38), np.float32(0)))


def test_series_and_lists_are_targets() -> None:
    names = np.array(["setosa", "versicolor", "virginica"])[y]
    expected = classifier().fit(X, names).predict(X)
    for target in (names.tolist(), pd.Series(names), pd.Series(names).astype("category"), names.astype(object)):
        np.testing.assert_array_equal(classifier().fit(X, target).predict(X), expected)
