from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import OptionError, TypeRuleError
from chainrule.ir import B, Type
from chainrule.nn import Context, Dense, Sequential, Standardize, mlp

ROWS = np.random.default_rng(0).normal(3.0, 5.0, (40, 4)).astype(np.float32)
MEAN, SCALE = ROWS.mean(axis=0, dtype=np.float64), ROWS.std(axis=0, dtype=np.float64)
UNITS = ((ROWS.astype(np.float64) - MEAN) / SCALE).astype(np.float32)
LABELS = np.arange(40) % 3
BUFFERS = {"standardize.mean": MEAN, "standardize.scale": SCALE}


def network() -> Sequential:
    return Sequential({"standardize": Standardize(4), **mlp(4, [6], 3).layers})


def steps(given: Any, backend: str = "auto") -> Any:
    return cr.training_step(given, cr.losses.cross_entropy, cr.optim.adam(0.01), backend=backend)


def test_it_is_its_equation_in_double_precision() -> None:
    context = Context(buffers={"mean": MEAN, "scale": SCALE})
    found = Standardize(4)({}, ROWS, context)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, UNITS)


def test_until_the_buffers_are_set_rows_stay_as_they_are() -> None:
    step = steps(network())
    state = step.init(0)
    np.testing.assert_array_equal(state.buffers["standardize.mean"], np.zeros(4))
    plain = steps(mlp(4, [6], 3))
    np.testing.assert_array_equal(step.predict(state, ROWS), plain.predict(plain.init(0), ROWS))


@pytest.mark.parametrize("backend", ["llvm", "reference"])
def test_training_on_rows_as_they_are_is_that_on_standardized_ones(backend: str) -> None:
    step, plain = steps(network(), backend), steps(mlp(4, [6], 3), backend)
    after, losses = step.run(step.init(1, buffers=BUFFERS), (ROWS, LABELS), epochs=3, batch_size=7)
    same, same_losses = plain.run(plain.init(1), (UNITS, LABELS), epochs=3, batch_size=7)
    np.testing.assert_array_equal(losses, same_losses)
    for path in same.params:
        np.testing.assert_array_equal(after.params[path], same.params[path])
    for path, array in BUFFERS.items():
        np.testing.assert_array_equal(after.buffers[path], array)
    np.testing.assert_array_equal(step.predict(after, ROWS), plain.predict(same, UNITS))


def test_a_single_step_keeps_the_buffers() -> None:
    for backend in ("llvm", "reference"):
        step = steps(network(), backend)
        after, _ = step(step.init(1, buffers=BUFFERS), ROWS, LABELS)
        np.testing.assert_array_equal(after.buffers["standardize.mean"], MEAN)


def test_the_buffers_of_an_inner_network_have_its_name() -> None:
    net = Sequential({"first": network(), "last": Dense(3, 2)})
    assert list(net.buffers()) == ["first.standardize.mean", "first.standardize.scale"]
    assert net.input_type() == Type("float32", (B, 4))
    step = steps(net)
    state = step.init(0, buffers={f"first.{path}": array for path, array in BUFFERS.items()})
    inner = network()({path.removeprefix("first."): array for path, array in state.params.items()}, ROWS, Context(buffers=BUFFERS))
    np.testing.assert_allclose(step.predict(state, ROWS), inner @ state.params["last.weight"] + state.params["last.bias"], rtol=1e-5)


def test_what_does_not_fit_is_refused() -> None:
    step = steps(network())
    with pytest.raises(OptionError, match=r"there is no buffer 'standardize\.mena'\. Did you mean 'standardize\.mean'"):
        step.init(0, buffers={"standardize.mena": MEAN})
    with pytest.raises(TypeRuleError, match=r"buffer 'standardize\.mean' has shape \(3,\) and should have f64\[4\]"):
        step.init(0, buffers={"standardize.mean": MEAN[:3]})
    with pytest.raises(
        OptionError, match=r"layer standardize has a buffer and needs its value: Context\(buffers=\{'standardize\.mean': …\}\)"
    ):
        network()(step.init(0).params, ROWS)
    with pytest.raises(OptionError, match="number of inputs is 0"):
        Standardize(0)
