"""The parameters of the estimators: one table of their defaults and of what each may be."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import KW_ONLY, dataclass, field, fields
from numbers import Integral, Real
from typing import Any

from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import Interval, InvalidParameterError, StrOptions, validate_parameter_constraints

from chainrule import optim
from chainrule.errors import nearest
from chainrule.estimators.words import AUTO, SCHEDULES
from chainrule.nn.activations import ACTIVATIONS
from chainrule.optim import Optimizer, Schedule
from chainrule.training.events import Event, History
from chainrule.training.loop import Plateau

COUNT = Interval(Integral, 1, None, closed="left")
SOME = Interval(Integral, 0, None, closed="left")
POSITIVE = Interval(Real, 0, None, closed="neither")


def names(known: Iterable[str]) -> StrOptions:
    """Return a constraint: one of these names, which the sentence lists in their order."""
    return StrOptions(dict.fromkeys(known).keys())


def parameter(default: Any, *may_be: Any) -> Any:
    """Declare a parameter: its default, and what it may be; scikit-learn makes the sentence for one that is out of range."""
    return field(default=default, metadata={"may be": [*may_be]})


@dataclass(eq=False, repr=False)
class Parameters(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """The parameters that classifier and regressor share; the classifier's docstring tells what they do."""

    hidden: Any = parameter((64, 32), "array-like", COUNT)
    activation: Any = parameter("relu", names(ACTIVATIONS), callable, list, tuple)
    _: KW_ONLY
    dropout: float = parameter(0.0, Interval(Real, 0, 1, closed="left"))
    loss: str | Callable[..., Any] | None = parameter(None, str, callable, None)
    optimizer: str | Optimizer = parameter("adamw", names(optim.OPTIMIZERS), Optimizer)
    lr: float = parameter(0.01, POSITIVE)
    weight_decay: float = parameter(1.0, Interval(Real, 0, None, closed="left"))
    schedule: str | Schedule = parameter("cosine", names(["constant", *SCHEDULES]), Schedule)
    plateau: Plateau | None = parameter(None, Plateau, None)
    batch_size: int | str = parameter(AUTO, names([AUTO, "all"]), COUNT)
    epochs: int | str = parameter(AUTO, names([AUTO]), COUNT)
    patience: int | None = parameter(30, SOME, None)
    valid: float | str | None = parameter(AUTO, names([AUTO]), Interval(Real, 0, 1, closed="left"), None)
    metric: str | None = parameter(None, str, None)
    until: str | Callable[[History], bool] | None = parameter(None, str, callable, None)
    time_budget: float | None = parameter(None, POSITIVE, None)
    dtype: str = parameter(AUTO, names([AUTO, "float32", "float64"]))
    categorical: Any = parameter((), "array-like")
    numeric: Any = parameter((), "array-like")
    date: Any = parameter((), "array-like")
    drop: Any = parameter((), "array-like")
    random_state: Any = parameter(None, "random_state")
    n_jobs: int | None = parameter(None, Integral, None)
    verbose: bool | int = parameter(False, "verbose")
    warm_start: bool = parameter(False, "boolean")
    on_event: Callable[[Event], None] | None = parameter(None, callable, None)

    def _validate_params(self) -> None:
        """Refuse a parameter that is out of range, in scikit-learn's sentence, with the nearest of the names that it may have."""
        for name, value in self.get_params(deep=False).items():
            may_be = self._parameter_constraints[name]
            try:
                validate_parameter_constraints({name: may_be}, {name: value}, type(self).__name__)
            except InvalidParameterError as error:
                known = [word for one in may_be if isinstance(one, StrOptions) for word in one.options]
                raise InvalidParameterError(f"{error}{nearest(value, known) if isinstance(value, str) else ''}") from None


def constraints(estimator: type) -> dict[str, list[Any]]:
    """Return what the parameters of an estimator may be, as scikit-learn takes it."""
    return {item.name: item.metadata["may be"] for item in fields(estimator)}
