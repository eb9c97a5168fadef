"""Composites in primitives: the product of local derivatives is the fused rule, every local derivative is what its formula says."""

import re
from functools import partial

import numpy as np
import pytest
from ops.derivatives import draw, norm_wise
from ops.test_derivatives import CASES

import chainrule as cr
from chainrule import losses, nn, ops, optim
from chainrule.backends.reference import evaluate
from chainrule.inspect import trace_example, trace_step, trace_training_step
from chainrule.inspect.expansion.expansion import Expansion
from chainrule.inspect.expansion.of_step import expansions
from chainrule.inspect.expansion.text import ExpansionText
from chainrule.inspect.expansion.textbook import TEXTBOOK
from chainrule.inspect.reading.notation import Call, Leaf, Numbers, Total, numeric, symbolic
from chainrule.inspect.step.text import StepText
from chainrule.inspect.step.wording import Wording
from chainrule.ops import OPERATIONS
from chainrule.transforms import expand, reverse

COMPOSITES = [case for case in CASES if OPERATIONS[case.operation].definition is not None and case.operation != "one_hot"]


def traced(network, loss=losses.mse, rows=1, seed=0, weights=False, params=None, **options):
    step = cr.training_step(network, loss, optim.sgd(0.1), dtype="float64", **({"params": params} if params else {}), **options)
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(rows, 3))
    classes = step.signature.y.dtype == "int64"
    y = generator.integers(0, 3, rows) if classes else generator.uniform(0.1, 0.9, size=(rows, 3))
    batch = (x, y, generator.uniform(0.5, 2, rows)) if weights else (x, y)
    return trace_training_step(step, step.init(seed=seed), batch, output_names=["a", "b", "c"])


def every(value, shape):
    return list(np.ndindex(shape))


def with_inside(found):
    for expansion in found:
        yield expansion
        yield from with_inside(expansion.inside)


def check(trace, expected):
    """Every expansion of a step is equal to the engine's rule, and each of its numbers is what its own formula comes to."""
    found = list(with_inside(trace.expansions))
    assert found
    assert expected <= {expansion.title.partition("(")[0] for expansion in found}
    for expansion in found:
        assert expansion.is_equal, expansion.verdict
        assert expansion.largest_difference <= 1e-12
        assert expansion.verdict.startswith("Equal: ")
        for both in expansion.compared(every):
            assert abs(both.difference) <= 1e-12
        told = list(expansion.forward(every))
        for partials, whole in expansion.backward(every):
            told += [*partials, whole]
        for one in told:
            assert float(one.node.number) == pytest.approx(value_of(one.node), rel=1e-12, abs=1e-15), one.name
    return found


def value_of(node):
    """Compute a calculation anew from its leaves."""
    if isinstance(node, Leaf):
        return float(node.number)
    if isinstance(node, Total):
        terms = (np.prod([value_of(part) for part in node.term(i)]) for i in range(len(node.terms)))
        return float(sum(terms) + sum(value_of(part) for part in node.added))
    operands = [value_of(operand) for operand in node.operands]
    if node.equation.op.name == "where":
        return operands[1] if operands[0] else operands[2]
    assert isinstance(node, Call)
    return float(node.equation.op.meaning(*map(np.float64, operands), **node.equation.attributes))


@pytest.mark.parametrize("case", COMPOSITES, ids=str)
def test_textbooks_and_definitions_mean_the_same(case):
    program = ops.trace(lambda *operands: OPERATIONS[case.operation](*operands, **case.attributes), *case.types)
    written = expand(program, TEXTBOOK)
    assert not any(equation.op.definition for equation in written.equations)
    wrt = [port.name for port in program.inputs if port.type.is_float]
    generator = np.random.default_rng(0)
    given = case.options["given"] or {}
    arrays = {
        port.name: np.resize(np.asarray(given[n], port.type.dtype), draw(port.type, 3, generator).shape)
        if n in given
        else draw(port.type, 3, generator, (0.05, 0.95))
        for n, port in enumerate(program.inputs)
    }
    np.testing.assert_allclose(evaluate(written, arrays)["out"], evaluate(program, arrays)["out"], rtol=1e-13)
    arrays["u"] = draw(program.output("out").type, 3, generator)
    ours, theirs = (evaluate(reverse(p, wrt, of="out", cotangent="u"), arrays) for p in (written, program))
    assert max(norm_wise(ours[f"d_{name}"], theirs[f"d_{name}"]) for name in wrt) <= 1e-12


@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "elu", "selu", "gelu", "silu", "softplus", "mish", "softsign"])
def test_every_activation(activation):
    check(traced(nn.mlp(3, [4, 2], 3, activation=activation), rows=2, seed=5), {activation})


