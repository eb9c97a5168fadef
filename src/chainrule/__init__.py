"""Chainrule trains neural networks on your tables by backpropagation, and shows every number of it."""

__version__ = "0.1.0"
