"""Forty-four runs with something wrong: each code on two data sets, the one tuned on, the other held out."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import chainrule as cr
from benchmarks.diagnosis.data import Arrays, arrays, raw, table


@dataclass(frozen=True)
class Case:
    """A run: its name, the code that is wrong with it (empty: healthy), whether the rules were tuned on it, and how it is made."""

    name: str
    code: str
    tuned: bool
    make: Callable[[], Any]


def fit(
    d: Arrays, hidden: Any = (64, 64), *, lr: float = 3e-3, activation: Any = "relu", epochs: int = 30, optimizer: Any = None,
    start: Any = None, loss: Any = None, network: Any = None, valid: bool = True, seed: int = 0, dropout: float = 0.0, **more: Any,
) -> Any:  # fmt: skip
    """Train on arrays; ``start`` changes the initial weights. A run that diverges in its first epoch is returned all the same."""
    outputs = d.classes or 1
    net = network or cr.nn.mlp(d.x.shape[1], list(hidden), outputs, activation=activation, dropout=dropout)
    loss = loss or (cr.losses.cross_entropy if d.classes else cr.losses.mse)
    params = net.init(seed)
    if start is not None:
        params = start(params)
    given = {"validation": d.valid} if valid else {}
    optimizer = optimizer or cr.optim.adam(lr)
    return quietly(lambda: cr.fit(net, d.rows, loss=loss, optimizer=optimizer, epochs=epochs, seed=seed, params=params, **given, **more))


def quietly(run: Callable[[], Any]) -> Any:
    """Run without warnings; return the error of a run that diverged at once."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return run()
        except cr.errors.NonFiniteError as error:
            return error


def train(frame: Any, target: str = "target", **options: Any) -> Any:
    """Train on a table."""
    return quietly(lambda: cr.train(frame, target, **{"hidden": (64, 64), "epochs": 60, **options}))


def scaled(factor: float, only: str = "weight") -> Callable[[Any], Any]:
    """Return what makes all initial weights larger or smaller."""
    return lambda params: {path: array * np.float32(factor) if path.endswith(only) else array for path, array in params.items()}


def filled(value: float) -> Callable[[Any], Any]:
    """Return what makes all initial weights one number."""
    return lambda params: {path: np.full_like(array, value) for path, array in params.items()}


def shifted(path: str, value: float) -> Callable[[Any], Any]:
    """Return what adds a number to one parameter."""
    return lambda params: {name: array + np.float32(value) if name == path else array for name, array in params.items()}


def noisy(d: Arrays, share: float, seed: int = 0) -> Arrays:
    """Give a share of the rows another label, or another row's target."""
    random = np.random.default_rng(seed)
    wrong = random.random(len(d.y)) < share
    y = d.y.copy()
    y[wrong] = (y[wrong] + random.integers(1, d.classes, wrong.sum())) % d.classes if d.classes else random.permutation(y[wrong])
    return d.with_y(y)


def rare(d: Arrays, one: int, kept: float) -> Arrays:
    """Take most rows of a class away."""
    random = np.random.default_rng(0)
    stays = (d.y != one) | (random.random(len(d.y)) < kept)
    return Arrays(d.x[stays], d.y[stays], d.classes, int(stays[: d.train].sum()))


def doubled(d: Arrays, share: float) -> Arrays:
    """Put copies of training rows in place of validation rows."""
    x, y = d.x.copy(), d.y.copy()
    number = int(share * (len(x) - d.train))
    x[d.train : d.train + number], y[d.train : d.train + number] = x[:number], y[:number]
    return Arrays(x, y, d.classes, d.train)


def with_column(d: Arrays, column: Any) -> Arrays:
    """Add a column."""
    return d.with_x(np.column_stack([d.x, column]))


def leaking(frame: Any, noise: float = 0.0) -> Any:
    """Add a column that is the target in other words."""
    frame = frame.copy()
    values = frame["target"]
    if values.dtype == object or str(values.dtype) in ("str", "string"):
        codes = values.astype("category").cat.codes
        frame.insert(1, "outcome_code", codes * 10 + 3)
    else:
        frame.insert(1, "final_amount", values * 1.2 + 5 + noise * values.std() * np.random.default_rng(0).normal(size=len(values)))
    return frame