def test_a_composite_in_a_composite_is_written_out_in_its_turn():
    found = check(traced(nn.mlp(3, [2], 3, activation="mish")), {"mish", "softplus"})
    assert [one.title for one in found] == ["", "mish(hidden_1.sum)", "softplus(hidden_1.sum)"]


@pytest.mark.parametrize("function", ["softmax", "log_softmax", "log_sum_exp"])
def test_rows_inside_of_a_network(function):
    inner = {
        "softmax": lambda z: ops.softmax(z),
        "log_softmax": lambda z: ops.log_softmax(z),
        "log_sum_exp": lambda z: ops.reshape(ops.log_sum_exp(z), shape=(*z.shape[:-1], 1)) * z,
    }[function]
    params = {"a": np.random.default_rng(1).normal(size=(3, 3)), "b": np.random.default_rng(2).normal(size=(3, 3))}
    trace = traced(lambda p, x: inner(x @ p["a"]) @ p["b"], params=params, rows=2, x="f64[B,3]")
    check(trace, {function})


SMOOTH = partial(losses.cross_entropy, label_smoothing=0.1, class_weights=[1.0, 2.0, 0.5])
LOSSES = {
    "mse": (losses.mse, set()),
    "half_squared_error": (losses.half_squared_error, set()),
    "mae": (losses.mae, set()),
    "huber": (partial(losses.huber, delta=0.3), set()),
    "pinball": (partial(losses.pinball, quantile=[0.1, 0.5, 0.9]), set()),
    "poisson": (losses.poisson, set()),
    "cross_entropy": (losses.cross_entropy, {"cross_entropy", "softmax"}),
    "smoothed, with weights of classes": (SMOOTH, {"softmax"}),
    "binary_cross_entropy": (losses.binary_cross_entropy, {"binary_cross_entropy"}),
}


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("name", LOSSES)
def test_every_loss(name, rows):
    loss, expected = LOSSES[name]
    options = {"y": "i64[B]"} if "smoothed" in name else {}
    check(traced(nn.mlp(3, [3], 3, activation="tanh"), loss, rows=rows, seed=2, **options), expected)


def test_every_loss_of_the_library_is_among_them():
    assert losses.LOSSES.keys() <= LOSSES.keys()


def test_weights_of_rows_a_penalty_and_a_way_around():
    square = lambda p, rows: 0.1 * ops.sum(p["hidden_1.weight"] * p["hidden_1.weight"])  # noqa: E731 - an argument
    check(traced(nn.mlp(3, [3], 3, activation="silu"), losses.cross_entropy, rows=3, weights=True, penalty=square), {"silu"})
    params = {"a": np.random.default_rng(1).normal(size=(3, 3)), "b": np.random.default_rng(2).normal(size=(3, 3))}
    around = lambda p, x: ops.gelu(x @ p["a"]) @ p["b"] + (x @ p["a"]) @ p["b"]  # noqa: E731 - an argument
    found = check(traced(around, params=params, x="f64[B,3]"), {"gelu"})
    assert found[-1].fused.whose == "the fused rule"  # the engine has only the sum over both ways


def test_softmax_and_cross_entropy_as_in_a_lecture():
    trace = trace_example(cr.load_example("cross_entropy"))
    loss = trace.expansions[0]
    z = trace.recording.values[trace.prediction][0]
    p = np.exp(z) / np.exp(z).sum()
    assert dict(loss.definitions()) == {"p": "softmax(output.output)", "row_loss": "−log(p)", "loss": "row_loss / B"}
    ((value, source, names, matrix),) = loss.jacobians(0, 10)
    assert (value, source, names) == ("p", "output.output", ["red", "green", "blue"])
    np.testing.assert_allclose(matrix, np.diag(p) - np.outer(p, p), rtol=1e-14)
    ((general, node),) = loss.in_general()
    assert f"{general} = {symbolic(node, by_name=True)}" == "∂p[j]/∂output.output[i] = p[i] · ([i = j] − p[j])"
    told = {one.name: symbolic(one.node, by_name=True) for parts, whole in loss.backward(every) for one in (*parts, whole)}
    assert told["∂row_loss/∂p[green]"] == "−1 / p[green]"
    assert "∂row_loss/∂p[red]" not in told  # the loss reads the probability of the truth alone
    assert told["∂p[green]/∂output.output[green]"] == "p[green] · (1 − p[green])"
    assert told["∂p[green]/∂output.output[red]"] == "−p[red] · p[green]"
    assert told["∂loss/∂output.output[red]"] == "∂loss/∂p[green] · ∂p[green]/∂output.output[red]"
    fused = [both.fused for both in loss.compared(every)]
    np.testing.assert_allclose(fused, p - np.eye(3)[1], rtol=1e-14)
    softmax = loss.inside[0]
    assert dict(softmax.definitions()) == {"powers": "exp(output.output)", "total": "sum(powers)", "p": "powers / total"}
    assert softmax.fused.formula == "p · (∂loss/∂p − (sum(∂loss/∂p · p)))"


