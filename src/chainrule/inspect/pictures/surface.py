"""The loss over two weights, with the path that a run took."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from chainrule.data.measures.sampling import evenly_spaced
from chainrule.errors import OptionError
from chainrule.inspect.pictures.kinds import Floats, Surface
from chainrule.inspect.reading.recording import Index
from chainrule.inspect.step.trace import StepTrace
from chainrule.training.events import History
from chainrule.training.loop import Settings, measure
from chainrule.training.replay import Replayed, largest_difference, replay
from chainrule.training.state import State
from chainrule.training.step import Batch, TrainingStep

_MARGIN = 0.35  # of the path's extent, around it


@dataclass(frozen=True)
class Course:
    """A run whose steps can be taken again: its step, where it began, on what and how; what is known of it; the weights it kept."""

    step: TrainingStep
    start: State
    data: Batch
    settings: Settings
    history: History
    best_epoch: int
    best: State
    input_names: Sequence[str] | None = None
    output_names: Sequence[str] | None = None


def surface(course: Course, weight_a: str, weight_b: str, *, points: int, rows: int) -> Surface:
    """Return the loss on the plane of two weights, and the path of a run on it.

    Args:
        course: the run. ``weight_a``, ``weight_b``: ``hidden_1.weight[age,3]``.
        points: so many values of each weight. ``rows``: the loss is the mean over at most so many training rows, evenly spaced.

    Raises:
        OptionError: there is no such weight, both are the same, the run has finished no epoch, or a number is out of range.
    """
    if not course.history.epochs:
        raise OptionError("the run has finished no epoch: there is no path to draw.")
    if points < 2 or rows < 1:
        raise OptionError(f"points is {points} and rows is {rows}; there must be at least 2 points and 1 row.")
    (path_a, index_a, name_a), (path_b, index_b, name_b) = (_named(course, weight) for weight in (weight_a, weight_b))
    if name_a == name_b:
        raise OptionError(f"both weights are {name_a}; name two different ones.")

    def look(state: State) -> tuple[float, float]:
        return float(state.params[path_a][index_a]), float(state.params[path_b][index_b])

    taken = replay(course.step, course.start, course.data, course.settings, course.history, course.best_epoch, look)
    path = np.array(taken.seen, np.float64)
    chosen = evenly_spaced(len(course.data[1]), rows)
    some = course.data if len(chosen) == len(course.data[1]) else _rows(course.data, chosen)
    xs, ys = (np.linspace(*_ends(path[:, side]), points) for side in (0, 1))
    losses = np.empty((points, points))
    state = taken.best.copy()
    for i, y in enumerate(ys):
        for j, x in enumerate(xs):
            state.params[path_a][index_a], state.params[path_b][index_b] = x, y
            losses[i, j] = measure(course.step, state, some, {})["loss"]
    return Surface(xs, ys, losses, path, taken.at, name_a, name_b, _loss(course, len(chosen)), _says(course, taken, name_a, name_b))


def _named(course: Course, weight: str) -> tuple[str, Index, str]:
    """Return the path, the index and the full name of a weight; a step of one row knows all names."""
    batch = {name: array[:1] for name, array in course.step.batch(course.data).items()}
    trace = StepTrace(
        course.step.program_for(batch),
        course.start,
        batch,
        input_names=course.input_names,
        output_names=course.output_names,
        source="exact",
    )
    path, index = trace.find_weight(weight)
    return path, index, trace.parameter_name(path, index)


def _rows(data: Batch, chosen: np.ndarray) -> Batch:
    x, *others = data
    picked = {name: np.asarray(array)[chosen] for name, array in x.items()} if isinstance(x, dict) else np.asarray(x)[chosen]
    return (picked, *(None if array is None else np.asarray(array)[chosen] for array in others))


def _ends(values: Floats) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    margin = _MARGIN * (high - low) or max(abs(high), 1.0)
    return low - margin, high + margin


def _loss(course: Course, rows: int) -> str:
    count = len(course.data[1])
    of = f"all {count:,}" if rows == count else f"{rows:,} of {count:,}"
    return f"mean loss of {of} training rows"


def _says(course: Course, taken: Replayed, name_a: str, name_b: str) -> str:
    epoch = course.best_epoch or len(course.history.epochs)
    off = largest_difference(taken.best, replace(taken.best, params=course.best.params))
    exactly = "bit for bit" if not off else f"up to {off:.2g} in a weight, so that the path is not exactly that of the run"
    often = "each step" if taken.every == 1 else f"every {taken.every:,} steps"
    return (
        f"The loss over {name_a} and {name_b}, all other weights as after epoch {epoch}, and the path of the run, a point for {often}. "
        f"Its steps were taken again, and the weights of epoch {epoch} came out as the run kept them {exactly}."
    )
