"""The reference: an interpreter over the meanings in the primitives' records. It defines what every program means."""

from chainrule.backends.reference.interpreter import Reference, evaluate

__all__ = ["Reference", "evaluate"]