def test_numbers_that_are_not_finite_say_why_there_is_a_fused_rule():
    network = nn.mlp(3, [], 3)
    step = cr.training_step(network, losses.cross_entropy, optim.sgd(0.1), dtype="float64")
    state = step.init(params={"output.weight": np.diag([1e3, -1e3, 1.0]), "output.bias": np.zeros(3)})
    trace = trace_training_step(step, state, (np.ones((1, 3)), np.array([1])))
    loss = trace.expansions[0]
    assert all(np.isfinite(both.fused) for both in loss.compared(every))
    assert not loss.is_equal
    assert "comes to no finite number" in loss.verdict
    assert list(ExpansionText(Wording(trace)).lines(trace.expansions, 80))


def test_a_rule_that_is_wrong_is_said_to_be():
    trace = traced(nn.mlp(3, [3], 3, activation="tanh"), losses.cross_entropy)
    rule = trace.expansions[0].fused
    (value,) = rule.slopes
    rule.slopes[value] = rule.slopes[value] * (1 + 1e-9)
    found: Expansion = trace.expansions[0]
    found.__dict__.pop("largest_difference", None)
    assert not found.is_equal
    assert found.verdict.startswith("Not equal: the two ways to these 3 numbers differ by up to ")


def test_float32_is_compared_to_its_own_rounding(wide):
    trace = trace_step(wide, "digits", 3)
    for expansion in with_inside(trace.expansions):
        assert expansion.is_equal, expansion.verdict
    assert "rounding of float32" in trace.expansions[0].verdict or "last bit" in trace.expansions[0].verdict


@pytest.mark.parametrize("network", [nn.mlp(3, [3, 2], 3, activation="gelu"), nn.mlp(3, [4], 3, activation="relu")], ids=["gelu", "relu"])
def test_the_gradient_of_every_weight_through_all_primitives(network):
    trace = traced(network, losses.cross_entropy, rows=2, seed=3)
    for path in trace.trainable:
        for index in np.ndindex(trace.value(path).shape):
            found = trace.derive(path, *index, expand=True)
            assert found.in_primitives == pytest.approx(found.gradient, abs=1e-12)
            layers = [one.layer for one in found.expanded.expansions]
            assert layers == {"hidden_1": trace_layers(network), "hidden_2": ["", "hidden_2"], "output": [""]}[path.partition(".")[0]]
            if path.startswith("hidden_1"):
                assert found.expanded.selection.units["hidden_1"] == (index[-1],)
    assert trace.derive("output.bias", 0).expanded is None


def trace_layers(network):
    return ["", *reversed([name for name in network.layers if name.startswith("hidden")])]


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize("rows", [1, 4])
def test_the_text_fits_its_window(width, rows):
    trace = traced(nn.mlp(3, [12], 3, activation="mish"), losses.cross_entropy, rows=rows)
    text = "\n".join(line.plain for line in StepText(trace, expand=True).lines(width))
    text = text[text.index("In primitives") - 3 :]
    assert max(map(len, text.splitlines())) <= width
    assert ("∂p[j] by output" in text) == (width > 60)
    assert ("row 0 of 4" in text) == (rows == 4)
    assert "3 of 12 units" in text


def test_a_calculation_in_numbers_comes_to_its_result():
    trace = trace_example(cr.load_example("cross_entropy"))
    for expansion in with_inside(trace.expansions):
        for _, whole in expansion.backward(every):
            written = numeric(whole.node, Numbers(17)).replace("−", "-").replace("·", "*")
            if re.fullmatch(r"[\d.e+* ()-]+", written):
                assert eval(written) == pytest.approx(float(whole.node.number), rel=1e-14)


def test_nothing_to_write_out_is_said():
    params = {"a": np.ones((3, 3))}
    trace = traced(lambda p, x: x @ p["a"], params=params, x="f64[B,3]")
    assert len(list(expansions(trace))) == 1  # the loss
    lines = [getattr(part, "text", "") for part in ExpansionText(Wording(trace)).lines([], 80)]
    assert "There is none in this step." in lines
