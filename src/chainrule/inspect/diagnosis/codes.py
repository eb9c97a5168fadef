"""The codes of a diagnosis: one line each, in the order in which one thing causes another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from chainrule.inspect.diagnosis import course_rules, data_rules, network_rules, plan_rules, target_rules
from chainrule.inspect.diagnosis.measurements import Measurements
from chainrule.training.findings import Finding

Rule = Callable[[Measurements], Finding | None]


@dataclass(frozen=True)
class Code:
    """A code: its name, what it means in a few words, and the rule that finds it: measurements → a finding, or ``None``.

    Of several targets, a rule that is ``of_target`` is asked about each alone.
    """

    name: str
    words: str
    rule: Rule
    of_target: bool = False


CODES: dict[str, Code] = {
    code.name: code
    for code in (
        Code("leakage", "a column gives the target away", data_rules.leakage, of_target=True),
        Code("bad_initialization", "the initial weights do not let it learn", network_rules.bad_initialization),
        Code("unscaled_inputs", "the inputs have unsuitable scales", data_rules.unscaled_inputs),
        Code("target_scale", "the target has an unsuitable scale", target_rules.target_scale, of_target=True),
        Code("wrong_loss", "the loss does not fit the target", target_rules.wrong_loss, of_target=True),
        Code("saturated_units", "units stand at the end of their range", network_rules.saturated_units),
        Code("exploding_gradients", "gradients grow from layer to layer", network_rules.exploding_gradients),
        Code("vanishing_gradients", "gradients fade from layer to layer", network_rules.vanishing_gradients),
        Code("diverged", "the loss grew beyond all bounds", course_rules.diverged),
        Code("rate_too_high", "the learning rate is too high", course_rules.rate_too_high),
        Code("dead_units", "units give 0 for every row", network_rules.dead_units),
        Code("rate_too_low", "the learning rate is too low", course_rules.rate_too_low),
        Code("duplicate_rows", "rows are there more than once", data_rules.duplicate_rows),
        Code("label_noise", "labels seem wrong", target_rules.label_noise, of_target=True),
        Code("class_imbalance", "a class is rare", target_rules.class_imbalance, of_target=True),
        Code("duplicate_features", "two columns say the same", data_rules.duplicate_features),
        Code("constant_feature", "a column holds one value", data_rules.constant_feature),
        Code("plateau", "the loss stands still at guessing", course_rules.plateau),
        Code("batch_size", "a step has too many rows", plan_rules.batch_size),
        Code("epochs", "the run ended after a few updates", plan_rules.epochs),
        Code("underfitting", "the network learns too little of its rows", course_rules.underfitting),
        Code("overfitting", "what was learned does not carry over", course_rules.overfitting),
    )
}
"""The order is that of causes: what comes earlier brings about what comes later, as a high rate kills units."""
