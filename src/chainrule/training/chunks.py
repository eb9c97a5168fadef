"""A function of many rows, so many at a time, on several threads; what comes out does not depend on how many there are."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, islice
from typing import TypeVar

from chainrule.backends import processors

C = TypeVar("C")
R = TypeVar("R")

_ENOUGH = 3  # chunks that are worth another thread
_MOST = 4  # threads: more would wait for each other, since Python runs between the chunks


def over_chunks(function: Callable[[C, int | None], R], chunks: Iterable[Callable[[], C]], most: int | None = None) -> list[R]:
    """Return function(chunk, threads) of each chunk, in order; ``threads`` says how many it may use itself, ``None`` what suits it.

    Args:
        function: is called on several threads.
        chunks: what makes each chunk when its turn comes; they are taken one by one, so that few exist at a time.
        most: at most so many threads.

    Raises:
        What function and chunks raise, of several errors the first in the order of the chunks; nothing is begun after one.
    """
    taken = iter(chunks)
    first = list(islice(taken, _ENOUGH))
    available = processors() if most is None else max(min(most, processors()), 1)
    threads = 1 if len(first) < _ENOUGH else min(available, _MOST)
    own = available // threads if threads > 1 or most is not None else None
    results: dict[float, R] = {}
    failed: dict[float, BaseException] = {}
    rest = enumerate(chain(first, taken))
    taking = threading.Lock()

    def work() -> None:
        while not failed:
            number = math.inf  # should there be no chunk, those that were taken come before it
            try:
                with taking:
                    number, make = next(rest, (number, None))
                if make is None:
                    return
                results[number] = function(make(), own)
            except BaseException as error:  # Ctrl-C, too
                failed[number] = error

    with ThreadPoolExecutor(threads) as pool:
        others = [pool.submit(work) for _ in range(threads - 1)]
        work()
        for other in others:
            other.result()
    if failed:
        raise failed.pop(min(failed))
    return [results[number] for number in range(len(results))]
