"""Forty healthy runs: different data, sizes, activations and optimizers; every second one was tuned on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import chainrule as cr
from benchmarks.diagnosis.data import arrays, raw, table
from benchmarks.diagnosis.pathologies import Case, fit, train

_o = cr.optim

_RUNS: tuple[tuple[str, Callable[[], Any]], ...] = (
    ("penguins", lambda: cr.train("penguins")),
    ("digits table", lambda: cr.train("digits", epochs=40)),
    ("concrete", lambda: cr.train("concrete", epochs=150)),
    ("iris table", lambda: train(table("iris"))),
    ("wine table", lambda: train(table("wine"))),
    ("breast cancer table, one small layer", lambda: train(table("breast_cancer"), hidden=(8,))),
    ("diabetes table", lambda: train(table("diabetes"))),
    ("friedman table, tanh", lambda: train(table("friedman"), activation="tanh", epochs=100)),
    ("waves table, gelu", lambda: train(table("waves"), activation="gelu", epochs=100)),
    ("moons table, adam", lambda: train(table("moons"), optimizer="adam", hidden=(32,))),
    ("blobs table, sgd", lambda: train(table("blobs"), optimizer="sgd", lr=0.1)),
    ("spread table, dropout", lambda: train(table("spread"), dropout=0.2)),
    ("circles table, silu", lambda: train(table("circles"), activation="silu")),
    ("penguins, rmsprop", lambda: cr.train("penguins", optimizer="rmsprop", lr=1e-3, hidden=(32, 32))),
    ("concrete, nesterov", lambda: cr.train("concrete", optimizer="nesterov", lr=0.01, epochs=150)),
    ("digits table, wide", lambda: cr.train("digits", hidden=(300,), epochs=20)),
    ("digits, sgd", lambda: fit(arrays("digits"), optimizer=_o.sgd(0.1), epochs=40)),
    ("digits as they came over 16", lambda: fit(raw("digits").with_x(raw("digits").x / 16), epochs=30)),
    ("digits, sigmoid", lambda: fit(arrays("digits"), [64], activation="sigmoid", epochs=40)),
    ("digits, three tanh layers", lambda: fit(arrays("digits"), [64] * 3, activation="tanh")),
    ("iris as it came", lambda: fit(raw("iris"), [16], lr=1e-2, epochs=60)),
    ("iris", lambda: fit(arrays("iris"), [16], lr=1e-2, epochs=60)),
    ("wine, momentum", lambda: fit(arrays("wine"), [32], optimizer=_o.momentum(0.02), epochs=40)),
    ("breast cancer, elu", lambda: fit(arrays("breast_cancer"), activation="elu", epochs=15)),
    ("breast cancer, no validation", lambda: fit(arrays("breast_cancer"), [32], valid=False, epochs=20)),
    ("diabetes, small", lambda: fit(arrays("diabetes"), [16], lr=3e-3, epochs=30)),
    ("friedman, adamw", lambda: fit(arrays("friedman"), optimizer=_o.adamw(3e-3), epochs=60)),
    ("friedman, float64", lambda: fit(arrays("friedman"), [64], dtype="float64", epochs=60, lr=1e-2)),
    ("waves, leaky relu", lambda: fit(arrays("waves"), activation="leaky_relu", epochs=80)),
    ("waves, huber", lambda: fit(arrays("waves"), loss=cr.losses.huber, epochs=80)),
    ("moons, two by sixteen", lambda: fit(arrays("moons"), [16, 16], lr=1e-2, epochs=50)),
    ("moons, binary cross-entropy", lambda: fit(
        arrays("moons").with_y(arrays("moons").y[:, None].astype("f")), network=cr.nn.mlp(2, [16, 16], 1), lr=1e-2, epochs=50,
        loss=cr.losses.binary_cross_entropy)),
    ("blobs, linear", lambda: fit(arrays("blobs"), [], lr=1e-2, epochs=30)),
    ("blobs, dropout", lambda: fit(arrays("blobs"), dropout=0.3, epochs=30)),
    ("spread, large batch", lambda: fit(arrays("spread"), batch_size=256, epochs=80)),
    ("spread, selu", lambda: fit(arrays("spread"), activation="selu", epochs=30)),
    ("circles, five layers", lambda: fit(arrays("circles"), [48] * 5, lr=1e-3, epochs=40)),
    ("circles, batch of 8", lambda: fit(arrays("circles"), batch_size=8, lr=1e-3, epochs=20)),
    ("circles, rprop", lambda: fit(arrays("circles"), [24], optimizer=_o.rprop(), batch_size=None, epochs=100)),
    ("digits, patience", lambda: fit(arrays("digits"), epochs=200, patience=15)),
)  # fmt: skip

HEALTHY: tuple[Case, ...] = tuple(Case(name, "", place % 2 == 0, make) for place, (name, make) in enumerate(_RUNS))
