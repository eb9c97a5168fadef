"""Each rule finds what it is for, with its numbers, and is silent beside it."""

from __future__ import annotations

import numpy as np
import pytest

from chainrule.inspect.diagnosis import CODES, data_rules, target_rules
from chainrule.inspect.diagnosis.diagnosis import findings_of
from chainrule.inspect.diagnosis.measurements import Measurements, Plan, Rows, skill
from chainrule.training.events import EpochEnded, History
from chainrule.training.statistics.sample import LayerSample, ParameterSample, StepSampled

RANDOM = np.random.default_rng(11)
X = RANDOM.normal(size=(600, 5))
CLASS = (X[:, 0] + X[:, 1] > 0).astype(int)
QUANTITY = (X[:, 0] * 2 + X[:, 1] + 0.3 * RANDOM.normal(size=600))[:, None]


def classes(x=X, y=CLASS, held_out=None, **more):
    parts = {} if held_out is None else {"valid": Rows(*held_out)}
    return Measurements(History(), train=Rows(x, y), held_out=parts, classes=int(y.max()) + 1, loss="cross_entropy", **more)


def quantity(x=X, y=QUANTITY, **more):
    return Measurements(History(), train=Rows(x, y), classes=0, loss="mse", **more)


def codes(measurements):
    return [finding.code for finding in findings_of(measurements)]


def test_plain_rows_have_nothing():
    assert codes(classes()) == []
    assert codes(quantity()) == []
    assert codes(Measurements(History())) == []


@pytest.mark.parametrize("make", [classes, quantity])
def test_a_leak(make):
    y = make().train.y.reshape(-1)
    (finding,) = findings_of(make(np.column_stack([X, 3 - 2 * y]), columns=["a", "b", "c", "d", "e", "result"]))
    assert (finding.code, finding.layer, finding.since_step) == ("leakage", "result", 0)
    assert finding.numbers["share"] > 0.97
    assert "column 'result' alone" in finding.evidence
    assert codes(make(np.column_stack([X, y + 2 * y.std() * RANDOM.normal(size=600)]))) == []


def test_a_category_of_several_units_can_leak():
    y = RANDOM.integers(4, size=600)
    x = np.column_stack([X, np.eye(4)[(y + 1) % 4]])
    found = data_rules.leakage(classes(x, y, columns=["a", "b", "c", "d", "e", *["kind"] * 4]))
    assert found.layer == "kind"


def test_held_out_rows_that_were_trained_on():
    both = (np.r_[X[:30], RANDOM.normal(size=(70, 5))], np.r_[CLASS[:30], RANDOM.integers(2, size=70)])
    (finding,) = findings_of(classes(held_out=both))
    assert (finding.code, finding.layer) == ("duplicate_rows", "valid")
    assert "30 of the 100 validation rows" in finding.evidence
    assert finding.rows == tuple(range(20))
    assert codes(classes(held_out=(both[0][30:], both[1][30:]))) == []


def test_repeated_training_rows_and_dice_that_repeat_by_chance():
    finding = data_rules.duplicate_rows(classes(np.r_[X, X[:90]], np.r_[CLASS, CLASS[:90]]))
    assert finding.layer == "train"
    assert finding.numbers["rows"] == 90
    assert data_rules.duplicate_rows(classes(RANDOM.integers(6, size=(600, 2)).astype(float))) is None


def test_constant_and_doubled_columns():
    (finding,) = findings_of(classes(np.column_stack([X, np.full(600, 3.0)])))
    assert finding.code == "constant_feature" and finding.advice.startswith("Leave it out")
    assert codes(classes(np.column_stack([X, X[:, 2] * 4 - 1]))) == ["duplicate_features"]
    pictures = np.maximum(RANDOM.normal(size=(600, 64)), 0)
    pictures[:, 5] = 0
    assert data_rules.constant_feature(classes(pictures)) is None
    (finding,) = findings_of(classes(constant={"site": "'A'"}, columns=list("abcde")))
    assert (finding.code, finding.layer) == ("constant_feature", "site")
    assert "'site' holds 'A'" in finding.evidence and finding.advice.endswith("it is left out already.")


@pytest.mark.parametrize("factor, found", [(1, False), (5, False), (50, True), (1e-3, True)])
def test_inputs_of_unsuitable_scale(factor, found):
    assert codes(classes(X * factor)) == ["unscaled_inputs"] * found
    assert codes(classes(X * factor, of_table=True)) == []


def test_one_column_that_drowns_the_others():
    assert codes(classes(X * [1, 1, 1, 1, 1e3])) == ["unscaled_inputs"]
    assert codes(classes(X * [1e-3, 1, 1, 1e-3, 1e-3] * 1.0)) == ["unscaled_inputs"]


