"""The interval of a difference says which run is better only where it leaves 0 out, whichever way the metric counts."""

from __future__ import annotations

import pytest

from chainrule.inspect.comparison.pairs import Interval, Pair


@pytest.mark.parametrize(
    ("greater", "low", "high", "better"),
    [
        (True, 0.01, 0.05, "second"),
        (True, -0.05, -0.01, "first"),
        (False, 0.01, 0.05, "first"),
        (False, -0.05, -0.01, "second"),
        (True, -0.02, 0.03, ""),
        (False, -0.02, 0.03, ""),
        (True, 0.0, 0.0, ""),
    ],
)
def test_a_difference_is_sure_where_its_interval_leaves_0_out(greater, low, high, better):
    interval = Interval("metric", greater, 0.9, 0.9 + (low + high) / 2, low, high)
    assert (interval.better, interval.sure) == (better, bool(better))
    verdict = Pair("a", "b", 200, (), interval).verdict
    assert verdict.startswith({"first": "b is worse than a", "second": "b is better than a", "": "b cannot be told from a"}[better])


def test_few_rows_are_told():
    assert "so few rows can hardly tell" in Pair("a", "b", 20, (), Interval("metric", True, 0.5, 0.6, -0.1, 0.3)).verdict