def _double_softmax(inputs: int, outputs: int) -> Any:
    return cr.nn.Sequential({"hidden_1": cr.nn.Dense(inputs, 64, "relu"), "output": cr.nn.Dense(64, outputs, cr.ops.softmax)})


def _constant_frame(name: str) -> Any:
    frame = table(name)
    frame.insert(2, "site", "A")
    return frame


def _twin_frame(name: str) -> Any:
    frame = table(name)
    frame.insert(3, "again", frame.iloc[:, 1] * 2.54)
    return frame


def _repeated_frame(name: str) -> Any:
    frame = table(name)
    return frame.sample(frac=1.6, replace=True, random_state=1).reset_index(drop=True)


def _tail_frame() -> Any:
    frame = table("friedman")
    frame["target"] = np.exp(1.2 * frame["target"])
    return frame


def _rows(name: str, rows: int) -> Any:
    return table(name).iloc[:rows]


def _random_labels(d: Arrays) -> Arrays:
    return d.with_y(np.random.default_rng(1).permutation(d.y))


_NORMAL = cr.nn.normal

PATHOLOGIES: tuple[Case, ...] = (
    Case("bias of −30 under relu, digits", "dead_units", True, lambda: fit(arrays("digits"), start=shifted("hidden_1.bias", -30))),
    Case("bias of −8 in layer 2, spread", "dead_units", False, lambda: fit(arrays("spread"), start=shifted("hidden_2.bias", -8))),
    Case("tanh, weights × 30, circles", "saturated_units", True, lambda: fit(arrays("circles"), activation="tanh", start=scaled(30))),
    Case("sigmoid, weights × 40, breast cancer", "saturated_units", False,
         lambda: fit(arrays("breast_cancer"), activation="sigmoid", start=scaled(40))),
    Case("ten sigmoid layers, digits", "vanishing_gradients", True, lambda: fit(arrays("digits"), [32] * 10, activation="sigmoid")),
    Case("twelve sigmoid layers, penguins", "vanishing_gradients", False,
         lambda: train("penguins", None, hidden=(24,) * 12, activation="sigmoid")),
    Case("ten layers, weights × 3, digits", "exploding_gradients", True,
         lambda: fit(arrays("digits"), [64] * 10, start=scaled(3), optimizer=cr.optim.sgd(1e-3))),
    Case("eight layers of N(0, .5²), friedman", "exploding_gradients", False,
         lambda: fit(arrays("friedman"), network=cr.nn.mlp(8, [64] * 8, 1, weight=_NORMAL(0.5)), optimizer=cr.optim.adam(1e-3))),
    Case("Adam at .5, digits", "rate_too_high", True, lambda: fit(arrays("digits"), lr=0.5)),
    Case("Adam at .3 with tanh, friedman", "rate_too_high", False, lambda: fit(arrays("friedman"), lr=0.3, activation="tanh")),
    Case("SGD at 1e-5, digits", "rate_too_low", True, lambda: fit(arrays("digits"), optimizer=cr.optim.sgd(1e-5))),
    Case("Adam at 1e-7, friedman", "rate_too_low", False, lambda: fit(arrays("friedman"), lr=1e-7)),
    Case("rate falls to nothing in 10 steps, waves", "plateau", True,
         lambda: fit(arrays("waves"), optimizer=cr.optim.adam(1e-3, schedule=cr.optim.cosine(10)), epochs=20)),
    Case("rate falls to nothing in 10 steps, circles", "plateau", False,
         lambda: fit(arrays("circles"), optimizer=cr.optim.sgd(1e-2, schedule=cr.optim.cosine(10)), epochs=20)),
    Case("SGD at 10, friedman", "diverged", True, lambda: fit(arrays("friedman"), optimizer=cr.optim.sgd(10.0))),
    Case("momentum at 5, diabetes", "diverged", False, lambda: fit(arrays("diabetes"), optimizer=cr.optim.momentum(5.0))),
    Case("40 rows, 400 epochs, diabetes", "overfitting", True,
         lambda: fit(arrays("diabetes").first(40), (256, 256), epochs=400, batch_size=8)),
    Case("30 rows, no decay, circles", "overfitting", False,
         lambda: fit(arrays("circles").first(30), (256, 256), epochs=400, batch_size=8)),
    Case("one hidden unit, digits", "underfitting", True, lambda: fit(arrays("digits"), [1], lr=1e-2)),
    Case("one hidden unit, blobs", "underfitting", False, lambda: fit(arrays("blobs"), [1], lr=1e-2)),
    Case("all rows a step, digits", "batch_size", True, lambda: fit(arrays("digits"), lr=1e-3, batch_size=None, epochs=15)),
    Case("all rows a step, friedman", "batch_size", False, lambda: fit(arrays("friedman"), lr=1e-3, batch_size=None, epochs=12)),
    Case("two epochs, wine", "epochs", True, lambda: fit(arrays("wine"), epochs=2, lr=1e-3)),
    Case("one epoch, diabetes table", "epochs", False, lambda: train(table("diabetes"), epochs=1, lr=1e-3)),
    Case("raw inputs, wine", "unscaled_inputs", True, lambda: fit(raw("wine"))),
    Case("raw inputs, breast cancer", "unscaled_inputs", False, lambda: fit(raw("breast_cancer"), lr=1e-3)),
    Case("a column of 7, friedman", "constant_feature", True,
         lambda: fit(with_column(arrays("friedman"), np.full(1200, 7.0)), epochs=60)),
    Case("one site, wine table", "constant_feature", False, lambda: train(_constant_frame("wine"))),
    Case("a column twice, spread", "duplicate_features", True,
         lambda: fit(with_column(arrays("spread"), arrays("spread").x[:, 4]))),
    Case("inches and centimeters, breast cancer table", "duplicate_features", False, lambda: train(_twin_frame("breast_cancer"))),
    Case("raw target, diabetes", "target_scale", True,
         lambda: fit(arrays("diabetes").with_y(raw("diabetes").y), epochs=40)),
    Case("the exponential of a quantity, friedman table", "target_scale", False, lambda: train(_tail_frame())),
    Case("2 % of a class, circles", "class_imbalance", True, lambda: fit(rare(arrays("circles"), 1, 0.03), epochs=30)),
    Case("4 % of a class, breast cancer table", "class_imbalance", False,
         lambda: train(table("breast_cancer").pipe(lambda f: f[(f.target != "class 0") | (np.arange(len(f)) % 14 == 0)]))),
    Case("30 % wrong labels, digits", "label_noise", True, lambda: fit(noisy(arrays("digits"), 0.3))),
    Case("25 % wrong labels, blobs", "label_noise", False, lambda: fit(noisy(arrays("blobs"), 0.25))),
    Case("the class in other numbers, wine table", "leakage", True, lambda: train(leaking(table("wine")))),
    Case("the amount with noise, diabetes table", "leakage", False, lambda: train(leaking(table("diabetes"), 0.02))),
    Case("zeros, digits", "bad_initialization", True, lambda: fit(arrays("digits"), start=filled(0.0))),
    Case("all weights .1, waves", "bad_initialization", False, lambda: fit(arrays("waves"), start=filled(0.1))),
    Case("softmax before cross-entropy, digits", "wrong_loss", True,
         lambda: fit(arrays("digits"), network=_double_softmax(64, 10))),
    Case("squared error on class numbers, wine", "wrong_loss", False,
         lambda: fit(Arrays(arrays("wine").x, arrays("wine").y[:, None].astype("f"), 0, arrays("wine").train))),
    Case("copies of training rows, spread", "duplicate_rows", True, lambda: fit(doubled(arrays("spread"), 0.4))),
    Case("drawn with replacement, diabetes table", "duplicate_rows", False, lambda: train(_repeated_frame("diabetes"))),
)  # fmt: skip