@pytest.mark.parametrize("shift, factor, found", [(0, 1, False), (3, 1, False), (0, 1000, True), (500, 1, True), (0, 1e-4, True)])
def test_a_target_of_unsuitable_scale(shift, factor, found):
    assert codes(quantity(y=QUANTITY * factor + shift)) == ["target_scale"] * found


def test_a_target_that_few_rows_dominate():
    heavy = np.exp(3 * RANDOM.normal(size=600))
    standardized = ((heavy - heavy.mean()) / heavy.std())[:, None]
    (finding,) = findings_of(quantity(y=standardized, of_table=True, raw_target=heavy))
    assert finding.code == "target_scale"
    assert "6 of the 600 training rows hold" in finding.evidence
    assert target_rules.target_scale(quantity(of_table=True, raw_target=RANDOM.gamma(2.0, size=600))) is None


def test_a_rare_class():
    y = np.zeros(600, int)
    y[:12] = 1
    (finding,) = findings_of(classes(y=y, labels=["no", "yes"]))
    assert (finding.code, finding.layer) == ("class_imbalance", "the target = yes")
    assert "12 of the 600 training rows" in finding.evidence
    y[:120] = 1
    assert "class_imbalance" not in codes(classes(y=y))


def test_a_class_of_ten_percent_counts_if_it_is_not_found():
    y = (np.arange(600) % 10 == 0).astype(int)
    given = {"y": y, "held_out": (X + 1e-6, y)}
    assert codes(classes(**given, predict=lambda x: np.tile([1.0, 0.0], (len(x), 1))))[0] == "class_imbalance"
    rightly = np.eye(2)[y]
    assert "class_imbalance" not in codes(classes(**given, predict=lambda x: rightly))


@pytest.mark.parametrize("share, found", [(0.0, False), (0.25, True)])
def test_labels_that_are_wrong_by_chance(share, found):
    wrong = RANDOM.random(600) < share
    assert codes(classes(y=np.where(wrong, 1 - CLASS, CLASS))) == ["label_noise"] * found
    if found:
        (finding,) = findings_of(classes(y=np.where(wrong, 1 - CLASS, CLASS)))
        assert np.mean(wrong[list(finding.rows)]) > 0.9


def test_labels_that_are_hard_are_not_wrong():
    weak = 1 / (1 + np.exp(-2 * X[:, 0]))
    assert "label_noise" not in codes(classes(y=(RANDOM.random(600) < weak).astype(int)))


def test_quantities_that_are_wrong_by_chance():
    wrong = RANDOM.random(600) < 0.2
    y = QUANTITY.copy()
    y[wrong] = RANDOM.permutation(y[wrong])
    (finding,) = findings_of(quantity(y=y))
    assert finding.code == "label_noise"
    assert np.mean(wrong[list(finding.rows)]) > 0.9


def test_classes_taken_as_a_quantity_and_the_other_way_round():
    (finding,) = findings_of(quantity(y=RANDOM.integers(4, size=600)[:, None].astype(float)))
    assert finding.code == "wrong_loss"
    assert "0, 1, 2, 3" in finding.evidence
    many = np.unique(np.round(QUANTITY[:, 0] * 20), return_inverse=True)[1]
    assert codes(classes(y=many))[0] == "wrong_loss"


def test_skill_is_what_is_gone_of_the_guessing_error():
    goal = np.array([0, 0, 0, 1])
    assert skill(goal, goal, 2) == 1
    assert skill(goal, np.zeros(4), 2) == 0
    assert skill(np.array([1.0, 3.0]), np.array([2.0, 2.0]), 0) == 0


# the course of a run, from its history alone


def sample(
    step,
    *,
    loss=1.0,
    after=0.9,
    predicted=0.1,
    delta=(1.0, 1.0, 1.0),
    update=0.01,
    shut=0,
    sums=(1.0, 1.0, 1.0),
    activation="relu",
    flat=0.5,
):
    names = [f"hidden_{place}" for place in range(1, len(delta) + 1)]
    weights = {f"{name}.weight": ParameterSample(100, 10.0, 1.0, 10.0 * update, (), ()) for name in names}
    layers = {
        name: LayerSample(activation, d, s, s, 0.5, flat, 20, shut, (1.0,) * 20, (0.0,) * shut + (0.5,) * (20 - shut))
        for name, d, s in zip(names, delta, sums, strict=True)
    }
    return StepSampled(step, 1, 32, loss, after, predicted, weights, layers)


def history(losses, samples=(), valid=None):
    epochs = [
        EpochEnded(place, 10, loss, {} if valid is None else {"loss": valid[place - 1]}, 1.0, 1.0, 1.0, True)
        for place, loss in enumerate(losses, 1)
    ]
    return Measurements(History(epochs, list(samples)))


FALLING = [1.0, 0.6, 0.4, 0.3, 0.25, 0.2]


