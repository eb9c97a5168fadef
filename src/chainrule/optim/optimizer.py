"""What an optimizer is: from gradients to the steps that are subtracted from the parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from chainrule import ops
from chainrule.errors import OptionError

Arrays = dict[str, Any]


@dataclass(frozen=True)
class Scalars:
    """The scalars that an update reads: hyper-parameters by name, ``t`` (the number of this update, from 1) and ``rate_scale``.

    They are float64 scalars, inputs of the Program and never constants, so that changing one recompiles nothing.
    """

    values: Mapping[str, Any]

    def __getitem__(self, name: str) -> Any:
        return self.values[name]

    @property
    def t(self) -> Any:
        """The number of this update, from 1."""
        return self.values["t"]


@dataclass(frozen=True)
class Optimizer:
    """A pure pair: :meth:`init` makes the state, ``update`` maps gradients to steps and the state to its successor.

    Attributes:
        name: what displays call it.
        hyper: hyper-parameters by name, with their values.
        slots: the state of each parameter: name → initial value. Slot ``m`` of ``hidden_1.weight`` is the array ``hidden_1.weight.m``.
        update: (gradients, state, parameters, scalars) → (steps, new state), all dicts by path. The new parameters are the
            parameters minus the steps. It is traced like every equation: a new optimizer is its formula.
    """

    name: str
    hyper: Mapping[str, float]
    slots: Mapping[str, float]
    update: Callable[[Arrays, Arrays, Arrays, Scalars], tuple[Arrays, Arrays]]

    def init(self, params: Mapping[str, Any]) -> Arrays:
        """Return the state before the first update for these parameters."""
        return {
            f"{path}.{slot}": ops.full(tuple(array.shape), value, str(array.dtype))
            for path, array in params.items()
            for slot, value in self.slots.items()
        }


Rule = Callable[..., tuple[Any, dict[str, Any]]]


def per_parameter(name: str, hyper: Mapping[str, float], slots: Mapping[str, float], rule: Rule) -> Optimizer:
    """Make an optimizer that treats each parameter by itself.

    ``rule(gradient, parameter, number, **slots)`` returns the step and the new slots; ``number(scalar)`` casts a scalar to the parameter's
    dtype, and ``number["lr"]`` reads one.
    """

    def update(gradients: Arrays, state: Arrays, params: Arrays, scalars: Scalars) -> tuple[Arrays, Arrays]:
        steps: Arrays = {}
        new_state: Arrays = {}
        for path, gradient in gradients.items():
            with ops.scope(layer=path):
                own = {slot: state[f"{path}.{slot}"] for slot in slots}
                step, new = rule(gradient, params[path], Numbers(scalars, str(gradient.dtype)), **own)
                steps[path] = ops.named(step, "step")
            new_state.update({f"{path}.{slot}": value for slot, value in new.items()})
        return steps, new_state

    return Optimizer(name, hyper, slots, update)


@dataclass(frozen=True)
class Numbers:
    """Scalars for one parameter: computed in float64, used in the parameter's dtype."""

    scalars: Scalars
    dtype: str

    def __getitem__(self, name: str) -> Any:
        return self(self.scalars[name], name)

    def __call__(self, scalar: Any, name: str = "") -> Any:
        """Cast a float64 scalar to the parameter's dtype."""
        if str(scalar.dtype) == self.dtype:
            return scalar
        number = ops.cast(scalar, dtype=self.dtype)
        if isinstance(number, ops.Traced):
            number.name = name
        return number


def chain(*parts: Optimizer) -> Optimizer:
    """Apply several optimizers in turn, each to the steps of the one before: ``chain(clip_by_norm(1.0), adam(1e-3))``.

    Raises:
        OptionError: two parts have a hyper-parameter or a slot of the same name.
    """
    hyper: dict[str, float] = {}
    slots: dict[str, float] = {}
    for part in parts:
        for name in (hyper.keys() & part.hyper.keys()) | (slots.keys() & part.slots.keys()):
            raise OptionError(f"two parts of the chain are both called with '{name}' ({' and '.join(p.name for p in parts)}).")
        hyper |= part.hyper
        slots |= part.slots

    def update(gradients: Arrays, state: Arrays, params: Arrays, scalars: Scalars) -> tuple[Arrays, Arrays]:
        steps = gradients
        new_state: Arrays = {}
        for part in parts:
            own = {f"{path}.{slot}": state[f"{path}.{slot}"] for path in gradients for slot in part.slots}
            steps, new = part.update(steps, own, params, scalars)
            new_state |= new
        return steps, new_state

    return Optimizer(" → ".join(part.name for part in parts), hyper, slots, update)


def positive(name: str, value: float, *, zero: bool = False, below: float | None = None) -> float:
    """Return a hyper-parameter as a float if it is in range.

    Raises:
        OptionError: it is negative (or zero, unless allowed), not below its bound, or not a number.
    """
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not (value > 0 or (zero and value == 0)):
        raise OptionError(f"{name} is {value!r} and must be a number {'of at least' if zero else 'above'} 0.")
    if below is not None and value >= below:
        raise OptionError(f"{name} is {value!r} and must be below {below:g}.")
    return float(value)
