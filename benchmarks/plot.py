"""The ratios as a picture: one row a workload, one mark a rival; right of the line is slower than Chainrule."""

from __future__ import annotations

from pathlib import Path

from benchmarks.measure import Result
from benchmarks.rivals import OURS, RIVALS


def draw(report: Result, path: Path) -> None:
    """Write the plot; an ImportError if Matplotlib is missing."""
    import matplotlib

    matplotlib.use("svg")
    import matplotlib.pyplot as plt

    entries = list(reversed(report["workloads"]))
    figure, axes = plt.subplots(figsize=(9, 1.5 + 0.28 * len(entries)), layout="constrained")
    for index, name in enumerate(name for name in RIVALS if name != OURS):
        points = [(entry["results"].get(name, {}).get("ratio"), row) for row, entry in enumerate(entries)]
        known = [(ratio, row) for ratio, row in points if ratio is not None]
        if known:
            ratios, rows = zip(*known, strict=True)
            axes.scatter(ratios, rows, s=28, marker="osD^vP*X<>"[index % 10], label=name)
    axes.axvline(1.0, color="black", linewidth=1)
    axes.set_xscale("log")
    axes.set_xlabel("time of the rival ÷ time of Chainrule (medians)")
    axes.set_yticks(range(len(entries)), [f"{entry['name']}, {entry['cores']}" for entry in entries])
    axes.grid(axis="x", alpha=0.3)
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
    figure.savefig(path)
    plt.close(figure)
