"""How people write numbers, choices and orders; what is unclear is asked for again in one sentence."""

from __future__ import annotations

import pytest

from chainrule.errors import AnswerError
from chainrule.learn.practice.answers import read_number, read_option, read_order


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("0.25", 0.25),
        (" .25 ", 0.25),
        ("5.", 5.0),
        ("0,25", 0.25),
        ("-0,25", -0.25),
        ("−0.25", -0.25),  # the minus sign of typography
        ("–0.25", -0.25),
        ("- 0.25", -0.25),
        ("+3", 3.0),
        ("1/3", 1 / 3),
        ("−1/3", -1 / 3),
        ("1 / 4", 0.25),
        ("3/-4", -0.75),
        ("0,5/2", 0.25),
        ("½", 0.5),
        ("-¾", -0.75),
        ("2.5e-1", 0.25),
        ("2,5E−1", 0.25),
        ("2.5·10^-1", 0.25),
        ("2.5×10⁻¹", 0.25),
        ("2.5*10**-1", 0.25),
        ("25%", 0.25),
        ("25 percent", 0.25),
        ("12,5 %", 0.125),
        ("= 0.25", 0.25),
        ("≈0.25", 0.25),
        ("1.234,5", 1234.5),
        ("1,234.5", 1234.5),
        ("12,3456", 12.3456),
        ("0,250", 0.25),
        ("-0", 0.0),
    ],
)
def test_a_number_in_many_forms(text, meant):
    assert read_number(text) == pytest.approx(meant, rel=1e-12)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("abc", "not a number"),
        ("", "not a number"),
        ("1,234", "1.234 or 1234"),
        ("1,234,567", "1234567"),
        ("1/0", "divides by 0"),
        ("1 1/2", "two ways"),
        ("1½", "two ways"),
        ("nan", "not a number"),
        ("inf", "not a number"),
        ("1e999", "no finite number"),
        ("0.1.2", "not a number"),
        ("1,2,3", "not a number"),
        ("1.2,3.4", "not a number"),
        ("--1", "not a number"),
        ("1/2/3", "not a number"),
        ("٣", "not a number"),  # read no digit that is not shown
        ("x" * 500, "…"),
    ],
)
def test_what_is_no_number_is_said_in_a_sentence(text, said):
    with pytest.raises(AnswerError, match=said) as told:
        read_number(text)
    assert len(str(told.value)) < 140


OPTIONS = ("mean squared error", "Huber's loss", "cross-entropy")


@pytest.mark.parametrize(("text", "meant"), [("2", 2), ("2)", 2), ("b", 2), ("B.", 2), ("hub", 2), ("Mean squared error", 1)])
def test_an_option_in_many_forms(text, meant):
    assert read_option(text, OPTIONS) == meant


@pytest.mark.parametrize("text", ["0", "4", "d", "", "softmax", "2 3", "²"])
def test_what_is_no_option(text):
    with pytest.raises(AnswerError, match="from 1 to 3"):
        read_option(text, OPTIONS)


@pytest.mark.parametrize("text", ["3 1 2", "3,1,2", "3, 1, 2", "3>1>2", "3 → 1 → 2", "312", "3-1-2"])
def test_an_order_in_many_forms(text):
    assert read_order(text, 3) == (3, 1, 2)


@pytest.mark.parametrize("text", ["", "3 1", "3 1 1", "1 2 3 4", "a b c", "3.1.2 x", "9999999999999999999999"])
def test_what_is_no_order(text):
    with pytest.raises(AnswerError, match="each number from 1 to 3 once"):
        read_order(text, 3)
