"""Networks, losses, optimizers and batches drawn from a seed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from chainrule import losses, nn, optim
from chainrule.backends.reference import Reference
from chainrule.ir import B, Program
from chainrule.nn.activations import ACTIVATIONS
from chainrule.training.program import without_update
from chainrule.training.state import State
from chainrule.training.step import TrainingStep, training_step
from chainrule.transforms import expand, retype, reverse

EDGES = (1, 2, 3, 5, 7, 8, 13, 16, 17, 31, 32, 45, 46, 47, 48, 49, 64, 65, 96, 100, 127, 130, 200, 300)
ROWS = (1, 2, 7, 33, 257)
OPTIMIZERS = {
    "sgd": lambda: optim.sgd(0.05, schedule=optim.cosine(20)),
    "momentum": lambda: optim.momentum(0.05, schedule=optim.step(2)),
    "nesterov": lambda: optim.nesterov(0.05, schedule=optim.exponential(0.9)),
    "rmsprop": lambda: optim.rmsprop(schedule=optim.warm_up(5)),
    "adam": lambda: optim.adam(),
    "adamw": lambda: optim.adamw(schedule=optim.one_cycle(40)),
    "rprop": lambda: optim.rprop(),
    "clipped norm": lambda: optim.chain(optim.clip_by_norm(0.1), optim.adamw()),
    "clipped value": lambda: optim.chain(optim.clip_by_value(0.01), optim.weight_decay(0.1), optim.momentum()),
}
SMOOTH = [name for name in ACTIVATIONS if name != "identity"]
ROUNDED = {  # operations whose results are rounded
    *("add", "subtract", "multiply", "divide", "matmul", "sum", "power", "sqrt"),
    *("exp", "expm1", "log", "log1p", "tanh", "sigmoid", "erf"),
}
KINK = 1e-5  # a distance from which on single precision may take the other branch


@dataclass(frozen=True, eq=False)
class Drawn:
    """A network with all that a step needs. ``data`` has 2·rows rows; ``order`` and ``meta`` are three batches, the last one ragged."""

    seed: int
    step: TrainingStep
    state: State
    data: dict[str, np.ndarray]
    rows: int
    what: str

    @cached_property
    def program(self) -> Program:
        """The training Program."""
        signature = self.step.signature_with_weights() if "w" in self.data else self.step.signature
        return self.step.compiled(signature).program

    @cached_property
    def gradients(self) -> Program:
        """The Program of the loss and of all gradients."""
        return reverse(without_update(self.program), self.step.trainable, of="loss")

    def batches(self, steps: int = 3) -> tuple[np.ndarray, np.ndarray]:
        """Return the order of rows and what each step's batch is."""
        order = np.random.default_rng(self.seed).permutation(2 * self.rows)
        meta = np.array([[(k % 2) * self.rows, self.rows, k // 2, k % 2] for k in range(steps)], np.int64)
        meta[-1, 1] = max(self.rows - 1, 1)
        return order, meta

    def by_reference(
        self, order: np.ndarray, meta: np.ndarray, *, otherwise_rounded: bool = False
    ) -> tuple[list[np.ndarray], dict[str, np.ndarray]]:
        """Return the losses of some steps, and the state after them.

        If it is otherwise rounded, the result of each rounded operation goes to a number next to it or stays, at random
        (D. S. Parker, Monte Carlo Arithmetic, 1997).
        """
        generator = np.random.default_rng(self.seed)

        def watch(equation: Any, results: tuple[np.ndarray, ...]) -> None:
            if equation.op.name in ROUNDED and type(results[0]) is np.ndarray and results[0].dtype.kind == "f":
                results[0][...] *= 1.0 + generator.integers(-1, 2, results[0].shape) * np.finfo(results[0].dtype).eps

        program = expand(self.program) if otherwise_rounded else self.program
        reference, now, found = Reference(program), self.state.inputs({}), []
        for start, count, epoch, number in meta:
            batch = {name: array[order[start : start + count]] for name, array in self.data.items()}
            inputs = {**now, **batch, "epoch": np.asarray(epoch, np.uint32), "step": np.asarray(number, np.uint32)}
            outputs = reference(inputs, watch if otherwise_rounded else None)
            found.append(outputs.pop("loss"))
            now = now | outputs
        return found, now

    def far_from_kinks(self) -> np.ndarray:
        """Return for each row whether every choice that depends on it is clear in single precision."""
        clear = np.ones(2 * self.rows, bool)
        values: dict[Any, np.ndarray] = {}

        def watch(equation: Any, results: tuple[np.ndarray, ...]) -> None:
            values.update(zip(equation.outputs, results, strict=True))
            name, operands = equation.op.name, [values[value] for value in equation.inputs if value in values]
            if name not in ("maximum", "minimum", "less", "less_equal", "abs", "sign") or len(operands) < len(equation.inputs):
                return
            if operands[0].dtype.kind == "f" and equation.outputs[0].type.shape[:1] == (B,):
                distance = np.abs(operands[0] - (operands[1] if len(operands) > 1 else 0.0))
                clear[np.argwhere(distance < KINK)[:, 0]] = False

        exact = retype(without_update(self.program), "float64")
        inputs = self.state.inputs(self.data)
        arrays = {port.name: np.asarray(inputs[port.name], port.type.dtype) for port in exact.inputs}
        values.update({port.value: arrays[port.name] for port in exact.inputs})
        Reference(exact)(arrays, watch)
        return clear


def draw(seed: int, dtype: str) -> Drawn:
    """Return the network of a seed."""
    r = np.random.default_rng(seed)
    depth = int(r.integers(0, 4)) if seed % 10 else 6
    widths = [int(r.choice(EDGES) if r.random() < 0.5 else r.integers(1, 301)) for _ in range(depth + 1)]
    if depth == 6:
        widths[2:] = [width // 5 + 1 for width in widths[2:]]  # deep ones are narrow: they take their time otherwise
    outputs = int(r.choice((1, 2, 3, 10, 17, 33)))
    names = list(losses.LOSSES)
    loss = names[seed % len(names)]
    activations = [SMOOTH[int(r.integers(len(SMOOTH)))] for _ in widths[1:]]
    dropout = float(r.choice((0.0, 0.0, 0.3))) if depth else 0.0
    net = nn.mlp(widths[0], widths[1:], outputs, activation=activations, dropout=dropout)
    options = {"class_weights": np.linspace(0.5, 2, outputs), "label_smoothing": 0.1} if loss == "cross_entropy" and seed % 4 == 0 else {}

    def measured(prediction: Any, target: Any, weights: Any = None) -> Any:
        return losses.LOSSES[loss](prediction, target, weights, **options)

    optimizer = list(OPTIMIZERS.values())[seed % len(OPTIMIZERS)]()
    labels = loss == "cross_entropy"
    short = {"float32": "f32", "float64": "f64"}[dtype]
    frozen = ("hidden_1.weight",) if depth > 1 and seed % 5 == 0 else ()
    step = training_step(
        net, measured, optimizer, y="i64[B]" if labels else f"{short}[B,{outputs}]", dtype=dtype, frozen=frozen
    )  # fmt: skip
    rows = ROWS[seed % len(ROWS)]
    x = r.standard_normal((2 * rows, widths[0])).astype(dtype)
    y = r.integers(0, outputs, 2 * rows) if labels else r.random((2 * rows, outputs)).astype(dtype)
    data = {"x": x, "y": y} | ({"w": r.random(2 * rows).astype(dtype)} if seed % 3 == 0 else {})
    what = f"seed {seed}: {widths} {outputs} {activations} {loss} {optimizer.name} rows {rows} dropout {dropout} {frozen} {dtype}"
    return Drawn(seed, step, step.init(seed), data, rows, what)


def error(got: Any, expected: Any) -> float:
    """Return the largest difference, relative to the largest entry of what is expected."""
    scale = float(np.abs(expected).max(initial=0.0))
    return float(np.abs(np.asarray(got, np.float64) - expected).max(initial=0.0)) / (scale or 1.0)
