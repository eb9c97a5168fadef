"""Reading a step: where every number comes from."""

from chainrule.inspect.derivation import Derivation, Factor, Path, derive
from chainrule.inspect.step_trace import Answer, Operand, Quantity, StepEvent, StepTrace
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
