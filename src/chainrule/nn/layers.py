"""Layers: frozen descriptions that make their parameters and write their equation."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from numbers import Integral, Real
from typing import Any, Protocol

import numpy as np

from chainrule import ops
from chainrule.errors import OptionError, TypeRuleError
from chainrule.ir import B, Type
from chainrule.nn.activations import Activation, activation, activations, identity, suited_initializer
from chainrule.nn.context import Context, purpose
from chainrule.nn.initializers import Initializer, initializer

Params = dict[str, np.ndarray]
INFERENCE = Context()


class Layer(Protocol):
    """What a layer is to a network: it makes its parameters, and is called with them.

    ``parameters`` gives the initializer and shape of each; ``__call__`` writes the equation on traced values, or computes it on arrays.
    """

    def parameters(self) -> Mapping[str, tuple[Initializer, tuple[int, ...]]]:
        """Return for each parameter its initializer and its shape."""

    def __call__(self, params: Mapping[str, Any], x: Any, context: Context = INFERENCE) -> Any:
        """Apply the layer; ``params`` holds its parameters under their own names."""


@dataclass(frozen=True)
class Dense:
    """``activation(x @ weight + bias)``, with ``weight`` (inputs, outputs) and ``bias`` (outputs).

    ``weight`` and ``bias`` are initializers or their names; the initializer of the weight is the one that suits the activation unless
    given. ``bias=None`` leaves the bias out.

    Raises:
        OptionError: a number is not whole and positive, or an activation or initializer is not known.
    """

    inputs: int
    outputs: int
    activation: str | Activation = "identity"
    weight: str | Initializer | None = None
    bias: str | Initializer | None = "constant"

    def __post_init__(self) -> None:
        _check_sizes(self, "inputs", "outputs")
        activation(self.activation)
        for given in (self.weight, self.bias):
            if given is not None:
                initializer(given)

    def parameters(self) -> Mapping[str, tuple[Initializer, tuple[int, ...]]]:
        """Return for each parameter its initializer and its shape."""
        weight = initializer(self.weight if self.weight is not None else suited_initializer(self.activation))
        made = {"weight": (weight, (self.inputs, self.outputs))}
        return made if self.bias is None else made | {"bias": (initializer(self.bias), (self.outputs,))}

    def __call__(self, params: Mapping[str, Any], x: Any, context: Context = INFERENCE) -> Any:
        """Return ``activation(x @ weight + bias)``; x is [rows, inputs], the result [rows, outputs]."""
        product = ops.matmul(x, params["weight"])
        total = product if self.bias is None else ops.add(ops.named(product, "product"), params["bias"])
        function = activation(self.activation)
        return ops.named(total, "output") if function is identity else ops.named(function(ops.named(total, "sum")), "output")


@dataclass(frozen=True)
class Dropout:
    """In training, sets each element to 0 with probability ``rate`` and divides the others by 1 − rate; in inference, the identity.

    (Srivastava et al. 2014, section 10, the "inverted" form.) An element is kept where its 32 random bits, as a number, are below
    (1 − rate)·2³².

    Raises:
        OptionError: the rate is out of range, or, when called in training, the context has no key.
    """

    rate: float

    def __post_init__(self) -> None:
        if not isinstance(self.rate, Real) or isinstance(self.rate, bool) or not 0.0 <= self.rate < 1.0:
            raise OptionError(f"the dropout rate is {self.rate!r} and must be a number of at least 0 and below 1.")

    def parameters(self) -> Mapping[str, tuple[Initializer, tuple[int, ...]]]:
        """Return no parameters."""
        return {}

    def __call__(self, params: Mapping[str, Any], x: Any, context: Context = INFERENCE) -> Any:
        """Return x with elements dropped, of the same type."""
        if not context.training or self.rate == 0.0:
            return x
        bits = ops.named(context.random_bits(tuple(x.shape)), "bits")
        threshold = np.uint32(min(round((1.0 - self.rate) * 2**32), 2**32 - 1))
        kept = ops.named(ops.less(bits, threshold), "kept")
        scaled = ops.named(x * (1.0 / (1.0 - self.rate)), "scaled")
        return ops.named(ops.where(kept, scaled, 0.0), "output")


@dataclass(frozen=True)
class Standardize:
    """``(x − mean) / scale``, in double precision: the first layer of a network that takes rows as they are.

    ``mean`` and ``scale`` (inputs,), float64, are buffers and not parameters: set from the training rows, they stand still. Until they
    are set they are 0 and 1.

    Raises:
        OptionError: the number of inputs is not whole and positive, or, when called, the context has no buffers.
    """

    inputs: int

    def __post_init__(self) -> None:
        _check_sizes(self, "inputs")

    def parameters(self) -> Mapping[str, tuple[Initializer, tuple[int, ...]]]:
        """Return no parameters."""
        return {}

    def buffers(self) -> Mapping[str, np.ndarray]:
        """Return for each buffer the array that it is before it is set."""
        return {"mean": np.zeros(self.inputs), "scale": np.ones(self.inputs)}

    def __call__(self, params: Mapping[str, Any], x: Any, context: Context = INFERENCE) -> Any:
        """Return x standardized, of the same type."""
        mean, scale = (context.buffer(name) for name in ("mean", "scale"))
        wide = ops.cast(x, dtype="float64")
        return ops.named(ops.cast((wide - mean) / scale, dtype=_type(x).dtype), "output")


@dataclass(frozen=True)
class Sequential:
    """Layers one after the other, each under a name that prefixes its parameters: ``hidden_1.weight``.

    ``layers`` is a mapping of names to layers, or layers alone, which are then called ``layer_1``, ``layer_2`` …

    Raises:
        OptionError: there is no layer, one is not a layer, or a name is not a word without dots.
    """

    layers: Mapping[str, Layer] = field(default_factory=dict)

    def __init__(self, layers: Mapping[str, Layer] | Iterable[Layer]) -> None:
        if not isinstance(layers, Mapping):
            layers = {f"layer_{number}": layer for number, layer in enumerate(layers, 1)}
        if not layers:
            raise OptionError("a network needs one layer at least.")
        for name, layer in layers.items():
            if not isinstance(name, str) or not name or "." in name:
                raise OptionError(f"a layer is called {name!r}; its name must be a text without dots, since dots join names to paths.")
            if not hasattr(layer, "parameters"):
                raise OptionError(f"layer '{name}' is {layer!r}, which is not a layer; an activation goes into Dense(…, activation=…).")
        object.__setattr__(self, "layers", dict(layers))

    def parameters(self) -> Mapping[str, tuple[Initializer, tuple[int, ...]]]:
        """Return for each parameter its initializer and its shape."""
        return {f"{name}.{path}": spec for name, layer in self.layers.items() for path, spec in layer.parameters().items()}

    def buffers(self) -> Mapping[str, np.ndarray]:
        """Return for each buffer, by its path, the array that it is before it is set."""
        return {f"{name}.{path}": array for name, layer in self.layers.items() for path, array in buffers_of(layer).items()}

    def types(self, dtype: str = "float32") -> dict[str, Type]:
        """Return the types of the parameters, by path; nothing is drawn."""
        return {path: Type(dtype, shape) for path, (_, shape) in self.parameters().items()}

    def init(self, seed: int = 0, dtype: str = "float32", *, without: Container[str] = ()) -> Params:
        """Return initial parameters: path → array; those of the paths in ``without`` are left out.

        Each parameter has its own stream of random numbers (NumPy's Philox, keyed by the seed and the path), so that adding a layer
        does not change the others.

        Raises:
            OptionError: the seed is not a whole number from 0 to 2⁶⁴ − 1, the dtype is not a float, or an initializer's array does not fit.
        """
        if not isinstance(seed, Integral) or isinstance(seed, bool) or not 0 <= seed < 2**64:
            raise OptionError(f"the seed is {seed!r} and must be a whole number from 0 to 2⁶⁴ − 1.")
        if dtype not in ("float32", "float64"):
            raise OptionError(f"the dtype of parameters is {dtype!r} and must be 'float32' or 'float64'.")
        return {
            path: _made(path, make, np.random.Generator(np.random.Philox(key=np.array([seed, purpose(path)], np.uint64))), shape, dtype)
            for path, (make, shape) in self.parameters().items()
            if path not in without
        }

    def _repr_html_(self) -> Any:
        return import_module("chainrule.inspect.notebook").html_of(self)  # a room above this one, opened on demand

    def input_type(self, dtype: str = "float32") -> Type:
        """Return the type of x: ``f32[B,inputs]``.

        Raises:
            OptionError: no layer says how many inputs it has.
        """
        for layer in self.layers.values():
            if isinstance(layer, (Dense, Standardize)):
                return Type(dtype, (B, layer.inputs))
            if isinstance(layer, Sequential):
                return layer.input_type(dtype)
        raise OptionError("the network has no layer that says how many inputs it takes; give the type of x: x='f32[B,4]'.")

    def __call__(self, params: Mapping[str, Any], x: Any, context: Context = INFERENCE) -> Any:
        """Apply the layers in their order; on arrays this computes the prediction.

        Raises:
            TypeRuleError: the shapes do not fit; the message names the layer and shows the chain of shapes up to it.
        """
        chain = [f"x {_type_text(x)}"]
        for name, layer in self.layers.items():
            own = {path.removeprefix(f"{name}."): value for path, value in params.items() if path.startswith(f"{name}.")}
            if missing := [path for path in layer.parameters() if path not in own]:
                raise TypeRuleError(f"parameter '{name}.{missing[0]}' is missing.")
            with ops.scope(layer=name):
                try:
                    x = layer(own, x, context.at(name))
                except TypeRuleError as error:
                    if "Shapes: " in str(error):  # an inner network has told already
                        raise
                    raise TypeRuleError(f"{str(error).rstrip('.')}. Shapes: {' → '.join([*chain, f'{name} fails'])}.") from None
            chain.append(f"{name} {_type_text(x)}")
        return x


def buffers_of(network: Any) -> Mapping[str, np.ndarray]:
    """Return for each buffer of a layer or network the array that it is before it is set; most have none."""
    return network.buffers() if hasattr(network, "buffers") else {}


def _check_sizes(layer: Any, *names: str) -> None:
    """Refuse a number of inputs or outputs that is none."""
    for name in names:
        size = getattr(layer, name)
        if not isinstance(size, Integral) or isinstance(size, bool) or size < 1:
            raise OptionError(f"a layer's number of {name} is {size!r} and must be a whole number of at least 1.")
        object.__setattr__(layer, name, int(size))  # NumPy's whole numbers are not JSON's


def _made(path: str, make: Initializer, generator: np.random.Generator, shape: tuple[int, ...], dtype: str) -> np.ndarray:
    """Return what an initializer, perhaps a person's own, makes of a parameter."""
    array = np.asarray(make(generator, shape, dtype), dtype)
    if array.shape != shape:
        raise OptionError(f"the initializer of '{path}' made an array of shape {array.shape}; the parameter has shape {shape}.")
    return array


def _type_text(x: Any) -> str:
    return str(_type(x))


def _type(x: Any) -> Type:
    return x.type if isinstance(x, ops.Traced) else Type.of(x)


def mlp(
    inputs: int,
    hidden: Sequence[int],
    outputs: int,
    *,
    activation: str | Activation | Sequence[str | Activation] = "relu",
    dropout: float = 0.0,
    weight: str | Initializer | None = None,
    bias: str | Initializer | None = "constant",
    output_weight: str | Initializer | None = None,
) -> Sequential:
    """Return a multi-layer perceptron: layers ``hidden_1``, ``hidden_2`` …, each with its activation, and ``output`` without one.

    Args:
        inputs: the number of columns of x.
        hidden: the width of each hidden layer; may be empty.
        outputs: the number of outputs (logits or values).
        activation: a name or function for all hidden layers, or one for each.
        dropout: the rate of dropout after each hidden layer, by layers ``dropout_1``, ``dropout_2`` …; 0 for none.
        weight: the initializer of weights; by default the one that suits each activation.
        bias: the initializer of biases, or ``None`` for layers without bias.
        output_weight: the initializer of the output's weight, in place of ``weight``.

    Raises:
        OptionError: a width is not a positive whole number, the numbers of activations and hidden layers differ, or a name is not known.
    """
    if isinstance(hidden, str) or not isinstance(hidden, Sequence):
        raise OptionError(f"hidden is {hidden!r} and must be a list of widths, such as [64, 64].")
    per_layer = activations(activation, len(hidden))
    between = Dropout(dropout)
    layers: dict[str, Layer] = {}
    width = inputs
    for number, (size, function) in enumerate(zip(hidden, per_layer, strict=True), 1):
        layers[f"hidden_{number}"] = Dense(width, size, function, weight, bias)
        if between.rate:
            layers[f"dropout_{number}"] = between
        width = size
    layers["output"] = Dense(width, outputs, "identity", output_weight if output_weight is not None else weight, bias)
    return Sequential(layers)
