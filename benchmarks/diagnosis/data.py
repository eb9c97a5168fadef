"""The data sets of the cases: arrays with standardized inputs, split into training and validation rows, and tables."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import pandas as pd
from sklearn import datasets


@dataclass(frozen=True)
class Arrays:
    """Rows x, y, of which the first ``train`` are for training; ``classes`` is 0 for a quantity."""

    x: np.ndarray
    y: np.ndarray
    classes: int
    train: int

    @property
    def rows(self) -> tuple[np.ndarray, np.ndarray]:
        """The training rows."""
        return self.x[: self.train], self.y[: self.train]

    @property
    def valid(self) -> tuple[np.ndarray, np.ndarray]:
        """The validation rows."""
        return self.x[self.train :], self.y[self.train :]

    def with_x(self, x: np.ndarray) -> Arrays:
        """Return the rows with other inputs."""
        return replace(self, x=x.astype(np.float32))

    def with_y(self, y: np.ndarray) -> Arrays:
        """Return the rows with another target."""
        return replace(self, y=y)

    def first(self, rows: int) -> Arrays:
        """Return the rows with so many for training only."""
        return replace(self, x=np.r_[self.x[:rows], self.valid[0]], y=np.r_[self.y[:rows], self.valid[1]], train=rows)


def _friedman() -> tuple[np.ndarray, np.ndarray]:
    return datasets.make_friedman1(1200, 8, noise=0.5, random_state=0)


def _waves() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(4)
    x = random.uniform(-2, 2, (1500, 4))
    return x, np.sin(3 * x[:, 0]) + x[:, 1] * x[:, 2] + 0.1 * random.normal(size=1500)


def _circles() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(5)
    x = random.normal(size=(1600, 6))
    return x, (np.square(x[:, :3]).sum(axis=1) > 2.4).astype(int)


_LOADERS: dict[str, Callable[[], tuple[np.ndarray, np.ndarray]]] = {
    "digits": lambda: datasets.load_digits(return_X_y=True),
    "breast_cancer": lambda: datasets.load_breast_cancer(return_X_y=True),
    "wine": lambda: datasets.load_wine(return_X_y=True),
    "iris": lambda: datasets.load_iris(return_X_y=True),
    "diabetes": lambda: datasets.load_diabetes(return_X_y=True),
    "moons": lambda: datasets.make_moons(1000, noise=0.15, random_state=1),
    "blobs": lambda: datasets.make_blobs(1200, 10, centers=5, cluster_std=2.5, random_state=2),
    "spread": lambda: datasets.make_classification(2000, 20, n_informative=10, n_classes=3, class_sep=1.5, flip_y=0, random_state=3),
    "friedman": _friedman,
    "waves": _waves,
    "circles": _circles,
}


@lru_cache
def arrays(name: str) -> Arrays:
    """Return a data set, shuffled, 70 % of it for training, inputs and quantities standardized by the training rows."""
    x, y = _LOADERS[name]()
    order = np.random.default_rng(0).permutation(len(x))
    x, y, train = x[order], y[order], int(0.7 * len(x))
    quantity = name in ("diabetes", "friedman", "waves")
    scale = x[:train].std(axis=0)
    x = (x - x[:train].mean(axis=0)) / np.where(scale > 0, scale, 1)
    if quantity:
        y = ((y - y[:train].mean()) / y[:train].std())[:, None].astype(np.float32)
    return Arrays(x.astype(np.float32), y, 0 if quantity else int(y.max()) + 1, train)


def raw(name: str) -> Arrays:
    """Return a data set as it came: inputs and quantities in their own units."""
    x, y = _LOADERS[name]()
    order = np.random.default_rng(0).permutation(len(x))
    quantity = name in ("diabetes", "friedman", "waves")
    goal = y[order][:, None].astype(np.float32) if quantity else y[order]
    return Arrays(x[order].astype(np.float32), goal, 0 if quantity else int(y.max()) + 1, int(0.7 * len(x)))


def table(name: str) -> pd.DataFrame:
    """Return a data set as a table whose last column is ``target``; quantities in their own units, classes as words."""
    x, y = _LOADERS[name]()
    frame = pd.DataFrame(x, columns=[f"{name}_{'abcdefghijklmnopqrstuvwxyz'[i % 26]}{i // 26 or ''}" for i in range(x.shape[1])])
    frame["target"] = y if name in ("diabetes", "friedman", "waves") else [f"class {label}" for label in y]
    return frame.sample(frac=1, random_state=0).reset_index(drop=True)
