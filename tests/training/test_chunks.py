"""A function of many rows, chunk by chunk: in order on any number of threads, and over at the first error."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pytest

from chainrule.errors import DataError
from chainrule.estimators import NeuralNetworkClassifier
from chainrule.training import chunks
from chainrule.training.chunks import over_chunks

Made = Callable[[], np.ndarray]


def numbers(count: int) -> list[Made]:
    return [partial(np.full, 2, number) for number in range(count)]


@pytest.mark.parametrize("threads", [1, 2, 3, 8])
@pytest.mark.parametrize("count", [1, 2, 3, 50])
def test_results_are_in_the_order_of_the_chunks(monkeypatch: pytest.MonkeyPatch, threads: int, count: int) -> None:
    monkeypatch.setattr(chunks, "processors", lambda: threads)
    assert over_chunks(lambda x, _: int(x[0]), numbers(count)) == list(range(count))


def test_work_is_shared_and_no_processor_is_promised_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunks, "processors", lambda: 8)
    together = threading.Barrier(4, timeout=60)
    seen = []

    def meet(x: np.ndarray, threads: int | None) -> None:
        seen.append(threads)
        if 0 < x[0] < 5:
            together.wait()  # which needs four threads at once

    over_chunks(meet, numbers(5))
    assert seen == [2] * 5
    assert over_chunks(lambda x, threads: (threading.get_ident(), threads), numbers(5), 1) == [(threading.get_ident(), 1)] * 5
    assert over_chunks(lambda x, threads: (threading.get_ident(), threads), numbers(2)) == [(threading.get_ident(), None)] * 2


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("bad", [0, 1, 5])
def test_an_error_is_raised_and_no_more_is_begun(monkeypatch: pytest.MonkeyPatch, threads: int, bad: int) -> None:
    monkeypatch.setattr(chunks, "processors", lambda: threads)
    begun = []

    def fail(x: np.ndarray, threads: int | None) -> None:
        begun.append(int(x[0]))
        if x[0] == bad:
            raise DataError("no such row")

    def endless() -> Iterator[Made]:
        number = 0
        while True:
            yield partial(np.full, 2, number)
            number += 1
            if number > 10_000:
                raise AssertionError("it went on")

    with pytest.raises(DataError, match="no such row"):
        over_chunks(fail, endless())
    assert bad in begun

    def broken() -> Iterator[Made]:
        yield from numbers(5)
        raise DataError("a cell cannot be read")

    with pytest.raises(DataError, match="a cell cannot be read"):
        over_chunks(lambda x, _: x, broken())


def test_the_first_of_several_errors_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunks, "processors", lambda: 2)
    for slow in (0, 1) * 10:
        together, later = threading.Barrier(2, timeout=60), threading.Event()

        def fail(x: np.ndarray, threads: int | None, slow: int = slow, together: Any = together, later: Any = later) -> None:
            together.wait()  # two have begun
            if x[0] == slow:
                later.wait(60)
            else:
                later.set()
            raise DataError(f"row {x[0]}")

        with pytest.raises(DataError, match="row 0"):
            over_chunks(fail, numbers(5))

    def broken() -> Iterator[Made]:
        yield from numbers(3)
        raise DataError("row 3")

    for _ in range(10):
        both = threading.Barrier(2, timeout=60)

        def wait(x: np.ndarray, threads: int | None, both: Any = both) -> None:
            if x[0] < 2:
                both.wait()
            elif x[0] == 2:
                raise DataError("row 2")

        with pytest.raises(DataError, match="row 2"):
            over_chunks(wait, broken())


def test_predictions_are_those_of_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(0)
    frame = pd.DataFrame({"size": generator.standard_normal(60_000), "color": generator.choice(["red", "green", "blue"], 60_000)})
    frame.loc[::7, "color"] = None
    array = generator.standard_normal((60_000, 12)).astype(np.float32)
    for X in (frame, array):
        y = np.arange(1000) % 2
        model = NeuralNetworkClassifier(epochs=1, hidden=(8,), random_state=0).fit(X[:1000], y)
        found = []
        for threads in (1, 3):
            monkeypatch.setattr(chunks, "processors", lambda threads=threads: threads)
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                found.append(model.predict_proba(X))
        np.testing.assert_array_equal(*found)
