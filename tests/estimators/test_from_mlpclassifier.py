"""The page for users of scikit-learn's own networks: its tables are complete."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest
from sklearn.neural_network import MLPClassifier, MLPRegressor

from chainrule.estimators import NeuralNetworkClassifier, NeuralNetworkRegressor

PAGE = (Path(__file__).parents[2] / "docs" / "from-mlpclassifier.md").read_text(encoding="utf-8")
PARAMETERS, ATTRIBUTES = (
    [line for line in PAGE.partition(f"## {title}")[2].partition("\n## ")[0].splitlines() if line.startswith("| `")]
    for title in ("Parameters", "Attributes")
)


def cells(row: str) -> list[str]:
    return [cell.strip() for cell in row.strip("|").split(" | ")]


@pytest.mark.parametrize("theirs", [MLPClassifier, MLPRegressor])
def test_every_parameter_is_mapped_with_its_default(theirs) -> None:
    mapped = {cells(row)[0] for row in PARAMETERS}
    for name, parameter in inspect.signature(theirs).parameters.items():
        default = str(parameter.default) if not isinstance(parameter.default, str) else f'"{parameter.default}"'
        assert f"`{name}={default}`" in mapped or f"`{name}` (regressor)" in mapped


@pytest.mark.parametrize("theirs", [MLPClassifier, MLPRegressor])
def test_every_attribute_is_mapped(theirs) -> None:
    documented = re.findall(r"^    (\w+_) : ", theirs.__doc__, re.MULTILINE)
    assert len(documented) > 10
    assert {f"`{name}`" for name in documented} <= {cells(row)[0] for row in ATTRIBUTES}


@pytest.mark.parametrize("theirs", [MLPClassifier, MLPRegressor])
def test_every_parameter_is_pointed_to_ours(theirs) -> None:
    """The constructor names for each word of theirs the parameter that the page names, but for those that have none."""
    meant = {re.findall(r"\w+", cells(row)[0])[0]: re.findall(r"^`(\w+)", cells(row)[1]) for row in PARAMETERS}
    meant["learning_rate"] = ["lr"]  # which it is in all other libraries
    ours = NeuralNetworkClassifier if theirs is MLPClassifier else NeuralNetworkRegressor
    others = inspect.signature(theirs).parameters.keys() - inspect.signature(ours).parameters.keys()
    for name in others - {"shuffle", "max_fun"}:
        with pytest.raises(TypeError, match=f"{ours.__name__} has no parameter '{name}'. Did you mean '{meant[name][0]}'"):
            ours(**{name: 1})


def test_all_unknown_parameters_are_told_at_once() -> None:
    with pytest.raises(
        TypeError, match=r"no parameter 'max_iter'. Did you mean 'epochs'\? NeuralNetworkClassifier .* 'droput'. .* 'dropout'\?"
    ):
        NeuralNetworkClassifier(max_iter=200, droput=0.1)


def test_every_default_of_ours_is_true() -> None:
    ours = inspect.signature(NeuralNetworkClassifier).parameters
    for row in PARAMETERS:
        for name, value in re.findall(r"^`(\w+)=([^`(]+|\([^`]*\))`$", cells(row)[1]):
            if name != "optimizer" or value == '"adamw"':
                assert repr(ours[name].default).replace("'", '"') == value, name


def test_our_own_parameters_are_named() -> None:
    for name in {*inspect.signature(NeuralNetworkClassifier).parameters, *inspect.signature(NeuralNetworkRegressor).parameters}:
        assert f"`{name}" in PAGE, name
