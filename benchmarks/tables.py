"""The tables of the estimators' benchmark: those that are reported, and those that the defaults were chosen by.

The files are looked for in ``--data`` or ``CHAINRULE_DATA``: ``tabular/`` with Churn_Modelling, elevators and pol, ``proben1/``, ``monks/``
and ``uci/``. A table whose file is not there is left out and named; scikit-learn's own need no file.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sklearn import datasets
from sklearn.model_selection import train_test_split

Rows = tuple[Any, Any]


@dataclass(frozen=True)
class Table:
    """A table: how X and y are made, and whether y holds classes. ``split`` returns train and test rows for a seed."""

    load: Callable[[], Rows]
    classes: bool
    split: Callable[[Any, Any, int, bool], tuple[Any, Any, Any, Any]]


def quarter(X: Any, y: Any, seed: int, classes: bool) -> tuple[Any, Any, Any, Any]:
    """Hold out a quarter of the rows, with the classes' proportions."""
    parts: tuple[Any, Any, Any, Any] = train_test_split(X, y, test_size=0.25, random_state=seed, stratify=y if classes else None)
    return parts


def reported(data: Path) -> dict[str, Table]:
    """Return the tables whose figures are reported. No default was chosen by them."""
    return {
        "digits": Table(lambda: datasets.load_digits(return_X_y=True), True, quarter),
        "breast cancer": Table(lambda: datasets.load_breast_cancer(return_X_y=True), True, quarter),
        "diabetes": Table(lambda: datasets.load_diabetes(return_X_y=True), False, quarter),
        "churn": Table(lambda: churn(data / "tabular" / "Churn_Modelling.csv.gz"), True, quarter),
        "elevators": Table(lambda: numbers(data / "tabular" / "elevators_data.csv.gz"), False, quarter),
    }


def others(data: Path) -> dict[str, Table]:
    """Return the tables that the defaults were chosen by."""
    make = {
        "iris": (lambda: datasets.load_iris(return_X_y=True), True),
        "wine": (lambda: datasets.load_wine(return_X_y=True), True),
        "moons": (lambda: datasets.make_moons(400, noise=0.25, random_state=1), True),
        "classes 500": (lambda: datasets.make_classification(500, 20, n_informative=8, n_classes=3, flip_y=0.05, random_state=1), True),
        "classes 5000": (lambda: datasets.make_classification(5000, 30, n_informative=12, n_classes=4, flip_y=0.05, random_state=2), True),
        "hastie": (lambda: datasets.make_hastie_10_2(3000, random_state=1), True),
        "friedman 300": (lambda: datasets.make_friedman1(300, noise=1.0, random_state=1), False),
        "friedman 4000": (lambda: datasets.make_friedman1(4000, noise=1.0, random_state=2), False),
        "friedman 3": (lambda: datasets.make_friedman3(800, noise=0.1, random_state=1), False),
        "linear": (lambda: datasets.make_regression(300, 15, n_informative=6, noise=40.0, random_state=1), False),
        "concrete": (lambda: uci(data / "uci" / "concrete"), False),
        "energy": (lambda: uci(data / "uci" / "energy"), False),
        "pol": (lambda: numbers(data / "tabular" / "pol_data.csv.gz"), False),
        **{name: (lambda name=name: proben1(data / "proben1" / f"{name}.dt"), True) for name in ("card1", "gene1", "glass1", "heart1", "soybean2")},
        **{name: (lambda name=name: monks(data / "monks", name), True) for name in ("monks-1", "monks-2", "monks-3")},
    }
    return {name: Table(load, classes, given if name.startswith("monks") else quarter) for name, (load, classes) in make.items()}


def given(X: Any, y: Any, seed: int, classes: bool) -> tuple[Any, Any, Any, Any]:
    """Return the split that a table came with, which ``X`` says in its last column: 1 for training."""
    train = X[:, -1] == 1
    return X[train, :-1], X[~train, :-1], y[train], y[~train]


def numbers(path: Path) -> Rows:
    """Read a file of numbers; y is its last column."""
    table = np.loadtxt(path, delimiter=",")
    return table[:, :-1], table[:, -1]


def churn(path: Path) -> Rows:
    """Read Churn_Modelling as a data frame, without its identifiers."""
    import pandas as pd

    frame = pd.read_csv(path).drop(columns=["RowNumber", "CustomerId", "Surname"])
    return frame.drop(columns="Exited"), frame["Exited"].to_numpy()


def uci(folder: Path) -> Rows:
    """Read a table of Gal's experiments."""
    table = np.loadtxt(folder / "data" / "data.txt")
    features = np.loadtxt(folder / "data" / "index_features.txt", dtype=int)
    return table[:, features], table[:, int(np.loadtxt(folder / "data" / "index_target.txt"))]


def proben1(path: Path) -> Rows:
    """Read a classification of PROBEN1: its header says how many columns are inputs."""
    lines = path.read_text().splitlines()
    head = {name: int(value) for name, value in (line.split("=") for line in lines[:7])}
    table = np.array([line.split() for line in lines[7:]], float)
    inputs = head["bool_in"] + head["real_in"]
    return table[:, :inputs], table[:, inputs:].argmax(axis=1)


def monks(folder: Path, name: str) -> Rows:
    """Read one of the MONK's problems, its attributes as one input a value."""
    parts = []
    for side in ("train", "test"):
        text = (folder / f"{name}.{side}").read_text().split("@data")[1]
        rows = np.array([line.split(",") for line in text.split()], int)
        parts.append(np.column_stack([rows, np.full(len(rows), side == "train")]))
    table = np.concatenate(parts)
    one_hot = [table[:, [column]] == np.unique(table[:, column]) for column in range(1, 7)]
    return np.column_stack([*one_hot, table[:, -1]]).astype(float), table[:, 0]
