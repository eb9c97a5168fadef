"""Reading a step, where every number comes from and whether it is right; and why a model predicts what it predicts."""

from chainrule.inspect.attributions import ModelExplanation, RowExplanation, explain_model, explain_row
from chainrule.inspect.check.gradients import GradientCheck, check_example, check_gradients
from chainrule.inspect.derivation.derive import Derivation, derive
from chainrule.inspect.derivation.paths import Factor, Path
from chainrule.inspect.diagnosis import Diagnosis, Finding, diagnose
from chainrule.inspect.step.events import Answer, Operand, Quantity, StepEvent
from chainrule.inspect.step.trace import StepTrace
from chainrule.inspect.step.tracing import trace_example, trace_step, trace_training_step

__all__ = [
    "Answer",
    "Derivation",
    "Diagnosis",
    "Factor",
    "Finding",
    "GradientCheck",
    "ModelExplanation",
    "Operand",
    "Path",
    "Quantity",
    "RowExplanation",
    "StepEvent",
    "StepTrace",
    "check_example",
    "check_gradients",
    "derive",
    "diagnose",
    "explain_model",
    "explain_row",
    "trace_example",
    "trace_step",
    "trace_training_step",
]
