"""What an estimator has learned, under the names that scikit-learn's users know."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

from chainrule.estimators.inputs import Array
from chainrule.estimators.steps import Shape
from chainrule.optim import Optimizer
from chainrule.training.state import State
from chainrule.training.step import TrainingStep

Method = TypeVar("Method", bound=Callable[..., Any])


def whole_or_not_at_all(learn: Method) -> Method:
    """Let a method that learns leave its estimator as it was, where it fails or is broken off: no encoder beside another one's weights."""

    @wraps(learn)
    def learning(self: Any, *given: Any, **options: Any) -> Any:
        before = vars(self).copy()
        try:
            return learn(self, *given, **options)
        except BaseException:
            vars(self).clear()
            vars(self).update(before)
            raise

    return cast(Method, learning)


def for_optimizer(optimizer: Optimizer, step: TrainingStep, state: State) -> State:
    """Return a state with the numbers of an optimizer; where it is that of another one, it begins anew with those of a ``step``."""
    if {f"{path}.{slot}" for path in state.params for slot in optimizer.slots} != state.optimizer.keys():
        state = replace(step.init(state.seed, state.params), epoch=state.epoch, step=state.step)
    return replace(state, hyper=dict(optimizer.hyper))


class Learned:
    """The attributes of a trained network."""

    _task: ClassVar[str]
    state_: State
    answers_: Any
    shape_: Shape
    history_: list[dict[str, Any]]
    if TYPE_CHECKING:
        metric: str | None
    else:

        def __getattr__(self, name: str) -> Any:
            """Name the attribute that was asked for, and not the one that it is made from."""
            before = " before fit" if name.endswith("_") and "state_" not in vars(self) else ""
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}{before}")

    @property
    def coefs_(self) -> list[Array]:
        """Return the weights (inputs, outputs) of each layer, for inputs as ``encoder_`` makes them."""
        return [self.state_.params[path] for path in self.state_.params if path.endswith(".weight")]

    @property
    def intercepts_(self) -> list[Array]:
        """Return the biases (outputs,) of each layer."""
        return [self.state_.params[path] for path in self.state_.params if path.endswith(".bias")]

    @property
    def n_outputs_(self) -> int:
        """Return how many outputs the network has."""
        return self.shape_.outputs

    @property
    def n_layers_(self) -> int:
        """Return the number of layers, those of inputs and outputs included."""
        return len(self.shape_.hidden) + 2

    @property
    def n_iter_(self) -> int:
        """Return the number of epochs."""
        return len(self.history_)

    @property
    def loss_curve_(self) -> list[float]:
        """Return the training loss of each epoch."""
        return [row["loss"] for row in self.history_]

    @property
    def loss_(self) -> float:
        """Return the training loss of the last epoch."""
        return self.loss_curve_[-1]

    @property
    def validation_curve_(self) -> list[float] | None:
        """Return the watched value (``metric``, or the loss) on the validation rows after each epoch; ``None`` without such rows."""
        name = f"valid_{self.metric or 'loss'}"
        return [row[name] for row in self.history_] if self.history_ and all(name in row for row in self.history_) else None
