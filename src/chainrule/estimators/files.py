"""Between estimators and models: a model file can come from either side and be read on either."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import numpy as np

from chainrule.data.cells import listed
from chainrule.data.codes.numbers import NumberCode
from chainrule.data.encode import Encoder
from chainrule.data.table import Column
from chainrule.data.target import Target
from chainrule.data.target_transform import OPTIONS as TRANSFORMS
from chainrule.errors import OptionError
from chainrule.estimators import words as of
from chainrule.estimators.base import NeuralNetwork
from chainrule.estimators.classes import Classes, Labels, SeveralClasses
from chainrule.estimators.classifier import NeuralNetworkClassifier
from chainrule.estimators.held import held, restored
from chainrule.estimators.inputs import Array, names_of_array
from chainrule.estimators.learned import for_optimizer
from chainrule.estimators.quantities import Quantities
from chainrule.estimators.regressor import NeuralNetworkRegressor
from chainrule.estimators.steps import Shape, step_of
from chainrule.estimators.targets import Answers, loss_of
from chainrule.ir import B, Program, Type
from chainrule.losses import LOSSES
from chainrule.nn.activations import ACTIVATIONS
from chainrule.optim import OPTIMIZERS
from chainrule.training.goal import TEMPERATURE, Goal
from chainrule.training.model import Model, describe
from chainrule.training.program import Signature, inference_program
from chainrule.training.state import State
from chainrule.training.step import TrainingStep

_KINDS = {"b": "boolean", "i": "number", "u": "number", "f": "number", "U": "category", "O": "category"}


def model_of(estimator: NeuralNetwork) -> Model:
    """Return an estimator as a model: it takes raw rows, in data frames or files, under the names of the estimator's columns.

    Raises:
        OptionError: a column of y has one class, or the optimizer is another one than the estimator was trained with.
    """
    name, _ = loss_of(estimator.answers_, estimator.loss)
    goal = Goal(_targets(estimator), name or estimator.answers_.losses[0], estimator.answers_.quantiles)  # one's own has outputs alike
    step = _trained_step(estimator)
    if step is None:
        raise OptionError("optimizer or schedule are not those that the estimator was trained with: set them back, or fit it again.")
    state = estimator.state_.copy()
    plain, not_held = held(estimator)
    report = {
        "task": goal.task,
        "target": goal.names[0] if len(goal.names) == 1 else list(goal.names),
        "seconds": estimator.history_[-1]["seconds"] if estimator.history_ else 0.0,
        "stopped": estimator.stopped_,
        "epochs": estimator.n_iter_,
        "best_epoch": estimator.best_epoch_,
        "parameters": plain,
        "not_held": not_held,
    }
    return Model(
        training=step.program,
        inference=_inference(estimator.shape_, goal),
        best=state,
        start=replace(step.init(state.seed), hyper=dict(state.hyper)),
        encoder=estimator.encoder_,
        goal=goal,
        optimizer=step.optimizer.name,
        layers=describe(estimator.shape_.network()),
        report=report,
        reading={} if estimator.missing is None else {"missing": estimator._markers()},
    )


def estimator_of(model: Model) -> NeuralNetwork:
    """Return a model as an estimator that is trained, with the parameters that are known of it.

    A warning names those that decide what is learned and that no file holds, functions and objects.

    Raises:
        OptionError: the network is not one that the estimators make.
    """
    goal, state = model.goal, _with_temperature(model)
    _refuse_thresholds(goal)
    hidden = [layer["does"] for layer in model.layers if layer["layer"].startswith("hidden_")]
    dropped = [layer["does"] for layer in model.layers if layer["layer"].startswith("dropout_")]
    activations = tuple(does.partition(", ")[2] for does in hidden)
    found: dict[str, Any] = {
        "hidden": tuple(_outputs(does) for does in hidden),
        "activation": activations[0] if len(set(activations)) == 1 else list(activations) or "relu",
        "dropout": float(dropped[0].removeprefix("dropout ")) if dropped else 0.0,
        "loss": model.loss if model.loss in LOSSES else None,
        "optimizer": model.optimizer if model.optimizer in OPTIMIZERS else "adamw",
        **{name: state.hyper[name] for name in ("lr", "weight_decay") if name in state.hyper},
        **_of_task(goal),
        "missing": model.reading.get("missing"),
    }
    made: type[NeuralNetwork] = NeuralNetworkClassifier if goal.task == "classification" else NeuralNetworkRegressor
    known = made().get_params()
    noted = {name: value for name, value in restored(model.report.get("parameters", {})).items() if name in known}
    estimator = made(**{**found, **noted})
    width = _outputs(model.layers[-1]["does"])
    estimator.shape_ = Shape(len(model.encoder.units), found["hidden"], activations, width, found["dropout"], model.dtype)
    estimator.encoder_, estimator.state_ = model.encoder, state
    estimator.answers_ = _answers(goal)
    _set_columns(estimator, model.encoder)
    estimator.notes_, estimator.history_, estimator._stream = (), model.history.rows(), None
    estimator.best_epoch_, estimator.stopped_ = model.report.get("best_epoch", 0), model.report.get("stopped", "")
    if unknown := [name for name in activations if name not in ACTIVATIONS]:
        raise OptionError(f"the activation '{unknown[0]}' is a function that the model file does not hold: use the model as it is.")
    if str(_inference(estimator.shape_, goal, {name: Type.of(array) for name, array in model.best.buffers.items()})) != str(
        model.inference
    ):
        raise OptionError("the network is not a multi-layer perceptron as the estimators make them: use the model as it is.")
    if _trained_step(estimator) is None:  # it was trained by an optimizer that is not known, and another one begins
        plan = estimator._plan(None)
        estimator.state_ = for_optimizer(plan.optimizer.value, step_of(plan), state)
    if apart := model.report.get("not_held"):
        message = f"the file does not hold the parameters {listed(apart)}, which are no plain data: predictions are the same, and what"
        warnings.warn(f"{message} is learned from now on follows the defaults, or what set_params says.", stacklevel=3)
    return estimator


def _with_temperature(model: Model) -> State:
    """Return the state of a model with its temperature in the weights of the last layer, which gives the same probabilities."""
    state = model.best.copy()
    temperature = state.buffers.pop(TEMPERATURE, None)
    if temperature is not None:
        for path in ("output.weight", "output.bias"):
            state.params[path] = state.params[path] / temperature
    return state


def _refuse_thresholds(goal: Goal) -> None:
    """Refuse a threshold of a probability, which the estimators do not have."""
    if given := [target.threshold for target in goal.targets if target.threshold is not None]:
        own = f"a threshold of {given[0]:g}: scikit-learn's FixedThresholdClassifier holds one"
        raise OptionError(f"the model has {own}; use the model as it is.")


def _of_task(goal: Goal) -> dict[str, Any]:
    """Return the parameters of a classifier, or of a regressor, alone."""
    transform = goal.targets[0].transform
    if goal.task == "classification":
        return {"class_weight": _class_weight(goal)}
    given: dict[str, Any] = {"target_transform": transform} if transform in TRANSFORMS else {}
    return given | ({"quantile": list(goal.quantiles)} if goal.quantiles else {})


def _class_weight(goal: Goal) -> Any:
    """Return how much each class counts in training, of several targets a list of that; ``None`` if all count the same."""
    each = [dict(zip(target.classes, target.class_weights, strict=False)) for target in goal.targets]  # which may have no weights
    return None if not any(each) else each[0] if len(each) == 1 else each


def _answers(goal: Goal) -> Answers:
    """Return what y means to an estimator of this goal."""
    targets = goal.targets
    if goal.task == "regression":
        means, scales = (np.array([getattr(target, name) for target in targets]) for name in ("mean", "scale"))
        return Quantities(means, scales, len(targets) == 1, targets[0].transform, goal.quantiles)
    if len(targets) == 1:
        return Classes(np.array(targets[0].classes))
    if goal.loss == "binary_cross_entropy" and all(target.classes == (0, 1) for target in targets):
        return Labels(len(targets))
    columns = [np.array(target.classes) for target in targets]
    alike = len({labels.dtype.kind for labels in columns}) == 1  # in one array of answers, a number would become a word
    return SeveralClasses(tuple(columns if alike else [labels.astype(object) for labels in columns]))


def _targets(estimator: NeuralNetwork) -> tuple[Target, ...]:
    """Return what an estimator's y means as targets, with names that no column of X has."""
    answers, taken = estimator.answers_, {code.column.name for code in estimator.encoder_.codes}
    if isinstance(answers, Quantities):
        made = [
            Target(
                Column("", "number", "numbers"), "regression", "it is a regressor's", mean=mean, scale=scale, transform=answers.transform
            )
            for mean, scale in zip(answers.mean.tolist(), answers.scale.tolist(), strict=True)
        ]
    else:
        of_labels = [np.arange(2)] * answers.count if isinstance(answers, Labels) else None
        columns = of_labels or (list(answers.columns) if isinstance(answers, SeveralClasses) else [answers.labels])
        made = [_target_of_classes(labels) for labels in columns]
    names = ["target"] if len(made) == 1 else [f"target_{number}" for number in range(len(made))]
    while taken & set(names):
        names = [f"{name}_" for name in names]
    return tuple(replace(target, column=replace(target.column, name=name)) for target, name in zip(made, names, strict=True))


