"""What training a table's owner would do by hand is worth: how well calibrated probabilities are, with and without a temperature.

Run ``python -m benchmarks.tables [FILE --target COLUMN] [--seeds N]``: on that table or, without one, on classifications that scikit-learn
brings along. It prints one line a table: mean and standard deviation over seeds (of split, weights and order of rows) of the expected
calibration error and of the log-loss on test rows, as trained and at the temperature that was fitted to validation rows.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

import numpy as np
import polars as pl
from sklearn import datasets

import chainrule as cr

BROUGHT_ALONG = {
    "breast cancer": datasets.load_breast_cancer,
    "wine": datasets.load_wine,
    "iris": datasets.load_iris,
}
BUNDLED = ("penguins", "digits")


def tables() -> Iterator[tuple[str, Any, str | None]]:
    """Yield names, tables and targets."""
    for name in BUNDLED:
        yield name, name, None
    for name, load in BROUGHT_ALONG.items():
        X, y = load(return_X_y=True)
        yield name, pl.DataFrame({f"x{number}": column for number, column in enumerate(X.T)} | {"y": y.astype(str)}), "y"


def measure(data: Any, target: str | None, seed: int) -> np.ndarray:
    """Return calibration error and log-loss on the test rows, as trained and calibrated [2, 2]."""
    found = []
    for calibrate in (False, True):
        events: list[Any] = []
        model = cr.train(data, target, seed=seed, calibrate=calibrate, on_event=events.append)
        test = events[0].prepared.test
        assessed = model.assess(test.table)
        found.append((np.mean([table.ece for table in assessed.calibration.values()]), assessed.metrics["log_loss"]))
    return np.array(found)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="?")
    parser.add_argument("--target")
    parser.add_argument("--seeds", type=int, default=5)
    asked = parser.parse_args()
    print(f"{'data':<24} {'ECE as trained':>17} {'calibrated':>17} {'log-loss':>17} {'calibrated':>17}")
    for name, data, target in [(asked.data, asked.data, asked.target)] if asked.data else tables():
        each = np.array([measure(data, target, seed) for seed in range(asked.seeds)])
        cells = [f"{each[:, i, j].mean():.4f} ± {each[:, i, j].std():.4f}" for j in (0, 1) for i in (0, 1)]
        print(f"{name[-24:]:<24} {' '.join(f'{cell:>17}' for cell in cells)}", flush=True)


if __name__ == "__main__":
    main()
