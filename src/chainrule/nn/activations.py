"""The activation functions by name, each with the initializer that suits it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from chainrule import ops
from chainrule.errors import OptionError, nearest


def identity(x: Any) -> Any:
    """f(x) = x."""
    return x


def leaky_relu(x: Any, slope: float = 0.01) -> Any:
    """f(x) = x where x > 0, else slope · x; any shape (Maas, Hannun and Ng 2013)."""
    return ops.leaky_relu(x, slope=slope)


def elu(x: Any, alpha: float = 1.0) -> Any:
    """f(x) = x where x > 0, else alpha · (exp(x) − 1); any shape (Clevert, Unterthiner and Hochreiter 2015)."""
    return ops.elu(x, alpha=alpha)


Activation = Callable[[Any], Any]

ACTIVATIONS: dict[str, Activation] = {
    "identity": identity,
    "relu": ops.relu,
    "leaky_relu": leaky_relu,
    "elu": elu,
    "selu": ops.selu,
    "gelu": ops.gelu,
    "silu": ops.silu,
    "mish": ops.mish,
    "softplus": ops.softplus,
    "softsign": ops.softsign,
    "sigmoid": ops.sigmoid,
    "tanh": ops.tanh,
}

# Glorot and Bengio 2010 for symmetric sigmoids, He et al. 2015 for rectifiers, LeCun et al. 1998 as SELU's derivation asks.
_SUITED = dict.fromkeys(("identity", "tanh", "sigmoid", "softsign"), "glorot_uniform") | {"selu": "lecun_normal"}


def activation(name: str | Activation) -> Activation:
    """Return an activation function by its name; a function is returned as it is.

    Raises:
        OptionError: there is no activation of that name.
    """
    if callable(name):
        return name
    if not isinstance(name, str) or name not in ACTIVATIONS:
        raise OptionError(f"{name!r} is not an activation; choose one of {', '.join(ACTIVATIONS)}.{nearest(str(name), ACTIVATIONS)}")
    return ACTIVATIONS[name]


def activations(given: str | Activation | Sequence[str | Activation], layers: int) -> tuple[str | Activation, ...]:
    """Return the activation of each of so many hidden layers; a single one is that of all.

    Raises:
        OptionError: there are several, and not one for each.
    """
    listed = (given,) if isinstance(given, str) or callable(given) else given
    several = tuple(str(one) if isinstance(one, str) else one for one in listed)  # an array's strings are NumPy's
    if len(several) == 1:
        return several * layers
    if len(several) != layers:
        names = ", ".join(map(activation_name, several)) or "none"
        count = f"{layers} hidden layer{'s' * (layers != 1)}"
        raise OptionError(f"{len(several)} activations ({names}) are given for {count}; give one, or one for each.")
    return several


def suited_initializer(name: str | Activation) -> str:
    """Return the name of the initializer that suits an activation: He's normal one unless another is known to fit better."""
    return _SUITED.get(activation_name(name), "he_normal")


def activation_name(function: str | Activation) -> str:
    """Return the name that an activation is known by, for displays and files."""
    if isinstance(function, str):
        return function
    known = {id(f): name for name, f in ACTIVATIONS.items()}
    base = function.func if isinstance(function, partial) else function
    return known.get(id(base)) or str(getattr(base, "__name__", base))
