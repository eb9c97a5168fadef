"""A traced step as text: the four passes, each number with the calculation that it came from."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from rich.text import Text

from chainrule.inspect.expansion.text import ExpansionText
from chainrule.inspect.layout import FORMULA, HEAD, NOTE, RESULT, Block, Line, Part, Row, lay_out, title
from chainrule.inspect.reading.notation import WRITTEN_TERMS, Call, Leaf, Node, Numbers, Total, symbolic
from chainrule.inspect.reading.recording import Element
from chainrule.inspect.step.array_text import ArrayText
from chainrule.inspect.step.events import Quantity
from chainrule.inspect.step.layer_text import FEW_UNITS, LayerText
from chainrule.inspect.step.telling import largest_terms
from chainrule.inspect.step.trace import StepTrace
from chainrule.inspect.step.update_text import UpdateText
from chainrule.inspect.step.wording import DIGITS, FEW_TERMS, Wording
from chainrule.ir import PHASES
from chainrule.words import setting

MOST_INPUTS = 20
EXPANDED = "In primitives, beside the fused rules"
_TITLES = {
    "forward": "1 Forward: from the row to the prediction",
    "loss": "2 Loss: how wrong it is",
    "backward": "3 Backward: how each number changes the loss",
    "update": "4 Update: the new weights",
}


class StepText:
    """Writes a traced step.

    Args:
        trace: the step.
        digits: significant digits of each number.
        everything: every unit and every term, in place of those that matter most.
        depth: ``layer``, ``unit`` or ``scalar``; see :meth:`StepTrace.iterate`.
        expand: composites written out in primitives, too.
    """

    def __init__(
        self, trace: StepTrace, *, digits: int = DIGITS, everything: bool = False, depth: str = "unit", expand: bool = False
    ) -> None:
        self.trace, self.depth, self.expand = trace, depth, expand
        self.words = Wording(trace, digits=digits, everything=everything, partials=depth == "scalar")
        self.arrays = ArrayText(self.words)
        self.layers, self.update = LayerText(self.words), UpdateText(self.words)

    def lines(self, width: int, phases: Sequence[str] = PHASES) -> Iterator[Text]:
        """Yield the lines of the step, for a terminal of that width."""
        parts: list[Part] = [*self.heading()]
        for phase in PHASES:
            if phase in phases:
                parts += [Line(""), title(_TITLES[phase], width), *self._phase(phase)]
        if self.expand:
            parts += [Line(""), title(EXPANDED, width), *ExpansionText(self.words).lines(self.trace.expansions, width)]
        return lay_out(parts, width)

    def _phase(self, phase: str) -> Iterator[Part]:
        if self.depth == "layer":
            return self.arrays.phase(phase)
        return {"forward": self._forward, "loss": self._loss, "backward": self._backward, "update": self.update.lines}[phase]()

    def heading(self) -> Iterator[Part]:
        """Yield what the step is: which row, which weights, which rule, which batch."""
        about, state = self.trace.about, self.trace.state
        rows = self.trace.recording.rows
        where = f"row {about.row} of {about.place}" if about.row is not None else f"a batch of {rows:,} row{'s' * (rows != 1)}"
        where += f" of {about.place}" if about.place and about.row is None else ""
        yield Line(f"One training step, written out: {where}", HEAD)
        if about.title:
            yield Line(about.title, NOTE)
        yield Line("")
        updates = f"{state.count:,} update{'s' * (state.count != 1)}"
        if about.at == "best":
            weights = f"the model's own, of epoch {state.epoch}" if state.epoch else "the model's own"
            weights += f" (after {updates})" if about.own_rule else ""
        elif about.at == "start":
            weights = "as they were before the first step"
        else:
            weights = f"after {updates}" if state.count else "as they are given"
        yield Line(f"weights  {weights}", indent=2, hang=9)
        rule = about.rule
        if about.place:
            whose = "example" if about.title else "run"
            rule += f", the rule of the {whose}" if about.own_rule else f", instead of the rule of the {whose}"
            rule += "; its state is fresh" if not about.own_rule and state.count == 0 and about.at == "best" else ""
        if about.own_rate is not None:
            rule += f", at lr {self.words.show(state.hyper['lr'])} in place of {self.words.show(about.own_rate)}"
        hyper = {name: value for name, value in state.hyper.items() if about.own_rate is None or name != "lr"}
        numbers = ", ".join(f"{name} {self.words.show(value)}" for name, value in hyper.items())
        yield Line(f"rule     {rule} ({numbers})" if numbers else f"rule     {rule}", indent=2, hang=9)
        if about.batch_size:
            shared = (
                "this row alone, as in training, where each batch was one row"
                if about.batch_size == 1
                else f"this row alone. In training it shared a batch of {about.batch_size}, and its gradient was averaged with the others'"
            )
            yield Line(f"batch    {shared}.", indent=2, hang=9)

        yield from self._sources()

    def _sources(self) -> Iterator[Part]:
        """Yield where the numbers come from, and how far the two sources are apart."""
        trace = self.trace
        yield Line(f"numbers  {trace.source}", indent=2, hang=9)
        if trace.source.name == "exact":
            return
        worst, share = trace.largest_difference
        show = Numbers(3).show
        apart = f"the loss differs from it by {show(trace.loss - trace.exact.loss)}"
        if worst:
            apart += f", gradients by {show(share)} of the largest at most, in {worst}" if share else ", gradients by nothing"
        yield Line(f"         {trace.exact.source}: {apart}", indent=2, hang=9)

    def _forward(self) -> Iterator[Part]:
        yield from self._inputs()
        for group, quantities in self.trace.groups("forward").items():
            yield from self.layers.layer(group, quantities)
        yield from self._answer()

    def _inputs(self) -> Iterator[Part]:
        events = self.trace.about.inputs
        if not events:
            yield from self._plain_inputs()
            return
        yield Line("")
        yield Line("inputs   each cell as a number", HEAD, 2)
        zero = [event.unit for event in events if event.result == 0 and not self.words.everything and len(events) > FEW_TERMS]
        used = self._used_inputs() if len(events) - len(zero) > MOST_INPUTS and not self.words.everything else None
        rows = []
        for number, event in enumerate(events):
            if event.unit not in zero and (used is None or number in used):
                known = {operand.name: operand.value for operand in event.operands}
                how = event.operation
                if "mean" in known and "value" in known:
                    difference = float(event.result) * float(known["scale"])
                    value, mean = (self.words.show(known[name], difference) for name in ("value", "mean"))
                    scale = self.words.show(known["scale"])
                    how = f"({value} − {mean if not mean.startswith('−') else f'({mean})'}) / {scale}"
                rows.append(Row(str(event.unit), how.rpartition(":")[0] or how, self.words.show(event.result)))
        yield Block(tuple(rows))
        if rest := len(events) - len(zero) - len(rows):
            yield Line(f"{rest} more inputs, of less weight in the units below; {setting('everything', True)} shows every one", NOTE, 4, 2)
        yield from self._zeros([str(unit) for unit in zero])

    def _used_inputs(self) -> set[int]:
        """Return the inputs that stand in the sums which are written out."""
        x = next(self.trace.program.by_role("x")).value
        used: set[int] = set()
        for group, quantities in self.trace.groups("forward").items():
            for quantity in quantities:
                for unit in self.words.shown_units(group):
                    node = self.trace.calculation(quantity, self.words.places(quantity, unit)[0])
                    if isinstance(node, Total):
                        terms = {i: node.term(i)[0] for i in largest_terms(node, self.words.most(node))}
                        used |= {i for i, part in terms.items() if isinstance(part, Leaf) and part.element and part.element.value is x}
        return used

    def _zeros(self, names: Sequence[str]) -> Iterator[Part]:
        if names:
            listed = ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "")
            yield Line(f"{len(names)} input{'s are' if len(names) > 1 else ' is'} 0: {listed}", NOTE, 4, 2)

    def _plain_inputs(self) -> Iterator[Part]:
        for port in self.trace.program.by_role("x"):
            array = self.trace.recording.values[port.value]
            places = list(np.ndindex(array.shape))
            shown = [place for place in places if array[place] or self.words.everything or len(places) <= FEW_TERMS]
            yield Line("")
            yield Line("inputs", HEAD, 2)
            kept = shown if self.words.everything else shown[:64]
            yield Block(tuple(Row(self.trace.expressions.name(Element(port.value, i)), "", self.words.show(array[i].item())) for i in kept))
            if rest := len(places) - len(kept):
                yield Line(f"{rest} more are {'0' if len(shown) == len(kept) else 'not shown'}", NOTE, 4)

    def _answer(self) -> Iterator[Part]:
        answer = self.trace.about.answer
        if answer is None:
            return
        yield Line("")
        if answer.probabilities is None:
            said = f"{self.words.show(answer.prediction)}; in truth it is {self.words.show(answer.truth)}"
            yield Line(f"{self._predicted()}: {said}", HEAD, 2)
            yield from self._in_units()
        else:
            share = self.words.show(answer.probabilities[str(answer.prediction)])
            said = "right" if answer.prediction == answer.truth else f"wrong: in truth it is {answer.truth}"
            yield Line(f"{self._predicted()}: {answer.prediction}, with probability {share}; {said}", HEAD, 2)
            yield from self._probabilities(answer.probabilities, answer.temperature)
        if answer.undropped is not None:
            other = answer.undropped
            said = self.words.show(other.prediction)
            if other.probabilities is not None:
                said += f", with probability {self.words.show(other.probabilities[str(other.prediction)])}"
            yield Line(f"Without dropout, as in prediction, it would be {said}.", NOTE, 4)

    def _predicted(self) -> str:
        target = self.trace.about.target
        return f"prediction of {target}" if target else "prediction"

    def _in_units(self) -> Iterator[Part]:
        about = self.trace.about
        if about.scaling is None or self.trace.prediction is None:
            return
        mean, scale = about.scaling
        output = float(self.trace.recording.values[self.trace.prediction].reshape(-1)[0])
        target = float(np.asarray(self.trace.recording.inputs["y"]).reshape(-1)[0])
        show = self.words.show
        answer, truth = output * scale + mean, target * scale + mean
        plus = f"− {show(-mean, answer)}" if mean < 0 else f"+ {show(mean, answer)}"
        minus = f"+ {show(-mean, truth - mean)}" if mean < 0 else f"− {show(mean, truth - mean)}"
        rows = (
            Row("prediction", f"{show(output)} · {show(scale)} {plus}", show(answer)),
            Row("truth as y", f"({show(truth, truth - mean)} {minus}) / {show(scale)}", show(target)),
        )
        yield Block(rows)

    def _probabilities(self, shares: Mapping[str, float], temperature: float | None) -> Iterator[Part]:
        likeliest = sorted(shares, key=lambda name: -shares[name])
        shown = set(likeliest if self.words.everything else likeliest[:FEW_UNITS])
        show = self.words.show
        if temperature is None:
            written = [(self.words.numeric(a), self.words.numeric(b), show(b.number)) for a, b in self._softmax(len(shares))]
            rows = [Row("sum of exp", terms, total) for _, terms, total in written[:1]]
        else:
            written = list(self._tempered(len(shares), temperature))
            rows = [Row("temperature", "fitted to the validation rows after training", show(temperature))]
            rows += [Row("sum of exp", terms, total) for _, terms, total in written[:1]]
        for place, (name, share) in enumerate(shares.items()):
            if name in shown:
                how = ""
                if written:
                    above, _, below = written[place]
                    how = f"{above} / {below}"
                rows.append(Row(name, how, show(share)))
        yield Block(tuple(rows))

    def _tempered(self, classes: int, temperature: float) -> Iterator[tuple[str, str, str]]:
        """Yield numerator, the terms of the denominator, and the denominator of each probability, from outputs / temperature."""
        if self.trace.prediction is None:
            return
        outputs = self.trace.recording.values[self.trace.prediction].reshape(-1).astype(float)
        if len(outputs) != classes:  # one logit for two classes
            return
        show, greatest = self.words.show, float(outputs.max())
        minus = f"+ {show(-greatest)}" if greatest < 0 else f"− {show(greatest)}"
        terms = [f"exp(({show(float(z))} {minus}) / {show(temperature)})" for z in outputs]
        total = show(float(np.exp((outputs - greatest) / temperature).sum()))
        whole = " + ".join(terms) if len(terms) <= WRITTEN_TERMS else ""
        for term in terms:
            yield term, whole, total

    def _softmax(self, classes: int) -> Iterator[tuple[Node, Total]]:
        """Yield numerator and denominator of each probability, where the step itself makes probabilities of the outputs."""
        softmax = next((e for e in self.trace.program.equations if e.op.name == "softmax" and e.inputs[0] is self.trace.prediction), None)
        if softmax is None:
            return
        for place in range(classes):
            found = self.trace.expressions.written_out(Element(softmax.outputs[0], (0, place)))
            if found is not None and isinstance(found[0], Call) and isinstance(found[0].operands[1], Total):
                yield found[0].operands[0], found[0].operands[1]

    def _loss(self) -> Iterator[Part]:
        yield Line("")
        rows: list[Row] = []
        for quantity in (quantity for quantities in self.trace.groups("loss").values() for quantity in quantities):
            places = list(self.trace.indices(quantity))
            composite = self.trace.expressions.written_out(Element(quantity.value, places[0])) if places else None
            rows.append(self.words.formula_row(quantity))
            if composite:
                rows.append(Row("", f"= {symbolic(composite[0], by_name=True)}", "", style=FORMULA))
            for place in places if self.words.everything else places[:FEW_UNITS]:
                node = self.trace.calculation(quantity, place)
                inner = self.trace.expressions.written_out(Element(quantity.value, place)) if composite else None
                name = ",".join(self.trace.units.place(quantity.value, place)) if len(places) > 1 else ""
                calculation = self.words.numeric(inner[0] if inner else node)
                rows.append(Row(name and f"  {name}", calculation, self.words.show(node.number), style=RESULT))
        yield Block(tuple(rows), 2)
        for quantity in self.trace.quantities:
            if quantity.phase == "loss":
                yield from self._as_probability(quantity)

    def _as_probability(self, quantity: Quantity) -> Iterator[Part]:
        """Say a cross-entropy as what it means: minus the logarithm of the probability that the network gave to the truth."""
        answer = self.trace.about.answer
        if answer is None or answer.probabilities is None or quantity.name != "row_loss":
            return
        number = float(self.trace.recording.values[quantity.value].reshape(-1)[0])
        share = answer.probabilities.get(str(answer.truth), 0.0) if answer.temperature is None else math.exp(-number)
        apart = "" if answer.temperature is None else ", before the temperature"  # which is fitted when training is over
        if share > 0 and math.isclose(-math.log(share), number, rel_tol=1e-3, abs_tol=1e-5):
            logarithm = f"−log({self.words.show(share, number)}) = {self.words.show(-math.log(share))}"
            yield Line(f"It is −log of the probability of {answer.truth}{apart}: {logarithm}.", NOTE, 4, 2)

    def _backward(self) -> Iterator[Part]:
        yield Line("δ of a unit is ∂loss/∂sum: how the loss changes with its sum, a little more of it being a little more loss.", NOTE, 2)
        for group, quantities in self.trace.groups("backward").items():
            yield from self.layers.layer(group, quantities)
