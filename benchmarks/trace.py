"""How long it takes to trace a training step, and to answer for one number of it: ``python -m benchmarks.trace``.

A 784-300-10 network, cross-entropy, Adam, 128 rows, float32. The machine code of the traced step is made before, and kept on disk.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

import chainrule as cr

REPEATS = 15


def milliseconds(work: Callable[[], object]) -> tuple[float, float]:
    """Return the shortest and the middle of some times."""
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        work()
        times.append((time.perf_counter() - start) * 1e3)
    return min(times), sorted(times)[REPEATS // 2]


def main() -> None:
    """Measure and print."""
    generator = np.random.default_rng(0)
    step = cr.training_step(cr.nn.mlp(784, [300], 10), cr.losses.cross_entropy, cr.optim.adam())
    batch = generator.normal(size=(128, 784)).astype(np.float32), generator.integers(0, 10, 128)
    state = step.init(seed=0)

    def trace() -> cr.inspect.StepTrace:
        found = cr.inspect.trace_training_step(step, state, batch)
        assert found.quantities
        return found

    def show(name: str, work: Callable[[], object]) -> None:
        least, middle = milliseconds(work)
        print(f"{name:<58}{least:8.2f} ms at best, {middle:8.2f} ms in the middle")

    traced = trace()
    show("trace of 784-300-10 on 128 rows", trace)
    show("its arrays with their statistics", lambda: list(traced.iterate(depth="layer")))
    show("one sum of 784 products, with its partial sums", lambda: traced.scalar("hidden_1.sum", 3, 5).summation)
    show("one gradient of 128 products, with its partial sums", lambda: traced.scalar("d_hidden_1.weight", 400, 5).summation)
    show("the same sum, with the name of each factor", lambda: list(traced.scalar("hidden_1.sum", 3, 5).operands()))


if __name__ == "__main__":
    main()
