"""From Program to Program; each result is verified."""

from chainrule.transforms.expand import expand
from chainrule.transforms.gradient import grad, value_and_grad
from chainrule.transforms.retype import retype
from chainrule.transforms.reverse import reverse
from chainrule.transforms.simplify import simplify

__all__ = ["expand", "grad", "retype", "reverse", "simplify", "value_and_grad"]
