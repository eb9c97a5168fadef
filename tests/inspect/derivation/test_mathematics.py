import re
import warnings
import xml.etree.ElementTree as ET

import numpy as np
import pytest

import chainrule as cr
from chainrule import losses, nn, optim
from chainrule.inspect import trace_example, trace_training_step
from chainrule.inspect.derivation.mathematics import latex, mathml
from chainrule.inspect.expansion.mathematics import expansions_mathml
from chainrule.inspect.step.documents import html_page, latex_document
from chainrule.inspect.step.drawing import Drawing
from chainrule.inspect.step.text import StepText
from chainrule.training.textbook.names import example_names


@pytest.mark.parametrize("seed", range(10))
def test_the_derivation_of_every_weight_of_a_small_network_is_the_engines_gradient(seed):
    generator = np.random.default_rng(seed)
    widths = [int(width) for width in generator.integers(1, 5, 2)]
    loss = (losses.half_squared_error, losses.cross_entropy, losses.mse)[seed % 3]
    network = nn.mlp(3, widths, 2, activation=("tanh", "sigmoid", "silu")[seed % 3])
    step = cr.training_step(network, loss, optim.sgd(0.1), dtype="float64")
    rows = 1 + seed % 3
    y = generator.integers(0, 2, rows) if loss is losses.cross_entropy else generator.normal(size=(rows, 2))
    trace = trace_training_step(step, step.init(seed=seed), (generator.normal(size=(rows, 3)), y))
    for path in trace.trainable:
        for index in np.ndindex(trace.value(path).shape):
            found = trace.derive(path, *index)
            assert abs(found.total - found.gradient) <= 1e-13
            assert abs(found.exact - found.gradient) <= 1e-13
            assert abs(found.finite_difference - found.gradient) <= 1e-8
            paths, reused = found.multiplications
            assert 0 <= reused <= paths


@pytest.mark.parametrize("name", example_names())
def test_mathml_is_well_formed_and_latex_balanced(name):
    trace = trace_example(cr.load_example(name))
    path = next(iter(trace.trainable))
    derivation = trace.derive(path, 0, 0)
    for part in re.findall(r"<math.*?</math>", mathml(trace, derivation) + expansions_mathml(trace.expanded()), re.S):
        ET.fromstring(part)
    written = latex(trace, derivation) + latex_document(trace, expanded=trace.expanded())
    assert written.count("{") - written.count("\\{") == written.count("}") - written.count("\\}")
    assert written.count("\\begin") == written.count("\\end")
    assert written.count("\\left(") == written.count("\\right)")
    assert "−" not in written
    assert "{d\\_" not in written


def test_mathml_and_latex_can_be_set():
    """By a typesetter without a browser; tools/mathematics.mjs does it in one."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it reads its fonts in a way that Python does not like any more
        import ziamath
    trace = trace_example(cr.load_example("cross_entropy"))
    derivation = trace.derive(next(iter(trace.trainable)), 0, 0, expand=True)
    parts = re.findall(r"<math.*?</math>", mathml(trace, derivation) + expansions_mathml(derivation.expanded), re.S)
    formulas = [ziamath.Math(ET.fromstring(part)) for part in parts]
    formulas += [ziamath.Latex(part) for part in re.findall(r"\\\[(.*?)\\\]", latex(trace, derivation), re.S)]
    assert len(formulas) == 4 + sum(1 + len(expansion.inside) for expansion in derivation.expanded.expansions)
    for formula in formulas:
        wide, high = formula.getsize()
        assert wide > 100
        assert high > 30


def test_numbers_and_signs_of_the_worked_example():
    trace = trace_example(cr.load_example("mazur"))
    written = latex(trace, trace.derive("hidden.weight", "i1", 0))
    assert "+ \\left(-0.217072\\right) \\cdot 0.17551" in written
    assert "&= 0.000438568" in written
    assert "\\frac{\\partial L}{\\partial \\mathrm{hidden.weight}_{\\text{i1,0}}}" in written


def test_the_update_changes_the_loss_as_predicted():
    trace = trace_example(cr.load_example("mazur"))
    alone, every = trace.derive("hidden.weight", "i1", 0).changes
    assert alone.actual == pytest.approx(alone.predicted, rel=1e-4)
    assert every.actual == pytest.approx(0.291027774 - 0.298371109, abs=2e-9)
    assert every.predicted == pytest.approx(every.actual, rel=0.01)


def test_multiplications_are_counted():
    found = trace_example(cr.load_example("mazur")).derive("hidden.weight", "i1", 0)
    assert found.count == 2
    assert found.multiplications == (8, 6)  # two paths of five factors; σ' twice, two weights, σ', the input


@pytest.mark.parametrize("name", example_names())
def test_the_picture_and_the_page_are_whole(name):
    trace = trace_example(cr.load_example(name))
    picture = ET.fromstring(Drawing(trace).svg())
    circles = picture.findall(".//{http://www.w3.org/2000/svg}circle")
    assert len(circles) == sum(layer.inputs for layer in [next(iter(cr.load_example(name).network.layers.values()))]) + sum(
        layer.outputs for layer in cr.load_example(name).network.layers.values()
    )
    page = html_page(trace, "Step <1>", StepText(trace).lines(100))
    assert "<h1>Step &lt;1&gt;</h1>" in page
    assert not re.search(r"(src|href)=|https?://(?!www\.w3\.org)", page)
    for part in re.findall(r"<math.*?</math>", page, re.S):
        ET.fromstring(part)
