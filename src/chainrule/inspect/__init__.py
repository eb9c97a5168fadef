"""Reading a step: where every number comes from, and whether it is right."""

from chainrule.inspect.check import GradientCheck, check_gradients
from chainrule.inspect.derivation import Derivation, derive
from chainrule.inspect.events import Answer, Operand, Quantity, StepEvent
from chainrule.inspect.paths import Factor, Path
from chainrule.inspect.step_trace import StepTrace
from chainrule.inspect.tracing import trace_step, trace_training_step

__all__ = [
    "Answer",
    "Derivation",
    "Factor",
    "GradientCheck",
    "Operand",
    "Path",
    "Quantity",
    "StepEvent",
    "StepTrace",
    "check_gradients",
    "derive",
    "trace_step",
    "trace_training_step",
]
