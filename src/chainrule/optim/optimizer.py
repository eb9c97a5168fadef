"""What an optimizer is: from gradients to the steps that are subtracted from the parameters."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np

from chainrule import ops
from chainrule.errors import OptionError
from chainrule.ir.types import SHORT

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
            f"{path}.{slot}": np.full(array.shape, value, array.dtype)
            for path, array in params.items()
            for slot, value in self.slots.items()
        }


Rule = Callable[..., tuple[Any, dict[str, Any]]]
Shared = Callable[[Scalars], Mapping[str, Any]]


def per_parameter(name: str, hyper: Mapping[str, float], slots: Mapping[str, float], rule: Rule, shared: Shared | None = None) -> Optimizer:
    """Make an optimizer that treats each parameter by itself.

    Args:
        name: what displays call it.
        hyper: hyper-parameters by name, with their values.
        slots: the state of each parameter: name → initial value.
        rule: (gradient, parameter, numbers, **slots) → (step, new slots); arrays of one shape and dtype.
        shared: the numbers that the rule reads, by name, from the float64 scalars; the hyper-parameters if left out. They are computed once
            for all parameters, in float64, and handed to the rule in the parameter's dtype.
    """

    def update(gradients: Arrays, state: Arrays, params: Arrays, scalars: Scalars) -> tuple[Arrays, Arrays]:
        found = shared(scalars) if shared else {key: scalars[key] for key in hyper}
        numbers = {dtype: in_dtype(found, dtype) for dtype in dict.fromkeys(str(gradient.dtype) for gradient in gradients.values())}
        steps: Arrays = {}
        new_state: Arrays = {}
        for path, gradient in gradients.items():
            own = {slot: state[f"{path}.{slot}"] for slot in slots}
            with ops.scope(layer=path):
                step, new = rule(gradient, params[path], numbers[str(gradient.dtype)], **own)
                steps[path] = _named_if_new(step, "step")
                new_state.update({f"{path}.{slot}": _named_if_new(value, f"{slot}.new") for slot, value in new.items()})
        return steps, new_state

    return Optimizer(name, hyper, slots, update)


def in_dtype(numbers: Mapping[str, Any], dtype: str) -> dict[str, Any]:
    """Return float64 scalars in a parameter's dtype; listings call them ``lr_f32``."""
    found = {name: _named_if_new(value, name) for name, value in numbers.items()}
    if dtype == "float64":
        return found
    return {name: ops.named(ops.cast(value, dtype=dtype), f"{name}_{SHORT[dtype]}") for name, value in found.items()}


def _named_if_new(value: Any, name: str) -> Any:
    """Name a value that has no name: a rule may hand back what it was given, and names some values itself."""
    return value if getattr(value, "name", "") else ops.named(value, name)


def chain(*parts: Optimizer) -> Optimizer:
    """Apply several optimizers in turn, each to the steps of the one before: ``chain(clip_by_norm(1.0), adam(1e-3))``.

    Raises:
        OptionError: there is no part, or two have a hyper-parameter or a slot of the same name.
    """
    if not parts:
        raise OptionError("a chain needs one optimizer at least.")
    hyper: dict[str, float] = {}
    slots: dict[str, float] = {}
    owner: dict[str, str] = {}
    for part in parts:
        for name in (*part.hyper, *part.slots):
            if name in owner:
                raise OptionError(f"{owner[name]} and {part.name} of the chain both have a value named '{name}'; leave one of them out.")
        owner |= dict.fromkeys((*part.hyper, *part.slots), part.name)
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


def positive(name: str, value: float, *, zero: bool = False, below: float = math.inf, above: float = 0.0) -> float:
    """Return a hyper-parameter as a float if it is in range.

    Args:
        name: what the message calls it.
        value: any real number.
        zero: whether 0 is allowed.
        below: it must be less than this.
        above: it must be more than this (but for 0, if that is allowed).

    Raises:
        OptionError: it is out of range, not a number, or not finite.
    """
    number = isinstance(value, Real) and not isinstance(value, bool)
    if not number or not (above < value < below or (zero and value == 0)):
        limit = "" if below == math.inf else f" and below {below:g}"
        raise OptionError(f"{name} is {value!r} and must be a finite number {'of at least' if zero else 'above'} {above:g}{limit}.")
    return float(value)
