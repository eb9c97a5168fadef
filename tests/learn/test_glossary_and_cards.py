"""The glossary and the flash cards: found by any of their names, whole in themselves."""

from __future__ import annotations

import pytest

from chainrule.errors import OptionError
from chainrule.learn.flash_cards import flash_cards
from chainrule.learn.glossary import find_term, glossary


@pytest.mark.parametrize("name", ["backpropagation", "Backprop", "BACK-PROPAGATION", "activation functions", "backward_pass"])
def test_a_term_is_found_by_any_spelling(name):
    assert find_term(name).name in ("backpropagation", "activation function", "backward pass")


def test_an_unknown_term_is_answered_by_the_nearest():
    with pytest.raises(OptionError, match=r"no term 'bakpropagation'. Nearest: backpropagation"):
        find_term("bakpropagation")
    with pytest.raises(OptionError, match=r"no term 'zebra'. `chainrule glossary` lists all"):
        find_term("zebra")


def test_no_name_means_two_terms():
    names = [name.casefold() for term in glossary() for name in term.names]
    assert len(names) == len(set(names))


def test_cards_have_ids_of_their_own_and_belong_to_chapters():
    ids = [card.id for card in flash_cards()]
    assert len(ids) == len(set(ids))
    assert {card.chapter for card in flash_cards()} <= set(range(1, 7))
