import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import OptionError
from chainrule.training.textbook.names import example_names
from chainrule.training.textbook.source import read_source

SMALL = """\
inputs = [[1.0, 2.0]]
targets = [[0.5]]
loss = "mse"
optimizer = { name = "sgd", lr = 0.1 }

[[layers]]
activation = "tanh"
weight = [[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]]
bias = [0.0, 0.0, 0.0]

[[layers]]
weight = [[1.0], [2.0], [3.0]]
bias = [0.5]
"""


@pytest.fixture
def small(tmp_path):
    def write(old="", new=""):
        assert old in SMALL
        (tmp_path / "small.toml").write_text(SMALL.replace(old, new, 1) if old else SMALL)
        return tmp_path / "small.toml"

    return write


def test_the_classic_worked_example_in_all_its_digits():
    example = cr.load_example("mazur")
    state, loss = example.step(example.state, *example.batch)
    new = [f"{number:.9f}" for path in ("hidden.weight", "output.weight") for number in state.params[path].T.ravel()]
    assert f"{loss:.9f}" == "0.298371109"
    assert new[:4] == ["0.149780716", "0.199561432", "0.249751144", "0.299502287"]
    assert new[4:] == ["0.358916480", "0.408666186", "0.511301270", "0.561370121"]
    assert np.array_equal(state.params["hidden.bias"], [0.35, 0.35])
    assert f"{example.step(state, *example.batch)[1]:.9f}" == "0.291027774"


def test_the_bundled_examples():
    assert set(example_names()) >= {"cross_entropy", "mazur", "squared_error"}
    for name in example_names():
        example = cr.load_example(name)
        before = example.state
        state, loss = example.step(example.state, *example.batch)
        assert loss > example.step(state, *example.batch)[1]
        assert example.title
        assert before.count == 0
    assert len(cr.load_example("squared_error").x) == 2
    assert cr.load_example("cross_entropy").y.tolist() == [1]


def test_a_file_of_ones_own_equals_the_same_network_in_python(small):
    example = cr.load_example(small())
    assert list(example.network.layers) == ["hidden_1", "output"]
    x, y = example.batch
    hidden = np.tanh(x @ np.array([[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]]))
    loss = float(((hidden @ np.array([[1.0], [2.0], [3.0]]) + 0.5 - y) ** 2).mean())
    assert example.step(example.state, x, y)[1] == pytest.approx(loss, rel=1e-14)


def test_drawn_weights_layers_without_bias_and_options(small):
    path = small("weight = [[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]]\nbias = [0.0, 0.0, 0.0]", "units = 3\nbias = false")
    one, other = cr.load_example(path), cr.load_example(path)
    assert np.array_equal(one.params["hidden_1.weight"], other.params["hidden_1.weight"])
    assert "hidden_1.bias" not in one.params
    huber = cr.load_example(small('loss = "mse"', 'loss = { name = "huber", delta = 0.5 }'))
    assert huber.loss_name == "huber"
    single = cr.load_example(small('loss = "mse"', 'loss = "mse"\ndtype = "float32"'))
    assert single.state.params["output.weight"].dtype == "float32"


def test_probabilities_are_targets_too(small):
    path = small()
    text = (
        SMALL.replace('"mse"', '"cross_entropy"')
        .replace("[[0.5]]", "[[0.2, 0.8]]")
        .replace("[1.0], [2.0], [3.0]", "[1, 0], [2, 1], [3, 0]")
    )
    path.write_text(text.replace("bias = [0.5]", "bias = [0.5, 0.0]"))
    assert cr.load_example(path).y.shape == (1, 2)


def test_rows_of_an_example():
    example = cr.load_example("squared_error")
    assert example.rows(1).x.tolist() == [[1.0, 0.25]]
    assert example.rows([1, 0]).y.tolist() == [[-0.5], [1.0]]
    with pytest.raises(OptionError, match=r"row=2: squared_error has 2 rows, 0 to 1\."):
        example.rows(2)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("targets", "tragets", r"small\.toml, line 2: tragets is not known; there are .* Did you mean 'targets'\?"),
        ("bias = [0.5]", "bais = [0.5]", r"line 13: layer 2, bais is not known; .* Did you mean 'bias'\?"),
        ("[[1.0, 2.0]]", "[[1.0, 2.0], [1.0]]", r"line 1: inputs has rows of different lengths \(2, 1\)\."),
        ("[[1.0, 2.0]]", "[[1.0, 2.0, 3.0]]", r"line 8: layer 1, weight is 2 × 3 and must have 3 rows, .*: the inputs have 3\."),
        ("[1.0], [2.0], [3.0]", "[1.0], [2.0]", r"line 12: layer 2, weight is 2 × 1 and must have 3 rows, .*: hidden_1 has 3\."),
        (
            "weight = [[1.0], [2.0], [3.0]]",
            "weight_by_unit = [[1.0, 2.0]]",
            r"layer 2, weight_by_unit is 1 × 2 and must have rows of 3 numbers",
        ),
        ("bias = [0.5]", "bias = [0.5, 0.1]", r"line 13: layer 2, bias has 2 numbers for 1 unit\."),
        ("bias = [0.5]", 'bias = ["a"]', r"line 13: layer 2, bias must be a list of numbers"),
        ("bias = [0.5]", "bias = [nan]", r"layer 2, bias holds a number that is not finite\."),
        ("weight = [[1.0], [2.0], [3.0]]\n", "", r"line 11: layer 2, weight is missing; .* units for drawn weights\."),
        ("[[0.5]]", "[[0.5, 0.5]]", r"line 2: targets has rows of 2 numbers, and the network has 1 outputs\."),
        ("[[0.5]]", "[[0.5], [0.1]]", r"line 2: targets has 2 rows, and inputs has 1\."),
        ("inputs = [[1.0, 2.0]]\n", "", r"small\.toml: inputs is missing"),
        ('"mse"', '"msee"', r"line 3: loss 'msee' is not known; .* Did you mean 'mse'\?"),
        ("lr = 0.1", "rate = 0.1", r"line 4: optimizer 'sgd' has no option 'rate'; there are lr"),
        ("lr = 0.1", "lr = -1", r"line 4: the learning rate is -1"),
        ('"tanh"', '"tahn"', r"line 7: layer 1: 'tahn' is not an activation; .* Did you mean 'tanh'\?"),
        ('loss = "mse"', 'loss = "mse"\nfrozen = ["hiden.*"]', r"line 4: frozen='hiden\.\*' is not the path"),
        ('loss = "mse"', 'loss = "mse"\ninput_names = ["a"]', r"line 4: input_names has 1 names for 2 inputs\."),
        ('loss = "mse"', 'loss = "mse"\ndtype = "float16"', r"line 4: the dtype of parameters is 'float16'"),
        ("[[layers]]", "[layers]", r"is not TOML: .*line"),
        ("lr = 0.1", "lr = ", r"is not TOML: .*line 4"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(small, old, new, message):
    with pytest.raises(OptionError, match=message):
        cr.load_example(small(old, new))


def test_names_of_classes_and_unknown_examples(small):
    with pytest.raises(OptionError, match=r"there is no example 'mazurr': .* Did you mean 'mazur'\?"):
        cr.load_example("mazurr")
    path = small()
    path.write_text(SMALL.replace('"mse"', '"cross_entropy"').replace("[[0.5]]", '["blu"]') + "\n")
    with pytest.raises(OptionError, match=r"line 2: targets has 'blu', and classes are 0 to 0\."):
        cr.load_example(path)
    with pytest.raises(OptionError, match="cannot be read"):
        read_source(path.parent, "folder")
