"""The part of a report that looks at the course of the training: curves, gradients, and how weights and gradients were spread over time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from chainrule.data.measures.sampling import evenly_spaced
from chainrule.inspect.report.charts import COLORS, line_chart, number_text, raster
from chainrule.inspect.report.page import figure, part, section, sentence
from chainrule.training.events import EpochEnded, History
from chainrule.training.statistics.sample import EDGES, StepSampled

_MOST_COLUMNS = 48  # of a picture of histograms over time


def course_sections(history: History, best_epoch: int) -> Iterator[str]:
    """Yield the sections that the history gives: none without one."""
    if history.epochs:
        yield section("The course of the training", _curves(history.epochs, best_epoch))
    if history.samples:
        yield section("Gradients and weights over time", _inside(history.samples))


def _curves(epochs: list[EpochEnded], best_epoch: int) -> str:
    xs = np.array([e.epoch for e in epochs], np.float64)
    series = {"training loss": (xs, np.array([e.loss for e in epochs], np.float64))}
    if "loss" in epochs[-1].valid:
        series["validation loss"] = (xs, _valid(epochs, "loss"))
    first, last = epochs[0], epochs[-1]
    says = f"The training loss goes from {first.loss:.4g} to {last.loss:.4g} in {len(epochs)} epochs"
    if "validation loss" in series:
        best = next((e for e in epochs if e.epoch == best_epoch), last)
        says += f"; the validation loss is {best.valid['loss']:.4g} in epoch {best.epoch}, whose weights are kept"
    mark = (float(best_epoch), f"best, epoch {best_epoch}") if best_epoch else None
    parts = [figure(line_chart(series, f"{says}.", x="epoch", y="loss", logarithmic=True, mark=mark), f"{says}.")]
    for name in (name for name in last.valid if name != "loss"):
        values = _valid(epochs, name)
        told = f"The validation {name} goes from {values[0]:.4g} to {values[-1]:.4g}."
        parts.append(figure(line_chart({f"validation {name}": (xs, values)}, told, x="epoch", y=name, mark=mark), told))
    return "".join(parts)


def _valid(epochs: list[EpochEnded], name: str) -> np.ndarray:
    return np.array([e.valid.get(name, np.nan) for e in epochs], np.float64)


def _inside(samples: list[StepSampled]) -> str:
    weights = [path for path in samples[0].parameters if path.endswith("weight")] or list(samples[0].parameters)
    xs = np.array([sample.step for sample in samples], np.float64)
    norms = {path: (xs, np.array([s.parameters[path].gradient / s.parameters[path].size ** 0.5 for s in samples])) for path in weights}
    ratios = {path: (xs, np.array([s.parameters[path].ratio for s in samples])) for path in weights}
    said = f"{len(samples)} steps were sampled, from step {samples[0].step:,} to {samples[-1].step:,}."
    told = [f"{path} {ys[0]:.3g} to {ys[-1]:.3g}" for path, (_, ys) in norms.items()]
    last = [f"{path} {ys[-1]:.2g}" for path, (_, ys) in ratios.items()]
    parts = [
        sentence(said),
        _by_sixes(norms, "gradient", f"The size of a gradient (root mean square of its elements) by layer: {', '.join(told)}."),
        _by_sixes(ratios, "update ÷ weight", f"By what share of its norm a step moves each weight; at the end {', '.join(last)}."),
    ]
    shown = evenly_spaced(len(samples), _MOST_COLUMNS)
    ends = (f"step {samples[0].step:,}", f"step {samples[-1].step:,}")
    for path in weights:
        parts.append(part(path, "".join(_histograms([samples[i] for i in shown], path, of, ends) for of in ("weight", "gradient"))))
    return "".join(parts)


def _by_sixes(series: dict[str, tuple[np.ndarray, np.ndarray]], y: str, says: str) -> str:
    """Return line charts of at most so many series as there are colors."""
    names = list(series)
    groups = [names[at : at + COLORS] for at in range(0, len(names), COLORS)]
    charts = [line_chart({name: series[name] for name in group}, says, x="step", y=y, logarithmic=True) for group in groups]
    return figure("".join(charts), says)


def _histograms(samples: list[StepSampled], path: str, of: str, ends: tuple[str, str]) -> str:
    """Return how the elements of a parameter were spread, a column for each sampled step, on one scale: that of the widest of them."""
    parameters = [sample.parameters[path] for sample in samples]
    sizes = np.array([getattr(p, of) / p.size**0.5 for p in parameters])
    counts = np.array([p.weights if of == "weight" else p.gradients for p in parameters], np.float64)
    reach = EDGES[-1] * float(sizes[np.isfinite(sizes)].max(initial=0.0))
    if not reach:
        return sentence(f"All {of}s of {path} are 0.")
    rows = 28
    edges = np.linspace(-reach, reach, rows + 1)
    shares = np.zeros((len(parameters), rows))
    for number, (size, own) in enumerate(zip(sizes, counts, strict=True)):
        shares[number] = _onto(edges, size, own / max(own.sum(), 1.0))
    spread = f"the root mean square goes from {sizes[0]:.3g} to {sizes[-1]:.3g}"
    says = f"How the {of}s of {path} are spread over the steps: {spread}; the darker, the more of them."
    chart = raster(shares, says, x="step", y=of, x_ends=ends, y_ends=(number_text(-reach), number_text(reach)))
    return figure(chart, says)


def _onto(edges: np.ndarray, size: float, shares: np.ndarray) -> np.ndarray:
    """Spread the shares of bins, whose inner edges are ``EDGES`` · size, evenly over finer ones; outer bins are as wide as the others."""
    if not np.isfinite(size) or size <= 0:
        return np.zeros(len(edges) - 1)
    width = EDGES[1] - EDGES[0]
    bounds = np.array([EDGES[0] - width, *EDGES, EDGES[-1] + width]) * size
    cumulated: np.ndarray = np.interp(edges, bounds, np.concatenate([[0.0], np.cumsum(shares)]))
    return np.diff(cumulated)
