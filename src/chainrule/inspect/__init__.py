"""Reading a step: where every number comes from."""

from chainrule.inspect.derivation import Derivation, derive
from chainrule.inspect.events import Answer, Operand, Quantity, StepEvent
from chainrule.inspect.paths import Factor, Path
from chainrule.inspect.step_trace import StepTrace
from chainrule.inspect.tracing import trace_step, trace_training_step

__all__ = [
    "Answer",
    "Derivation",
    "Factor",
    "Operand",
    "Path",
    "Quantity",
    "StepEvent",
    "StepTrace",
    "derive",
    "trace_step",
    "trace_training_step",
]
