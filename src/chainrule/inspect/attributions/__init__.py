"""Why a model answers what it answers: contributions of columns to one row's answer, and what the model goes by as a whole."""

from chainrule.inspect.attributions.of_model import Importance, ModelExplanation, explain_model
from chainrule.inspect.attributions.of_row import Contribution, Neighbor, RowExplanation, explain_row

__all__ = [
    "Contribution",
    "Importance",
    "ModelExplanation",
    "Neighbor",
    "RowExplanation",
    "explain_model",
    "explain_row",
]
