"""JAX: one jitted step a batch, and a jitted scan over the epoch. Batches are gathered inside the jitted function."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.data import Arrays, Data
from benchmarks.rivals.batches import calls
from benchmarks.rivals.layout import layer_names
from benchmarks.workloads import BETA1, BETA2, CLIP_NORM, EPSILON, MOMENTUM, RATES, WEIGHT_DECAY, Workload

Params = dict[str, Any]
_map = jax.tree_util.tree_map


def make(variant: str, workload: Workload, data: Data, cores: int) -> Training | Prediction:
    """Return what is timed; the variants are ``jit`` and, in training, ``scan``. JAX takes the number of threads from the process."""
    jax.config.update("jax_enable_x64", workload.dtype == "float64")  # type: ignore[no-untyped-call]  # JAX leaves it untyped
    return Prediction(workload, data) if workload.predicts else Training(variant, workload, data)


def _forward(workload: Workload, params: Params, x: Any, key: Any = None) -> Any:
    *hidden, output = layer_names(workload)
    for number, name in enumerate(hidden):
        x = jax.nn.relu(x @ params[f"{name}.weight"] + params[f"{name}.bias"])
        if key is not None and workload.dropout:
            kept = jax.random.bernoulli(jax.random.fold_in(key, number), 1 - workload.dropout, x.shape)
            x = jnp.where(kept, x / (1 - workload.dropout), 0)
    return x @ params[f"{output}.weight"] + params[f"{output}.bias"]


def _loss(workload: Workload, params: Params, x: Any, y: Any, key: Any) -> Any:
    prediction = _forward(workload, params, x, key)
    if workload.loss == "mse":
        return jnp.mean((prediction - y) ** 2)
    return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(prediction), y[:, None], 1))


def _update(workload: Workload, params: Params, slots: Any, gradients: Params, count: Any) -> tuple[Params, Any]:
    rate = RATES[workload.optimizer]
    if workload.optimizer == "sgd":
        return _map(lambda p, g: p - rate * g, params, gradients), slots
    if workload.optimizer == "momentum":
        slots = _map(lambda v, g: MOMENTUM * v + g, slots, gradients)
        return _map(lambda p, v: p - rate * v, params, slots), slots
    decay = 0.0
    if workload.optimizer == "adamw_clip":
        decay = WEIGHT_DECAY
        norm = jnp.sqrt(sum(jnp.vdot(g, g) for g in jax.tree_util.tree_leaves(gradients)))
        gradients = _map(lambda g: g * jnp.minimum(1.0, CLIP_NORM / norm), gradients)
    m = _map(lambda m, g: BETA1 * m + (1 - BETA1) * g, slots[0], gradients)
    v = _map(lambda v, g: BETA2 * v + (1 - BETA2) * g * g, slots[1], gradients)
    m_scale, v_scale = 1 / (1 - BETA1**count), 1 / (1 - BETA2**count)

    def new(p: Any, m: Any, v: Any) -> Any:
        direction = m * m_scale / (jnp.sqrt(v * v_scale) + EPSILON)
        return p - rate * (direction + decay * p if decay and p.ndim == 2 else direction)

    return _map(new, params, m, v), (m, v)


class Training:
    """One epoch of a workload."""

    def __init__(self, variant: str, workload: Workload, data: Data) -> None:
        start = {path: jnp.asarray(array) for path, array in data.start.items()}
        zeros = _map(jnp.zeros_like, start)
        slots: Any = {"sgd": (), "momentum": zeros}.get(workload.optimizer, (zeros, zeros))
        self._initial = (start, slots, jnp.zeros((), workload.dtype))
        self._x, self._y = jnp.asarray(data.x), jnp.asarray(data.y.astype(np.int32) if data.y.ndim == 1 else data.y)
        self._orders = data.orders.astype(np.int32).reshape(len(data.orders), -1, workload.batch)
        key = jax.random.key(0, impl="rbg") if workload.dropout else None

        def step(carry: Any, x: Any, y: Any, rows: Any) -> tuple[Any, Any]:
            params, slots, count = carry
            gather: Callable[[Any], Any] = lambda a: a.at[rows].get(mode="promise_in_bounds")  # noqa: E731 - used in one line
            own = None if key is None else jax.random.fold_in(key, count.astype(jnp.int32))
            loss, gradients = jax.value_and_grad(partial(_loss, workload))(params, gather(x), gather(y), own)
            params, slots = _update(workload, params, slots, gradients, count + 1)
            return (params, slots, count + 1), loss

        def epoch(carry: Any, x: Any, y: Any, batches: Any) -> tuple[Any, Any]:
            return jax.lax.scan(lambda carry, rows: step(carry, x, y, rows), carry, batches)

        self._scans = variant == "scan"
        self._jitted = jax.jit(epoch if self._scans else step, donate_argnums=0)

    def reset(self, epoch: int) -> None:
        """Return to copies of the initial weights: the jitted function takes its arguments over."""
        batches = self._orders[epoch]
        self._batches: Any = jnp.asarray(batches) if self._scans else [jnp.asarray(rows) for rows in batches]
        self._carry = jax.block_until_ready(_map(jnp.copy, self._initial))  # type: ignore[no-untyped-call]  # JAX leaves it untyped

    def run(self) -> None:
        """Train for one epoch."""
        carry, x, y, jitted = self._carry, self._x, self._y, self._jitted
        if self._scans:
            carry, losses = jitted(carry, x, y, self._batches)
        else:
            losses = []
            for rows in self._batches:
                carry, loss = jitted(carry, x, y, rows)
                losses.append(loss)
        self._carry, _ = jax.block_until_ready((carry, losses))  # type: ignore[no-untyped-call]  # JAX leaves it untyped

    def outcome(self) -> Arrays:
        """Return the weights."""
        return {path: np.asarray(array) for path, array in self._carry[0].items()}


class Prediction:
    """The prediction of all rows, from NumPy arrays to NumPy arrays."""

    def __init__(self, workload: Workload, data: Data) -> None:
        params = {path: jnp.asarray(array) for path, array in data.start.items()}
        jitted = jax.jit(partial(_forward, workload))
        self._calls = calls(lambda x: np.asarray(jitted(params, x)), data.x, workload.batch, in_batches=False)

    def reset(self, epoch: int) -> None:
        """Do nothing: a prediction changes nothing."""

    def run(self) -> None:
        """Predict."""
        self._last = self._calls()

    def outcome(self) -> Arrays:
        """Return the last call's predictions."""
        return {"prediction": self._last}
