"""A model's answers as a table: ``prediction``, and ``probability_CLASS`` for each class."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from chainrule.data.target import Target


def answer_frame(target: Target, predictions: np.ndarray, outputs: np.ndarray | None = None) -> pl.DataFrame:
    """Return the column ``prediction`` and, with the probabilities ``outputs`` (rows, classes), one for each class."""
    columns = [pl.Series("prediction", predictions.tolist())]
    if outputs is not None:
        columns += [pl.Series(f"probability_{spelled_class(label)}", outputs[:, place]) for place, label in enumerate(target.classes)]
    return pl.DataFrame(columns)


def spelled_class(label: Any) -> str:
    """Return how a class is written in the name of a column or a key of JSON."""
    return str(label).lower() if isinstance(label, bool) else str(label)
