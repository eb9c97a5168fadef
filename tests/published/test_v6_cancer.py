"""PROBEN1's cancer1, two hidden layers of 4 and 2 units: mean test error of 20 runs by RPROP with early stopping.

Source: Prechelt, "PROBEN1: a set of neural network benchmark problems and benchmarking rules", technical report 21/94, Universität
Karlsruhe, 1994. Softsign hidden units, linear outputs, squared error, full-batch RPROP (Δ₀ U(.05, .2) for each weight, η⁺ 1.1, η⁻ .5,
Δmax 50), initial weights U(−.5, .5). The validation error is measured after every strip of 5 epochs, and training stops when

- the generalization loss GL = 100·(E_va / E_opt − 1) exceeds 5, E_opt being the lowest validation error so far, or
- the training progress over the strip, P₅ = 1000·(mean E_tr / least E_tr − 1), falls below .1, or
- 3,000 epochs are done;

the weights of the lowest validation error count. The squared error is 100·mean over rows and outputs of (o − t)².

    published       class error 1.38 ± .49 %    squared error 1.32 ± .13 %
    band                        1.0 to 2.1                    1.1 to 1.7
    reproduced                  1.49 ± .51                    1.33 ± .15        seeds 0 to 19, each of which the first rule stopped
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import chainrule as cr
from chainrule.training.state import State

pytestmark = pytest.mark.published
STRIP, LONGEST, RUNS = 5, 3000, 20


def read_cancer() -> tuple[np.ndarray, np.ndarray]:
    lines = (Path(__file__).parent / "data" / "cancer1.dt").read_text().splitlines()
    numbers = np.array([line.split() for line in lines[7:]], dtype=np.float64)
    return numbers[:, :9], numbers[:, 9:]


X, Y = read_cancer()
TRAIN, VALID, TEST = slice(0, 350), slice(350, 525), slice(525, 699)
UNIFORM = cr.nn.uniform(-0.5, 0.5)
NET = cr.nn.mlp(9, [4, 2], 2, activation="softsign", weight=UNIFORM, bias=UNIFORM)


@pytest.fixture(scope="module")
def runs() -> np.ndarray:
    """Class error and squared error of the best weights on the test rows, in percent: [runs, 2]."""
    rprop = cr.optim.rprop(eta_plus=1.1, eta_minus=0.5, smallest=0.0, largest=50.0)
    step = cr.training_step(NET, cr.losses.mse, rprop, dtype="float64")

    def squared_error(state: State, rows: slice) -> float:
        return 100 * float(cr.losses.mse(step.predict(state, X[rows]), Y[rows]))

    measured = []
    for seed in range(RUNS):
        state = step.init(seed)
        random = np.random.default_rng(seed)
        for name, array in state.optimizer.items():
            if name.endswith(".delta"):
                array[...] = random.uniform(0.05, 0.2, array.shape)
        best, lowest = state.copy(), np.inf
        progress = generalization_loss = np.nan
        while state.count < LONGEST and not (generalization_loss > 5 or progress < 0.1):
            state, losses = step.run(state, (X[TRAIN], Y[TRAIN]), steps=STRIP, batch_size=None)
            error = squared_error(state, VALID)
            if error < lowest:
                best, lowest = state.copy(), error
            generalization_loss = 100 * (error / lowest - 1)
            progress = 1000 * (losses.mean() / losses.min() - 1)
        wrong = step.predict(best, X[TEST]).argmax(axis=1) != Y[TEST].argmax(axis=1)
        measured.append((100 * wrong.mean(), squared_error(best, TEST)))
    return np.array(measured)


@pytest.mark.parametrize(("column", "name", "low", "high"), [(0, "class error", 1.0, 2.1), (1, "squared error", 1.1, 1.7)])
def test_the_mean_of_20_runs_is_within_the_band(runs: np.ndarray, column: int, name: str, low: float, high: float) -> None:
    mean, deviation = runs[:, column].mean(), runs[:, column].std(ddof=1)
    print(f"{name}: {mean:.2f} ± {deviation:.2f} %, band {low} to {high}")
    assert low <= mean <= high
