"""Scikit-learn's contract: networks as classifier, regressor and transformer, thin over :mod:`chainrule.training`.

Importing this room without scikit-learn is an ``ImportError`` that names the extra.
"""

try:
    import sklearn as sklearn
except ImportError as error:
    raise ImportError("chainrule.estimators needs scikit-learn, which is not installed: pip install 'chainrule[sklearn]'.") from error

from chainrule.estimators.classifier import NeuralNetworkClassifier
from chainrule.estimators.hidden import HiddenActivations
from chainrule.estimators.regressor import NeuralNetworkRegressor

__all__ = ["HiddenActivations", "NeuralNetworkClassifier", "NeuralNetworkRegressor"]
