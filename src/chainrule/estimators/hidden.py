"""What a network's hidden layers see, as scikit-learn's transformer."""

from __future__ import annotations

from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from sklearn import get_config
from sklearn.base import BaseEstimator, MetaEstimatorMixin, TransformerMixin, clone
from sklearn.utils._param_validation import HasMethods, Interval
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping, process_routing
from sklearn.utils.validation import check_is_fitted

from chainrule.errors import OptionError, nearest
from chainrule.estimators.base import NeuralNetwork
from chainrule.estimators.inputs import Array


class HiddenActivations(TransformerMixin, MetaEstimatorMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """The outputs of one hidden layer of a network, as features for another estimator.

    ``fit`` trains a copy of the network on X and y. For one that is trained already, give ``sklearn.frozen.FrozenEstimator(network)``.

    Args:
        estimator: a :class:`NeuralNetworkClassifier` or :class:`NeuralNetworkRegressor`.
        layer: the hidden layer, by its number from 1 or its name (``"hidden_1"``); ``None`` for the last one.
        random_state: that of the copy; ``None`` for the network's own. One that is frozen is not trained, and needs none.

    Attributes:
        estimator_: the trained network.
        layer_: the name of the layer.
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "estimator": [HasMethods(["fit", "predict"])],
        "layer": [Interval(Integral, 1, None, closed="left"), str, None],
        "random_state": ["random_state"],
    }

    def __init__(self, estimator: Any, layer: int | str | None = None, random_state: Any = None) -> None:
        self.estimator = estimator
        self.layer = layer
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None, **fit_params: Any) -> HiddenActivations:
        """Train the network.

        Args:
            X, y: as the network takes them.
            fit_params: what else its ``fit`` takes; with metadata routing, what it asked for.

        Raises:
            OptionError: the estimator is no neural network of this package, or has no such layer.
        """
        self._validate_params()
        inner = getattr(self.estimator, "estimator", self.estimator)  # of one that is frozen
        if not isinstance(inner, NeuralNetwork):
            raise OptionError(f"estimator is a {type(inner).__name__}, and only the neural networks have hidden activations.")
        if get_config()["enable_metadata_routing"]:
            fit_params = process_routing(self, "fit", **fit_params).estimator.fit
        copy = clone(self.estimator)
        if self.random_state is not None and isinstance(copy, NeuralNetwork):
            copy.set_params(random_state=self.random_state)
        self.estimator_ = copy.fit(X, y, **fit_params)
        self.layer_ = _layer(len(self.estimator_.shape_.hidden), self.layer)
        return self

    def transform(self, X: Any) -> Array:
        """Return the layer's outputs (rows, width of the layer), after its activation."""
        check_is_fitted(self)
        network: NeuralNetwork = self.estimator_
        return network._outputs(X, self.layer_)

    def get_feature_names_out(self, input_features: Any = None) -> Array:
        """Return the names of the units: ``hidden_1_0``, ``hidden_1_1``, …"""
        check_is_fitted(self)
        width = self.estimator_.shape_.hidden[int(self.layer_.removeprefix("hidden_")) - 1]
        return np.array([f"{self.layer_}_{unit}" for unit in range(width)], dtype=object)

    def get_metadata_routing(self) -> MetadataRouter:
        """Say who takes which metadata: the network's ``fit``."""
        return MetadataRouter(owner=self).add(estimator=self.estimator, method_mapping=MethodMapping().add(caller="fit", callee="fit"))

    @property
    def n_features_in_(self) -> int:
        """Return the number of columns of X."""
        return int(self.estimator_.n_features_in_)

    @property
    def feature_names_in_(self) -> Array:
        """Return the names of the columns of X, if they have any."""
        names: Array = self.estimator_.feature_names_in_
        return names

    def __sklearn_tags__(self) -> Any:
        """Say what the estimator can do: what its network can."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = tags.input_tags.sparse = True
        tags.target_tags.required = True
        return tags


def _layer(layers: int, wanted: int | str | None) -> str:
    """Return the name of a hidden layer."""
    names = [f"hidden_{number}" for number in range(1, layers + 1)]
    if not names:
        raise OptionError("the network has no hidden layer, so there are no hidden activations.")
    name = names[-1] if wanted is None else f"hidden_{wanted}" if isinstance(wanted, Integral) else str(wanted)
    if name not in names:
        raise OptionError(f"layer is {wanted!r}; the network has {', '.join(names)}.{nearest(name, names)}")
    return name
