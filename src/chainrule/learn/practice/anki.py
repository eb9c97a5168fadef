"""Cards and exercises as a text file that Anki imports: tab-separated, with the headers that say how it is meant.

(The format: docs.ankiweb.net, "Text Files", "File Headers".) A note has a GUID of its own, so that importing a later file updates it and
keeps what Anki knows of it.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from io import StringIO

from markdown_it import MarkdownIt

from chainrule.learn.flash_cards import FlashCard
from chainrule.learn.practice.exercise import Exercise
from chainrule.learn.practice.html import answer, body, slips

_HEADERS = ("#separator:tab", "#html:true", "#notetype:Basic", "#deck:Chainrule", "#guid column:1", "#tags column:4")
_STYLE = "<style>table{border-collapse:collapse;margin:.5em auto}td,th{border:1px solid;padding:.1em .6em}ol{text-align:left}</style>"


def anki_cards(cards: Iterable[FlashCard]) -> str:
    """Return the flash cards as a file for Anki."""
    markdown = MarkdownIt("commonmark")
    return _file(
        (f"chainrule-card-{card.id}", markdown.renderInline(card.front), markdown.renderInline(card.back), card.chapter) for card in cards
    )


def anki_exercises(exercises: Sequence[Exercise]) -> str:
    """Return exercises as a file for Anki: the question in front, and behind it the answer and what wrong ones tell."""
    return _file(
        (
            f"chainrule-{exercise.template}-{exercise.seed}",
            f"{_STYLE}{body(exercise)}",
            f"{answer(exercise)}{slips(exercise)}",
            exercise.chapter,
        )
        for exercise in exercises
    )


def _file(notes: Iterable[tuple[str, str, str, int]]) -> str:
    text = StringIO()
    writer = csv.writer(text, delimiter="\t", lineterminator="\n")
    for guid, front, back, chapter in notes:
        writer.writerow((guid, front, back, f"chainrule chainrule::chapter-{chapter}"))
    return "\n".join(_HEADERS) + "\n" + text.getvalue()
