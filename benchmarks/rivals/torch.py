"""PyTorch: eager with its defaults, with a fused optimizer, and compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from benchmarks.data import Arrays, Data
from benchmarks.rivals.batches import calls
from benchmarks.rivals.layout import layer_names
from benchmarks.workloads import BETA1, BETA2, CLIP_NORM, EPSILON, MOMENTUM, RATES, WEIGHT_DECAY, Workload


def make(variant: str, workload: Workload, data: Data, cores: int) -> Training | Prediction:
    """Return what is timed; the variants are ``eager``, ``fused``, ``compile``, ``compile fused`` and, in prediction, ``batches``."""
    torch.set_num_threads(cores)
    torch.manual_seed(0)
    torch.set_default_dtype(getattr(torch, workload.dtype))
    return Prediction(variant, workload, data) if workload.predicts else Training(variant, workload, data)


class _Network:
    def __init__(self, workload: Workload, start: Arrays) -> None:
        names, sizes = layer_names(workload), workload.widths
        self.layers = {name: nn.Linear(a, b) for name, a, b in zip(names, sizes, sizes[1:], strict=False)}
        modules: list[nn.Module] = []
        for name, layer in self.layers.items():
            modules.append(layer)
            if name != "output":
                modules += [nn.ReLU(), *([nn.Dropout(workload.dropout)] if workload.dropout else [])]
        self.module = nn.Sequential(*modules)
        self.start = {path: torch.from_numpy(array) for path, array in start.items()}
        self.reset()

    @torch.no_grad()
    def reset(self) -> None:
        for name, layer in self.layers.items():
            layer.weight.copy_(self.start[f"{name}.weight"].T)
            layer.bias.copy_(self.start[f"{name}.bias"])

    def params(self) -> Arrays:
        own = {f"{name}.weight": layer.weight.detach().T for name, layer in self.layers.items()}
        own |= {f"{name}.bias": layer.bias.detach() for name, layer in self.layers.items()}
        return {path: tensor.numpy() for path, tensor in own.items()}


class Training:
    """One epoch of a workload."""

    def __init__(self, variant: str, workload: Workload, data: Data) -> None:
        self._network = _Network(workload, data.start)
        self._optimizer = _optimizer(workload, self._network, fused="fused" in variant)
        self._x, self._y = torch.from_numpy(data.x), torch.from_numpy(data.y)
        self._orders, self._batch = data.orders, workload.batch
        self._step = self._make_step("compile" in variant, workload)

    def _make_step(self, compiled: bool, workload: Workload) -> Callable[[Any, Any], Any]:
        module, optimizer = self._network.module, self._optimizer
        criterion: Callable[..., Any] = getattr(functional, {"mse": "mse_loss"}.get(workload.loss, workload.loss))
        parameters = list(module.parameters())

        def loss_of(x: Any, y: Any) -> Any:
            return criterion(module(x), y)

        def update() -> None:
            if workload.optimizer == "adamw_clip":
                nn.utils.clip_grad_norm_(parameters, CLIP_NORM)
            optimizer.step()

        if compiled:
            loss_of = torch.compile(loss_of)
            if not any(group.get("fused") for group in optimizer.param_groups):
                update = torch.compile(update)

        def step(x: Any, y: Any) -> Any:
            optimizer.zero_grad()
            loss = loss_of(x, y)
            loss.backward()
            update()
            return loss

        return step

    @torch.no_grad()
    def reset(self, epoch: int) -> None:
        """Return to the initial weights, and zeros in the optimizer."""
        self._batches = torch.split(torch.from_numpy(self._orders[epoch]), self._batch)
        self._network.reset()
        for slots in self._optimizer.state.values():
            for slot in slots.values():
                if torch.is_tensor(slot):
                    slot.zero_()

    def run(self) -> None:
        """Train for one epoch."""
        x, y, step = self._x, self._y, self._step
        for rows in self._batches:
            step(x[rows], y[rows])

    def outcome(self) -> Arrays:
        """Return the weights."""
        return self._network.params()


def _optimizer(workload: Workload, network: _Network, fused: bool) -> torch.optim.Optimizer:
    rate, chosen = RATES[workload.optimizer], True if fused else None
    parameters = list(network.module.parameters())
    if workload.optimizer == "sgd":
        return torch.optim.SGD(parameters, rate, fused=chosen)
    if workload.optimizer == "momentum":
        return torch.optim.SGD(parameters, rate, momentum=MOMENTUM, fused=chosen)
    if workload.optimizer == "adam":
        return torch.optim.Adam(parameters, rate, (BETA1, BETA2), EPSILON, fused=chosen)
    weights = {"params": [layer.weight for layer in network.layers.values()], "weight_decay": WEIGHT_DECAY}
    biases = {"params": [layer.bias for layer in network.layers.values()], "weight_decay": 0.0}
    return torch.optim.AdamW([weights, biases], rate, (BETA1, BETA2), EPSILON, fused=chosen)


class Prediction:
    """The prediction of all rows, from NumPy arrays to NumPy arrays."""

    def __init__(self, variant: str, workload: Workload, data: Data) -> None:
        module: Any = _Network(workload, data.start).module.eval()
        if variant == "compile":
            module = torch.compile(module)

        def predict(x: np.ndarray) -> np.ndarray:
            prediction: np.ndarray = module(torch.from_numpy(x)).numpy()
            return prediction

        with torch.inference_mode():
            self._calls = calls(predict, data.x, workload.batch, variant == "batches")

    def reset(self, epoch: int) -> None:
        """Do nothing: a prediction changes nothing."""

    def run(self) -> None:
        """Predict."""
        with torch.inference_mode():
            self._last = self._calls()

    def outcome(self) -> Arrays:
        """Return the last call's predictions."""
        return {"prediction": self._last}
