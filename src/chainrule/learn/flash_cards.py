"""The flash cards: a question on the front, its answer on the back."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from chainrule.learn.content_files import read_toml
from chainrule.learn.placeholders import render


@dataclass(frozen=True)
class FlashCard:
    """A card. ``id`` never changes, whatever the text becomes: progress is kept by it. ``chapter``: 1 to 6."""

    id: str
    chapter: int
    front: str
    back: str


@lru_cache(maxsize=1)
def flash_cards() -> tuple[FlashCard, ...]:
    """Return all cards, in the order of the chapters; their texts are Markdown of one paragraph."""
    return tuple(
        FlashCard(card["id"], card["chapter"], render(card["front"]), render(card["back"])) for card in read_toml("cards.toml")["card"]
    )
