"""Pipelines, searches, routing, pickles, model files."""

from __future__ import annotations

import pickle
import pickletools
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from joblib import Parallel, delayed
from sklearn import config_context
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_iris
from sklearn.exceptions import UnsetMetadataPassedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_validate
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

import chainrule as cr
from chainrule.backends.llvm import executable, training
from chainrule.data.target import rows_with_target
from chainrule.estimators import HiddenActivations, NeuralNetworkClassifier, NeuralNetworkRegressor
from chainrule.estimators.words import threads_of

X, y = load_iris(return_X_y=True)
NAMED = pd.DataFrame(X, columns=["a", "b", "c", "d"])
RAW = NAMED.assign(color=np.where(y == 1, "red", "blue"))


def classifier(**options) -> NeuralNetworkClassifier:
    return NeuralNetworkClassifier(**{"hidden": (8, 6), "epochs": 8, "random_state": 0} | options)


def threads_in_a_worker() -> int | None:
    return threads_of(None)


def test_a_search_with_processes() -> None:
    search = GridSearchCV(classifier(epochs=60, schedule="constant"), {"lr": [1e-5, 0.01]}, cv=3, n_jobs=2).fit(X, y)
    assert search.best_params_ == {"lr": 0.01}


def test_a_search_over_rates_compiles_nothing(monkeypatch) -> None:
    made: list[str] = []
    for module in (executable, training):
        compiled = module.compiled

        def counted(*given, compiled=compiled, name=module.__name__):
            made.append(name)
            return compiled(*given)

        monkeypatch.setattr(module, "compiled", counted)
    apart = X + np.arange(150)[:, None] / 1e6  # equal rows would weigh as one, and a step with weights is another one
    model = classifier(hidden=(7, 3)).fit(apart, y)
    model.predict(apart)
    assert len(made) == 2  # a step, and a prediction
    several = {"lr": [0.003, 0.01], "weight_decay": [0.0, 1.0], "epochs": [3, 5], "random_state": [0, 1]}
    search = GridSearchCV(model, several, cv=3, error_score="raise").fit(apart, y)
    assert len(search.cv_results_["params"]) == 16 and len(made) == 2
    model.set_params(lr=0.5, batch_size=40).fit(apart, y)
    assert len(made) == 2
    model.set_params(hidden=(7, 4)).fit(apart, y).predict(apart)
    assert len(made) == 4  # the count sees what is another network


def test_threads_are_limited() -> None:
    shares = Parallel(n_jobs=2)(delayed(threads_in_a_worker)() for _ in range(2))
    assert all(share is not None and share >= 1 for share in shares)  # joblib gives each process its share of the processors
    assert threads_of(3) == 3 and threads_of(-1) >= 1


def test_without_a_limit_the_work_decides(monkeypatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert threads_of(None) is None
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    assert threads_of(None) == 2


def test_pipelines_calibration_and_display() -> None:
    pipe = make_pipeline(StandardScaler(), classifier(hidden=(32,), epochs=100, lr=0.01)).fit(X, y)
    assert pipe.score(X, y) > 0.9 and "NeuralNetworkClassifier" in pipe._repr_html_()
    assert CalibratedClassifierCV(classifier(epochs=30), cv=2).fit(X, y).predict_proba(X).shape == (150, 3)


def test_metadata_is_routed() -> None:
    groups, weights = np.arange(150) % 10, np.ones(150)
    with config_context(enable_metadata_routing=True):
        model = classifier(valid=0.2).set_fit_request(sample_weight=True, groups=True).set_score_request(sample_weight=True)
        scores = cross_validate(model, X, y, params={"groups": groups, "sample_weight": weights}, cv=GroupKFold(3))
        assert len(scores["test_score"]) == 3
        hidden = HiddenActivations(classifier().set_fit_request(sample_weight=True))
        doubled = hidden.fit(X, y, sample_weight=np.where(y == 0, 5.0, 1.0)).transform(X)
        assert not np.array_equal(doubled, hidden.fit(X, y).transform(X))


def alike(one, other) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one.coefs_, other.coefs_, strict=True))


