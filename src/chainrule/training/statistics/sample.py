"""What one sampled step showed, as plain data: an event of the run, and a line of its history."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

EDGES = tuple(number / 2 for number in range(-6, 7))
"""The edges between the 14 bins of a histogram, in units of the root mean square of what is counted; the outer bins are open."""

MOST_COUNTED = 1024
"""Of a larger parameter so many elements, evenly spaced, are counted in a histogram."""

MOST_UNITS = 1024
"""Layers with more units than this are told as a whole only, so that a history stays short."""


@dataclass(frozen=True)
class ParameterSample:
    """A parameter in one step.

    Attributes:
        size: its number of elements.
        weight, gradient, update: the Euclidean norms of the parameter before the step, of its gradient, and of its change.
        weights, gradients: how many elements lie in each of the 14 bins between ``EDGES`` · root mean square; of more than 1,024 elements
            so many of them, evenly spaced, are counted.
    """

    size: int
    weight: float
    gradient: float
    update: float
    weights: tuple[int, ...]
    gradients: tuple[int, ...]

    @property
    def ratio(self) -> float:
        """How far the step moved the parameter, as a share of its norm; infinite where the norm is 0 and it moved."""
        return self.update / self.weight if self.weight else float("inf") if self.update else 0.0

    def edges(self, of: str = "weight") -> list[float]:
        """Return the edges of the bins of ``weights`` or, for ``gradient``, of ``gradients`` as numbers."""
        rms = float(getattr(self, of)) / self.size**0.5
        return [edge * rms for edge in EDGES]


@dataclass(frozen=True)
class LayerSample:
    """The units of a hidden layer in one step, over the rows of its batch.

    Attributes:
        activation: the name of the operation.
        delta: the root mean square of δ, the derivative of the loss by the sums before the activation.
        sum: the root mean square of those sums; ``spread``: that of their differences from each unit's mean over the rows.
        zero: the share of activations that are exactly 0.
        flat: the share of activations where the slope is below 2 % of the activation's steepest one, so that nothing is learned there.
        units: how many there are. ``shut``: how many of them are flat in every row of the batch.
        activity: the mean absolute activation of each unit. ``open``: for each unit the share of rows in which it is not flat. Both are
            empty for layers of more than 1,024 units.
    """

    activation: str
    delta: float
    sum: float
    spread: float
    zero: float
    flat: float
    units: int
    shut: int
    activity: tuple[float, ...]
    open: tuple[float, ...]


@dataclass(frozen=True)
class StepSampled:
    """A step was sampled: the statistics of one update, whose weights are those of any other step, bit for bit.

    Attributes:
        step: the number of the update in the run, from 1. ``epoch``: from 1. ``rows``: the size of its batch.
        loss: of the batch before the update. ``loss_after``: of the same batch, with the same dropped units, after it.
        predicted: by how much the gradient says that the update lowers the loss: Σ gradient · (weight before − weight after).
        parameters, layers: by path, and by the name of the layer; layers with an activation only.
    """

    step: int
    epoch: int
    rows: int
    loss: float
    loss_after: float
    predicted: float
    parameters: Mapping[str, ParameterSample]
    layers: Mapping[str, LayerSample]

    @property
    def gained(self) -> float:
        """The share of the predicted fall of the loss that came about: near 1 for small steps, below 0 where the loss rose."""
        return (self.loss - self.loss_after) / self.predicted if self.predicted else 0.0

    def row(self) -> dict[str, Any]:
        """Return the line of the history: ``{"sampled": step, …}``, numbers with five digits."""
        whole = asdict(self)
        return {"sampled": whole.pop("step"), **_shortened(whole)}

    @classmethod
    def of_row(cls, row: Mapping[str, Any]) -> StepSampled:
        """Return the sample of a line of the history; a number that was NaN or infinite, null in JSON, is NaN."""
        parameters = {path: ParameterSample(**_restored(values)) for path, values in row["parameters"].items()}
        layers = {name: LayerSample(**_restored(values)) for name, values in row["layers"].items()}
        numbers = {name: row[name] for name in ("epoch", "rows", "loss", "loss_after", "predicted")}
        return cls(step=row["sampled"], **_restored(numbers), parameters=parameters, layers=layers)


def _shortened(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: _shortened(value) for key, value in data.items()}
    if isinstance(data, (list, tuple)):
        return [float(f"{value:.2g}") if isinstance(value, float) else value for value in data]
    return float(f"{data:.5g}") if isinstance(data, float) else data


def _restored(data: Mapping[str, Any]) -> dict[str, Any]:
    nan = float("nan")
    return {
        key: tuple(nan if item is None else item for item in value) if isinstance(value, list) else nan if value is None else value
        for key, value in data.items()
    }
