"""A gradient check as text: the verdict, what was compared, a line for each parameter, and what is switched on."""

from __future__ import annotations

import math
from collections.abc import Iterator

from rich.text import Text

from chainrule.inspect.check.comparison import DIRECTIONS, SAMPLE, TOLERANCE, LayerCheck
from chainrule.inspect.check.gradients import GradientCheck
from chainrule.inspect.layout import HEAD, NOTE, Grid, Line, Part, lay_out
from chainrule.inspect.reading.notation import Numbers

RIGHT, WRONG = "bold green", "bold red"
_MARKS = {True: "✓", False: "✗", None: "–"}
_ROUGH = 0.01
_SHOWN = 4


class CheckText:
    """Writes a gradient check; ``model`` is what the model is called, ``digits`` the significant digits of a weight's gradient."""

    def __init__(self, check: GradientCheck, model: str = "", *, digits: int = 9) -> None:
        self.check, self.model = check, model
        self.numbers = Numbers(digits)

    def lines(self, width: int) -> Iterator[Text]:
        """Yield the lines, for a terminal of that width."""
        for line in lay_out(self._parts(), width):
            if line.plain.startswith(("✓", "✗", "–")):
                line.stylize({"✓": "green", "✗": WRONG, "–": "dim"}[line.plain[0]], 0, None if line.plain[0] == "–" else 1)
            yield line

    def _parts(self) -> Iterator[Part]:
        yield Line(self.verdict(), RIGHT if self.check.ok else WRONG)
        yield Line(self._batch(), NOTE)
        yield from self._mistakes()
        if self.check.layers:
            yield Line("")
            yield from self._table()
            yield Line("")
            yield from self._explained()
        yield Line("")
        yield Line("What is switched on, put to the test", HEAD)
        widest = max(len(finding.name) for finding in self.check.findings)
        for finding in self.check.findings:
            yield Line(f"{_MARKS[finding.ok]} {finding.name:<{widest}}  {finding.said}", hang=widest + 4)

    def verdict(self) -> str:
        """Return the verdict in a sentence."""
        check = self.check
        broken = [finding.name for finding in check.findings if finding.ok is False]
        if check.wrong:
            paths = [layer.path for layer in check.wrong]
            also = f"; and {_listed(broken)} does not work" if broken else ""
            return f"The gradients are wrong: {len(paths)} of {len(check.layers)} parameters, {_listed(paths[::-1])}{also}."
        if not check.layers:
            right = "No parameter is trained, so there is no gradient to check"
        elif check.loss == 0 or not any(layer.largest for layer in check.layers):
            right = "All gradients are 0, as they should be: nothing that the weights do changes the loss on these rows"
        else:
            right = f"The gradients are right, to {_digits(check.max_relative_error)} digits"
        return f"{right}; but {_listed(broken)} does not work as it should." if broken else f"{right}."

    def _batch(self) -> str:
        check = self.check
        whole = check.rows == check.known
        rows = f"{check.rows:,} {'row' if check.rows == 1 else 'rows'}"
        what = rows if check.rows == 1 else f"all {rows}" if whole else f"{check.rows:,} of {check.known:,} rows"
        model = f"{self.model}, at its own weights, on" if self.model else "At the model's own weights, on"
        return f"{model} {what} of {check.source} as one batch: loss {self.numbers.show(float(f'{check.loss:.6g}'))}."

    def _mistakes(self) -> Iterator[Part]:
        check = self.check
        for place, layer in enumerate(check.wrong[:_SHOWN]):
            worst = layer.telling
            if worst is None:
                continue
            yield Line("")
            yield Line(check.names.get(layer.path, layer.path) + ("   the wrong one nearest to the loss" if place == 0 else ""), HEAD, 2, 2)
            moved = "it is moved" if worst.index is not None else "they are moved"
            gradient, expected = self.numbers.show(worst.gradient), self.numbers.show(worst.expected)
            width = max(len(gradient), len(expected))
            yield Line(f"{gradient:>{width}}  is the gradient, by backpropagation", "", 4, width + 2)
            yield Line(f"{expected:>{width}}  is how the loss changes when {moved}", "", 4, width + 2)
        if len(check.wrong) > _SHOWN:
            yield Line("")
            yield Line(f"{len(check.wrong) - _SHOWN} more, in the table", NOTE, 2)
        if check.suspects:
            yield Line("")
            what = "derivative rule" if len(check.suspects) == 1 else "derivative rules"
            yield Line(
                f"Look at the {what} of {_listed(list(check.suspects))}: every wrong gradient goes through there, and no right one.", "", 2
            )
        if check.wrong and not check.same_as_derived:
            yield Line("")
            yield Line("The backward pass in the model is not the one that the rules derive from its loss; one of them is wrong.", "", 2)

    def _table(self) -> Iterator[Part]:
        check = self.check
        with_sample, with_float32 = not check.everything, check.dtype == "float32"
        head = ("", "weights", *(("moved",) if with_sample else ()), "complex", "central", *(("float32",) if with_float32 else ()))
        rows = []
        for layer in check.layers:
            moved = (f"{layer.singles:,}",) if with_sample else ()
            rounding = (_error(layer.float32_error),) if with_float32 else ()
            central = _error(layer.difference_error) if layer.differences else "–"
            rows.append((f"{_MARKS[layer.ok]} {layer.path}", f"{layer.weights:,}", *moved, _error(layer.error), central, *rounding))
        yield Grid(head, tuple(rows), 0)

    def _explained(self) -> Iterator[Part]:
        check = self.check
        if check.everything:
            how = f"each of the {check.weights:,} weights and biases was"
        else:
            how = f"{SAMPLE} weights of each row, or all, were moved alone, and {DIRECTIONS} times all at once, each up or down by chance"
        moved = f"Here {how}{' moved' if check.everything else ''}, and the loss computed anew, without the chain rule:"
        yield Line(f"A gradient says how the loss changes when a weight is moved a little. {moved}", NOTE)
        heads = {
            "complex": "moved by ih, h = 1e-30: Im(loss)/h is the change, exact to rounding",
            "central": "moved by ±h: (loss(w+h)−loss(w−h))/2h, exact to 8 digits or so",
        }
        if check.dtype == "float32":
            heads["float32"] = "not moved: the gradient in float32, as the model computes it, beside float64"
        for name, text in heads.items():
            yield Line(f"{name:<7}  {text}", NOTE, 2, 9)
        yield Line("The table has the largest error of each row, as a share of its largest gradient.", NOTE)
        for note in self._notes():
            yield Line(note, NOTE)

    def _notes(self) -> Iterator[str]:
        check = self.check
        if check.on_kinks:
            yield f"{_numbers(check.on_kinks)} exactly on a kink, such as 0 before relu; there the gradient is that of one side."
        if kinks := sum(layer.kinks for layer in check.layers):
            yield f"{kinks:,} of the moves are not compared with central differences: a kink of the loss lies within the step."
        if unsure := sum(layer.unsure for layer in check.layers):
            yield f"{unsure:,} of the moves change the loss too little for central differences to see."
        if incomplete := sum(layer.incomplete for layer in check.layers):
            yield f"{incomplete:,} of the moves have no complex step: they leave a kink, or numbers on the way are too large."
        if check.left_out:
            yield f"{check.left_out:,} rows were left out, since their loss has a kink exactly there."
        rough = [layer.path for layer in check.layers if _is_rough(layer)]
        if rough:
            yield f"In float32 rounding swallows much of the gradient of {_listed(rough)}: it is small beside what it is the sum of."
        if not check.wrong and not check.same_as_derived:
            yield "The backward pass in the model is written otherwise than the rules derive it today; both were compared, and are right."


def _is_rough(layer: LayerCheck) -> bool:
    return layer.float32_error is not None and not layer.float32_error <= _ROUGH


def _error(error: float | None) -> str:
    if error is None or not math.isfinite(error):
        return "" if error is None else "∞"
    return f"{error:.1g}".replace("e-0", "e-").replace("e+0", "e")


def _digits(error: float) -> int:
    return min(math.floor(-math.log10(max(error, 1e-16))), -round(math.log10(TOLERANCE)) + 7)


def _numbers(count: int) -> str:
    return f"{count:,} number stands" if count == 1 else f"{count:,} numbers stand"


def _listed(words: list[str]) -> str:
    if len(words) > 6:
        words = [*words[:5], f"{len(words) - 5} more"]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