def test_weights_reach_a_network_through_pipelines_and_searches() -> None:
    weights = np.where(y == 0, 5.0, 1.0)
    scaled = StandardScaler().fit_transform(X)
    expected, unweighted = classifier().fit(scaled, y, sample_weight=weights), classifier().fit(scaled, y)
    assert not alike(expected, unweighted)
    with config_context(enable_metadata_routing=True):
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        pipe = make_pipeline(scaler, classifier().set_fit_request(sample_weight=True).set_score_request(sample_weight=True))
        assert alike(clone(pipe).fit(X, y, sample_weight=weights)[-1], expected)
        search = GridSearchCV(pipe, {"neuralnetworkclassifier__lr": [0.01]}, cv=3, error_score="raise").fit(X, y, sample_weight=weights)
        assert alike(search.best_estimator_[-1], expected)
        with pytest.raises(UnsetMetadataPassedError, match="sample_weight"):
            cross_validate(classifier(), X, y, params={"sample_weight": weights})


def test_validation_rows_go_through_the_steps_of_a_pipeline() -> None:
    scaler = StandardScaler().fit(X)
    expected = classifier().fit(scaler.transform(X), y, X_val=scaler.transform(X[::5]), y_val=y[::5])
    with config_context(enable_metadata_routing=True):
        network = classifier().set_fit_request(X_val=True, y_val=True)
        pipe = Pipeline([("scale", StandardScaler()), ("network", network)], transform_input=["X_val"])
        pipe.fit(X, y, X_val=X[::5], y_val=y[::5])
    assert alike(pipe[-1], expected) and pipe[-1].validation_curve_ == expected.validation_curve_


def test_weights_reach_partial_fit() -> None:
    weights = np.where(np.arange(150) % 3 == 0, 5.0, 1.0)
    expected = classifier().partial_fit(X, y == 1, sample_weight=weights)
    with config_context(enable_metadata_routing=True):
        each = OneVsRestClassifier(classifier().set_partial_fit_request(sample_weight=True))
        each.partial_fit(X, y, classes=[0, 1, 2], sample_weight=weights)
    assert alike(each.estimators_[1], expected) and not alike(expected, classifier().partial_fit(X, y == 1))


def test_weights_reach_the_network_of_a_transformer_without_routing_too() -> None:
    weights = np.where(y == 0, 5.0, 1.0)
    expected = classifier().fit(X, y, sample_weight=weights)
    assert alike(HiddenActivations(classifier()).fit(X, y, sample_weight=weights).estimator_, expected)
    pipe = make_pipeline(HiddenActivations(classifier()), classifier(hidden=()))
    assert alike(pipe.fit(X, y, hiddenactivations__sample_weight=weights)[0].estimator_, expected)


# pickles


ALLOWED = {
    "chainrule.estimators",
    "chainrule.data",
    "chainrule.training.state",
    "numpy",
    "copyreg",
    "copy_reg",
    "_codecs",
    "builtins",
    "__builtin__",
}


def test_a_pickle_holds_plain_data() -> None:
    for model in (classifier().fit(RAW, y), classifier().partial_fit(X, y, X_val=X, y_val=y), NeuralNetworkRegressor(epochs=2).fit(X, y)):
        data = pickle.dumps(model, protocol=0)
        names = [argument for operation, argument, _ in pickletools.genops(data) if operation.name == "GLOBAL"]
        assert all(any(name.startswith(room) for room in ALLOWED) for name in names), names
        given = RAW if hasattr(model, "feature_names_in_") else X
        np.testing.assert_array_equal(pickle.loads(data).predict(given), model.predict(given))


def test_a_stream_goes_on_after_unpickling() -> None:
    noise = np.random.default_rng(0).permutation(y)  # which is soon learned by heart
    stream = classifier(valid=0.3, lr=0.1, patience=3).partial_fit(X, noise)
    again = pickle.loads(pickle.dumps(stream))
    for model in (stream, again):
        for _ in range(30):
            model.partial_fit(X, noise)
    assert stream.stopped_ and again.stopped_ == stream.stopped_
    assert again.best_epoch_ == stream.best_epoch_ and again.validation_curve_ == stream.validation_curve_
    assert alike(again, stream)


def test_a_pickle_is_read_by_another_process(tmp_path) -> None:
    model = classifier().fit(X, y)
    (tmp_path / "model.pickle").write_bytes(pickle.dumps(model))
    code = "import pickle, sys, numpy; print(pickle.load(open(sys.argv[1], 'rb')).predict(numpy.ones((1, 4)))[0])"
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "model.pickle")], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(model.predict(np.ones((1, 4)))[0])


