"""The schedules against PyTorch's and against their formulas."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from chainrule import optim
from chainrule.errors import OptionError
from chainrule.optim import SCHEDULES, Schedule
from optim.driving import Drive

LR = 0.3


def rates(schedule: Schedule | None, steps: int) -> np.ndarray:
    """The rate of each step is what is subtracted where the gradient is 1."""
    drive = Drive(optim.sgd(LR, schedule=schedule), {"w": np.zeros(1)})
    return np.array([drive.step({"w": np.ones(1)})["w"][0] for _ in range(steps)])


def torch_rates(make: Callable[[torch.optim.Optimizer], Any], steps: int) -> np.ndarray:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=LR)
    scheduler = make(optimizer)
    found = []
    for number in range(steps):
        found.append(scheduler.get_last_lr()[0])
        optimizer.step()
        if number < steps - 1:
            scheduler.step()
    return np.array(found)


lr = torch.optim.lr_scheduler


@pytest.mark.parametrize(
    ("ours", "theirs", "steps"),
    [
        (optim.step(7, 0.3), lambda o: lr.StepLR(o, 7, 0.3), 60),
        (optim.step(1), lambda o: lr.StepLR(o, 1, 0.1), 8),
        (optim.exponential(0.93), lambda o: lr.ExponentialLR(o, 0.93), 100),
        (optim.cosine(50), lambda o: lr.CosineAnnealingLR(o, 50), 51),
        (optim.cosine(40, 0.1), lambda o: lr.CosineAnnealingLR(o, 40, eta_min=0.1 * LR), 41),
        (optim.one_cycle(100), lambda o: lr.OneCycleLR(o, LR, total_steps=100, cycle_momentum=False), 100),
        (
            optim.one_cycle(77, rise=0.45, start=0.1, final=0.001),
            lambda o: lr.OneCycleLR(o, LR, total_steps=77, pct_start=0.45, div_factor=10, final_div_factor=100, cycle_momentum=False),
            77,
        ),
        (optim.constant(), lambda o: lr.ConstantLR(o, 1.0), 5),
    ],
)
def test_the_rate_is_pytorchs(ours: Schedule, theirs: Callable[..., Any], steps: int) -> None:
    np.testing.assert_allclose(rates(ours, steps), torch_rates(theirs, steps), rtol=1e-12, atol=1e-15)


def test_no_schedule_is_a_constant_rate() -> None:
    assert rates(None, 4).tolist() == [LR] * 4


def test_a_warm_up_rises_in_equal_steps_and_stays() -> None:
    np.testing.assert_allclose(rates(optim.warm_up(4), 7), LR * np.array([0.25, 0.5, 0.75, 1, 1, 1, 1]), rtol=1e-14)
    np.testing.assert_allclose(rates(optim.warm_up(1), 3), LR, rtol=1e-14)


def test_after_a_warm_up_the_next_schedule_begins_at_its_beginning() -> None:
    for then in (optim.step(2, 0.5), optim.exponential(0.9), optim.cosine(6), optim.one_cycle(10)):
        alone = rates(then, 8)
        both = rates(optim.warm_up(5, then), 13)
        np.testing.assert_allclose(both[5:], alone, rtol=1e-14)
        np.testing.assert_allclose(both[:5], alone[0] * np.arange(1, 6) / 5, rtol=1e-14)


def test_after_their_end_cosine_and_one_cycle_stay() -> None:
    np.testing.assert_allclose(rates(optim.cosine(5, 0.25), 12)[5:], 0.25 * LR, rtol=1e-14)
    np.testing.assert_allclose(rates(optim.one_cycle(10, final=0.01), 20)[9:], 0.01 * LR, rtol=1e-14)


def test_the_highest_rate_of_a_cycle_is_the_rate() -> None:
    found = rates(optim.one_cycle(50, rise=0.2), 50)
    assert found.argmax() == 9
    assert math.isclose(found.max(), LR, rel_tol=1e-14)
    assert math.isclose(found[0], 0.04 * LR, rel_tol=1e-14)


def test_every_rule_with_a_rate_follows_a_schedule() -> None:
    for name, make in optim.OPTIMIZERS.items():
        if name == "rprop":
            continue
        plain, slowed = Drive(make(0.1), {"w": np.ones((2, 2))}), Drive(make(0.1, schedule=optim.exponential(0.5)), {"w": np.ones((2, 2))})
        for number in range(4):
            a, b = plain.step({"w": np.full((2, 2), 0.3)}), slowed.step({"w": np.full((2, 2), 0.3)})
            slowed.params = plain.params
            np.testing.assert_allclose(b["w"], a["w"] * 0.5**number, rtol=1e-13)


BAD = [-1, 0, float("nan"), float("inf"), "5", None, True]


@pytest.mark.parametrize(
    "make",
    [
        optim.step,
        lambda v: optim.step(3, v),
        optim.exponential,
        optim.cosine,
        optim.warm_up,
        optim.one_cycle,
        lambda v: optim.one_cycle(100, v),
        lambda v: optim.one_cycle(100, final=v or -1),
        lambda v: optim.cosine(100, v or -1),
    ],
)
def test_a_bad_number_is_refused_in_one_sentence(make: Callable[[Any], Any]) -> None:
    for value in BAD:
        with pytest.raises(OptionError) as caught:
            make(value)
        assert str(caught.value).endswith(".")
        assert ". " not in str(caught.value)


def test_a_cycle_without_room_to_rise_is_refused() -> None:
    with pytest.raises(OptionError, match=r"3 steps and rise 0\.3 has no step to rise in"):
        optim.one_cycle(3)


def test_two_values_of_one_name_are_refused() -> None:
    with pytest.raises(OptionError, match="'warm_up_steps' would have two values"):
        optim.warm_up(5, optim.warm_up(5))


def test_every_schedule_is_known_by_its_name() -> None:
    made = {"step": (5,), "exponential": (0.9,), "cosine": (5,), "warm_up": (5,), "one_cycle": (50,)}
    assert {name: SCHEDULES[name](*made.get(name, ())).name for name in SCHEDULES} == {name: name for name in SCHEDULES}
    assert optim.warm_up(5, optim.cosine(9)).name == "warm_up → cosine"
