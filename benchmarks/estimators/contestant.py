"""The process that fits one estimator on a table, split by split, and prints what came of it: one JSON line."""

from __future__ import annotations

import json
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import pinning
from benchmarks.estimators.tables import Data, load

TEST_SHARE = 0.25


def chainrule(data: Data, seed: int) -> Any:
    """Return an estimator at its defaults, which takes the columns as they are."""
    import llvmlite.binding  # noqa: F401 - which the first fit would import

    from chainrule.estimators import NeuralNetworkClassifier, NeuralNetworkRegressor

    return (NeuralNetworkClassifier if data.classes else NeuralNetworkRegressor)(random_state=seed)


def mlp(data: Data, seed: int) -> Any:
    """Return scikit-learn's at its defaults, behind the scaling and encoding that it needs."""
    from sklearn.compose import make_column_transformer
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    text = data.X.select_dtypes(exclude="number").columns
    numbers = data.X.columns.difference(text, sort=False)
    prepared = make_column_transformer((StandardScaler(), numbers), (OneHotEncoder(handle_unknown="ignore"), text))
    return make_pipeline(prepared, (MLPClassifier if data.classes else MLPRegressor)(random_state=seed))


CONTESTANTS = {"chainrule": chainrule, "mlp": mlp}


def run(name: str, data: Data, splits: int) -> dict[str, Any]:
    """Fit on each split; return errors on test rows, the calibration errors of classes, the seconds of each ``fit``, the peak of memory."""
    from sklearn.model_selection import train_test_split

    from chainrule.training.calibration import calibration_of

    CONTESTANTS[name](data, 0)  # what is imported is not timed
    errors, calibration, seconds = [], [], []
    for seed in range(splits):
        strata = data.y if data.classes else None
        x_train, x_test, y_train, y_test = train_test_split(data.X, data.y, test_size=TEST_SHARE, random_state=seed, stratify=strata)
        model = CONTESTANTS[name](data, seed)
        start = time.perf_counter()
        model.fit(x_train, y_train)
        seconds.append(time.perf_counter() - start)
        answers = model.predict(x_test)
        errors.append(float(np.mean(answers != y_test) if data.classes else np.sqrt(np.mean((answers - y_test) ** 2))))
        if data.classes:
            calibration.append(calibration_of(np.searchsorted(model.classes_, y_test), model.predict_proba(x_test)).ece)
    return {"errors": errors, "calibration": calibration, "seconds": seconds, "memory_mb": pinning.memory()[1]}


def main() -> None:
    """Print what came of it."""
    name, table, folder, splits = sys.argv[1:]
    warnings.filterwarnings("ignore", message="Stochastic Optimizer")
    print(json.dumps(run(name, load(table, Path(folder)), int(splits))))


if __name__ == "__main__":
    main()