# model files

CASES = [
    (NeuralNetworkClassifier, y, {}),
    (NeuralNetworkClassifier, np.array(["a", "b", "c"])[y], {"dropout": 0.1, "activation": ["tanh", "relu"]}),
    (NeuralNetworkClassifier, y == 1, {"loss": "binary_cross_entropy", "optimizer": "momentum", "lr": 0.01}),
    (NeuralNetworkRegressor, y * 1.5 + 0.25, {"hidden": (), "schedule": "constant"}),
    (NeuralNetworkRegressor, np.exp(X[:, :2]), {"target_transform": "log", "loss": "pinball", "quantile": [0.9, 0.1]}),
    (NeuralNetworkRegressor, y.astype(float), {"loss": "poisson"}),
    (NeuralNetworkClassifier, np.c_[y == 1, X[:, 0] > 5.8].astype(int), {}),
    (NeuralNetworkClassifier, np.c_[np.array(["a", "b", "c"])[y], np.where(X[:, 0] > 5.8, "up", "down")], {}),
    (NeuralNetworkClassifier, np.where(np.c_[y == 1, X[:, 0] > 5.8], "yes", "no"), {"loss": "binary_cross_entropy"}),
]


def columns(answers):
    """The answers of a model as scikit-learn has them: those for several targets side by side."""
    return np.stack(list(answers.values()), axis=1) if isinstance(answers, dict) else answers


@pytest.mark.parametrize(("make", "target", "options"), CASES)
@pytest.mark.parametrize("given", [X, X.astype("float32"), NAMED, RAW], ids=["array", "float32", "named", "raw"])
def test_a_model_file_is_the_estimator(make, target, options, given, tmp_path) -> None:
    model = make(**{"hidden": (8, 6), "epochs": 5, "random_state": 0} | options).fit(given, target)
    model.save(tmp_path / "m.safetensors")
    loaded = cr.load(tmp_path / "m.safetensors")
    back = loaded.as_estimator()
    raw = {"x": given} if isinstance(given, np.ndarray) else given
    np.testing.assert_array_equal(back.predict(given), model.predict(given))
    np.testing.assert_array_equal(columns(loaded.predict(raw)), model.predict(given))
    if make is NeuralNetworkClassifier and target.ndim == 1:
        np.testing.assert_array_equal(back.predict_proba(given), model.predict_proba(given))
        np.testing.assert_allclose(loaded.predict_proba(raw), model.predict_proba(given), rtol=1e-6)
    if options.get("loss") == "pinball":
        np.testing.assert_array_equal(back.predict_quantiles(given), model.predict_quantiles(given))
        both = np.stack(list(loaded.predict_quantiles(raw).values()), axis=1)
        np.testing.assert_array_equal(both, model.predict_quantiles(given))
    assert {name: back.get_params()[name] for name in ("hidden", "lr", "dropout", "epochs")} == {
        name: model.get_params()[name] for name in ("hidden", "lr", "dropout", "epochs")
    }
    back.save(tmp_path / "again.safetensors")
    np.testing.assert_array_equal(columns(cr.load(tmp_path / "again.safetensors").predict(raw)), model.predict(given))
    back.partial_fit(given, target)
    model.partial_fit(given, target)
    np.testing.assert_array_equal(back.predict(given), model.predict(given))


@pytest.mark.parametrize("name", ["penguins", "concrete"])
def test_a_trained_model_is_an_estimator(name) -> None:
    model = cr.train(name, epochs=3, hidden=(7, 5), activation="gelu", lr=0.02)
    estimator = model.as_estimator()
    frame = model.table(name).frame
    np.testing.assert_array_equal(estimator.predict(frame), model.predict(name))
    assert (estimator.hidden, estimator.activation, estimator.lr) == ((7, 5), "gelu", 0.02)
    table = model.table(name).take(rows_with_target(model.table(name), model.target.column.name))
    y_again = model.target.values(table) if name == "concrete" else table.frame[model.target.column.name]
    estimator.partial_fit(table.frame, y_again)
    assert estimator.state_.epoch == model.best.epoch + 1


