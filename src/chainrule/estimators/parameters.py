"""The parameters of the estimators: one table of their defaults and of what each may be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass, field, fields
from functools import wraps
from numbers import Integral, Real
from typing import Any, TypeVar

from sklearn.base import BaseEstimator

from chainrule import optim
from chainrule.errors import nearest
from chainrule.estimators.constraints import COUNT, POSITIVE, SOME, Each, Number, check, names
from chainrule.estimators.words import AUTO, SCHEDULES
from chainrule.nn.activations import ACTIVATIONS
from chainrule.optim import Optimizer, Schedule
from chainrule.training.events import Event, History
from chainrule.training.loop import Plateau
from chainrule.training.metrics import METRICS
from chainrule.training.tasks import LOSSES_OF

Estimator = TypeVar("Estimator", bound="Parameters")

WIDTH = Number(Integral, 1, 100_000, closed="both")
ACTIVATION = (names(ACTIVATIONS), callable)
COLUMNS = Each(str, Integral, entries="names of columns")


def parameter(default: Any, *may_be: Any) -> Any:
    """Declare a parameter: its default, and what it may be; scikit-learn makes the sentence for one that is out of range."""
    return field(default=default, metadata={"may_be": [*may_be]})


@dataclass(eq=False, repr=False)
class Parameters(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """The parameters that classifier and regressor share; the classifier's docstring tells what they do."""

    hidden: Any = parameter((64, 32), WIDTH, Each(WIDTH))
    activation: Any = parameter("relu", *ACTIVATION, Each(*ACTIVATION))
    _: KW_ONLY
    dropout: float = parameter(0.0, Number(Real, 0, 1, closed="left"))
    loss: str | Callable[..., Any] | None = parameter(None)  # what it may be depends on the task
    optimizer: str | Optimizer = parameter("adamw", names(optim.OPTIMIZERS), Optimizer)
    lr: float = parameter(0.01, POSITIVE)
    weight_decay: float = parameter(1.0, Number(Real, 0, None, closed="left"))
    schedule: str | Schedule = parameter("cosine", names(["constant", *SCHEDULES]), Schedule)
    plateau: Plateau | None = parameter(None, Plateau, None)
    batch_size: int | str = parameter(AUTO, names([AUTO, "all"]), COUNT)
    epochs: int | str = parameter(AUTO, names([AUTO]), COUNT)
    patience: int | None = parameter(30, SOME, None)
    valid: float | str | None = parameter(AUTO, names([AUTO]), Number(Real, 0, 1, closed="left"), None)
    metric: str | None = parameter(None)  # as above
    until: str | Callable[[History], bool] | None = parameter(None, str, callable, None)
    time_budget: float | None = parameter(None, POSITIVE, None)
    dtype: str = parameter(AUTO, names([AUTO, "float32", "float64"]))
    categorical: Any = parameter((), COLUMNS)
    numeric: Any = parameter((), COLUMNS)
    date: Any = parameter((), COLUMNS)
    drop: Any = parameter((), COLUMNS)
    missing: Any = parameter(None, Each(str, Real, entries="words or numbers"), None)
    random_state: Any = parameter(None, "random_state")
    n_jobs: int | None = parameter(None, COUNT, Number(Integral, None, -1, closed="right"), None)
    verbose: bool | int = parameter(False, "verbose")
    warm_start: bool = parameter(False, "boolean")
    on_event: Callable[[Event], None] | None = parameter(None, callable, None)

    def _validate_params(self) -> None:
        """Refuse a parameter that is out of range; a ``ParameterError`` says what it may be."""
        for name, value in self.get_params(deep=False).items():
            check(name, value, self._parameter_constraints[name], type(self).__name__)


def with_hints(estimator: type[Estimator]) -> type[Estimator]:
    """Let the constructor of an estimator name, for each parameter that it lacks, the one that is meant; its signature stays."""
    construct, known = estimator.__init__, [item.name for item in fields(estimator)]

    @wraps(construct)
    def constructed(self: Any, *given: Any, **parameters: Any) -> None:
        if unknown := [name for name in parameters if name not in known]:
            owner = type(self).__name__
            raise TypeError(" ".join(f"{owner} has no parameter {name!r}.{nearest(name, known)}" for name in unknown))
        construct(self, *given, **parameters)

    estimator.__init__ = constructed  # type: ignore[method-assign]
    return estimator


def constraints(estimator: type, task: str) -> dict[str, list[Any]]:
    """Return what the parameters of an estimator may be, as scikit-learn takes it; losses and metrics are those of its task."""
    of_task = {
        "loss": [names(LOSSES_OF[task]), callable, None],  # type: ignore[index]  # one of the two tasks
        "metric": [names(name for name in METRICS if METRICS[name].task == task), None],
    }
    return {item.name: item.metadata["may_be"] for item in fields(estimator)} | of_task
