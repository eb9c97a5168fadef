"""The names of a network's layers, in their order."""

from __future__ import annotations

from benchmarks.workloads import Workload


def layer_names(workload: Workload) -> list[str]:
    """Return ``hidden_1``, ``hidden_2`` …, ``output``."""
    return [*(f"hidden_{number}" for number in range(1, len(workload.widths) - 1)), "output"]
