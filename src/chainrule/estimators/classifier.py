"""A network as scikit-learn's classifier."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils.class_weight import compute_class_weight

from chainrule.errors import DataError, OptionError
from chainrule.estimators.base import NeuralNetwork
from chainrule.estimators.classes import Classes, Labels, SeveralClasses, UnknownClassError, judge_classes
from chainrule.estimators.constraints import Each, Weights, names
from chainrule.estimators.inputs import Array
from chainrule.estimators.parameters import constraints, parameter, with_hints

CLASS_WEIGHT = (Weights(), names(["balanced"]))


@with_hints
@dataclass(eq=False, repr=False, kw_only=True)
class NeuralNetworkClassifier(ClassifierMixin, NeuralNetwork):  # type: ignore[misc]  # scikit-learn has no types
    """A multi-layer perceptron that tells classes apart: one class a row, any number of labels, or a class in each column of y.

    Inputs are standardized, categories and dates of data frames encoded, gaps filled with the mean and marked.

    Args:
        hidden: the widths of the hidden layers; ``()`` for none.
        activation: the activation of all hidden layers, or a list with one for each: ``relu``, ``tanh``, … or a function.
        dropout: the share of hidden outputs that are dropped in training.
        loss: ``cross_entropy``, ``binary_cross_entropy``, or a function of (prediction, target[, weights]); ``None`` for what fits y.
        optimizer: a name (``adamw``, ``adam``, ``sgd``, ``momentum``, …) or one of ``chainrule.optim``, with its own rate and schedule.
        lr: the learning rate.
        weight_decay: how strongly ``adamw`` shrinks weights, in units of the rate.
        schedule: ``cosine`` and ``one_cycle`` let the rate fall to 0 by the last epoch of ``fit``; ``constant``; or one of
            ``chainrule.optim``.
        plateau: a ``chainrule.training.loop.Plateau`` lowers the rate where the watched value stands still.
        batch_size: rows a step; ``auto`` is all rows up to 256, ``all`` is all.
        epochs: at most so many passes over the rows; ``auto`` is 600 steps' worth, 20 at least.
        patience: stop after so many epochs in which the validation rows were not predicted better; 0 or ``None`` never.
        valid: the share of rows that ``fit`` holds out to choose the best epoch by; ``auto`` is 0.1 from 1,000 rows on, else none.
        metric: the value on validation rows that chooses the best epoch; ``None`` for the loss.
        until: stop when this condition on the history holds: ``"accuracy >= 0.97"``, or a function of it.
        time_budget: stop after so many seconds.
        dtype: ``float32``, ``float64``, or ``auto``: that of an array of floats, ``float64`` for whole numbers, ``float32`` for data
            frames with other columns.
        categorical, numeric, date, drop: names of a data frame's columns that are taken as that, or left out.
        missing: words and numbers that mean a missing cell of a data frame, in place of the usual ones (``NA``, ``?``, …).
        class_weight: how much each class counts: a dict, ``balanced``, or for several columns of y a list of these, whose
            weights multiply in each row.
        random_state: of the initial weights, the order of rows, dropout and what is held out.
        n_jobs: at most so many threads, −1 for all processors; ``None`` for as many as the work deserves.
        verbose: print a line for each epoch.
        warm_start: ``fit`` goes on from the weights that it left, with the encoding of its first call.
        on_event: a function that is called with everything that happens: see :mod:`chainrule.training.events`.

    Attributes:
        classes_: the classes in ascending order; a list of them for several columns; the numbers of the labels for multilabel y.
        coefs_, intercepts_: weights and biases of each layer. ``encoder_``: how X becomes the inputs of the first.
        loss_curve_, validation_curve_, history_: the epochs. ``n_iter_``: how many. ``best_epoch_``: whose weights are kept, from 1.
        stopped_: why training stopped. ``state_``: the training state. ``notes_``: what was found out about a data frame's columns.
        n_features_in_, feature_names_in_: the columns of X. ``n_outputs_``, ``n_layers_``: the size of the network.
    """

    class_weight: Any = parameter(None, *CLASS_WEIGHT, Each(*CLASS_WEIGHT), None)

    _task = "classification"

    def partial_fit(
        self,
        X: Any,
        y: Any,
        classes: Any = None,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
    ) -> NeuralNetworkClassifier:
        """Go on with one pass over some rows, at a constant rate; the first call decides how X is encoded.

        ``epochs``, ``until`` and ``plateau`` are for :meth:`fit`.

        Args:
            X, y, sample_weight: as for :meth:`fit`.
            classes: all classes that y will ever have, for several columns of y a list of these; needed in the first call only, and there
                only if its rows lack some.
            X_val, y_val, sample_weight_val: rows to validate on, from this call on. Without them, where ``valid`` is a number, this share
                of the first call's rows is held out for that. With such rows the best weights so far are those that predict, and after
                ``patience`` calls without improvement no more is learned: ``stopped_`` then says why.

        Returns:
            The estimator itself.
        """
        if self.class_weight == "balanced" or (isinstance(self.class_weight, list) and "balanced" in self.class_weight):
            raise OptionError("class_weight='balanced' needs all rows at once; for partial_fit give a dict of weights.")
        if classes is not None and hasattr(self, "state_") and not _same_classes(classes, self.classes_):
            raise OptionError(f"classes is {classes!r} and was {self.classes_!r} in the first call; leave it out, or fit anew.")
        try:
            self._partial_fit(X, y, sample_weight, classes, X_val, y_val, sample_weight_val)
        except UnknownClassError as unknown:
            raise DataError(f"{unknown} Tell the first call all classes that will come: partial_fit(X, y, classes=[…]).") from None
        return self

    def predict_proba(self, X: Any) -> Any:
        """Return the probability of each class (rows, classes); of each label (rows, labels); or a list of such, one for each column."""
        outputs = self._outputs(X)
        return self.answers_.probabilities(outputs)

    def predict_log_proba(self, X: Any) -> Any:
        """Return the logarithms of :meth:`predict_proba`."""
        found = self.predict_proba(X)
        with np.errstate(divide="ignore"):  # the logarithm of 0 is −∞
            return [np.log(part) for part in found] if isinstance(found, list) else np.log(found)

    def decision_function(self, X: Any) -> Any:
        """Return the logits, before softmax or sigmoid: as :meth:`predict_proba`, but (rows,) for two classes."""
        outputs = self._outputs(X)
        return self.answers_.decision(outputs)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the (weighted) share of rows that are predicted rightly, in every column of y."""
        if isinstance(getattr(self, "answers_", None), SeveralClasses):
            return float(np.average((self.predict(X) == np.asarray(y)).all(axis=1), weights=sample_weight))
        return float(super().score(X, y, sample_weight))

    @property
    def classes_(self) -> Any:
        """Return the classes."""
        return self.answers_.labels

    def _weighted_classes(self, y: Array, weights: Array | None) -> Array | None:
        """Return the weights of the rows, times those of their classes; ``balanced`` makes all classes count alike."""
        if self.class_weight is None:
            return weights
        product = np.ones(len(y)) if weights is None else weights.copy()
        present = product > 0
        for column, of_class in zip(y.reshape(len(y), -1).T, self._class_weight_of_columns(y), strict=True):
            labels, places = np.unique(column[present], return_inverse=True)
            if isinstance(of_class, dict):
                factors = np.array([of_class.get(label, 1.0) for label in labels.tolist()])
            else:
                own = None if weights is None else weights[present]
                factors = compute_class_weight(of_class, classes=labels, y=column[present], sample_weight=own)
            product[present] *= factors[places]
        return product

    def _class_weight_of_columns(self, y: Array) -> list[Any]:
        """Return the class weights of each column of y."""
        columns = 1 if y.ndim == 1 else y.shape[1]
        given = self.class_weight if isinstance(self.class_weight, list) else [self.class_weight] * columns
        if len(given) != columns:
            raise OptionError(f"class_weight has {len(given)} entries and y {columns} columns; give one for each.")
        return given

    def _judge(self, y: Array, classes: Any = None) -> Classes | Labels | SeveralClasses:
        answers = judge_classes(y, classes)
        columns = answers.columns if isinstance(answers, SeveralClasses) else [answers.labels]
        for labels, of_class in zip(columns, self._class_weight_of_columns(y), strict=False):
            named = of_class if isinstance(of_class, dict) and not isinstance(answers, Labels) else {}
            if unknown := [label for label in named if label not in labels]:
                raise OptionError(f"class_weight speaks of the class {unknown[0]!r}, which y does not have.")
        return answers

    def __sklearn_tags__(self) -> Any:
        """Say what the estimator can do: multilabel y as well."""
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


def _same_classes(given: Any, known: Any) -> bool:
    """Say whether two lists of classes, or of such lists, are of the same classes."""
    if isinstance(known, list):
        return len(given) == len(known) and all(map(_same_classes, given, known))
    return np.array_equal(np.unique(np.asarray(given)), known)


NeuralNetworkClassifier._parameter_constraints = constraints(NeuralNetworkClassifier, NeuralNetworkClassifier._task)
