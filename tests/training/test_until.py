from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule.errors import OptionError
from chainrule.training.events import EpochEnded, History
from chainrule.training.until import names_in, until


def history(losses: list[float], accuracies: list[float] | None = None) -> History:
    rows = zip(losses, accuracies or [0.5] * len(losses), strict=True)
    return History(
        [EpochEnded(n, 4, loss, {"loss": 2 * loss, "accuracy": a}, 10.0 * n, 1e3, 1.0, True) for n, (loss, a) in enumerate(rows, 1)]
    )


THREE = history([0.9, 0.3, 0.4], [0.5, 0.9, 0.8])


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("accuracy >= 0.8", True),
        ("accuracy > 0.8", False),
        ("accuracy <= 0.8", True),
        ("accuracy < 0.8", False),
        ("accuracy == 0.8", True),
        ("accuracy != 0.8", False),
        ("0.7 < accuracy < 0.9", True),
        ("0.7 < accuracy < 0.75", False),
        ("loss == 0.4", True),
        ("valid_loss == 0.8", True),
        ("valid_accuracy == 0.8", True),
        ("epoch == 3", True),
        ("seconds == 30 and steps == 4 and rate_scale == 1", True),
        ("accuracy > 0.99 or epoch >= 3", True),
        ("accuracy > 0.99 and epoch >= 3", False),
        ("accuracy > 0.99 or loss > 1 or epoch == 3", True),
        ("not accuracy > 0.99", True),
        ("not (accuracy > 0.5 and epoch == 3)", False),
        ("valid_loss - loss > 0.39", True),
        ("valid_loss / loss == 2", True),
        ("loss * 2 + 0.2 == 1", True),
        ("-loss < -0.3", True),
        ("- -loss > 0", True),
        ("1e-3 < loss", True),
        ("best(accuracy) == 0.9", True),
        ("best(accuracy, 1) == 0.8", True),
        ("least(loss) == 0.3 and least(loss, 1) == 0.4", True),
        ("mean(loss, 2) == 0.35", True),
        ("mean(loss) > 0.53 and mean(loss) < 0.54", True),
        ("mean(loss, 100) == mean(loss)", True),
        ("change(loss, 1) < 0.11", True),
        ("change(loss, 2) == 0.5", True),
        ("change(loss, 3) > 1e300", True),  # there is nothing to compare with yet
        ("loss / 0 > 1", False),
        ("1 / (epoch - 3) < 1e9", False),
        ("  accuracy >= 0.8\n", True),
    ],
)
def test_conditions(condition: str, holds: bool) -> None:
    assert until(condition)(THREE) is holds


def test_before_the_first_epoch_nothing_is_good_enough() -> None:
    assert until("loss < 1e9")(History()) is False


@pytest.mark.parametrize(
    "condition",
    [
        "",
        "accuracy",
        "1",
        "True",
        "accuracy >",
        "accuracy >= 0.97 and",
        "accuracy = 1",
        "accuracy => 1",
        "(loss := 3) < 4",
        "__import__('os').system('true')",
        "__import__('os').system('true') == 0",
        "loss.__class__ == 1",
        "loss.real > 0",
        "loss[0] > 0",
        "9 ** 9 ** 9 > loss",
        "loss ** 2 > 1",
        "1 << 999999 > loss",
        "10 % 3 > loss",
        "loss // 1 > 0",
        "'a' * 10 > loss",
        "'a' > loss",
        "b'a' > loss",
        "None > loss",
        "True > loss",
        "... > loss",
        "1j > loss",
        "9e999 > loss",
        "1" + "0" * 400 + " > loss",
        "[1] > loss",
        "{1: 2} > loss",
        "(lambda: 1)() > loss",
        "[x for x in (1,)] > loss",
        "loss if loss else loss > 1",
        "loss in (1, 2)",
        "loss is 1",
        "f'{loss}' > loss",
        "open('x') > loss",
        "max(loss) > 1",
        "best(loss)(1) > 1",
        "best(0.5) > 1",
        "best(best(loss)) > 1",
        "best() > 1",
        "best(loss, 0) > 1",
        "best(loss, -1) > 1",
        "best(loss, 1.5) > 1",
        "best(loss, True) > 1",
        "best(loss, 1, 2) > 1",
        "best(loss, n=1) > 1",
        "best(*loss) > 1",
        "await loss > 1",
        "loss < 1; loss > 1",
        "loss < 1\nloss > 1",
        "import os",
        "loss < 1 # \0",
        "\0",
        "(" * 300 + "loss" + ")" * 300 + " > 1",
        "-" * 100_000 + "1 > loss",
        "not " * 100_000 + "loss > 1",
        "+".join(["1"] * 100_000) + " > loss",
        "1" * 100_000 + " > loss",
    ],
)
def test_anything_else_is_refused(condition: str) -> None:
    with pytest.raises(OptionError, match=r"^until=['\"].*['\"] cannot be read; write it like 'accuracy >= 0.97'") as caught:
        until(condition)
    assert len(str(caught.value)) < 300


@given(st.text(alphabet="losacurye <>=!0123.()+-*/,_'\n\\[]{}:;andortif", max_size=60))
def test_a_text_is_a_condition_or_refused(text: str) -> None:
    try:
        predicate = until(text)
    except OptionError:
        return
    try:
        assert predicate(THREE) in (True, False)
    except OptionError as error:
        assert "until speaks of" in str(error)


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(OptionError, match=r"speaks of 'acuracy'; known are epoch, .*accuracy.* Did you mean 'accuracy'\?"):
        until("acuracy > 0.5")(THREE)


def test_what_is_not_a_number_satisfies_nothing() -> None:
    assert not until("loss < 1 or loss >= 1")(history([math.nan]))


@pytest.mark.parametrize("length", [100, 240, 480])
def test_a_long_condition_is_evaluated(length: int) -> None:
    assert until("-" * (2 * (length // 2)) + "1 > 0")(THREE)


def test_the_names_that_a_condition_speaks_of() -> None:
    assert names_in("accuracy > 0.5 and valid_loss < 1") == {"accuracy", "valid_loss"}
    assert names_in(" best(f1, 3) > 0.5") - {"best"} == {"f1"}
