"""Prediction of many rows in batches of the size that is fastest for a rival."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

Predict = Callable[[np.ndarray], np.ndarray]
_SIZES = (64, 256, 1024, 4096, 16384)
_TRIAL_ROWS = 65536


def calls(predict: Predict, x: np.ndarray, batch: int, in_batches: bool) -> Callable[[], np.ndarray]:
    """Return a function that predicts x, in calls of ``batch`` rows or in batches of the best size, and returns the last predictions."""
    if in_batches:
        size = _best_size(predict, x[:_TRIAL_ROWS])
        return lambda: _predict_in(size, predict, x)
    parts = [x[first : first + batch] for first in range(0, len(x), batch)]

    def run() -> np.ndarray:
        for rows in parts:
            prediction = predict(rows)
        return prediction

    return run


def _predict_in(size: int, predict: Predict, x: np.ndarray) -> np.ndarray:
    first = predict(x[:size])
    out = np.empty((len(x), *first.shape[1:]), first.dtype)
    out[:size] = first
    for start in range(size, len(x), size):
        out[start : start + size] = predict(x[start : start + size])
    return out


def _best_size(predict: Predict, x: np.ndarray) -> int:
    def seconds(size: int) -> float:
        _predict_in(size, predict, x)
        best = np.inf
        for _ in range(3):
            start = time.perf_counter()
            _predict_in(size, predict, x)
            best = min(best, time.perf_counter() - start)
        return float(best)

    return min(_SIZES, key=seconds)
