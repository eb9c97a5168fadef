"""Whether what is switched on does something, by running the step with it and without it: dropout, weight decay, clipping, row weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from chainrule.backends.reference import evaluate
from chainrule.inspect.check.backward import Backward
from chainrule.inspect.check.subject import Subject
from chainrule.inspect.check.witnesses import typed
from chainrule.inspect.reading.recording import Recording
from chainrule.ir import Equation, Program, Value
from chainrule.transforms import retype

_SIGMAS = 5.0
"""A share of random bits may be so many standard deviations from its rate: by chance it is further away once in a million times."""

_EXACT = 1e-9

Arrays = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Finding:
    """What was found of one thing that a training can switch on: its name, whether it works, a sentence with the figures, the figures.

    ``ok`` is ``None`` for what the training does not use.
    """

    name: str
    ok: bool | None
    said: str
    figures: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the finding as JSON-ready data."""
        return {"name": self.name, "ok": self.ok, "said": self.said, **self.figures}


class Switches:
    """The experiments.

    Args:
        subject: what is put to the test.
    """

    def __init__(self, subject: Subject) -> None:
        self.subject, self.state, self.batch = subject, subject.state, subject.batch
        self.backward = Backward(subject.training)
        self.exact = retype(subject.training, "float64")
        self.arrays = typed(self.exact, self.state.inputs(self.batch))

    def findings(self) -> tuple[Finding, ...]:
        """Run all of them."""
        return (*self.dropout(), self.weight_decay(), *self.clipping(), *self.row_weights(), *self.frozen(), self.update())

    # dropout

    def dropout(self) -> Iterator[Finding]:
        """Yield for each layer of dropout which share it drops, and whether another step draws other bits."""
        described = {layer["layer"]: layer["does"] for layer in self.subject.layers if layer["does"].startswith("dropout ")}
        draws = {equation.layer: equation for equation in self.subject.training.equations if equation.op.name == "random_bits"}
        in_inference = any(equation.op.name == "random_bits" for equation in self.subject.inference.equations)
        if not described and not draws:
            yield Finding("dropout", None, "this network has none")
            return
        runs = [self._recorded(step) for step in (self.state.step, self.state.step, self.state.step + 1)]
        for layer in dict.fromkeys((*described, *draws)):
            rate = float(described[layer].split()[1]) if layer in described else None
            mask = None if layer not in draws else self._mask(draws[layer])
            if mask is None:
                yield Finding(layer, False, f"is to drop {_share(rate)} of its inputs, and drops none", {"rate": rate, "dropped": 0.0})
                continue
            yield self._judged(layer, rate, mask, runs, in_inference)

    def _judged(self, layer: str, rate: float | None, mask: Equation, runs: list[Recording], in_inference: bool) -> Finding:
        kept, again, next_step = (run.values[mask.outputs[0]] for run in runs)
        threshold = float(np.asarray(runs[0].values[mask.inputs[1]])) / 2**32
        rate = 1.0 - threshold if rate is None else rate
        dropped = 1.0 - float(kept.mean())
        others = float((kept != next_step).mean())
        spread = (rate * (1.0 - rate) / kept.size) ** 0.5
        problems = [
            text
            for wrong, text in (
                (abs(dropped - rate) > _SIGMAS * spread + 0.5 / kept.size, "that is too far from its rate"),
                (not np.array_equal(kept, again), "the same step draws other bits when it is repeated"),
                (rate > 0.0 and kept.size * rate > 20 and not others, "the next step drops the same ones"),
                (in_inference, "prediction drops too, and should not"),
                (not self._scaled(mask, rate, runs[0]), f"those it keeps are not multiplied by 1/(1 − {rate:g}), or the others are not 0"),
            )
            if wrong
        ]
        figures = {"rate": rate, "dropped": dropped, "differs_next_step": others, "in_prediction": in_inference}
        share = f"drops {_share(dropped)} of {kept.size:,} outputs (rate {_share(rate)})"
        if problems:
            return Finding(layer, False, f"{share}: {'; '.join(problems)}", figures)
        return Finding(layer, True, f"{share} and scales the others up; other ones in the next step, none in prediction", figures)

    def _recorded(self, step: int) -> Recording:
        return Recording(self.subject.training, {**self.state.inputs(self.batch), "step": np.asarray(step, np.uint32)})

    def _mask(self, draw: Equation) -> Equation | None:
        users = (e for e in self.subject.training.equations if draw.outputs[0] in e.inputs)
        return next((e for e in users if e.op.name == "less" and e.inputs[0] is draw.outputs[0]), None)

    def _scaled(self, mask: Equation, rate: float, run: Recording) -> bool:
        """Return whether what is kept leaves the layer 1/(1 − rate) times as large, and the rest as 0."""
        kept = mask.outputs[0]
        chosen = next((e for e in run.program.equations if e.phase == "forward" and e.op.name == "where" and e.inputs[0] is kept), None)
        scaling = None if chosen is None else run.definitions.get(chosen.inputs[1])
        if chosen is None or scaling is None:
            return False
        entered, left, mask_array = (run.values[v].astype(np.float64) for v in (scaling.inputs[0], chosen.outputs[0], kept))
        return np.allclose(left, mask_array * entered / (1.0 - rate), rtol=1e-5, atol=1e-30)

    # the update

    def weight_decay(self) -> Finding:
        """Take the step with weight decay and without it; the difference is the decay."""
        decay = self.state.hyper.get("weight_decay")
        if decay is None:
            return Finding("weight decay", None, f"{self.subject.optimizer} has none")
        if decay == 0:
            return Finding("weight decay", None, "it is 0")
        with_it, without = self._plain_step, self._step(weight_decay=0.0)
        paths = self.backward.trainable
        moved = {path: without[path] - with_it[path] for path in paths}
        figures: dict[str, Any] = {"weight_decay": decay, "parameters": [path for path in paths if moved[path].any()]}
        shrunk = [path for path in paths if moved[path].any()]
        if not shrunk:
            return Finding("weight decay", False, f"it is {decay:g}, and changes no weight", figures)
        rate = self._value("rate", self.state.hyper.get("lr", 1.0) * self.state.rate_scale)
        spared = "biases are spared" if len(shrunk) < len(paths) else "so do biases"
        if self.subject.optimizer != "adamw":
            return Finding("weight decay", True, f"{decay:g} changes the update of {', '.join(shrunk)}", figures)
        error = max((self._decay_error(path, moved[path], rate * decay) for path in paths), default=0.0)
        figures["relative_error"] = error
        factor = f"{rate:.4g} · {decay:g} of itself (rate · decay)"
        if error <= _EXACT:
            return Finding("weight decay", True, f"each weight shrinks by {factor}, exactly; {spared}", figures)
        said = f"each weight should shrink by {factor}, and is off by up to {error:.1e} of the largest"
        return Finding("weight decay", False, said, figures)

    def _decay_error(self, path: str, moved: np.ndarray, factor: float) -> float:
        """Return how far the decay of a parameter is from ``factor`` times itself, relative to that and beyond rounding."""
        weight = self.arrays[path]
        if weight.ndim < 2 and not moved.any():
            return 0.0  # a bias that is spared
        expected = factor * weight
        rounding = 8 * np.finfo(np.float64).eps * (np.abs(weight) + np.abs(self._plain_step[path]))
        largest = float(np.abs(expected).max(initial=0.0))
        beyond = float(np.maximum(np.abs(moved - expected) - rounding, 0.0).max(initial=0.0))
        return beyond / largest if largest else 0.0

    def clipping(self) -> Iterator[Finding]:
        """Yield for each limit of the rule whether the clipped gradients keep to it, and to half of what they are."""
        for name, operation, size in (("clip_norm", "multiply", _norm), ("clip_value", "maximum", _largest)):
            if name in self.state.hyper:
                yield self._clipped(name, operation, size)

    def _clipped(self, name: str, operation: str, size: Callable[[Arrays], float]) -> Finding:
        limit = float(self.state.hyper[name])
        own = size(self._clipped_gradients(name, limit, operation))
        tight = own / 2 or limit  # where it must bite, whatever the limit of the run
        halved = size(self._clipped_gradients(name, tight, operation))
        whole = size(self._gradients)
        ok = not whole or (own <= limit * (1 + _EXACT) and abs(halved - tight) <= _EXACT * tight)
        figures = {"limit": limit, "gradient": whole, "clipped": own, "limit_tried": tight, "clipped_then": halved}
        what = "norm" if name == "clip_norm" else "largest element"
        tried = f"with {tight:.4g} as the limit it becomes {halved:.4g}"
        said = f"the gradient's {what} is {whole:.4g} and, clipped at {limit:g}, {own:.4g}; {tried}"
        return Finding(name.replace("_", " "), ok, said, figures)

    def _clipped_gradients(self, name: str, limit: float, operation: str) -> Arrays:
        run = Recording(self.exact, {**self.arrays, name: np.asarray(limit, np.float64)})
        wanted = {f"{path}.clipped": path for path in self.backward.trainable}
        found = [e for e in run.program.equations if e.outputs[0].name in wanted and e.op.name == operation]
        return {wanted[e.outputs[0].name]: run.values[e.outputs[0]] for e in found}

    def row_weights(self) -> Iterator[Finding]:
        """Yield whether a row of weight 0 counts as if it were left out; the last one, so that dropout draws the same for the others."""
        if "w" not in self.batch:
            return
        if len(self.batch["w"]) < 2 or not self.batch["w"][:-1].any():
            yield Finding("row weights", None, "too few rows to try")
            return
        program = retype(self.backward.loss, "float64")
        weights = self.batch["w"].copy()
        weights[-1] = 0.0
        ignored = float(self._loss(program, self.batch | {"w": weights}))
        left_out = float(self._loss(program, {name: array[:-1] for name, array in self.batch.items()}))
        figures = {"loss_with_weight_0": ignored, "loss_left_out": left_out}
        if abs(ignored - left_out) <= 1e-12 * max(abs(left_out), 1.0):
            yield Finding("row weights", True, f"a row of weight 0 counts as if it were left out (loss {left_out:.6g})", figures)
        else:
            said = f"the loss with a row of weight 0 is {ignored:.9g}, and without the row {left_out:.9g}"
            yield Finding("row weights", False, said, figures)

    def _loss(self, program: Program, batch: dict[str, np.ndarray]) -> np.ndarray:
        return evaluate(program, typed(program, self.state.inputs(batch)))["loss"]

    def frozen(self) -> Iterator[Finding]:
        """Yield which parameters the step leaves as they are."""
        results = evaluate(self.subject.training, self.state.inputs(self.batch))
        still = [port.name for port in self.subject.training.by_role("parameter") if port.name not in self.backward.trainable]
        if still:
            moved = [path for path in still if not np.array_equal(results.get(path, self.state.params[path]), self.state.params[path])]
            said = f"{', '.join(moved)} moved" if moved else f"{', '.join(still)} stand still"
            yield Finding("frozen", not moved, said, {"parameters": still})

    def update(self) -> Finding:
        """Take two steps, and count what has changed: a rule such as rprop lets a weight rest for one.

        What has not is to change in float64 at a rate as large as need be, or the rule does nothing to it.
        """
        changed = self._changed(self.subject.training, self.state.rate_scale)
        weights = sum(mask.size for mask in changed.values())
        moved = sum(int(mask.sum()) for mask in changed.values())
        asleep = [path for path in changed if not changed[path].any()]
        far = self._changed(self.exact, self.state.rate_scale * 2.0**60) if asleep else {}
        stuck = [path for path in asleep if self._gradients[path].any() and not far[path].any()]
        figures = {"weights": weights, "changed": moved, "unchanged_parameters": asleep}
        if stuck:
            return Finding("update", False, f"two steps change no number of {', '.join(stuck)}, whose gradient is not 0", figures)
        if moved == weights:
            return Finding("update", True, f"two steps change all {weights:,} weights and biases", figures)
        small = any((self._gradients[path] != 0)[~mask].any() for path, mask in changed.items())
        whole = f", none of {', '.join(asleep)}" if asleep else ""
        said = f"two steps change {moved:,} of {weights:,} weights and biases{whole}; the gradient of the others is "
        said += f"too small for {self.subject.dtype}, or 0" if small else "0"
        return Finding("update", True, said, figures)

    def _changed(self, program: Program, rate_scale: float) -> dict[str, np.ndarray]:
        """Take two steps with a program, and return which numbers of each parameter are others than before."""
        arrays = before = typed(program, self.state.inputs(self.batch) | {"rate_scale": np.asarray(rate_scale)})
        changed = {path: np.zeros(before[path].shape, bool) for path in self.backward.trainable}
        for _ in range(2):
            results = evaluate(program, arrays)
            arrays = {**arrays, **{name: array for name, array in results.items() if name in arrays}, "step": arrays["step"] + np.uint32(1)}
            changed = {path: mask | (arrays[path] != before[path]) for path, mask in changed.items()}
        return changed

    @cached_property
    def _gradients(self) -> Arrays:
        return self.backward.gradients(self.backward.derived, self.arrays, "float64")

    @cached_property
    def _plain_step(self) -> Arrays:
        return self._step()

    def _step(self, **hyper: float) -> Arrays:
        return evaluate(self.exact, {**self.arrays, **{name: np.asarray(value, np.float64) for name, value in hyper.items()}})

    def _value(self, name: str, otherwise: float) -> float:
        """Return a scalar that the step computes, by its name."""
        run = Recording(self.exact, self.arrays)
        found: list[Value] = [value for value in run.values if value.name == name and not value.type.shape]
        return float(run.values[found[0]]) if found else otherwise


def _share(share: float | None) -> str:
    return "a part" if share is None else f"{100 * share:.1f}%"


def _norm(gradients: Arrays) -> float:
    return float(np.sqrt(sum(float((g * g).sum()) for g in gradients.values())))


def _largest(gradients: Arrays) -> float:
    return max((float(np.abs(g).max(initial=0.0)) for g in gradients.values()), default=0.0)
