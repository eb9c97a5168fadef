"""The estimators at their defaults against scikit-learn's MLPClassifier and MLPRegressor at theirs, with scaled inputs, on the same splits.

Run ``python benchmarks/estimators.py [--splits N]``. It prints one line a data set: the mean error on test rows (the share of rows that are
predicted wrongly, or the root of the mean squared error), and the time that ``fit`` took. Use a quiet machine, and set OMP_NUM_THREADS so
that both have the same number of threads.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from chainrule.estimators import NeuralNetworkClassifier, NeuralNetworkRegressor

DATA: dict[str, tuple[Callable[..., Any], bool]] = {
    "digits": (load_digits, True),
    "breast cancer": (load_breast_cancer, True),
    "wine": (load_wine, True),
    "diabetes": (load_diabetes, False),
}


def measure(make: Callable[[int], Any], X: np.ndarray, y: np.ndarray, classes: bool, splits: int) -> tuple[float, float, float]:
    """Return the mean error on test rows, its standard deviation over the splits, and the mean seconds of ``fit``."""
    errors, seconds = [], []
    for seed in range(splits):
        x_train, x_test, y_train, y_test = train_test_split(X, y, test_size=0.25, random_state=seed, stratify=y if classes else None)
        model = make(seed)
        start = time.perf_counter()
        model.fit(x_train, y_train)
        seconds.append(time.perf_counter() - start)
        wrong = model.predict(x_test) - y_test
        errors.append(np.mean(wrong != 0) if classes else np.sqrt(np.mean(wrong**2)))
    return float(np.mean(errors)), float(np.std(errors)), float(np.mean(seconds))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--splits", type=int, default=5)
    splits = parser.parse_args().splits
    warnings.filterwarnings("ignore", message="Stochastic Optimizer")
    print(f"{'data':<14} {'error':>8} {'±':>7} {'MLP':>8} {'±':>7}   {'s':>6} {'MLP s':>6} {'time':>6}")
    for name, (load, classes) in DATA.items():
        X, y = load(return_X_y=True)
        ours = NeuralNetworkClassifier if classes else NeuralNetworkRegressor
        theirs = MLPClassifier if classes else MLPRegressor
        error, spread, seconds = measure(lambda seed, make=ours: make(random_state=seed), X, y, classes, splits)
        their_error, their_spread, their_seconds = measure(
            lambda seed, make=theirs: make_pipeline(StandardScaler(), make(random_state=seed)), X, y, classes, splits
        )
        print(
            f"{name:<14} {error:8.4g} {spread:7.3g} {their_error:8.4g} {their_spread:7.3g}   "
            f"{seconds:6.2f} {their_seconds:6.2f} {seconds / their_seconds:5.1f}×",
            flush=True,
        )


if __name__ == "__main__":
    main()
