"""Gradients of Python functions: trace, reverse, run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.errors import DerivativeError
from chainrule.ir import Value
from chainrule.ops.tracing import inline, trace_with_structure
from chainrule.ops.tree import convert, leaves, rebuild
from chainrule.transforms.reverse import reverse


def value_and_grad(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that gives the value of ``function`` and its gradient by the first argument.

    ``function`` returns a float scalar. Its first argument is an array, or a dict or tuple of arrays; the gradient has the same
    structure, shapes and dtypes. The result can be used in functions that are differentiated again.

    Raises:
        DerivativeError: the value is not a float scalar, or the first argument is not made of floats.
    """

    def evaluate(*arguments: Any) -> tuple[Any, Any]:
        arguments = tuple(convert(lambda leaf: leaf if isinstance(leaf, Value) else np.asarray(leaf), tree) for tree in arguments)
        program, result = trace_with_structure(function, *arguments)
        if len(program.outputs) != 1 or isinstance(result, (dict, tuple, list)):
            raise DerivativeError(f"the function returned {len(program.outputs)} values; its gradient is defined for one scalar.")
        wrt = [port.name for port, _ in zip(program.inputs, leaves(arguments[0]), strict=False)]
        value, *grads = inline(reverse(program, wrt, of="out"), [leaf for _, leaf in leaves(arguments)])
        own = (gradient if isinstance(gradient, Value) else np.array(gradient) for gradient in grads)  # repeated zeros are read-only
        return value, rebuild(arguments[0], own)

    return evaluate


def grad(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that gives the gradient of ``function`` by its first argument; see :func:`value_and_grad`."""
    evaluate = value_and_grad(function)
    return lambda *arguments: evaluate(*arguments)[1]
