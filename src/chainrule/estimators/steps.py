"""Programs, made once for networks of the same shape: rates and other numbers are inputs of a Program and change nothing in it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import Any, TypeAlias

from chainrule import nn
from chainrule.ir import B, Type
from chainrule.optim import Optimizer, Schedule
from chainrule.training.predictor import Predictor
from chainrule.training.program import Signature, inference_program
from chainrule.training.step import TrainingStep, training_step

_MOST_KEPT = 64

Head: TypeAlias = Callable[[Any, Mapping[str, Any]], dict[str, Any]]


@dataclass(frozen=True)
class Known:
    """A function or optimizer that is compared by a key, which decides its equations."""

    key: Hashable
    value: Any = field(compare=False)


def known_loss(loss: Callable[..., Any]) -> Known:
    """Return a loss, known by itself; a partial by its parts, since it is another object each time it is copied."""
    if isinstance(loss, partial):
        return Known((loss.func, loss.args, tuple(sorted(loss.keywords.items()))), loss)
    return Known(loss, loss)


def known_optimizer(given: str | Optimizer, schedule: Schedule | None, by_name: bool, made: Optimizer) -> Known:
    """Return an optimizer, known by its name and that of its schedule; one that is given is known by its very function."""
    if isinstance(given, Optimizer):
        return Known(given.update, made)
    return Known((given, schedule and (schedule.name if by_name else schedule.factor)), made)


@dataclass(frozen=True)
class Shape:
    """A multi-layer perceptron, as :func:`chainrule.nn.mlp` takes it; plain data, as far as its activations are names."""

    inputs: int
    hidden: tuple[int, ...]
    activations: tuple[Any, ...]
    outputs: int
    dropout: float
    dtype: str

    def network(self) -> nn.Sequential:
        """Return the network."""
        return nn.mlp(self.inputs, self.hidden, self.outputs, activation=self.activations, dropout=self.dropout)


@dataclass(frozen=True)
class Plan:
    """What the equations of a training step depend on.

    Attributes:
        shape, loss, optimizer: of the training.
        y: the type of the target, by default that of the prediction.
        standardizes: whether the network takes rows as they are, and standardizes them first: in ``standardize``.
    """

    shape: Shape
    loss: Known
    y: str | None
    optimizer: Known
    standardizes: bool = False

    def network(self) -> nn.Sequential:
        """Return the network."""
        network = self.shape.network()
        first = {"standardize": nn.Standardize(self.shape.inputs)} if self.standardizes else {}
        return nn.Sequential(first | dict(network.layers))


def step_of(plan: Plan) -> TrainingStep:
    """Return the training step of a plan: the one that was made before, if there is one.

    The numbers of its optimizer may be those of another plan; a state's ``hyper`` decides.
    """
    step: TrainingStep = _kept(_step, plan)
    return step


def predictor(shape: Shape, layer: str | None = None, head: Head | None = None) -> Predictor:
    """Return what predicts with a network of this shape, or gives the outputs of one of its layers; that which was made before, if any.

    ``head`` is what inference makes of the outputs, see :func:`~chainrule.training.program.inference_program`.
    """
    found: Predictor = _kept(_predictor, shape, layer, head)
    return found


def _step(plan: Plan) -> TrainingStep:
    return training_step(plan.network(), plan.loss.value, plan.optimizer.value, y=plan.y, dtype=plan.shape.dtype)


def _predictor(shape: Shape, layer: str | None, head: Head | None) -> Predictor:
    layers = dict(shape.network().layers)
    names = list(layers)
    network = nn.Sequential({name: layers[name] for name in names[: 1 + names.index(layer or names[-1])]})
    x = Type(shape.dtype, (B, shape.inputs))
    return Predictor(inference_program(network, network.types(shape.dtype), {}, Signature(x, x), head))


def _kept(make: Callable[..., Any], *description: Hashable) -> Any:
    try:
        hash(description)
    except TypeError:  # something was given that cannot be compared
        return make(*description)
    return _made(make, *description)


@lru_cache(maxsize=_MOST_KEPT)
def _made(make: Callable[..., Any], *description: Hashable) -> Any:
    return make(*description)
