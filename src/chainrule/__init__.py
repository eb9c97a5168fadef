"""Chainrule trains neural networks on your tables by backpropagation, and shows every number of it.

The public names are resolved on first use (PEP 562), so that ``import chainrule`` loads NumPy and no more.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_MODULES = ("data", "errors", "inspect", "ir", "losses", "nn", "ops", "optim", "training", "transforms")
_NAMES = {
    "Model": "training.model",
    "Program": "ir",
    "Type": "ir",
    "compare": "inspect.comparison",
    "diagnose": "inspect.diagnosis",
    "evaluate": "backends.reference",
    "expand": "transforms",
    "fit": "training.fit",
    "grad": "transforms",
    "load": "training.model_file",
    "load_example": "training.textbook.loading",
    "open_run": "training.record",
    "retype": "transforms",
    "reverse": "transforms",
    "simplify": "transforms",
    "trace": "ops",
    "train": "training.train",
    "training_step": "training.step",
    "value_and_grad": "transforms",
}
__all__ = ["__version__", *_MODULES, *_NAMES]


def __getattr__(name: str) -> Any:
    if name in _NAMES:
        value = getattr(import_module(f"{__name__}.{_NAMES[name]}"), name)
    elif name in _MODULES:
        value = import_module(f"{__name__}.{name}")
    else:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
