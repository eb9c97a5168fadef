"""The pictures of a run with matplotlib: ``run.plot.curves()``, and one for each other picture of the report."""

from chainrule.inspect.plots.plots import Plots, plots_of

__all__ = ["Plots", "plots_of"]
