"""The tables of the comparison: those that scikit-learn brings along or generates, and files in a folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from sklearn import datasets


@dataclass(frozen=True)
class Data:
    """Columns, what is predicted from them, and whether that is a class."""

    X: pd.DataFrame
    y: Any
    classes: bool


BROUGHT_ALONG: dict[str, tuple[Callable[..., Any], bool]] = {
    "digits": (datasets.load_digits, True),
    "breast_cancer": (datasets.load_breast_cancer, True),
    "diabetes": (datasets.load_diabetes, False),
    "wine": (datasets.load_wine, True),
    "iris": (datasets.load_iris, True),
}
GENERATED: dict[str, tuple[Callable[..., Any], bool, dict[str, Any]]] = {
    "moons": (datasets.make_moons, True, {"n_samples": 2_000, "noise": 0.25}),
    "circles": (datasets.make_circles, True, {"n_samples": 600, "noise": 0.15, "factor": 0.6}),
    "hypercube": (datasets.make_classification, True, {"n_samples": 4_000, "n_features": 40, "n_informative": 12, "n_classes": 5}),
    "quantiles": (datasets.make_gaussian_quantiles, True, {"n_samples": 3_000, "n_features": 10, "n_classes": 3}),
    "friedman_1": (datasets.make_friedman1, False, {"n_samples": 1_000, "noise": 1.0}),
    "friedman_2": (datasets.make_friedman2, False, {"n_samples": 500, "noise": 50.0}),
    "friedman_3": (datasets.make_friedman3, False, {"n_samples": 5_000, "noise": 0.1}),
    "linear": (datasets.make_regression, False, {"n_samples": 400, "n_features": 50, "n_informative": 10, "noise": 20.0}),
}


@dataclass(frozen=True)
class Described:
    """A table in a file: its name, target (the last column if there is none), whether it has a header, what is left out."""

    file: str
    classes: bool
    target: str | None = None
    header: bool = True
    drop: tuple[str, ...] = ()


FILES = {
    "churn": Described("Churn_Modelling.csv.gz", True, "Exited", drop=("RowNumber", "CustomerId", "Surname")),
    "elevators": Described("elevators_data.csv.gz", False, header=False),
    "pol": Described("pol_data.csv.gz", False, header=False),
}
NAMES = (*BROUGHT_ALONG, *GENERATED, *FILES)


def load(name: str, folder: Path | None) -> Data:
    """Return a table.

    Args:
        name: one of ``NAMES``.
        folder: where the files are.

    Raises:
        FileNotFoundError: it is a file that is not there.
    """
    if name in FILES:
        told = FILES[name]
        frame = pd.read_csv((folder or Path()) / told.file, header="infer" if told.header else None)
        frame.columns = [str(column) for column in frame.columns]
        y = frame.pop(told.target or frame.columns[-1])
        return Data(frame.drop(columns=list(told.drop)), y.to_numpy(), told.classes)
    if name in BROUGHT_ALONG:
        make, classes = BROUGHT_ALONG[name]
        X, y = make(return_X_y=True)
    else:
        make, classes, options = GENERATED[name]
        X, y = make(**options, random_state=0)
    return Data(pd.DataFrame(X, columns=[f"x{number}" for number in range(X.shape[1])]), y, classes)
