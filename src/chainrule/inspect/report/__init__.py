"""The report of a run: one HTML file with what was trained on what, how it went, what it is worth, and how to repeat it."""

from chainrule.inspect.report.report import report_html, write_report

__all__ = ["report_html", "write_report"]
