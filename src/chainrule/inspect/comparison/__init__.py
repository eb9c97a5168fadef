"""Runs beside each other: what was set otherwise, what came of it, and whether the difference is more than noise."""

from chainrule.inspect.comparison.comparison import Comparison, Setting, compare
from chainrule.inspect.comparison.page import comparison_html, write_comparison
from chainrule.inspect.comparison.pairs import Flips, Interval, Pair

__all__ = ["Comparison", "Flips", "Interval", "Pair", "Setting", "compare", "comparison_html", "write_comparison"]
