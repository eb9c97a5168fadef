"""Initial weights. An initializer maps (generator, shape, dtype) to an array; the shape of a weight is (inputs, outputs)."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.errors import OptionError, nearest

Initializer = Callable[["np.random.Generator", tuple[int, ...], str], np.ndarray]


def _fans(shape: tuple[int, ...]) -> tuple[int, int]:
    return (shape[0], shape[-1]) if len(shape) > 1 else (shape[0], shape[0])


def uniform(low: float = -0.05, high: float = 0.05) -> Initializer:
    """U(low, high), numbers from low to high, all as likely."""
    return lambda generator, shape, dtype: generator.uniform(low, high, shape).astype(dtype)


def normal(std: float = 0.01, mean: float = 0.0) -> Initializer:
    """N(mean, std²), the normal distribution."""
    return lambda generator, shape, dtype: generator.normal(mean, std, shape).astype(dtype)


def constant(value: float = 0.0) -> Initializer:
    """The same number everywhere."""
    return lambda generator, shape, dtype: np.full(shape, value, dtype)


def given(array: Any) -> Initializer:
    """These numbers.

    Raises:
        OptionError: when used for a parameter of another shape.
    """
    numbers = np.asarray(array)

    def make(generator: np.random.Generator, shape: tuple[int, ...], dtype: str) -> np.ndarray:
        if numbers.shape != shape:
            raise OptionError(f"the given initial weights have shape {numbers.shape}; the parameter has shape {shape}.")
        return numbers.astype(dtype)

    return make


def orthogonal(gain: float = 1.0) -> Initializer:
    """A random matrix with orthonormal rows or columns, times ``gain`` (Saxe, McClelland and Ganguli 2013, section 3).

    Raises:
        OptionError: when used for a parameter that is not a matrix.
    """

    def make(generator: np.random.Generator, shape: tuple[int, ...], dtype: str) -> np.ndarray:
        if len(shape) != 2:
            raise OptionError(f"the orthogonal initializer makes matrices; the parameter has shape {shape}.")
        inputs, outputs = shape
        q, r = np.linalg.qr(generator.normal(size=(max(inputs, outputs), min(inputs, outputs))))
        q = q * np.sign(np.diag(r))  # makes the distribution uniform (Mezzadri 2007)
        return np.asarray(gain * (q if inputs >= outputs else q.T)).astype(dtype)

    return make


def _scaled(numerator: float, fan: Callable[[int, int], float], distribution: str) -> Initializer:
    """Draw with the variance ``numerator / fan(inputs, outputs)``."""

    def make(generator: np.random.Generator, shape: tuple[int, ...], dtype: str) -> np.ndarray:
        std = math.sqrt(numerator / max(fan(*_fans(shape)), 1))
        if distribution == "normal":
            return generator.normal(0.0, std, shape).astype(dtype)
        bound = math.sqrt(3.0) * std
        return generator.uniform(-bound, bound, shape).astype(dtype)

    return make


def glorot_uniform() -> Initializer:
    """U(−a, a) with a = √(6 / (inputs + outputs)) (Glorot and Bengio 2010, equation 16)."""
    return _scaled(2.0, lambda inputs, outputs: inputs + outputs, "uniform")


def glorot_normal() -> Initializer:
    """N(0, 2 / (inputs + outputs)) (Glorot and Bengio 2010, equation 12)."""
    return _scaled(2.0, lambda inputs, outputs: inputs + outputs, "normal")


def he_uniform() -> Initializer:
    """U(−a, a) with a = √(6 / inputs) (He, Zhang, Ren and Sun 2015, equation 10)."""
    return _scaled(2.0, lambda inputs, outputs: inputs, "uniform")


def he_normal() -> Initializer:
    """N(0, 2 / inputs) (He, Zhang, Ren and Sun 2015, equation 10)."""
    return _scaled(2.0, lambda inputs, outputs: inputs, "normal")


def lecun_uniform() -> Initializer:
    """U(−a, a) with a = √(3 / inputs) (LeCun, Bottou, Orr and Müller 1998, equation 16)."""
    return _scaled(1.0, lambda inputs, outputs: inputs, "uniform")


def lecun_normal() -> Initializer:
    """N(0, 1 / inputs) (LeCun, Bottou, Orr and Müller 1998, equation 16)."""
    return _scaled(1.0, lambda inputs, outputs: inputs, "normal")


INITIALIZERS: dict[str, Callable[..., Initializer]] = {
    "glorot_uniform": glorot_uniform,
    "glorot_normal": glorot_normal,
    "he_uniform": he_uniform,
    "he_normal": he_normal,
    "lecun_uniform": lecun_uniform,
    "lecun_normal": lecun_normal,
    "orthogonal": orthogonal,
    "normal": normal,
    "uniform": uniform,
    "constant": constant,
}


def initializer(name: str | Initializer) -> Initializer:
    """Return an initializer by its name, at its defaults; a function is returned as it is.

    Raises:
        OptionError: there is no initializer of that name.
    """
    if callable(name):
        return name
    if not isinstance(name, str) or name not in INITIALIZERS:
        raise OptionError(f"{name!r} is not an initializer; choose one of {', '.join(INITIALIZERS)}.{nearest(str(name), INITIALIZERS)}")
    return INITIALIZERS[name]()
