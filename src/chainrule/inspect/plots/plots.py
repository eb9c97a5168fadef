"""``run.plot``: each picture of a run, drawn with matplotlib."""

from __future__ import annotations

from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any

from chainrule.errors import OptionError, nearest
from chainrule.inspect.pictures import answers, course
from chainrule.inspect.pictures.network import drawing_of, network_drawing
from chainrule.inspect.pictures.surface import Course, surface
from chainrule.nn import Sequential
from chainrule.training.events import History
from chainrule.training.fit import Run
from chainrule.training.model import Model, describe
from chainrule.training.options import Options
from chainrule.training.prepare import Prepared, prepare
from chainrule.training.record import RunRecord
from chainrule.training.train import loop_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Subject = RunRecord | Model | Run


class Plots:
    """The pictures of a run, with matplotlib (the extra ``[plot]``).

    Each method draws into ``ax`` and returns it; without one it makes a figure. The numbers are those that the report draws. Of a run on
    arrays (:func:`chainrule.fit`) there are the pictures of its course, its network, and the surface.

    Raises:
        ImportError: matplotlib is not installed; the message names the extra.
    """

    def __init__(self, subject: Subject) -> None:
        self._subject = subject

    def curves(self, name: str = "loss", ax: Axes | None = None) -> Axes:
        """Draw the loss by epoch, on training and validation rows; or a metric on validation rows: ``run.plot.curves("accuracy")``.

        Raises:
            OptionError: there is no history, or no such metric.
        """
        return _drawn(course.curve(self._history, self._best_epoch, name), ax)

    def gradients(self, ax: Axes | None = None) -> Axes:
        """Draw the size of each weight's gradient, the root mean square of its elements, over the sampled steps.

        Raises:
            OptionError: no step was sampled.
        """
        return _drawn(course.gradient_sizes(self._history), ax)

    def updates(self, ax: Axes | None = None) -> Axes:
        """Draw by what share of its norm each sampled step moved each weight.

        Raises:
            OptionError: no step was sampled.
        """
        return _drawn(course.update_ratios(self._history), ax)

    def histogram(self, parameter: str, of: str = "weight", ax: Axes | None = None) -> Axes:
        """Draw how the elements of a parameter were spread over the sampled steps: ``run.plot.histogram("hidden_1.weight")``.

        Args:
            parameter: its path. ``of``: ``weight``, or ``gradient`` for its gradient.

        Raises:
            OptionError: no step was sampled, or there is no such parameter.
        """
        return _drawn(course.histograms(self._history, parameter, of), ax)

    def histograms(self) -> Figure:
        """Draw how weights and gradients of all layers were spread over the sampled steps, a line of the figure for each layer.

        Raises:
            OptionError: no step was sampled.
        """
        paths = course.sampled_weights(self._history)
        import matplotlib.pyplot as plt

        figure, grid = plt.subplots(len(paths), 2, figsize=(11, 2.6 * len(paths)), squeeze=False, layout="constrained")
        for path, line in zip(paths, grid, strict=True):
            for of, ax in zip(("weight", "gradient"), line, strict=True):
                self.histogram(path, of, ax).set_title(f"{of}s of {path}", fontsize="small", loc="left")
        return figure

    def network(self, ax: Axes | None = None) -> Axes:
        """Draw the network: its layers, of large ones the units with the largest weights, and the largest weights between them.

        Raises:
            OptionError: no model was written yet, or the network is a plain function.
        """
        if not isinstance(self._subject, Run):
            return _drawn(drawing_of(self._model), ax)
        network = self._subject.step.network
        if not isinstance(network, Sequential):
            raise OptionError("the network is a plain function, which has no layers to draw.")
        return _drawn(network_drawing(describe(network), self._subject.best.params, (), (), "y"), ax)

    def confusion(self, target: str | None = None, ax: Axes | None = None) -> Axes:
        """Draw how many rows of each class have which answer, on test rows where there are some.

        Args:
            target: which one, of several.

        Raises:
            OptionError: the target is a quantity, there is no such target, or the rows are not there any more.
        """
        return _drawn(answers.confusion(self._judged(target, of_classes=True)), ax)

    def calibration(self, target: str | None = None, ax: Axes | None = None) -> Axes:
        """Draw how often answers are right by their confidence; raises as :meth:`confusion`.

        Source: Guo, Pleiss, Sun and Weinberger (2017), On calibration of modern neural networks, section 2.
        """
        return _drawn(answers.calibration(self._judged(target, of_classes=True)), ax)

    def residuals(self, target: str | None = None, ax: Axes | None = None) -> Axes:
        """Draw the answers against the truth.

        Raises:
            OptionError: the target holds classes, there is no such target, or the rows are not there any more.
        """
        return _drawn(answers.residuals(self._judged(target, of_classes=False)), ax)

    def importances(self, target: str | None = None, ax: Axes | None = None) -> Axes:
        """Draw how much worse the answers become when the cells of one column are shuffled.

        Raises:
            OptionError: there is no such target, or the rows are not there any more.
        """
        return _drawn(answers.importances(self._model, self._judged(target)), ax)

    def worst(self, target: str | None = None, ax: Axes | None = None, *, count: int = answers.WORST) -> Axes:
        """Draw a table of the rows whose answers are farthest from the truth; raises as :meth:`importances`."""
        return _drawn(answers.worst(self._model, self._judged(target), count), ax)

    def surface(self, weight_a: str, weight_b: str, ax: Axes | None = None, *, points: int = 41, rows: int = 2000) -> Axes:
        """Draw the loss on the plane of two weights, with the path of the run on it: ``run.plot.surface("output.weight[0,0]", …)``.

        The loss is the true one, as training measures it, without dropout and penalties, with all other weights as the run kept them; the
        path is seen from above, for the other weights moved as well. A run does not keep its weights over time, so all its steps are
        taken again, with the same weights bit for bit (the sentence of the picture says so, or how far they came out apart): this takes as
        long as training took, and then points² times as long as one prediction of the rows.

        Args:
            weight_a, weight_b: ``hidden_1.weight[age,3]``, to the right and upward.
            points: so many values of each weight. ``rows``: the loss is the mean over at most so many training rows, evenly spaced.

        Raises:
            OptionError: there is no such weight, the run has finished no epoch, or its rows are not there any more.
        """
        return _drawn(surface(self._course, weight_a, weight_b, points=points, rows=rows), ax)

    # what is drawn

    @property
    def _history(self) -> History:
        return self._subject.history

    @property
    def _best_epoch(self) -> int:
        if isinstance(self._subject, Run):
            return self._subject.stopped.best_epoch
        return int(self._subject.report.get("best_epoch", 0))

    @property
    def _model(self) -> Model:
        model = self._subject if isinstance(self._subject, Model) else self._subject.model if isinstance(self._subject, RunRecord) else None
        if model is None:
            what = "a run on arrays has no model of a table" if isinstance(self._subject, Run) else f"{self._subject} has no model yet"
            raise OptionError(f"{what}: only its course, its network and the surface can be drawn.")
        return model

    @cached_property
    def _rows(self) -> tuple[Prepared, Options]:
        """The rows, read and divided as in training, and the options."""
        self._model  # noqa: B018 - raises where there is none
        if isinstance(self._subject, Model):
            if self._subject.source is None:
                raise OptionError("a model from a file does not know its rows: open the folder of its run, cr.open_run(RUN).plot.")
            data, target, options = self._subject.source
            return prepare(data, target, options), options
        assert isinstance(self._subject, RunRecord)
        if self._subject.prepared is None or self._subject.options is None:
            raise OptionError(f"this picture needs the rows of the run: {' '.join(self._subject.said)}")
        return self._subject.prepared, self._subject.options

    @cached_property
    def _answers(self) -> list[answers.Judged]:
        return answers.judge_answers(self._model, self._rows[0])

    def _judged(self, target: str | None, *, of_classes: bool | None = None) -> answers.Judged:
        names = [one.name for one in self._answers]
        if target is None and len(names) > 1:
            raise OptionError(f"the run has several targets; name one of {', '.join(names)}.")
        if target is not None and target not in names:
            raise OptionError(f"there is no target '{target}'; there is {', '.join(names)}.{nearest(target, names)}")
        one = self._answers[0 if target is None else names.index(target)]
        if of_classes is not None and one.of_classes != of_classes:
            what = "a quantity, which has residuals" if of_classes else "a class, which has a confusion and a calibration"
            raise OptionError(f"'{one.name}' is {what}.")
        return one

    @cached_property
    def _course(self) -> Course:
        subject = self._subject
        if isinstance(subject, Run):
            known = (subject.step, subject.start, subject.data, subject.settings, subject.history)
            return Course(*known, self._best_epoch, subject.best)
        model, (prepared, options) = self._model, self._rows
        run = loop_of(prepared, options)
        names = (prepared.encoder.units, model.goal.output_names or None)
        return Course(run.step, run.start, run.data, run.settings, self._history, self._best_epoch, model.best, *names)


def plots_of(subject: Subject) -> Plots:
    """Return the pictures of a run; raises as :class:`Plots`."""
    try:
        import_module("matplotlib")
    except ImportError as error:
        raise ImportError("run.plot needs matplotlib, which is not installed: pip install 'chainrule[plot]'.") from error
    return Plots(subject)


def _drawn(picture: Any, ax: Axes | None) -> Axes:
    from chainrule.inspect.plots.draw import draw  # matplotlib loads where it is used

    return draw(picture, ax)