def _target_of_classes(labels: Array) -> Target:
    """Return a target of these classes.

    Raises:
        OptionError: there is only one class, or of a kind that no file holds.
    """
    kind = _KINDS.get(np.array(labels.tolist()).dtype.kind if labels.dtype == object else labels.dtype.kind)
    if kind is None or len(labels) < 2:
        raise OptionError("a model file holds targets of two classes or more, of words, numbers or booleans: pickle the estimator instead.")
    words = ("true", "false") if kind == "boolean" else ("", "")
    column = Column("", kind, "classes", true=words[0], false=words[1])  # type: ignore[arg-type]  # one of the kinds
    return Target(column, "classification", "it is a classifier's", tuple(labels.tolist()))


def _trained_step(estimator: NeuralNetwork) -> TrainingStep | None:
    """Return the step that a state belongs to: with the schedule of ``fit``, or at a constant rate; ``None`` if it is neither."""
    for schedule in (of.schedule_of(estimator.schedule, of.UPDATES), None):
        plan = estimator._plan(schedule)
        slots = {f"{path}.{slot}" for path in estimator.state_.params for slot in plan.optimizer.value.slots}
        if plan.optimizer.value.hyper.keys() == estimator.state_.hyper.keys() and slots == estimator.state_.optimizer.keys():
            return step_of(plan)
    return None


def _inference(shape: Shape, goal: Goal, buffers: dict[str, Type] | None = None) -> Program:
    network, x = shape.network(), Type(shape.dtype, (B, shape.inputs))
    return inference_program(network, network.types(shape.dtype), buffers or {}, Signature(x, x), goal.head)


def _set_columns(estimator: NeuralNetwork, encoder: Encoder) -> None:
    """Say which columns X has: those of an array, or those of a data frame, by their names."""
    estimator._columns = tuple(code.column for code in encoder.codes)
    names = [column.name for column in estimator._columns]
    estimator.n_features_in_ = len(names)
    estimator._raw = names != names_of_array(len(names)) or not all(isinstance(code, NumberCode) for code in encoder.codes)
    if estimator._raw:
        estimator.feature_names_in_ = np.array(names, dtype=object)


def _outputs(does: str) -> int:
    """Return the width of a layer from its description, ``4 → 64, relu``."""
    return int(does.partition(" → ")[2].partition(",")[0])
