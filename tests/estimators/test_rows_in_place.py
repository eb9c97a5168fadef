"""A large array's rows are read where they are: no copy of them is made, and nothing else changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from chainrule import ops
from chainrule.data.encode import Encoder
from chainrule.errors import DataError, NonFiniteError
from chainrule.estimators import NeuralNetworkClassifier, NeuralNetworkRegressor, inputs

RANDOM = np.random.default_rng(0)
X = (RANDOM.normal(size=(1_200, 5)) * 4 + 2).astype(np.float32)
CLASSES = (X[:, 0] * X[:, 1] > 4).astype(np.int64)
WORDS = np.array(["no", "yes"])[CLASSES]
NUMBERS = X[:, 0] - 2 * X[:, 3] + 100
WEIGHTS = RANDOM.integers(0, 3, len(X)).astype(float)
SMALL = slice(0, 150)


@pytest.fixture(autouse=True)
def _large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inputs, "LARGE", 0)


def makes_units(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list to which the number of rows is added whenever units are made of some."""
    made: list[int] = []
    original = inputs.units_of

    def noted(encoder: Encoder, X: Any, dtype: str, rows: Any = None) -> Any:
        made.append(len(X) if rows is None else len(rows))
        return original(encoder, X, dtype, rows)

    monkeypatch.setattr(inputs, "units_of", noted)
    return made


@pytest.mark.parametrize(
    ("make", "y", "fitted"),
    [
        (NeuralNetworkClassifier, CLASSES, {}),
        (NeuralNetworkClassifier, WORDS, {"sample_weight": WEIGHTS}),
        (NeuralNetworkRegressor, NUMBERS, {"sample_weight": WEIGHTS}),
        (NeuralNetworkRegressor, np.stack([NUMBERS, X[:, 2]], axis=1), {}),
        (NeuralNetworkClassifier, CLASSES, {"X_val": X[:77], "y_val": CLASSES[:77], "sample_weight_val": WEIGHTS[:77]}),
        (NeuralNetworkRegressor, NUMBERS, {"groups": np.arange(len(X)) // 10}),
    ],
)
@pytest.mark.parametrize("rows", [slice(None), SMALL], ids=["many", "few"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_what_is_learned_is_the_same_to_the_bit(
    monkeypatch: pytest.MonkeyPatch, make: Any, y: Any, fitted: dict[str, Any], rows: slice, dtype: str
) -> None:
    given = {name: value if name.endswith("_val") else value[rows] for name, value in fitted.items()}
    given = {name: value.astype(dtype) if name == "X_val" else value for name, value in given.items()}

    def fit() -> Any:
        model = make(hidden=(7,), epochs=4, dropout=0.2, random_state=3, valid=0.1 if rows == slice(None) else "auto")
        return model.fit(X[rows].astype(dtype), y[rows], **given)

    made = makes_units(monkeypatch)
    model = fit()
    assert not made
    monkeypatch.setattr(inputs, "LARGE", 1 << 30)
    other = fit()
    assert made
    for path, array in other.state_.params.items():
        np.testing.assert_array_equal(model.state_.params[path], array)
    assert model.state_.buffers == other.state_.buffers == {}
    assert model.loss_curve_ == other.loss_curve_
    assert model.validation_curve_ == other.validation_curve_
    np.testing.assert_array_equal(model.predict(X), other.predict(X))


def test_layouts_and_files_are_read_as_they_are(tmp_path: Path) -> None:
    np.save(tmp_path / "rows.npy", X)
    fixed = X.copy()
    fixed.setflags(write=False)
    first = NeuralNetworkClassifier(epochs=2, random_state=0).fit(X, CLASSES)
    for given in (
        np.asfortranarray(X),
        fixed,
        np.load(tmp_path / "rows.npy", mmap_mode="r"),
        np.repeat(X, 2, axis=1)[:, ::2],
    ):
        model = NeuralNetworkClassifier(epochs=2, random_state=0).fit(given, CLASSES)
        np.testing.assert_array_equal(model.coefs_[0], first.coefs_[0])


def test_rows_that_cannot_be_read_as_they_are_are_encoded(monkeypatch: pytest.MonkeyPatch) -> None:
    made = makes_units(monkeypatch)
    gaps = X.copy()
    gaps[5, 2] = np.nan
    NeuralNetworkClassifier(epochs=1).fit(gaps, CLASSES)  # a unit says what is missing
    NeuralNetworkClassifier(epochs=1, dtype="float64").fit(X, CLASSES)  # the network is of another type
    NeuralNetworkClassifier(epochs=1).fit(X, CLASSES, X_val=gaps[:10], y_val=CLASSES[:10])  # the gap is in the validation rows alone
    assert made == [1_080, 120, 1_080, 120, 1_200, 10]
    far = X[:10].copy()
    far[4, 1] = 3e38
    narrow = (X * np.float32(1e-3)).astype(np.float32)
    with pytest.raises(DataError, match=r"row 4: column 1 of X holds .* too far from the training rows to be encoded"):
        NeuralNetworkClassifier(epochs=1).fit(narrow, CLASSES, X_val=far, y_val=CLASSES[:10])


def test_a_row_of_weight_0_is_not_looked_at() -> None:
    gaps, weights = X.copy(), np.ones(len(X))
    gaps[7], weights[7] = np.nan, 0
    odd = NUMBERS.copy()
    odd[7] = 1e30
    model = NeuralNetworkRegressor(epochs=2, random_state=0).fit(gaps, odd, sample_weight=weights)
    left = np.arange(len(X)) != 7
    same = NeuralNetworkRegressor(epochs=2, random_state=0).fit(X[left], NUMBERS[left])
    np.testing.assert_array_equal(model.coefs_[0], same.coefs_[0])


def test_the_row_that_a_loss_fails_on_is_one_of_x() -> None:
    odd = NUMBERS.copy()
    odd[1_111] = NUMBERS.max() + 100

    def loss(prediction: Any, y: Any) -> Any:
        return ops.mean((prediction - y) ** 2 * ops.exp(8.0 * y))  # y is standardized: its exponential is infinite in one row

    with pytest.raises(NonFiniteError, match=r"row 1111\b"):
        NeuralNetworkRegressor(epochs=1, loss=loss, valid=0.1).fit(X, odd)


def test_a_warm_start_goes_on_and_the_rest_of_the_rows_may_have_gaps() -> None:
    model = NeuralNetworkClassifier(epochs=2, random_state=0, warm_start=True).fit(X, CLASSES)
    before = model.coefs_[0].copy()
    gaps = X.copy()
    gaps[3, 3] = np.nan
    for given in (X, gaps):
        model.fit(given, CLASSES)
        assert model.state_.buffers == {}
    assert not np.array_equal(before, model.coefs_[0])
    model.partial_fit(gaps, CLASSES)