@pytest.mark.parametrize(
    ("targets", "options"),
    [
        (["height", "income"], {"loss": "pinball", "quantile": (0.1, 0.5), "target_transform": "log"}),
        (["height", "income"], {}),
        (["visits"], {"loss": "poisson"}),
        (["size", "rich"], {}),
        (["rich", "late"], {}),
        (["first", "second"], {}),
    ],
)
def test_a_trained_model_of_any_targets_is_an_estimator(targets, options) -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 150))
    every = {
        "height": 170 + 10 * a,
        "income": np.exp(8 + a + 0.1 * b),
        "visits": rng.poisson(np.exp(0.5 + 0.5 * a)),
        "size": np.array(["small", "middle", "large"])[np.digitize(a, [-0.5, 0.5])],
        "rich": a > 0.5,
        "late": a > b,
        "first": (a > 0).astype(int),
        "second": (b > 0).astype(int),
    }
    frame = pd.DataFrame({"a": a, "b": b} | {name: every[name] for name in targets})
    model = cr.train(frame, targets, epochs=4, hidden=(6,), trees=False, **options)
    estimator = model.as_estimator()
    answers, given = columns(model.predict(frame)), estimator.predict(frame)
    np.testing.assert_array_equal(answers, given)
    if options.get("loss") == "pinball":
        np.testing.assert_array_equal(estimator.predict_quantiles(frame), np.stack(list(model.predict_quantiles(frame).values()), axis=1))
    if model.goal.task == "classification":
        ours = estimator.predict_proba(frame)
        for number, chances in enumerate(model.predict_proba(frame).values()):
            np.testing.assert_allclose(
                ours[number] if isinstance(ours, list) else ours[:, number], chances if isinstance(ours, list) else chances[:, 1], rtol=1e-5
            )
    truth = frame[targets].to_numpy() if len(targets) > 1 else frame[targets[0]].to_numpy()
    estimator.partial_fit(frame, truth)
    assert estimator.state_.epoch == model.best.epoch + 1


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        ({"first": {"1": 3}}, [{0: 1.0, 1: 3.0}, {}]),
        ({"first": {"1": 3}, "second": {"b": 2}}, [{0: 1.0, 1: 3.0}, {"a": 1.0, "b": 2.0}]),
        ({1: 3}, {0: 1.0, 1: 3.0}),
        (None, None),
    ],
)
def test_weights_of_classes_go_on_to_count(weights, expected) -> None:
    frame = pd.DataFrame({"x": X[:, 0], "first": y > 0, "second": np.where(X[:, 1] > 3, "b", "a")}).astype({"first": int})
    targets = ["first", "second"] if isinstance(expected, list) else ["first"]
    estimator = cr.train(frame[["x", *targets]], targets, epochs=2, hidden=4, trees=False, class_weight=weights).as_estimator()
    assert estimator.class_weight == expected
    truth = frame[targets].to_numpy() if len(targets) > 1 else frame["first"]
    weighted = clone(estimator).set_params(epochs=2, random_state=0).fit(frame[["x"]], truth)
    plain = clone(weighted).set_params(class_weight=None).fit(frame[["x"]], truth)
    assert alike(plain, weighted) == (expected is None)
    estimator.partial_fit(frame[["x"]], truth)


def test_what_a_model_file_does_not_hold(tmp_path) -> None:
    with pytest.raises(ValueError, match="two classes or more"):
        classifier().fit(X, np.full(150, "only")).save(tmp_path / "m.safetensors")
    changed = classifier().fit(X, y).set_params(optimizer="sgd")
    with pytest.raises(ValueError, match="trained with"):
        changed.save(tmp_path / "m.safetensors")
    own = classifier(activation=lambda x: x * 2.0).fit(X, y)
    own.save(tmp_path / "m.safetensors")
    loaded = cr.load(tmp_path / "m.safetensors")
    np.testing.assert_array_equal(loaded.predict({"x": X}), own.predict(X))  # the file holds the equations
    with pytest.raises(ValueError, match="a function that the model file does not hold"):
        loaded.as_estimator()


def smoothed(prediction, target, weights=None):
    return cr.losses.cross_entropy(prediction, target, weights, label_smoothing=0.1)


