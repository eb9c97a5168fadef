"""What a model goes by, written for a terminal."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from rich.text import Text

from chainrule.inspect.attributions.dependence import Dependence
from chainrule.inspect.attributions.importance import REPEATS
from chainrule.inspect.attributions.of_model import ModelExplanation
from chainrule.inspect.attributions.pictures import UP, curve, cut, decimals_for, number, signed_bars
from chainrule.inspect.attributions.row_text import beside
from chainrule.inspect.layout import HEAD, NARROWEST, NOTE, Line, Part, lay_out, title
from chainrule.training.metrics import METRICS
from chainrule.words import setting

_SHOWN = 16
_CLASSES = 4  # with more, only those that a column moves most
_TALL = 3  # lines of a curve that stands alone
_WIDEST = 100


def model_text(explanation: ModelExplanation, width: int, *, everything: bool = False) -> Iterator[Text]:
    """Yield the lines of an explanation for a terminal of that width; ``everything`` shows every column."""
    width = max(width, NARROWEST)
    text = _ModelText(explanation, width, everything)
    yield from lay_out(text.heading(), width)
    yield from text.importances()
    yield from lay_out(text.importance_notes(), width)
    yield from lay_out(text.dependence_heading(), width)
    for dependence in explanation.dependences:
        yield Text()
        yield Text(cut(dependence.column, width), HEAD)
        yield from text.curves(dependence) if dependence.is_curve else text.table(dependence)
    yield Text()
    yield from lay_out(text.dependence_notes(), width)


class _ModelText:
    def __init__(self, explanation: ModelExplanation, width: int, everything: bool) -> None:
        self.all, self.width, self.everything = explanation, width, everything
        answers = [dependence.answers for dependence in explanation.dependences]
        self.low = min((float(a.min()) for a in answers), default=0.0)
        self.high = max((float(a.max()) for a in answers), default=1.0)
        self.decimals = decimals_for(max(abs(self.low), abs(self.high)), 3) if not explanation.classes else 2

    def heading(self) -> Iterator[Part]:
        all = self.all
        yield title(f"What the model goes by to predict {all.target}", self.width)
        rows = f"{all.rows:,} rows of {all.source}"
        yield Line(f"{all.metric} {all.value:.4g} on {rows} with a known {all.target}", "dim", hang=2)
        yield from beside(all.others)
        yield Line("")

    def importances(self) -> Iterator[Text]:
        all = self.all
        shown = all.importances if self.everything or len(all.importances) <= _SHOWN + 1 else all.importances[:_SHOWN]
        decimals = decimals_for(max(abs(part.mean) for part in shown))
        worse = f"{all.metric} {'falls' if METRICS[all.metric].greater_is_better else 'grows'} by"
        means = [number(part.mean, decimals) for part in shown]
        spreads = [f"± {number(part.spread, decimals)}" for part in shown]
        wide, spread = max(len(worse), *map(len, means)), max(map(len, spreads))
        bar = 10 if self.width < 80 else 24
        name_width = max(min(max(len("column"), *(len(part.column) for part in shown)), self.width - wide - spread - bar - 6), 8)
        pictures = signed_bars([part.mean for part in shown], min(self.width, _WIDEST) - name_width - wide - spread - 6)
        yield Text(f"{'column':<{name_width}}  {worse:>{wide}}", "dim")
        for part, mean, around, picture in zip(shown, means, spreads, pictures, strict=True):
            text = Text.assemble(
                f"{cut(part.column, name_width):<{name_width}}  ", (f"{mean:>{wide}}", HEAD), (f"  {around:>{spread}}  ", "dim"), picture
            )
            text.rstrip()
            yield text
        if more := len(all.importances) - len(shown):
            yield Text(f"and {more:,} columns that matter less; {setting('everything', True)} shows each", "dim")

    def importance_notes(self) -> Iterator[Part]:
        yield Line("")
        yield Line(
            f"Each column's cells were shuffled among the rows {REPEATS} times: the mean ± standard deviation of what that costs. "
            "Columns that say the same stand in for one another, and then each looks unimportant.",
            NOTE,
        )

    def dependence_heading(self) -> Iterator[Part]:
        yield Line("")
        what = "the probabilities" if self.all.classes else f"the predicted {self.all.target}"
        yield title(f"How {what} depend{'' if self.all.classes else 's'} on a column, on average", self.width)

    def dependence_notes(self) -> Iterator[Part]:
        curves = ""
        if any(dependence.is_curve for dependence in self.all.dependences):
            low, high = (number(end, self.decimals) for end in (self.low, self.high))
            curves = f" Curves run between the 5 % and 95 % quantiles of the cells; their height is from {low} to {high} in all pictures."
        yield Line(f"All rows were given the same cell, and the answers averaged.{curves}", NOTE)

    def curves(self, dependence: Dependence) -> Iterator[Text]:
        names, answers = self._series(dependence)
        label = min(max((len(name) for name in names), default=0), self.width // 4)
        ends = [(number(float(a[0]), self.decimals), number(float(a[-1]), self.decimals)) for a in answers]
        left = max(len(first) for first, _ in ends)
        repeat = 2 if self.width >= 80 else 1
        margin = " " * (2 + label + bool(label) * 2 + left + 1)
        span = len(dependence.cells) * repeat
        for name, series, (first, last) in zip(names, answers, ends, strict=True):
            lines = curve(np.repeat(series, repeat).tolist(), self.low, self.high, _TALL if len(names) == 1 else 1)
            for line, drawn in enumerate(lines):
                at_end = line == len(lines) - 1
                start = f"  {cut(name, label):<{label}}{'  ' * bool(label)}{first:>{left}} " if at_end else margin
                text = Text.assemble(start, (drawn, UP), f" {last}" if at_end else "")
                text.rstrip()
                yield text
        low, high = (str(cell) if isinstance(cell, str) else f"{cell:.4g}" for cell in (dependence.cells[0], dependence.cells[-1]))
        yield Text(f"{margin}{low}{high:>{max(span - len(low), len(high) + 1)}}", "dim")

    def table(self, dependence: Dependence) -> Iterator[Text]:
        names, answers = self._series(dependence)
        heads = names if self.all.classes else [f"mean {self.all.target}"]
        cells = [str(cell) if isinstance(cell, str) else f"{cell:.6g}" for cell in dependence.cells]
        columns = [[number(float(value), self.decimals) for value in series] for series in answers]
        widest = max((self.width - 2 - 12) // max(len(heads), 1) - 2, 6)
        widths = [min(max(len(head), *map(len, texts)), widest) for head, texts in zip(heads, columns, strict=True)]
        first = min(max(map(len, cells)), max(self.width - 2 - sum(wide + 2 for wide in widths), 8))
        yield Text("  " + " " * first + "".join(f"  {cut(head, wide):>{wide}}" for head, wide in zip(heads, widths, strict=True)), "dim")
        for line, cell in enumerate(cells):
            numbers = "".join(f"  {texts[line]:>{wide}}" for texts, wide in zip(columns, widths, strict=True))
            yield Text(f"  {cut(cell, first):<{first}}{numbers}")

    def _series(self, dependence: Dependence) -> tuple[list[str], list[NDArray[np.float64]]]:
        """Return what is drawn of a column: the answers of a regression, the second of two classes, or the classes that move most."""
        if not self.all.classes:
            return [""], [dependence.answers]
        answers = dependence.answers.T
        if len(answers) == 2:
            return [self.all.classes[1]], [answers[1]]
        places = sorted(np.argsort(-np.ptp(answers, axis=1), kind="stable")[:_CLASSES].tolist())
        return [self.all.classes[place] for place in places], [answers[place] for place in places]
