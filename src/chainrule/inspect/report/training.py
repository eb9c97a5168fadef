"""The part of a report that looks at the course of the training: curves, gradients, and how weights and gradients were spread over time."""

from __future__ import annotations

from collections.abc import Iterator

from chainrule.inspect.pictures import course
from chainrule.inspect.pictures.kinds import Lines, Raster
from chainrule.inspect.report.charts import line_charts, raster
from chainrule.inspect.report.page import figure, part, section, sentence
from chainrule.training.events import History


def course_sections(history: History, best_epoch: int) -> Iterator[str]:
    """Yield the sections that the history gives: none without one."""
    if history.epochs:
        curves = [course.curve(history, best_epoch, name) for name in course.curve_names(history)]
        yield section("The course of the training", "".join(map(_lines, curves)))
    if history.samples:
        yield section("Gradients and weights over time", _inside(history))


def _inside(history: History) -> str:
    samples = history.samples
    said = sentence(f"{len(samples)} steps were sampled, from step {samples[0].step:,} to {samples[-1].step:,}.")
    parts = [said, _lines(course.gradient_sizes(history)), _lines(course.update_ratios(history))]
    for path in course.sampled_weights(history):
        parts.append(part(path, "".join(_raster(course.histograms(history, path, of)) for of in ("weight", "gradient"))))
    return "".join(parts)


def _lines(picture: Lines) -> str:
    return figure(line_charts(picture), picture.says)


def _raster(picture: Raster) -> str:
    return figure(raster(picture), picture.says) if picture.shares.any() else sentence(picture.says)