OWN = [
    (NeuralNetworkClassifier, y, "loss", smoothed),
    (NeuralNetworkClassifier, np.eye(3, dtype=int)[y], "loss", cr.losses.binary_cross_entropy),
    (NeuralNetworkClassifier, y, "schedule", cr.optim.exponential(0.9)),
    (NeuralNetworkClassifier, y, "optimizer", cr.optim.chain(cr.optim.clip_by_norm(1.0), cr.optim.sgd(0.1))),
    (NeuralNetworkRegressor, y * 2.0, "loss", cr.losses.poisson),  # whose logarithm the regressor undoes by its own word alone
]


@pytest.mark.parametrize(("make", "target", "name", "own"), OWN)
def test_what_is_ones_own_does_not_keep_a_file_from_being_read(make, target, name, own, tmp_path) -> None:
    model = make(hidden=(8, 6), epochs=8, random_state=0, **{name: own}).fit(X, target)
    model.save(tmp_path / "m.safetensors")
    loaded = cr.load(tmp_path / "m.safetensors")
    np.testing.assert_allclose(columns(loaded.predict({"x": X})), model.predict(X), rtol=1e-12)
    with pytest.warns(UserWarning, match=f"does not hold the parameters '{name}'"):
        back = loaded.as_estimator()
    np.testing.assert_array_equal(back.predict(X), model.predict(X))
    back.partial_fit(X, target).save(tmp_path / "again.safetensors")
    np.testing.assert_allclose(columns(cr.load(tmp_path / "again.safetensors").predict({"x": X})), back.predict(X), rtol=1e-12)
    assert back.state_.epoch == 9


def test_a_model_file_holds_the_parameters_that_are_plain(tmp_path) -> None:
    given = {"hidden": np.array([4, 5]), "epochs": np.int64(3), "lr": np.float64(0.1), "class_weight": {0: 2.0, 2: np.float64(0.5)}}
    classifier(**given, activation=["tanh", "relu"]).fit(X, y).save(tmp_path / "m.safetensors")
    back = cr.load(tmp_path / "m.safetensors").as_estimator().get_params()
    assert (back["hidden"], back["epochs"], back["lr"], back["activation"]) == ((4, 5), 3, 0.1, ("tanh", "relu"))
    assert back["class_weight"] == {0: 2.0, 2: 0.5} and type(back["epochs"]) is int


# hidden activations


def test_hidden_activations() -> None:
    model = HiddenActivations(classifier(activation="tanh"), layer=1).set_output(transform="pandas")
    features = model.fit_transform(NAMED, y)
    assert list(features.columns) == [f"hidden_1_{unit}" for unit in range(8)]
    inner = model.estimator_
    expected = np.tanh((X - X.mean(0)) / X.std(0) @ inner.coefs_[0] + inner.intercepts_[0])
    np.testing.assert_allclose(features, expected, rtol=1e-9)
    assert HiddenActivations(classifier()).fit(X, y).layer_ == "hidden_2"
    assert HiddenActivations(classifier(), layer="hidden_1").fit(X, y).transform(X).shape == (150, 8)
    stacked = make_pipeline(HiddenActivations(classifier(hidden=(32,), epochs=100, lr=0.01)), LogisticRegression()).fit(X, y)
    assert stacked.score(X, y) > 0.95


def test_hidden_activations_of_a_trained_network() -> None:
    trained = classifier().fit(X, y)
    features = HiddenActivations(FrozenEstimator(trained)).fit(X, y).transform(X)
    np.testing.assert_allclose(features @ trained.coefs_[-1] + trained.intercepts_[-1], trained.decision_function(X), rtol=1e-9)


@pytest.mark.parametrize(
    ("options", "layer", "message"),
    [({}, 3, "hidden_1, hidden_2"), ({}, "hiden_1", "Did you mean"), ({"hidden": ()}, None, "no hidden layer")],
)
def test_a_layer_that_is_not_there(options, layer, message) -> None:
    with pytest.raises(ValueError, match=message):
        HiddenActivations(classifier(**options), layer=layer).fit(X, y)


def test_hidden_activations_are_those_of_networks() -> None:
    with pytest.raises(ValueError, match="estimator is a LogisticRegression"):
        HiddenActivations(LogisticRegression()).fit(X, y)


# without scikit-learn


def test_without_scikit_learn_the_import_names_the_extra() -> None:
    code = (
        "import sys; sys.modules['sklearn'] = None\ntry:\n    import chainrule.estimators\nexcept ImportError as error:\n    print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "chainrule.estimators needs scikit-learn, which is not installed: pip install 'chainrule[sklearn]'."
