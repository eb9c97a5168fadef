"""The course of a training: curves, gradients and updates, and how weights and gradients were spread over time."""

from __future__ import annotations

import numpy as np

from chainrule.data.measures.sampling import evenly_spaced
from chainrule.errors import OptionError, nearest
from chainrule.inspect.pictures.kinds import Lines, Raster
from chainrule.training.events import EpochEnded, History
from chainrule.training.statistics.sample import EDGES

_MOST_COLUMNS, _ROWS = 48, 28  # of a picture of histograms over time


def curve_names(history: History) -> list[str]:
    """Return what has a curve: ``loss``, and the metrics on validation rows."""
    return ["loss", *(name for name in history.epochs[-1].valid if name != "loss")] if history.epochs else []


def curve(history: History, best_epoch: int, name: str = "loss") -> Lines:
    """Return the curve of the loss, or of a metric on validation rows.

    Raises:
        OptionError: there are no epochs, or no such metric.
    """
    epochs, known = history.epochs, curve_names(history)
    if not epochs:
        raise OptionError("the run has no history: not one epoch is known of it.")
    if name not in known:
        raise OptionError(f"there is no curve of '{name}'; there are {', '.join(known)}.{nearest(name, known)}")
    xs = np.array([e.epoch for e in epochs], np.float64)
    mark = (float(best_epoch), f"best, epoch {best_epoch}") if best_epoch else None
    if name != "loss":
        values = _valid(epochs, name)
        says = f"The validation {name} goes from {values[0]:.4g} to {values[-1]:.4g}."
        return Lines({f"validation {name}": (xs, values)}, says, "epoch", name, mark=mark)
    first, last = epochs[0], epochs[-1]
    series = {"training loss": (xs, np.array([e.loss for e in epochs], np.float64))}
    says = f"The training loss goes from {first.loss:.4g} to {last.loss:.4g} in {len(epochs)} epochs"
    if "loss" in last.valid:
        series["validation loss"] = (xs, _valid(epochs, "loss"))
        best = next((e for e in epochs if e.epoch == best_epoch), last)
        says += f"; the validation loss is {best.valid['loss']:.4g} in epoch {best.epoch}, whose weights are kept"
    return Lines(series, f"{says}.", "epoch", "loss", logarithmic=True, mark=mark)


def _valid(epochs: list[EpochEnded], name: str) -> np.ndarray:
    return np.array([e.valid.get(name, np.nan) for e in epochs], np.float64)


def sampled_weights(history: History) -> list[str]:
    """Return the paths of the weights that the sampled steps tell of; of all parameters, where none is called a weight.

    Raises:
        OptionError: no step was sampled.
    """
    if not history.samples:
        raise OptionError("no step of the run was sampled: it was trained without statistics.")
    paths = list(history.samples[0].parameters)
    return [path for path in paths if path.endswith("weight")] or paths


def gradient_sizes(history: History) -> Lines:
    """Return the root mean square of the elements of each weight's gradient over the sampled steps; raises as :func:`sampled_weights`."""
    xs = np.array([sample.step for sample in history.samples], np.float64)
    sizes = {
        path: (xs, np.array([s.parameters[path].gradient / s.parameters[path].size ** 0.5 for s in history.samples]))
        for path in sampled_weights(history)
    }
    told = ", ".join(f"{path} {ys[0]:.3g} to {ys[-1]:.3g}" for path, (_, ys) in sizes.items())
    return Lines(sizes, f"The size of a gradient (root mean square of its elements) by layer: {told}.", "step", "gradient", True)


def update_ratios(history: History) -> Lines:
    """Return by what share of its norm each sampled step moves each weight; raises as :func:`sampled_weights`."""
    xs = np.array([sample.step for sample in history.samples], np.float64)
    paths = sampled_weights(history)
    ratios = {path: (xs, np.array([s.parameters[path].ratio for s in history.samples])) for path in paths}
    told = ", ".join(f"{path} {ys[-1]:.2g}" for path, (_, ys) in ratios.items())
    return Lines(ratios, f"By what share of its norm a step moves each weight; at the end {told}.", "step", "update ÷ weight", True)


def histograms(history: History, path: str, of: str = "weight") -> Raster:
    """Return how the elements of a parameter, or of its gradient, were spread: a column for each sampled step, on one scale.

    Args:
        path: ``hidden_1.weight``. ``of``: ``weight`` or ``gradient``.

    Raises:
        OptionError: as :func:`sampled_weights`, or there is no such parameter.
    """
    sampled_weights(history)
    samples = [history.samples[i] for i in evenly_spaced(len(history.samples), _MOST_COLUMNS)]
    if path not in (paths := samples[0].parameters):
        raise OptionError(f"there is no parameter '{path}'; there are {', '.join(paths)}.{nearest(path, paths)}")
    if of not in ("weight", "gradient"):
        raise OptionError(f"of is '{of}' and must be 'weight' or 'gradient'.")
    parameters = [sample.parameters[path] for sample in samples]
    sizes = np.array([getattr(p, of) / p.size**0.5 for p in parameters])
    counts = np.array([p.weights if of == "weight" else p.gradients for p in parameters], np.float64)
    known = sizes[np.isfinite(sizes) & (sizes > 0)]
    reach = EDGES[-1] * float(np.median(known)) if len(known) else 0.0
    ends = (f"step {samples[0].step:,}", f"step {samples[-1].step:,}")
    shares = np.zeros((len(parameters), _ROWS))
    if not reach:
        return Raster(shares, f"All {of}s of {path} are 0.", "step", of, ends, (0.0, 0.0))
    edges = np.linspace(-reach, reach, _ROWS + 1)
    for number, (size, own) in enumerate(zip(sizes, counts, strict=True)):
        shares[number] = _onto(edges, size, own / max(own.sum(), 1.0))
    spread = f"the root mean square goes from {sizes[0]:.3g} to {sizes[-1]:.3g}"
    says = (
        f"How the {of}s of {path} are spread over the steps: {spread}; the darker, the more of them, and what lies beyond is counted at "
        "the edges."
    )
    return Raster(shares, says, "step", of, ends, (-reach, reach))


def _onto(edges: np.ndarray, size: float, shares: np.ndarray) -> np.ndarray:
    """Spread the shares of bins, whose inner edges are ``EDGES`` · size, evenly over finer ones; outer bins are as wide as the others, and
    what lies beyond is added at the ends."""
    if not np.isfinite(size) or size <= 0:
        return np.zeros(len(edges) - 1)
    width = EDGES[1] - EDGES[0]
    bounds = np.array([EDGES[0] - width, *EDGES, EDGES[-1] + width]) * size
    whole = np.concatenate([[0.0], np.cumsum(shares)])
    inside: np.ndarray = np.interp(edges[1:-1], bounds, whole)
    return np.diff(np.concatenate([whole[:1], inside, whole[-1:]]))
