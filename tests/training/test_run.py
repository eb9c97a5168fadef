"""Whole epochs: a run is the same however it is cut, and uses the rows in the order that it says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import chainrule as cr
from chainrule import optim
from chainrule.data.batches import permutation
from chainrule.errors import OptionError
from chainrule.training.state import State

RANDOM = np.random.default_rng(21)
X, LABELS, W = RANDOM.normal(size=(23, 4)), RANDOM.integers(0, 3, 23), RANDOM.uniform(0.5, 2.0, 23)

RULES: dict[str, Any] = {
    "sgd": lambda schedule: optim.sgd(0.1, schedule=schedule),
    "momentum": lambda schedule: optim.momentum(0.1, schedule=schedule),
    "nesterov": lambda schedule: optim.nesterov(0.1, schedule=schedule),
    "rmsprop": lambda schedule: optim.rmsprop(0.01, schedule=schedule),
    "adam": lambda schedule: optim.adam(0.01, schedule=schedule),
    "adamw": lambda schedule: optim.adamw(0.01, schedule=schedule),
    "rprop": lambda schedule: optim.rprop(0.01),
    "chain": lambda schedule: optim.chain(optim.clip_by_norm(0.5), optim.weight_decay(0.1), optim.adam(0.01, schedule=schedule)),
}
SCHEDULES: dict[str, Any] = {
    "none": None,
    "step": optim.step(3),
    "exponential": optim.exponential(0.9),
    "cosine": optim.cosine(10),
    "warm_up": optim.warm_up(5, optim.cosine(10)),
    "one_cycle": optim.one_cycle(12),
}


def classifier(rule: str = "adam", schedule: str = "none", dropout: float = 0.3) -> Any:
    network = cr.nn.mlp(4, [6, 5], 3, dropout=dropout)
    return cr.training_step(network, cr.losses.cross_entropy, RULES[rule](SCHEDULES[schedule]))


def bits(state: State) -> dict[str, bytes]:
    arrays = {**state.params, **state.optimizer, **state.buffers}
    return {name: array.tobytes() for name, array in arrays.items()} | {
        "": repr((state.seed, state.epoch, state.step, state.count)).encode()
    }


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("rule", RULES)
def test_two_epochs_are_one_and_one(rule: str, schedule: str) -> None:
    step = classifier(rule, schedule)
    data = (X, LABELS, W)
    whole, losses = step.run(step.init(seed=2), data, epochs=2, batch_size=5)
    first, before = step.run(step.init(seed=2), data, epochs=1, batch_size=5)
    second, after = step.run(first, data, epochs=1, batch_size=5)
    assert bits(whole) == bits(second)
    assert losses.tobytes() == np.concatenate([before, after]).tobytes()
    assert (whole.epoch, whole.step, whole.count, len(losses)) == (2, 0, 10, 10)


@settings(max_examples=40)
@given(
    cuts=st.lists(st.integers(0, 9), min_size=1, max_size=8),
    batch_size=st.sampled_from([None, 1, 4, 5, 7, 22, 23, 24, 1000]),
    weighted=st.booleans(),
    rule=st.sampled_from(sorted(RULES)),
    shuffle=st.booleans(),
)
def test_a_run_is_the_same_however_it_is_sliced(cuts: list[int], batch_size: int | None, weighted: bool, rule: str, shuffle: bool) -> None:
    step = STEPS[rule]
    data = (X, LABELS, W) if weighted else (X, LABELS)
    whole, losses = step.run(step.init(seed=7), data, steps=sum(cuts), batch_size=batch_size, shuffle=shuffle)
    state, parts = step.init(seed=7), []
    for cut in cuts:
        state, part = step.run(state, data, steps=cut, batch_size=batch_size, shuffle=shuffle)
        parts.append(part)
    assert bits(whole) == bits(state)
    assert losses.tobytes() == np.concatenate(parts).tobytes()
    assert state.count == sum(cuts) == state.epoch * -(-23 // (batch_size or 23)) + state.step


STEPS = {rule: classifier(rule, "cosine") for rule in RULES}


def test_epochs_count_the_one_that_was_begun() -> None:
    step = classifier()
    state, _ = step.run(step.init(), (X, LABELS), steps=3, batch_size=5)
    state, losses = step.run(state, (X, LABELS), epochs=1, batch_size=5)
    assert (state.epoch, state.step, len(losses)) == (1, 0, 2)


def test_every_row_is_used_once_an_epoch_and_the_last_batch_is_ragged() -> None:
    seen: list[list[int]] = []
    start = {"a": np.ones((1, 1))}
    step = cr.training_step(lambda p, x: x @ p["a"], cr.losses.mse, cr.optim.sgd(1e-9), params=start, x="f64[B,1]", backend="reference")
    inner = step._step

    def watch(state: Any, batch: Any, rows: Any = None) -> Any:
        seen.append(batch["x"].ravel().astype(int).tolist())
        return inner(state, batch, rows)

    step._step = watch
    rows = np.arange(23.0)[:, None]
    step.run(step.init(seed=9), (rows, rows), epochs=2, batch_size=5)
    assert [len(batch) for batch in seen] == [5, 5, 5, 5, 3] * 2
    epochs = [[row for batch in part for row in batch] for part in (seen[:5], seen[5:])]
    assert epochs == [permutation(9, epoch, 23).tolist() for epoch in range(2)]
    assert sorted(epochs[0]) == list(range(23)) and epochs[0] != epochs[1]


def test_the_order_of_rows_can_be_given_and_is_asked_for_once_an_epoch() -> None:
    step = classifier(dropout=0.0)
    asked = []

    def order(epoch: int) -> np.ndarray:
        asked.append(epoch)
        return permutation(5, epoch, 23)

    given, losses = step.run(step.init(), (X, LABELS), epochs=3, batch_size=4, order=order)
    shuffled, same_losses = step.run(step.init(), (X, LABELS), epochs=3, batch_size=4, seed=5)
    assert asked == [0, 1, 2]
    assert losses.tobytes() == same_losses.tobytes()
    assert given.params["output.weight"].tobytes() == shuffled.params["output.weight"].tobytes()
    assert (given.seed, shuffled.seed) == (0, 5)


def test_without_shuffle_the_rows_come_as_they_are() -> None:
    step = classifier(dropout=0.0)
    plain, losses = step.run(step.init(), (X, LABELS), epochs=2, batch_size=4, shuffle=False)
    given, same_losses = step.run(step.init(), (X, LABELS), epochs=2, batch_size=4, order=lambda epoch: np.arange(23))
    assert bits(plain) == bits(given) and losses.tobytes() == same_losses.tobytes()


def test_a_run_of_one_full_batch_is_a_step() -> None:
    step = classifier(dropout=0.0)
    by_run, losses = step.run(step.init(), (X, LABELS), batch_size=None, shuffle=False)
    by_step, loss = step(step.init(), X, LABELS)
    assert losses.tolist() == [loss]
    assert all(np.array_equal(by_run.params[path], by_step.params[path]) for path in by_step.params)


def test_the_seed_moves_dropout_and_the_order() -> None:
    data = (X, LABELS)
    for step, options in ((classifier(), {"shuffle": False}), (classifier(dropout=0.0), {})):
        start = step.init(seed=1).params
        ends = [step.run(step.init(params=start), data, seed=seed, batch_size=4, **options)[1] for seed in (1, 1, 2)]
        assert ends[0].tobytes() == ends[1].tobytes() != ends[2].tobytes()


def test_dropout_differs_between_epochs_and_steps() -> None:
    step = classifier("sgd")
    state = step.init()
    state.hyper["lr"] = 0.0
    _, losses = step.run(state, (X, LABELS), epochs=4, batch_size=None, shuffle=False)
    assert len(set(losses.tolist())) == 4


def test_hyper_parameters_are_read_from_the_state_and_recompile_nothing() -> None:
    step = classifier("sgd", dropout=0.0)
    compiled = step.compiled(step.signature)
    state = step.init()
    state.hyper["lr"], state.rate_scale = 0.02, 5.0
    slow, _ = step.run(state, (X, LABELS), epochs=2)
    fast, _ = step.run(step.init(), (X, LABELS), epochs=2)
    np.testing.assert_allclose(slow.params["output.weight"], fast.params["output.weight"], rtol=1e-6)
    assert step.compiled(step.signature) is compiled


def test_a_state_that_stands_in_another_epoch_is_refused() -> None:
    step = classifier()
    state, _ = step.run(step.init(), (X, LABELS), steps=4, batch_size=5)
    with pytest.raises(OptionError, match="stands after step 4 of an epoch of 1"):
        step.run(state, (X, LABELS), batch_size=None)


@pytest.mark.parametrize("threads", [None, 1, 2, 64])
def test_threads_change_nothing(threads: int | None) -> None:
    step = classifier()
    assert bits(step.run(step.init(), (X, LABELS), threads=threads)[0]) == bits(step.run(step.init(), (X, LABELS))[0])
