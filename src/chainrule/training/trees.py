"""Gradient-boosted trees, the third baseline, where scikit-learn is installed.

They grow in a process of their own while the network trains: loading scikit-learn alone takes as long as training a small network.
"""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import AbstractContextManager, nullcontext
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

_GIVEN, _ANSWER = "given.npz", "answer.npy"


def installed() -> bool:
    """Say whether scikit-learn is there."""
    return find_spec("sklearn") is not None


def trees(wanted: bool) -> AbstractContextManager[Trees | None]:
    """Return a process in which trees can grow, for a ``with`` block; nothing where they are not wanted or cannot be had."""
    return Trees() if wanted and installed() else nullcontext()


class Trees:
    """Trees that grow in another process, one table at a time, until they are asked for their answers. Used in a ``with`` block."""

    def __init__(self) -> None:
        self._folder = TemporaryDirectory(prefix="chainrule-trees-")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "chainrule.training.trees", self._folder.name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},  # the network has the other cores
            process_group=0,  # Ctrl-C is for the training, which ends this process too
        )

    def __enter__(self) -> Trees:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self._process.kill()
        self._process.communicate()
        self._folder.cleanup()

    def grow(
        self,
        task: str,
        x: NDArray[Any],
        y: NDArray[Any],
        x_test: NDArray[Any],
        classes: int,
        weights: NDArray[Any] | None,
        counted: bool = False,
    ) -> None:
        """Begin to grow trees; :meth:`predictions` waits for them.

        Args:
            task: ``classification`` or ``regression``.
            x, x_test: encoded inputs (rows, units). y: class indices below ``classes``, or numbers (rows,).
            weights: how much each training row counts, or ``None``.
            counted: whether numbers are counts, whose rate is grown.
        """
        counts, known = np.ones(len(y)) if weights is None else weights, classes if task == "classification" else 0
        np.savez(Path(self._folder.name) / _GIVEN, x=x, y=y, x_test=x_test, counts=counts, classes=known, counted=counted)
        assert self._process.stdin is not None  # it is a pipe
        try:
            self._process.stdin.write("grow\n")
            self._process.stdin.flush()
        except BrokenPipeError:  # it could not start, which is seen when it is asked
            return

    def predictions(self) -> NDArray[np.floating[Any]] | None:
        """Wait for the trees, and return what they predict for the test rows: values (rows,) or probabilities (rows, classes).

        ``None`` where they could not be grown.
        """
        assert self._process.stdout is not None  # it is a pipe
        if self._process.stdout.readline().strip() != "grown":
            return None
        answer: NDArray[np.floating[Any]] = np.load(Path(self._folder.name) / _ANSWER)
        return answer


def grow(
    x: NDArray[Any], y: NDArray[Any], x_test: NDArray[Any], counts: NDArray[Any], classes: int, counted: bool
) -> NDArray[np.floating[Any]]:
    """Return what scikit-learn's histogram gradient boosting, at its defaults, predicts; 0 ``classes`` mean regression, of counts where
    they are ``counted``."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    there = np.flatnonzero(counts > 0)
    x, y, counts = x[there], y[there], counts[there]
    if not classes:
        loss = "poisson" if counted else "squared_error"
        values: NDArray[np.floating[Any]] = HistGradientBoostingRegressor(loss=loss, random_state=0).fit(x, y, counts).predict(x_test)
        return values
    present, rows = np.unique(y, return_counts=True)
    answer = np.zeros((len(x_test), classes))
    if len(present) < 2:
        answer[:, present] = 1.0
    else:
        early = "auto" if rows.min() > 1 else False  # its own validation rows are stratified, which takes two rows of each class
        trees = HistGradientBoostingClassifier(random_state=0, early_stopping=early).fit(x, y, counts)
        answer[:, present] = trees.predict_proba(x_test)
    return answer


def _main(folder: Path) -> None:
    sys.modules["pandas"] = None  # type: ignore[assignment] # not to be imported: scikit-learn loads it for data frames, and gets arrays
    import sklearn.ensemble  # noqa: F401 - while there is nothing to do yet

    del sys.modules["pandas"]
    for _ in sys.stdin:
        with np.load(folder / _GIVEN) as given:
            answer = grow(given["x"], given["y"], given["x_test"], given["counts"], int(given["classes"]), bool(given["counted"]))
        np.save(folder / _ANSWER, answer)
        print("grown", flush=True)


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
