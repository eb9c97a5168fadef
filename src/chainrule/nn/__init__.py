"""Layers and initializers: a layer is its equation."""

from chainrule.nn.activations import ACTIVATIONS, activation
from chainrule.nn.context import Context
from chainrule.nn.initializers import (
    INITIALIZERS,
    Initializer,
    constant,
    given,
    glorot_normal,
    glorot_uniform,
    he_normal,
    he_uniform,
    lecun_normal,
    lecun_uniform,
    normal,
    orthogonal,
    uniform,
)
from chainrule.nn.layers import Dense, Dropout, Layer, Sequential, Standardize, buffers_of, mlp

__all__ = [
    "ACTIVATIONS",
    "INITIALIZERS",
    "Context",
    "Dense",
    "Dropout",
    "Initializer",
    "Layer",
    "Sequential",
    "Standardize",
    "activation",
    "buffers_of",
    "constant",
    "given",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "lecun_normal",
    "lecun_uniform",
    "mlp",
    "normal",
    "orthogonal",
    "uniform",
]
