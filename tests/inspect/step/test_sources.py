import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import chainrule as cr
from chainrule import losses, nn, optim
from chainrule.errors import OptionError
from chainrule.inspect import trace_example, trace_training_step
from chainrule.inspect.reading.notation import Total
from chainrule.inspect.reading.summation import fused_float32, fused_float64
from chainrule.inspect.step.scalar import ScalarSum
from chainrule.inspect.step.tensors import Tensor

CLIPPED = optim.chain(optim.clip_by_norm(0.1), optim.sgd(0.1))
NETWORKS = {
    "classes": (nn.mlp(40, [33, 8], 10, dropout=0.2), losses.cross_entropy, optim.adam()),
    "values": (nn.mlp(7, [20], 3, activation="tanh"), losses.half_squared_error, CLIPPED),
}


def traced(name, dtype, rows):
    network, loss, optimizer = NETWORKS[name]
    generator = np.random.default_rng(rows)
    step = cr.training_step(network, loss, optimizer, dtype=dtype)
    x = generator.normal(size=(rows, network.input_type().shape[1]))
    y = generator.integers(0, 10, rows) if loss is losses.cross_entropy else generator.normal(size=(rows, 3))
    state = step.init(seed=3)
    return step, state, (x, y), trace_training_step(step, state, (x, y))


@pytest.mark.parametrize("rows", [1, 5, 130])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", NETWORKS)
def test_the_engine_is_the_training_step_to_the_bit_and_so_are_its_partial_sums(name, dtype, rows):
    step, state, batch, trace = traced(name, dtype, rows)
    after, loss = step(state.copy(), *batch)
    assert trace.loss == loss
    for path, array in (after.params | after.optimizer).items():
        assert np.array_equal(trace.recording.outputs[path], array)
    generator, sums = np.random.default_rng(0), 0
    for quantity in trace.quantities:
        shape = trace.recording.values[quantity.value].shape
        for _ in range(4):
            node = trace.calculation(quantity, tuple(int(generator.integers(0, size)) for size in shape))
            if isinstance(node, Total):
                assert ScalarSum("", node, trace.recording.values[quantity.value].dtype.name).same_bits, (quantity.name, node.symbol)
                sums += 1
    assert sums >= 8


def test_the_exact_source_and_the_difference(monkeypatch):
    _, _, _, trace = traced("classes", "float32", 5)
    assert (trace.source.name, trace.source.dtype) == ("engine", "float32")
    assert (trace.exact.source.name, trace.exact.source.dtype) == ("exact", "float64")
    assert trace.exact.exact is trace.exact
    assert 0 < abs(trace.loss - trace.exact.loss) < 1e-6
    path, share = trace.largest_difference
    assert path in trace.trainable
    assert 1e-9 < share < 1e-5
    assert [q.name for q in trace.quantities] == [q.name for q in trace.exact.quantities]
    data = trace.to_json(depth="layer")
    assert data["source"]["name"] == "engine"
    assert data["exact"]["loss_difference"] == trace.loss - trace.exact.loss


def test_each_depth():
    trace = trace_example(cr.load_example("squared_error"))
    arrays = {event.name: event for event in trace.iterate(depth="layer")}
    sums = arrays["hidden_1.sum"]
    assert (sums.operation, sums.unit) == ("x @ hidden_1.weight + hidden_1.bias", None)
    assert [operand.name for operand in sums.operands] == ["x", "hidden_1.weight", "hidden_1.bias"]
    assert sums.result.shape == (2, 2)
    assert sums.result.largest == 0.6
    scalars = [event for event in trace.iterate(depth="scalar", everything=True) if event.name == "hidden_1.sum[0,0]"]
    assert [operand.partial for operand in scalars[0].operands] == [0.25, 0.5, 0.6]
    assert scalars[0].operands[0].factors[0].name == "x[0,a]"
    with pytest.raises(OptionError, match="Did you mean 'layer'"):
        trace.iterate(depth="layers")


def test_one_number():
    trace = trace_example(cr.load_example("mazur"))
    found = trace.scalar("hidden.sum", 0)
    assert found.name == "hidden.sum[0]"
    assert found.result == pytest.approx(0.3775)
    assert found.to_json()["same_bits"] is True
    assert trace.scalar("output.sum", 0, "o2").name == "output.sum[o2]"
    with pytest.raises(OptionError, match=r"Did you mean 'hidden\.sum'"):
        trace.scalar("hidden.sun", 0)
    with pytest.raises(OptionError, match="has no place '5' on axis 1; there are 0 to 1"):
        trace.scalar("hidden.sum", 5)
    with pytest.raises(OptionError, match="is no sum: it is sigmoid"):
        trace.scalar("hidden.output", 0)


def test_the_statistics_of_an_array():
    tensor = Tensor.of(np.array([[0.0, 3.0], [-4.0, np.nan]]))
    assert (tensor.smallest, tensor.largest, tensor.zeros, tensor.nonfinite, tensor.norm) == (-4.0, 3.0, 1, 1, 5.0)
    assert tensor.std == pytest.approx(np.std([0.0, 3.0, -4.0]))


floats = st.floats(-1e6, 1e6, allow_subnormal=False)
singles = st.floats(-1e6, 1e6, width=32, allow_subnormal=False)


@given(floats, floats, floats)
def test_a_fused_multiply_add_of_float64_rounds_once(a, b, c):
    assert fused_float64(a, b, c) == float(Fraction(a) * Fraction(b) + Fraction(c))


@given(singles, singles, singles)
def test_a_fused_multiply_add_of_float32_rounds_once(a, b, c):
    exact, found = Fraction(a) * Fraction(b) + Fraction(c), fused_float32(a, b, c)
    around = [np.nextafter(np.float32(found), np.float32(way)) for way in (-math.inf, math.inf)]
    assert all(abs(Fraction(found) - exact) <= abs(Fraction(float(other)) - exact) for other in around)


def test_a_fused_multiply_add_beyond_the_range():
    assert fused_float64(1e308, 10.0, 0.0) == math.inf
    assert math.isnan(fused_float64(math.inf, 0.0, 1.0))
    assert fused_float32(3e38, 10.0, 0.0) == math.inf
