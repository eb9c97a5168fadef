"""A traced step as text: the four passes, each number with the calculation that it came from."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from rich.text import Text

from chainrule.inspect.expressions import Call, Leaf, Node, Total, definition_text, numeric, show_number, symbolic, whole_formula
from chainrule.inspect.layout import FORMULA, HEAD, NOTE, RESULT, Block, Grid, Line, Part, Row, lay_out, title
from chainrule.inspect.recording import Element, Index, Number
from chainrule.inspect.step_trace import Group, Quantity, StepTrace, largest_terms
from chainrule.ir import PHASES

DIGITS = 6
FEW_UNITS, SHOWN_UNITS = 10, 3
FEW_TERMS, SHOWN_TERMS = 8, 5
SHOWN_INPUTS = 2
MOST_INPUTS = 20
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
    """

    def __init__(self, trace: StepTrace, *, digits: int = DIGITS, everything: bool = False) -> None:
        self.trace, self.digits, self.everything = trace, digits, everything

    def lines(self, width: int, phases: Sequence[str] = PHASES) -> Iterator[Text]:
        """Yield the lines of the step, for a terminal of that width."""
        parts: list[Part] = [*self.heading()]
        for phase in PHASES:
            if phase in phases:
                parts += [Line(""), title(_TITLES[phase], width), *getattr(self, f"_{phase}")()]
        return lay_out(parts, width)

    def show(self, number: Number | str) -> str:
        """Write a number."""
        return show_number(number, self.digits)

    # the heading

    def heading(self) -> Iterator[Part]:
        """Yield what the step is: which row, which weights, which rule, which batch."""
        about, state = self.trace.about, self.trace.state
        where = f"row {about.row} of {about.place}" if about.place else f"a batch of {self.trace.recording.rows}"
        yield Line(f"One training step, written out: {where}", HEAD)
        yield Line("")
        updates = f"{state.count:,} update{'s' * (state.count != 1)}"
        if about.at == "best":
            weights = f"the model's own, of epoch {state.epoch}" if state.epoch else "the model's own"
            weights += f" (after {updates})" if about.own_rule else ""
        elif about.at == "start":
            weights = "as they were before the first step"
        else:
            weights = f"after {updates}"
        yield Line(f"weights  {weights}", indent=2, hang=9)
        rule = f"{about.rule}{', the rule of the run' if about.own_rule and about.place else ''}"
        if about.place and not about.own_rule:
            rule += ", instead of the rule of the run; its state is fresh" if state.count == 0 and about.at == "best" else ", instead of the rule of the run"
        numbers = ", ".join(f"{name} {self.show(value)}" for name, value in state.hyper.items())
        yield Line(f"rule     {rule} ({numbers})" if numbers else f"rule     {rule}", indent=2, hang=9)
        if about.batch_size:
            shared = (
                "this row alone, as in training, where each batch was one row"
                if about.batch_size == 1
                else f"this row alone. In training it shared a batch of {about.batch_size}, and its gradient was averaged with the others'"
            )
            yield Line(f"batch    {shared}.", indent=2, hang=9)

    # 1

    def _forward(self) -> Iterator[Part]:
        yield from self._inputs()
        for group, quantities in self.trace.groups("forward").items():
            yield from self._layer(group, quantities)
        yield from self._answer()

    def _inputs(self) -> Iterator[Part]:
        events = self.trace.about.inputs
        if not events:
            yield from self._plain_inputs()
            return
        yield Line("")
        yield Line("inputs   each cell as a number", HEAD, 2)
        zero = [event.unit for event in events if event.result == 0 and not self.everything and len(events) > FEW_TERMS]
        used = self._used_inputs() if len(events) - len(zero) > MOST_INPUTS and not self.everything else None
        rows = []
        for number, event in enumerate(events):
            if event.unit not in zero and (used is None or number in used):
                known = {operand.name: operand.value for operand in event.operands}
                how = event.operation
                if "mean" in known and "value" in known:
                    value, mean, scale = (self.show(known[name]) for name in ("value", "mean", "scale"))
                    how = f"({value} − {mean if not mean.startswith('−') else f'({mean})'}) / {scale}"
                rows.append(Row(str(event.unit), how.rpartition(":")[0] or how, self.show(event.result)))
        yield Block(tuple(rows))
        if rest := len(events) - len(zero) - len(rows):
            yield Line(f"{rest} more inputs, of less weight in the units below; --all shows every one", NOTE, 4, 2)
        yield from self._zeros([str(unit) for unit in zero])

    def _used_inputs(self) -> set[int]:
        """Return the inputs that stand in the sums which are written out."""
        x = next(self.trace.program.by_role("x")).value
        used: set[int] = set()
        for group, quantities in self.trace.groups("forward").items():
            for quantity in quantities:
                for unit in self._shown_units(group):
                    node = self.trace.calculation(quantity, self._places(quantity, unit)[0])
                    for i in largest_terms(node, self._most(node)) if isinstance(node, Total) else ():
                        factor = node.term(i)[0]
                        if isinstance(factor, Leaf) and factor.element is not None and factor.element.value is x:
                            used.add(i)
        return used

    def _most(self, total: Total) -> int | None:
        """Return how many terms of a sum are written."""
        return None if self.everything else FEW_TERMS if np.count_nonzero(total.terms) <= FEW_TERMS else SHOWN_TERMS

    def _zeros(self, names: Sequence[str]) -> Iterator[Part]:
        if names:
            listed = ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "")
            yield Line(f"{len(names)} input{'s are' if len(names) > 1 else ' is'} 0: {listed}", NOTE, 4, 2)

    def _plain_inputs(self) -> Iterator[Part]:
        for port in self.trace.program.by_role("x"):
            array = self.trace.recording.values[port.value]
            places = list(np.ndindex(array.shape))
            shown = [place for place in places if array[place] or self.everything or len(places) <= FEW_TERMS]
            yield Line("")
            yield Line("inputs", HEAD, 2)
            kept = shown if self.everything else shown[:64]
            yield Block(tuple(Row(self.trace.expressions.name(Element(port.value, i)), "", self.show(array[i].item())) for i in kept))
            if rest := len(places) - len(kept):
                yield Line(f"{rest} more are {'0' if len(shown) == len(kept) else 'not shown'}", NOTE, 4)

    def _answer(self) -> Iterator[Part]:
        answer = self.trace.about.answer
        if answer is None:
            return
        yield Line("")
        if answer.probabilities is None:
            yield Line(f"prediction of {self.trace.about.target}: {self.show(answer.prediction)}; in truth it is {self.show(answer.truth)}", HEAD, 2)
            yield from self._in_units()
        else:
            share = answer.probabilities[str(answer.prediction)]
            said = "right" if answer.prediction == answer.truth else f"wrong: in truth it is {answer.truth}"
            yield Line(f"prediction of {self.trace.about.target}: {answer.prediction}, with probability {self.show(share)}; {said}", HEAD, 2)
            yield from self._probabilities()
        if answer.undropped is not None:
            other = answer.undropped
            share = "" if other.probabilities is None else f", with probability {self.show(other.probabilities[str(other.prediction)])}"
            yield Line(f"Without dropout, as in prediction, it would be {self.show(other.prediction)}{share}.", NOTE, 4)

    def _in_units(self) -> Iterator[Part]:
        about = self.trace.about
        if about.scaling is None or self.trace.prediction is None:
            return
        mean, scale = about.scaling
        output = float(self.trace.recording.values[self.trace.prediction].reshape(-1)[0])
        target = float(np.asarray(self.trace.recording.inputs["y"]).reshape(-1)[0])
        plus = lambda text: f"− {text[1:]}" if text.startswith("−") else f"+ {text}"  # noqa: E731 - in two places
        rows = (
            Row("prediction", f"{self.show(output)} · {self.show(scale)} {plus(self.show(mean))}", self.show(output * scale + mean)),
            Row("truth as y", f"({self.show(target * scale + mean)} − {self.show(mean)}) / {self.show(scale)}", self.show(target)),
        )
        yield Block(rows)

    def _probabilities(self) -> Iterator[Part]:
        answer = self.trace.about.answer
        assert answer is not None and answer.probabilities is not None
        softmax = next((e for e in self.trace.program.equations if e.op.name == "softmax" and e.inputs[0] is self.trace.prediction), None)
        rows = []
        order = list(answer.probabilities)
        if not self.everything and len(order) > FEW_UNITS:
            order = sorted(order, key=lambda name: -answer.probabilities[name])[:FEW_UNITS]  # type: ignore[index] - asserted above
        for place, (name, share) in enumerate(answer.probabilities.items()):
            how = ""
            if softmax is not None:
                found = self.trace.expressions.written_out(Element(softmax.outputs[0], (0, place)))
                node = found[0] if found else None
                if isinstance(node, Call) and node.equation.op.name == "divide":
                    above, below = node.operands
                    if not rows and isinstance(below, Total):
                        rows.append(Row("sum of exp", self._numeric(below), self.show(below.number)))
                    how = f"{self._numeric(above)} / {self.show(below.number)}"
            if name in order:
                rows.append(Row(name, how, self.show(share)))
        yield Block(tuple(rows))

    # a layer, forward or backward

    def _layer(self, group: Group, quantities: Sequence[Quantity]) -> Iterator[Part]:
        layer, width = group
        of_units = [q for q in quantities if not q.path and not (q.phase == "backward" and self._is_whole(q))]
        of_weights = [q for q in quantities if q.path]
        does = self.trace.about.layers.get(layer, "")
        if of_units or of_weights:
            yield Line("")
            yield Line(f"{layer or 'network'}   {does}".rstrip(), HEAD, 2)
        shown = self._shown_units(group)
        formulas = [self._formula_row(q) for q in of_units if self._said(q)]
        if formulas:
            yield Block(tuple(formulas))
        yield from self._mask(of_units)
        if len(shown) < width and of_units:
            yield Line(f"{len(shown)} of {width} units, those that count most for the loss; --all shows every one", NOTE, 4)
        if any(self._is_sum(q) for q in of_units):
            for unit in shown:
                yield from self._unit(group, of_units, unit)
        else:
            yield from self._by_quantity(of_units, shown)
        for quantity in of_weights:
            yield from self._gradient(quantity)

    def _shown_units(self, group: Group) -> list[int]:
        width = group[1]
        if self.everything or width <= FEW_UNITS:
            return list(range(width))
        return sorted(int(unit) for unit in self.trace.ranking(group)[:SHOWN_UNITS])

    def _is_whole(self, quantity: Quantity) -> bool:
        """Return whether a quantity is made of whole rows (softmax, one-hot); its numbers stand in the formulas that read it."""
        return self._is_opaque(quantity, self.trace.calculation(quantity, self._first(quantity)))

    @staticmethod
    def _is_opaque(quantity: Quantity, node: Node) -> bool:
        return isinstance(node, Leaf) and node.element is not None and node.element.value is quantity.value

    def _said(self, quantity: Quantity) -> bool:
        """Return whether the formula of a quantity is written: not for random bits and for what is a row's operation."""
        return self.trace.recording.values[quantity.value].dtype.kind not in "ui"

    def _first(self, quantity: Quantity) -> Index:
        return tuple(0 for _ in self.trace.recording.values[quantity.value].shape)

    def _formula_row(self, quantity: Quantity) -> Row:
        equation = self.trace.recording.definitions[quantity.value]
        node = self.trace.calculation(quantity, self._first(quantity))
        formula = whole_formula(equation, self.trace.expressions) if self._is_opaque(quantity, node) else symbolic(node)
        formula = self._short(formula, quantity.layer)
        name = self._label(quantity)
        if isinstance(node, Call) and len(node.operands) == 1 and isinstance(node.operands[0], Leaf):
            meaning = definition_text(node.equation, self._short(node.operands[0].symbol, quantity.layer))
            formula += f" = {meaning}" if meaning else ""
        return Row(name, f"= {formula}" if name != formula else "", "", style=FORMULA)

    def _mask(self, quantities: Sequence[Quantity]) -> Iterator[Part]:
        """Say which units a random mask drops."""
        for quantity in quantities:
            definition = self.trace.recording.definitions[quantity.value]
            drawn = any(
                (source := self.trace.recording.definitions.get(value)) is not None and source.op.name == "random_bits"
                for value in definition.inputs
            )
            mask = self.trace.recording.values[quantity.value]
            if drawn and mask.dtype == bool and self.trace.recording.rows == 1:
                dropped = [int(i) for i in np.flatnonzero(~mask.reshape(-1))]
                names = ", ".join(map(str, dropped)) or "none"
                yield Line(f"dropped, {len(dropped)} of {mask.size}: {names}", "", 4, 2)

    def _is_sum(self, quantity: Quantity) -> bool:
        value = self.trace.recording.values[quantity.value]
        return value.size > 0 and isinstance(self.trace.calculation(quantity, self._first(quantity)), Total)

    def _unit(self, group: Group, quantities: Sequence[Quantity], unit: int) -> Iterator[Part]:
        rows: list[Row] = []
        for quantity in quantities:
            if self.trace.recording.values[quantity.value].dtype.kind in "ui":
                continue
            for index in self._places(quantity, unit):
                rows += self._rows(quantity, index, self._label(quantity))
        name = self.trace.units.place(quantities[-1].value, self._places(quantities[-1], unit)[0])
        yield Line(f"unit {','.join(name)}", "bold", 4)
        yield Block(tuple(rows), 6)

    def _places(self, quantity: Quantity, unit: int) -> list[Index]:
        shape = self.trace.recording.values[quantity.value].shape
        return [(*outer, unit) for outer in np.ndindex(shape[:-1])]

    def _rows(self, quantity: Quantity, index: Index, label: str) -> list[Row]:
        node = self.trace.calculation(quantity, index)
        result = self.show(node.number)
        if isinstance(node, Total):
            return [*self._term_rows(node), Row(label, "", result, style=RESULT)]
        if isinstance(node, Leaf):
            return [Row(label, "" if self._is_opaque(quantity, node) else self._short(node.symbol, quantity.layer), result, style=RESULT)]
        return [Row(label, self._numeric(node), result, style=RESULT)]

    def _term_rows(self, total: Total) -> list[Row]:
        nonzero = int(np.count_nonzero(total.terms))
        chosen = largest_terms(total, self._most(total))
        rows = []
        for i in chosen:
            factors = total.term(i)
            if len(factors) == 2:
                rows.append(Row(_place_of(factors), "", self.show(float(total.terms[i])), tuple(self.show(part.number) for part in factors)))
            else:
                rows.append(Row(symbolic(factors[0]), self._numeric(factors[0]), self.show(float(total.terms[i]))))
        if not self.everything and len(chosen) < nonzero:
            rest = float(np.delete(total.terms, chosen).sum())
            rows.append(Row(f"{nonzero - len(chosen)} smaller terms", "", self.show(rest)))
        if not self.everything and nonzero < len(total.terms):
            zeros = len(total.terms) - nonzero
            rows.append(Row(f"{zeros} term{'s' * (zeros > 1)} of 0", "", "0"))
        return rows + [Row(_last_word(symbolic(part)), "", self.show(part.number)) for part in total.added]

    def _by_quantity(self, quantities: Sequence[Quantity], shown: Sequence[int]) -> Iterator[Part]:
        """Yield one block for each quantity, a line for each unit."""
        for quantity in quantities:
            array = self.trace.recording.values[quantity.value]
            if array.dtype.kind in "uib":
                continue
            several = array.ndim > 1 and len(shown) > 0
            places = [place for unit in shown for place in self._places(quantity, unit)] if several else list(np.ndindex(array.shape))
            rows = []
            for place in places:
                name = ",".join(self.trace.units.place(quantity.value, place))
                label = self._label(quantity)
                rows += self._rows(quantity, place, f"{label}[{name}]" if name else label)
            yield Block(tuple(rows))

    def _gradient(self, quantity: Quantity) -> Iterator[Part]:
        chosen = list(self.trace.indices(quantity)) if self._all_of(quantity) else self._chosen[quantity.path]
        node = self.trace.calculation(quantity, self._first(quantity))
        symbol = self._short(symbolic(node), quantity.layer)
        left = self.trace.recording.values[quantity.value].size - len(chosen)
        note = f"   ({left:,} more, smaller or of other units)" if left else ""
        yield Line(f"gradient of {quantity.path} = {symbol}{note}", FORMULA, 4, 2)
        rows: list[Row] = []
        for index in chosen:
            label = f"[{','.join(self.trace.units.place(quantity.value, index))}]" if index else quantity.path
            rows += self._rows(quantity, index, label)
        yield Block(tuple(Row(row.label, row.calculation, row.result, row.factors) for row in rows), 6)

    def _all_of(self, quantity: Quantity) -> bool:
        return self.everything or self.trace.recording.values[quantity.value].size <= FEW_UNITS

    @property
    def _chosen(self) -> dict[str, list[Index]]:
        return self.trace.chosen_parameters(units=SHOWN_UNITS, inputs=SHOWN_INPUTS)

    # 2

    def _loss(self) -> Iterator[Part]:
        yield Line("")
        for quantities in self.trace.groups("loss").values():
            for quantity in quantities:
                shape = self.trace.recording.values[quantity.value].shape
                places = list(np.ndindex(shape))
                rows = [self._formula_row(quantity)]
                composite = self.trace.expressions.written_out(Element(quantity.value, places[0])) if places else None
                if composite:
                    rows.append(Row("", f"= {symbolic(composite[0], by_name=True)}", "", style=FORMULA))
                for place in places if self.everything else places[:FEW_UNITS]:
                    node = self.trace.calculation(quantity, place)
                    inner = self.trace.expressions.written_out(Element(quantity.value, place)) if composite else None
                    name = ",".join(self.trace.units.place(quantity.value, place)) if len(places) > 1 else ""
                    calculation = self._numeric(inner[0]) if inner else self._numeric(node)
                    rows.append(Row(name, calculation, self.show(node.number), style=RESULT))
                yield Block(tuple(rows), 2)
                yield from self._as_probability(quantity)

    def _as_probability(self, quantity: Quantity) -> Iterator[Part]:
        """Say a cross-entropy as what it means: minus the logarithm of the probability that the network gave to the truth."""
        answer = self.trace.about.answer
        if answer is None or answer.probabilities is None or quantity.name != "row_loss":
            return
        share = answer.probabilities.get(str(answer.truth), 0.0)
        number = float(self.trace.recording.values[quantity.value].reshape(-1)[0])
        if share > 0 and math.isclose(-math.log(share), number, rel_tol=1e-3, abs_tol=1e-5):
            text = f"It is −log of the probability of {answer.truth}: −log({self.show(share)}) = {self.show(-math.log(share))}"
            yield Line(f"{text}.", NOTE, 4, 2)

    # 3

    def _backward(self) -> Iterator[Part]:
        yield Line("δ of a unit is ∂loss/∂sum: how the loss changes with its sum, a little more of it being a little more loss.", NOTE, 2)
        for group, quantities in self.trace.groups("backward").items():
            yield from self._layer(group, quantities)

    # 4

    def _update(self) -> Iterator[Part]:
        yield Line("")
        paths = [path for path in self.trace.trainable if self.trace.value(path).size]
        if not paths:
            return
        shared = [step for step in self.trace.update(paths[0], _zero_index(self.trace.value(paths[0]).ndim)) if not step[0].path]
        rows = [row for quantity, place in shared for row in self._update_rows(quantity, place, "")]
        if rows:
            yield Line("for all weights", HEAD, 2)
            yield Block(tuple(rows))
        for path, index in self._written_out(paths):
            yield Line("")
            yield Line(f"{self.trace.parameter_name(path, index)}   {self._why(path)}".rstrip(), HEAD, 2)
            yield from self.weight_update(path, index)
        yield Line("")
        yield from self._table(paths)

    def _why(self, path: str) -> str:
        return "" if self.everything else f"the largest gradient among all {'weights' if self.trace.value(path).ndim > 1 else 'biases'}"

    def _written_out(self, paths: Sequence[str]) -> list[tuple[str, Index]]:
        """Return which weights' updates are written out: the weight and the bias with the largest gradient, or all of them."""
        if self.everything:
            return [(path, tuple(map(int, index))) for path in paths for index in np.ndindex(self.trace.value(path).shape)]
        found = []
        for is_weight in (True, False):
            own = [path for path in paths if (self.trace.value(path).ndim > 1) == is_weight]
            if own:
                best = max(own, key=lambda path: float(np.abs(self.trace.gradient(path)).max()))
                gradient = np.abs(self.trace.gradient(best))
                found.append((best, tuple(int(i) for i in np.unravel_index(int(gradient.argmax()), gradient.shape))))
        return found

    def weight_update(self, path: str, index: Index) -> Iterator[Part]:
        """Yield the update of one weight, line by line."""
        rows = [Row("gradient", "", self.show(self.trace.gradient(path)[index].item()))]
        for quantity, place in self.trace.update(path, index):
            if quantity.path:
                rows += self._update_rows(quantity, place, path)
        yield Block(tuple(rows))

    def shared_update(self, path: str, index: Index) -> Iterator[Part]:
        """Yield the numbers that the updates of all weights share."""
        shared = [step for step in self.trace.update(path, index) if not step[0].path]
        yield Block(tuple(row for quantity, place in shared for row in self._update_rows(quantity, place, "")))

    def _update_rows(self, quantity: Quantity, place: Index, path: str) -> list[Row]:
        node = self.trace.calculation(quantity, place)
        label = _in_update(quantity.name, path)
        formula = _in_update(symbolic(node), path)
        calculation = self._numeric(node)
        result = self.show(node.number)
        style = RESULT if label == "new weight" else ""
        if isinstance(node, Leaf):
            return [Row(label, formula, result, style=style)]
        if not path and len(formula) + len(calculation) <= 40:
            return [Row(label, f"{formula} = {calculation}", result)]
        return [Row(label, formula, "", style=FORMULA), Row("", calculation, result, style=style)]

    def _table(self, paths: Sequence[str]) -> Iterator[Part]:
        if self.everything:
            return
        rows = []
        every = sum(self.trace.value(path).size for path in paths)
        few = self.trace.chosen_parameters(units=SHOWN_UNITS, inputs=1)
        for path in paths:
            for index in np.ndindex(self.trace.value(path).shape) if every <= 40 else few[path]:
                old, gradient, new = (float(array[index]) for array in (self.trace.value(path), self.trace.gradient(path), self.trace.updated(path)))
                rows.append((self.trace.parameter_name(path, index), *map(self.show, (gradient, old, new))))
        yield Line(f"{len(rows)} of {every:,} weights and biases" if len(rows) < every else "all weights and biases", HEAD, 2)
        yield Grid(("", "gradient", "old", "new"), tuple(rows))

    # words

    def _numeric(self, node: Node) -> str:
        return numeric(node, self.show)

    def _label(self, quantity: Quantity) -> str:
        """Return what a quantity is called inside of its layer: ``sum``, ``output``, ``δ``."""
        if quantity.phase == "backward" and self._is_delta(quantity):
            return "δ"
        return self._short(quantity.name, quantity.layer)

    def _is_delta(self, quantity: Quantity) -> bool:
        return quantity.value in self._deltas

    @property
    def _deltas(self) -> set[object]:
        """The derivatives by the sums of units, the layers' products of matrices."""
        if not hasattr(self, "_found_deltas"):
            sums = [q.value for q in self.trace.quantities if q.phase == "forward" and (self._is_sum(q) or self._is_product(q))]
            self._found_deltas = {self.trace.cotangent(value) for value in sums} - {None}
        return set(self._found_deltas)

    def _is_product(self, quantity: Quantity) -> bool:
        """Return whether a quantity is a product of matrices of a single input, with or without a bias."""
        equation = self.trace.recording.definitions[quantity.value]
        sources = [self.trace.recording.definitions.get(value) for value in equation.inputs]
        return any(source is not None and source.op.name == "matmul" for source in (equation, *sources)) and equation.op.name in ("matmul", "add")

    def _short(self, text: str, layer: str) -> str:
        """Write a formula inside of a layer: its own names without the path, derivatives as ∂loss/∂name."""
        for delta in self._deltas:
            name = self.trace.expressions.symbol(delta)  # type: ignore[arg-type] - a value
            own = next((q.layer for q in self.trace.quantities if q.value is delta), "")
            text = re.sub(rf"(?<![\w.]){re.escape(name)}(?![A-Za-z0-9_.])", "δ" if own == layer else f"(δ of {own})" if own else "δ", text)
        text = re.sub(r"(?<![\w.])d_(?=[A-Za-z])", "∂loss/∂", text)
        return re.sub(rf"(?<![\w.]){re.escape(layer)}\.", "", text) if layer else text


def _place_of(factors: Iterable[Node]) -> str:
    """Name a term of a sum: the unit that it comes from."""
    first = next(iter(factors))
    if isinstance(first, Leaf):
        name = first.name
        place = name.removeprefix(f"{first.symbol}[").removesuffix("]") if name.startswith(f"{first.symbol}[") else name
        return f"unit {place}" if place.isdigit() else place
    return symbolic(first)


def _in_update(text: str, path: str) -> str:
    """Write a formula of the update of one parameter: ``hidden_1.weight.m.new`` is ``m.new`` there."""
    if not path:
        return text
    own = re.escape(path)
    text = re.sub(rf"(?<![\w.])d_{own}(?![A-Za-z0-9_.])", "gradient", text)
    text = re.sub(rf"(?<![\w.]){own}\.new(?![A-Za-z0-9_.])", "new weight", text)
    text = re.sub(rf"(?<![\w.]){own}\.(?=\w)", "", text)
    return re.sub(rf"(?<![\w.]){own}(?![A-Za-z0-9_.])", "weight", text)


def _last_word(text: str) -> str:
    return text.rpartition(".")[2] or text


def _zero_index(axes: int) -> Index:
    return (0,) * axes