def test_a_good_course_has_nothing():
    assert codes(history(FALLING, [sample(1), sample(17), sample(33)], valid=[1.0, 0.7, 0.5, 0.45, 0.44, 0.45])) == []


@pytest.mark.parametrize("delta, found", [((1e-5, 1e-3, 1.0), "vanishing_gradients"), ((300.0, 30.0, 1.0), "exploding_gradients")])
def test_gradients_through_the_layers(delta, found):
    (finding,) = findings_of(history(FALLING, [sample(1, delta=delta), sample(17, delta=delta)]))
    assert (finding.code, finding.since_step) == (found, 1)
    assert finding.numbers["ratio"] == pytest.approx(delta[0] / delta[-1])


def test_sums_that_grow_through_the_layers():
    (finding,) = findings_of(history(FALLING, [sample(1, sums=(1.0, 20.0, 400.0)), sample(17)]))
    assert finding.code == "exploding_gradients"
    assert "400 times as large" in finding.evidence


def test_units_that_died_and_units_that_were_dead():
    (finding,) = findings_of(history(FALLING, [sample(1), sample(17), sample(33, shut=15), sample(49, shut=14)]))
    assert (finding.code, finding.since_step) == ("dead_units", 33)
    assert "14 of the 20 units" in finding.evidence
    (finding,) = findings_of(history(FALLING, [sample(1, shut=12), sample(17, shut=12)]))
    assert finding.since_step == 1
    assert codes(history(FALLING, [sample(1), sample(17, shut=9), sample(33, shut=9)])) == []


def test_units_at_the_end_of_their_range():
    (finding,) = findings_of(history(FALLING, [sample(step, activation="tanh", flat=0.8) for step in (1, 17, 33)]))
    assert (finding.code, finding.since_step) == ("saturated_units", 1)


def test_a_loss_that_ends_far_above_its_start():
    finding, *_ = findings_of(history([0.9, 2.0, 5.0, 9.0], [sample(1)]))
    assert (finding.code, finding.since_step) == ("diverged", 11)
    failed = Measurements(History(), error="epoch 2, step 3: x 'x' holds nan at row 7, column 1; the update was not applied.", row=7)
    (finding,) = findings_of(failed)
    assert finding.rows == (7,)
    assert "Mend that row" in finding.advice


def test_steps_that_overshoot():
    over = [sample(1), *(sample(step, after=1.2) for step in (17, 33, 49))]
    finding, *_ = findings_of(history([1.0, 1.1, 1.0, 1.2, 1.0], over))
    assert (finding.code, finding.since_step) == ("rate_too_high", 17)
    assert "3 of 4 sampled steps" in finding.evidence
    assert codes(history(FALLING, over)) == []  # it learns all the same


def test_a_validation_loss_that_rises():
    (finding,) = findings_of(history(FALLING, valid=[1.0, 0.6, 0.7, 0.9, 1.1, 1.3]))
    assert (finding.code, finding.since_step) == ("overfitting", 21)
    assert "lowest in epoch 2" in finding.evidence


def test_every_code_has_words_and_a_rule_that_says_what_it_finds():
    assert len(CODES) == 22
    for code in CODES.values():
        assert code.words
        assert code.rule.__doc__


def run_of(batch_size, epochs, learned_by):
    """A run whose loss falls a little in each epoch, and whose answers are those of a function."""
    an_epoch = -(-len(X) // batch_size)
    losses = np.linspace(0.69, 0.6, epochs)
    history = History([EpochEnded(n, an_epoch, loss, {}, 1.0, 1.0, 1.0, True) for n, loss in enumerate(losses, 1)])
    plan = Plan(batch_size, epochs, None, "adam")
    parts = {"classes": 2, "loss": "cross_entropy", "plan": plan, "predict": learned_by}
    return Measurements(history, train=Rows(X, CLASS), **parts)


def guess(x):
    return np.tile([1.0, 0.0], (len(x), 1))


def truth(x):
    return np.stack([-x[:, 0] - x[:, 1], x[:, 0] + x[:, 1]], axis=1)


def test_a_batch_of_all_rows_makes_too_few_updates():
    found = findings_of(run_of(600, 40, guess))
    assert [finding.code for finding in found] == ["batch_size", "underfitting"]
    assert "a batch has 600 of the 600 training rows" in found[0].evidence
    assert found[0].numbers["updates"] == 40
    assert codes(run_of(600, 40, truth)) == []
    assert codes(run_of(64, 40, guess)) == ["underfitting"]


def test_a_run_of_a_few_updates():
    found = findings_of(run_of(64, 2, guess))
    assert [finding.code for finding in found] == ["epochs", "underfitting"]
    assert "the run had 2 epochs, which made 20 updates in all" in found[0].evidence
    assert codes(run_of(64, 2, truth)) == []
    assert codes(run_of(64, 4, guess))[0] == "epochs"
    assert "epochs" not in codes(run_of(64, 12, guess))
