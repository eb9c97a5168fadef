"""The rivals by name, each in its own module that is imported only in the process that times it."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol

from benchmarks.data import Arrays, Data
from benchmarks.workloads import Workload


class Runner(Protocol):
    """What is timed."""

    def reset(self, epoch: int) -> None:
        """Return to the initial weights, before an epoch whose order of rows is ``data.orders[epoch]``; not timed."""

    def run(self) -> None:
        """Train for one epoch, or predict all rows, and return only when the results are there."""

    def outcome(self) -> Arrays:
        """Return the weights by path, as Chainrule lays them out, or ``{"prediction": …}``."""


class NotOfferedError(Exception):
    """A rival cannot do a workload; the message says why."""


@dataclass(frozen=True)
class Rival:
    """A library in one of the ways to use it.

    Attributes:
        name: in tables.
        module: the module that has its ``make(variant, workload, data, cores)``.
        variant: what ``make`` is given.
        trains: whether it stands in the table of training.
        predicts: whether it stands in the table of prediction.
        many_rows_only: whether it makes sense only for calls with many rows.
        caches: whether it keeps compiled code on disk, so that a second process compiles less.
    """

    name: str
    module: str
    variant: str = ""
    trains: bool = True
    predicts: bool = True
    many_rows_only: bool = False
    caches: bool = False

    def takes(self, workload: Workload) -> bool:
        """Whether this rival is timed on a workload."""
        return (self.predicts and (workload.batch > 1 or not self.many_rows_only)) if workload.predicts else self.trains

    def load(self) -> Any:
        """Import the rival's module and with it the library; an ImportError if that is missing."""
        return import_module(f"benchmarks.{self.module}")

    def make(self, workload: Workload, data: Data, cores: int) -> Runner:
        """Return what is timed; a NotOfferedError if the library cannot do the workload."""
        runner: Runner = self.load().make(self.variant, workload, data, cores)
        return runner


OURS = "chainrule"
_TORCH, _JAX, _ONNX = "rivals.torch", "rivals.jax", "rivals.onnxruntime"
RIVALS: dict[str, Rival] = {
    rival.name: rival
    for rival in (
        Rival(OURS, "ours", caches=True),
        Rival("torch", _TORCH, "eager"),
        Rival("torch fused", _TORCH, "fused", predicts=False),
        Rival("torch compile", _TORCH, "compile", caches=True),
        Rival("torch compile fused", _TORCH, "compile fused", predicts=False, caches=True),
        Rival("torch in batches", _TORCH, "batches", trains=False, many_rows_only=True),
        Rival("jax jit", _JAX, "jit"),
        Rival("jax scan", _JAX, "scan", predicts=False),
        Rival("scikit-learn", "rivals.sklearn", predicts=False),
        Rival("onnxruntime", _ONNX, "", trains=False),
        Rival("onnxruntime in batches", _ONNX, "batches", trains=False, many_rows_only=True),
    )
}
