"""scikit-learn's MLPClassifier on its digits, by four optimizers: the same numbers, epoch by epoch.

Source: scikit-learn's example "Compare Stochastic learning strategies for MLPClassifier", with random_state=0: a 64-100-10 ReLU network
on the digits scaled to 0 … 1, 15 epochs in batches of 200, L2 penalty 1e-4, which prints

    SGD, rate .2                score .956038   loss .243802
    momentum .9, rate .2        score .992766   loss .041297
    Nesterov .9, rate .2        score .993879   loss .042898
    Adam, rate .01              score .991653   loss .045934

Reproduced: all losses to 6 digits, all scores, and each of the 15 losses and all weights of scikit-learn run beside it, to 1e-12.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import MinMaxScaler

import chainrule as cr
from chainrule import ops, optim

pytestmark = pytest.mark.published
EPOCHS, BATCH, ALPHA = 15, 200, 1e-4
Drawn = tuple[dict[str, np.ndarray], list[np.ndarray]]


def digits() -> tuple[np.ndarray, np.ndarray]:
    x, y = load_digits(return_X_y=True)
    return MinMaxScaler().fit_transform(x), y


def drawn_as_scikit_learn_does(rows: int, seed: int = 0) -> Drawn:
    """Return the initial weights, U(±√(6 / (inputs + outputs))) layer by layer, and the order of the rows of each epoch, each a shuffle
    of the one before."""
    random = np.random.RandomState(seed)
    params = {}
    for layer, (inputs, outputs) in {"hidden_1": (64, 100), "output": (100, 10)}.items():
        bound = np.sqrt(6 / (inputs + outputs))
        params[f"{layer}.weight"] = random.uniform(-bound, bound, (inputs, outputs))
        params[f"{layer}.bias"] = random.uniform(-bound, bound, outputs)
    orders = [np.arange(rows)]
    for _ in range(EPOCHS):
        places = np.arange(rows)
        random.shuffle(places)
        orders.append(orders[-1][places])
    return params, orders[1:]


def l2(params: Any, rows: Any) -> Any:
    return 0.5 * ALPHA * sum(ops.sum(array * array) for path, array in params.items() if path.endswith("weight")) / rows


def epsilon_of(optimizer: str, update: int) -> dict[str, float]:
    """scikit-learn adds ε to √v, before the correction (Kingma and Ba 2015, the end of section 2): in terms of √v̂ it is ε / √(1 − β₂ᵗ)."""
    return {"epsilon": 1e-8 / np.sqrt(1 - 0.999**update)} if optimizer == "adam" else {}


CASES = {
    "sgd": (optim.sgd(0.2), {"solver": "sgd", "learning_rate_init": 0.2, "momentum": 0}, 0.956038, 0.243802),
    "momentum": (
        optim.momentum(0.2, 0.9),
        {"solver": "sgd", "learning_rate_init": 0.2, "momentum": 0.9, "nesterovs_momentum": False},
        0.992766,
        0.041297,
    ),
    "nesterov": (
        optim.nesterov(0.2, 0.9),
        {"solver": "sgd", "learning_rate_init": 0.2, "momentum": 0.9, "nesterovs_momentum": True},
        0.993879,
        0.042898,
    ),
    "adam": (optim.adam(0.01), {"solver": "adam", "learning_rate_init": 0.01}, 0.991653, 0.045934),
}


@pytest.mark.parametrize("name", CASES)
def test_the_losses_and_scores_are_the_published_ones(name: str) -> None:
    optimizer, options, published_score, published_loss = CASES[name]
    x, y = digits()
    params, orders = drawn_as_scikit_learn_does(len(x))
    network = cr.nn.mlp(64, [100], 10, activation="relu")
    step = cr.training_step(network, cr.losses.cross_entropy, optimizer, dtype="float64", penalty=l2)
    state = step.init(params=params)
    per_epoch = -(-len(x) // BATCH)
    rows = np.array([BATCH] * (per_epoch - 1) + [len(x) - BATCH * (per_epoch - 1)])
    losses = np.empty((EPOCHS, per_epoch))
    for update in range(EPOCHS * per_epoch):
        state.hyper |= epsilon_of(name, update + 1)
        state, losses.flat[update : update + 1] = step.run(state, (x, y), steps=1, batch_size=BATCH, order=orders.__getitem__)
    curve = losses @ rows / len(x)
    score = float((step.predict(state, x).argmax(axis=1) == y).mean())
    print(f"{name}: score {score:.6f}, loss {curve[-1]:.6f}; published {published_score}, {published_loss}")
    assert abs(curve[-1] - published_loss) < 1e-5
    assert f"{score:.6f}" == f"{published_score:.6f}"

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        theirs = MLPClassifier((100,), alpha=ALPHA, random_state=0, max_iter=EPOCHS, **options).fit(x, y)
    np.testing.assert_allclose(curve, theirs.loss_curve_, rtol=1e-12)
    assert score == theirs.score(x, y)
    for layer, weight, bias in zip(("hidden_1", "output"), theirs.coefs_, theirs.intercepts_, strict=True):
        np.testing.assert_allclose(state.params[f"{layer}.weight"], weight, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(state.params[f"{layer}.bias"], bias, rtol=1e-9, atol=1e-12)
