"""The set of sick and healthy runs: a few of them here, all of them with the published results."""

from __future__ import annotations

import pytest

import chainrule as cr
from benchmarks.diagnosis.__main__ import main
from benchmarks.diagnosis.healthy import HEALTHY
from benchmarks.diagnosis.pathologies import PATHOLOGIES
from chainrule.inspect.diagnosis.codes import CODES

FEW = ("bias of −8 in layer 2, spread", "Adam at 1e-7, friedman", "SGD at 10, friedman", "all weights .1, waves", "one site, wine table")
FINE = ("iris", "wine table", "moons, two by sixteen")


def test_each_code_is_there_on_two_data_sets_one_of_them_held_out():
    halves = {(case.code, case.tuned) for case in PATHOLOGIES}
    assert len(PATHOLOGIES) == len(halves) == 2 * len(CODES)
    assert {case.code for case in PATHOLOGIES} == set(CODES)
    assert len(HEALTHY) == 40
    assert sum(case.tuned for case in HEALTHY) == 20


@pytest.mark.parametrize("case", [case for case in PATHOLOGIES if case.name in FEW], ids=lambda case: case.name)
def test_a_sick_run_is_named(case):
    assert cr.diagnose(case.make()).findings[0].code == case.code


@pytest.mark.parametrize("case", [case for case in HEALTHY if case.name in FINE], ids=lambda case: case.name)
def test_a_healthy_run_is_silent(case):
    assert cr.diagnose(case.make()).findings == ()


@pytest.mark.published
def test_nine_of_ten_are_named_and_two_of_forty_are_false_alarms_at_most():
    assert main([]) == 0
